"""The only place that reads the clock, and the words for time that people type."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

from .errors import BadInput

MINUTE, HOUR, DAY, WEEK = 60, 3_600, 86_400, 604_800
FOREVER = 1 << 40  # a due time that only an event can bring forward
_UNITS = {"s": 1, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}
_DURATION = re.compile(r"(-?)(\d+(?:\.\d+)?)\s*([smhdw])", re.ASCII)
_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_LONGEST_S = 36_525 * DAY
_EPOCH = re.compile(r"-?\d{9,11}(\.\d+)?", re.ASCII)
_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_799  # years 1 to 9999


def now() -> int:
    """The present moment, UTC seconds."""
    return int(time.time())


def monotonic() -> float:
    """Seconds for measuring how long something took."""
    return time.perf_counter()


def parse_duration(text: str | int) -> int:
    """Seconds of `30s`, `5m`, `36h`, `7d`, `2w`; `-7d` for an offset before. Raises BadInput."""
    match = _DURATION.fullmatch(str(text).strip())
    if not match:
        raise BadInput(f"{text!r} is not a duration: write a number and s, m, h, d or w, for example 2d")
    sign, number, unit = match.groups()
    seconds = float(number) * _UNITS[unit]
    if seconds > _LONGEST_S:
        raise BadInput(f"{text!r} is longer than 100 years")
    return int(seconds) * (-1 if sign else 1)


def say_duration(seconds: int) -> str:
    """The shortest exact form: 172800 is `2d`, 5400 is `90m`."""
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    for unit, size in (("w", WEEK), ("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if seconds and seconds % size == 0 and (unit != "w" or seconds > WEEK):
            return f"{sign}{seconds // size}{unit}"
    return f"{sign}{seconds}s"


def in_words(seconds: int) -> str:
    """A duration for a sentence: `2 days`, `1 hour`, `90 minutes`."""
    for word, size in (("day", DAY), ("hour", HOUR), ("minute", MINUTE)):
        if seconds and seconds % size == 0:
            count = seconds // size
            return f"{count} {word}{'' if count == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def parse_time_of_day(text: str) -> int:
    """Seconds of `21:00`. Raises BadInput."""
    found = _TIME_OF_DAY.fullmatch(str(text).strip())
    if not found:
        raise BadInput(f"{text!r} is not a time of day: write 09:00, from 00:00 to 23:59")
    return int(found[1]) * HOUR + int(found[2]) * MINUTE


def say_time_of_day(seconds: int) -> str:
    """`21:00`."""
    return f"{seconds // HOUR:02}:{seconds % HOUR // MINUTE:02}"


def parse_moment(text: str | int | float) -> int:
    """UTC seconds of ISO 8601 (without a zone: UTC) or epoch seconds. Raises BadInput."""
    word = str(text).strip()
    if isinstance(text, int | float) or _EPOCH.fullmatch(word):
        return _bounded(float(word), word)
    try:
        moment = datetime.fromisoformat(word)
    except ValueError:
        raise BadInput(f"{word!r} is not a moment: write 2026-03-01T09:00:00Z or epoch seconds") from None
    return _bounded((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), word)


def _bounded(seconds: float, word: str) -> int:
    if not _EARLIEST <= seconds < _LATEST + 1:  # also refuses what is no number
        raise BadInput(f"{word!r} lies outside the years 1 to 9999")
    return int(seconds)


def iso(seconds: int | None) -> str | None:
    """ISO 8601 in UTC, for output."""
    if seconds is None:
        return None
    return (datetime(1970, 1, 1) + timedelta(seconds=seconds)).isoformat() + "Z"

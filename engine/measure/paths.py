"""Conversion paths from files, and the credit that each channel gets from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..clock import DAY, parse_moment
from ..errors import BadInput
from ..lazy import pd
from .models import DIRECT, HALF_LIFE_S, Floats, Ints, Model, Touches, floats, shares

STEP_S = DAY  # a path file has no times: one step back counts as one day


@dataclass(frozen=True)
class Paths:
    """Touches with the channel of each, and per path how often it converted, for how much, and how often it did not.

    value is None when the file says nothing of money.
    """

    touches: Touches
    channel: Ints
    channels: list[str]
    conversions: Floats
    value: Floats | None
    nulls: Floats


@dataclass(frozen=True)
class Totals:
    """What there was to credit. untouched: converted without any touch."""

    paths: int
    conversions: float
    value: float | None
    nulls: float
    untouched_conversions: float
    untouched_value: float | None


def credit(paths: Paths, model: Model, half_life_s: float = HALF_LIFE_S) -> pd.DataFrame:
    """One row per channel: channel, conversions, value (None without money). They sum to what touched paths earned."""
    part = shares(model, paths.touches, half_life_s)
    return pd.DataFrame({
        "channel": paths.channels,
        "conversions": _by_channel(paths, part, paths.conversions),
        "value": None if paths.value is None else _by_channel(paths, part, paths.value),
    })


def totals(paths: Paths) -> Totals:
    """Sums over all paths, those without a touch apart."""
    bare = np.bincount(paths.touches.path, minlength=len(paths.conversions)) == 0
    value = paths.value
    return Totals(
        paths=len(paths.conversions),
        conversions=float(paths.conversions.sum()),
        value=None if value is None else float(value.sum()),
        nulls=float(paths.nulls.sum()),
        untouched_conversions=float(paths.conversions[bare].sum()),
        untouched_value=None if value is None else float(value[bare].sum()),
    )


def from_path_rows(frame: pd.DataFrame) -> Paths:
    """Columns path (`a > b > c`), conversions and, where known, value and nulls; all text.

    The index of the frame is the line of the file. Raises BadInput with the line.
    """
    _need(frame, ["path", "conversions"])
    steps = [[step for part in text.split(">") if (step := part.strip())] for text in frame["path"]]
    lengths = np.array([len(path) for path in steps], dtype=np.intp)
    path = np.repeat(np.arange(len(steps)), lengths)
    last = np.repeat(np.cumsum(lengths) - 1, lengths)
    age_s = floats((last - np.arange(len(path))) * STEP_S)
    value = _numbers(frame, "value") if "value" in frame else None
    nulls = _numbers(frame, "nulls") if "nulls" in frame else np.zeros(len(frame))
    return _paths(path, age_s, [step for steps_ in steps for step in steps_], _numbers(frame, "conversions"), value, nulls)


def from_touch_rows(frame: pd.DataFrame) -> Paths:
    """Columns contact, channel, at, conversion (0 or 1) and, where known, value: one row per touch; all text.

    A row with conversion 1 ends a path: its own channel is the last touch, an empty channel makes it no touch. What a
    contact does afterwards is a new path, one that ends without conversion is a null journey. Raises BadInput.
    """
    _need(frame, ["contact", "channel", "at", "conversion"])
    at = _moments(frame["at"])
    contact = pd.factorize(frame["contact"].str.strip())[0]
    order = np.lexsort((at, contact))  # stable: rows of one second stay in the order of the file
    won = _numbers(frame, "conversion")[order]
    channel = frame["channel"].str.strip().to_numpy()[order]
    path = _segments(contact[order], won)
    touched = channel != ""
    value = _numbers(frame, "value")[order] if "value" in frame else None
    return _paths(
        path[touched],
        _ages(path[touched], at[order][touched]),
        list(channel[touched]),
        floats(np.bincount(path, won)),
        None if value is None else floats(np.bincount(path, np.where(won > 0, value, 0.0))),
        floats(np.bincount(path, won) == 0),
    )


def _paths(path: Ints, age_s: Floats, names: list[str], conversions: Floats, value: Floats | None,
           nulls: Floats) -> Paths:
    codes, channels = pd.factorize(np.asarray(names, dtype=object), sort=True)
    direct = np.array([name.lower() in DIRECT for name in channels], dtype=bool)[codes] if names else np.zeros(0, bool)
    return Paths(Touches(path, age_s, direct), codes, [str(name) for name in channels], conversions, value, nulls)


def _by_channel(paths: Paths, part: Floats, earned: Floats) -> Floats:
    return floats(np.bincount(paths.channel, part * earned[paths.touches.path], minlength=len(paths.channels)))


def _segments(contact: Ints, won: Floats) -> Ints:
    """Path numbers: a new one with each contact and after each conversion."""
    starts = np.diff(contact, prepend=-1) != 0
    starts[1:] |= won[:-1] > 0
    return np.asarray(np.cumsum(starts) - 1, dtype=np.intp)


def _ages(path: Ints, at: npt.NDArray[np.int64]) -> Floats:
    if not len(path):
        return np.zeros(0)
    last = np.append(np.flatnonzero(np.diff(path)), len(path) - 1)
    ends = np.repeat(at[last], np.diff(last, prepend=-1))
    return floats(ends - at)


def _need(frame: pd.DataFrame, wanted: Sequence[str]) -> None:
    missing = [name for name in wanted if name not in frame]
    if missing:
        has = ", ".join(str(name) for name in frame.columns)
        raise BadInput(f"column {missing[0]} is missing: the file has {has}; name it with --map \"column={missing[0]}\"")
    if frame.empty:
        raise BadInput("the file has no rows")


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    """A column of numbers from zero up; an empty cell is 0."""
    text = frame[name].str.strip().replace("", "0")
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(dtype=float)
    bad = np.flatnonzero(~(np.isfinite(numbers) & (numbers >= 0)))
    if len(bad):
        raise BadInput(f"line {frame.index[bad[0]]}: {name} {frame[name].iloc[bad[0]]!r} is not a number from 0 up")
    return numbers


def _moments(column: pd.Series) -> npt.NDArray[np.int64]:
    """UTC seconds; each distinct text is read once."""
    known: dict[str, int] = {}
    for line, text in column.items():
        if text not in known:
            try:
                known[text] = parse_moment(text)
            except BadInput as error:
                raise BadInput(f"line {line}: at {error}") from None
    return np.asarray(column.map(known), dtype=np.int64)

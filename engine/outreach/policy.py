"""What the workspace and each journey say about how often and when people are written to: the words, read and checked.

    caps     [{"n": 3, "per": "7d", "channels": ["email"], "action": "skip"}]      a setting; [] switches capping off
    hours    {"quiet": "21:00-08:00", "hours": "09:00-17:00", "weekdays": ["monday", "friday"]}    a setting, and a journey's
    warm_up  [{"domain": "gmail.com", "from": "2026-03-01", "first": 50, "growth": 1.5, "until": 5000}]      a setting

Hours are those of each contact's own clock. A journey may also say {"caps": "ignore", "quiet": "ignore", "hours": "ignore"}.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import audit
from ..access import Actor, require, set_setting, setting
from ..clock import DAY, parse_duration, parse_moment, parse_time_of_day, say_time_of_day
from ..errors import BadInput
from ..maths.zones import LocalWindow
from ..store import Store

# Spacing delays, since what comes half a day later is still read; a full week skips, since it would only pile up.
DEFAULT_CAPS: list[dict[str, Any]] = [{"n": 3, "per": "7d", "channels": ["email"], "action": "skip"},
                                      {"n": 1, "per": "16h", "channels": ["email"], "action": "delay"},
                                      {"n": 1, "per": "24h", "channels": ["sms"], "action": "delay"}]
ACTIONS = ("skip", "delay", "replace")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HOURS = ("quiet", "hours", "weekdays")
IGNORE = "ignore"
JOURNEYS = "journey_limits"  # a setting: what journeys say for themselves, by id
_SPAN = re.compile(r"([\d:]+)\s*(?:-|–|to)\s*([\d:]+)")
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


@dataclass(frozen=True)
class Cap:
    """At most n marketing messages per span, over the channels named (none: over all).

    action: skip; delay, until there is room; replace: take the place of a less important one that has not left yet, else skip.
    """

    n: int
    per_s: int
    channels: tuple[str, ...] = ()
    action: str = "skip"

    def covers(self, channel: str) -> bool:
        """Whether the cap speaks of the channel."""
        return not self.channels or channel in self.channels


@dataclass(frozen=True)
class Ramp:
    """How many messages a mail domain gets a day while a sender warms up: `first` on the first day, rising by `growth` a day
    until `until` a day are reached. Days are those of UTC."""

    domain: str
    from_at: int
    first: int
    growth: float
    until: int

    def most(self, now: int) -> int | None:
        """How many may go today; None: it has not begun, or is over."""
        days = (now - self.from_at) // DAY
        if days < 0 or self.first * self.growth ** min(days, 1_000) >= self.until:
            return None
        return math.floor(self.first * self.growth ** days)


@dataclass(frozen=True)
class Policy:
    """What holds for a message. quiet: hours in which none leaves; window: those in which they leave, None for any."""

    caps: tuple[Cap, ...] = ()
    quiet: LocalWindow | None = None
    window: LocalWindow | None = None

    @property
    def opens(self) -> dict[str, LocalWindow]:
        """The windows that must be open, by the reason for waiting."""
        open_ = {"quiet": self.quiet.complement() if self.quiet else None, "outside_hours": self.window}
        return {reason: window for reason, window in open_.items() if window is not None}


def caps(store: Store) -> list[Cap]:
    """The workspace setting `caps`; an empty list switches capping off. Raises BadInput: not a list of caps."""
    return parse_caps(setting(store, "caps", DEFAULT_CAPS))


def policies(store: Store, zone: str = "UTC") -> dict[int | None, Policy]:
    """What holds for the messages of each journey that says something for itself (by id), and for all others (None).

    zone: of contacts without one.
    """
    usual = _hours(Policy(tuple(caps(store))), setting(store, "hours") or {}, zone, "hours")
    own: Mapping[str, Any] = setting(store, JOURNEYS) or {}
    return {None: usual} | {int(id_): _override(usual, said, zone) for id_, said in own.items()}


def ramps(store: Store) -> list[Ramp]:
    """The workspace setting `warm_up`. Raises BadInput."""
    return parse_ramps(setting(store, "warm_up", []))


def keep_override(store: Store, journey_id: int, said: Mapping[str, Any] | None) -> None:
    """Remember what a journey says for itself, from its publication on. Needs a transaction."""
    held = dict(setting(store, JOURNEYS) or {})
    others = {key: value for key, value in held.items() if key != str(journey_id)}
    wanted = others | ({str(journey_id): dict(said)} if said else {})
    if wanted != held:
        set_setting(store, JOURNEYS, wanted)


def document(store: Store) -> dict[str, Any]:
    """All of it as `save` reads it: caps, hours and warm_up."""
    return {"caps": setting(store, "caps", DEFAULT_CAPS), "hours": setting(store, "hours") or {},
            "warm_up": setting(store, "warm_up", [])}


# ------------------------------------------------------------ commands


def save(store: Store, wanted: Mapping[str, Any], *, by: Actor, now: int) -> dict[str, Any]:
    """Keep the parts that are given, all of them or none; what holds then. Raises BadInput: another part, or one that is
    wrong."""
    savers: dict[str, Callable[..., None]] = {"caps": save_caps, "hours": save_hours, "warm_up": save_ramps}
    if not wanted or (odd := next((key for key in wanted if key not in savers), None)):
        raise BadInput(f"limits: {f'there is no {odd!r}' if wanted else 'nothing is given'}; write {', '.join(savers)}")
    with store.transaction():
        for key, value in wanted.items():
            savers[key](store, value, by=by, now=now)
    return document(store)


def save_caps(store: Store, wanted: list[dict[str, Any]], *, by: Actor, now: int) -> None:
    """How often a person may be written to. Raises BadInput: not a list of caps."""
    parse_caps(wanted)
    _save(store, "caps", wanted, by, now)


def save_hours(store: Store, wanted: dict[str, Any], *, by: Actor, now: int) -> None:
    """When messages leave. Raises BadInput."""
    if not isinstance(wanted, dict) or (odd := next((key for key in wanted if key not in HOURS), None)):
        raise BadInput(f"hours: {f'there is no {odd!r}; ' if isinstance(wanted, dict) else ''}write {', '.join(HOURS)}")
    kept = {key: value for key, value in wanted.items() if value}
    _hours(Policy(), kept, "UTC", "hours")
    _save(store, "hours", kept, by, now)


def save_ramps(store: Store, wanted: list[dict[str, Any]], *, by: Actor, now: int) -> None:
    """How sending begins at mail domains that do not know us. Raises BadInput."""
    parse_ramps(wanted)
    _save(store, "warm_up", wanted, by, now)
    if wanted:  # only now somebody asks how many went out today
        with store.transaction():
            store.script(["CREATE INDEX IF NOT EXISTS message_admitted ON message (admitted_at) WHERE admitted_at IS NOT NULL"])


def _save(store: Store, key: str, value: Any, by: Actor, now: int) -> None:
    require(by, "market")
    with store.transaction():
        set_setting(store, key, value)
        audit.record(store, by, "setting saved", key, now=now, value=value)


# ------------------------------------------------------------ reading


def parse_caps(document: Any) -> list[Cap]:
    """Caps of a settings document, `[{"n": 3, "per": "7d", "channels": ["email"], "action": "skip"}]`. Raises BadInput."""
    if not isinstance(document, list):
        raise BadInput(f"caps: write a list such as {json.dumps(DEFAULT_CAPS)}")
    return [_parse_cap(item, f"caps, item {place}") for place, item in enumerate(document, start=1)]


def _parse_cap(item: Any, where: str) -> Cap:
    if not isinstance(item, dict) or not {"n", "per"} <= item.keys() <= {"n", "per", "channels", "action"}:
        raise BadInput(f"{where}: write n, per, and optionally channels and action")
    n, action, channels = item["n"], item.get("action", "skip"), item.get("channels", [])
    if not isinstance(n, int) or isinstance(n, bool) or n < 0:
        raise BadInput(f"{where}: n is {n!r}, not a whole number from 0")
    if action not in ACTIONS or not isinstance(channels, list) or not all(isinstance(c, str) for c in channels):
        raise BadInput(f"{where}: action is {', '.join(ACTIONS[:-1])} or {ACTIONS[-1]}, channels a list of names")
    per_s = parse_duration(item["per"])
    if per_s <= 0 or (n == 0 and action != "skip"):
        raise BadInput(f"{where}: per must be longer than 0s, and a delay or replacement needs n of at least 1")
    return Cap(n, per_s, tuple(channels), action)


def _override(usual: Policy, said: Mapping[str, Any], zone: str) -> Policy:
    made = Policy((), usual.quiet, usual.window) if said.get("caps") == IGNORE else usual
    return _hours(made, said, zone, "limits")


def check_override(said: Mapping[str, Any]) -> None:
    """Raises BadInput: hours or weekdays that are none."""
    _override(Policy(), said, "UTC")


def _hours(usual: Policy, said: Mapping[str, Any], zone: str, where: str) -> Policy:
    """A policy with what a document says of hours."""
    quiet, window = usual.quiet, usual.window
    if told := said.get("quiet"):
        quiet = None if told == IGNORE else LocalWindow(*_span(told, f"{where}.quiet"), default_zone=zone)
    hours, days = said.get("hours"), said.get("weekdays")
    if hours == IGNORE:
        window = None
    elif hours or days:
        start, end = _span(hours, f"{where}.hours") if hours else (0, 0)
        window = LocalWindow(start, end, _weekdays(days, f"{where}.weekdays"), default_zone=zone)
    return Policy(usual.caps, quiet, window)


def _span(text: Any, where: str) -> tuple[int, int]:
    found = _SPAN.fullmatch(str(text).strip())
    if not found:
        raise BadInput(f"{where}: {text!r} are no hours: write 21:00-08:00")
    start, end = parse_time_of_day(found[1]), parse_time_of_day(found[2])
    if start == end:
        raise BadInput(f"{where}: {say_time_of_day(start)} to {say_time_of_day(end)} is no time at all or the whole day: leave "
                       "it out instead")
    return start, end


def _weekdays(given: Any, where: str) -> tuple[int, ...]:
    if not given:
        return tuple(range(7))
    words = [str(one).strip().lower() for one in (given if isinstance(given, list | tuple) else [given])]
    if wrong := [one for one in words if one not in WEEKDAYS]:
        raise BadInput(f"{where}: {wrong[0]!r} is no weekday: choose of {', '.join(WEEKDAYS)}")
    return tuple(sorted({WEEKDAYS.index(one) for one in words}))


def parse_ramps(document: Any) -> list[Ramp]:
    """Ramps of a settings document. Raises BadInput."""
    if not isinstance(document, list):
        raise BadInput("warm-up: write a list of {domain, from, first, growth, until}")
    return [_parse_ramp(item, f"warm-up, item {place}") for place, item in enumerate(document, start=1)]


def _parse_ramp(item: Any, where: str) -> Ramp:
    needed = {"domain", "from", "first", "growth", "until"}
    if not isinstance(item, dict) or item.keys() != needed:
        raise BadInput(f"{where}: write domain, from, first, growth and until")
    domain = str(item["domain"]).strip().lower()
    if not _DOMAIN.fullmatch(domain):
        raise BadInput(f"{where}: {item['domain']!r} is no mail domain: write gmail.com")
    numbers = [item[key] for key in ("first", "growth", "until")]
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in numbers):
        raise BadInput(f"{where}: first, growth and until are numbers")
    first, growth, until = int(item["first"]), float(item["growth"]), int(item["until"])
    if first < 1 or not 1 < growth <= 10 or until <= first:
        raise BadInput(f"{where}: first is at least 1 a day, growth above 1 and at most 10, until more than first")
    return Ramp(domain, parse_moment(item["from"]) // DAY * DAY, first, growth, until)

"""One passage through a journey in the past: the steps, messages and events it would have left, and where it stands.

A walk goes through the nodes in order of time and stops where the past ends: there a token waits, and the runner goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from ...clock import DAY, HOUR, MINUTE
from ...maths.assignment import arm_of, bucket_of
from .people import Person

MACHINE_RATE = 0.03  # of mails, looked through by a security scanner seconds after they arrive


@dataclass(slots=True, eq=False)
class Happening:
    """An event; its id is given when all are in order."""

    at: int
    who: int
    name: str
    thing: str | None = None
    value_minor: int | None = None
    props: str = "{}"
    source: str = "website"
    verdict: str | None = None
    letter: Letter | None = None
    id: int = 0


@dataclass(slots=True, eq=False)
class Letter:
    """A message that was sent."""

    walk: Walk
    node: str
    template: str
    visit: int
    at: int
    id: int = 0
    click: Happening | None = None  # the first one by a person


@dataclass(slots=True)
class Past:
    """Everything that has happened, in any order."""

    until: int
    happenings: list[Happening] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    walks: list[Walk] = field(default_factory=list)
    tags: list[tuple[int, str, int]] = field(default_factory=list)
    points: list[Points] = field(default_factory=list)

    def add(self, happening: Happening) -> Happening:
        """Note an event, unless it lies past the end of the past."""
        if happening.at <= self.until:
            self.happenings.append(happening)
        return happening


@dataclass(slots=True)
class Points:
    """One score entry; of a journey node where `walk` says which passage."""

    who: int
    group: str
    points: int
    reason: str
    at: int
    walk: Walk | None = None
    node: str = ""
    visit: int = 0


@dataclass(slots=True)
class Step:
    """One row of the log; seen is an event, or the number that the node decided on."""

    node: str
    seq: int
    at: int
    port: str
    seen: Happening | int | None = None
    reason: str | None = None


class _Over(Exception):
    """The passage is cut: by the end of the past, or by an exit rule."""


@dataclass(slots=True, eq=False)
class Walk:
    """A passage under way. `exits`: (moment, event, reason) of the exit rule that will take it out."""

    past: Past
    rng: Random
    person: Person
    journey: str
    trigger: Happening
    exits: tuple[int, Happening, str] | None = None
    id: int = 0
    at: int = 0
    seq: int = 0
    status: str = "active"
    reason: str | None = None
    ended_at: int | None = None
    ended_by: Happening | None = None
    steps: list[Step] = field(default_factory=list)
    stands: tuple[str, int] | None = None  # node and when it is due, while active

    def go(self, path: Callable[[Walk], None]) -> Walk:
        """Walk the path as far as time allows."""
        self.at = self.trigger.at + 1
        self.past.walks.append(self)
        with suppress(_Over):
            path(self)
        return self

    # ------------------------------------------------------------ what paths are made of

    def wait(self, node: str, seconds: int) -> None:
        """A fixed time."""
        self._leave(node, "next", self.at + seconds)

    def wait_click(self, node: str, letter: Letter, seconds: int) -> bool:
        """Whether she clicked in time."""
        return self.wait_event(node, letter.click, seconds)

    def wait_event(self, node: str, event: Happening | None, seconds: int) -> bool:
        """Whether it happened in time, after she came here."""
        if event is not None and self.at < event.at <= self.at + seconds:
            self._leave(node, "happened", event.at + 1, seen=event, due_at=self.at + seconds)
            return True
        self._leave(node, "timeout", self.at + seconds)
        return False

    def split(self, node: str, salt: str, arms: dict[str, int]) -> str:
        """The arm of this person."""
        arm = arm_of(self.person.hash31, salt, arms)
        self._leave(node, arm, self.at, seen=bucket_of(self.person.hash31, salt, sum(arms.values())))
        return arm

    def condition(self, node: str, yes: bool) -> bool:
        """Yes or no."""
        self._leave(node, "yes" if yes else "no", self.at, seen=int(yes))
        return yes

    def tag(self, node: str, *names: str) -> None:
        """Tags given."""
        at = self.at
        self._leave(node, "next", at)
        self.past.tags += [(self.person.id, name, at) for name in names]

    def score(self, node: str, points: int, reason: str) -> None:
        """Points for engagement."""
        at, visit = self.at, self.seq
        self._leave(node, "next", at)
        self.past.points.append(Points(self.person.id, "engagement", points, reason, at, self, node, visit))

    def exit(self, node: str, reason: str) -> None:
        """The end."""
        self._leave(node, "end", self.at, reason=reason)
        self.status, self.reason, self.ended_at = "finished", reason, self.at

    def send(self, node: str, template: str, *, opens: float, clicks: float, path: str, surely: bool = False) -> Letter:
        """A mail and what she does with it. clicks: of those who open; surely: she clicks whatever chance says."""
        letter = Letter(self, node, template, self.seq, self.at + 1)
        self._leave(node, "sent", self.at + 1, seen=1)
        self.past.letters.append(letter)
        self._tell(letter, "email_sent", letter.at, template, source="delivery")
        self._machine(letter, path)
        if surely or self.rng.random() < opens:
            opened = letter.at + delay(self.rng)
            self._tell(letter, "email_opened", opened, None)
            if surely or self.rng.random() < clicks:
                letter.click = self._tell(letter, "email_clicked", opened + self.rng.randrange(10, 240), path)
        return letter

    # ------------------------------------------------------------ how it is done

    def _leave(self, node: str, port: str, at: int, *, seen: Happening | int | None = None, reason: str | None = None,
               due_at: int | None = None) -> None:
        if self.exits and self.exits[0] <= min(at, self.past.until):
            self._taken_out(node)
        if at > self.past.until:
            self.stands = (node, at if due_at is None else due_at)
            raise _Over
        self.steps.append(Step(node, self.seq, at, port, seen, reason))
        self.at, self.seq = at, self.seq + 1

    def _taken_out(self, node: str) -> None:
        assert self.exits
        moment, event, reason = self.exits
        at = max(moment, self.at)
        self.steps.append(Step(node, self.seq, at, "exited", event, reason))
        self.status, self.reason, self.ended_at, self.ended_by = "exited", reason, at, event
        raise _Over

    def _tell(self, letter: Letter, name: str, at: int, thing: str | None, *, source: str = "collector",
              verdict: str | None = None) -> Happening:
        if name == "email_clicked":
            props = json.dumps({"url": thing, "user_agent": _AGENTS[verdict == "machine"]})
        else:
            props = json.dumps({"user_agent": _AGENTS[verdict == "machine"]}) if name == "email_opened" else "{}"
        verdict = verdict or ("human" if source == "collector" else None)
        return self.past.add(Happening(at, self.person.id, name, thing, None, props, source, verdict, letter))

    def _machine(self, letter: Letter, path: str) -> None:
        """A scanner that opens and follows every link a few seconds after the mail."""
        if self.rng.random() < MACHINE_RATE:
            at = letter.at + self.rng.randrange(2, 20)
            self._tell(letter, "email_opened", at, None, verdict="machine")
            self._tell(letter, "email_clicked", at + 1, path, verdict="machine")
            self._tell(letter, "email_clicked", at + 1, f"{path}#more", verdict="machine")


_AGENTS = ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Safari/605.1.15", "MailScanner/4.2")


def delay(rng: Random) -> int:
    """How long until a mail is read: often within hours, seldom days."""
    return int(min(rng.expovariate(1 / (7 * HOUR)), 6 * DAY)) + MINUTE

"""Leaves about what a contact did in order: what came of the last few messages, and one thing after another.

What happened is ordered by (occurred_at, id), so two things of the same second stand in the order in which we heard them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...clock import in_words, parse_duration
from ...sql import Sql, join, sql
from .base import Ask, Leaf, Look, Signals
from .filters import EventFilter, read_events
from .happenings import newest, told
from .operators import duration_refused
from .reader import Reader

MOST_MESSAGES, MOST_STEPS = 100, 10
QUANTIFIERS = {"all": "all of", "any": "at least one of"}
_IN_PLAIN_WORDS = {"email_opened": "opened", "email_clicked": "clicked in", "email_replied": "answered"}
# Which message an answer belongs to: the one it names; where ids are missing the newest before it with its object, and
# where no message has its object the newest before it.
_BELONGS = """CASE WHEN a.message_id IS NOT NULL AND sent.message_id IS NOT NULL THEN a.message_id = sent.message_id
    WHEN a.occurred_at < sent.occurred_at THEN (1 = 0)
    ELSE NOT EXISTS (SELECT 1 FROM event o VIA(event_contact) WHERE o.contact_id = c.id AND {of}
        AND o.occurred_at <= a.occurred_at AND CASE WHEN a.object = sent.object THEN o.object = sent.object AND {newer}
            ELSE o.object = a.object OR {newer} END) END"""
_EVERY = """(EXISTS (SELECT 1 FROM event a VIA(event_contact) WHERE a.contact_id = c.id AND {some})
    AND NOT EXISTS (SELECT 1 FROM ({messages}) sent WHERE NOT EXISTS ({answers})))"""
_ANY = "EXISTS (SELECT 1 FROM ({messages}) sent WHERE EXISTS ({answers}))"
_NEWER = sql("(o.occurred_at, o.id) > (sent.occurred_at, sent.id)")


@dataclass(frozen=True)
class LastLeaf(Leaf):
    """Every one of the last few messages, or at least one of them, was answered. Fewer messages than that match nobody.

    An answer that a machine gave is none. Of a contact who would match if it were one, nothing can be said.
    """

    key: ClassVar[str] = "last"
    label: ClassVar[str] = "The last few"
    group: ClassVar[str] = "Behavior"
    also: ClassVar[frozenset[str]] = frozenset(QUANTIFIERS)
    asks: ClassVar[tuple[Ask, ...]] = (Ask("all", "Which of them", "answer"), Ask("last", "How many", "number"),
                                       Ask("of", "Messages", "event"))

    number: int
    of: EventFilter
    answer: EventFilter
    every: bool

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        number, of = reader.take("last"), read_events(reader, "of", "the event of being sent something")
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_MESSAGES:
            reader.problem("last", "value", f"write how many of the last ones, from 1 to {MOST_MESSAGES}")
            number = None
        found = [key for key in QUANTIFIERS if reader.has(key)]
        if len(found) != 1:
            reader.problem("", "value", "write `all` or `any` with the event that answers")
            return None
        answer = read_events(reader, found[0], "the event that answers")
        return cls(number, of, answer, found[0] == "all") if number and of and answer else None

    def condition(self, look: Look) -> Sql:
        """Each contact through its own events, also where everybody is asked: grouping all messages by contact sorts them, and
        took twice as long. Who was sent so many at all is asked first: most were not. `all` then ends with the first message
        without an answer, `any` with the first that has one."""
        came = sql(_ANY, messages=self._messages(look), answers=self._answers(look))
        if self.every:
            came = sql(_EVERY, messages=self._messages(look), answers=self._answers(look),
                       some=told(self.answer, "a", look, machines=look.machines))
        return sql("CASE WHEN {enough} THEN {came} ELSE (1 = 0) END", enough=self._enough(look), came=came)

    def observed(self, look: Look) -> dict[str, Sql]:
        return {"answered": sql("(SELECT COALESCE(SUM(q.answered), 0) || ' of ' || count(*) FROM ({each}) q)",
                                each=self._each(look))}

    def _each(self, look: Look) -> Sql:
        return sql("SELECT CASE WHEN EXISTS ({answers}) THEN 1 ELSE 0 END AS answered FROM ({messages}) sent",
                   answers=self._answers(look), messages=self._messages(look))

    def _messages(self, look: Look) -> Sql:
        """The last few of a contact."""
        return sql("""SELECT l.id, l.message_id, l.object, l.occurred_at FROM event l VIA(event_contact)
            WHERE l.contact_id = c.id AND {of} ORDER BY l.occurred_at DESC, l.id DESC LIMIT :number""",
                   of=told(self.of, "l", look), number=self.number)

    def _enough(self, look: Look) -> Sql:
        """Whether the contact was sent so many. Where everybody is asked and the engine hashes, all messages are counted at
        once: a subplan for each of a million contacts took eight seconds there."""
        each = sql("""EXISTS (SELECT 1 FROM event e VIA(event_contact) WHERE e.contact_id = c.id AND {of}
            LIMIT 1 OFFSET :before)""", of=told(self.of, "e", look), before=self.number - 1)
        if look.each or look.past:
            return each
        counted = sql("SELECT e.contact_id FROM {among} WHERE {of} GROUP BY e.contact_id HAVING count(*) >= :number",
                      among=self.of.among("e"), of=told(self.of, "e", look, among=True), number=self.number)
        return sql("CASE WHEN HASHES() THEN c.id IN ({counted}) ELSE {each} END", counted=counted, each=each)

    def _answers(self, look: Look) -> Sql:
        return sql("""SELECT 1 FROM event a VIA(event_contact) WHERE a.contact_id = c.id AND {answer} AND {belongs}""",
                   answer=told(self.answer, "a", look, machines=look.machines),
                   belongs=sql(_BELONGS, of=told(self.of, "o", look), newer=_NEWER))

    def sentence(self) -> str:
        which = f"{'all of ' if self.every else 'at least one of '}the last {self.number}"
        simple = not self.answer.where and self.of == EventFilter("email_sent")
        plain = _IN_PLAIN_WORDS.get(self.answer.name) if simple else None
        return f"{plain} {which} emails" if plain else f"did {self.answer.sentence()} after {which} {self.of.sentence()}"

    def signals(self) -> Signals:
        return Signals(events=frozenset({self.of.event, self.answer.event}))

    def document(self) -> dict[str, Any]:
        return {"last": self.number, "of": self.of.short(), "all" if self.every else "any": self.answer.short()}


@dataclass(frozen=True)
class SequenceLeaf(Leaf):
    """Did one thing after another. within: from the first step to the last. completed_within: the last step is so young.

    without: something that was not done between the first step and the last. Of a single step: not within `within` after
    it, which is known when that time has passed; or never since.
    """

    key: ClassVar[str] = "sequence"
    label: ClassVar[str] = "One after another"
    group: ClassVar[str] = "Behavior"
    asks: ClassVar[tuple[Ask, ...]] = (
        Ask("sequence", "Steps", "steps"), Ask("within", "all within", "duration", required=False),
        Ask("without", "without", "without", required=False),
        Ask("completed_within", "completed in the last", "duration", required=False))

    steps: tuple[EventFilter, ...]
    within: str | None = None
    without: EventFilter | None = None
    completed_within: str | None = None

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        steps = _read_steps(reader)
        durations = {key: reader.take(key) for key in ("within", "completed_within")}
        wrong = {key: why for key, given in durations.items() if given is not None and (why := duration_refused(given))}
        for key, why in wrong.items():
            reader.problem(key, "duration", why)
        without = read_events(reader, "without", "what was not done") if reader.has("without") else None
        if not steps or wrong or (reader.has("without") and without is None):
            return None
        if len(steps) == 1 and without is None:
            reader.problem("sequence", "value", "write a second step, or `without`: one step alone is an `event`")
            return None
        return cls(steps, durations["within"], without, durations["completed_within"])

    @property
    def within_s(self) -> int | None:
        """Seconds from the first step to the last."""
        return parse_duration(self.within) if self.within else None

    @property
    def completed_s(self) -> int | None:
        """Greatest age of the last step in seconds; of a single step: of the moment when the waiting for it was over."""
        return parse_duration(self.completed_within) if self.completed_within else None

    @property
    def _wait_s(self) -> int:
        """How long a single step must have been over; 0 for more steps."""
        return (self.within_s or 0) if len(self.steps) == 1 else 0

    def condition(self, look: Look) -> Sql:
        last = self.steps[-1]
        tests = [told(last, self._alias(-1), look, among=not look.each), *self._chain(look), *self._spans(look)]
        newest_first = sql(f"event {self._alias(-1)} VIA(event_contact)") if look.each else last.among(self._alias(-1))
        tables = join(" CROSS JOIN ", [newest_first, *(sql(f"event s{at}") for at in reversed(range(len(self.steps) - 1)))])
        who = f"{self._alias(-1)}.contact_id"
        if not look.each and len(self.steps) > 1:  # one look at an index spares most last steps the way back: 6 times faster
            first = told(self.steps[0], "f", look, among=True)
            tests.insert(1, sql(f"{who} IN (SELECT f.contact_id FROM {{among}} WHERE {{first}})",
                                among=self.steps[0].among("f"), first=first))
        found = join(" AND ", tests)
        if look.each:
            return sql(f"EXISTS (SELECT 1 FROM {{tables}} WHERE {who} = c.id AND {{found}})", tables=tables, found=found)
        return sql(f"c.id IN (SELECT {who} FROM {{tables}} WHERE {{found}})", tables=tables, found=found)

    def _alias(self, step: int) -> str:
        return f"s{step % len(self.steps)}"

    def _chain(self, look: Look) -> list[Sql]:
        """Each step is the newest one before the next: whatever fits at all then fits into the shortest time."""
        return [sql(f"""s{at}.id = (SELECT b.id FROM event b VIA(event_contact) WHERE b.contact_id = s{at + 1}.contact_id
            AND {{step}} AND (b.occurred_at, b.id) < (s{at + 1}.occurred_at, s{at + 1}.id)
            ORDER BY b.occurred_at DESC, b.id DESC LIMIT 1)""", step=told(self.steps[at], "b", look))
                for at in reversed(range(len(self.steps) - 1))]

    def _spans(self, look: Look) -> list[Sql]:
        """How far apart the steps are, how old the last one is, and what was not done between."""
        last, found = self._alias(-1), []
        if self.within_s and len(self.steps) > 1:
            found.append(sql(f"s0.occurred_at >= {last}.occurred_at - :within", within=self.within_s))
        if self._wait_s:
            found.append(sql(f"{last}.occurred_at <= :now - :wait", wait=self._wait_s))
        if self.completed_s:
            found.append(sql(f"{last}.occurred_at > :now - :age", age=self.completed_s + self._wait_s))
        return found + ([self._not_between(look)] if self.without else [])

    def _not_between(self, look: Look) -> Sql:
        assert self.without
        last = self._alias(-1)
        until = sql(f"AND (x.occurred_at, x.id) < ({last}.occurred_at, {last}.id)") if len(self.steps) > 1 else \
            sql("AND x.occurred_at <= s0.occurred_at + :wait", wait=self._wait_s) if self._wait_s else sql("")
        return sql(f"""NOT EXISTS (SELECT 1 FROM event x VIA(event_contact) WHERE x.contact_id = {last}.contact_id AND {{other}}
            AND (x.occurred_at, x.id) > (s0.occurred_at, s0.id) {{until}})""", other=told(self.without, "x", look), until=until)

    def observed(self, look: Look) -> dict[str, Sql]:
        named = [*self.steps, *([self.without] if self.without else [])]
        return {f"last {step.sentence()}": newest(step, look) for step in named}

    def sentence(self) -> str:
        steps = " and then ".join(f"did {step.sentence()}" for step in self.steps)
        within = f" within {in_words(self.within_s)}" if self.within_s else ""
        done = f", completed in the last {in_words(self.completed_s)}" if self.completed_s else ""
        if self.without is None:
            return f"{steps}{within}{done}"
        if len(self.steps) == 1:
            return f"{steps} without {self.without.sentence()}{within or ' ever'} after it{done}"
        return f"{steps}{within} without {self.without.sentence()} in between{done}"

    def signals(self) -> Signals:
        name, thing = self.steps[-1].event
        ages = {self._wait_s, (self.completed_s or 0) + self._wait_s if self.completed_s else 0} - {0}
        names = {step.event for step in self.steps} | ({self.without.event} if self.without else set())
        return Signals(events=frozenset(names), windows=frozenset((name, thing, age) for age in ages))

    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = {"sequence": [step.document() for step in self.steps]}
        found |= {"within": self.within} if self.within else {}
        found |= {"without": self.without.document()} if self.without else {}
        return found | ({"completed_within": self.completed_within} if self.completed_within else {})


def _read_steps(reader: Reader) -> tuple[EventFilter, ...]:
    """The steps; none, with a problem, when one of them is wrong."""
    given = reader.take("sequence")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_STEPS:
        reader.problem("sequence", "shape", f"write a list of 1 to {MOST_STEPS} steps: [{{\"event\": …}}, …]")
        return ()
    steps = [read_events(reader, "sequence", "an event", at=at) for at in range(len(given))]
    return tuple(step for step in steps if step) if all(steps) else ()


__all__ = ["LastLeaf", "SequenceLeaf"]

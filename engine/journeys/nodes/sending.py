"""Nodes that send messages."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from ...clock import DAY
from ...content.templates import CHANNELS
from ...errors import Problem, listing
from ...outreach import messages
from ...sql import Sql, case, fold, join, sql
from .base import BLUE, NULL, Known, Node, Place, known_of

SAID = {"email": "email", "sms": "SMS"}
_OUTCOMES = {"sent": "sent", "skipped": "skipped", "canceled": "skipped", "failed": "failed", "unknown": "failed"}
_CODES = {status: i for i, status in enumerate(_OUTCOMES, 1)}
_WHENS = " ".join(f"WHEN '{status}' THEN {code}" for status, code in _CODES.items())
OUTCOME = sql(f"""(SELECT CASE m.status {_WHENS} END FROM message m
    WHERE m.node_id = :node AND m.token_id = b.id AND m.visit = b.seq)""")
BY_OUTCOME = [(sql(f"b.seen = {code}"), sql(f"'{_OUTCOMES[status]}'")) for status, code in _CODES.items()]


def check_template(where: str, name: str, channel: str, known: Known) -> list[Problem]:
    """Whether there is such a template, of the right channel."""
    found = known.templates.get(fold(name))
    if found is None:
        return [Problem(where, "unknown_template", f"There is no template {name!r}. There are: "
                        f"{listing(list(known.templates))}.")]
    if found[1] != channel:
        return [Problem(where, "wrong_channel", f"The template {name!r} is for {found[1]}.")]
    return []


class Send(Node):
    """Queue a message and wait until it is sent, skipped with a reason, or has failed.

    Holding the token makes later waits count from the real send, and lets a fallback know the outcome.
    """

    type: Literal["send"] = "send"
    may_stay: ClassVar = True
    rests: ClassVar = True
    template: str = Field(json_schema_extra={"kind": "template"})
    channel: Literal["email", "sms"] = "email"
    topic: str = ""
    priority: int = Field(default=0, ge=-100, le=100)
    transactional: bool = False
    _template_id: int | None = PrivateAttr(None)
    label, icon, tint, group = "Send message", "mail", BLUE, "Messages"
    example: ClassVar = {"template": "welcome", "next": "END"}
    variants: ClassVar = ({"template": "short", "channel": "sms", "next": "END"},)

    @model_validator(mode="after")
    def _resolved(self, info: ValidationInfo) -> Self:
        found = known_of(info).templates.get(fold(self.template))
        self._template_id = found[0] if found else None
        return self

    @property
    def ports(self) -> tuple[str, ...]:
        return ("sent", "skipped", "failed")

    def look(self) -> Sql:
        """The message's terminal status as a number; nothing while it is on its way."""
        return OUTCOME

    def route(self) -> Sql:
        return case(BY_OUTCOME)

    def looks_at(self) -> Sql:
        """An outcome wakes it; a look a day makes sure that no lost event holds anybody for ever."""
        return sql(f":now + {DAY}")

    def looks_again(self) -> Sql:
        return self.looks_at()

    def wakes_on(self) -> tuple[str, ...]:
        return (f"{self.channel}_sent", f"{self.channel}_failed", "message_skipped")

    def arrivals(self, rows: Sql, place: Place) -> list[Sql]:
        return [messages.queue(
            rows, node_id=place.node_id, journey_id=place.journey_id, campaign_id=place.campaign_id, channel=self.channel,
            template_id=self._template_id or 0, topic=self.topic, priority=self.priority + place.priority,
            message_class="transactional" if self.transactional else "marketing")]

    def check(self, known: Known) -> list[Problem]:
        return check_template(self.id, self.template, self.channel, known)

    def describe(self) -> str:
        return f"Send the {SAID[self.channel]} “{self.template}”."


class SendFirst(Node):
    """Send the first of several messages that gets through: when one is skipped or fails, the next is tried.

    What was seen of a message is 100 times the place of the one that was tried first, plus 10 times its own, plus its status;
    the first one says in which order the others follow, whatever the contact prefers by then.
    """

    type: Literal["send_first"] = "send_first"
    may_stay: ClassVar = True
    rests: ClassVar = True
    templates: Annotated[tuple[str, ...], Field(min_length=2, max_length=5, json_schema_extra={"kind": "templates"})]
    topic: str = ""
    priority: int = Field(default=0, ge=-100, le=100)
    transactional: bool = False
    preferred_first: bool = Field(default=False, description="the first message of the channel that the contact prefers is "
                                  "tried before the others; who prefers none is tried in the order given",
                                  json_schema_extra={"label": "Preferred channel first"})
    _ids: tuple[int, ...] = PrivateAttr(())
    _channels: tuple[str, ...] = PrivateAttr(())
    label, icon, tint, group = "Send with fallback", "alt_route", BLUE, "Messages"
    example: ClassVar = {"templates": ["welcome", "reminder"], "on": {"sent": "END", "not_sent": "END"}}
    variants: ClassVar = ({"templates": ["welcome", "short"], "preferred_first": True, "next": "END"},)
    fresh: ClassVar = {"templates": []}

    @model_validator(mode="after")
    def _resolved(self, info: ValidationInfo) -> Self:
        if len({fold(name) for name in self.templates}) < len(self.templates):
            raise ValueError("each message stands here once")
        found = [known_of(info).templates.get(fold(name), (0, "")) for name in self.templates]
        self._ids, self._channels = tuple(one[0] for one in found), tuple(one[1] for one in found)
        return self

    @property
    def ports(self) -> tuple[str, ...]:
        return ("sent", "not_sent")

    def look(self) -> Sql:
        place = sql("CASE m.template_id {places} END", places=join(" ", [
            sql(f"WHEN :id THEN {i}", id=number) for i, number in enumerate(self._ids)]))
        return sql(f"""(SELECT 100 * LEAST(COALESCE(b.memo / 100, {{place}}), {len(self._ids) - 1}) + 10 * {{place}}
            + CASE m.status {_WHENS} ELSE 0 END FROM message m
            WHERE m.node_id = :node AND m.token_id = b.id AND m.visit = b.seq)""", place=place)

    def route(self) -> Sql:
        last = ", ".join(str(10 * order[0] + order[-1]) for order in self._orders())
        over = sql(f"b.seen % 10 IN ({_CODES['unknown']}, {_CODES['canceled']}) "
                   f"OR (b.seen % 10 > 0 AND b.seen / 10 IN ({last}))")
        return case([(sql(f"b.seen % 10 = {_CODES['sent']}"), sql("'sent'")), (over, sql("'not_sent'"))])

    def _orders(self) -> list[list[int]]:
        """Places in the order in which they are tried, for each one that may have come first."""
        places = range(len(self._ids))
        return [[first, *(one for one in places if one != first)] for first in places]

    def looks_at(self) -> Sql:
        return sql(f":now + {DAY}")

    def looks_again(self) -> Sql:
        return self.looks_at()

    def wakes_on(self) -> tuple[str, ...]:
        return (*(f"{channel}_{end}" for channel in CHANNELS for end in ("sent", "failed")), "message_skipped")

    def arrivals(self, rows: Sql, place: Place) -> list[Sql]:
        first = self._first()
        return [messages.queue(
            rows, node_id=place.node_id, journey_id=place.journey_id, campaign_id=place.campaign_id,
            channel=sql("(SELECT t.channel FROM template t WHERE t.id = {first})", first=first), template_id=first,
            topic=self.topic, priority=self.priority + place.priority,
            message_class="transactional" if self.transactional else "marketing")]

    def _first(self) -> Sql:
        """The template that a row begins with."""
        given = sql("CAST(:id AS BIGINT)", id=self._ids[0])
        if not self.preferred_first:
            return given
        firsts = [(sql("p.preferred_channel = :channel", channel=channel), sql(":id", id=number))
                  for channel, number in zip(self._channels, self._ids, strict=True)]
        return sql("COALESCE((SELECT {found} FROM contact p WHERE p.id = b.contact_id), {given})", found=case(firsts),
                   given=given)

    def effects(self, place: Place) -> list[Sql]:
        """Whoever was not reached by one is tried with the next."""
        following = case([(sql(f"b.seen / 10 = {10 * order[0] + here}"), sql(":id", id=self._ids[after]))
                          for order in self._orders() for here, after in pairwise(order)])
        return [messages.redirect(sql("SELECT b.id AS token_id, b.seq AS visit, {following} AS template_id FROM batch b "
                                      "WHERE b.port IS NULL AND b.seen % 10 > 0", following=following))]

    def check(self, known: Known) -> list[Problem]:
        found = [Problem(self.id, "unknown_template", f"There is no template {name!r}. There are: "
                         f"{listing(list(known.templates))}.") for name in self.templates if fold(name) not in known.templates]
        if self.preferred_first and not found and len(set(self._channels)) == 1:
            found.append(Problem(self.id, "one_channel", f"All of these messages go by {SAID[self._channels[0]]}: what "
                                 "somebody prefers changes nothing here.", "warning"))
        return found

    def describe(self) -> str:
        how = ", by the preferred channel first" if self.preferred_first else ""
        return f"Send the first that gets through{how}: {', '.join(f'“{name}”' for name in self.templates)}."


class Nurture(Node):
    """Send the next message of a library that this person has not had yet."""

    type: Literal["nurture"] = "nurture"
    may_stay: ClassVar = True
    templates: Annotated[tuple[str, ...], Field(max_length=200, json_schema_extra={"kind": "templates"})] = ()
    library: str | None = Field(default=None, min_length=1, max_length=100,
                                description="every message whose name begins so, in the order of names")
    channel: Literal["email"] = "email"
    topic: str = ""
    priority: int = Field(default=0, ge=-100, le=100)
    otherwise: Literal["go_on", "wait"] = Field(default="go_on", description="what who has had them all does: leave by "
                                                "`exhausted`, or wait for a new one",
                                                json_schema_extra={"label": "Who has had them all"})
    label, icon, tint, group = "Nurture", "menu_book", BLUE, "Messages"
    example: ClassVar = {"templates": ["welcome"], "next": "END"}
    variants: ClassVar = ({"library": "Nurture", "otherwise": "wait", "next": "END"},)
    fresh: ClassVar = {"templates": []}
    ways: ClassVar = {"These messages, in this order": ("templates",), "All messages of a library": ("library",)}

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if bool(self.templates) == (self.library is not None):
            raise ValueError("name the templates in order, or the library that holds them")
        return self

    @property
    def ports(self) -> tuple[str, ...]:
        return ("sent", "skipped", "failed", *(("exhausted",) if self.otherwise == "go_on" else ()))

    def look(self) -> Sql:
        """The outcome of this visit's message, 0 while it is on its way. Without one: -1 when all have been had, else 10
        and how many unseen ones come after the next."""
        has_one = sql("EXISTS (SELECT 1 FROM message m WHERE m.node_id = :node AND m.token_id = b.id AND m.visit = b.seq)")
        left = sql("""(SELECT COUNT(*) FROM {unseen} u) - ROW_NUMBER() OVER (PARTITION BY b.contact_id, CASE WHEN {has_one}
            THEN 1 ELSE 0 END ORDER BY b.due_at, b.id)""", unseen=self._unseen(), has_one=has_one)
        return sql("CASE WHEN {has_one} THEN COALESCE({outcome}, 0) ELSE GREATEST(-1, {left} + 10 * CASE WHEN {left} < 0 "
                   "THEN 0 ELSE 1 END) END", has_one=has_one, outcome=OUTCOME, left=left)

    def route(self) -> Sql:
        return case([*BY_OUTCOME, (sql("b.seen = -1"), sql("'exhausted'") if self.otherwise == "go_on" else NULL)])

    def looks_again(self) -> Sql:
        return sql(f":now + {DAY}")

    def wakes_on(self) -> tuple[str, ...]:
        return (f"{self.channel}_sent", f"{self.channel}_failed", "message_skipped")

    def effects(self, place: Place) -> list[Sql]:
        """The message of each row that has none yet."""
        chosen = sql("""(SELECT b.id, b.enrollment_id, b.contact_id, b.seq, (SELECT l.id FROM {unseen} l
            WHERE (SELECT COUNT(*) FROM {unseen} o WHERE o.place > l.place) = b.seen - 10) AS template_id
            FROM batch b WHERE b.port IS NULL AND b.seen >= 10)""", unseen=self._unseen())
        return [messages.queue(chosen, node_id=place.node_id, journey_id=place.journey_id, campaign_id=place.campaign_id,
                               channel=self.channel, template_id=sql("b.template_id"), topic=self.topic,
                               priority=self.priority + place.priority)]

    def _unseen(self) -> Sql:
        """FROM item: id and place of the messages that the contact of row b has neither had nor is about to get."""
        if self.library is not None:
            length = len(fold(self.library))
            pool = sql(f"""SELECT tp.id, tp.key AS place FROM template tp WHERE substr(tp.key, 1, {length}) = :prefix
                AND tp.channel = :channel AND tp.version_id IS NOT NULL AND tp.archived_at IS NULL""",
                       prefix=fold(self.library), channel=self.channel)
        else:
            rows = join(", ", [sql(f"({i}, :key)", key=fold(name)) for i, name in enumerate(self.templates)])
            pool = sql("SELECT tp.id, v.column1 AS place FROM (VALUES {rows}) AS v JOIN template tp ON tp.key = v.column2 "
                       "WHERE tp.version_id IS NOT NULL", rows=rows)
        return sql("""(SELECT p.id, p.place FROM ({pool}) p WHERE NOT EXISTS (SELECT 1 FROM message h
            WHERE h.contact_id = b.contact_id AND h.template_id = p.id
            AND h.status NOT IN ('skipped', 'failed', 'canceled')))""", pool=pool)

    def check(self, known: Known) -> list[Problem]:
        found = [problem for name in self.templates for problem in check_template(self.id, name, self.channel, known)]
        prefix = fold(self.library or "")
        if self.library is not None and not any(key.startswith(prefix) for key in known.templates):
            found.append(Problem(self.id, "empty_library", f"No template begins with {self.library!r}: nobody is sent anything "
                                 "until there is one.", "warning"))
        return found

    def describe(self) -> str:
        what = f"the library “{self.library}”" if self.library else ", ".join(f"“{name}”" for name in self.templates)
        return f"Send the next {self.channel} of {what} that they have not had."

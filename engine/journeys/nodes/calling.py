"""Nodes that ask somebody outside: another program, a colleague, a person who decides."""

from __future__ import annotations

import json
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ...clock import DAY, in_words
from ...content.language import compile_part
from ...errors import Problem
from ...outreach import errands, posting
from ...sql import Sql, case, join, sql
from .base import AMBER, BLUE, Deadline, Known, Node, Place, checked
from .sending import check_template
from .wording import texts

OWNER = "owner"
SUBJECT = "{{ contact.name or contact.email }}"  # of a notice that says none
DECISIONS = {"approved": "approval_given", "declined": "approval_declined"}  # port -> the event of the decision


def _url(value: Any) -> str:
    checked(posting.check_url, str(value))
    return str(value).strip()


def _body(value: Any) -> Any:
    if value is not None and not isinstance(value, dict | list):
        raise ValueError("the body is an object or a list, as JSON has them")
    for text in texts(value):
        checked(lambda source: compile_part(source, "body", escape=False), text)
    return value


def _template(value: Any) -> str:
    checked(lambda source: compile_part(source, "text", escape=False), str(value))
    return str(value)


def _colleague(value: Any) -> str:
    word = str(value).strip()
    if word != OWNER and ("@" not in word or " " in word):
        raise ValueError(f"{value!r} is nobody: write owner, or the e-mail address of a colleague")
    return word


Text = Annotated[str, BeforeValidator(_template)]


class Webhook(Deadline):
    """Tell another program by an HTTP POST, and wait for its answer."""

    type: Literal["webhook"] = "webhook"
    rests: ClassVar = True
    url: Annotated[str, BeforeValidator(_url)] = Field(max_length=2_000, json_schema_extra={"label": "Address"})
    body: Annotated[Any, BeforeValidator(_body)] = Field(default=None, json_schema_extra={"kind": "text_block"}, description=(
        "what is sent, as JSON; texts may use {{ contact.… }} and {{ event.… }}. Left out: everything known of the contact"))
    label, icon, tint, group = "Webhook", "webhook", AMBER, "Actions"
    example: ClassVar = {"url": "https://crm.example.com/hooks/lead", "on": {"ok": "END", "failed": "END"}}
    variants: ClassVar = ({"url": "https://crm.example.com/lead", "body": {"email": "{{ contact.email }}"}, "timeout": "1h",
                           "next": "END"},)

    @property
    def ports(self) -> tuple[str, ...]:
        return ("ok", "failed", *(("timeout",) if self.timeout else ()))

    def looks_at(self) -> Sql:
        """Its end wakes it; a look a day makes sure that no lost event holds anybody for ever."""
        return sql("LEAST({deadline}, :now + :day)", deadline=self.deadline, day=DAY)

    def looks_again(self) -> Sql:
        return self.looks_at()

    def look(self) -> Sql:
        return sql("""(SELECT CASE h.status WHEN 'done' THEN 1 WHEN 'dead' THEN 0 END FROM errand h
            WHERE h.node_id = :node AND h.token_id = b.id AND h.visit = b.seq)""")

    def route(self) -> Sql:
        late = [(self.overdue, sql("'timeout'"))] if self.timeout else []
        return case([(sql("b.seen = 1"), sql("'ok'")), (sql("b.seen = 0"), sql("'failed'")), *late])

    def wakes_on(self) -> tuple[str, ...]:
        return ("errand_done", "errand_failed")

    def arrivals(self, rows: Sql, place: Place) -> list[Sql]:
        body = None if self.body is None else json.dumps(self.body)
        return [errands.queue(rows, kind="webhook", node_id=place.node_id, journey_id=place.journey_id, target=self.url,
                              body=body, holds=True)]

    def describe(self) -> str:
        return f"Call {self.url} and wait for the answer{f', at most {in_words(self.timeout)}' if self.timeout else ''}."


class Notify(Node):
    """Mail a colleague about the contact: a line or two written here, or one of the messages."""

    type: Literal["notify"] = "notify"
    to: Annotated[str, BeforeValidator(_colleague)] = Field(description="owner, or the e-mail address of a colleague")
    subject: Text | None = Field(default=None, max_length=200, description="the contact's name unless said")
    text: Text | None = Field(default=None, max_length=10_000, json_schema_extra={"kind": "long_text"})
    template: str | None = Field(default=None, json_schema_extra={"kind": "template"})
    label, icon, tint, group = "Notify", "notifications", BLUE, "Sales"
    example: ClassVar = {"to": "owner", "text": "{{ contact.email }} asked for a demo.", "next": "END"}
    variants: ClassVar = ({"to": "owner", "template": "welcome", "next": "END"},)
    fresh: ClassVar = {"to": "owner"}
    ways: ClassVar = {"A text": ("text", "subject"), "A message": ("template",)}

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.text is None) == (self.template is None):
            raise ValueError("write what the mail says: either `text` or `template`")
        if self.template is not None and self.subject is not None:
            raise ValueError("`subject` does not go with `template`: the message has its own")
        return self

    def effects(self, place: Place) -> list[Sql]:
        leaving = sql("(SELECT b.id, b.enrollment_id, b.contact_id, b.seq FROM batch b WHERE b.port IS NOT NULL)")
        said = {"template": self.template} if self.template else {"subject": self.subject or SUBJECT, "text": self.text}
        return [errands.queue(leaving, kind="notice", node_id=place.node_id, journey_id=place.journey_id, target=self.to,
                              body=json.dumps(said), holds=False)]

    def check(self, known: Known) -> list[Problem]:
        return check_template(self.id, self.template, "email", known) if self.template else []

    def describe(self) -> str:
        what = f"“{self.template}”" if self.template else "about the contact"
        return f"Mail {'the owner' if self.to == OWNER else self.to} {what}."


class Approval(Deadline):
    """Wait until a colleague says yes or no."""

    type: Literal["approval"] = "approval"
    holds: ClassVar = True
    question: Text = Field(min_length=1, max_length=500)
    label, icon, tint, group = "Approval", "how_to_reg", AMBER, "Waits"
    example: ClassVar = {"question": "Send the offer?", "timeout": "3d", "on": {"approved": "END", "declined": "END",
                                                                               "timeout": "END"}}
    fresh: ClassVar = {"timeout": "3d"}

    @model_validator(mode="after")
    def _asked(self) -> Self:
        if not self.question.strip():
            raise ValueError("write what is asked")
        return self

    @property
    def ports(self) -> tuple[str, ...]:
        return (*DECISIONS, *(("timeout",) if self.timeout else ()))

    def looks_at(self) -> Sql:
        return self.deadline

    def look(self) -> Sql:
        """The event of the first decision about this visit; its negative when somebody said no."""
        names = join(", ", [sql(":name", name=name) for name in DECISIONS.values()])
        return sql("""(SELECT CASE x.name WHEN :yes THEN x.id ELSE -x.id END FROM event x WHERE x.contact_id = b.contact_id
            AND x.name IN ({names}) AND x.id <= :upto AND x.object = CAST(b.id AS TEXT) || ':' || CAST(b.seq AS TEXT)
            AND x.occurred_at <= {deadline} ORDER BY x.id LIMIT 1)""", yes=DECISIONS["approved"], names=names,
                   deadline=self.deadline)

    def route(self) -> Sql:
        late = [(self.overdue, sql("'timeout'"))] if self.timeout else []
        return case([(sql("b.seen > 0"), sql("'approved'")), (sql("b.seen < 0"), sql("'declined'")), *late])

    def behind(self) -> Sql:
        return sql(":upto")

    def wakes_on(self) -> tuple[str, ...]:
        return tuple(DECISIONS.values())

    def check(self, known: Known) -> list[Problem]:
        if self.timeout:
            return []
        return [Problem(self.id, "wait_without_timeout", "People may wait here for ever: give it a timeout.", "warning")]

    def describe(self) -> str:
        return f"Ask a colleague “{self.question}” and wait for the answer{self.limit}."

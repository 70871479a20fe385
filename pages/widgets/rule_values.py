"""One widget per kind of input of a rule; what is typed goes straight into the condition's document."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import streamlit as st

from engine.activity import events
from engine.audience.rules import OPERATORS, STAGES, Ask, Known, Operator
from engine.people.accounts import ROLES
from engine.people.consent import CHANNELS, STATUSES
from engine.people.fields import Field

from . import state
from .rule_inputs import Doc, alive, begin, choose, choose_many, duration_in, number_in, type_in

COUNT_WORDS = {"at_least": "at least", "at_most": "at most", "exactly": "exactly", "more_than": "more than",
               "less_than": "less than"}
AGE_WORDS = {"at_least": "for at least", "at_most": "for at most", "more_than": "for more than", "less_than": "for less than"}
SPENDING_WORDS = {"total": "in all", "average": "an order"}
ANSWER_WORDS = {"all": "all of the last", "any": "at least one of the last"}
PLAIN_PROPERTIES = ("object", "value", "currency")
_PROPERTY_KINDS = {"object": "text", "currency": "text", "value": "number"}


def ask_widget(ask: Ask, doc: Doc, key: str, known: Known, own_number: bool) -> None:
    """Draw the widget for one input. own_number: the leaf asks for its number separately."""
    if ask.kind == "comparison":
        _comparison(ask, doc, key, known)
    elif ask.kind == "count":
        _count(doc, key, own_number)
    else:
        _WIDGETS[ask.kind](ask, doc, key, known)


# ------------------------------------------------------------ one per kind


def _field(ask: Ask, doc: Doc, key: str, known: Known) -> None:
    fields = known.fields if ask.kind == "field" else known.account_fields

    def other_kind() -> None:
        found = fields.get(str(doc[ask.key]).casefold())
        if found and not OPERATORS[doc.get("op", "is")].allows(found.kind):
            doc["op"] = next(row.key for row in OPERATORS.values() if row.allows(found.kind))
        doc.pop("value", None)
        _forget(key.rpartition(".")[0])

    choose(ask.label, doc, ask.key, key, [one.name for one in fields.values()], then=other_kind)


def _forget(prefix: str) -> None:
    """Let the widgets of a row begin anew: what they compare has changed."""
    for name in [name for name in st.session_state if isinstance(name, str) and name.startswith(f"{prefix}.op")]:
        del st.session_state[name]


def _event(ask: Ask, doc: Doc, key: str, known: Known) -> None:
    del known
    choose(ask.label, doc, ask.key, key, event_names(), width=200, new=True)


def _within(ask: Ask, doc: Doc, key: str, known: Known) -> None:
    del known
    if ask.label:
        st.markdown(ask.label.lower(), width="content")
    duration_in(ask.label, doc, ask.key, key)


def _template(ask: Ask, doc: Doc, key: str, known: Known) -> None:
    """Only of what a message brought about."""
    if str(doc.get("event") or "").startswith(("email_", "sms_", "message_")):
        choose(ask.label, doc, ask.key, key, [one.name for one in known.templates.values()], width=200)


SIDES = ("before", "after")


def _day_offset(ask: Ask, doc: Doc, key: str, known: Known) -> None:
    """Whole days before or after; none is the day itself."""
    del known
    held = str(doc.get(ask.key) or "")
    days = held.removesuffix("d").removeprefix("-")
    many = begin(f"{key}.n", int(days) if days.isdecimal() else 0)
    side = begin(f"{key}.side", "before" if held.startswith("-") else "after")

    def keep() -> None:
        number = st.session_state[f"{key}.n"] or 0
        sign = "-" if st.session_state[f"{key}.side"] == "before" else ""
        doc[ask.key] = f"{sign}{int(number)}d" if number else None

    st.number_input(ask.label, value=many, key=f"{key}.n", on_change=alive(keep), min_value=0, max_value=366, width=130,
                    label_visibility="collapsed")
    st.selectbox("Side", SIDES, SIDES.index(side), key=f"{key}.side", on_change=alive(keep), width=150,
                 label_visibility="collapsed", format_func=lambda one: f"days {one} it")


def _answer(ask: Ask, doc: Doc, key: str, known: Known) -> None:
    """All of them or one at least, and the event that answers: a key of the document each."""
    held = next((word for word in ANSWER_WORDS if word in doc), ask.key)
    doc.setdefault(held, None)
    said = begin(f"{key}.q", held)

    def keep() -> None:
        answer = doc.pop(held)
        doc[st.session_state[f"{key}.q"]] = answer

    chosen = Ask(held, "Answer", "event")
    _event(chosen, doc, f"{key}.e", known)
    st.selectbox(ask.label, list(ANSWER_WORDS), list(ANSWER_WORDS).index(said), key=f"{key}.q",
                 on_change=alive(keep), width=170, label_visibility="collapsed", format_func=ANSWER_WORDS.__getitem__)


def _steps(ask: Ask, doc: Doc, key: str, known: Known) -> None:
    """Events one after another, each with its tests; every step knows its own place, so widgets move with their steps."""
    steps: list[Doc] = doc[ask.key]
    ids: list[str] = st.session_state.setdefault(f"{key}.ids", [])
    ids += [secrets.token_hex(4) for _ in steps[len(ids):]]

    def add() -> None:
        steps.append({"event": None})

    def drop(place: int) -> None:
        del steps[place], ids[place]

    for place, step in enumerate(steps):
        if place:
            st.markdown("then", width="content")
        _event(Ask("event", f"Step {place + 1}", "event"), step, f"{key}.{ids[place]}.event", known)
        _where(Ask("where", "Where", "where"), step, f"{key}.{ids[place]}.where", known)
        if len(steps) > 1:
            st.button("", icon=":material/close:", key=f"{key}.{ids[place]}.x", type="tertiary", on_click=drop, args=(place,),
                      help=f"Without step {place + 1}")
    st.button("Step", icon=":material/add:", key=f"{key}.add", type="tertiary", on_click=add)


def _without(ask: Ask, doc: Doc, key: str, known: Known) -> None:
    """Something that was not done; no event: nothing."""
    kept: Doc = dict(doc.get(ask.key) or {"event": None})
    st.markdown(ask.label, width="content")
    _event(Ask("event", "Without", "event"), kept, f"{key}.event", known)
    kept["event"] = st.session_state.get(f"{key}.event")
    doc[ask.key] = {name: value for name, value in kept.items() if value} if kept["event"] else None


def _where(ask: Ask, doc: Doc, key: str, known: Known) -> None:
    """Tests of the event's properties, one after the other."""
    tests: dict[str, Any] = doc.setdefault(ask.key, {})
    event = str(doc.get("event") or doc.get("days_since") or "")
    for place, name in enumerate(list(tests)):
        _test(tests, name, f"{key}.{place}.{name}", event, known)
    free = [one for one in PLAIN_PROPERTIES if one not in tests]
    added = f"{key}.add-{len(tests)}"

    def add() -> None:
        if name := (st.session_state[added] or "").strip():
            tests[name] = {"op": "is", "value": None}

    st.selectbox("Where", free, key=added, on_change=alive(add), index=None, width=120, label_visibility="collapsed",
                 placeholder="where …", accept_new_options=True)


def _test(tests: dict[str, Any], name: str, key: str, event: str, known: Known) -> None:
    found = tests[name] if isinstance(tests[name], dict) else {"op": "is", "value": tests[name]}
    tests[name] = found
    st.markdown(f"where {state.escaped(name)}", width="content")
    kind = _PROPERTY_KINDS.get(name, "text")
    options = tuple(event_objects(event)) if name == "object" and event else ()
    if known.in_journey and kind == "text":
        _as_trigger(tests, name, key)
    if "trigger" in found:
        type_in("the trigger's", found, "trigger", f"{key}.same")
    else:
        _compare(found, f"{key}.op", Field(name, name, kind, name), suggestions=options, loose=name not in _PROPERTY_KINDS)
    st.button("", icon=":material/close:", key=f"{key}.x", type="tertiary", on_click=tests.pop, args=(name, None),
              help=f"Without the test of {name}")


def _as_trigger(tests: dict[str, Any], name: str, key: str) -> None:
    """Whether the property is compared with what brought the person into the journey: this very cart, this webinar."""
    same = begin(f"{key}.as", "trigger" in tests[name])

    def keep() -> None:
        tests[name] = {"trigger": name} if st.session_state[f"{key}.as"] else {"op": "is", "value": None}
        _forget(key)

    st.toggle("as the trigger says", same, key=f"{key}.as", on_change=alive(keep),
              help="The same as a property of the event that brought the person here.")


def _count(doc: Doc, key: str, own_number: bool) -> None:
    doc.setdefault("op", "at_least")
    choose("How often", doc, "op", f"{key}.c", list(COUNT_WORDS), width=120, words=COUNT_WORDS.__getitem__)
    if not own_number:
        doc.setdefault("count", 1)
        number_in("times", doc, "count", f"{key}.n", whole=True, width=110)
        st.markdown("times", width="content")


# ------------------------------------------------------------ comparisons


def _comparison(ask: Ask, doc: Doc, key: str, known: Known) -> None:
    if ask.key != "op":  # a number of its own, such as the score
        _compare(doc.setdefault(ask.key, {"op": "at_least", "value": 0}), key, Field(ask.key, ask.key, "number", ask.key))
        return
    name = str(doc.get("field") or doc.get("account") or "").casefold()
    found = (known.fields if "field" in doc else known.account_fields).get(name)
    if found:
        _compare(doc, key, found)


def _compare(doc: Doc, key: str, field: Field, *, suggestions: Sequence[str] = (), loose: bool = False) -> None:
    """An operator and its value. loose: nobody knows the kind of the value: what looks like a number is one."""
    possible = {row.key: row for row in OPERATORS.values() if row.allows(field.kind) or (loose and row.allows("number"))}
    doc.setdefault("op", "is")

    def other() -> None:
        if possible[doc["op"]].takes != taken:
            doc.pop("value", None)
            for name in [name for name in st.session_state if isinstance(name, str) and name.startswith(f"{key}.v")]:
                del st.session_state[name]

    taken = possible[doc["op"]].takes if doc["op"] in possible else "one"
    choose("Comparison", doc, "op", f"{key}.o", list(possible), width=150, words=lambda one: possible[one].label, then=other)
    if doc["op"] in possible:
        _value(possible[doc["op"]], doc, f"{key}.v", field, suggestions, loose)


def _value(operator: Operator, doc: Doc, key: str, field: Field, suggestions: Sequence[str], loose: bool) -> None:
    if operator.takes == "nothing":
        doc.pop("value", None)
    elif operator.takes == "duration":
        duration_in("for", doc, "value", key)
    elif operator.takes == "many":
        _many(doc, key, field, suggestions)
    elif operator.takes == "two":
        _two(doc, key, field)
    else:
        _one(doc, key, field, suggestions, loose)


CHANCE_WORDS = {"at_least": "at least", "at_most": "at most", "top": "among the top"}


def _chance(doc: Doc, key: str) -> None:
    """A probability, or a share from the top: percent on the page, 0 to 1 in the document."""
    how = "top" if "top" in doc else doc.get("op") or "at_least"
    held = doc.get("top" if how == "top" else "value")
    how = begin(f"{key}.how", how if how in CHANCE_WORDS else "at_least")
    now = begin(f"{key}.n", round(100 * held, 4) if isinstance(held, int | float) else None)

    def keep() -> None:
        for part in ("op", "value", "top"):
            doc.pop(part, None)
        chosen, percent = st.session_state[f"{key}.how"], st.session_state[f"{key}.n"]
        share = None if percent is None else percent / 100
        doc.update({"top": share} if chosen == "top" else {"op": chosen, "value": share})

    st.selectbox("How likely", list(CHANCE_WORDS), list(CHANCE_WORDS).index(how), key=f"{key}.how", on_change=alive(keep),
                 width=150, label_visibility="collapsed", format_func=CHANCE_WORDS.__getitem__)
    st.number_input("percent", value=now, key=f"{key}.n", on_change=alive(keep), width=120, label_visibility="collapsed",
                    min_value=0.0, max_value=100.0, step=5.0, placeholder="percent")


def _one(doc: Doc, key: str, field: Field, suggestions: Sequence[str] = (), loose: bool = False) -> None:
    if field.kind == "bool":
        choose("yes or no", doc, "value", key, [True, False], width=110, words=lambda one: "yes" if one else "no")
    elif field.kind == "number":
        number_in("a number", doc, "value", key)
    elif field.kind in ("date", "datetime"):
        _day(doc, key)
    elif field.options or suggestions or field.key == "stage":
        choose("a value", doc, "value", key, field.options or suggestions or STAGES, new=not field.options, width=190)
    else:
        type_in("a value", doc, "value", key, read=_guess if loose else str)


def _guess(typed: str) -> Any:
    try:
        number = float(typed)
    except ValueError:
        return typed
    return int(number) if number.is_integer() else number


def _day(doc: Doc, key: str) -> None:
    held = str(doc.get("value") or "")[:10]
    try:
        day = begin(key, date.fromisoformat(held) if held else None)
    except ValueError:
        day = begin(key, None)

    def keep() -> None:
        doc["value"] = st.session_state[key].isoformat() if st.session_state[key] else None

    st.date_input("a day", day, key=key, on_change=alive(keep), width=150, label_visibility="collapsed", format="YYYY-MM-DD")


def _two(doc: Doc, key: str, field: Field) -> None:
    held = doc.get("value")
    pair: Doc = {"low": held[0], "high": held[1]} if isinstance(held, list) and len(held) == 2 else {"low": None, "high": None}
    for part in ("low", "high"):
        one: Doc = {"value": pair[part]}
        _one(one, f"{key}.{part}", field)
        typed = st.session_state.get(f"{key}.{part}")
        pair[part] = typed.isoformat() if isinstance(typed, date) else typed
        if part == "low":
            st.markdown("and", width="content")
    doc["value"] = [pair["low"], pair["high"]]


def _many(doc: Doc, key: str, field: Field, suggestions: Sequence[str]) -> None:
    if not isinstance(doc.get("value"), list):
        doc["value"] = []
    shown: Doc = {"value": [str(one) for one in doc["value"]]}
    choose_many("values", shown, "value", key, field.options or suggestions, new=not field.options)
    typed = list(st.session_state.get(key, []))
    doc["value"] = [_guess(one) for one in typed] if field.kind == "number" else typed


@st.cache_data(max_entries=8, ttl=60, show_spinner=False)
def _event_names(url: str) -> list[str]:
    del url
    return events.names(state.store())


def event_names() -> list[str]:
    """Every event name of the workspace, a minute old at most."""
    return _event_names(state.config().database_url)


@st.cache_data(max_entries=64, ttl=60, show_spinner=False)
def _event_objects(url: str, name: str) -> list[str]:
    del url
    return events.objects(state.store(), name)


def event_objects(name: str) -> list[str]:
    """The objects of an event, a minute old at most."""
    return _event_objects(state.config().database_url, name)


_WIDGETS: Mapping[str, Callable[[Ask, Doc, str, Known], None]] = {
    "field": _field, "account_field": _field, "event": _event, "where": _where, "duration": _within,
    "answer": _answer, "steps": _steps, "without": _without,
    "text": lambda ask, doc, key, _: type_in(ask.label.lower(), doc, ask.key, key),
    "list": lambda ask, doc, key, known: choose(ask.label, doc, ask.key, key, [one.name for one in known.lists.values()]),
    "segment": lambda ask, doc, key, known: choose(ask.label, doc, ask.key, key,
                                                    [one.name for one in known.segments.values()], width=220),
    "stage": lambda ask, doc, key, _: choose(ask.label, doc, ask.key, key, STAGES, width=150),
    "age": lambda ask, doc, key, _: choose(ask.label, doc, ask.key, key, list(AGE_WORDS), width=150,
                                            words=AGE_WORDS.__getitem__),
    "date_field": lambda ask, doc, key, known: choose(
        ask.label, doc, ask.key, key, [one.name for one in known.fields.values() if one.kind in ("date", "datetime")]),
    "day_offset": _day_offset, "template": _template,
    "loose_comparison": lambda _ask, doc, key, _: _compare(doc, key, Field("", "", "text", ""), loose=True),
    "stages": lambda ask, doc, key, _: choose_many(ask.label, doc, ask.key, key, STAGES),
    "buying_roles": lambda ask, doc, key, _: choose_many(ask.label, doc, ask.key, key, list(ROLES)),
    "model": lambda ask, doc, key, known: choose(ask.label, doc, ask.key, key, [one.name for one in known.models.values()],
                                                  width=190),
    "chance": lambda _, doc, key, __: _chance(doc, key),
    "topic": lambda ask, doc, key, known: choose(ask.label, doc, ask.key, key, [one.name for one in known.topics.values()],
                                                  width=190),
    "amount": lambda ask, doc, key, _: choose(ask.label, doc, ask.key, key, ["at_least", "less_than"], width=115,
                                               words=COUNT_WORDS.__getitem__),
    "spending": lambda ask, doc, key, _: choose(ask.label, doc, ask.key, key, list(SPENDING_WORDS), width=105,
                                                 words=SPENDING_WORDS.__getitem__),
    "currency": lambda ask, doc, key, known: type_in(known.currency, doc, ask.key, key, width=75),
    "personas": lambda ask, doc, key, known: choose_many(ask.label, doc, ask.key, key,
                                                         [one.name for one in known.personas.values()]),
    "channel": lambda ask, doc, key, _: choose(ask.label, doc, ask.key, key, CHANNELS, width=110),
    "statuses": lambda ask, doc, key, _: choose_many(ask.label, doc, ask.key, key, STATUSES),
    "number": lambda ask, doc, key, _: number_in(ask.label, doc, ask.key, key),
    "points": lambda ask, doc, key, _: number_in(ask.label, doc, ask.key, key, fine=True, width=110),
    "score_group": lambda ask, doc, key, _: choose("both groups", doc, ask.key, key, ["engagement", "fit"], width=140),
}

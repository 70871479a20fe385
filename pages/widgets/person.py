"""One person: facts, consent, labels, journeys, and what happened, newest first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import streamlit as st

from engine.activity import timeline, verdicts
from engine.audience import affinity, personas, scoring, segments
from engine.audience.lifecycle import STAGES
from engine.clock import in_words
from engine.errors import NotFound
from engine.loop import explain
from engine.measure import worth
from engine.outreach import limits, opt_in
from engine.people import accounts, contacts, fields
from engine.people.consent import STATUSES
from engine.people.contacts import Contact, listing
from engine.service import editing
from engine.service.editing import Edit

from . import facts, state, why
from .tables import money, say_count

SECTIONS = {"timeline": "Timeline", "journeys": "Journeys", "score": "Score", "facts": "Facts"}
STEPS = 50
TOPICS = 6
_STATUS_COLORS = {"subscribed": "green", "pending": "orange", "unsubscribed": "red", "bounced": "red", "complained": "red"}
_ICONS = {"event": "bolt", "change": "edit", "consent": "verified_user", "segment": "filter_alt", "journey": "account_tree",
          "journey end": "logout", "score": "leaderboard", "merge": "merge"}


def when(at: int | None) -> str:
    """A moment for a sentence, UTC."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def show(contact_id: int) -> None:
    """Everything about a contact. Raises NotFound."""
    state.link_to("contacts", "All contacts", icon=":material/arrow_back:")
    found = contacts.get(state.store(), contact_id)
    name = " ".join(filter(None, (found.first_name, found.last_name))) or found.email or found.external_id or "A visitor"
    left, right = state.beside(2, 3, gap="large")
    with left:
        st.subheader(state.escaped(name), anchor=False)
        _badges(found)
        _card(found)
        _value(found)
        _interests(found)
        _consent(found)
        _labels(found)
    with right:
        _sections(found)


def _sections(found: Contact) -> None:
    view = state.section(SECTIONS, "show", keep=("contact",))
    {"timeline": _timeline, "journeys": _journeys, "score": _score, "facts": _facts}[view](found)


def _who(found: Contact) -> str:
    """How a command names this contact. Raises NotFound: neither address nor id."""
    who = found.email or found.external_id
    if who is None:
        raise NotFound("This contact has neither an address nor an id: it can be changed once it has one.")
    return who


def _badges(found: Contact) -> None:
    with st.container(horizontal=True, gap="small"):
        st.badge(found.stage or "no stage", icon=":material/stairs:", color="violet" if found.stage else "gray")
        if persona := personas.persona_of(state.store(), found.id):
            st.badge(state.escaped(persona), icon=":material/face:", color="green")
        st.badge(f"engagement {found.engagement_score}", icon=":material/local_fire_department:", color="orange")
        st.badge(f"fit {found.fit_score}", icon=":material/target:", color="blue")
        if found.restricted:
            st.badge("processing restricted", color="red")
        if found.do_not_sell:
            st.badge("do not sell or share", color="red")
        if found.is_test:
            st.badge("test person", color="gray")


def _card(found: Contact) -> None:
    known = {"E-mail": found.email, "External id": found.external_id, "Phone": found.phone,
            "Time zone": found.time_zone, "Locale": found.locale, "Prefers": found.preferred_channel, "Owner": found.owner,
            "Source": found.source, "Known since": when(found.created_at), **found.fields}
    rows = {label: value for label, value in known.items() if value is not None and value != ""}
    if found.account:
        _company(found)
    facts.card(rows)


def _value(found: Contact) -> None:
    """Orders and what they brought, by currency; nothing of who never bought."""
    value = worth.of_contact(state.store(), found.id, now=state.now())
    if not value.orders:
        return
    unpriced = f", {value.unpriced:,} of them without a value" if value.unpriced else ""
    with st.container(border=True, gap=None):
        st.markdown("**Customer value**", help="Purchases by people. The next 12 months: the average order times the orders "
                    "per 365 days since the first one, if it goes on as it did. Rules ask with “Spent”.")
        facts.lines({"Orders": f"{value.orders:,}{unpriced}", "Last order": when(value.last_at)[:10]})
        for one in value.worth:
            facts.lines({"Spent": money(one.revenue_minor, one.currency),
                         "Average order": money(one.average_minor, one.currency),
                         "Next 12 months": f"not said: {one.why_not}" if one.next_year_minor is None else
                         f"{money(one.next_year_minor, one.currency)}, if it goes on as it did"})


def _interests(found: Contact) -> None:
    """The topics of what they click and read, the strongest first."""
    if topics := affinity.of_contact(state.store(), found.id, now=state.now())[:TOPICS]:
        with st.container(border=True):
            st.markdown("**Interested in**", help="Clicks and visits of content about a topic. Each counts 1, and half as much "
                        "one half-life later.")
            with st.container(horizontal=True, gap="small"):
                for topic, worth in topics:
                    st.badge(f"{state.escaped(topic)} {worth:.1f}", icon=":material/interests:", color="blue")


def _company(found: Contact) -> None:
    ids = accounts.find_many(state.store(), [accounts.check_name(str(found.account))])
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for number in ids.values():
            state.link_to("contacts", str(found.account), icon=":material/domain:", view="accounts", company=number)
        for role in accounts.roles_of(state.store(), [found.id]).get(found.id, ()):
            st.badge(role, icon=":material/how_to_reg:", color="violet")


def _consent(found: Contact) -> None:
    said = editing.consents_of(state.store(), found.id)
    with st.container(border=True):
        st.markdown("**Consent**")
        if not said:
            st.caption("Has said nothing yet, so nothing may be sent.")
        for (channel, topic), status in said.items():
            st.badge(f"{channel}{' · ' + topic if topic else ''}: {status}", color=_STATUS_COLORS.get(status, "gray"))
        if state.may("sell"):
            with st.container(horizontal=True):
                with st.popover("Change", icon=":material/edit:"):
                    _change_consent(found)
                if found.email and said.get(("email", "")) in (None, "pending"):
                    with st.popover("Ask by mail", icon=":material/mark_email_unread:"):
                        _ask(found)
            _sale(found)


def _sale(found: Contact) -> None:
    """Do not sell or share, as a Californian may ask."""
    said = st.toggle("Do not sell or share", found.do_not_sell, key=f"sale-{found.id}-{found.do_not_sell}",
                     help="Is left out of every export for a third party.")
    if said != found.do_not_sell:
        editing.edit_contact(state.store(), _who(found), Edit({"do_not_sell": said}), by=state.actor(), now=state.now())
        st.rerun()


def _change_consent(found: Contact) -> None:
    with st.form("consent", border=False):
        status = st.selectbox("E-mail", STATUSES[:2])
        source = st.text_input("Where and how they said so", placeholder="by phone on Monday")
        if st.form_submit_button("Save", type="primary"):
            with state.boundary():
                if not source.strip():
                    raise NotFound("Say where and how: it is kept as the proof.")
                editing.edit_contact(state.store(), _who(found), Edit(consents=[("email", str(status), source.strip())]),
                                     by=state.actor(), now=state.now())
                st.rerun()


def _ask(found: Contact) -> None:
    """Double opt-in: a mail with a link; only the answer makes a subscription of it."""
    st.caption("They get one mail with a link. Only when they press the button behind it may anything else be sent. After 30 "
               "days without an answer nobody waits any longer.")
    with st.form("opt-in", border=False):
        text = st.text_input("What they were shown and agreed to", placeholder="Yes, send me the newsletter once a month.")
        source = st.text_input("Where", placeholder="at the fair in Hanover, on paper")
        if st.form_submit_button("Send the question", type="primary"):
            with state.boundary():
                asked = opt_in.ask(state.store(), found.id, text_shown=text, source=source, by=state.actor(), now=state.now())
                st.success(opt_in.waiting_words(asked))


def _labels(found: Contact) -> None:
    store = state.store()
    with st.container(border=True):
        for what, held in (("tag", found.tags), ("list", found.lists)):
            known = sorted({*listing.label_names(store, what), *held})
            key = f"labels-{what}-{found.id}-{'|'.join(held)}"
            chosen = st.multiselect(f"{what.capitalize()}s", known, list(held), key=key, accept_new_options=True,
                                    placeholder="None", disabled=not state.may("sell"))
            added, gone = [one for one in chosen if one not in held], [one for one in held if one not in chosen]
            if added or gone:
                edit = Edit(tags=added, untags=gone) if what == "tag" else Edit(lists=added, unlists=gone)
                editing.edit_contact(store, _who(found), edit, by=state.actor(), now=state.now())
                st.rerun()
        member = [change.segment for change in _current(segments.history(store, found.id))]
        st.caption("Segments")
        with st.container(horizontal=True, gap="small"):
            for name in member:
                state.link_to("segments", name, segment=name)
            if not member:
                st.caption("In none.")


def _current(history: list[segments.Change]) -> list[segments.Change]:
    newest: dict[str, segments.Change] = {}
    for change in history:
        newest.setdefault(change.segment, change)
    return [change for change in newest.values() if change.change == "entered"]


# ------------------------------------------------------------ sections


def _timeline(found: Contact) -> None:
    key = f"timeline-{found.id}"
    many = st.session_state.get(key, STEPS)
    entries = timeline.timeline(state.store(), found.id, limit=many + 1)
    if not entries:
        st.info("Nothing has happened yet.", icon=":material/hourglass_empty:")
    judging = state.may("market") and any(map(_in_doubt, entries)) and st.toggle(
        "Judge visits and clicks", key=f"judging-{found.id}", help="Scanners of mail and crawlers do them as well as people.")
    day = ""
    for entry in entries[:many]:
        if when(entry.at)[:10] != day:
            day = when(entry.at)[:10]
            st.caption(day)
        _entry(entry, judging)
    if len(entries) > many and st.button("Show earlier", icon=":material/expand_more:"):
        st.session_state[key] = many + STEPS
        st.rerun()


def _entry(entry: timeline.Entry, judging: bool) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center", wrap=False):
        st.markdown(f":material/{_ICONS.get(entry.kind, 'circle')}: :gray[{when(entry.at)[11:]}]", width=90)
        st.text(entry.text, width="stretch")
        if message := entry.detail.get("message_id"):
            state.link_to("activity", "Message", icon=":material/mail:", view="messages", message=message)
        if judging and _in_doubt(entry):
            verdict = entry.detail.get("verdict")
            if st.button(ask_judge(verdict), key=f"judge-{entry.id}", type="tertiary",
                         icon=f":material/{'person' if verdict == 'machine' else 'smart_toy'}:"):
                judge_dialog(entry)


def _in_doubt(entry: timeline.Entry) -> bool:
    return entry.kind == "event" and verdicts.in_doubt(entry.detail["name"], entry.detail.get("verdict"))


def ask_judge(verdict: str | None) -> str:
    """What the button asks that opens the dialog."""
    return "A person?" if verdict == "machine" else "A machine?"


@st.dialog("Who did this?")
def judge_dialog(entry: timeline.Entry) -> None:
    """Say that a person or a machine did it, and why; or take back what was said last."""
    said, past = entry.detail.get("verdict"), verdicts.history(state.store(), entry.id)
    st.markdown(f"**{state.escaped(entry.text)}** at {when(entry.at)}")
    for label, key in (("Browser", "user_agent"), ("Address", "ip")):
        if value := entry.detail.get("props", {}).get(key):
            st.caption(f"{label}: {state.escaped(value)}")
    st.markdown(f"Counts as done by {_judged(said)}." if said else "Nobody has judged it: it counts as done by a person.")
    other = "human" if said == "machine" else "machine"
    why = st.text_input("What gives it away?", placeholder="two seconds after it was sent" if other == "machine" else
                        "she told us so on the phone")
    with st.container(horizontal=True):
        judged = st.button(f"It was {_judged(other)}", type="primary")
        undone = bool(past) and st.button("Take back what was said last", icon=":material/undo:")
    if judged or undone:
        with state.boundary():
            if judged:
                verdicts.judge(state.store(), [entry.id], other, why, by=state.actor(), now=state.now())
            else:
                verdicts.take_back(state.store(), [entry.id], by=state.actor(), now=state.now())
            st.rerun()
    for one in past:
        st.caption(f"{when(one.at)} {state.escaped(one.actor)}: {_judged(one.new)} instead of {_judged(one.old)}"
                   + (f", {state.escaped(one.reason)}" if one.reason else ""))
    st.caption("Segments, scores and what waits in journeys go by it from the next tick on. Ways already taken stay.")


def _judged(verdict: str | None) -> str:
    return {"human": "a person", "machine": "a machine"}.get(verdict or "", "not judged")


def _journeys(found: Contact) -> None:
    why.ask_why_not(_who(found))
    passages = explain.explain(state.store(), _who(found))
    if not passages:
        st.info("Has not been in a journey yet.", icon=":material/account_tree:")
    for passage in passages:
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                state.link_to("journeys", f"{passage.journey}, version {passage.version}", journey=passage.journey,
                              version=passage.version, dot=found.id)
                st.badge("paused" if passage.paused else f"{passage.status}: {passage.reason}" if passage.reason else
                         passage.status, color="green" if passage.status == "active" and not passage.paused else "gray")
            st.caption(f"Entered {when(passage.started_at)} by {state.escaped(passage.entered_by)}"
                       + (f", key {state.escaped(passage.key)}" if passage.key else "")
                       + (f", left {when(passage.ended_at)}" if passage.ended_at else ""))
            for step in passage.steps:
                st.text(f"{when(step.at)}  {step.sentence or step.node}" + (f" → {step.port}" if step.port else "")
                        + (f" ({limits.REASONS.get(step.reason, step.reason)})" if step.reason else "")
                        + (f", because of {step.event}" if step.event else ""))
            for place in passage.waiting:
                st.markdown(f":material/hourglass_top: **Waits** at {state.escaped(place.sentence or place.node)} since "
                            f"{when(place.since)}" + (f", until {when(place.due_at)} at the latest" if place.due_at else "")
                            + (f": {limits.REASONS.get(place.reason, place.reason)}" if place.reason else ""))


def _score(found: Contact) -> None:
    entries = scoring.entries(state.store(), found.id, now=state.now())
    st.markdown(f"Engagement **{found.engagement_score}**, fit **{found.fit_score}**: the sum of "
                f"{say_count(len(entries), 'entry', 'entries')}.")
    st.dataframe([{"at": when(one.at), "group": one.group, "points": one.points, "worth now": one.worth, "reason": one.reason}
                  for one in reversed(entries[-1_000:])], hide_index=True)


def _facts(found: Contact) -> None:
    """Every fact that a person may change by hand."""
    known = [one for one in fields.catalogue(state.store()).values() if one.key not in ("created_at", "source", "do_not_sell")]
    held = {one.name: found.fields.get(one.name) if one.made else getattr(found, one.key) for one in known}
    with st.form("facts"):
        typed = facts.inputs([replace(one, options=STAGES) if one.key == "stage" else one for one in known], held)
        if st.form_submit_button("Save", type="primary", disabled=not state.may("sell")) and typed:
            editing.edit_contact(state.store(), _who(found), Edit(typed), by=state.actor(), now=state.now())
            st.toast("Saved.", icon=":material/check:")
            st.rerun()


def say_age(now: int, at: int) -> str:
    """How long ago, in words: the largest whole unit."""
    seconds = max(now - at, 0)
    unit = next((size for size in (86_400, 3_600, 60) if seconds >= size), 1)
    return f"{in_words(seconds // unit * unit)} ago"

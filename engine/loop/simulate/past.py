"""What happened in a span of the past, told again: to replay it, or moved on to stand for what is to come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ...activity import events
from ...clock import HOUR
from ...journeys.nodes.telling import MANUAL
from ...people import contacts
from ...people.fields import catalogue
from ...sql import fold, sql
from ...store import Store
from ..virtual import Happening, Row
from .copying import Cut
from .needs import OWN_SOURCES, only

BOUGHT_AFTER_S = 72 * HOUR  # a purchase so long after a click is the click's
_EVENT = f"""SELECT e.id, e.contact_id, e.name, e.object, e.occurred_at, e.received_at, e.value_minor, e.currency, e.props,
        e.source, e.historic, e.verdict, e.message_id
    FROM event e WHERE e.received_at > :since AND e.received_at <= :until AND e.source NOT IN
    ({', '.join(repr(one) for one in sorted(OWN_SOURCES))}) AND ({{wanted}}) ORDER BY e.id"""


@dataclass
class Story:
    """What is to be told. replies: what people really did with the tried journey's own mail: by contact and template, per
    message in order, the events with the seconds after it was sent."""

    happenings: list[Happening] = field(default_factory=list)
    replies: dict[tuple[int, int], list[list[tuple[int, Row]]]] = field(default_factory=dict)


def replay(store: Store, cut: Cut, until: int, newcomers: list[Row]) -> Story:
    """The past as it was, from the moment of the cut on, but for what the tried journey itself did."""
    story = Story()
    own = _own_messages(store, cut, story)
    arrived = {row["id"]: row["created_at"] for row in newcomers if row["created_at"] <= until}
    story.happenings += [(row["created_at"], "contact", row) for row in newcomers if row["created_at"] <= until]
    for row in _events(store, cut, until):
        if row["message_id"] in own:
            _reply(own[row["message_id"]], row)
        elif _told_by_others(row, cut):
            story.happenings.append((max(row["received_at"], arrived.get(row["contact_id"], 0)), "event", _bare(row)))
    story.happenings += _facts(store, cut, until)
    story.happenings += _consents(store, cut, cut.at or 0, until)
    story.happenings += _letters(store, cut, until)
    if "score_entry" not in cut.without:
        story.happenings += _points(store, cut, until)
    return story


def repeat(store: Store, cut: Cut, *, now: int, shift_s: int, base: int) -> Story:
    """The last `shift_s` seconds once more, as what is to come: the same events, by others at the same stage and with the same
    consent (by the same people, nobody would enter a second time), and for everybody who came in that time somebody new who
    does what they did. What mail causes is left to the rates.

    base: the newest id of a contact."""
    story, since = Story(), now - shift_s
    people = frozenset(cut.people)
    columns, rows = store.table("SELECT c.* FROM contact c WHERE c.created_at > :since AND c.created_at <= :now "
                                "AND c.anonymous = 0 ORDER BY c.id", since=since, now=now)
    new: dict[int, int] = {}
    for row in rows:
        values = dict(zip(columns, row, strict=True))
        if values["id"] in people:
            new[values["id"]] = base + len(new) + 1
            story.happenings.append((values["created_at"] + shift_s, "contact", values | {
                "id": new[values["id"]], "external_id": None, "email": f"newcomer-{new[values['id']]}@example.invalid",
                "created_at": values["created_at"] + shift_s, "fit_score": 0, "engagement_score": 0, "held_until": None,
                "hash31": values["hash31"] * 48_271 % 2_147_483_647}))
    others, clicked = _others(store, cut, new), dict[int, int]()
    past = Cut(cut.people, cut.total, since, cut.events, None, cut.segments)
    for event in _events(store, past, now):
        who, at = event["contact_id"], event["occurred_at"]
        if event["message_id"] is not None or not _told_by_others(event, past):
            if event["name"].endswith("_clicked") and event["verdict"] != "machine":
                clicked[who] = event["occurred_at"]
        elif not (event["name"] == "purchase" and event["occurred_at"] - clicked.get(who, -BOUGHT_AFTER_S) < BOUGHT_AFTER_S):
            known_at = at if event["historic"] else event["received_at"]  # with what was known then, such as consent
            story.happenings.append((max(now + 1, known_at + shift_s), "event", _bare(event) | {
                "contact_id": others.get(who, who), "occurred_at": at + shift_s, "historic": 0}))
    for at, kind, said in _consents(store, past, since, now):
        if said["contact_id"] in new:
            story.happenings.append((at + shift_s, kind, said | {"contact_id": new[said["contact_id"]]}))
    return story


def _others(store: Store, cut: Cut, new: dict[int, int]) -> dict[int, int]:
    """Who stands for whom: newcomers for those who came, everybody else for somebody half a round away in their group."""
    groups: dict[tuple[str, str], list[int]] = {}
    people = frozenset(cut.people) - new.keys()
    for who, stage, said in store.rows("""SELECT c.id, COALESCE(c.stage, ''), COALESCE((SELECT s.status FROM consent s
            WHERE s.contact_id = c.id AND s.channel = 'email' AND s.topic = '' ORDER BY s.at DESC, s.id DESC LIMIT 1), '')
            FROM contact c WHERE c.anonymous = 0 ORDER BY c.hash31, c.id"""):
        if who in people:
            groups.setdefault((stage, said), []).append(who)
    turned = {who: group[(place + len(group) // 2) % len(group)] for group in groups.values()
              for place, who in enumerate(group)}
    return turned | new


# ------------------------------------------------------------ what lies in the logs


def _events(store: Store, cut: Cut, until: int) -> Iterator[Row]:
    people = frozenset(cut.people)
    wanted = sql("1 = 1") if cut.events is None else only("e", cut.events)
    for chunk in store.stream(sql(_EVENT, wanted=wanted), since=cut.at or 0, until=until):
        for row in chunk:
            if row[1] in people:
                yield dict(zip(_COLUMNS, row, strict=True))


_COLUMNS = ("id", "contact_id", "name", "object", "occurred_at", "received_at", "value_minor", "currency", "props", "source",
            "historic", "verdict", "message_id")


def _bare(row: Row) -> Row:
    return {key: value for key, value in row.items() if key not in ("id", "received_at")}


def _told_by_others(row: Row, cut: Cut) -> bool:
    """Not what the copy's own engine will say; a hand that enrolls into the tried journey counts."""
    if row["name"] == MANUAL:
        return bool(row["object"] == str(cut.journey))
    return row["name"] not in events.INTERNAL


def _own_messages(store: Store, cut: Cut, story: Story) -> dict[int, tuple[int, list[tuple[int, Row]]]]:
    """Messages that the tried journey really sent in that time: when, and a place for what came of each."""
    found: dict[int, tuple[int, list[tuple[int, Row]]]] = {}
    for id_, who, template, sent_at in store.rows(
            """SELECT m.id, m.contact_id, m.template_id, COALESCE(m.sent_at, 0) FROM message m
            WHERE m.journey_id = :journey AND m.created_at > :since ORDER BY m.id""", journey=cut.journey or 0,
            since=cut.at or 0):
        came: list[tuple[int, Row]] = []
        found[id_] = sent_at, came
        if sent_at:
            story.replies.setdefault((who, template), []).append(came)
    return found


def _reply(message: tuple[int, list[tuple[int, Row]]], row: Row) -> None:
    if row["source"] not in ("delivery", "admission") and message[0]:
        message[1].append((max(1, row["occurred_at"] - message[0]), {
            key: row[key] for key in ("name", "object", "value_minor", "currency", "props", "verdict", "source")}))


def _facts(store: Store, cut: Cut, until: int) -> Iterator[Happening]:
    """Changes to contacts that the engine of the copy does not make itself."""
    people = frozenset(cut.people)
    fields = catalogue(store)
    mine = {f"journey node {row[0]}" for row in store.rows(
        "SELECT n.id FROM node n JOIN journey_version v ON v.id = n.version_id WHERE v.journey_id = :id", id=cut.journey or 0)}
    for who, kind, name, old, new, at, source in store.rows(
            """SELECT x.contact_id, x.kind, x.name, x.old, x.new, x.at, x.source FROM contact_change x
            WHERE x.at > :since AND x.at <= :until ORDER BY x.id""", since=cut.at or 0, until=until):
        if who not in people or source in mine or source in OWN_SOURCES:
            continue
        if kind in ("tag", "list"):
            yield at, "label", {"contact_id": who, "what": kind, "name": new if old is None else old, "add": old is None}
        elif kind in ("field", "stage", "owner") and fold(name) in fields:
            yield at, "facts", {"contact_id": who, fold(name): contacts.CLEAR if new is None else _text(fields, name, new)}


def _text(fields: dict[str, Any], name: str, new: str) -> Any:
    kind = fields[fold(name)].kind
    return int(float(new)) if kind in ("date", "datetime") else json.loads(new) if kind == "list" else new


def _consents(store: Store, cut: Cut, since: int, until: int) -> Iterator[Happening]:
    people = frozenset(cut.people)
    for row in store.records("""SELECT s.contact_id, s.channel, s.topic, s.status, s.at FROM consent s
            WHERE s.at > :since AND s.at <= :until ORDER BY s.at, s.id""", since=since, until=until):
        if row["contact_id"] in people:
            yield row["at"], "consent", row


def _letters(store: Store, cut: Cut, until: int) -> Iterator[Happening]:
    """Messages of others, as they left."""
    people = frozenset(cut.people)
    columns, rows = store.table("""SELECT m.* FROM message m WHERE m.sent_at > :since AND m.sent_at <= :until
        AND m.status IN ('sent', 'unknown') AND COALESCE(m.journey_id, 0) <> :journey ORDER BY m.id""",
                                since=cut.at or 0, until=until, journey=cut.journey or 0)
    for row in rows:
        values = dict(zip(columns, row, strict=True))
        if values["contact_id"] in people:
            yield values["sent_at"], "message", values


def _points(store: Store, cut: Cut, until: int) -> Iterator[Happening]:
    """What other journeys gave. Rules of the workspace give again in the copy."""
    people = frozenset(cut.people)
    for row in store.records("""SELECT s.contact_id, s.grp, s.points, s.reason, s.at FROM score_entry s
            LEFT JOIN node n ON n.id = s.node_id LEFT JOIN journey_version v ON v.id = n.version_id
            WHERE s.at > :since AND s.at <= :until AND s.rule_id IS NULL AND COALESCE(v.journey_id, 0) <> :journey
            ORDER BY s.id""", since=cut.at or 0, until=until, journey=cut.journey or 0):
        if row["contact_id"] in people:
            yield row["at"], "points", row | {"uncounted": 1}

"""New events and what they do at once: exit rules, goals, triggers, wake-ups.

Events are taken in chunks, each in one transaction together with the watermark. All of a tick's events are heard
before any token moves, and within a chunk the order of ids decides, so the size of a chunk changes no outcome.
Imported events are passed over: they count in rules and wake nothing. What a visitor without a name did is heard once
somebody knows who it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..activity import events
from ..audience import rules, watch
from ..outreach import messages
from ..schema import BRANCHES, ROW, set_watermark, watermark
from ..sql import Sql, join, sql
from ..store import Store
from .live import Live
from .moves import tell_end
from .nodes import Goal, tokens_of
from .nodes.base import names_of, numbered
from .nodes.telling import MANUAL

CONSUMER = "journeys"
FRESH = "e.id > :low AND e.id <= :high AND e.historic = 0"


@dataclass(frozen=True)
class Interrupt:
    """Takes an enrollment away from wherever it stands: to a goal, or out."""

    names: frozenset[str]
    by_event: Sql
    by_time: Sql | None


@dataclass(frozen=True)
class Hearing:
    """A version's ears, compiled once."""

    version: Live
    interrupts: tuple[Interrupt, ...]
    enroll: Sql | None
    place: tuple[Sql, ...]
    enrolls_on: frozenset[str]
    wakes_by_time: tuple[Sql, ...]


def ears(version: Live) -> Hearing:
    """What a version listens to, as statements."""
    names = ears_at_entry(version) if version.status == "live" else frozenset()
    return Hearing(version, tuple(_interrupts(version)), _enrolling(version) if names else None, _place(version), names,
                   tuple(_wakes_by_time(version)))


def chunks(store: Store, upto: int, size: Callable[[], int]) -> Iterator[tuple[int, int, int]]:
    """(low, high] ranges of ids that have not been heard, with how many events each holds, at most as many as size says then.
    One empty range when nothing is new: time passes too."""
    low, _ = watermark(store, CONSUMER)
    if low >= upto:
        yield low, low, 0
    while low < upto:
        high, count = store.row("SELECT MAX(q.id), COUNT(*) FROM (SELECT e.id FROM event e WHERE e.id > :low AND e.id <= :upto "
                                "ORDER BY e.id LIMIT :size) q", low=low, upto=upto, size=size()) or (upto, 0)
        yield low, high, count
        low = high


def hear(store: Store, hearings: list[Hearing], low: int, high: int, now: int, begin: Callable[[], None] = lambda: None) -> int:
    """Work off one chunk; the number of rows it touched. begin: told, inside the transaction, that it touched some."""
    _, before = watermark(store, CONSUMER)
    if low == high and not any(one.wakes_by_time or any(cut.by_time for cut in one.interrupts) for one in hearings):
        return 0
    params = {"low": low, "high": high, "now": now, "upto": high, "before": min(before, now) if before else now}
    with store.transaction():
        store.serialize("hear")
        if any(one.version.heard for one in hearings):
            store.serialize("event")
        names = events.names_between(store, low, high)
        touched = _hear_visitors(store, hearings, params) if events.NAMED_NOW in names else 0
        touched += sum(_hear_version(store, one, names, params) for one in hearings)
        if names:
            touched += store.run(_wake(hearings), **params)
        if touched:
            begin()
        set_watermark(store, CONSUMER, high, max(now, before))
    return touched


def _hear_version(store: Store, ears_: Hearing, names: set[str], params: dict[str, Any]) -> int:
    """Alternate until quiet: an exit may clear the way for a later trigger, and an enrollment may be exited at once."""
    touched = sum(store.run(statement, **params) for statement in ears_.wakes_by_time)
    while True:
        done = _interrupt(store, ears_, names, params)
        if ears_.enroll and names & ears_.enrolls_on:
            done += _enroll(store, ears_, params)
        if not done:
            return touched
        touched += done


# ---------------------------------------------------------------- what visitors did before they had a name


def _hear_visitors(store: Store, hearings: list[Hearing], params: dict[str, Any]) -> int:
    """Hear what those who have just been named did before, each event as of when it came. The newest one that enrolls does,
    so that waits count from the last change of a cart; then in order whatever ends a passage or was waited for."""
    heard = [(row, {**params, "low": row[0] - 1, "high": row[0], "upto": row[0]}) for row in _visits(store, params)]
    touched = sum(_enroll(store, one, {**past, "now": at}) for (_, name, at), past in reversed(heard) for one in hearings
                  if one.enroll and name in one.enrolls_on and one.version.published_at <= at)
    for (_, name, _), past in heard:
        touched += sum(_interrupt(store, replace(one, interrupts=tuple(replace(cut, by_time=None) for cut in one.interrupts)),
                                  {name}, past) for one in hearings)
        touched += store.run(_wake(hearings), **past)
    return touched


def _visits(store: Store, params: dict[str, Any]) -> list[tuple[int, str, int]]:
    """(id, name, received_at) of events by people who have just been named, as far as they have been passed over; in order."""
    named = store.rows(f"SELECT e.contact_id, e.props FROM event e WHERE {FRESH} AND e.name = :name", name=events.NAMED_NOW,
                       low=params["low"], high=params["high"])
    wanted = {(who, int(number)) for who, props in named for number in json.loads(props)["events"] if number <= params["low"]}
    return [row for who, number in sorted(wanted, key=lambda one: one[1]) for row in store.rows(
        "SELECT e.id, e.name, e.received_at FROM event e WHERE e.id = :id AND e.contact_id = :who", id=number, who=who)]


# ---------------------------------------------------------------- exits and goals


def _interrupts(version: Live) -> list[Interrupt]:
    exits = [_cut(version, one.rule, None, sql("'exit'"), one.reason, of_colleagues) for one in version.journey.exits
             for of_colleagues in ((False, True) if one.scope == "account" else (False,))]
    goals = [_cut(version, node.rule, _upstream(version.ids[node.id]), sql(f"'{version.ids[node.id]}'"), "goal")
             for node in version.journey.nodes if isinstance(node, Goal)]
    return exits + goals


# Whose enrollment r is cut by something new about whom: the contact c, of whom the rule is asked, or somebody at c's company.
_OWN = "enrollment r CROSS JOIN contact c WHERE {about} AND {who} = r.contact_id AND c.id = r.contact_id"
_COLLEAGUES = """contact c CROSS JOIN contact k CROSS JOIN enrollment r WHERE {about} AND c.id = {who}
    AND k.account_id = c.account_id AND k.id <> c.id AND r.contact_id = k.id"""


def _cut(version: Live, rule: rules.Rule, where: Sql | None, port: Sql, reason: str, of_colleagues: bool = False) -> Interrupt:
    """A rule that says nothing of events is looked at on entering too: a customer does not enter a nurture journey."""
    cut = _COLLEAGUES if of_colleagues else _OWN
    signals = rule.signals()
    names = frozenset(names_of(signals))
    at_entry = where is None and not signals.events
    known = join(", ", [sql(":name", name=name) for name in sorted(names)])
    new = sql("(e.id > r.since_event AND e.name IN ({names}))", names=known)
    heard = sql("({new} OR e.id = r.since_event)", new=new) if at_entry else new
    condition = sql("{rule} AND {where}", rule=rule.probe(sql("e.id")), where=where or sql("1 = 1"))
    by_event = _find(version, sql(f"event e CROSS JOIN {cut}", about=sql(f"{FRESH} AND {{heard}}", heard=heard),
                                  who=sql("e.contact_id")), sql("MIN(e.id)"), condition, port, reason)
    edges = _by_age(signals)
    late = sql("{rule} AND {where}", rule=rule.probe(sql(":high")), where=where or sql("1 = 1"))
    by_time = edges and _find(version, sql(f"({{edges}}) d CROSS JOIN {cut}", edges=edges, who=sql("d.contact_id"),
                                           about=sql("r.since_event <= :high")), sql("MAX(:high)"), late, port, reason)
    return Interrupt(names | (ears_at_entry(version) if at_entry else frozenset()), by_event, by_time)


def _by_age(signals: rules.Signals) -> Sql | None:
    """Contacts of whom time alone may have changed the answer. An event that is new has been heard already."""
    return watch.edges(replace(signals, events=frozenset()))


def ears_at_entry(version: Live) -> frozenset[str]:
    """Names of the events that enroll."""
    return version.journey.entry.event_names | {MANUAL}


def _upstream(goal_id: int) -> Sql:
    return sql(f"""EXISTS (SELECT 1 FROM token ut JOIN upstream u ON u.goal_id = {goal_id} AND u.node_id = ut.node_id
        WHERE ut.id BETWEEN r.id * {BRANCHES} AND r.id * {BRANCHES} + {BRANCHES - 1})""")


def _find(version: Live, source: Sql, event: Sql, condition: Sql, port: Sql, reason: str) -> Sql:
    """Enrollments that the interrupt takes, each with its earliest event; the earliest of all interrupts wins. The plus has
    them found by the contact: SQLite would go through everybody in the version for each event."""
    return sql(f"""INSERT INTO batch ({ROW}, seen, port, reason)
        SELECT r.id * {BRANCHES}, r.id, r.contact_id, r.contact_id % {version.shard_count}, :now, :now, 0, {{event}}, NULL,
               {{event}}, {{port}}, :reason
        FROM {{source}} AND r.status = 'active' AND +r.version_id = {version.id} AND {{condition}}
        GROUP BY r.id, r.contact_id
        ON CONFLICT (id) DO UPDATE SET since_event = excluded.since_event, seen = excluded.seen, port = excluded.port,
            reason = excluded.reason WHERE excluded.seen < batch.seen""",
               event=event, port=port, reason=reason, source=source, condition=condition)


def _interrupt(store: Store, ears_: Hearing, names: set[str], params: dict[str, Any]) -> int:
    wanted = [one.by_event for one in ears_.interrupts if one.names & names]
    wanted += [one.by_time for one in ears_.interrupts if one.by_time]
    if not wanted:
        return 0
    store.run("DELETE FROM batch")
    found = sum(store.run(find, **params) for find in wanted)
    if found:
        for statement in take_away(ears_.version.layout.branch_count):
            store.run(statement, **params)
        if ears_.version.heard:
            store.run(tell_end(ears_.version.journey_id, "exited"), **params)
    return found


def take_away(branch_count: int) -> list[Sql]:
    """Log, end and replace the tokens of the enrollments in the batch; what was queued for them is called off."""
    own = tokens_of(range(branch_count))
    return [
        sql("""INSERT INTO step (token_id, node_id, seq, at, port, seen, reason)
            SELECT s.id, s.node_id, s.seq, :now, CASE b.port WHEN 'exit' THEN 'exited' ELSE 'pulled' END, b.seen,
                   b.reason FROM {own} ORDER BY s.id""", own=own),
        sql("""UPDATE batch SET seq = d.seq + 1 FROM (SELECT b.id, MAX(s.seq) AS seq FROM {own} GROUP BY b.id) d
            WHERE d.id = batch.id""", own=own),
        sql("DELETE FROM token WHERE id IN (SELECT s.id FROM {own})", own=own),
        sql("""UPDATE enrollment SET status = 'exited', reason = b.reason, ended_at = :now, ended_event = b.seen
            FROM batch b WHERE b.enrollment_id = enrollment.id AND b.port = 'exit'"""),
        messages.cancel_for(
            sql("SELECT m.id FROM batch b CROSS JOIN {branches} AS v CROSS JOIN message m "
                f"WHERE m.token_id = b.enrollment_id * {BRANCHES} + v.column1", branches=numbered(range(branch_count))),
            sql(f"(SELECT o.reason FROM batch o WHERE o.id = message.enrollment_id * {BRANCHES})")),
        sql(f"""INSERT INTO token (id, enrollment_id, contact_id, shard, due_at, arrived_at, seq, since_event, memo, node_id)
            SELECT {ROW.replace('memo', 'seen')}, CAST(b.port AS BIGINT) FROM batch b WHERE b.port <> 'exit'"""),
    ]


# ---------------------------------------------------------------- triggers


def _enrolling(version: Live) -> Sql:
    """How events enroll contacts: all triggers and a person's hand in one statement, so that ids decide. Materialized: SQLite
    would walk every event of the trigger's name, of all time."""
    by_hand = sql("e.name = :manual AND e.object = :object", manual=MANUAL, object=str(version.journey_id))
    own = [trigger.match(version.spot(number)) for number, trigger in enumerate(version.journey.entry.triggers)]
    arms = join(" UNION ALL ", [_candidates(version, i, match) for i, match in enumerate([*own, by_hand]) if match])
    return sql("""INSERT INTO enrollment (journey_id, version_id, contact_id, key, props, since_event, started_at, entered_by)
        WITH fresh AS MATERIALIZED (SELECT * FROM event e WHERE {new})
        SELECT {journey}, {version}, q.contact_id, q.key, q.props, q.id, q.received_at, q.entered_by FROM (
            SELECT a.*, ROW_NUMBER() OVER (PARTITION BY a.contact_id, a.key ORDER BY a.id, a.entered_by) AS nth
            FROM ({arms}) a) q
        WHERE q.nth = 1 OR q.concurrent = 1 ORDER BY q.id, q.entered_by ON CONFLICT DO NOTHING""",
               journey=sql(str(version.journey_id)), version=sql(str(version.id)), arms=arms, new=sql(FRESH))


def _candidates(version: Live, entered_by: int, match: Sql) -> Sql:
    reentry = version.journey.entry.reentry
    return sql(f"""SELECT e.id, e.contact_id, e.props, e.received_at, {{key}} AS key, {entered_by} AS entered_by,
            {int(reentry.policy == 'concurrent')} AS concurrent
        FROM fresh e JOIN contact k ON k.id = e.contact_id AND k.anonymous = 0
        WHERE {{match}} AND NOT EXISTS (SELECT 1 FROM enrollment r
            WHERE r.contact_id = e.contact_id AND r.journey_id = {version.journey_id} AND r.key = {{key}} AND {{blocked}})""",
               key=reentry.key_sql, match=match, blocked=reentry.blocked_by())


def _place(version: Live) -> tuple[Sql, ...]:
    """The token of each new enrollment, at the first node."""
    first = version.journey.node(version.journey.first)
    rows = sql(f"""(SELECT r.id * {BRANCHES} AS id, r.id AS enrollment_id, r.contact_id, r.since_event, :now AS arrived_at,
        0 AS seq FROM enrollment r WHERE r.id > :last AND +r.version_id = {version.id})""")
    placed = sql(f"""INSERT INTO token ({ROW}, node_id)
        SELECT b.id, b.enrollment_id, b.contact_id, b.contact_id % {version.shard_count}, {{due}}, b.arrived_at, b.seq,
               b.since_event, NULL, {version.ids[first.id]} FROM {{rows}} b""", due=first.looks_at(), rows=rows)
    return placed, *first.arrivals(rows, version.place(first.id))


def _enroll(store: Store, ears_: Hearing, params: dict[str, Any]) -> int:
    assert ears_.enroll
    last = store.one("SELECT MAX(r.id) FROM enrollment r") or 0
    made = store.run(ears_.enroll, **params)
    if made:
        for statement in ears_.place:
            store.run(statement, **params, last=last)
    return made


# ---------------------------------------------------------------- wake-ups


def wake(branch_count: int) -> Sql:
    """Whoever waits at a node that listens to a new event is due. The plus keeps the joins in this order."""
    return sql(f"""UPDATE token SET due_at = :now WHERE due_at > :now AND id IN (
        SELECT t.id FROM event e CROSS JOIN enrollment r CROSS JOIN {{branches}} AS v
        CROSS JOIN token t CROSS JOIN listener l
        WHERE {FRESH} AND r.contact_id = e.contact_id AND r.status = 'active'
          AND t.id = r.id * {BRANCHES} + v.column1 AND l.node_id = +t.node_id AND l.event = e.name)""",
               branches=numbered(range(branch_count)))


def _wake(hearings: list[Hearing]) -> Sql:
    return wake(max((one.version.layout.branch_count for one in hearings), default=1))


def _wakes_by_time(version: Live) -> list[Sql]:
    """Rules that time alone can make true or false: whoever waits at such a node is looked at when a window ends."""
    branches, found = numbered(range(version.layout.branch_count)), []
    for node in version.journey.nodes:
        signals = node.watches() if not isinstance(node, Goal) or node.otherwise == "wait" else None
        edges = _by_age(signals) if signals else None
        if edges:
            found.append(sql(f"""UPDATE token SET due_at = :now WHERE due_at > :now AND id IN (
                SELECT t.id FROM ({{edges}}) d CROSS JOIN enrollment r CROSS JOIN {{branches}} AS v CROSS JOIN token t
                WHERE r.contact_id = d.contact_id AND r.status = 'active' AND +r.version_id = {version.id}
                  AND t.id = r.id * {BRANCHES} + v.column1 AND +t.node_id = {version.ids[node.id]})""",
                             edges=edges, branches=branches))
    return found

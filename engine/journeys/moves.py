"""From a node and its place in the graph to the statements of one step: claim, before the log, after the log.

This file, `hearing.py` and `versions.py` hold every statement that creates, moves or ends a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..activity import events
from ..outreach import messages
from ..schema import BRANCHES, ROW
from ..sql import Sql, case, join, render_all, sql
from .live import Live
from .nodes import Exit, Join, Node, tokens_of
from .nodes.telling import LOOP_STOP

LEAVES = sql("b.port IS NOT NULL")


@dataclass(frozen=True)
class Step:
    """Everything the runner does at one node, ready to run with :now, :upto, :shard and :size."""

    node_id: int
    params: dict[str, Any]
    claim: str
    count: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    feeds: tuple[int, ...]  # nodes that may have work as soon as this one is drained
    exclusive: bool
    emits: bool


def compile_step(version: Live, key: str) -> Step:
    """The statements of one node."""
    node = version.journey.node(key)
    before = [*(_merge(version, node) if isinstance(node, Join) else ()), *node.effects(version.place(key))]
    after = [*_leave(version, node), *([_stay(node)] if node.may_stay else [])]
    (claim, count, *texts), params = render_all([_claim(node), _count(node), *before, *after])
    return Step(
        node_id=version.ids[key],
        params=params | _place(version, node) | {"node": version.ids[key]},
        claim=claim,
        count=count,
        before=tuple(texts[: len(before)]),
        after=tuple(texts[len(before):]),
        feeds=_feeds(version, node),
        exclusive=node.exclusive,
        emits=node.emits or (version.heard and node.shape == "end"),
    )


def _feeds(version: Live, node: Node) -> tuple[int, ...]:
    targets = dict.fromkeys(version.target(node.id, port) for port in node.ports)
    return tuple(version.ids[target] for target in targets if not version.journey.node(target).rests)


def _place(version: Live, node: Node) -> dict[str, int]:
    if not isinstance(node, Join):
        return {}
    fork = version.layout.regions[version.layout.fork_of[node.id]]
    return {"branch": fork.branch, "low": fork.low, "high": fork.high}


# ---------------------------------------------------------------- claim: which rows, what they saw, where they go


def _claim(node: Node) -> Sql:
    return sql(f"INSERT INTO batch ({ROW}, seen, port, reason) SELECT b.*, {{route}}, {{reason}} FROM ({{seen}}) b",
               route=node.route(), reason=node.reason(), seen=_looked(node.look()))


def _looked(look: Sql | None) -> Sql:
    """The due rows with what the node sees of each. LEFT JOIN keeps a row whose contact is gone, and the join order."""
    rows = sql(f"""SELECT {ROW} FROM token t WHERE t.shard = :shard AND t.node_id = :node AND t.due_at <= :now
        ORDER BY t.due_at, t.id LIMIT :size""")
    if look is None:
        return sql("SELECT b.*, CAST(NULL AS BIGINT) AS seen FROM ({rows}) b", rows=rows)
    contact = "LEFT JOIN contact c ON c.id = b.contact_id" if look.mentions("c") else ""
    passage = "LEFT JOIN enrollment r ON r.id = b.enrollment_id" if look.mentions("r") else ""
    return sql(f"SELECT b.*, {{look}} AS seen FROM ({{rows}}) b {contact} {passage}", look=look, rows=rows)


def _count(node: Node) -> Sql:
    """How many leave by each port, in one look at the batch and without sorting it."""
    ports = node.ports[:1] if node.shape == "fork" else node.ports or ("end",)
    counts = join(", ", [sql(f"COUNT(*) FILTER (WHERE b.port = :port) AS n{i}", port=port) for i, port in enumerate(ports)])
    names = join(", ", [sql(f"({i}, CAST(:port AS TEXT))", port=port) for i, port in enumerate(ports)])
    pick = " ".join(f"WHEN {i} THEN s.n{i}" for i in range(len(ports)))
    return sql(f"""INSERT INTO node_stat (node_id, port, n) SELECT :node, q.port, q.n
        FROM (SELECT v.column2 AS port, CASE v.column1 {pick} END AS n
              FROM (SELECT {{counts}} FROM batch b) s CROSS JOIN (VALUES {{names}}) AS v) q WHERE q.n > 0""",
               counts=counts, names=names)


# ---------------------------------------------------------------- leave: by shape


def _leave(version: Live, node: Node) -> list[Sql]:
    if node.shape == "end":
        return _end(version, node)
    if node.shape == "fork":
        return [*_spread(version, node), *_move(version, node, node.ports[:1])]
    return _move(version, node, node.ports)


def _arriving(node: Node, ports: Sequence[str] = (), branch: int | None = None) -> Sql:
    """The rows that leave (by some of the ports, all without any), as they will arrive (on another branch)."""
    chosen = sql("b.port IN ({ports})", ports=join(", ", [sql(":port", port=port) for port in ports])) if ports else LEAVES
    token = "b.id" if branch is None else f"b.enrollment_id * {BRANCHES} + {branch}"
    return sql(f"""(SELECT {token} AS id, b.enrollment_id, b.contact_id, b.shard, b.port, :now AS arrived_at, b.seq + 1 AS seq,
        {{behind}} AS since_event FROM batch b WHERE {{chosen}})""", behind=node.behind(), chosen=chosen)


def _move(version: Live, node: Node, ports: tuple[str, ...]) -> list[Sql]:
    """The plus in `token.id = +b.id` keeps SQLite from walking all tokens and looking each up in the batch."""
    by_target: dict[str, list[str]] = {}
    for port in ports:
        by_target.setdefault(version.target(node.id, port), []).append(port)
    ids = [(ports, sql(str(version.ids[target]))) for target, ports in by_target.items()]
    dues = [(ports, version.journey.node(target).looks_at()) for target, ports in by_target.items()]
    move = sql("""UPDATE token SET node_id = {target}, due_at = {due}, arrived_at = :now, seq = b.seq,
        since_event = b.since_event, memo = NULL FROM {arriving} b WHERE token.id = +b.id""",
               target=_by_port(ids), due=_by_port(dues), arriving=_arriving(node))
    some = len(by_target) > 1
    return [move, *(statement for target, own in by_target.items() for statement in version.journey.node(target).arrivals(
        _arriving(node, own if some else ()), version.place(target)))]


def _by_port(choices: list[tuple[list[str], Sql]]) -> Sql:
    """A value per port; the last one needs no test."""
    *others, (_, last) = choices
    arms = [(sql("b.port = :port", port=port), value) for ports, value in others for port in ports]
    return case(arms, last) if arms else last


def _spread(version: Live, fork: Node) -> list[Sql]:
    """A new token for each port but the first, which the old token takes."""
    path = version.layout.paths[fork.id]
    made = []
    for i, port in enumerate(fork.ports[1:], 1):
        target = version.target(fork.id, port)
        node = version.journey.node(target)
        arriving = _arriving(fork, branch=version.layout.branches[*path, (fork.id, i)])
        made.append(sql(f"""INSERT INTO token ({ROW}, node_id)
            SELECT b.id, b.enrollment_id, b.contact_id, b.shard, {{due}}, b.arrived_at, b.seq, b.since_event, NULL,
                   {version.ids[target]} FROM {{arriving}} b""", due=node.looks_at(), arriving=arriving))
        made.extend(node.arrivals(arriving, version.place(target)))
    return made


def _stay(node: Node) -> Sql:
    """Never due again at once: a node that wants to stay must not turn the tick into a loop."""
    return sql("""UPDATE token SET due_at = GREATEST({again}, :now + 1), memo = b.seen FROM batch b
        WHERE token.id = +b.id AND b.port IS NULL""", again=node.looks_again())


def _end(version: Live, node: Node) -> list[Sql]:
    gone = sql("DELETE FROM token WHERE id IN (SELECT b.id FROM batch b WHERE b.port IS NOT NULL)")
    finish = """UPDATE enrollment SET status = 'finished', reason = {reason}, ended_at = :now, ended_event = :upto
        WHERE status = 'active' AND id IN (SELECT b.enrollment_id FROM batch b)"""
    told = [tell_end(version.journey_id, "finished")] if version.heard else []
    if _ends_all(version, node):
        return [*_call_off(tokens_of(range(version.layout.branch_count))), sql(finish, reason=node.reason()), *told]
    if not version.layout.regions:
        return [gone, sql(finish, reason=node.reason()), *told]
    alone = f""" AND NOT EXISTS (SELECT 1 FROM token s WHERE s.id BETWEEN enrollment.id * {BRANCHES}
        AND enrollment.id * {BRANCHES} + {BRANCHES - 1})"""
    return [gone, sql(finish + alone, reason=node.reason()), *told,
            *([_tell_siblings(version)] if version.layout.paths[node.id] else [])]


def tell_end(journey_id: int, how: str) -> Sql:
    """The event that other journeys wait for, of the enrollments in the batch that ended so just now.

    What brought the person there comes along. Two journeys that start each other come to an end.
    """
    return events.emit_from(sql("""SELECT r.contact_id, CAST(:name AS TEXT) AS name, CAST(:journey AS TEXT) AS object, r.props,
            CAST(:name AS TEXT) || ':' || r.id AS dedupe_key
        FROM (SELECT DISTINCT b.enrollment_id FROM batch b) d CROSS JOIN enrollment r
        WHERE r.id = +d.enrollment_id AND r.status = :how AND r.ended_at = :now AND (SELECT COUNT(*) FROM event x
            WHERE x.contact_id = r.contact_id AND x.name = :name AND x.occurred_at = :now) < :most ORDER BY r.id""",
                                name=f"journey_{how}", journey=str(journey_id), how=how, most=LOOP_STOP), source="journey")


def _ends_all(version: Live, node: Node) -> bool:
    """Whether the node ends branches besides its own."""
    return isinstance(node, Exit) and node.ends == "passage" and bool(version.layout.regions)


def _call_off(own: Sql) -> list[Sql]:
    """End every branch of the enrollments in the batch: the others are logged, and their messages canceled."""
    return [
        sql("""INSERT INTO step (token_id, node_id, seq, at, port, seen, reason)
            SELECT s.id, s.node_id, s.seq, :now, 'called_off', NULL, 'exit' FROM {own} WHERE s.id <> b.id ORDER BY s.id""",
            own=own),
        messages.cancel_for(sql("""SELECT m.id FROM {own} CROSS JOIN message m WHERE m.token_id = s.id AND m.visit = s.seq
            AND s.id <> b.id""", own=own), sql("'called_off'")),
        sql("DELETE FROM token WHERE id IN (SELECT s.id FROM {own})", own=own),
    ]


def _tell_siblings(version: Live) -> Sql:
    """A join must count again when a branch ends elsewhere.

    Visits keep rising over the whole enrollment, or a branch number used again after a loop could meet the key of an
    older message.
    """
    return sql("""UPDATE token SET seq = GREATEST(token.seq, d.seq),
            due_at = CASE WHEN d.is_join = 1 THEN :now ELSE token.due_at END
        FROM (SELECT s.id, MAX(n.is_join) AS is_join, MAX(b.seq) AS seq FROM {tokens}
              JOIN node n ON n.id = s.node_id GROUP BY s.id) d
        WHERE token.id = +d.id""", tokens=tokens_of(range(version.layout.branch_count)))


def _merge(version: Live, join: Join) -> list[Sql]:
    """Turn the rows of one enrollment into one row, which stands for the branch that entered the fork."""
    mates = tokens_of(version.layout.regions[version.layout.fork_of[join.id]].branches)
    return [
        sql(f"""DELETE FROM batch WHERE EXISTS (SELECT 1 FROM batch o WHERE o.port IS NOT NULL
            AND o.id BETWEEN batch.enrollment_id * {BRANCHES} AND batch.enrollment_id * {BRANCHES} + {BRANCHES - 1}
            AND (o.id < batch.id OR (batch.port IS NULL AND o.id <> batch.id)))"""),
        sql("""INSERT INTO step (token_id, node_id, seq, at, port, seen, reason)
            SELECT s.id, s.node_id, s.seq, :now, 'called_off', NULL, 'join' FROM {mates}
            WHERE b.port IS NOT NULL AND s.node_id <> :node ORDER BY s.id""", mates=mates),
        messages.cancel_for(sql("""SELECT m.id FROM {mates} CROSS JOIN message m
            WHERE m.token_id = s.id AND m.visit = s.seq AND b.port IS NOT NULL AND s.node_id <> :node""", mates=mates),
                            sql("'called_off'")),
        sql("""UPDATE batch SET seq = d.seq, since_event = d.since_event, arrived_at = d.arrived_at
            FROM (SELECT b.id, MAX(s.seq) AS seq, MAX(s.since_event) AS since_event, MAX(s.arrived_at) AS arrived_at
                  FROM {mates} WHERE b.port IS NOT NULL GROUP BY b.id) d
            WHERE d.id = batch.id""", mates=mates),
        sql("DELETE FROM token WHERE id IN (SELECT s.id FROM {mates} WHERE b.port IS NOT NULL)", mates=mates),
        sql("UPDATE batch SET id = enrollment_id * :branches + :branch WHERE port IS NOT NULL", branches=BRANCHES),
        sql(f"INSERT INTO token ({ROW}, node_id) SELECT {ROW}, :node FROM batch WHERE port IS NOT NULL"),
    ]

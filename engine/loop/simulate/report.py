"""What came of a simulation: counts, and sentences about them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ...clock import DAY, iso
from ...errors import listing
from ...journeys.graph import Journey
from ...outreach.limits import REASONS
from ...schema import BRANCHES
from ...store import Store
from ..explain import passages_of

NEAR_S = DAY  # messages of two journeys to one person within this are told of
COST_S = 90 * DAY


@dataclass(frozen=True)
class Day:
    """One day in UTC. left: passages that ended."""

    day: str
    entered: int = 0
    sent: int = 0
    skipped: int = 0
    left: int = 0


@dataclass(frozen=True)
class Collision:
    """Another journey. together: people who were in both at once; near: messages of the two within a day to one person."""

    journey: str
    together: int
    near: int


@dataclass(frozen=True)
class Walk:
    """One passage in words."""

    who: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Simulation:
    """What would happen, counted over the sample. by_node: how many left by which port, `exited`, `pulled` and `called_off`
    among them; messages: sent by node; skipped, exits: by reason; delayed: messages that a cap made wait; per_person: how
    many people get so many messages; dead: `node.port` that nobody took; waiting_at: who is inside at the end, by node;
    cost_minor: of the messages, None where no cost is known."""

    journey: str
    mode: str
    since: int
    until: int
    contacts: int
    of_contacts: int
    seed: int
    entered: int
    by_node: dict[str, dict[str, int]]
    messages: dict[str, int]
    skipped: dict[str, int]
    exits: dict[str, int]
    per_day: tuple[Day, ...]
    waiting: int
    waiting_at: dict[str, int]
    delayed: int
    per_person: dict[int, int]
    busiest_week: int
    dead: tuple[str, ...]
    goals: int
    cost_minor: int | None
    currency: str | None
    collisions: tuple[Collision, ...]
    walk: Walk | None
    assumptions: tuple[str, ...]
    seconds: float
    sentences: tuple[str, ...] = field(default=())

    @property
    def scale(self) -> float:
        """What a count of the sample stands for among everybody."""
        return self.of_contacts / self.contacts if self.contacts else 1.0


@dataclass(frozen=True)
class Frame:
    """Where in the copy to look: the journey, and what was there before it began."""

    journey_id: int
    version_id: int
    first_enrollment: int
    first_message: int
    since: int
    until: int


def numbers(store: Store, journey: Journey, frame: Frame) -> dict[str, Any]:
    """Everything that can be counted in the copy."""
    at = {"journey": frame.journey_id, "first": frame.first_enrollment, "message": frame.first_message,
          "since": frame.since, "until": frame.until}
    by_node: dict[str, dict[str, int]] = defaultdict(dict)
    for key, port, count in store.rows("""SELECT n.key, s.port, COUNT(*) FROM step s JOIN node n ON n.id = s.node_id
            JOIN journey_version v ON v.id = n.version_id WHERE v.journey_id = :journey AND s.port IS NOT NULL
            GROUP BY n.key, s.port ORDER BY n.key, s.port""", journey=frame.journey_id):
        by_node[key][port] = count
    sent = store.rows("""SELECT m.contact_id, n.key, m.sent_at, m.due_at > m.created_at FROM message m
        JOIN node n ON n.id = m.node_id WHERE m.journey_id = :journey AND m.id > :message AND m.status = 'sent'
        ORDER BY m.sent_at, m.id""", **_only(at, "journey", "message"))
    skipped: dict[str, int] = dict(store.rows("""SELECT COALESCE(m.reason, m.status), COUNT(*) FROM message m
        WHERE m.journey_id = :journey AND m.id > :message AND m.status IN ('skipped', 'failed', 'canceled')
        GROUP BY 1 ORDER BY 1""", **_only(at, "journey", "message")))
    exits: dict[str, int] = dict(store.rows("""SELECT COALESCE(r.reason, r.status), COUNT(*) FROM enrollment r
        WHERE r.journey_id = :journey AND r.ended_at > :since AND r.status <> 'active' GROUP BY 1 ORDER BY 2 DESC, 1""",
                                            **_only(at, "journey", "since")))
    waiting: dict[str, int] = dict(store.rows("""SELECT n.key, COUNT(*) FROM token t JOIN node n ON n.id = t.node_id
        JOIN journey_version v ON v.id = n.version_id WHERE v.journey_id = :journey GROUP BY n.key ORDER BY n.key""",
                                              journey=frame.journey_id))
    entered = store.one("SELECT COUNT(*) FROM enrollment r WHERE r.journey_id = :journey AND r.id > :first",
                        **_only(at, "journey", "first"))
    inside = store.one("SELECT COUNT(*) FROM enrollment r WHERE r.journey_id = :journey AND r.status = 'active'",
                       journey=frame.journey_id)
    people = Counter(row[0] for row in sent)
    return {
        "entered": entered, "by_node": {node.id: by_node[node.id] for node in journey.nodes if node.id in by_node},
        "messages": dict(Counter(row[1] for row in sent)), "skipped": skipped, "exits": exits,
        "per_day": _days(store, frame, sent), "waiting": inside, "waiting_at": waiting,
        "delayed": sum(bool(row[3]) for row in sent), "per_person": dict(sorted(Counter(people.values()).items())),
        "busiest_week": _busiest_week(sent), "dead": _dead(journey, by_node) if entered else (),
        "goals": sum(ports.get("reached", 0) + ports.get("pulled", 0) for ports in by_node.values()),
    }


def _only(at: dict[str, int], *names: str) -> dict[str, int]:
    return {name: at[name] for name in names}


def _days(store: Store, frame: Frame, sent: list[Any]) -> tuple[Day, ...]:
    counts: dict[str, Counter[int]] = {
        "entered": Counter(row[0] // DAY for row in store.rows(
            "SELECT r.started_at FROM enrollment r WHERE r.journey_id = :journey AND r.id > :first",
            journey=frame.journey_id, first=frame.first_enrollment)),
        "left": Counter(row[0] // DAY for row in store.rows(
            """SELECT r.ended_at FROM enrollment r WHERE r.journey_id = :journey AND r.ended_at > :since
            AND r.status <> 'active'""",
            journey=frame.journey_id, since=frame.since)),
        "skipped": Counter(row[0] // DAY for row in store.rows(
            "SELECT m.created_at FROM message m WHERE m.journey_id = :journey AND m.id > :first AND m.status = 'skipped'",
            journey=frame.journey_id, first=frame.first_message)),
        "sent": Counter(row[2] // DAY for row in sent)}
    return tuple(Day((iso(day * DAY) or "")[:10], **{what: count[day] for what, count in counts.items()})
                 for day in range(frame.since // DAY, (frame.until - 1) // DAY + 1))


def _busiest_week(sent: list[Any]) -> int:
    """The most messages that one person gets within seven days."""
    times: dict[int, list[int]] = defaultdict(list)
    for who, _, at, _ in sent:
        times[who].append(at)
    return max((sum(start <= other < start + 7 * DAY for other in own) for own in times.values() for start in own), default=0)


def _dead(journey: Journey, by_node: dict[str, dict[str, int]]) -> tuple[str, ...]:
    """Ways that nobody went: `node.port`, one for each node that a node leads to."""
    found: list[str] = []
    for node in journey.nodes:
        taken = by_node.get(node.id, {})
        went = {node.target(port) for port in node.ports if taken.get(node.ports[0] if node.shape == "fork" else port)}
        led = {target: port for port in reversed(node.ports) if (target := node.target(port)) not in went}
        found += [f"{node.id}.{port}" for port in reversed(led.values())]
    return tuple(found)


# ------------------------------------------------------------ beside other journeys


def collisions(store: Store, frame: Frame, others: list[tuple[int, str, int, int]]) -> tuple[Collision, ...]:
    """Other journeys whose people or messages met those of this one. others: passages by contact, journey, start and end."""
    own: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for who, start, end in store.rows("""SELECT r.contact_id, r.started_at, COALESCE(r.ended_at, :until) FROM enrollment r
            WHERE r.journey_id = :journey AND r.id > :first""", journey=frame.journey_id, first=frame.first_enrollment,
            until=frame.until):
        own[who].append((start, end))
    together: dict[str, set[int]] = defaultdict(set)
    for who, name, start, end in others:
        if any(begins < end and start < ends for begins, ends in own.get(who, ())):
            together[name].add(who)
    near: Counter[str] = Counter()
    rows = store.rows("""SELECT m.contact_id, m.sent_at, m.journey_id, j.name FROM message m
        JOIN journey j ON j.id = m.journey_id WHERE m.status = 'sent'
        AND m.sent_at > :since ORDER BY m.contact_id, m.sent_at, m.id""", since=frame.since)
    for (who, at, one, name), (whom, then, other, its) in pairwise(rows):
        if who == whom and one != other and then - at < NEAR_S and frame.journey_id in (one, other):
            near[its if one == frame.journey_id else name] += 1
    names = sorted({*together, *near}, key=lambda name: (-near[name], -len(together[name]), name))
    return tuple(Collision(name, len(together[name]), near[name]) for name in names)


# ------------------------------------------------------------ money


def cost(store: Store, sent: int, *, now: int) -> tuple[int | None, str | None]:
    """What so many messages cost, by what email cost per message lately; None: no cost was recorded."""
    since = now - COST_S
    found = store.rows("""SELECT k.currency, k.amount_minor, k.from_at, k.until_at FROM cost k
        WHERE k.category IN ('platform', 'email') AND k.until_at > :since AND k.from_at < :now""", since=since, now=now)
    messages = store.one("SELECT COUNT(*) FROM message m WHERE m.status = 'sent' AND m.sent_at > :since", since=since)
    currencies = {row[0] for row in found}
    if len(currencies) != 1 or not messages:
        return None, None
    spent = sum(amount * (min(until, now) - max(start, since)) / max(1, until - start) for _, amount, start, until in found)
    return round(spent / messages * sent), currencies.pop()


# ------------------------------------------------------------ words


def walk(store: Store, journey: Journey, frame: Frame) -> Walk | None:
    """The passage with the most steps, in words."""
    found = store.row(f"""SELECT r.contact_id, COALESCE(NULLIF(TRIM(COALESCE(c.first_name, '') || ' ' ||
            COALESCE(c.last_name, '')), ''), c.email, c.external_id, '?')
        FROM enrollment r JOIN contact c ON c.id = r.contact_id
        WHERE r.version_id = :version AND r.id > :first
        ORDER BY (SELECT COUNT(*) FROM step s WHERE s.token_id BETWEEN r.id * {BRANCHES} AND r.id * {BRANCHES} + {BRANCHES - 1})
        DESC, r.id LIMIT 1""", version=frame.version_id, first=frame.first_enrollment)
    if found is None:
        return None
    passage = passages_of(store, found[0], journey.name)[0]
    lines = [f"{_when(passage.started_at)}: enters ({passage.entered_by or 'by hand'})."]
    lines += [f"{_when(step.at)}, {step.node}: {step.sentence} → {step.port or 'held back'}"
              f"{f' ({REASONS.get(step.reason, step.reason)})' if step.reason else ''}" for step in passage.steps]
    lines += [f"At the end waits at {one.node}: {one.sentence}" for one in passage.waiting]
    return Walk(found[1], tuple(lines))


def _when(at: int) -> str:
    text = iso(at) or ""
    return f"{text[:10]} {text[11:16]}"


def sentences(one: Simulation) -> tuple[str, ...]:
    """The result in a few lines. Numbers are those of the sample."""
    days = max(1, round((one.until - one.since) / DAY))
    total = sum(one.messages.values())
    told = [f"{_share(one)} over {days:,} days: {one.entered:,} would enter, {total:,} messages would be sent, "
            f"{one.waiting:,} are still inside at the end."]
    if total:
        most = max(one.per_day, key=lambda day: day.sent)
        people = sum(one.per_person.values())
        told.append(f"The busiest day is {most.day} with {most.sent:,} messages. {people:,} people get mail, "
                    f"{total / people:.1f} on average; the most in one week for one person is {one.busiest_week}.")
    if one.exits:
        told.append("They leave: " + listing([f"{reason} {count:,}" for reason, count in one.exits.items()], 8) + ".")
    if one.skipped or one.delayed:
        told.append(f"Not sent: {listing([f'{REASONS.get(why, why)} {n:,}' for why, n in one.skipped.items()], 8) or 'none'}; "
                    f"{one.delayed:,} had to wait for a cap or a quiet hour.")
    if one.dead:
        told.append(f"Nobody went by {listing(list(one.dead), 8)}.")
    for met in one.collisions[:3]:
        told.append(f"“{met.journey}”: {met.together:,} {'person is' if met.together == 1 else 'people are'} in both at once, "
                    f"{met.near:,} {'pair' if met.near == 1 else 'pairs'} of messages within a day.")
    if one.cost_minor is not None:
        told.append(f"The messages cost about {one.cost_minor / 100:,.2f} {one.currency}.")
    return tuple(told)


def _share(one: Simulation) -> str:
    if one.contacts == one.of_contacts:
        return f"All {one.of_contacts:,} contacts"
    each = f"{one.scale:,.1f}".removesuffix(".0")
    return f"A sample of {one.contacts:,} of {one.of_contacts:,} contacts (each stands for {each})"


__all__ = ["Collision", "Day", "Frame", "Simulation", "Walk", "collisions", "cost", "numbers", "sentences", "walk"]

"""What people do with the mail of a simulation: what they really did where that is known, else by measured rates.

Chance is arithmetic on the seed, the person and the step, so the same simulation always goes the same way, whatever the
order in which mail is sent.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from ...clock import DAY, HOUR
from ...errors import listing
from ...store import Store
from ..virtual import Happening, Row
from .past import BOUGHT_AFTER_S

MEASURED_S = 180 * DAY  # mail of so long counts; of the last days it does not, since answers are still coming
ENOUGH = {"template": 50, "workspace": 200}  # messages from which a rate is taken for measured
SETTLED_S = 3 * DAY
MEAN_LAG_S, LONGEST_LAG_S = 7 * HOUR, 6 * DAY
_KINDS = ("opened", "clicked", "replied", "unsubscribed")


@dataclass(frozen=True)
class Rates:
    """Shares of the mail sent (bought: of the clicks). n: messages they were measured on, 0: assumed. lags: seconds until it
    was opened, some of them, rising; places: what was clicked."""

    opened: float = 0.30
    clicked: float = 0.03
    replied: float = 0.002
    unsubscribed: float = 0.002
    bought: float = 0.02
    n: int = 0
    lags: tuple[int, ...] = ()
    places: tuple[str, ...] = ()


ASSUMED = Rates()


@dataclass
class Answers:
    """Asked once per message. replies: what the tried journey's own mail really brought. buys: whether a click may lead to a
    purchase here; in a replay the real ones are told anyway."""

    rates: dict[int, Rates]
    otherwise: Rates
    seed: int
    buys: bool
    names: dict[int, str] = field(default_factory=dict)
    links: dict[int, tuple[str, ...]] = field(default_factory=dict)
    replies: dict[tuple[int, int], list[list[tuple[int, Row]]]] = field(default_factory=dict)
    drawn: set[int] = field(default_factory=set)  # templates for which chance decided
    known: int = 0

    def __call__(self, message: Row, now: int) -> Iterable[Happening]:
        real = self.replies.get((message["contact_id"], message["template_id"]))
        if real:
            self.known += 1
            return [(now + lag, "event", row | {"contact_id": message["contact_id"], "message_id": message["id"]})
                    for lag, row in real.pop(0)]
        self.drawn.add(message["template_id"])
        return self._by_chance(message, now)

    def _by_chance(self, message: Row, now: int) -> list[Happening]:
        rates = self.rates.get(message["template_id"], self.otherwise)
        chance = _chances(self.seed, message["contact_id"], message["node"], message["visit"])
        made: list[Happening] = []

        def tell(what: str, after_s: int, thing: str | None = None, **more: Any) -> None:
            made.append((now + after_s, "event", {
                "contact_id": message["contact_id"], "name": what, "object": thing, "verdict": "human", **more}))

        name, mine = message["channel"], {"message_id": message["id"]}
        lag = _lag(rates.lags, chance[0])
        if chance[1] < rates.opened:
            tell(f"{name}_opened", lag, **mine)
        if chance[2] < rates.clicked / max(rates.opened, rates.clicked, 1e-9) and chance[1] < max(rates.opened, rates.clicked):
            places = rates.places or self.links.get(message["template_id"], ())
            tell(f"{name}_clicked", lag + 30, places[int(chance[3] * len(places))] if places else None, **mine)
            if self.buys and chance[4] < rates.bought:
                tell("purchase", lag + 30 + int(chance[5] * DAY))
        if chance[6] < rates.replied:
            tell(f"{name}_replied", lag + HOUR, **mine)
        if chance[7] < rates.unsubscribed:
            tell(f"{name}_unsubscribed", lag + 60, **mine)
            made.append((now + lag + 60, "consent", {"contact_id": message["contact_id"], "channel": name,
                                                     "status": "unsubscribed"}))
        return made

    def said(self, own: frozenset[int]) -> list[str]:
        """The assumptions in words. own: templates of the tried journey; of the others one line is enough."""
        told = [f"{self.known:,} messages had the answers that people really gave."] if self.known else []
        drawn = sorted(self.drawn & own)
        told += [f"“{self.names.get(one, one)}” is answered as it was by {rates.n:,} people: {rates.opened:.1%} opened, "
                 f"{rates.clicked:.1%} clicked." for one in drawn if (rates := self.rates.get(one))]
        unknown = [f"“{self.names.get(one, one)}”" for one in drawn if one not in self.rates]
        if unknown:
            rates = self.otherwise
            basis = f"the {rates.n:,} messages of this workspace" if rates.n else "no measurement: these are assumed rates"
            told.append(f"{listing(unknown)}: {rates.opened:.1%} open, {rates.clicked:.1%} click, {rates.replied:.1%} reply, "
                        f"{rates.unsubscribed:.1%} unsubscribe ({basis}).")
        if self.drawn - own:
            told.append("The mail of the journeys beside it is answered in the same way.")
        return told


def measure(store: Store, *, now: int, seed: int, buys: bool,
            replies: dict[tuple[int, int], list[list[tuple[int, Row]]]]) -> Answers:
    """Rates per template where there is enough mail, of the whole workspace else, else the assumed ones."""
    since, until = now - MEASURED_S, now - SETTLED_S
    sent: dict[int, tuple[int, int]] = {}
    counts: dict[int, int] = defaultdict(int)
    for id_, template, at in store.rows("""SELECT m.id, m.template_id, m.sent_at FROM message m WHERE m.status = 'sent'
            AND m.sent_at > :since AND m.sent_at <= :until""", since=since, until=until):
        sent[id_] = template, at
        counts[template] += 1
    seen = _seen(store, sent, since)
    rates = {template: made for template, count in counts.items() if count >= ENOUGH["template"]
             and (made := _rates(count, seen[template]))}
    total = sum(counts.values())
    whole: dict[str, list[Any]] = defaultdict(list)
    for one in seen.values():
        for kind, found in one.items():
            whole[kind] += found
    otherwise = _rates(total, whole, places=False) if total >= ENOUGH["workspace"] else ASSUMED
    names: dict[int, str] = dict(store.rows("SELECT t.id, t.name FROM template t"))
    return Answers(rates, otherwise, seed, buys, names, _links(store), replies)


def _seen(store: Store, sent: dict[int, tuple[int, int]], since: int) -> dict[int, dict[str, list[Any]]]:
    """Per template: lags of first opens, places clicked, and how often the rest."""
    found: dict[int, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    first: set[tuple[int, str]] = set()
    clicked_at: dict[int, int] = {}
    for name, message, who, at, place in store.rows(
            """SELECT e.name, e.message_id, e.contact_id, e.occurred_at, e.object FROM event e WHERE e.name IN
            ('email_opened', 'email_clicked', 'email_replied', 'email_unsubscribed', 'purchase') AND e.occurred_at > :since
            AND COALESCE(e.verdict, 'human') <> 'machine' ORDER BY e.occurred_at, e.id""", since=since):
        if name == "purchase":
            if (click := clicked_at.pop(who, None)) is not None and at - sent[click][1] < BOUGHT_AFTER_S:
                found[sent[click][0]]["bought"].append(1)
        elif message in sent and (message, name) not in first:
            first.add((message, name))
            template, sent_at = sent[message]
            kind = name.removeprefix("email_")
            found[template][kind].append(max(1, at - sent_at) if kind == "opened" else place)
            if kind == "clicked":
                clicked_at[who] = message
    return found


def _rates(n: int, seen: dict[str, list[Any]], *, places: bool = True) -> Rates:
    lags = sorted(seen["opened"])
    shares = {kind: len(seen[kind]) / n for kind in _KINDS}
    clicks = len(seen["clicked"])
    return Rates(**shares, bought=len(seen["bought"]) / clicks if clicks else 0.0, n=n,
                 lags=tuple(lags[:: max(1, len(lags) // 500)]),
                 places=tuple(sorted(one for one in seen["clicked"] if one)) if places else ())


def _links(store: Store) -> dict[int, tuple[str, ...]]:
    """Where the newest version of each template leads."""
    found: dict[int, list[str]] = defaultdict(list)
    for template, url in store.rows("""SELECT t.id, l.url FROM template t JOIN link l ON l.template_version_id = t.version_id
            ORDER BY l.id"""):
        found[template].append(url)
    return {template: tuple(urls) for template, urls in found.items()}


def _chances(seed: int, contact: int, node: str | None, visit: int | None) -> list[float]:
    """Eight numbers from 0 to 1 that depend on nothing else."""
    text = f"{seed}:{contact}:{node}:{visit}".encode()
    digest = blake2b(text, digest_size=32).digest()
    return [int.from_bytes(digest[at:at + 4], "big") / (1 << 32) for at in range(0, 32, 4)]


def _lag(lags: tuple[int, ...], chance: float) -> int:
    if lags:
        return min(lags[int(chance * len(lags))], LONGEST_LAG_S)
    return min(int(-MEAN_LAG_S * math.log(1 - chance)) + 60, LONGEST_LAG_S)

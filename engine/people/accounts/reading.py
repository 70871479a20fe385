"""Accounts as pages show them: all of them, one with its people, and its deals by currency."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import BadInput, NotFound
from ...lazy import pd
from ...sql import fold
from ...store import Store
from ..fields import shown
from ..lookups import rows_in
from .facts import FIELDS, catalogue
from .roles import roles_of

ORDERS = {"name": "a.key", "score": "a.score DESC, a.key", "people": "a.people DESC, a.key",
          "open_deals": "a.open_deals DESC, a.score DESC, a.key",
          "last_activity": "a.last_active_at IS NULL, a.last_active_at DESC, a.key"}
_PEOPLE = "(SELECT COUNT(*) FROM contact c WHERE c.account_id = a.id AND c.anonymous = 0)"  # as it is, not as it was rolled up


@dataclass(frozen=True)
class Account:
    """One company with its facts and what its people add up to. fields: those of the team's own by name, empty ones too.
    last_active_at: UTC midnight of the day."""

    id: int
    name: str
    facts: dict[str, Any]
    people: int
    score: int
    open_deals: int
    won_deals: int
    roles: tuple[str, ...]
    last_active_at: int | None
    created_at: int
    best_fit: int
    fields: dict[str, Any]

    @property
    def engagement(self) -> int:
        """The part of the score that is the engagement of everybody there."""
        return self.score - self.best_fit

    @property
    def score_words(self) -> str:
        """How the score comes about, for a page and an answer."""
        return (f"{self.score} = {self.engagement} engagement of {self.people:,} "
                f"{'person' if self.people == 1 else 'people'} + {self.best_fit} for the best fit among them")


@dataclass(frozen=True)
class Member:
    """Somebody at the company."""

    id: int
    name: str
    email: str | None
    stage: str | None
    fit_score: int
    engagement_score: int
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Money:
    """Deals of an account in one currency. won None: open; 1 and 0: won and lost."""

    won: int | None
    currency: str | None
    count: int
    amount_minor: int


@dataclass(frozen=True)
class Deal:
    """One deal, as a list shows it. people: who of the account it is with, `, ` between."""

    deal_id: str
    name: str | None
    stage: str | None
    won: int | None
    amount_minor: int | None
    currency: str | None
    created_at: int
    closed_at: int | None
    people: str


def find_page(store: Store, text: str = "", *, order: str = "name", offset: int = 0,
              limit: int = 50) -> tuple[pd.DataFrame, int]:
    """Accounts whose name or domain holds the text (id, name, domain, industry, employees, people, score, open_deals,
    won_deals, last_active_at), and how many they are. order: a key of ORDERS. Raises BadInput."""
    if order not in ORDERS:
        raise BadInput(f"companies can not be in order of {order!r}: choose one of {', '.join(ORDERS)}")
    test = "(a.key LIKE :pattern ESCAPE '\\' OR a.domain LIKE :pattern ESCAPE '\\')"
    pattern = f"%{_plain(fold(' '.join(text.split())))}%"
    total = store.one(f"SELECT COUNT(*) FROM account a WHERE {test}", pattern=pattern)
    rows = store.frame(f"""SELECT a.id, a.name, a.domain, a.industry, a.employees, {_PEOPLE} AS people, a.score, a.open_deals,
            a.won_deals, a.last_active_at FROM account a WHERE {test} ORDER BY {ORDERS[order]} LIMIT :limit OFFSET :offset""",
                       pattern=pattern, limit=limit, offset=offset)
    return rows, int(total)


def get(store: Store, account_id: int) -> Account:
    """One account. Raises NotFound."""
    known = catalogue(store).values()
    row = store.row(f"""SELECT a.id, a.name, {_PEOPLE}, a.score, a.open_deals, a.won_deals, a.roles, a.last_active_at,
            a.created_at, COALESCE((SELECT MAX(c.fit_score) FROM contact c WHERE c.account_id = a.id AND c.anonymous = 0), 0),
            {', '.join('a.' + one.column for one in known)} FROM account a WHERE a.id = :id""", id=account_id)
    if row is None:
        raise NotFound(f"there is no company {account_id}")
    facts: Mapping[str, Any] = {one.name: shown(one, value) for one, value in zip(known, row[10:], strict=True)}
    return Account(row[0], row[1], {name: facts[name] for name in FIELDS}, row[2], row[3], row[4], row[5],
                   tuple(json.loads(row[6] or "[]")), row[7], row[8], row[9],
                   {name: value for name, value in facts.items() if name not in FIELDS})


def members(store: Store, account_id: int, *, offset: int = 0, limit: int = 50) -> list[Member]:
    """The people of an account: those with a role first, then by score."""
    rows = store.rows("""SELECT c.id, c.email, c.external_id, c.first_name, c.last_name, c.stage, c.fit_score,
            c.engagement_score FROM contact c WHERE c.account_id = :id AND c.anonymous = 0
        ORDER BY CASE WHEN EXISTS (SELECT 1 FROM buying_role r WHERE r.contact_id = c.id) THEN 0 ELSE 1 END,
            c.engagement_score + c.fit_score DESC, c.id LIMIT :limit OFFSET :offset""",
                      id=account_id, limit=limit, offset=offset)
    held = roles_of(store, [row[0] for row in rows])
    return [Member(who, " ".join(filter(None, (first, last))) or email or external or f"contact {who}", email, stage, fit,
                   engagement, held.get(who, ())) for who, email, external, first, last, stage, fit, engagement in rows]


def money(store: Store, account_id: int) -> list[Money]:
    """What the deals of its people are worth, by outcome and currency: open ones first."""
    rows = store.rows("""SELECT d.won, d.currency, COUNT(*), CAST(SUM(COALESCE(d.amount_minor, 0)) AS BIGINT) FROM deal d
        WHERE d.id IN (SELECT x.deal_id FROM deal_contact x JOIN contact c ON c.id = x.contact_id WHERE c.account_id = :id)
        GROUP BY d.won, d.currency ORDER BY COALESCE(d.won, 2) DESC, d.currency""", id=account_id)
    return [Money(*row) for row in rows]


def deals(store: Store, account_id: int, *, limit: int = 100) -> list[Deal]:
    """The deals of its people: open ones first, then by when they were closed, the newest first."""
    rows = store.rows("""SELECT d.id, d.deal_id, d.name, d.stage, d.won, d.amount_minor, d.currency, d.created_at, d.closed_at
        FROM deal d WHERE d.id IN (SELECT x.deal_id FROM deal_contact x JOIN contact c ON c.id = x.contact_id
            WHERE c.account_id = :id)
        ORDER BY CASE WHEN d.won IS NULL THEN 0 ELSE 1 END, COALESCE(d.closed_at, d.created_at) DESC, d.id LIMIT :limit""",
                      id=account_id, limit=limit)
    people: dict[int, list[str]] = {}
    for deal, who in rows_in(store, "SELECT x.deal_id, COALESCE(c.email, c.external_id) FROM deal_contact x JOIN contact c "
                             "ON c.id = x.contact_id WHERE x.deal_id IN ({values}) AND c.account_id = :id ORDER BY c.id",
                             [row[0] for row in rows], id=account_id):
        people.setdefault(deal, []).append(who or "somebody")
    return [Deal(*(*row[1:], ", ".join(people.get(row[0], ())))) for row in rows]


def _plain(text: str) -> str:
    """Nothing that was typed is a wildcard."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")

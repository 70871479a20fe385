"""Contacts a page at a time: who fits, in which order, and how many they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...errors import BadInput
from ...lazy import pd
from ...sql import Sql, join, sql
from ...store import Store

MOST_FOUND = 1_000  # people a search of words brings; more words bring fewer
MOST_ROWS = 1_000  # of one page
ORDERS = {"newest": "c.id DESC", "score": "c.engagement_score + c.fit_score DESC, c.id DESC"}


@dataclass(frozen=True)
class Wanted:
    """Who is looked for; what is empty is not asked. text: beginnings of words of name, address, id or phone."""

    text: str = ""
    tag: str | None = None
    list: str | None = None
    segment: str | None = None
    stage: str | None = None
    account_id: int | None = None
    with_score: bool = False
    third_party: bool = False


def count(store: Store, wanted: Wanted) -> int:
    """How many fit."""
    if label := _only_label(wanted):
        return int(store.one(sql("SELECT COUNT(*) FROM {along}", along=_along(store, *label))))
    return int(store.one(sql("SELECT COUNT(*) FROM contact c WHERE {where}", where=matching(store, wanted))))


def page(store: Store, wanted: Wanted, *, order: str = "newest", offset: int = 0, limit: int = 50) -> pd.DataFrame:
    """One page of those who fit: id, name, email, external_id, account, stage, owner, fit_score, engagement_score, created_at
    (UTC seconds), persona. Raises BadInput: no such order, or too large a page."""
    if order not in ORDERS or not 0 < limit <= MOST_ROWS or offset < 0:
        raise BadInput(f"a page has an order ({', '.join(ORDERS)}) and 1 to {MOST_ROWS:,} rows")
    return store.frame(sql(f"""SELECT c.id, TRIM(COALESCE(c.first_name, '') || ' ' || COALESCE(c.last_name, '')) AS name,
            c.email, c.external_id, a.name AS account, c.stage, c.owner, c.fit_score, c.engagement_score, c.created_at,
            (SELECT MIN(p.name) FROM segment_member m JOIN persona p ON p.segment_id = m.segment_id
                WHERE m.contact_id = c.id) AS persona
        FROM contact c LEFT JOIN account a ON a.id = c.account_id
        WHERE c.id IN ({{which}} LIMIT :limit OFFSET :offset)
        ORDER BY {ORDERS[order]}""", which=_in_order(store, wanted, order), limit=limit, offset=offset))


def _in_order(store: Store, wanted: Wanted, order: str) -> Sql:
    """Their ids. What is passed over on the way to a page is not read, only counted."""
    label = _only_label(wanted) if order == "newest" else None
    if label:
        return sql("SELECT m.contact_id FROM {along} ORDER BY m.contact_id DESC", along=_along(store, *label))
    via = "VIA(contact_known)" if wanted == Wanted() and order == "newest" else ""
    return sql(f"SELECT c.id FROM contact c {via} WHERE {{where}} ORDER BY {ORDERS[order]}", where=matching(store, wanted))


def _only_label(wanted: Wanted) -> tuple[str, str] | None:
    """The kind and name of the one tag, list or segment that is all that is asked for."""
    asked = [(what, name) for what, name in _labels(wanted) if name is not None]
    alone = replace(wanted, tag=None, list=None, segment=None) == Wanted()
    return asked[0] if len(asked) == 1 and alone else None


def _along(store: Store, what: str, name: str) -> Sql:
    """Those who carry a label, read along its own pairs. Visitors known by a cookie only are in no segment."""
    label = store.one(f"SELECT t.id FROM {what} t WHERE t.name = :name", name=name) or 0
    if what == "segment":
        return sql("segment_member m WHERE m.segment_id = :label", label=label)
    return sql(f"contact_{what} m CROSS JOIN contact c WHERE m.{what}_id = :label AND c.id = m.contact_id AND c.anonymous = 0",
               label=label)


def _labels(wanted: Wanted) -> tuple[tuple[str, str | None], ...]:
    return (("tag", wanted.tag), ("list", wanted.list), ("segment", wanted.segment))


def kept_back(store: Store, wanted: Wanted) -> int:
    """How many of those who fit are never handed to a third party: they said so (do not sell or share), or their data is
    restricted."""
    everybody, allowed = (count(store, replace(wanted, third_party=only)) for only in (False, True))
    return everybody - allowed


def ids(store: Store, wanted: Wanted, *, limit: int) -> list[int]:
    """The ids of those who fit, the newest first."""
    found = sql("{which} LIMIT :limit", which=_in_order(store, wanted, "newest"), limit=limit)
    return [row[0] for row in store.rows(found)]


def matching(store: Store, wanted: Wanted) -> Sql:
    """The test of those who fit, over a contact `c`."""
    tests = [sql("c.anonymous = 0")]
    if wanted.text.strip():
        found = store.search(wanted.text, MOST_FOUND)
        tests.append(sql("c.id IN ({ids})", ids=join(", ", [sql(":id", id=one) for one in found])) if found else sql("1 = 0"))
    for what, name in _labels(wanted):
        if name is not None:
            pairs = "segment_member" if what == "segment" else f"contact_{what}"
            tests.append(sql(f"c.id IN (SELECT m.contact_id FROM {pairs} m JOIN {what} t ON t.id = m.{what}_id "
                             "WHERE t.name = :name)", name=name))
    if wanted.stage is not None:
        tests.append(sql("c.stage = :stage", stage=wanted.stage) if wanted.stage else sql("c.stage IS NULL"))
    if wanted.account_id is not None:
        tests.append(sql("c.account_id = :account", account=wanted.account_id))
    if wanted.third_party:
        tests.append(sql("COALESCE(c.do_not_sell, 0) = 0 AND c.restricted = 0"))
    if wanted.with_score:
        tests.append(sql("c.engagement_score + c.fit_score <> 0"))
    return join(" AND ", tests)


@dataclass(frozen=True)
class Label:
    """A tag or list and how many contacts carry it."""

    name: str
    contacts: int


def list_labels(store: Store, what: str) -> list[Label]:
    """All tags (`tag`) or lists (`list`) by name."""
    if what not in ("tag", "list"):
        raise BadInput(f"{what!r}: choose tag or list")
    return [Label(*row) for row in store.rows(
        f"SELECT t.name, (SELECT COUNT(*) FROM contact_{what} m WHERE m.{what}_id = t.id) FROM {what} t ORDER BY t.key")]


def label_names(store: Store, what: str) -> list[str]:
    """The names of all tags or lists, without counting anybody."""
    if what not in ("tag", "list"):
        raise BadInput(f"{what!r}: choose tag or list")
    return [row[0] for row in store.rows(f"SELECT t.name FROM {what} t ORDER BY t.key")]

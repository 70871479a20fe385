"""Campaigns: the label under which journeys, broadcasts and costs are counted."""

from __future__ import annotations

from dataclasses import dataclass

from .. import audit
from ..access import Actor, require
from ..errors import BadInput, NotFound, listing
from ..maths.money import parse_currency
from ..sql import fold
from ..store import Store

_LONGEST_NAME = 120
_COLUMNS = "c.id, c.name, c.owner, c.goal, c.budget_minor, c.currency, c.starts_at, c.ends_at, c.utm_name, c.created_at"


@dataclass(frozen=True)
class Campaign:
    """A campaign. Budget in minor units of its currency; starts_at and ends_at UTC seconds, half-open."""

    id: int
    name: str
    owner: str | None
    goal: str | None
    budget_minor: int | None
    currency: str | None
    starts_at: int | None
    ends_at: int | None
    utm_name: str | None
    created_at: int
    messages_count: int = 0
    sent_count: int = 0


def ensure(store: Store, name: str, *, by: Actor, now: int) -> int:
    """The id of the campaign of this name, made when there is none. Raises BadInput: not a name."""
    found = find(store, name)
    if found:
        return found.id
    require(by, "market")
    shown = " ".join(name.split())
    if not shown or len(shown) > _LONGEST_NAME or not shown.isprintable():
        raise BadInput(f"campaign name {name!r}: write 1 to {_LONGEST_NAME} printable characters")
    with store.transaction():
        made = store.insert_many("campaign", [{"key": fold(shown), "name": shown, "created_at": now}], or_ignore=True)
        if made:
            audit.record(store, by, "make campaign", shown, now=now)
        return int(store.one("SELECT c.id FROM campaign c WHERE c.key = :key", key=fold(shown)))


def save(store: Store, name: str, *, owner: str | None = None, goal: str | None = None, budget_minor: int | None = None,
         currency: str | None = None, starts_at: int | None = None, ends_at: int | None = None, utm_name: str | None = None,
         by: Actor, now: int) -> Campaign:
    """Make a campaign or give it other facts; what is not named is emptied.

    Raises BadInput: not a name, an end before the start, a budget below 0 or without its currency.
    """
    require(by, "market")
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise BadInput(f"campaign {name!r}: it must end after it starts")
    if budget_minor is not None and (budget_minor < 0 or not currency):
        raise BadInput(f"campaign {name!r}: a budget is 0 or more, in a currency")
    facts = {"owner": owner, "goal": goal, "budget_minor": budget_minor, "starts_at": starts_at, "ends_at": ends_at,
             "utm_name": utm_name, "currency": parse_currency(currency) if currency else None}
    with store.transaction():
        campaign_id = ensure(store, name, by=by, now=now)
        store.run(f"UPDATE campaign SET {', '.join(f'{key} = :{key}' for key in facts)} WHERE id = :id",
                  id=campaign_id, **facts)
        audit.record(store, by, "save campaign", name, now=now, **facts)
    return get(store, name)


@dataclass(frozen=True)
class Part:
    """A journey of a campaign. entered: passages ever; people: contacts among them."""

    journey: str
    status: str
    entered: int
    people: int
    sent: int


def parts(store: Store, campaign_id: int) -> list[Part]:
    """The journeys of a campaign, by name."""
    return [Part(*row) for row in store.rows("""SELECT j.name, j.status,
            (SELECT COUNT(*) FROM enrollment r WHERE r.journey_id = j.id),
            (SELECT COUNT(DISTINCT r.contact_id) FROM enrollment r WHERE r.journey_id = j.id),
            (SELECT COUNT(*) FROM message m WHERE m.journey_id = j.id AND m.status = 'sent')
        FROM journey j WHERE j.campaign_id = :id ORDER BY j.key""", id=campaign_id)]


def find(store: Store, name: str) -> Campaign | None:
    """A campaign by name, in any case; None when there is none."""
    found = store.row(f"SELECT {_COLUMNS} FROM campaign c WHERE c.key = :key", key=fold(" ".join(name.split())))
    return Campaign(*found) if found else None


def get(store: Store, name: str) -> Campaign:
    """A campaign by name, in any case. Raises NotFound with the names there are."""
    found = find(store, name)
    if found is None:
        names = [row[0] for row in store.rows("SELECT c.name FROM campaign c")]
        raise NotFound(f"campaign {name!r}: there is none; there are {listing(names)}")
    return found


def names(store: Store) -> list[str]:
    """The names of all campaigns, without counting what they sent."""
    return [row[0] for row in store.rows("SELECT c.name FROM campaign c ORDER BY c.key")]


def list_campaigns(store: Store) -> list[Campaign]:
    """All campaigns by name, with how many messages they planned and sent."""
    return [Campaign(*row) for row in store.rows(
        f"""SELECT {_COLUMNS}, COALESCE(d.planned, 0), COALESCE(d.sent, 0) FROM campaign c LEFT JOIN
        (SELECT m.campaign_id, COUNT(*) AS planned, SUM(CASE WHEN m.status = 'sent' THEN 1 ELSE 0 END) AS sent
         FROM message m WHERE m.campaign_id IS NOT NULL GROUP BY m.campaign_id) d ON d.campaign_id = c.id ORDER BY c.key""")]

"""What counts as a touch: a person did something because of us. One SELECT says it for everybody.

Each kind is one declaration. Clicks and visits of machines, opens and received messages are none (`received` turns the
last on). Five clicks in one mail are one touch: the key is (contact, campaign, channel, minute).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..clock import MINUTE
from ..lazy import pd
from ..sql import Sql, join, sql
from ..store import Store
from .costs import CAMPAIGN_NAMES
from .groups import Grouping

CLICK_IDS = ("gclid", "wbraid", "gbraid", "dclid", "fbclid", "msclkid", "ttclid", "li_fat_id")


def _prop(name: str) -> Sql:
    return sql("NULLIF(JSON_TEXT(e.props, :name), '')", name=name)


def _ends(ending: str) -> Sql:
    return sql("e.name LIKE :pattern ESCAPE '!'", pattern=f"%!_{ending}")


def _before(ending: str) -> Sql:
    """The channel that the event name begins with: email_clicked, sms_replied, call_logged."""
    return sql("REPLACE(e.name, :ending, '')", ending=f"_{ending}")


_UTM = sql("COALESCE({campaign}, {source}, {medium}) IS NOT NULL",
           campaign=_prop("utm_campaign"), source=_prop("utm_source"), medium=_prop("utm_medium"))
_CLICK_ID = sql("COALESCE({ids}) IS NOT NULL", ids=join(", ", [_prop(name) for name in CLICK_IDS]))
# The page's own site is its address without path and query. Where that is not known, a referrer proves nothing.
_SITE = sql("SUBSTR({url}, 1, GREATEST(LENGTH({url}) - LENGTH({path}) - LENGTH(COALESCE({search}, '')), 0))",
            url=_prop("url"), path=_prop("path"), search=_prop("search"))
_REFERRED = sql("({referrer} IS NOT NULL AND SUBSTR({referrer}, 1, LENGTH({site})) <> {site})",
                referrer=_prop("referrer"), site=_SITE)


_NAMED = sql("COALESCE({campaign}, {utm})", campaign=_prop("campaign"), utm=_prop("utm_campaign"))  # by the event itself


@dataclass(frozen=True)
class Kind:
    """One kind of touch: its words, which events `e` it is, and the channel where neither message nor event names one."""

    key: str
    label: str
    when: Sql
    channel: Sql


KINDS = (
    Kind("click", "Click", _ends("clicked"), _before("clicked")),
    Kind("reply", "Reply", _ends("replied"), _before("replied")),
    Kind("visit", "Visit from a campaign, an ad or another site",
         sql("(e.name = 'page_view' AND ({utm} OR {click} OR {referred}))", utm=_UTM, click=_CLICK_ID, referred=_REFERRED),
         sql("COALESCE({medium}, {source}, CASE WHEN {click} THEN 'paid' END, 'referral')",
             medium=_prop("utm_medium"), source=_prop("utm_source"), click=_CLICK_ID)),
    Kind("form", "Form sent in", sql("(e.name = 'form_submitted' OR {other})", other=_ends("form_submitted")), sql("'form'")),
    Kind("download", "Download", _ends("downloaded"), sql("'website'")),
    Kind("registration", "Registration", _ends("registered"), sql("'event'")),
    Kind("attendance", "Attendance", _ends("attended"), sql("'event'")),
    Kind("logged", "Logged call or meeting", _ends("logged"), _before("logged")),
    Kind("offer", "Offer redeemed", _ends("redeemed"), sql("'offer'")),
)
RECEIVED = Kind("received", "Message received", _ends("sent"), _before("sent"))


def touches_before(conversions: Sql, *, lookback_s: int, received: bool = False) -> Sql:
    """SELECT of the touches that preceded conversions, oldest first within each.

    conversions: SELECT of conversion_id, contact_id (one row per person who took part), until_at, event_id (the event
        that is the conversion itself, or NULL: it is no touch of its own).
    Columns: conversion_id, contact_id, campaign (name, or NULL), channel, at, first_id (its first event).
    """
    kinds = (*KINDS, RECEIVED) if received else KINDS
    return sql(
        """SELECT t.conversion_id, t.contact_id, t.campaign, t.channel, MIN(t.at) AS at, MIN(t.id) AS first_id FROM (
            SELECT w.conversion_id, e.contact_id, COALESCE(k.name, n.name, {named}) AS campaign, {channel} AS channel,
                e.occurred_at AS at, e.id
            FROM ({conversions}) w CROSS JOIN event e
            LEFT JOIN message m ON m.id = e.message_id LEFT JOIN campaign k ON k.id = m.campaign_id
            LEFT JOIN {names} n ON n.folded = fold({named})
            WHERE e.contact_id = w.contact_id AND e.occurred_at <= w.until_at AND e.occurred_at > w.until_at - :lookback_s
            AND e.id IS DISTINCT FROM w.event_id AND COALESCE(e.verdict, 'human') <> 'machine' AND ({kinds})
        ) t GROUP BY t.conversion_id, t.contact_id, t.campaign, t.channel, t.at / :minute
        ORDER BY t.conversion_id, MIN(t.at), MIN(t.id)""",
        named=_NAMED, names=CAMPAIGN_NAMES, channel=_channel(kinds), conversions=conversions, lookback_s=lookback_s,
        minute=MINUTE, kinds=join(" OR ", [kind.when for kind in kinds]))


def read(store: Store, conversions: Sql, *, lookback_s: int, received: bool = False, grouping: Grouping | None = None,
         **free: int) -> pd.DataFrame:
    """The rows of `touches_before`; campaign None where the touch belongs to none. free: names left open in conversions.
    grouping: with a column `part`, the group of the contact at the touch."""
    found = touches_before(conversions, lookback_s=lookback_s, received=received)
    if grouping:
        found = sql("SELECT z.*, {part} AS part FROM ({found}) z ORDER BY z.conversion_id, z.at, z.first_id", found=found,
                    part=grouping.of("z.contact_id", "z.at"))
    return store.frame(found, **free)


def _channel(kinds: tuple[Kind, ...]) -> Sql:
    whens = join(" ", [sql("WHEN {when} THEN {channel}", when=kind.when, channel=kind.channel) for kind in kinds])
    return sql("lower(COALESCE(m.channel, {named}, CASE {whens} END))", named=_prop("channel"), whens=whens)

"""What is a touch and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from engine.clock import DAY
from engine.measure import touches
from engine.sql import Sql, sql
from engine.store import Store

from .world import CLOSE, World, day


def until_close(contact_id: int) -> Sql:
    return sql("SELECT 7 AS conversion_id, c.id AS contact_id, CAST(:close AS BIGINT) AS until_at, "
               "CAST(NULL AS BIGINT) AS event_id FROM contact c WHERE c.id = :contact", close=CLOSE, contact=contact_id)


def found(store: Store, contact_id: int, received: bool = False) -> list[tuple[Any, ...]]:
    frame = touches.read(store, until_close(contact_id), lookback_s=90 * DAY, received=received)
    return [(row.campaign, row.channel, row.at) for row in frame.astype(object).where(frame.notna(), None).itertuples()]


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


PAGE = {"url": "https://shop.example/pricing?x=1", "path": "/pricing", "search": "?x=1"}


@pytest.mark.parametrize(
    ("name", "props", "channel"),
    [
        ("email_clicked", {}, "email"),
        ("sms_clicked", {}, "sms"),
        ("email_replied", {}, "email"),
        ("form_submitted", {}, "form"),
        ("ebook_downloaded", {}, "website"),
        ("webinar_registered", {}, "event"),
        ("webinar_attended", {}, "event"),
        ("call_logged", {}, "call"),
        ("meeting_logged", {}, "meeting"),
        ("offer_redeemed", {}, "offer"),
        ("fair_attended", {"channel": "Trade fair"}, "trade fair"),
        ("page_view", {"utm_source": "newsletter"}, "newsletter"),
        ("page_view", {"utm_source": "google", "utm_medium": "cpc"}, "cpc"),
        ("page_view", {"gclid": "x1"}, "paid"),
        ("page_view", {**PAGE, "referrer": "https://blog.example/post"}, "referral"),
    ],
)
def test_what_counts(name: str, props: dict[str, str], channel: str, world: World) -> None:
    ada = world.contact("ada")
    world.event(ada, name, day(3), **props)
    assert found(world.store, ada) == [(None, channel, day(3))]


@pytest.mark.parametrize(
    ("name", "props"),
    [
        ("email_sent", {}),
        ("email_opened", {}),
        ("email_bounced", {}),
        ("page_view", {}),
        ("page_view", {"utm_source": ""}),
        ("page_view", {**PAGE, "referrer": "https://shop.example/"}),
        ("page_view", {"referrer": "https://blog.example/post"}),
        ("page_view", {"url": "/x", "path": "/much/longer", "referrer": "https://blog.example/post"}),
        ("purchase", {}),
        ("clicked", {}),
    ],
)
def test_what_does_not_count(name: str, props: dict[str, str], world: World) -> None:
    ada = world.contact("ada")
    world.event(ada, name, day(3), **props)
    assert found(world.store, ada) == []


def test_machine_clicks_are_none_and_unjudged_ones_count(world: World) -> None:
    ada = world.contact("ada")
    world.event(ada, "email_clicked", day(5), verdict="machine")
    world.event(ada, "email_clicked", day(4), verdict="human")
    world.event(ada, "email_clicked", day(3))
    assert [at for *_, at in found(world.store, ada)] == [day(4), day(3)]


def test_received_messages_count_by_switch_only(world: World) -> None:
    ada = world.contact("ada")
    world.event(ada, "email_sent", day(5))
    assert found(world.store, ada) == []
    assert found(world.store, ada, received=True) == [(None, "email", day(5))]


def test_five_clicks_in_one_mail_are_one_touch(world: World) -> None:
    ada, spring = world.contact("ada"), world.campaign("Spring")
    mail = world.message(ada, spring)
    start = day(5) // 60 * 60
    for second in (0, 1, 20, 40, 59):
        world.event(ada, "email_clicked", start + second, message_id=mail)
    world.event(ada, "email_clicked", start + 60, message_id=mail)
    assert found(world.store, ada) == [("Spring", "email", start), ("Spring", "email", start + 60)]


def test_only_the_look_back_up_to_the_close(world: World) -> None:
    ada, bo = world.contact("ada"), world.contact("bo")
    for at in (day(90), day(90) + 1, day(0), day(0) + 1):
        world.event(ada, "email_clicked", at)
    world.event(bo, "email_clicked", day(1))
    assert [at for *_, at in found(world.store, ada)] == [day(90) + 1, day(0)]


def test_campaign_of_the_message_or_the_name_in_the_link(world: World) -> None:
    ada = world.contact("ada")
    spring = world.campaign("Spring", utm_name="Spring_2026")
    mail = world.message(ada, spring)
    world.event(ada, "email_clicked", day(6), message_id=mail, utm_campaign="other")
    world.event(ada, "page_view", day(5), utm_campaign="SPRING_2026", utm_medium="email")
    world.event(ada, "page_view", day(4), utm_campaign="spring", utm_medium="social")
    world.event(ada, "page_view", day(3), utm_campaign="unheard", utm_medium="social")
    assert [campaign for campaign, *_ in found(world.store, ada)] == ["Spring", "Spring", "Spring", "unheard"]


def test_the_conversion_is_no_touch_of_its_own(world: World) -> None:
    ada = world.contact("ada")
    form = world.event(ada, "form_submitted", day(1))
    goal = sql("SELECT g.id AS conversion_id, g.contact_id, g.occurred_at AS until_at, g.id AS event_id FROM event g "
               "WHERE g.id = :id", id=form)
    assert touches.read(world.store, goal, lookback_s=DAY).empty


def test_same_second_stays_in_the_order_of_arrival(world: World) -> None:
    ada = world.contact("ada")
    for name in ("z_clicked", "a_clicked", "m_clicked"):
        world.event(ada, name, day(2))
    assert [channel for _, channel, _ in found(world.store, ada)] == ["z", "a", "m"]


def test_touches_are_found_through_the_contact_index(memory: Store) -> None:
    plan = memory.plan(touches.touches_before(until_close(1), lookback_s=DAY))
    assert "SEARCH e USING INDEX event_contact" in plan

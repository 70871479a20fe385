"""A live journey with people waiting in it is redrawn: what publishing would do stands in numbers before it does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from engine import clock
from engine.clock import DAY
from engine.config import load as load_config
from engine.journeys import passengers, versions
from engine.journeys.passengers import Wanted
from engine.loop.tick import tick
from engine.store import Store

from .conftest import ROOT, Serve, idle, settled
from .journeys import ANN, apply, connect, drop, edge, fill, middle, node, nodes, open_step, see_all, subscribe, workspace

pytestmark = pytest.mark.browser
LIVE = """name: Care
goal: none
entry:
  trigger: {event: subscribed}
nodes:
- {id: soon, type: wait, for: 3d, next: later}
- {id: later, type: wait, for: 10d, next: last}
- {id: last, type: tag, add: [cared], next: done}
- {id: done, type: exit}
"""
EARLY, LATE = (1, 2, 3), (4, 5)  # who stands at “later” and at “soon” when it is redrawn


@dataclass
class Live:
    """The app's address, its workspace, and the moment the test plays at."""

    address: str
    url: str
    store: Store
    now: int

    def tick(self, at: int) -> None:
        tick(self.store, load_config(self.url), now=at)


@pytest.fixture
def live(serve: Serve, tmp_path: Path) -> Iterator[Live]:
    url, store = workspace(tmp_path)
    made = Live(serve(ROOT / "app.py", env={"DATABASE_URL": url, "THROUGHLINE_LOCAL_ADMIN": "1"}), url, store, clock.now())
    versions.publish(store, LIVE, by=ANN, now=made.now - 6 * DAY)
    for days, people in ((5, EARLY), (2, LATE)):
        subscribe(store, *people, at=made.now - days * DAY)
        made.tick(made.now - days * DAY)
    yield made
    store.close()


def test_a_live_journey_is_redrawn_and_its_people_move(page: Page, browser: Browser, live: Live) -> None:
    watched = browser.new_context().new_page()
    watched.goto(f"{live.address}/journeys?journey=Care&dot={EARLY[0]}")
    dot = watched.locator("[data-dot]")
    expect(dot).to_have_attribute("data-node", "later")
    page.goto(f"{live.address}/journeys?journey=Care")
    expect(nodes(page)).to_have_count(5)
    settled(page)
    waiting(page, soon=2, later=3)
    redraw(page)
    publish(page)
    live.tick(live.now + 1)
    waiting(page, soon=2, wait=3)
    watched.get_by_role("button", name="Load their version").click()
    expect(dot).to_have_attribute("data-node", "wait")
    watched.context.close()
    due = {who.contact_id: [at.due_at for at in who.standing] for who in passengers.page(live.store, "Care", Wanted("inside"))}
    assert {one: due[one] for one in LATE} == dict.fromkeys(LATE, [live.now + 2 * DAY]), "four days from when they arrived"
    assert {one: due[one] for one in EARLY} == dict.fromkeys(EARLY, [live.now + 5 * DAY]), "seven from when they came"
    live.tick(live.now + 5 * DAY + 60)
    waiting(page, soon=0, wait=2)
    assert [one.contact_id for one in passengers.page(live.store, "Care", Wanted("left"))] == [*reversed(EARLY)]


def redraw(page: Page) -> None:
    """“later” goes, a wait of a week comes in its place, and “soon” takes a day longer."""
    see_all(page)
    node(page, "later").click()
    page.keyboard.press("Delete")
    expect(node(page, "later")).to_have_count(0)
    settled(page)
    connect(page, "soon", "next", "last")
    settled(page)
    pane = page.locator(".jc-flow").bounding_box()
    x, y = middle(edge(page, "soon.next-last").locator(".react-flow__edge-interaction"))
    assert pane
    drop(page, "wait", int(x - pane["x"]), int(y - pane["y"]) + 8)
    expect(edge(page, "wait.next-last")).to_have_count(1)
    for name, takes in (("wait", "7d"), ("soon", "4d")):
        open_step(page, name)
        fill(page, "For", takes)
        apply(page)


def publish(page: Page) -> None:
    """The dialog counts before anything happens; then everybody moves, by the new times."""
    page.get_by_role("button", name="Publish").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("The step “later” is gone")).to_be_visible()
    expect(dialog.get_by_text("5 people are under way.")).to_be_visible()
    dialog.get_by_text("move to this version").click()
    expect(dialog.get_by_text("2 people move, 3 stay.")).to_be_visible()
    dialog.get_by_role("combobox", name="“later” is gone. 3 people stand there; they go to").click()
    page.get_by_role("option", name="wait", exact=True).click()
    expect(dialog.get_by_text("5 people move, 0 stay.")).to_be_visible()
    dialog.get_by_text("wait by the new settings, counted from when they arrived").click()
    idle(page)
    expect(dialog.get_by_text("3 at “later” of version 1 move to “wait”")).to_be_visible()
    dialog.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Version 2 is live.").first).to_be_visible()


def waiting(page: Page, **people: int) -> None:
    """How many the canvas says stand at steps; nothing is said of nobody."""
    for name, many in people.items():
        if many:
            said = f"{many} {'person is' if many == 1 else 'people are'} here now: see who"
            expect(node(page, name).get_by_role("button", name=said)).to_be_visible()
        else:
            expect(node(page, name).locator(".jc-count")).to_have_count(0)

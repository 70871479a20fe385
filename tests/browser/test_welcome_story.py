"""S2 as a marketer makes it: drawn on an empty canvas by mouse, mended, simulated, published, and Ada watched to the exit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine import clock
from engine.audience import segments
from engine.clock import DAY, HOUR
from engine.config import Config
from engine.content import templates
from engine.journeys import versions
from engine.loop.tick import tick
from engine.outreach import messages
from engine.people import consent, contacts
from engine.schema import open_store
from engine.store import Store
from tests.service.serving import SECRET, serving

from .conftest import ROOT, Serve, idle, settled
from .journeys import ANN, apply, choose, connect, drop, edge, fill, node, nodes, open_step, see_all, subscribe, tidy

pytestmark = pytest.mark.browser
ADA, BO, CY, LEADS, BEFORE = 1, 2, 3, (4, 5), (6, 7, 8, 9)
FOUND = "Mozilla/5.0 (X11) Firefox/128.0"

# What is dragged from the palette, and where on the pane it is let go, in shares of its width and height.
DRAWN = {"send": ("send", .5, .7), "wait_for": ("wait_for", .15, .1), "tag": ("tag", .42, .1), "wait": ("wait", .67, .1),
         "send_2": ("send", .15, .3), "wait_for_2": ("wait_for", .45, .27), "send_3": ("send", .8, .3),
         "tag_2": ("tag", .15, .52), "exit": ("exit", .85, .6)}
LINES = (("send", "sent", "wait_for"), ("send", "skipped", "wait_for"), ("send", "failed", "wait_for"),
         ("wait_for", "happened", "tag"), ("tag", "next", "wait"), ("wait", "next", "send_3"),  # A
         ("wait_for", "timeout", "send_2"), ("send_2", "sent", "wait_for_2"), ("send_2", "skipped", "wait_for_2"),
         ("send_2", "failed", "wait_for_2"), ("wait_for_2", "happened", "send_3"),  # B joins the last step of A
         ("wait_for_2", "timeout", "tag_2"), ("tag_2", "next", "exit"),  # B2
         ("send_3", "sent", "exit"), ("send_3", "skipped", "exit"))
FORGOTTEN = ("send_3", "failed", "exit")


@dataclass
class Office:
    """The app's address, its workspace, and what the engine is configured with."""

    address: str
    store: Store
    config: Config

    def tick(self, at: int) -> None:
        tick(self.store, self.config, now=at)

    def link(self, person: int, subject: str) -> str:
        """The tracked link in the mail that somebody got."""
        ids = [row[0] for row in self.store.rows("SELECT m.id FROM message m WHERE m.contact_id = :id AND m.status = 'sent'",
                                                 id=person)]
        copies = (messages.find_copy(self.store, one) for one in ids)
        mail = next(copy for copy in copies if copy and copy.subject == subject)
        return next(link for link, target in mail.links.items() if target.startswith("https://www.example.com/"))


@pytest.fixture
def office(serve: Serve, tmp_path: Path) -> Iterator[Office]:
    """People who have agreed, messages with a link each, four sign-ups in the past, and a collector that listens."""
    url, past = f"sqlite:///{tmp_path / 'w.db'}", clock.now() - 100 * DAY
    store = open_store(url, create=True)
    for name in ("welcome", "story", "ebook"):
        templates.save(store, name, html=f"<p>Dear {name}</p><p><a href='https://www.example.com/{name}'>Read</a></p>",
                       subject=name.title(), by=ANN, now=past)
    with store.transaction():
        contacts.upsert_many(store, [
            {"email": f"{name}@example.com", "first_name": name.title(), "stage": "lead" if i in LEADS else "subscriber"}
            for i, name in enumerate(("ada", "bo", "cy", "di", "ed", "flo", "gus", "hal", "ida"), 1)], now=past, source="test")
        consent.record(store, range(1, 10), "email", "subscribed", basis="consent", source="test", by=ANN, now=past)
    segments.save(store, "Waiting list", {"stage": ["lead"]}, by=ANN, now=past)
    with serving(store) as collector:
        env = {"DATABASE_URL": url, "THROUGHLINE_LOCAL_ADMIN": "1", "PUBLIC_URL": collector,
               "THROUGHLINE_SECRET": SECRET.decode(), "SMTP_URL": ""}
        made = Office(serve(ROOT / "app.py", env=env), store,
                      Config(database_url=url, public_url=collector, secret=SECRET))
        for days, person in enumerate(BEFORE, 40):
            subscribe(store, person, at=clock.now() - days * DAY)
        made.tick(clock.now() - HOUR)
        yield made
    store.close()


def test_the_welcome_series_from_an_empty_canvas_to_a_contact_at_its_end(page: Page, office: Office) -> None:
    page.goto(f"{office.address}/journeys")
    page.get_by_role("button", name="Draw the first one").click()
    fill(page, "Name", "Welcome")
    page.get_by_role("button", name="Create").click()
    draw(page)
    set_up(page)
    lint_and_mend(page)
    simulate(page)
    publish(page, office.store)
    start = clock.now()
    subscribe(office.store, ADA, BO, CY, at=start)
    office.tick(start + 60)
    watch_ada(page, office, start)
    the_other_branches(page, office, start)


def draw(page: Page) -> None:
    """Nine steps from the palette, and the lines between them."""
    expect(nodes(page)).to_have_count(1)
    settled(page)
    pane = page.locator(".jc-flow").bounding_box()
    assert pane
    page.mouse.move(pane["x"] + pane["width"] / 2, pane["y"] + pane["height"] / 2)
    page.mouse.wheel(0, 660)  # from farther away there is room for all of it
    expect(page.locator(".jc-percent")).to_have_text("40%")
    for name, (kind, x, y) in DRAWN.items():
        drop(page, kind, round(x * pane["width"]), round(y * pane["height"]))
        expect(node(page, name)).to_have_count(1)
        idle(page)
    expect(edge(page, "(start).next-send")).to_have_count(1)
    settled(page)
    for line in LINES:
        connect(page, *line)
    tidy(page)
    see_all(page)
    settled(page)


def set_up(page: Page) -> None:
    """What each step needs to know, in the side panel. Waits are of two days, as they come."""
    node(page, "(start)").click()
    choose(page, "Who enters", "An event")
    choose(page, "Event", "subscribed")
    page.get_by_role("button", name="Another way in").click()
    choose(page, "or also", "A segment")
    choose(page, "Segment", "Waiting list")
    apply(page)
    for name, template in (("send", "welcome"), ("send_2", "story"), ("send_3", "ebook")):
        open_step(page, name)
        choose(page, "Template", template)
        apply(page)
    for name, mail in (("wait_for", "send"), ("wait_for_2", "send_2")):
        open_step(page, name)
        choose(page, "Event", "email_clicked")
        choose(page, "Of the message of", mail)
        apply(page)
    for name, tag in (("tag", "high engagement"), ("tag_2", "low engagement")):
        open_step(page, name)
        choose(page, "Add", tag)
        apply(page)


def lint_and_mend(page: Page) -> None:
    """Publishing says what stands in the way; the canvas leads there; then nothing does."""
    page.get_by_role("button", name="Publish").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("2 things stand in the way")).to_be_visible()
    expect(dialog.get_by_text("The port 'failed' leads nowhere")).to_be_visible()
    expect(dialog.get_by_text("It does not say what it is for")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.locator(".jc-tool.bad").click()
    expect(page.locator(".react-flow__node.selected .jc-card.bad")).to_have_count(1)
    settled(page)
    see_all(page)
    connect(page, *FORGOTTEN)
    node(page, "(start)").click()
    page.get_by_text("It has none, on purpose").first.click()
    idle(page)
    apply(page)
    expect(page.locator(".jc-tool.bad")).to_have_count(0)


def simulate(page: Page) -> None:
    """The last three months through the draft: the four who signed up in them."""
    tab(page, "Simulate")
    page.locator(".st-key-simulate-controls").get_by_role("button", name="Simulate").click()
    expect(page.get_by_test_id("stMetric").filter(has_text="Would enter")).to_contain_text(str(len(BEFORE)))
    expect(page.locator('.jc-flowcount[data-edge^="(start).next"]')).to_have_text(str(len(BEFORE)))
    tab(page, "Canvas")
    expect(nodes(page)).to_have_count(10)


def tab(page: Page, name: str) -> None:
    page.get_by_test_id("stMain").get_by_text(name, exact=True).first.click()
    expect(page.get_by_role("radio", name=name, exact=True)).to_have_attribute("aria-checked", "true")
    idle(page)


def publish(page: Page, store: Store) -> None:
    """Two people on the waiting list match already: only new ones are to enter."""
    page.get_by_role("button", name="Publish").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("2 people match what starts this journey already.")).to_be_visible()
    expect(dialog.get_by_text("Enroll the 2 who match now, too")).to_be_visible()
    dialog.get_by_text("Only people who come to match from now on").click()
    dialog.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Version 1 is live.").first).to_be_visible()
    assert versions.get_live(store, "Welcome").number == 1


def watch_ada(page: Page, office: Office, start: int) -> None:
    """From the number on the card to Ada, and with her dot by branch A to the exit."""
    node(page, "wait_for").get_by_role("button", name="3 people are here now: see who").click()
    expect(page.get_by_text("stand at “wait_for”").first).to_be_visible()
    tab(page, "Canvas")
    node(page, "wait_for").click()
    page.get_by_text("3 people are here").click()
    page.get_by_role("link", name="Ada", exact=True).click()
    page.get_by_role("link", name="Welcome, version 1").click()
    dot = page.locator("[data-dot]")
    expect(dot).to_have_attribute("data-node", "wait_for")
    expect(dot).to_contain_text("Ada")
    click(page, office.link(ADA, "Welcome"))
    office.tick(start + HOUR)
    expect(dot).to_have_attribute("data-node", "wait")
    office.tick(start + 2 * DAY + 2 * HOUR)
    expect(dot).to_have_attribute("data-node", "exit")
    expect(page.locator('.jc-flowcount[data-edge="send_3.sent-exit"]')).to_have_text("1")
    assert trail(office.store, ADA) == ["send.sent", "wait_for.happened", "tag.next", "wait.next", "send_3.sent", "exit.end"]


def the_other_branches(page: Page, office: Office, start: int) -> None:
    """Bo is won by the second mail and joins the last step of A; Cy stays silent and is marked."""
    click(page, office.link(BO, "Story"))
    office.tick(start + 3 * DAY)
    office.tick(start + 5 * DAY)
    began = ["send.sent", "wait_for.timeout", "send_2.sent"]
    assert trail(office.store, BO) == [*began, "wait_for_2.happened", "send_3.sent", "exit.end"]
    assert trail(office.store, CY) == [*began, "wait_for_2.timeout", "tag_2.next", "exit.end"]
    tags = {who: contacts.get(office.store, who).tags for who in (ADA, BO, CY)}
    assert tags == {ADA: ("high engagement",), BO: (), CY: ("low engagement",)}
    assert not office.store.one("SELECT COUNT(*) FROM enrollment r WHERE r.contact_id > :last", last=CY), "only new ones"
    expect(page.locator('.jc-flowcount[data-edge="send_3.sent-exit"]')).to_have_text("2")


def click(page: Page, link: str) -> None:
    """A click in a mail, as a person's browser makes it."""
    assert page.request.get(link, max_redirects=0, headers={"User-Agent": FOUND}).status == 302


def trail(store: Store, person: int) -> list[str]:
    return [f"{key}.{port}" for key, port in store.rows("""SELECT n.key, s.port FROM enrollment r
        JOIN step s ON s.token_id = r.id * 64 JOIN node n ON n.id = s.node_id
        WHERE r.contact_id = :who AND s.port IS NOT NULL ORDER BY s.id""", who=person)]

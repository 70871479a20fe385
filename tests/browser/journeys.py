"""The verbs of the journey tests: what people do on the canvas of the served app."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from engine import clock
from engine.access import Actor
from engine.activity import events
from engine.content import templates
from engine.people import contacts
from engine.schema import open_store
from engine.store import Store

from .conftest import idle

ANN = Actor("Ann", "admin")
NOW = 1_790_000_000


def workspace(folder: Path) -> tuple[str, Store]:
    """A workspace with two templates and a few people: its URL and the store."""
    url = f"sqlite:///{folder / 'journeys.db'}"
    store = open_store(url, create=True)
    for name in ("welcome", "testimonial"):
        templates.save(store, name, html=f"<p>{name}</p>", text=name, subject=name, by=ANN, now=NOW)
    with store.transaction():
        contacts.upsert_many(store, [{"email": f"p{i}@example.com"} for i in range(12)], now=NOW, source="test")
    return url, store


def subscribe(store: Store, *people: int, at: int | None = None) -> None:
    """Somebody subscribes, now or at another moment."""
    when = clock.now() if at is None else at
    with store.transaction():
        events.insert_events(store, [{"contact_id": i, "name": "subscribed", "occurred_at": when, "received_at": when,
                                      "props": "{}", "dedupe_key": f"s{i}", "source": "test"} for i in people])


def nodes(page: Page) -> Locator:
    return page.locator(".react-flow__node")


def node(page: Page, name: str) -> Locator:
    return page.locator(f'.react-flow__node[data-id="{name}"]')


def edge(page: Page, name: str) -> Locator:
    return page.locator(f'.react-flow__edge[data-id="{name}"]')


def middle(place: Locator) -> tuple[float, float]:
    box = place.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=5)
    page.mouse.move(*end, steps=5)
    page.mouse.up()


def port(page: Page, name: str, port_id: str) -> Locator:
    return page.locator(f'.react-flow__handle[data-nodeid="{name}"][data-handleid="{port_id}"]')


def connect(page: Page, source: str, port_id: str, target: str) -> None:
    """Draw a line from a port to a step."""
    drag(page, middle(port(page, source, port_id)), middle(port(page, target, "in")))
    expect(edge(page, f"{source}.{port_id}-{target}")).to_have_count(1)


def drop(page: Page, kind: str, x: int, y: int) -> None:
    """Drag a step from the palette onto the canvas."""
    page.locator(f'.jc-item[data-kind="{kind}"]').drag_to(page.locator(".jc-flow"), target_position={"x": x, "y": y})


def see_all(page: Page) -> None:
    page.get_by_role("button", name="Show everything").click()
    page.wait_for_timeout(500)


def tidy(page: Page) -> None:
    page.get_by_role("button", name="Tidy up").first.click()
    page.wait_for_timeout(500)


def fill(page: Page, label: str, text: str) -> None:
    """Type into a field of the side panel."""
    field = page.get_by_label(label, exact=True)
    field.fill(text)
    field.press("Tab")


def open_step(page: Page, name: str) -> None:
    """Click a step and wait until the side panel is its own."""
    node(page, name).click()
    has_panel(page, name)


def has_panel(page: Page, name: str) -> None:
    """Wait until the side panel is that of a step."""
    field = page.get_by_role("textbox", name="Name", exact=True)
    expect(field.first).to_have_value(name)
    expect(field).to_have_count(1)  # the panel of before hangs on until the rerun is through
    idle(page)


def choose(page: Page, label: str, word: str) -> None:
    """Pick from a list of the side panel, or type what is not in it."""
    box = page.get_by_role("combobox", name=label, exact=True)
    box.click()
    box.fill(word)
    page.get_by_role("option").filter(has_text=word).first.click()
    box.press("Tab")  # an open list hides the rest of the page from assistive technology, and so from roles
    idle(page)


def apply(page: Page) -> None:
    page.get_by_role("button", name="Apply").click()
    # the panel of before hangs on until the rerun is through: two buttons for a moment
    expect(page.locator("button:enabled").filter(has_text="Apply")).to_have_count(0)
    expect(page.get_by_role("button", name="Apply")).to_have_count(1)

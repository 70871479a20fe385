"""The demo in the served app with a collector and a runner of its own: try it as me, fast-forward, start again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from engine import clock
from engine.config import Config
from engine.schema import open_store
from engine.service import demo, forward, worker
from engine.store import Store
from pages.widgets import journey_view
from tests.service.serving import SECRET, serving

from .conftest import ROOT, Serve, idle
from .journeys import node

pytestmark = pytest.mark.browser
DOT = "[data-dot]"


@pytest.fixture(scope="module")
def company(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store]]:
    """Address of the app and the store of a small demo; a collector listens, a runner ticks."""
    url = f"sqlite:///{Path(tmp_path_factory.mktemp('demo')) / 'demo.db'}"
    store = open_store(url, create=True)
    demo.create(store, Config(database_url=url, secret=SECRET), now=clock.now(), small=True)
    forward.keep_fresh(store)
    with serving(store) as collector:
        env = {"DATABASE_URL": url, "THROUGHLINE_LOCAL_ADMIN": "1", "PUBLIC_URL": collector,
               "THROUGHLINE_SECRET": SECRET.decode(), "SMTP_URL": ""}
        runner = subprocess.Popen([sys.executable, "-m", "engine", "run"], cwd=ROOT, env={**os.environ, **env},
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        yield serve(ROOT / "app.py", env=env), store
        runner.terminate()
        runner.wait(30)
    store.close()


def beside(browser: Browser, address: str) -> Page:
    """A second window of the same person."""
    opened = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    opened.goto(address)
    return opened


def test_my_dot_takes_the_yes_branch_when_i_click_my_link(page: Page, browser: Browser, company: tuple[str, Store]) -> None:
    assert worker.INTERVAL_S + journey_view.DOT_TICK_S <= 2, "a tick of the runner and a look of the canvas"
    address, store = company
    page.goto(address)
    page.get_by_role("button", name="Try it as me").click()
    page.get_by_label("Your name").fill("Ada <img src=x onerror=window.ran=1>")
    page.get_by_label("Your e-mail").fill("ada@visitor.example")
    page.get_by_role("button", name="Begin").click()
    link = page.get_by_role("link", name="Click it").first
    expect(link).to_be_visible(timeout=30_000)
    expect(page.get_by_text("wait at clicked").first).to_be_visible()
    tracked = str(link.get_attribute("href"))
    assert page.evaluate("window.ran") is None
    page.get_by_role("link", name="See your dot on the canvas").click()
    dot = page.locator(DOT)
    expect(dot).to_have_attribute("data-node", "clicked", timeout=30_000)
    idle(page)
    assert page.request.get(tracked, max_redirects=0).status in (302, 303, 307)
    began = time.monotonic()
    expect(dot).to_have_attribute("data-node", "pause", timeout=30_000)
    took = time.monotonic() - began
    print(f"\nfrom the click being taken in to the dot on the yes branch: {took:.2f} s")
    me = store.one("SELECT c.id FROM contact c WHERE c.email = 'ada@visitor.example'")
    ports = dict(store.rows("""SELECT n.key, s.port FROM enrollment r JOIN step s ON s.token_id = r.id * 64
        JOIN node n ON n.id = s.node_id WHERE r.contact_id = :me AND s.port IS NOT NULL""", me=me))
    assert ports["clicked"] == "happened"
    assert took < 2 or _busy(), f"{took:.2f} s on a machine with nothing else to do"
    expect(page.locator('.jc-flowcount[data-edge="clicked.happened-engaged"]')).to_be_visible()
    expect(node(page, "pause")).to_be_visible()


def _busy() -> bool:
    """Whether others want the processors too: then seconds say nothing about us."""
    return os.getloadavg()[0] > (os.cpu_count() or 1)


def test_ninety_days_pass_before_ones_eyes_and_are_taken_back(page: Page, browser: Browser,
                                                              company: tuple[str, Store]) -> None:
    address, store = company
    began = store.one("SELECT COUNT(*) FROM contact")
    canvas = beside(browser, f"{address}/journeys?journey=Welcome+series")
    entered = canvas.locator('.jc-flowcount[data-edge="(start).next-hello"]')
    expect(entered).to_be_visible(timeout=30_000)
    page.goto(address)
    first = number(entered.inner_text())
    page.get_by_role("button", name="Fast-forward 90 days").click()
    expect(page.get_by_text(re.compile(r"Day \d+ of 90: \d.*events")).first).to_be_visible(timeout=30_000)
    seen = {first}
    done = page.get_by_text("90 days went by")
    while not done.is_visible():
        seen.add(number(entered.inner_text()))
        page.wait_for_timeout(200)
    expect(done).to_be_visible()
    assert len(seen) > 2 and sorted(seen)[1] > first, "the canvas counted along"
    assert store.one("SELECT COUNT(*) FROM contact") > began
    ahead = demo.now(store, clock.now()) - clock.now()
    assert 89 * clock.DAY <= ahead <= 91 * clock.DAY
    canvas.context.close()
    page.get_by_role("button", name="Start again").click()
    page.get_by_role("button", name="Forget it and start again").click()
    expect(done).to_have_count(0, timeout=30_000)
    idle(page)
    assert demo.now(store, clock.now()) - clock.now() == 0
    fresh = store.one("SELECT COUNT(*) FROM contact")
    assert fresh <= began, "those who came since are gone"
    assert store.one("SELECT COUNT(*) FROM contact c WHERE c.email = 'ada@visitor.example'") == 0


def number(text: str) -> int:
    return int(text.replace(",", ""))

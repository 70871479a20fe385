"""Pictures of every page in light and dark at 1280 px: `python -m tests.browser.screenshots [DATABASE_URL] [FOLDER]`.

Without a database a small demo is made for it. Nothing of the workspace is changed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page, expect, sync_playwright

from engine.measure import groups, splits
from engine.schema import open_store
from tests.browser.conftest import FLAGS, ROOT, find_chromium, free_port

WIDTH, HEIGHT, DRAW_MS = 1280, 900, 2_500
VIEWS = {
    "home": "home", "contacts": "contacts", "contact": "contacts?contact={contact}",
    "customer": "contacts?contact={customer}", "judging": "contacts?contact={scanned}",
    "company": "contacts?view=accounts&company={company}",
    **{f"contacts-{view}": f"contacts?view={view}" for view in ("accounts", "import", "quality", "privacy")},
    "segments": "segments", "segment": "segments?segment={segment}", "rule-editor": "segments?edit={segment}",
    "personas": "segments?view=personas", "topics": "segments?view=topics",
    "leads": "leads", **{f"leads-{view}": f"leads?view={view}" for view in (
        "hot", "scoring", "stages", "routing", "acceptance")},
    "campaigns": "campaigns", "campaign": "campaigns?campaign={campaign}",
    "journeys": "journeys", "collisions": "journeys?view=collisions", "journey-map": "journeys?view=map",
    "canvas": "journeys?journey={journey}",
    **{f"journey-{tab}": f"journeys?journey={{journey}}&tab={tab}" for tab in ("people", "words", "simulate", "history")},
    "content": "content", "sms": "content?template={sms}&contact={address}", "forms": "forms",
    "experiments": "experiments", "experiment-groups": "experiments?test={test}&by={by}", "planner": "experiments?view=planner",
    "roi": "roi", **{f"roi-{view}": f"roi?view={view}" for view in ("credit", "campaigns", "funnel", "costs")},
    "roi-groups": "roi?view=groups&by={by}", "roi-funnel-groups": "roi?view=funnel&by={by}",
    "roi-value": "roi?view=value&by=source",
    "activity": "activity", **{view: f"activity?view={view}" for view in ("messages", "errands", "approvals", "runner")},
    "settings": "settings", **{f"settings-{view}": f"settings?view={view}" for view in (
        "limits", "users", "fields", "privacy")},
}
# What to press before the picture is taken: a text, or a selector that begins with a dot.
PRESSED = {"judging": ("Judge visits and clicks", "A person?"), "settings-fields": ("Companies",),
           "journey-simulate": (".st-key-simulate-controls [data-testid=stBaseButton-primary]",)}
FURTHER_DOWN = {"experiment-groups": "In groups of people"}  # the heading to begin with


def main() -> None:
    """Start the app on a free port, look at every view twice, stop it."""
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "docs" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        url = sys.argv[1] if len(sys.argv) > 1 else _demo(Path(scratch))
        port = free_port()
        command = [sys.executable, "-m", "pages.widgets.serving", "--server.port", str(port), "--server.address", "127.0.0.1",
                   "--server.headless", "true", "--server.fileWatcherType", "none"]
        app = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"DATABASE_URL": url, "THROUGHLINE_LOCAL_ADMIN": "1"})
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
                _look(browser, f"http://127.0.0.1:{port}", _words(url), folder)
                browser.close()
        finally:
            app.terminate()
            app.wait(30)


def _demo(scratch: Path) -> str:
    url = f"sqlite:///{scratch / 'demo.db'}"
    subprocess.run([sys.executable, "-m", "engine", "--db", url, "init", "--demo", "--small"], cwd=ROOT, check=True)
    return url


def _words(url: str) -> dict[str, str]:
    """Something of each kind that the workspace holds."""
    store = open_store(url)
    found = {
        "contact": store.one("SELECT e.contact_id FROM enrollment e ORDER BY e.id LIMIT 1"),
        "customer": store.one("SELECT e.contact_id FROM event e WHERE e.name = 'purchase' GROUP BY e.contact_id "
                              "ORDER BY COUNT(*) DESC, e.contact_id LIMIT 1"),
        "scanned": store.one("SELECT e.contact_id FROM event e WHERE e.verdict = 'machine' ORDER BY e.id DESC LIMIT 1"),
        "address": store.one("SELECT c.email FROM contact c WHERE c.email IS NOT NULL ORDER BY c.id LIMIT 1"),
        "company": store.one("SELECT a.id FROM account a ORDER BY a.score DESC, a.id LIMIT 1"),
        "campaign": store.one("SELECT k.name FROM campaign k ORDER BY k.name DESC LIMIT 1"),
        "sms": store.one("SELECT t.name FROM template t WHERE t.channel = 'sms' ORDER BY t.id LIMIT 1"),
        "test": next(iter(sorted((one.key for one in splits.list_tests(store)), key=lambda key: "offer" not in key)), None),
        "by": next(iter(groups.choices(store)), None),
        "segment": store.one("SELECT s.name FROM segment s ORDER BY s.id LIMIT 1"),
        "journey": store.one("SELECT j.name FROM journey j WHERE j.status = 'live' ORDER BY j.name DESC LIMIT 1"),
    }
    store.close()
    return {word: quote(str(value or ""), safe="") for word, value in found.items()}


def _wait(address: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(address, timeout=1).read()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the app did not start")


def _look(browser: Browser, base: str, words: dict[str, str], folder: Path) -> None:
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        for name, path in VIEWS.items():
            page.goto(f"{base}/{path.format(**words)}")
            expect(page.get_by_role("heading", level=1).first).to_be_visible(timeout=60_000)
            _until_idle(page)
            for what in PRESSED.get(name, ()):
                (page.locator(what) if what.startswith(".") else page.get_by_text(what)).first.click()
                page.wait_for_timeout(500)
                _until_idle(page)
            if name in FURTHER_DOWN:
                page.get_by_text(FURTHER_DOWN[name]).evaluate("one => one.scrollIntoView()")
            page.wait_for_timeout(DRAW_MS)  # tables, charts and the canvas draw themselves once the script is through
            page.screenshot(path=folder / f"{name}-{scheme}.png")
        context.close()


def _until_idle(page: Page) -> None:
    expect(page.get_by_test_id("stApp")).not_to_have_attribute("data-test-script-state", "running", timeout=60_000)


if __name__ == "__main__":
    main()

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

from playwright.sync_api import Browser, expect, sync_playwright

from engine.schema import open_store
from tests.browser.conftest import FLAGS, ROOT, find_chromium, free_port

WIDTH, HEIGHT, DRAW_MS = 1280, 900, 2_500
VIEWS = {
    "home": "home", "contacts": "contacts", "contact": "contacts?contact={contact}",
    **{f"contacts-{view}": f"contacts?view={view}" for view in ("accounts", "import", "quality", "privacy")},
    "segments": "segments", "segment": "segments?segment={segment}", "rule-editor": "segments?edit={segment}",
    "personas": "segments?view=personas", "topics": "segments?view=topics",
    "leads": "leads", **{f"leads-{view}": f"leads?view={view}" for view in (
        "hot", "scoring", "stages", "routing", "acceptance")},
    "campaigns": "campaigns", "journeys": "journeys", "canvas": "journeys?journey={journey}",
    **{f"journey-{tab}": f"journeys?journey={{journey}}&tab={tab}" for tab in ("people", "words", "simulate", "history")},
    "content": "content", "forms": "forms",
    "experiments": "experiments", "planner": "experiments?view=planner",
    "roi": "roi", **{f"roi-{view}": f"roi?view={view}" for view in ("credit", "campaigns", "funnel", "costs")},
    "roi-value": "roi?view=value&by=source",
    "activity": "activity", **{view: f"activity?view={view}" for view in ("messages", "errands", "approvals", "runner")},
    "settings": "settings", **{f"settings-{view}": f"settings?view={view}" for view in ("limits", "users", "privacy")},
}


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
        "segment": store.one("SELECT s.name FROM segment s ORDER BY s.id LIMIT 1"),
        "journey": store.one("SELECT j.name FROM journey j WHERE j.status = 'live' ORDER BY j.name DESC LIMIT 1"),
    }
    store.close()
    return {word: str(value or "") for word, value in found.items()}


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
            expect(page.get_by_test_id("stApp")).not_to_have_attribute("data-test-script-state", "running", timeout=60_000)
            page.wait_for_timeout(DRAW_MS)  # tables, charts and the canvas draw themselves once the script is through
            page.screenshot(path=folder / f"{name}-{scheme}.png")
        context.close()


if __name__ == "__main__":
    main()

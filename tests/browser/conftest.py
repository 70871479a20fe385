"""A real Chromium and a served Streamlit script: what every browser test stands on."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
REQUIRE_ALL = bool(os.environ.get("REQUIRE_ALL"))
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
STORED = "cookies,local_storage,indexeddb,service_workers,cache_storage"
START_S = 60
WAIT_MS = 1_000 * int(os.environ.get("BROWSER_WAIT_S", "30"))  # 15 were not enough once, on a busy machine

Serve = Callable[..., str]


def find_chromium() -> str | None:
    """The browser to use: env CHROMIUM, else one on the path."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def idle(page: Page) -> None:
    """Wait until no script runs; widgets that were just changed are then drawn."""
    expect(page.get_by_test_id("stApp")).not_to_have_attribute("data-test-script-state", "running")


def settled(page: Page) -> None:
    """The same after a click or a key, once it had time to reach the server."""
    page.wait_for_timeout(250)
    idle(page)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        message = "no Chromium found: install one or set CHROMIUM to its path"
        pytest.fail(message) if REQUIRE_ALL else pytest.skip(message)
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One for the tests of a file, which keeps what it fetched: a first visit to the app takes 6 s of CPU, a later one 2."""
    made = browser.new_context(viewport={"width": 1440, "height": 900})
    made.set_default_timeout(WAIT_MS)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that nobody has been to, without cookies; an uncaught error in it fails the test."""
    opened = context.new_page()
    uncaught: list[str] = []
    been: set[str] = set()
    opened.on("pageerror", lambda error: uncaught.append(str(error)))
    opened.on("framenavigated", lambda frame: been.add(frame.url))
    yield opened
    _forget(opened, been)
    assert not uncaught, uncaught


def _forget(page: Page, been: set[str]) -> None:
    """Close what is open, and drop what these addresses stored in the browser; its copies of files stay."""
    context = page.context
    session = context.new_cdp_session(page)
    for host in {urlsplit(url).netloc for url in been} - {""}:
        session.send("Storage.clearDataForOrigin", {"origin": f"http://{host}", "storageTypes": STORED})
    for opened in context.pages:
        opened.close()
    context.clear_cookies()


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _runnable(script: Path, folder: Path) -> Path:
    """Streamlit serves the `static` beside the script: one kept elsewhere gets a copy beside a copy."""
    if script.parent == ROOT:
        return script
    shutil.copytree(ROOT / "static", folder / "static")
    return Path(shutil.copy(script, folder / script.name))


def _program(script: Path, folder: Path) -> list[str]:
    """The app is started as its Procfile does it, any other script by Streamlit itself."""
    return ["pages.widgets.serving"] if script == ROOT / "app.py" else ["streamlit", "run", str(_runnable(script, folder))]


def _wait_healthy(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + START_S
    while True:
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).read()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"the app did not start:\n{log.read_text()}")
            time.sleep(0.1)


@pytest.fixture(scope="session")
def serve(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """`serve(script, env={…}, base_path="", port=None)` starts a Streamlit script on a port and returns its address.

    The browser is asked for first, so nothing is started where the tests skip.
    """
    running: list[subprocess.Popen[bytes]] = []

    def start(script: Path, *, env: Mapping[str, str] | None = None, base_path: str = "", port: int | None = None) -> str:
        folder = tmp_path_factory.mktemp("app")
        port = port or free_port()
        command = [
            sys.executable, "-m", *_program(script, folder), "--server.port", str(port),
            "--server.address", "127.0.0.1", "--server.headless", "true", "--server.fileWatcherType", "none",
            "--server.baseUrlPath", base_path,
        ]  # fmt: skip
        log = folder / "app.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}, stdout=out, stderr=out
            )
        running.append(process)
        url = f"http://127.0.0.1:{port}" + (f"/{base_path}" if base_path else "")
        _wait_healthy(process, url, log)
        return url

    yield start
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:  # a busy machine, or a browser that still holds a connection
            process.kill()
            process.wait(10)

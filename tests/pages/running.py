"""Run a page without a browser: the app's own navigation, a workspace on disk, the local administrator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit import config
from streamlit.testing.v1 import AppTest

from pages.widgets.directory import BY_KEY

APP = Path(__file__).resolve().parents[2] / "app.py"
TIMEOUT_S = 30


def open_page(page: str, /, **params: object) -> AppTest:
    """A page of the directory, as the local administrator sees it at this address."""
    config.set_option("server.address", "127.0.0.1")
    at = AppTest.from_file(str(APP), default_timeout=TIMEOUT_S).run()
    at.query_params.clear()
    at.query_params.update({name: str(value) for name, value in params.items()})
    return at.switch_page(BY_KEY[page].file).run()


def words(at: AppTest) -> str:
    """All that stands on the page, for looking things up in it."""
    parts: list[Any] = [*at.title, *at.subheader, *at.markdown, *at.caption, *at.text, *at.info, *at.warning, *at.success,
                        *at.error]
    return "\n".join(str(part.value) for part in parts)


def well(at: AppTest) -> AppTest:
    """The page ran without an exception and without an error sentence."""
    assert not at.exception, at.exception
    assert not at.error, [one.value for one in at.error]
    return at

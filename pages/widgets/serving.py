"""Serve the app: `python -m pages.widgets.serving [options of streamlit run]`.

Plain `streamlit run app.py` takes `pages/` for a folder of the older kind of pages until somebody's first visit, and greets a
deep link on a fresh server with "page not found". It also comes back from a login to the bare address. Streamlit has no option
against either; it is told here, before it starts.
"""

from __future__ import annotations

import sys
from pathlib import Path

from starlette.middleware import Middleware
from streamlit import config
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import cli
from streamlit.web.server.starlette import starlette_app

from .way_back import WayBack

APP = Path(__file__).resolve().parents[2] / "app.py"
_own = starlette_app.create_streamlit_middleware


def _around() -> list[Middleware]:
    """What Streamlit puts around the app, and outside of it the way back from a login."""
    return [Middleware(WayBack, base=lambda: str(config.get_option("server.baseUrlPath") or "")), *_own()]


def main() -> None:
    """Never returns: the server runs until it is told to stop."""
    PagesManager.uses_pages_directory = False
    starlette_app.create_streamlit_middleware = _around
    cli.main(["run", str(APP), *sys.argv[1:]], prog_name="streamlit")


if __name__ == "__main__":
    main()

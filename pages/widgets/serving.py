"""Serve the app: `python -m pages.widgets.serving [options of streamlit run]`.

Plain `streamlit run app.py` takes `pages/` for a folder of the older kind of pages until somebody's first visit, and greets a
deep link on a fresh server with "page not found". Streamlit has no option against that; it is told here, before it starts.
"""

from __future__ import annotations

import sys
from pathlib import Path

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import cli

APP = Path(__file__).resolve().parents[2] / "app.py"


def main() -> None:
    """Never returns: the server runs until it is told to stop."""
    PagesManager.uses_pages_directory = False
    cli.main(["run", str(APP), *sys.argv[1:]], prog_name="streamlit")


if __name__ == "__main__":
    main()

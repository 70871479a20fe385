"""Forms: says plainly that they come later."""

from __future__ import annotations

from engine.store import Store

from .running import open_page, well, words


def test_the_page_promises_nothing_it_does_not_have(workspace: Store) -> None:
    at = well(open_page("forms"))
    assert "come in a later version" in words(at) and not at.button

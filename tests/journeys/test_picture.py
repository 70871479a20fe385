"""A journey as a picture: well formed, whole, and safe whatever people write into it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given, settings

from engine.journeys import canvas, picture

from .worlds import Document, journey, journeys

EVIL = journey({"id": "a", "type": "wait", "for": "2d", "next": "e", "note": "</svg><script>"},
               {"id": "e", "type": "exit", "reason": 'x" | <b>#1 & co'}, name="<script>")
SVG = "{http://www.w3.org/2000/svg}"


@settings(max_examples=15, deadline=None)
@given(document=journeys())
def test_complaint_24_a_journey_is_drawn_whole(document: Document) -> None:
    """COMPLAINTS 24: every step and every way, as SVG and as Mermaid."""
    graph = canvas.to_graph(document, canvas.NOBODY)
    drawn = ET.fromstring(picture.svg(document, canvas.NOBODY))
    assert len(drawn.findall(f"{SVG}rect")) == len(graph["nodes"]) + 1
    assert len(drawn.findall(f"{SVG}path")) == len(graph["edges"])
    text = picture.mermaid(document, canvas.NOBODY)
    assert text.count(" -->") == len(graph["edges"]) and len(text.splitlines()) == 1 + len(graph["nodes"]) + len(graph["edges"])


def test_what_people_write_stays_text() -> None:
    drawn = ET.fromstring(picture.svg(EVIL, canvas.NOBODY, {"a": {"next": 1_200}}))
    words = [one.text for one in drawn.iter(f"{SVG}text")]
    assert "1,200" in words and any('x" | <b>#1 & co' in str(one) for one in words)
    assert not list(drawn.iter(f"{SVG}script")) and drawn.find(f"{SVG}title").text == "<script>"  # type: ignore[union-attr]
    line = next(one for one in picture.mermaid(EVIL, canvas.NOBODY).splitlines() if "co" in one)
    assert line.count('"') == 2 and "<b>#" not in line.replace("<b>Exit", "") and "#quot;" in line and "#35;1" in line

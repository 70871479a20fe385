"""Journeys to start from: each a file with the journey, its messages, what it needs, and scenarios that show what it does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from ...access import Actor, require
from ...audience import segments
from ...content import templates
from ...errors import Conflict, NotFound, listing
from ...people import fields
from ...sql import fold
from ...store import Store
from .. import documents
from ..drafts import Draft, called, save_draft

FOLDER = Path(__file__).parent
GROUPS = ("Begin", "Nurture", "Sell", "Keep", "Win back")


@dataclass(frozen=True)
class Entry:
    """One journey to start from. does, needs: a sentence each. test: its scenarios, as `journeys test` reads them."""

    key: str
    title: str
    group: str
    does: str
    needs: str
    fields: dict[str, str]
    segments: dict[str, Any]
    messages: dict[str, dict[str, Any]]
    journey: dict[str, Any]
    test: dict[str, Any]

    @property
    def text(self) -> str:
        """The journey as a file."""
        return documents.dump(self.journey)


@lru_cache(1)
def entries() -> tuple[Entry, ...]:
    """All of them, by group."""
    found = [_read(file) for file in sorted(FOLDER.glob("*.yaml"))]
    return tuple(sorted(found, key=lambda one: (GROUPS.index(one.group), one.title)))


def get(key: str) -> Entry:
    """One by its key. Raises NotFound."""
    found = next((one for one in entries() if one.key == key), None)
    if found is None:
        raise NotFound(f"there is no journey {key!r} to start from. There are: {listing([one.key for one in entries()], 30)}")
    return found


def start(store: Store, key: str, name: str | None = None, *, by: Actor, now: int) -> Draft:
    """A draft of the journey under a name of its own, with the fields, segments and messages it needs where they are missing.

    What is there under the same name stays as it is. Raises NotFound. Conflict: there is a journey of this name.
    """
    require(by, "market")
    entry = get(key)
    title = (name or entry.title).strip()
    if fold(title) in names_taken(store):
        raise Conflict(f"there is a journey {title!r} already: choose another name")
    prepare(store, entry, by=by, now=now)
    return save_draft(store, title, called(entry.text, title), rev=0, by=by, now=now)


def names_taken(store: Store) -> set[str]:
    """Names of journeys, folded."""
    return {row[0] for row in store.rows("SELECT j.key FROM journey j")}


def prepare(store: Store, entry: Entry, *, by: Actor, now: int) -> None:
    """The fields, segments and messages of an entry, where they are missing."""
    known = fields.catalogue(store)
    for field, kind in entry.fields.items():
        if fold(field) not in known:
            fields.define(store, field, kind, by=by, now=now)
    there = {row[0] for row in store.rows("SELECT s.key FROM segment s")}
    for name, rule in entry.segments.items():
        if fold(name) not in there:
            segments.save(store, name, rule, by=by, now=now)
    written = {fold(one.name) for one in templates.list_templates(store)}
    for name, said in entry.messages.items():
        if fold(name) not in written:
            templates.save(store, name, html=page(said), subject=said["subject"], by=by, now=now)


def page(said: dict[str, Any]) -> str:
    """A message as a page: a few lines, one button and perhaps a link beside it, to be dressed in the workspace's own look."""
    lines = "\n".join(f'<p style="margin:0 0 16px">{escape(line, quote=False)}</p>' for line in said["say"])
    button = (f'<p style="margin:24px 0"><a href="{said["to"]}" style="background:#4338ca;border-radius:6px;color:#ffffff;'
              f'display:inline-block;padding:12px 20px;text-decoration:none">{escape(said["button"], quote=False)}</a></p>')
    beside = "".join(f'<p style="margin:0 0 16px"><a href="{to}" style="color:#4338ca">{escape(words, quote=False)}</a></p>'
                     for words, to in (said.get("also") or {}).items())
    return _PAGE.replace("[[lines]]", lines).replace("[[button]]", (button if said.get("button") else "") + beside)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"></head>
<body style="background:#f4f4f6;margin:0;padding:24px"><div style="background:#ffffff;border-radius:8px;color:#1f2333;
font-family:Arial,sans-serif;font-size:16px;line-height:1.5;margin:0 auto;max-width:560px;padding:32px">
<p style="margin:0 0 16px">Hello {{ contact.first_name | default("there") }},</p>
[[lines]]
[[button]]
</div></body></html>
"""


def _read(file: Path) -> Entry:
    said = documents.load(file.read_text(encoding="utf-8"), file.name)
    return Entry(file.stem, said["title"], said["group"], said["does"], said["needs"], said.get("fields") or {},
                 said.get("segments") or {}, said.get("messages") or {}, said["journey"], said["test"])

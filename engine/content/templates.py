"""Templates of messages and their versions. A version never changes: a message knows exactly what it was made from."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .. import audit
from ..access import Actor, require
from ..errors import BadInput, NotFound, listing
from ..sql import fold
from ..store import Store
from . import language, markup

CHANNELS = ("email", "sms")
_LONGEST_NAME, _LARGEST = 120, 1_000_000
_HEAD = re.compile(r"---[ \t]*\r?\n(.*?)\r?\n---[ \t]*\r?\n", re.DOTALL)
_MARKUP = re.compile(r"<[a-zA-Z/!][^<>]*>")
_HEAD_KEYS = ("subject", "preheader")


@dataclass(frozen=True)
class Template:
    """A template with its newest version. `source` is what was written, `html` what is sent after rendering."""

    id: int
    name: str
    channel: str
    version_id: int
    version: int
    subject: str | None
    preheader: str | None
    html: str | None
    text: str | None
    source: str | None
    source_kind: str
    updated_at: int
    changed: bool = False  # whether this save made a new version


@dataclass(frozen=True)
class Source:
    """What a template file says: its parts before anything is made of them."""

    markup: str | None
    text: str | None = None
    subject: str | None = None
    preheader: str | None = None
    first_line: int = 1  # of the markup in its file, for error messages


def save(store: Store, name: str, *, html: str | None, text: str | None = None, subject: str | None = None,
         preheader: str | None = None, channel: str = "email", by: Actor, now: int) -> Template:
    """Keep a new version of a template; an unchanged one keeps its version.

    html: HTML or MJML; front matter with subject and preheader may stand before it. text: made from the HTML when None. An SMS
    is plain text, in either.
    Raises BadInput: no name, an unknown channel or another than it had, template code or MJML that can not be read (with its
    line).
    """
    require(by, "market")
    name = _named(name)
    if channel not in CHANNELS:
        raise BadInput(f"template {name}: channel {channel!r} is not one of {', '.join(CHANNELS)}")
    source = read_source(html or "", name, subject=subject, preheader=preheader, text=text)
    columns = _columns(name, source if channel == "email" else _plain(name, source))
    with store.transaction():
        store.serialize("template")
        if (kept := find(store, name)) and kept.channel != channel:
            raise BadInput(f"template {name}: it is for {kept.channel}, and journeys send it so; take another name")
        template_id = _ensure(store, name, channel, now)
        changed = _add_version(store, template_id, columns, by, now)
        if changed:
            audit.record(store, by, "save template", name, now=now, template_id=template_id)
        return replace(get(store, name), changed=changed)


def read_source(written: str, name: str, *, subject: str | None = None, preheader: str | None = None,
                text: str | None = None) -> Source:
    """Split front matter from markup; what is given here goes before what the file says. Raises BadInput."""
    head: dict[str, str] = {}
    first_line = 1
    if found := _HEAD.match(written):
        head = _head(found.group(1), name)
        first_line += found.group().count("\n")
        written = written[found.end():]
    return Source(written if written.strip() else None, text, subject or head.get("subject"),
                  preheader or head.get("preheader"), first_line)


def get(store: Store, name: str) -> Template:
    """A template by name, in any case. Raises NotFound with the names there are."""
    found = store.row(f"{_SELECT} WHERE t.key = :key AND t.archived_at IS NULL", key=fold(name.strip()))
    if found is None:
        names = [row[0] for row in store.rows("SELECT name FROM template WHERE archived_at IS NULL")]
        raise NotFound(f"template {name!r}: there is none; there are {listing(names)}")
    return Template(*found)


def find(store: Store, name: str) -> Template | None:
    """A template by name, in any case; None when there is none."""
    found = store.row(f"{_SELECT} WHERE t.key = :key AND t.archived_at IS NULL", key=fold(name.strip()))
    return Template(*found) if found else None


def of_version(store: Store, version_id: int) -> Template:
    """A template as one of its versions says it. Raises NotFound."""
    found = store.row(f"{_OLD} WHERE v.id = :version", version=version_id)
    if found is None:
        raise NotFound(f"template version {version_id}: there is none")
    return Template(*found)


def list_templates(store: Store) -> list[Template]:
    """All templates that are not archived, by name."""
    return [Template(*row) for row in store.rows(f"{_SELECT} WHERE t.archived_at IS NULL ORDER BY t.key")]


_COLUMNS = ("t.id, t.name, t.channel, v.id, v.version, v.subject, v.preheader, v.html, v.text, v.source, v.source_kind, "
            "t.updated_at")
_SELECT = f"SELECT {_COLUMNS} FROM template t JOIN template_version v ON v.id = t.version_id"
_OLD = f"SELECT {_COLUMNS} FROM template_version v JOIN template t ON t.id = v.template_id"


def _named(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise BadInput(f"template name {name!r}: write 1 to {_LONGEST_NAME} printable characters")
    return name


def _head(lines: str, name: str) -> dict[str, str]:
    head = {}
    for number, line in enumerate(lines.splitlines(), start=2):
        key, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon or key.strip().lower() not in _HEAD_KEYS:
            raise BadInput(f"template {name}, line {number}: {line.strip()!r} is no line of its head: "
                           f"write {' or '.join(f'{known}: …' for known in _HEAD_KEYS)}")
        value = value.strip()
        head[key.strip().lower()] = value[1:-1] if len(value) > 1 and value[0] == value[-1] in "\"'" else value
    return head


def _plain(name: str, source: Source) -> Source:
    """What a channel of text alone can carry. Raises BadInput: it has more than that."""
    if source.subject or source.preheader or (source.markup and _MARKUP.search(source.markup)):
        raise BadInput(f"template {name}: an SMS is plain text, without subject, preheader and HTML")
    return replace(source, markup=None, text=source.text or source.markup)


def _columns(name: str, source: Source) -> dict[str, str | None]:
    """Everything checked and made, ready to store."""
    what = f"template {name}"
    for part, written in (("subject", source.subject), ("preheader", source.preheader), ("text", source.text),
                          ("html", source.markup)):
        if written and (len(written) > _LARGEST or "\x00" in written):
            raise BadInput(f"{what}: the {part} is longer than {_LARGEST:,} characters or holds a NUL character")
        where = what if part == "html" else f"{what}, {part}"
        language.parse(written or "", where, source.first_line if part == "html" else 1)
    if not source.markup and not (source.text or "").strip():
        raise BadInput(f"{what}: it is empty; give it HTML, MJML or a text")
    return _made(what, source)


def _made(what: str, source: Source) -> dict[str, str | None]:
    html = markup.compiled(source.markup, what) if source.markup else None
    text = source.text if (source.text or "").strip() else markup.plain_text(html) if html else None
    if html and source.preheader:
        html = markup.with_preheader(html, source.preheader)
    for made in filter(None, (html, text)):
        language.parse(made, what)
    kind = "text" if not source.markup else "mjml" if markup.is_mjml(source.markup) else "html"
    return {"subject": source.subject, "preheader": source.preheader, "html": html, "text": text,
            "source": source.markup or source.text, "source_kind": kind}


def _ensure(store: Store, name: str, channel: str, now: int) -> int:
    key = fold(name)
    store.run("""INSERT INTO template (key, name, channel, created_at, updated_at) VALUES (:key, :name, :channel, :now, :now)
        ON CONFLICT (key) DO UPDATE SET name = excluded.name, channel = excluded.channel, archived_at = NULL""",
              key=key, name=name, channel=channel, now=now)
    return int(store.one("SELECT id FROM template WHERE key = :key", key=key))


def _add_version(store: Store, template_id: int, columns: dict[str, str | None], by: Actor, now: int) -> bool:
    kept = store.records("SELECT v.subject, v.preheader, v.html, v.text, v.source, v.source_kind, v.version FROM template t "
                         "JOIN template_version v ON v.id = t.version_id WHERE t.id = :id", id=template_id)
    if kept and all(kept[0][name] == value for name, value in columns.items()):
        return False
    number = kept[0]["version"] + 1 if kept else 1
    store.insert_many("template_version", [{"template_id": template_id, "version": number, "at": now, "actor": by.name,
                                            **columns}])
    store.run("""UPDATE template SET updated_at = :now, version_id = (SELECT MAX(v.id) FROM template_version v
        WHERE v.template_id = :id) WHERE id = :id""", now=now, id=template_id)
    return True

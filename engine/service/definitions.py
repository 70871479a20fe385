"""The definitions of a workspace as files, and back: fields, topics, personas, segments, rules, messages, journeys.

One folder, one file for each thing but for small lists, names in the files and not in what the files are called. Writing the
same workspace twice gives the same bytes; reading a folder twice changes nothing the second time.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ..access import Actor, require
from ..audience import affinity, lifecycle, personas, scoring, segments
from ..content import markup, templates
from ..errors import BadInput, ThroughlineError
from ..journeys import documents, migrating
from ..people import accounts, fields
from ..sql import fold
from ..store import Store

MARK = "throughline.yaml"  # says that a folder is ours: only there may files that nothing stands for be removed
FORMAT = 1
FOLDERS = ("segments", "messages", "journeys")
_MOST_ROUNDS = 20  # segments that ask about segments
Things = dict[str, Any]  # what is said of each, by name
Saving = tuple[Path, Callable[[], object]]


@dataclass(frozen=True)
class Outcome:
    """What differs, by `kind/name`, sorted. diff: lines of each thing that was made or changed. absent: things of the
    workspace that no file speaks of; they stay as they are."""

    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    diff: dict[str, tuple[str, ...]] = field(default_factory=dict)


class _Undo(Exception):
    """Takes a trial run back."""


# ------------------------------------------------------------ out


def export(store: Store, folder: Path) -> Outcome:
    """Write the definitions into a folder, which is made. Raises BadInput: it holds files that are not ours.

    Files of things that are gone are removed, where an earlier export has written them.
    """
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file: name a folder")
    ours = (folder / MARK).exists()
    if folder.is_dir() and any(folder.iterdir()) and not ours:
        raise BadInput(f"{folder} is not empty and was not written by export: name a new folder")
    wanted = {MARK: f"format: {FORMAT}\n", **_files(store)}
    there = {str(file.relative_to(folder)) for name in FOLDERS for file in (folder / name).glob("*") if file.is_file()}
    there |= {f"{kind}.yaml" for kind in LISTED if (folder / f"{kind}.yaml").exists()}
    found: dict[str, list[str]] = {"created": [], "changed": [], "unchanged": [], "removed": []}
    for name, text in sorted(wanted.items()):
        file = folder / name
        before = file.read_text(encoding="utf-8") if file.exists() else None
        found["created" if before is None else "unchanged" if before == text else "changed"].append(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        if before != text:
            file.write_text(text, encoding="utf-8", newline="\n")
    for name in sorted(there - wanted.keys()):
        (folder / name).unlink()
        found["removed"].append(name)
    created, changed, unchanged, removed = (tuple(found[key]) for key in ("created", "changed", "unchanged", "removed"))
    return Outcome(created, changed, unchanged, removed)


def _files(store: Store) -> dict[str, str]:
    """Text by path."""
    made = {f"{kind}.yaml": documents.dump(found) for kind, read in LISTED.items() if (found := read(store))}
    for folder, things in (("segments", _segments(store)), ("messages", _messages(store))):
        names: dict[str, str] = _file_names(things)
        for name, said in things.items():
            source = said.pop("source", None)
            made[f"{folder}/{names[name]}.yaml"] = documents.dump({"name": name, **said})
            if source is not None:
                made[f"{folder}/{names[name]}.html"] = source
    journeys = _journeys(store)
    names = _file_names(journeys)
    return made | {f"journeys/{names[name]}.yaml": text for name, text in journeys.items()}


def _sorted(value: Any) -> Any:
    """Keys in order: a database may keep them in another one."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


def _file_names(things: Mapping[str, object]) -> dict[str, str]:
    """A name for each file, from the name of the thing."""
    made: dict[str, str] = {}
    for name in sorted(things, key=lambda one: (fold(one), one)):
        plain = re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-") or "unnamed"
        number = sum(1 for one in made.values() if one == plain or one.startswith(f"{plain}--"))
        made[name] = plain if not number else f"{plain}--{number + 1}"
    return made


def _fields(store: Store, entity: fields.Entity = fields.CONTACT) -> Things:
    return {one.name: {"kind": one.kind, **({"options": list(one.options)} if one.options else {})}
            for one in sorted(fields.catalogue(store, entity).values(), key=lambda one: one.key) if one.made}


def _company_fields(store: Store) -> Things:
    return _fields(store, accounts.COMPANY)


def _topics(store: Store) -> Things:
    found = {one.name: {"pages": one.pages, "links": one.links, "messages": one.mails, "half_life_days": one.half_life_days}
             for one in affinity.list_topics(store)}
    return {name: {key: list(value) if isinstance(value, tuple) else value for key, value in said.items() if value}
            for name, said in found.items()}


def _personas(store: Store) -> Things:
    return {one.name: {"place": one.place, "rule": _sorted(one.rule), **({"notes": one.notes} if one.notes else {})}
            for one in personas.list_personas(store)}


def _segments(store: Store) -> Things:
    return {one.name: {"rule": _sorted(one.rule)} for one in segments.list_own(store)}


def _scores(store: Store) -> Things:
    return {one.name: _sorted(one.document) for one in scoring.list_rules(store)}


def _stages(store: Store) -> Things:
    return {one.stage: {"rule": _sorted(one.rule), **({"regress": True} if one.regress else {})}
            for one in lifecycle.list_rules(store)}


# Kinds of which all stand in one file.
LISTED: dict[str, Callable[[Store], Things]] = {
    "fields": _fields, "company-fields": _company_fields, "topics": _topics, "personas": _personas, "scores": _scores,
    "stages": _stages}


def _messages(store: Store) -> dict[str, dict[str, Any]]:
    return {one.name: _message(one) for one in templates.list_templates(store)}


def _message(one: templates.Template) -> dict[str, Any]:
    """What was written: the page in a file beside it; a text only where it is not made from the page."""
    said: dict[str, Any] = {"channel": one.channel, "subject": one.subject, "preheader": one.preheader}
    if one.source_kind == "text":
        said["text"] = one.text
    else:
        said["source"] = one.source
        if one.text != markup.plain_text(markup.compiled(one.source or "", one.name)):
            said["text"] = one.text
    return {key: value for key, value in said.items() if value is not None}


def _journeys(store: Store) -> dict[str, str]:
    """Live versions, byte for byte."""
    return dict(store.rows("SELECT j.name, v.document FROM journey j JOIN journey_version v ON v.id = j.version_id "
                           "WHERE j.status IN ('live', 'paused') ORDER BY j.key"))


# ------------------------------------------------------------ in


def apply(store: Store, folder: Path, *, dry_run: bool = False, by: Actor, now: int) -> Outcome:
    """Make the workspace say what the files say, all of it or nothing. dry_run: only tell what would differ.

    New journeys and new versions take in who comes to match from now on; people under way finish what they began.
    Raises  BadInput, Invalid: naming the file. Forbidden.
    """
    require(by, "administer")
    if not (folder / MARK).exists():
        raise BadInput(f"{folder} holds no {MARK}: name a folder that export has written")
    before = _said(store)
    try:
        with store.transaction():
            _apply(store, _Folder(folder), by, now)
            after = _said(store)
            if dry_run:
                raise _Undo
    except _Undo:
        pass
    return _compared(before, after, _Folder(folder).mentioned())


def _said(store: Store) -> dict[str, str]:
    """Every thing by `kind/name`, as text that can be compared."""
    found = {f"{kind}/{name}": documents.dump(said)
             for kind, read in {**LISTED, "segments": _segments, "messages": _messages}.items()
             for name, said in read(store).items()}
    return found | {f"journeys/{name}": text for name, text in _journeys(store).items()}


def _compared(before: dict[str, str], after: dict[str, str], mentioned: set[str]) -> Outcome:
    created = tuple(sorted(after.keys() - before.keys()))
    changed = tuple(sorted(name for name in after.keys() & before.keys() if after[name] != before[name]))
    unchanged = tuple(sorted(name for name in after if name in before and name not in changed and fold(name) in mentioned))
    diff = {name: tuple(difflib.unified_diff(before.get(name, "").splitlines(), after[name].splitlines(), "before", "after",
                                             lineterm="", n=1))[2:] for name in (*created, *changed)}
    absent = tuple(sorted(name for name in before if fold(name) not in mentioned))
    return Outcome(created, changed, unchanged, (), absent, diff)


@dataclass(frozen=True)
class _Folder:
    """The files, read on demand, each with its name for what is wrong in it."""

    path: Path

    def document(self, name: str) -> dict[str, Any]:
        """A file of its own; empty where there is none."""
        file = self.path / name
        return documents.load(_text(file), str(file)) if file.exists() else {}

    def listed(self, kind: str, take: Callable[[str, dict[str, Any]], object]) -> None:
        """Take each thing that a file of many lists; what is wrong with one names the file."""
        file = f"{kind}.yaml"
        for name, said in self.document(file).items():
            with _naming(self.path / file):
                if not isinstance(said, dict):
                    raise BadInput(f"{name}: what it is stands below its name, each part with its own")
                take(str(name), said)

    def each(self, folder: str) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Every YAML file of a folder. Raises BadInput: one without a name."""
        for file in sorted((self.path / folder).glob("*.yaml")):
            said = documents.load(_text(file), str(file))
            if not isinstance(said.get("name"), str):
                raise BadInput(f"{file}: `name` is needed")
            yield file, said

    def mentioned(self) -> set[str]:
        """`kind/name`, folded."""
        found = {f"{kind}/{name}" for kind in LISTED for name in self.document(f"{kind}.yaml")}
        return {fold(one) for one in found | {f"{folder}/{said['name']}" for folder in FOLDERS
                                              for _, said in self.each(folder)}}


def _apply(store: Store, folder: _Folder, by: Actor, now: int) -> None:
    """What is asked about comes before whoever asks."""
    there, personas_, staged = _topics(store), _personas(store), _stages(store)
    waiting: list[Saving] = []

    def define(entity: fields.Entity, name: str, said: Things) -> None:
        fields.define(store, name, _key(said, "kind"), options=said.get("options") or (), entity=entity, by=by, now=now)

    def topic(name: str, said: Things) -> None:
        if there.get(name) != said:  # what everybody is interested in is worked out anew
            affinity.save(store, name, pages=_words(said, "pages"), links=_words(said, "links"), mails=_words(said, "messages"),
                          half_life_days=_whole(said, "half_life_days", affinity.HALF_LIFE_DAYS), by=by, now=now)

    def persona(name: str, said: Things) -> None:
        if personas_.get(name) != said:
            waiting.append((folder.path / "personas.yaml", partial(
                personas.save, store, name, _key(said, "rule"), str(said.get("notes", "")),
                place=_whole(said, "place", len(personas_) + 1), by=by, now=now)))

    def stage(name: str, said: Things) -> None:
        rule, regress = _key(said, "rule"), bool(said.get("regress"))
        if name not in staged or (staged[name]["rule"], staged[name].get("regress", False)) != (_sorted(rule), regress):
            lifecycle.save_rule(store, name, rule, regress=regress, by=by, now=now)

    folder.listed("fields", partial(define, fields.CONTACT))
    folder.listed("company-fields", partial(define, accounts.COMPANY))
    _save_messages(store, folder, by, now)
    folder.listed("topics", topic)
    for file, said in folder.each("segments"):
        with _naming(file):
            waiting.append((file, partial(segments.save, store, said["name"], _key(said, "rule"), by=by, now=now)))
    folder.listed("personas", persona)
    _in_any_order(waiting)
    folder.listed("scores", lambda name, said: scoring.save_rule(store, name, said, by=by, now=now))
    folder.listed("stages", stage)
    for file, _ in folder.each("journeys"):
        with _naming(file):
            _publish(store, _text(file), by, now)


def _save_messages(store: Store, folder: _Folder, by: Actor, now: int) -> None:
    for file, said in folder.each("messages"):
        page = file.with_suffix(".html")
        with _naming(file):
            templates.save(store, said["name"], html=_text(page) if page.exists() else None, text=said.get("text"),
                           subject=said.get("subject"), preheader=said.get("preheader"),
                           channel=said.get("channel", "email"), by=by, now=now)


def _publish(store: Store, text: str, by: Actor, now: int) -> None:
    """A new version only where the text differs; a paused journey that is the same stays paused."""
    live = _journeys(store).get(str(documents.load(text).get("name")))
    if live != text:
        migrating.publish(store, text, None, by=by, now=now)


def _in_any_order(waiting: list[Saving]) -> None:
    """So that each finds those it asks about. Raises what the last one is wrong about."""
    for _ in range(_MOST_ROUNDS):
        left, wrong = [], None
        for file, save in waiting:
            try:
                with _naming(file):
                    save()
            except BadInput as error:
                left.append((file, save))
                wrong = wrong or error
        if wrong is None:
            return
        if len(left) == len(waiting):
            raise wrong
        waiting = left


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Names the file in whatever is wrong in it."""
    try:
        yield
    except ThroughlineError as error:
        raise BadInput(f"{file}: {error}") from error


def _key(said: Any, key: str) -> Any:
    if not isinstance(said, dict) or key not in said:
        raise BadInput(f"`{key}` is needed")
    return said[key]


def _whole(said: dict[str, Any], key: str, default: int) -> int:
    found = said.get(key, default)
    if isinstance(found, bool) or not isinstance(found, int):
        raise BadInput(f"`{key}` is a whole number")
    return found


def _words(said: dict[str, Any], key: str) -> list[str]:
    found = said.get(key) or []
    if not isinstance(found, list):
        raise BadInput(f"`{key}` is a list")
    return [str(one) for one in found]


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: {getattr(error, 'strerror', None) or 'not a UTF-8 text'}") from None

"""Which column fills what."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from ...errors import BadInput, listing
from ...people.fields import CONTACT, KINDS, Entity, Field, check_name
from ...sql import fold
from ..columns import Column, Reading

LEAVE_OUT = "-"
# In our own exports, and not for a file to say.
KEPT_BY_ENGINE = frozenset({"fit_score", "engagement_score", "persona", "interested_in"})
MARK = "*"  # before the special targets of contacts: a field of their own may be called Tags
ALIKE = 0.8  # a new name this close to a known one is taken for a slip


@dataclass(frozen=True)
class Use:
    """Column number `index` of the file fills `target`. convert: makes its cells readable as values of the kind."""

    index: int
    column: str
    target: str
    kind: str
    convert: Callable[[str], str] | None = None


@dataclass(frozen=True)
class Plan:
    """The uses, the fields to make first (name → kind), and what becomes of each column."""

    uses: tuple[Use, ...]
    new: dict[str, str]
    columns: dict[str, str | None]


def named(columns: Sequence[Column]) -> list[Column]:
    """Columns with names to tell them apart: a second `name` is `name (2)`, a nameless one with content `column 5`."""
    seen: set[str] = set()
    for column in columns:
        wanted = column.name or (f"column {column.index + 1}" if column.filled else "")
        name, number = wanted, 1
        while name and fold(name) in seen:
            number += 1
            name = f"{wanted} ({number})"
        column.name = name
        seen.add(fold(name))
    return [column for column in columns if column.name]


def parse_maps(maps: Sequence[str], columns: Sequence[Column]) -> dict[int, str]:
    """`column=field` as column number → field. Raises BadInput: no such column, or one mapped twice."""
    found: dict[int, str] = {}
    for text in maps:
        name, equals, target = (part.strip() for part in text.rpartition("="))
        if not equals or not name or not target:
            raise BadInput(f"--map {text!r}: write column=field, for example --map \"Prospect ID=external_id\"")
        column = _column(columns, name, text)
        if column.index in found:
            raise BadInput(f"--map {text}: column {column.name!r} is mapped twice")
        found[column.index] = target
    return found


def _column(columns: Sequence[Column], name: str, text: str) -> Column:
    wanted = " ".join(name.split())
    for exactly in (lambda one: one == wanted, lambda one: fold(one) == fold(wanted)):
        hits = [column for column in columns if exactly(column.name)]
        if len(hits) == 1:
            return hits[0]
    raise BadInput(f"--map {text}: the file has no column {wanted!r}; it has {listing([one.name for one in columns], 60)}")


def plan_fields(columns: Sequence[Column], maps: Sequence[str], fields: Mapping[str, Field], reading: Reading, *,
                special: Collection[str] = (), kept: Collection[str] = (), entity: Entity = CONTACT) -> Plan:
    """Columns of a file of contacts or companies: built-in fields, `special` targets (marked), known custom fields, else new
    ones. kept: columns of our own exports that are not for a file to say."""
    columns = named(columns)
    wanted = parse_maps(maps, columns)
    choose = _Targets(fields, special, kept, entity)
    uses, new, shown = [], dict[str, str](), dict[str, str | None]()
    for column in columns:
        target, kind = choose(column, wanted.get(column.index))
        shown[column.name] = target and (fields[target].name if target in fields else target.lstrip(MARK))
        if target is None:
            continue
        if target not in fields and not target.startswith(MARK):
            new[target] = kind
        uses.append(Use(column.index, column.name, fold(target), kind, column.converter(kind, reading)))
    return Plan(_single(uses), new, shown)


@dataclass(frozen=True)
class _Targets:
    """What a column fills (the key of a field, a marked special target, the name of a new field), and of which kind."""

    fields: Mapping[str, Field]
    special: Collection[str]
    kept: Collection[str]
    entity: Entity

    def __call__(self, column: Column, asked: str | None) -> tuple[str | None, str]:
        guess = column.kind or "text"
        if asked == LEAVE_OUT:
            return None, guess
        if asked is not None:
            return self._asked(column, asked, guess)
        if column.name in self.special:
            return MARK + column.name, "text"
        if fold(column.name) in self.fields:
            return fold(column.name), self.fields[fold(column.name)].kind
        if not column.filled or column.name in self.kept:
            return None, guess
        if (again := re.fullmatch(r"(.+) \(\d+\)", column.name)) and fold(again[1]) in {*self.entity.built_in, *self.special}:
            raise BadInput(f"two columns are called {again[1]!r}: leave one out with --map \"{again[1]}=-\" or "
                           f"--map \"{column.name}=-\"")
        try:
            return check_name(column.name, self.entity), guess
        except BadInput as error:
            raise BadInput(f"column {column.name!r}: {error}; map it with --map \"{column.name}=FIELD\", or leave it out with "
                           f"--map \"{column.name}=-\"") from None

    def _asked(self, column: Column, asked: str, guess: str) -> tuple[str, str]:
        if asked in self.special:
            return MARK + asked, "text"
        if fold(asked) in self.fields:
            return fold(asked), self.fields[fold(asked)].kind
        name, _, kind = asked.rpartition(":")
        text = f"--map \"{column.name}={asked}\""
        if name and kind in KINDS:
            there = self.fields.get(fold(name))
            if there and there.kind != kind:
                raise BadInput(f"{text}: field {there.name!r} exists already of the kind {there.kind}, not {kind}")
            return (there.key if there else check_name(name, self.entity)), kind
        if name and kind.isalpha() and kind not in KINDS:
            raise BadInput(f"{text}: there is no kind {kind!r}; choose one of {', '.join(KINDS)}, or for a field of this very "
                           f"name --map \"{column.name}={asked}:{guess}\"")
        known = [*self.fields, *self.special]
        if close := difflib.get_close_matches(fold(asked), known, 1, ALIKE):
            raise BadInput(f"{text}: there is no field {asked!r}; did you mean {close[0]!r}? For a new field say its kind: "
                           f"--map \"{column.name}={asked}:{guess}\"")
        try:
            return check_name(asked, self.entity), guess
        except BadInput as error:
            raise BadInput(f"{text}: {error}; there are {listing(known, 60)}") from None


def plan_fixed(columns: Sequence[Column], maps: Sequence[str], targets: Mapping[str, str], reading: Reading) -> Plan:
    """Columns of a file with fixed targets (name → kind); others are left out. Raises BadInput: no such target."""
    columns = named(columns)
    wanted = parse_maps(maps, columns)
    uses, shown = [], dict[str, str | None]()
    for column in columns:
        target = wanted.get(column.index, fold(column.name))
        if column.index in wanted and target != LEAVE_OUT and target not in targets:
            raise BadInput(f"--map \"{column.name}={target}\": there is no {target!r} here; "
                           f"there are {listing(list(targets), 60)}")
        shown[column.name] = target if target in targets else None
        if target in targets:
            kind = targets[target]
            uses.append(Use(column.index, column.name, target, kind, column.converter(kind, reading)))
    return Plan(_single(uses), {}, shown)


def plan_events(columns: Sequence[Column], maps: Sequence[str], targets: Mapping[str, str], reading: Reading,
                prefix: str) -> Plan:
    """Columns of a file of events: the fixed targets by their exact name, every other column a property (`prefix` + its
    name, which may begin with it already), or whatever name a mapping gives it."""
    columns = named(columns)
    wanted = parse_maps(maps, columns)
    uses, shown = [], dict[str, str | None]()
    for column in columns:
        target = wanted.get(column.index, column.name)
        target = target.removeprefix(prefix)
        shown[column.name] = None if target == LEAVE_OUT else target
        if target != LEAVE_OUT:
            kind = targets.get(target, column.kind or "text")
            uses.append(Use(column.index, column.name, target if target in targets else prefix + target, kind,
                            column.converter(kind, reading)))
    return Plan(_single(uses), {}, shown)


def need(plan: Plan, wanted: Sequence[Collection[str]]) -> None:
    """Raises BadInput: none of a group of targets is filled by a column."""
    filled = {use.target for use in plan.uses}
    for group in wanted:
        if not filled & set(group):
            raise BadInput(f"no column fills {' or '.join(sorted(group))}: map one with --map \"COLUMN={sorted(group)[0]}\"; "
                           f"the file has {listing(list(plan.columns), 60)}")


def _single(uses: Sequence[Use]) -> tuple[Use, ...]:
    by_target: dict[str, Use] = {}
    for use in uses:
        if other := by_target.get(use.target):
            raise BadInput(f"columns {other.column!r} and {use.column!r} both fill {use.target.lstrip(MARK)!r}: "
                           f"leave one out with --map \"{use.column}=-\"")
        by_target[use.target] = use
    return tuple(uses)

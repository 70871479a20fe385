"""The one way in for what is known of people: by hand, from a file, from a website.

A contact is found by email, external id or visitor id. What belongs to two people at once is refused, never merged in
silence; only a visitor nobody had a name for becomes part of the person who turns out to be behind the browser.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from ... import audit
from ...access import RUNNER, Actor, require
from ...errors import BadInput, Conflict
from ...sql import fold
from ...store import CHUNK, Store
from .. import accounts
from ..fields import BUILT_IN, Field, catalogue, parse_value
from ..identity import normalize_email, normalize_phone
from .merging import merge
from .reading import current, holders
from .writing import CLEAR, INNER, Person, Saved, write

NAMED = ("email", "external_id")  # what makes a visitor a person
NAMES = (*NAMED, "anonymous_id")
_NO_FIELD = frozenset({"contact_id", "anonymous_id"})
Names = dict[str, str]


def save(store: Store, values: Mapping[str, Any], *, by: Actor, now: int, source: str) -> Saved:
    """Create or change one contact: field keys, with `CLEAR` to empty one. Raises BadInput, Conflict."""
    require(by, "sell")
    with store.transaction():
        saved = upsert_many(store, [dict(values)], now=now, source=source, by_hand=True)[0]
        if saved.refused:
            raise Conflict(saved.refused) if saved.field is None else BadInput(f"{saved.field}: {saved.refused}")
        if saved.created or saved.changed:
            audit.record(store, by, "contact created" if saved.created else "contact changed", f"contact {saved.id}",
                         now=now, fields=sorted(values))
    return saved


def upsert_many(store: Store, rows: Iterable[Mapping[str, Any]], *, now: int, source: str,
                by_hand: bool = False) -> list[Saved]:
    """Create or change contacts, one answer per row; rows of one contact add up. Needs a transaction.

    Keys are folded field names, `anonymous_id`, `account_id` or `contact_id`; values may be text. None and '' leave a
    field as it is, `CLEAR` empties it. A row that can not be taken says why and changes nothing. by_hand: a person decided it;
    else nothing takes back what somebody said about the sale of their data.
    Raises  BadInput: a key that is no field.
    """
    listed = list(rows)
    store.serialize("contact")
    fields = catalogue(store)
    done: list[Saved] = []
    for at in range(0, len(listed), CHUNK):
        batch = _Batch(store, fields, now, by_hand)
        done += batch.decide(listed[at:at + CHUNK])
        write(store, batch.touched, batch.fields, now=now, source=source)
    return done


def create_anonymous(store: Store, anonymous_ids: Iterable[str], *, now: int) -> dict[str, int]:
    """Contacts for visitors known by a cookie only; those that exist are returned. Needs a transaction."""
    wanted = list(dict.fromkeys(anonymous_ids))
    saved = upsert_many(store, [{"anonymous_id": name} for name in wanted], now=now, source="visit")
    return {name: row.id for name, row in zip(wanted, saved, strict=True) if not row.refused}


class _Refused(Exception):
    """Why a row can not be taken, and the field at fault."""

    def __init__(self, why: str, field: str | None = None) -> None:
        super().__init__(why)
        self.field = field


class _Batch:
    """Rows against the database: look once, then decide in order."""

    def __init__(self, store: Store, fields: Mapping[str, Field], now: int, by_hand: bool = False) -> None:
        self.store, self.now, self.by_hand = store, now, by_hand
        self.public = {**fields, "account_id": INNER["account_id"]}
        self.fields = {**self.public, **INNER}
        self.people: dict[int, Person] = {}
        self.held: dict[str, dict[str, int]] = {kind: {} for kind in NAMES}
        self.spare: deque[int] = deque()
        self.read: dict[str, dict[str, Any]] = {}

    @property
    def touched(self) -> list[Person]:
        """Whoever a row was about."""
        return [person for person in self.people.values() if person.touched]

    def decide(self, rows: Sequence[Mapping[str, Any]]) -> list[Saved]:
        """Answers in the order of the rows; visitors join the person they turn out to be."""
        keys = {key for row in rows for key in row} - _NO_FIELD
        if unknown := keys - self.public.keys():
            raise BadInput(f"{min(unknown)!r} is not a field of contacts")
        self._read(rows, keys | {"anonymous_id"})
        kinds = [kind for kind in NAMES if any(kind in row for row in rows)]
        named = [self._names(row, kinds) for row in rows]
        self._look(named, [row["contact_id"] for row in rows if row.get("contact_id")], keys)
        taken = [self._take(row, names) for row, names in zip(rows, named, strict=True)]
        self._link()
        return _settled(taken)

    # ------------------------------------------------------------ reading

    def _read(self, rows: Sequence[Mapping[str, Any]], keys: Collection[str]) -> None:
        """The stored value of every text, column by column: columns repeat themselves."""
        for key in {*NAMES, *keys}:
            texts = {text for row in rows if type(text := row.get(key)) is str}
            self.read[key] = dict(zip(texts, self._meanings(key, texts), strict=True))

    def _meanings(self, key: str, values: Collection[Any]) -> list[Any]:
        """The stored value of each, or why there is none."""
        field, read = self.fields.get(key, BUILT_IN["external_id"]), _READ.get(key, parse_value)
        found = []
        for value in values:
            try:
                found.append(read(field, value))
            except BadInput as error:
                found.append(_Refused(str(error), self.fields[key].name if key in self.fields else key))
        return found

    def _meaning(self, key: str, value: Any) -> Any:
        """The same of one value that is no text."""
        return None if value is None or value is CLEAR else self._meanings(key, [value])[0]

    def _names(self, row: Mapping[str, Any], kinds: Sequence[str]) -> Names | _Refused:
        """The identities that a row gives, or what is wrong with them."""
        names: Names = {}
        for kind in kinds:
            value = row.get(kind)
            word = self.read[kind][value] if type(value) is str else self._meaning(kind, value)
            if type(word) is _Refused:
                return word
            if word:
                names[kind] = word
        return names

    # ------------------------------------------------------------ looking

    def _look(self, named: Sequence[Names | _Refused], ids: Sequence[int], keys: set[str]) -> None:
        good = [names for names in named if not isinstance(names, _Refused)]
        for kind in NAMES:
            values = list(dict.fromkeys([names[kind] for names in good if kind in names]))
            self.held[kind] = holders(self.store, kind, values)
        self._join_visitors(good)
        loaded = {key: self.fields[key].column for key in sorted({*keys, *NAMED, "account_id", "anonymous"})}
        wanted = list(dict.fromkeys([*(who for held in self.held.values() for who in held.values()), *ids]))
        for who, held in current(self.store, wanted, list(loaded.values())).items():
            was = {key: held[column] for key, column in loaded.items()}
            self.people[who] = Person(who, False, was, dict(was))
        strangers = sum(1 for names in good if self._may_be_new(names))
        self.spare = deque(self.store.new_ids("contact", strangers))

    def _may_be_new(self, names: Names) -> bool:
        kinds = [kind for kind in names if kind in NAMED] or names
        return not any(names[kind] in self.held[kind] for kind in kinds)

    def _join_visitors(self, named: Iterable[Names]) -> None:
        """Visitors without a name become part of whoever is named with them."""
        for names in named:
            visitor = self.held["anonymous_id"].get(names.get("anonymous_id", ""))
            if not visitor:
                continue
            persons = {self.held[kind][names[kind]] for kind in NAMED if names.get(kind) in self.held[kind]}
            if len(persons) == 1 and visitor not in persons and self._is_nameless(visitor):
                (person,) = persons
                merge(self.store, person, visitor, by=RUNNER, now=self.now)
                for held in self.held.values():
                    held.update({value: person for value, who in held.items() if who == visitor})

    def _is_nameless(self, contact_id: int) -> bool:
        return bool(self.store.one("SELECT c.anonymous FROM contact c WHERE c.id = :id", id=contact_id))

    # ------------------------------------------------------------ deciding

    def _take(self, row: Mapping[str, Any], names: Names | _Refused) -> tuple[Person, bool, bool] | _Refused:
        """The contact, whether this row made it, and whether it changed what was known; or why not."""
        try:
            if isinstance(names, _Refused):
                raise names
            values = self._values(row, names)
            person = self._person(names, row.get("contact_id"))
        except _Refused as refusal:
            return refusal
        made, known = person.fresh and not person.touched, person.now
        if known.get("do_not_sell") and not self.by_hand:
            values.pop("do_not_sell", None)
        changed = made or any(known.get(key) != value for key, value in values.items())
        known.update(values)
        if known["anonymous"] and any(kind in names for kind in NAMED):
            known["anonymous"], changed = 0, True
        person.touched = True
        person.moved |= changed
        self._give_names(person, names)
        return person, made, changed

    def _values(self, row: Mapping[str, Any], names: Names) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in row.items():
            if value is None or value == "" or key in _NO_FIELD:
                continue
            parsed = names.get(key) or (self.read[key][value] if type(value) is str else self._meaning(key, value))
            if type(parsed) is _Refused:
                raise _Refused(str(parsed), parsed.field)
            if parsed is not None or value is CLEAR:
                values[key] = parsed
        return values

    def _person(self, names: Names, contact_id: int | None) -> Person:
        """Who the row is about; a new contact for new names. Refuses names of two people."""
        found = {kind: self.people[self.held[kind][names[kind]]] for kind in NAMED if names.get(kind) in self.held[kind]}
        if not found and not contact_id:
            return self._visitor(names) or self._stranger(names)
        if contact_id and contact_id not in self.people:
            raise _Refused(f"there is no contact {contact_id}")
        if contact_id:
            found["contact_id"] = self.people[contact_id]
        if len({person.id for person in found.values()}) > 1:
            raise _Refused(_two_people(names, found))
        person = next(iter(found.values()))
        self._refuse_other_id(person, names)
        return person

    def _visitor(self, names: Names) -> Person | None:
        """The visitor behind the cookie, unless somebody else has a name for it already."""
        found = self.people.get(self.held["anonymous_id"].get(names.get("anonymous_id", ""), 0))
        named_otherwise = found and not found.now["anonymous"] and any(kind in names for kind in NAMED)
        return None if named_otherwise else found

    def _stranger(self, names: Names) -> Person:
        if not names:
            raise _Refused("neither email nor external id: a contact needs one of them")
        identity = next(iter(names.values()))
        anonymous = int(not any(kind in names for kind in NAMED))
        person = Person(self.spare.popleft(), True, {}, {"anonymous": anonymous}, identity=identity)
        self.people[person.id] = person
        return person

    @staticmethod
    def _refuse_other_id(person: Person, names: Names) -> None:
        known, given = person.now.get("external_id"), names.get("external_id")
        if known and given and known != given:
            raise _Refused(f"{person.now.get('email') or f'contact {person.id}'} has the external id {known!r}, not "
                           f"{given!r}: correct the row, or merge the two contacts", "external_id")

    def _link(self) -> None:
        """Whoever is new, or new under this address, belongs to the company that has its domain."""
        loose = [person for person in self.touched if person.now.get("email") and not person.now.get("account_id")
                 and person.now["email"] != person.was.get("email")]
        found = accounts.linked_to(self.store, dict.fromkeys(person.now["email"] for person in loose)) if loose else {}
        for person in loose:
            if person.now["email"] in found:
                person.now["account_id"] = found[person.now["email"]]

    def _give_names(self, person: Person, names: Names) -> None:
        for kind, value in names.items():
            if self.held[kind].get(value) != person.id:
                self.held[kind][value] = person.id
                person.names.append((kind, value))


def _email(field: Field, value: Any) -> str | None:
    word = parse_value(field, value)
    return normalize_email(word) if word else None


def _phone(field: Field, value: Any) -> str | None:
    word: str | None = parse_value(field, value)
    try:
        return word and normalize_phone(word)
    except BadInput:
        return word  # kept as it came: somebody may still read it


def _stage(field: Field, value: Any) -> str | None:
    word = parse_value(field, value)
    return word and fold(word)


def _account(field: Field, value: Any) -> int | None:
    number = parse_value(field, value)
    return number and int(number)


_READ: dict[str, Callable[[Field, Any], Any]] = {"email": _email, "phone": _phone, "stage": _stage, "account_id": _account}


def _two_people(names: Names, found: Mapping[str, Person]) -> str:
    parts = [f"{names.get(kind, kind)!r} belongs to contact {person.id} ({person.words})" for kind, person in found.items()]
    return f"{' and '.join(parts)}: correct the row, or merge the two contacts"


def _settled(taken: Iterable[tuple[Person, bool, bool] | _Refused]) -> list[Saved]:
    """A contact that ends as it was has not changed, whatever rows of it said in between."""
    return [Saved(0, False, False, str(one), one.field) if isinstance(one, _Refused) else
            Saved(one[0].id, one[1], one[1] or (one[2] and one[0].differs)) for one in taken]

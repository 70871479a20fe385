"""How clean the contacts are: what is wrong with whom, in counts and plain words, and the fixes that can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..access import Actor, require
from ..clock import DAY
from ..errors import BadInput
from ..people import contacts, phones
from ..people.addresses import judge
from ..people.duplicates import Pair, candidates
from ..store import CHUNK, Row, Store
from .batches import Batch, ranges_of

STALE_S = 365 * DAY  # nothing changed and nothing happened for so long
MANY = 50_000  # contacts that are looked at in a few seconds; a million take more than a minute
_FEW = 200  # people kept by id under each finding


@dataclass(frozen=True)
class Kind:
    """A kind of finding. words: what {n} contacts have; advice: what to do; fix: what the button does, where one can."""

    key: str
    words: str
    advice: str
    fix: str | None = None


KINDS = {kind.key: kind for kind in (
    Kind("bad_address", "have an address that no mail server takes", "Correct it, or erase the contact"),
    Kind("slip", "have a domain that is probably a slip of a well-known one", "Check the suggestions, then correct them",
         "Correct the address, unless somebody else has the right one"),
    Kind("role", "have the address of a function, not of a person (info@, sales@)", "Ask for a personal address"),
    Kind("disposable", "have an address made to be thrown away", "Leave them out of your segments"),
    Kind("duplicate", "may be the same person as another contact", "Look at each pair, then merge it or keep it apart"),
    Kind("phone", "have a phone number that is not in international form", "Say in which country they are",
         "Write the numbers in international form"),
    Kind("no_zone", "have no time zone: messages reach them by that of the workspace", "Import it, or ask in a form",
         "Take it from the phone number, where that lies in one zone"),
    Kind("no_consent", "can not be mailed: they never agreed", "Ask them by another way"),
    Kind("refused", "can not be mailed: they unsubscribed, bounced or complained", "Nothing: that is theirs to change"),
    Kind("no_address", "can not be mailed: they have no address", "Ask for it in a form"),
    Kind("stale", "have not changed or done anything for a year", "Ask whether their data still holds, or let them go"))}


@dataclass
class Finding:
    """One kind of finding. ids: the first two hundred contacts; detail: what was found about each, where there is something."""

    kind: Kind
    count: int = 0
    ids: list[int] = field(default_factory=list)
    detail: dict[int, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        one = self.count == 1
        words = self.kind.words.replace("have ", "has ", 1).replace("can not", "can not") if one else self.kind.words
        return f"{self.count:,} {'contact' if one else 'contacts'} {words}"

    def add(self, contact_id: int, detail: str | None = None) -> None:
        """Count a contact, and keep it while there are few."""
        self.count += 1
        if len(self.ids) < _FEW:
            self.ids.append(contact_id)
            if detail:
                self.detail[contact_id] = detail


@dataclass(frozen=True)
class Quality:
    """All findings. total: contacts that are not visitors; clean: those without any finding of `DIRT`; pairs: who may be one
    person, the likeliest first."""

    total: int
    clean: int
    findings: dict[str, Finding]
    pairs: list[Pair]

    @property
    def found(self) -> list[Finding]:
        """Those with somebody in them, in the order of the kinds."""
        return [finding for finding in self.findings.values() if finding.count]


DIRT = ("bad_address", "slip", "role", "disposable", "duplicate", "phone", "no_zone")


def look(store: Store, *, now: int, ids: tuple[int, int] | None = None) -> Quality:
    """Look at every contact that is not a visitor, or at those of an id range (a batch just imported)."""
    findings = {key: Finding(kind) for key, kind in KINDS.items()}
    total, dirty = 0, set[int]()

    def note(key: str, contact_id: int, detail: str | None = None) -> None:
        findings[key].add(contact_id, detail)
        if key in DIRT:
            dirty.add(contact_id)

    for row in _people(store, now, ids):
        total += 1
        _look_at(row, note)
    low, high = ids or (0, 1 << 62)
    pairs = [pair for pair in candidates(store) if low <= pair.keep_id <= high or low <= pair.lose_id <= high]
    seen = set[int]()
    for pair in pairs:
        who = pair.lose_id if low <= pair.lose_id <= high else pair.keep_id
        if who not in seen:
            note("duplicate", who, pair.words)
        seen.add(who)
    return Quality(total, total - len(dirty), findings, pairs)


def of_batch(store: Store, batch_id: int, *, now: int) -> Quality | None:
    """The same for the contacts that an import made; None where it made none."""
    made = [edge for part in ranges_of(store, batch_id)["contact"] for edge in part]
    return look(store, now=now, ids=(min(made), max(made))) if made else None


_PEOPLE = """SELECT c.id, c.email, c.phone, c.time_zone, c.updated_at,
    (SELECT s.status FROM consent s WHERE s.contact_id = c.id AND s.channel = 'email' AND s.topic = ''
     ORDER BY s.at DESC, s.id DESC LIMIT 1),
    CASE WHEN c.updated_at < :stale AND NOT EXISTS (SELECT 1 FROM event e WHERE e.contact_id = c.id AND e.occurred_at >= :stale)
    THEN 1 ELSE 0 END FROM contact c WHERE c.anonymous = 0 AND c.id BETWEEN :first AND :last ORDER BY c.id"""


def _people(store: Store, now: int, ids: tuple[int, int] | None) -> Iterator[Row]:
    first, last = ids or (0, 1 << 62)
    for chunk in store.stream(_PEOPLE, stale=now - STALE_S, first=first, last=last):
        yield from chunk


def _look_at(row: Row, note: Callable[..., None]) -> None:
    contact_id, email, phone, zone, _, consent, stale = row
    if email:
        verdict = judge(email)
        for key, holds, detail in (("bad_address", verdict.address is None, verdict.reason),
                                   ("slip", verdict.suggestion is not None, verdict.suggestion),
                                   ("role", verdict.role, email), ("disposable", verdict.disposable, email)):
            if holds:
                note(key, contact_id, detail)
        if consent != "subscribed":
            note("refused" if consent in ("unsubscribed", "bounced", "complained") else "no_consent", contact_id)
    else:
        note("no_address", contact_id)
    if phone and (why := _wrong_phone(phone)):
        note("phone", contact_id, why)
    if not zone:
        note("no_zone", contact_id)
    if stale:
        note("stale", contact_id)


def _wrong_phone(phone: str) -> str | None:
    try:
        return None if phones.e164(phone) == phone else phone
    except BadInput as error:
        return str(error)


# ------------------------------------------------------------ over time


def measure(store: Store, *, now: int) -> Quality:
    """Look at everybody, and keep the counts as those of today."""
    found = look(store, now=now)
    counts = {"contacts": found.total, "clean": found.clean} | {key: one.count for key, one in found.findings.items()}
    with store.transaction():
        store.upsert_many("quality_count", [{"day": now // DAY * DAY, "kind": kind, "count": count}
                                            for kind, count in counts.items()], key=("day", "kind"))
    return found


def last(store: Store) -> tuple[int, Quality] | None:
    """What the newest look at everybody counted, and its day (UTC seconds): without ids and pairs. None: nobody ever looked."""
    rows = store.rows("SELECT q.day, q.kind, q.count FROM quality_count q "
                      "WHERE q.day = (SELECT MAX(x.day) FROM quality_count x)")
    if not rows:
        return None
    counts = {kind: count for _, kind, count in rows}
    findings = {key: Finding(kind, counts.get(key, 0)) for key, kind in KINDS.items()}
    return rows[0][0], Quality(counts["contacts"], counts["clean"], findings, [])


def is_long(store: Store) -> bool:
    """Whether looking at everybody takes so long that a page does it only when asked."""
    return int(store.one("SELECT COUNT(*) FROM contact c")) > MANY


def history(store: Store) -> Any:
    """Columns day (UTC seconds), kind, count: the counts of each day on which somebody looked."""
    return store.frame("SELECT q.day, q.kind, q.count FROM quality_count q ORDER BY q.day, q.kind")


# ------------------------------------------------------------ fixes


@dataclass(frozen=True)
class Fixed:
    """What a fix did. batch: for `batches.undo`; None where nothing was to be done. left: those it could not fix."""

    batch: int | None
    fixed: int
    left: int


def fix(store: Store, key: str, *, region: str | None = None, by: Actor, now: int) -> Fixed:
    """Fix everybody with a finding of a kind, as one batch that can be undone.

    region: the country of phone numbers that do not say theirs. Raises BadInput: a kind without a fix, no such country.
    """
    require(by, "market")
    if key not in _FIXES:
        fixable = ", ".join(_FIXES)
        raise BadInput(f"{key!r} has no fix; there are fixes for {fixable}")
    country = phones.check_region(region) if region else None
    asked = {row[0]: found for row in list(_people(store, now, None)) if (found := _FIXES[key](row, country)) is not None}
    free = _without_taken(store, key, asked)
    if not free:
        return Fixed(None, 0, len(asked))
    batch = Batch(store, f"fix {key}", "", f"fix of {KINDS[key].key.replace('_', ' ')}", by=by, now=now)
    wanted, fixed = list(free.items()), 0
    for at in range(0, len(wanted), CHUNK):
        part = [{"contact_id": who, _FIELD[key]: value} for who, value in wanted[at:at + CHUNK]]

        def write(part: list[dict[str, Any]] = part) -> int:
            with store.transaction(), batch.noting():
                return sum(one.changed for one in contacts.upsert_many(store, part, now=now, source=batch.source))

        fixed += store.insist(write)
    batch.finish({"updated": fixed})
    return Fixed(batch.id, fixed, len(asked) - fixed)


def _without_taken(store: Store, key: str, asked: Mapping[int, str]) -> dict[int, str]:
    """An address that somebody has already is a duplicate, and not to be given away."""
    wanted = {who: value for who, value in asked.items() if value}
    if key != "slip":
        return wanted
    taken = contacts.holders(store, "email", list(wanted.values()))
    first = {value: who for who, value in reversed(wanted.items())}
    return {who: value for who, value in wanted.items() if value not in taken and first[value] == who}


def _meant(row: Row, _: str | None) -> str | None:
    return judge(row[1]).suggestion if row[1] else None


def _international(row: Row, region: str | None) -> str | None:
    """'' where it can not be said."""
    if not row[2] or _wrong_phone(row[2]) is None:
        return None
    try:
        return phones.e164(row[2], region)
    except BadInput:
        return ""


def _zone(row: Row, _: str | None) -> str | None:
    return None if row[3] else (row[2] and phones.zone_of(row[2])) or ""


_FIXES: dict[str, Callable[[Row, str | None], str | None]] = {"slip": _meant, "phone": _international, "no_zone": _zone}
_FIELD = {"slip": "email", "phone": "phone", "no_zone": "time_zone"}

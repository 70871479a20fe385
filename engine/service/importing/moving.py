"""Moving in from another tool: its export files, known by their headers, read as files of our own.

What each tool calls things is declared once, in `PRESETS`. A no goes on the suppression list too, so that it holds whatever
else is imported. The headers are those of the tools' own CSV exports; a column that is not listed becomes a custom field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...access import Actor, require
from ...audience.lifecycle import STAGES
from ...errors import BadInput, listing
from ...people import consent
from ...people.consent import REFUSING, STRICTNESS, Entry
from ...people.contacts import normalize_email
from ...sql import fold
from ...store import CHUNK, Store
from ..tables import Line, Table, changed, open_table
from .contacts import import_table
from .job import Options, Report, uncollected

Says = Mapping[str, str]  # folded cell → consent status; a cell that is absent says nothing
_TRUE: Says = dict.fromkeys(("true", "yes", "1", "y"), "unsubscribed")
_BOUNCED: Says = dict.fromkeys(("true", "yes", "1", "y"), "bounced")
_KLAVIYO: Says = {"subscribed": "subscribed", "true": "subscribed", "unsubscribed": "unsubscribed",
                  "suppressed": "unsubscribed"}
_ANY = "*"  # in Says: whatever else the cell holds


@dataclass(frozen=True)
class Preset:
    """The exports of one tool. Headers are folded.

    marks: headers by which a file is known (each set alone is enough). fills: header → our column. says: header → what its
    cells say of email_consent or sms_consent. whole: header → what a file that has it says of everybody in it. stages: words
    for our stages. drop: technical columns. left: what an export does not hold, in a sentence each.
    """

    tool: str
    marks: tuple[frozenset[str], ...]
    fills: dict[str, str]
    says: dict[str, tuple[str, Says]]
    whole: dict[str, str] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    drop: frozenset[str] = frozenset()
    left: tuple[str, ...] = ()


_NAMES = {"email": "email", "email address": "email", "first name": "first_name", "last name": "last_name",
          "firstname": "first_name", "lastname": "last_name", "phone number": "phone", "phone": "phone"}
PRESETS = {preset.tool: preset for preset in (
    Preset("mautic", (frozenset({"firstname", "lastname", "email"}), frozenset({"email", "preferred_locale"})),
           _NAMES | {"id": "external_id", "mobile": "phone", "company": "account", "timezone": "time_zone", "stage": "stage",
                     "preferred_locale": "locale", "owner": "owner", "tags": "tags", "date_added": "created_at",
                     "dateadded": "created_at"},
           {name: ("email_consent", {"1": "unsubscribed", "2": "bounced", "3": "unsubscribed", "unsubscribed": "unsubscribed",
                                     "bounced": "bounced", "manual": "unsubscribed", "true": "unsubscribed",
                                     "yes": "unsubscribed"})
            for name in ("donotcontact", "do_not_contact", "dnc", "donotcontact_email")},
           left=("Campaigns, e-mails and segments are not part of a contact export: draw the journeys again, or import their "
                 "texts as templates.",
                 "Points come as a field of their own: a score here is the sum of its entries.",
                 "Nobody is subscribed by this file: say --consent email:subscribed:WHERE where they agreed.")),
    Preset("hubspot", (frozenset({"record id", "email"}), frozenset({"portal unsubscribe", "email"}),
                       frozenset({"contact id", "email", "lifecycle stage"})),
           _NAMES | {"record id": "external_id", "contact id": "external_id", "mobile phone number": "phone",
                     "company name": "account", "associated company": "account", "lifecycle stage": "stage",
                     "contact owner": "owner", "create date": "created_at", "time zone": "time_zone",
                     "preferred language": "locale", "original source": "source"},
           {"unsubscribed from all email": ("email_consent", _TRUE), "portal unsubscribe": ("email_consent", _TRUE),
            "portal bounce": ("email_consent", _BOUNCED), "global bounce": ("email_consent", _BOUNCED),
            "portal spam report": ("email_consent", dict.fromkeys(_TRUE, "complained")),
            "email hard bounce reason": ("email_consent", {_ANY: "bounced"})},
           stages={"marketing qualified lead": "mql", "sales qualified lead": "sql"},
           left=("Workflows, lists and the history of opens and clicks are not part of a contact export.",
                 "Subscription types are not moved: make them topics, and ask.",
                 "Nobody is subscribed by this file: say --consent email:subscribed:WHERE where they agreed.")),
    Preset("mailchimp", (frozenset({"email address", "optin_time"}), frozenset({"email address", "leid"}),
                         frozenset({"email address", "member_rating"})),
           _NAMES | {"tags": "tags", "timezone": "time_zone", "optin_time": "created_at", "company": "account"}, {},
           whole={"unsub_time": "unsubscribed", "clean_time": "bounced", "": "subscribed"},
           drop=frozenset({"leid", "euid", "gmtoff", "dstoff", "latitude", "longitude"}),
           left=("Campaigns, journeys and the history of opens and clicks are not part of an audience export.",
                 "Groups come as fields of their own: make lists of them.")),
    Preset("klaviyo", (frozenset({"email", "email marketing consent"}), frozenset({"email", "klaviyo id"})),
           _NAMES | {"klaviyo id": "external_id", "profile id": "external_id", "organization": "account",
                     "time zone": "time_zone", "timezone": "time_zone", "locale": "locale", "source": "source",
                     "profile created on": "created_at", "date added": "created_at"},
           {"email marketing consent": ("email_consent", _KLAVIYO), "sms marketing consent": ("sms_consent", _KLAVIYO),
            **{name: ("email_consent", {"hard_bounce": "bounced", "invalid_email": "bounced", "spam_complaint": "complained",
                                        "[]": "", "false": "", _ANY: "unsubscribed"})
               for name in ("email suppressions", "email suppression", "suppressed")}},
           left=("Flows, lists and the history of events are not part of a profile export: events come by `import events`.",)))}


@dataclass(frozen=True)
class Moved:
    """What came of one file. suppressed: addresses new on the suppression list."""

    file: str
    report: Report
    suppressed: int


@dataclass(frozen=True)
class Move:
    """What came of an export. passed_over: files that are not one of the tool; left: what an export can not bring."""

    tool: str
    files: list[Moved]
    passed_over: list[str]
    left: tuple[str, ...]


def recognize(header: Sequence[str]) -> str | None:
    """The tool that wrote a file with this header; None for a file of somebody else."""
    names = {fold(name) for name in header}
    best = [(len(mark), preset.tool) for preset in PRESETS.values() for mark in preset.marks if mark <= names]
    best += [(9, preset.tool) for preset in PRESETS.values() if names & preset.says.keys() - {"suppressed", "dnc"}]
    return max(best)[1] if best else None


def move_in(store: Store, tool: str, place: str, *, by: Actor, now: int, options: Options | None = None) -> Move:
    """Import every export file of a tool in a folder (or one file). Raises BadInput: none there, or an unknown tool."""
    require(by, "market")
    preset = PRESETS.get(fold(tool))
    if preset is None:
        raise BadInput(f"import --from {tool}: there are {listing(list(PRESETS))}")
    found, passed_over = list[Path](), list[Path]()
    for path in _files(place):
        with open_table(str(path)) as table:
            (found if any(mark <= {fold(name) for name in table.header} for mark in preset.marks) else passed_over).append(path)
    if not found:
        raise BadInput(f"{place}: no file looks like an export of {preset.tool} (it has a header row with "
                       f"{', '.join(sorted(preset.marks[0]))}); found {listing([path.name for path in passed_over])}")
    done = [_move_file(store, preset, path, by, now, options or Options()) for path in sorted(found, key=_refusals_last)]
    return Move(preset.tool, done, [path.name for path in passed_over], preset.left)


def _files(place: str) -> list[Path]:
    path = Path(place)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise BadInput(f"{place}: there is no such folder or file")
    found = sorted(one for one in path.iterdir() if one.suffix.lower() in (".csv", ".tsv", ".txt", ".xlsx"))
    if not found:
        raise BadInput(f"{place}: no CSV or XLSX file in it")
    return found


def _refusals_last(path: Path) -> tuple[bool, str]:
    return bool(re.match(r"unsub|clean|suppress|bounce", path.name.lower())), path.name


def _move_file(store: Store, preset: Preset, path: Path, by: Actor, now: int, options: Options) -> Moved:
    with uncollected(), open_table(str(path), encoding=options.encoding) as table:
        theirs = translated(table, preset)
        report = import_table(store, theirs, by=by, now=now, options=options)
        suppressed = 0 if options.dry_run else _suppress(store, theirs, preset, by, now)
    return Moved(path.name, report, suppressed)


# ------------------------------------------------------------ their table as ours


def translated(table: Table, preset: Preset) -> Table:
    """A table of the tool as a table of contacts."""
    columns, taken = list[tuple[int, str]](), set[str]()
    says: dict[str, list[tuple[int, Says]]] = {}
    for index, name in enumerate(table.header):
        key = fold(name)
        if key in preset.says:
            target, words = preset.says[key]
            says.setdefault(target, []).append((index, words))
        elif key not in preset.drop:
            target = preset.fills.get(key, name)
            target = name if target in taken else target
            taken.add(target)
            columns.append((index, target))
            if target == "stage":  # their word is kept beside ours: they may have stages of their own
                columns.append((index, f"{preset.tool} stage"))
    whole = _whole(preset, table)
    header = [*(target for _, target in columns), *says, *(["email_consent"] if whole else [])]

    def change(line: Line) -> list[str]:
        row = [_cell(line.cells[index], target, preset.stages) for index, target in columns]
        row += [_strictest(line.cells, columns_of) for columns_of in says.values()]
        return [*row, whole] if whole else row

    return changed(table, header, change)


def _whole(preset: Preset, table: Table) -> str:
    """What the file says of everybody in it."""
    if not preset.whole or table.name.lower().startswith("nonsub"):
        return ""
    names = {fold(name) for name in table.header}
    return next((status for mark, status in preset.whole.items() if mark in names), preset.whole[""])


def _cell(cell: str, target: str, stages: Mapping[str, str]) -> str:
    if target == "stage":
        word = fold(cell.strip())
        return stages.get(word, word if word in STAGES else "")
    if target == "tags":
        return ";".join(word.strip().strip('"') for word in re.split(r"[,|;]", cell) if word.strip().strip('"'))
    return cell


def _strictest(cells: Sequence[str], columns: Sequence[tuple[int, Says]]) -> str:
    """The strictest of what several columns say."""
    said = [words.get(fold(cell), words.get(_ANY, "")) for index, words in columns if (cell := cells[index].strip())]
    return max((word for word in said if word), key=STRICTNESS.index, default="")


def _suppress(store: Store, table: Table, preset: Preset, by: Actor, now: int) -> int:
    """Whoever said no goes on the list as well; how many were not on it yet."""
    if not {"email", "email_consent"} <= set(table.header):
        return 0
    address, status = table.header.index("email"), table.header.index("email_consent")
    place, entries = consent.place("channel", "email", ""), list[Entry]()
    for line in table.lines():
        if line.cells and line.cells[status] in REFUSING:
            try:
                entries.append(Entry(normalize_email(line.cells[address]), place,
                                     f"{line.cells[status]} in {preset.tool}", now))
            except BadInput:
                continue  # the import has refused the row with its line already
    fresh = 0
    for at in range(0, len(entries), CHUNK):
        part = entries[at:at + CHUNK]

        def write(part: list[Entry] = part) -> int:
            with store.transaction():
                return consent.suppress_entries(store, part, evidence=f"import {table.name}", by=by)

        fresh += store.insist(write)
    return fresh

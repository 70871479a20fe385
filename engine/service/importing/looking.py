"""A first look at a file of contacts: what it is, what is in it, and which column probably fills what."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice

from ...people import fields
from ...people.fields import BUILT_IN
from ...sql import fold
from ...store import Store
from ..columns import Column, scan
from ..tables import Line, open_table, safe_cell
from .contacts import SPECIAL
from .job import Report
from .mapping import KEPT_BY_ENGINE, LEAVE_OUT, named
from .moving import recognize

FIRST_ROWS = 10
_ALIKE = 0.86
# What other tools and languages call our fields; compared without case, spaces and signs.
_CALLED = {
    "email": "email emailaddress mail mailaddress emailadresse courriel correo primaryemail workemail emailid",
    "external_id": "externalid id contactid customerid userid prospectid recordid leadid kundennummer",
    "first_name": "firstname givenname forename vorname prenom nombre",
    "last_name": "lastname surname familyname nachname nom apellido apellidos",
    "phone": "phone phonenumber telephone mobile mobilephone cell telefon tel",
    "account": "company companyname account accountname organization organisation firma unternehmen employer",
    "time_zone": "timezone zone tz", "locale": "locale language lang sprache",
    "preferred_channel": "preferredchannel channelpreference preferredcontactmethod contactpreference",
    "stage": "stage lifecyclestage lifecycle", "owner": "owner contactowner leadowner",
    "source": "source leadsource originalsource", "tags": "tags tag labels", "lists": "lists list groups",
    "email_consent": "emailconsent optin emailoptin subscribed consent", "sms_consent": "smsconsent smsoptin",
    "created_at": "createdat created createdate creationdate signupdate",
}
_TARGET_OF = {word: target for target, words in _CALLED.items() for word in words.split()}


@dataclass(frozen=True)
class Guess:
    """A column of the file: the kind of its cells, some of them, and what it probably fills (`-`: nothing).

    asks: `dates` that can be read with the day or the month first, `numbers` with a decimal point or comma.
    """

    column: str
    kind: str
    samples: tuple[str, ...]
    target: str
    asks: str | None = None


@dataclass(frozen=True)
class Look:
    """What a file is. total: rows below the header; tool: the other tool that wrote it, where that can be seen."""

    name: str
    encoding: str
    delimiter: str | None
    total: int
    guesses: tuple[Guess, ...]
    tool: str | None = None

    def asking(self, what: str) -> list[Guess]:
        """Columns of `dates` or `numbers` that can be read in two ways."""
        return [guess for guess in self.guesses if guess.asks == what]


def look(store: Store, path: str, *, encoding: str | None = None) -> Look:
    """Read a file of contacts without changing anything. Raises BadInput: not a table."""
    known = fields.catalogue(store)
    with open_table(path, encoding=encoding) as table:
        columns, total = scan(table)
        first = list(islice((line for line in table.lines() if line.cells), FIRST_ROWS))
        columns = named(columns)
        targets = _suggest(columns, {*known, *SPECIAL})
        spelled = {key: field.name for key, field in known.items()}
        fills = {index: spelled.get(target, target) for index, target in targets.items()}
        guesses = tuple(Guess(column.name, column.kind or "text", _samples(column, first), fills[column.index],
                              column.asks) for column in columns)
        return Look(table.name, table.encoding, table.delimiter, total, guesses, recognize(table.header))


def _samples(column: Column, first: Sequence[Line]) -> tuple[str, ...]:
    cells = [line.cells[column.index].strip() for line in first]
    return tuple(dict.fromkeys(cell[:80] for cell in cells if cell))[:3]


def _suggest(columns: Sequence[Column], targets: Collection[str]) -> dict[int, str]:
    """Column number → target; no target twice: the column that says it best gets it."""
    found: dict[int, str] = {}
    for asks in (_exactly, _by_another_name, _nearly):
        for column in columns:
            target = None if column.index in found else asks(column.name, targets)
            if target and target not in found.values():
                found[column.index] = target
    return {column.index: found.get(column.index) or _new(column) for column in columns}


def _exactly(name: str, targets: Collection[str]) -> str | None:
    return fold(name) if fold(name) in targets else None


def _by_another_name(name: str, targets: Collection[str]) -> str | None:
    target = _TARGET_OF.get(_bare(name))
    return target if target in targets else None


def _nearly(name: str, targets: Collection[str]) -> str | None:
    close = difflib.get_close_matches(_bare(name), [_bare(one) for one in targets], 1, _ALIKE) if len(_bare(name)) > 4 else []
    return next((one for one in targets if close and _bare(one) == close[0]), None)


def _new(column: Column) -> str:
    """A field of its own, where there is anything in it and it may be called so."""
    clean = re.sub(r" \(\d+\)$", "", column.name)
    taken = fold(column.name) in {*BUILT_IN, *KEPT_BY_ENGINE, *fields.CONTACT.reserved} or clean != column.name
    return LEAVE_OUT if taken or not column.filled else f"{column.name}:{column.kind or 'text'}"


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", fold(name))


def errors_csv(report: Report) -> str:
    """The rows in error as a table that is safe to open in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["line", "column", "what is wrong"])
    for one in report.rows_in_error:
        writer.writerow([one.line, safe_cell(one.column or ""), safe_cell(one.message)])
    return out.getvalue()

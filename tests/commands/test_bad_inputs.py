"""Bad files and the exact words they are met with; docs/bad-inputs.md shows them. `python -m tests.commands.test_bad_inputs`
writes it."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.__main__ import gather
from engine.commands.common import run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "bad-inputs.md"


@dataclass(frozen=True)
class Case:
    """A file, the words of the command, and what is said. row: the file is taken, and a row of it is refused."""

    what: str
    content: str | bytes
    said: str
    kind: str = "contacts"
    options: tuple[str, ...] = ()
    row: bool = False


def refused(what: str, content: str | bytes, said: str, *options: str, kind: str = "contacts") -> Case:
    return Case(what, content, said, kind, options)


def row(what: str, content: str, said: str, *options: str, kind: str = "contacts") -> Case:
    return Case(what, content, said, kind, options, True)


CASES = (
    refused("An empty file", "", "f.csv: the file is empty"),
    refused("A PDF", b"%PDF-1.7 x", "f.csv: this is a PDF, not a table: export it as CSV or XLSX"),
    refused("An old Excel workbook", b"\xd0\xcf\x11\xe0\xa1\xb1", "f.csv: this is an old Excel workbook (.xls): save it as "
            ".xlsx or CSV"),
    refused("A web page", "<!DOCTYPE html><p>", "f.csv: this is a web page or XML, not a table: export it as CSV or XLSX"),
    refused("JSON", '{"email": 1}', "f.csv: this is JSON, not a table: export it as CSV or XLSX"),
    refused("A zip archive that is no workbook", b"PK\x03\x04rest", "f.csv: this is a zip archive, not an Excel workbook: "
            "export the table as CSV or XLSX"),
    refused("A compressed file", b"\x1f\x8b\x08\x00", "f.csv: this is a gzip archive: unpack it first"),
    refused("Another encoding than was said", "email,n\na@x.test,é\n", "f.csv: not ascii text", "--encoding", "ascii"),
    refused("An encoding that there is not", "email\na@x.test\n", "f.csv: no encoding 'klingon': write for example utf-8, "
            "cp1252 or utf-16", "--encoding", "klingon"),
    refused("Nobody can be told from anybody", "name\nAda\n", "no column fills email or external_id: map one with --map "
            "\"COLUMN=email\"; the file has name"),
    refused("A mapped column that is not there", "email\na@x.test\n", "--map x=email: the file has no column 'x'; it has email",
            "--map", "x=email"),
    refused("A field that is nearly right", "email,n\na@x.test,A\n", "--map \"n=fist_name\": there is no field 'fist_name'; "
            "did you mean 'first_name'? For a new field say its kind: --map \"n=fist_name:text\"", "--map", "n=fist_name"),
    refused("Two columns for one field", "email,mail\na@x.test,b@x.test\n", "columns 'email' and 'mail' both fill 'email': "
            "leave one out with --map \"mail=-\"", "--map", "mail=email"),
    refused("Two columns of one name", "email,email\na@x.test,b@x.test\n", "two columns are called 'email': leave one out with "
            "--map \"email=-\" or --map \"email (2)=-\""),
    refused("Dates that can be read in two ways", "email,since\na@x.test,3/4/2026\n", "column 'since': its dates can be read "
            "with the day or the month first; say which with --dates dmy or --dates mdy"),
    refused("Consent without a source", "email\na@x.test\n", "--consent 'email:subscribed': write channel:status:source, for "
            "example email:subscribed:signup form", "--consent", "email:subscribed"),
    refused("A column that is there already", "email\na@x.test\n", "--add email=x: the file has a column 'email' already",
            "--add", "email=x"),
    refused("Events without a moment", "email,event\na@x.test,visit\n", "no column fills occurred_at: map one with --map "
            "\"COLUMN=occurred_at\"; the file has email, event", kind="events"),
    row("A row that is too long", "email,n\na@x.test,1,2\n", "the row has 3 cells, the header has 2"),
    row("A quote that is never closed", 'email,n\na@x.test,"1\n', "a quote opens here and is never closed"),
    row("No address", "email,first_name\nnobody,Ada\n", "'nobody' is not an email address: an email address must have an "
        "@-sign"),
    row("Neither address nor id", "email,external_id,first_name\n,,Ada\n", "neither email nor external id: a contact needs one "
        "of them"),
    row("An id that belongs to somebody else", "email,external_id\na@x.test,1\nb@x.test,2\na@x.test,2\n", "'a@x.test' belongs "
        "to contact 1 (a@x.test, external id 1) and '2' belongs to contact 2 (b@x.test, external id 2): correct the row, or "
        "merge the two contacts"),
    row("A time zone that there is not", "email,time_zone\na@x.test,Mars/One\n", "'Mars/One' is not a time zone: write a name "
        "such as Europe/Berlin"),
    row("Not a number", "email,n\na@x.test,many\n", "'many' is not a number", "--map", "n=Size:number"),
    row("Not a date", "email,n\na@x.test,soon\n", "'soon' is not a moment: write 2026-03-01T09:00:00Z or "
        "epoch seconds", "--map", "n=Since:date"),
    row("A word of consent that there is not", "email,email_consent\na@x.test,perhaps\n", "consent can not be 'perhaps': "
        "choose one of subscribed, unsubscribed, pending, bounced, complained"),
    row("A stage that there is not", "email,stage\na@x.test,hot\n", "stage 'hot': choose one of subscriber, lead, mql, sal, "
        "sql, opportunity, customer, evangelist, at-risk, lost, other"),
)


def answer(case: Case, folder: Path) -> str:
    """What the command line says of the file, in an empty workspace."""
    path = folder / "f.csv"
    path.write_bytes(case.content if isinstance(case.content, bytes) else case.content.encode())
    url, out, err = f"sqlite:///{folder / 'w.db'}", io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert run(gather(), ["init", "--db", url]) == 0
        out.truncate(0)
        out.seek(0)
        code = run(gather(), ["import", case.kind, str(path), *case.options, "--db", url, "--json"])
    assert code == (0 if case.row else 2), (out.getvalue(), err.getvalue())
    if not case.row:
        return err.getvalue().strip().removeprefix("error: ")
    return str(json.loads(out.getvalue())["rows_in_error"][0]["message"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_bad_input_is_met_with_exactly_these_words(case: Case, tmp_path: Path) -> None:
    assert answer(case, tmp_path) == case.said


def test_the_page_shows_them_all() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it again with `python -m tests.commands.test_bad_inputs`"


def page() -> str:
    """The table of docs/bad-inputs.md."""
    def lines(rows: bool) -> str:
        return "\n".join(f"| {case.what}{f' (`import {case.kind}`)' if case.kind != 'contacts' else ''} "
                         f"| {case.said.replace('|', chr(92) + '|')} |" for case in CASES if case.row == rows)

    head = "| what | what is said |\n|---|---|\n"
    return ("# Bad files, and what is said of them\n\n"
            "Each line is tested word for word (`tests/commands/test_bad_inputs.py`).\n\n"
            "## Refused as a whole\n\nExit code 2, one line `error: …`, and nothing has changed.\n\n"
            f"{head}{lines(False)}\n\n## Refused row by row\n\nExit code 0: all other rows are taken. Each refused row is "
            "listed with its line and column, on the terminal, under `rows_in_error` with `--json`, and as a file to download "
            f"in the app.\n\n{head}{lines(True)}\n")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

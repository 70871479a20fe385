"""Bad files, rules and commands and the exact words they are met with; docs/bad-inputs.md shows them.

`python -m tests.commands.test_bad_inputs` writes it.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import gather
from engine.audience import rules
from engine.audience.rules import LEAVES
from engine.commands.common import run
from engine.errors import Invalid
from engine.people.fields import BUILT_IN
from engine.store import Store

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


def deep(levels: int) -> Any:
    """So many groups inside each other."""
    return {"not": deep(levels - 1)} if levels else {"tag": "a"}


CASES = (
    refused("An empty file", "", "f.csv: the file is empty"),
    refused("A PDF", b"%PDF-1.7 x", "f.csv: this is a PDF, not a table: export it as CSV or XLSX"),
    refused("An old Excel workbook", b"\xd0\xcf\x11\xe0\xa1\xb1", "f.csv: this is an old Excel workbook (.xls): save it as "
            ".xlsx or CSV"),
    refused("A web page", "<!DOCTYPE html><p>", "f.csv: this is a web page or XML, not a table: export it as CSV or XLSX"),
    refused("A web page called a table", "<table><tr><td>email", "f.csv: this is a web page or XML, not a table: export it as "
            "CSV or XLSX"),
    refused("Noise", bytes(range(256)) * 4, "f.csv: this is not a text file: export the table as CSV or XLSX"),
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
    refused("A kind of field that there is not", "email,n\na@x.test,1\n", "--map \"n=size:integer\": there is no kind "
            "'integer'; choose one of text, number, date, datetime, bool, enum, list, or for a field of this very name "
            "--map \"n=size:integer:number\"", "--map", "n=size:integer"),
    refused("Two columns for one field", "email,mail\na@x.test,b@x.test\n", "columns 'email' and 'mail' both fill 'email': "
            "leave one out with --map \"mail=-\"", "--map", "mail=email"),
    refused("Two columns of one name", "email,email\na@x.test,b@x.test\n", "two columns are called 'email': leave one out with "
            "--map \"email=-\" or --map \"email (2)=-\""),
    refused("Dates that can be read in two ways", "email,since\na@x.test,3/4/2026\n", "column 'since': its dates can be read "
            "with the day or the month first; say which with --dates dmy or --dates mdy"),
    refused("Numbers that can be read in two ways", "email;paid\na@x.test;1.234\n", "column 'paid': its numbers can be "
            "read with a decimal point or a decimal comma (1.234 as 1.234 or as 1234); say which with --numbers point or "
            "--numbers comma"),
    refused("Consent without a source", "email\na@x.test\n", "--consent 'email:subscribed': write channel:status:source, for "
            "example email:subscribed:signup form", "--consent", "email:subscribed"),
    refused("A column that is there already", "email\na@x.test\n", "--add email=x: the file has a column 'email' already",
            "--add", "email=x"),
    refused("Events without a moment", "email,event\na@x.test,visit\n", "no column fills occurred_at: map one with --map "
            "\"COLUMN=occurred_at\"; the file has email, event", kind="events"),
    refused("Predictions without a number", "email\na@x.test\n", "no column fills probability: map one with --map "
            "\"COLUMN=probability\"; the file has email", "--model", "buys", kind="predictions"),
    row("A row that is too long", "email,n\na@x.test,1,2\n", "the row has 3 cells, the header has 2"),
    row("A quote that is never closed", 'email,n\na@x.test,"1\n', "a quote opens here and is never closed"),
    row("A cell as long as a book", f"email,n\na@x.test,{'x' * 200_000}\n", "a cell is longer than 131,072 characters"),
    row("A character that is none", "email,first_name\na@x.test,A\0da\nbo@x.test,Bo\n", "the row holds a NUL character, which "
        "no text does"),
    row("The same in a file of events", "email,event,occurred_at,color\na@x.test,visit,2026-01-01,r\0d\n", "the row holds a "
        "NUL character, which no text does", kind="events"),
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
    row("A prediction of a stranger", "email,probability\na@x.test,0.4\n", "there is no contact 'a@x.test': import "
        "contacts first", "--model", "buys", kind="predictions"),
    row("Not a date", "email,n\na@x.test,soon\n", "'soon' is not a moment: write 2026-03-01T09:00:00Z or "
        "epoch seconds", "--map", "n=Since:date"),
    row("A word of consent that there is not", "email,email_consent\na@x.test,perhaps\n", "consent can not be 'perhaps': "
        "choose one of subscribed, unsubscribed, pending, bounced, complained"),
    row("A stage that there is not", "email,stage\na@x.test,hot\n", "stage 'hot': choose one of subscriber, lead, mql, sal, "
        "sql, opportunity, customer, evangelist, at-risk, lost, other"),
)


# Rules: what is wrong, the document (a text stands as it is), what is said.
STAGES_SAID = "subscriber, lead, mql, sal, sql, opportunity, customer, evangelist, at-risk, lost, other"
FIELDS_SAID = ", ".join(sorted(BUILT_IN))
LEAVES_SAID = ", ".join(("all", "any", "not", *LEAVES))
RULES: tuple[tuple[str, Any, str], ...] = (
    ("No JSON", "[1, 2", "f.json: not JSON at line 1, column 6: Expecting ',' delimiter"),
    ("Half a character", '{"tag": "\\ud800"}', "f.json: \\ud800 is one half of a character; its other half is missing"),
    ("No rule", [], "rule: write a rule here: an object with a leaf or a group"),
    ("An empty group", {"all": []}, "all: `all` needs a list with at least one rule"),
    ("A word that no leaf has", {"colour": "red"}, f"rule: unknown leaf (colour): choose one of {LEAVES_SAID}"),
    ("Two leaves in one object", {"tag": "a", "stage": "lead"},
     "rule: `tag` and `stage` in one object: put them into a group `all` or `any`"),
    ("A key that the leaf does not have", {"tag": "a", "since": "7d"}, "since: unknown key; this leaf has tag"),
    ("A field that is not there", {"field": "size", "op": "is_set"}, f"field: no field 'size'; there are {FIELDS_SAID}"),
    ("A list that is not there", {"list": "News"}, "list: no list 'News'; there are none"),
    ("A segment that is not there", {"segment": "Cold"}, "segment: no segment 'Cold'; there are Hot"),
    ("A template that is not there", {"event": "email_clicked", "of": "Welcome"}, "of: no template 'Welcome'; there are none"),
    ("A model that is not there", {"probability": "buys", "top": 0.1}, "probability: no model 'buys'; there are none"),
    ("A persona that is not there", {"persona": "Doer"}, "persona: no persona 'Doer'; there are none yet"),
    ("An amount finer than its currency", {"spent": "total", "value": 9.5, "currency": "JPY"},
     "value: JPY has no digits behind the point"),
    ("A currency that can be none", {"spent": "total", "value": 5, "currency": "euros"},
     "currency: currency 'euros': write three letters, for example USD"),
    ("A topic that is not there", {"affinity": "Tips"}, "affinity: no topic 'Tips'; there are none"),
    ("A stage that is not there", {"stage": ["boss"]}, f"stage: no stage 'boss'; there are {STAGES_SAID}"),
    ("A buying role that is not there", {"buying_role": ["boss"]}, "buying_role: no buying role 'boss': choose one of "
     "champion, decision maker, economic buyer, influencer, user, gatekeeper, legal, blocker"),
    ("A channel that is not there", {"consent": "fax"}, "consent: no channel 'fax'; there are email, sms, push, chat, print"),
    ("A state of consent that is not there", {"consent": "email", "is": "maybe"},
     "is: no state 'maybe'; there are subscribed, unsubscribed, pending, bounced, complained"),
    ("A group of scores that is not there", {"score": {"op": "at_least", "value": 5}, "group": "charm"},
     "group: no group 'charm'; there are fit, engagement"),
    ("A comparison that there is not", {"field": "email", "op": "like", "value": "a"}, "op: unknown operator 'like' for text: "
     "choose one of contains, ends_with, in, is, is_not, is_not_set, is_set, not_in, starts_with"),
    ("A comparison of another kind", {"field": "created_at", "op": "contains", "value": "a"}, "op: operator 'contains' for "
     "datetime: choose one of after, at_least, at_most, before, between, is, is_not, is_not_set, is_set, less_than, more_than, "
     "within_last"),
    ("A number for a text", {"field": "email", "op": "is", "value": 5}, "value: 5 is not a text"),
    ("A text for a number", {"account": "employees", "op": "at_least", "value": "many"}, "value: 'many' is not a number"),
    ("No moment", {"field": "created_at", "op": "before", "value": "soon"},
     "value: 'soon' is not a moment like 2026-03-01T09:00:00Z"),
    ("The larger one first", {"account": "employees", "op": "between", "value": [200, 50]},
     "value: 200 comes after 50: write the smaller one first"),
    ("No duration", {"event": "page_view", "within": "7 days"}, "within: '7 days' is not a duration: write a number and s, m, "
     "h, d or w, for example 7d"),
    ("No event", {"event": ""}, "event: write the name of an event here, as a text"),
    ("No name of a property", {"event": "a", "where": {"": 1}}, "where: write the name of a property, as a text"),
    ("What only a journey knows", {"trigger": "plan"},
     "trigger: only a rule inside a journey knows what brought somebody there"),
    ("A count below zero", {"event": "a", "count": -1}, "count: write a whole number from 0 to 1,000,000"),
    ("No days", {"days_since": "purchase"}, "value: write a whole number from 0 to 1,000,000"),
    ("No answer to messages", {"last": 3, "of": "email_sent"}, "rule: write `all` or `any` with the event that answers"),
    ("A sequence of one", {"sequence": [{"event": "a"}]},
     "sequence: write a second step, or `without`: one step alone is an `event`"),
    ("An anniversary of no date", {"anniversary": "email"}, "anniversary: email holds no date: choose a field of dates"),
    ("A share of nothing", {"percent": 0, "salt": "a"},
     "percent: write a share above 0 and up to 100, with at most two decimals"),
    ("Groups too deep", deep(21), f"{'.'.join(['not'] * 20)}: groups inside groups, deeper than 20: make a segment of a part"),
    ("Too many conditions", {"any": [{"tag": "a"}] * 201}, "any: more than 200 conditions: make segments of parts"),
)
# Commands: the words, what is said. `{file}` is a file with the document beside it.
WORDS: tuple[tuple[str, Any, str], ...] = (
    ("segments save Hot --rule {file}", {"segment": "Hot"}, "segment: the segment would ask about itself: Hot → Hot"),
    ("personas save Doer --rule {file}", {"persona": "Doer"}, "persona: no persona 'Doer'; there are none yet"),
    ("score rule X {file}", {"points": 5},
     "score rule: write either event (points each time) or rule (points while it holds)"),
    ("score rule X {file}", {"event": "email_opened", "points": 5},
     "score rule: opens never move a score, since machines open mail too: score the click"),
    ("score rule X {file}", {"event": "a", "points": 0},
     "score rule: points is 0: a whole number from -10,000 to 10,000, not 0"),
    ("score rule X {file}", {"event": "a", "points": 5, "half_life_days": 3},
     "half_life_days: points of a group age together; set it for the group, not for a rule"),
    ("score policy --half-life charm=3", None, "half-life: 1 to 3,650 days for fit or engagement"),
    ("stages rule boss {file}", {"tag": "a"}, f"stage 'boss': choose one of {STAGES_SAID}"),
    ("contacts show zoe@x.test", None, "there is no contact 'zoe@x.test': name one by email address or external id"),
    ("contacts set ada@x.test stage=boss", None, f"stage 'boss': choose one of {STAGES_SAID}"),
    ("contacts set ada@x.test size=3", None, f"there is no field 'size'; there are account, {FIELDS_SAID}"),
    ("contacts merge ada@x.test ada@x.test", None, "contact 1 can not be merged with itself"),
    ("contacts unmerge ada@x.test", None, "nobody was merged into contact 1"),
    ("events judge robot 1", None, "verdict 'robot': choose one of human, machine"),
    ("events judge human 7", None, "there is no event 7"),
    ("leads accept 9", None, "there is no lead 9"),
    ("leads queue --rep zoe", None, "no rep 'zoe': `routing reps` lists them"),
    ("leads snooze 9 soon", None, "'soon' is not a duration: write a number and s, m, h, d or w, for example 2d"),
    ("leads log-call ada@x.test sang", None, "outcome 'sang': choose one of reached, voicemail, no_answer, wrong_number"),
    ("routing rep x@y.test --weight 0", None, "weight 0: a whole number from 1 to 100"),
    ("routing rep x@y.test --hours 9", None, "hours '9': write them as 09:00-17:00"),
    ("routing rep x@y.test --zone Moon", None, "time zone 'Moon' is not known: write a name such as Europe/Berlin"),
    ("routing route A --rep z@z.test", None, "route 'A': no rep 'z@z.test'; there are none"),
    ("routing policy --stage boss", None, f"stage 'boss': choose one of {STAGES_SAID}"),
    ("import undo 9", None, "there is no import 9: `import list` shows them"),
    ("accounts show Nobody", None, "there is no company 'Nobody': `accounts list` shows them"),
    ("accounts set Acme domain=gmail.com", None, "domain: gmail.com belongs to a mailbox provider: everybody who has a mailbox "
     "there would be linked"),
    ("accounts set Acme size=3", None, "there is no field 'size' of companies; there are city, country, domain, employees, "
     "industry, revenue"),
    ("accounts roles ada@x.test user", None, "this contact belongs to no company: give it one first, then a role there"),
    ("contacts opt-in nobody --text Yes --source form", None, "there is no contact 'nobody': name one by email address"),
    ("pulls run Nightly", None, "there is no pull 'Nightly': `pulls list` shows them"),
    ("hooks try Shop", None, "there is no webhook 'Shop': `hooks list` shows them"),
    ("quality fix nothing", None, "'nothing' has no fix; there are fixes for slip, phone, no_zone"),
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


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace with one contact and one segment."""
    folder = tmp_path_factory.mktemp("office")
    said(folder, "init")
    said(folder, "contacts set ada@x.test stage=lead")
    assert said(folder, "segments save Hot --rule {file}", {"stage": "mql"}) == ""
    return folder


def said(folder: Path, words: str, document: Any = None) -> str:
    """What the command line says on standard error."""
    path = folder / "f.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(gather(), [word.replace("{file}", str(path)) for word in words.split()]
                   + ["--db", f"sqlite:///{folder / 'w.db'}"])
    assert code == (2 if err.getvalue() else 0)
    return err.getvalue().strip().removeprefix("error: ").replace(f"{folder}/", "")


@pytest.mark.parametrize(("what", "document", "words"), RULES, ids=[row[0] for row in RULES])
def test_a_bad_rule_is_met_with_exactly_these_words(office: Path, what: str, document: Any, words: str) -> None:
    assert what and said(office, "segments count --rule {file}", document) == words


@pytest.mark.parametrize(("command", "document", "words"), WORDS, ids=[row[0] for row in WORDS])
def test_a_bad_command_is_met_with_exactly_these_words(office: Path, command: str, document: Any, words: str) -> None:
    assert said(office, command, document) == words


def test_every_kind_of_problem_of_the_rule_language_is_there(memory: Store) -> None:
    folder = Path(rules.__file__).parent
    known = {code for file in folder.glob("*.py") for code in _CODES.findall(file.read_text())}
    met = set()
    for _, document, _ in RULES[1:]:
        with pytest.raises(Invalid) as caught:
            rules.parse(document, rules.known(memory))
        met |= {problem.code for problem in caught.value.problems}
    assert {"leaf", "operator", "duration"} <= known <= met, known - met


_CODES = re.compile(r'(?:problem|_wrong|Problem)\([^,]+,\s*"([a-z_]+)"')


def test_the_page_shows_them_all() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it again with `python -m tests.commands.test_bad_inputs`"


def page() -> str:
    """The table of docs/bad-inputs.md."""
    def lines(rows: bool) -> str:
        return "\n".join(f"| {case.what}{f' (`import {case.kind}`)' if case.kind != 'contacts' else ''} "
                         f"| {case.said.replace('|', chr(92) + '|')} |" for case in CASES if case.row == rows)

    head = "| what | what is said |\n|---|---|\n"
    return ("# Bad input, and what is said of it\n\n"
            "Each line is tested word for word (`tests/commands/test_bad_inputs.py`).\n\n"
            "## Files refused as a whole\n\nExit code 2, one line `error: …`, and nothing has changed.\n\n"
            f"{head}{lines(False)}\n\n## Files refused row by row\n\nExit code 0: all other rows are taken. Each refused row "
            "is listed with its line and column, on the terminal, under `rows_in_error` with `--json`, and as a file to "
            f"download in the app.\n\n{head}{lines(True)}\n\n## Rules\n\nThe place of the problem comes first; "
            "the same words stand in the rule editor. A rule with a problem never matches anybody.\n\n"
            "| what | written | what is said |\n|---|---|---|\n"
            + "\n".join(f"| {what} | `{_short(document)}` | {_cell(words)} |" for what, document, words in RULES)
            + "\n\n## Commands\n\n| command | with | what is said |\n|---|---|---|\n"
            + "\n".join(f"| `{command.replace('{file}', 'FILE')}` | {f'`{_short(document)}`' if document else ''} "
                        f"| {_cell(words)} |" for command, document, words in WORDS) + "\n")


def _short(document: Any) -> str:
    text = document if isinstance(document, str) else json.dumps(document)
    return _cell(text if len(text) <= 90 else f"{text[:60]} …")


def _cell(text: str) -> str:
    return text.replace("|", chr(92) + "|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

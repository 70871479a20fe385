"""The documentation says what is there. `python -m tests.test_docs` writes the part that follows from the code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from engine.__main__ import gather
from engine.commands.common import run
from tests.journeys.test_documentation import write as write_journeys

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = ROOT / "docs" / "commands.md"
BEGIN = "<!-- from here on written by `python -m tests.test_docs` -->\n\n"
COMMON = {"db_url", "as_json", "moment", "help"}
NOT_IMPORTED = {"tzdata": "data only", "pytest": "runs the tests", "pytest-xdist": "plugin", "pytest-rerunfailures": "plugin",
                "ruff": "tool", "mypy": "tool", "pandas-stubs": "types"}
IMPORT_NAMES = {"ruamel.yaml": "ruamel", "segment-analytics-python": "segment"}


# ------------------------------------------------------------ commands


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its whole name."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found, name
        yield from leaves(found, (*path, name))


def entry(name: str, command: click.Command) -> str:
    """What the page says of a command: its help, arguments and options."""
    pending = "not yet" in (command.help or "").lower()
    words = [] if pending else [(one.metavar or str(one.name).upper()) + ("…" if one.nargs == -1 else "")
                                for one in command.params if isinstance(one, click.Argument)]
    options = [option_line(one) for one in command.params if isinstance(one, click.Option) and one.name not in COMMON]
    listed = "\n".join(options) + "\n\n" if options else ""
    return f"### `{' '.join([name, *words])}`\n\n{' '.join((command.help or '').split())}\n\n{listed}"


def option_line(option: click.Option) -> str:
    kind = "|".join(option.type.choices) if isinstance(option.type, click.Choice) else option.type.name.upper().split()[0]
    value = "" if option.is_flag else f" {option.metavar or kind}"
    default = "" if option.is_flag or not isinstance(option.default, int | float | str) else f"default {option.default}"
    notes = [(option.help or "").rstrip("."), "required" if option.required else "",
             "may be repeated" if option.multiple else "", default]
    text = "; ".join(note for note in notes if note)
    return f"- `{'`, `'.join(option.opts)}{value}`" + (f": {text}" if text else "")


def reference() -> str:
    return "".join(entry(name, command) for name, command in sorted(leaves(gather()))).rstrip() + "\n"


def test_every_command_and_option_is_documented() -> None:
    assert COMMANDS.read_text().partition(BEGIN)[2] == reference(), "run `python -m tests.test_docs` and look at the difference"


def test_a_command_says_what_it_does_in_a_sentence() -> None:
    firsts = {name: (command.help or "?").strip().splitlines()[0] for name, command in leaves(gather())}
    assert firsts
    assert not {name: first for name, first in firsts.items() if not (first.endswith((".", ")")) and first[0].isupper())}


# ------------------------------------------------------------ the README


def example() -> list[list[str]]:
    """The commands of the loop by example."""
    block = (ROOT / "README.md").read_text().split("## The loop, by example")[1].split("```sh\n")[1].split("```")[0]
    lines = [line for line in block.splitlines() if line and not line.startswith("#")]
    return [shlex.split(line.removeprefix("engine ")) for line in lines]


def test_the_example_of_the_readme_works(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("THROUGHLINE_SECRET", "s" * 40)
    monkeypatch.delenv("SMTP_URL", raising=False)
    for arguments in example():
        code = run(gather(), arguments)
        printed = capsys.readouterr()
        assert code == 0, (arguments, printed.err)
        if arguments[:2] == ["messages", "show"]:
            assert "Hello Ada" in printed.out
    assert "Closed-won: 490.00 EUR" in printed.out


PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_links_between_pages_lead_somewhere() -> None:
    links = [(page, link) for page in PAGES for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())]
    assert links
    assert not [f"{page.relative_to(ROOT)}: {link}" for page, link in links if not (page.parent / link).exists()]


def test_every_decision_is_listed() -> None:
    listed = (ROOT / "docs" / "adr" / "README.md").read_text()
    decisions = sorted(path.name for path in (ROOT / "docs" / "adr").glob("0*.md"))
    assert decisions and all(f"({name})" in listed for name in decisions)
    assert [int(name[:4]) for name in decisions] == list(range(1, len(decisions) + 1))


def test_settings_are_documented() -> None:
    used = set()
    for file in (ROOT / "engine").rglob("*.py"):
        used |= set(re.findall(r'(?:environ(?:\.get)?[\[(]|env\.get\(|envvar=|Door\()"([A-Z_]+)"', file.read_text()))
    page = (ROOT / "docs" / "operations.md").read_text()
    assert "DATABASE_URL" in used
    assert not {name for name in used if f"`{name}`" not in page} - {"PATH"}


# ------------------------------------------------------------ dependencies


def requirements(file: str) -> list[str]:
    lines = (ROOT / file).read_text().splitlines()
    return [line for line in lines if line.strip() and not line.startswith(("-r", "#"))]


EVERY = [*requirements("requirements.txt"), *requirements("requirements-dev.txt")]


def test_a_requirement_has_a_lower_bound_and_a_reason() -> None:
    described = (ROOT / "docs" / "dependencies.md").read_text()
    for line in EVERY:
        found = re.fullmatch(r"([A-Za-z0-9._-]+)(\[\w+\])?>=\d[\d.]*", line)
        assert found, f"{line}: name>=version"
        assert f"| `{found[1]}` |" in described, f"{found[1]}: no reason"


def imported(*folders: str) -> set[str]:
    """The top-level modules that files of these folders, and those beside them, import."""
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")] + list(ROOT.glob("*.py"))
    return {name for file in files for name in re.findall(r"^\s*(?:import|from) (\w+)", file.read_text(), re.MULTILINE)}


def test_a_requirement_is_used() -> None:
    running, trying = imported("engine", "pages"), imported("engine", "pages", "tests", "benchmarks")
    for line in EVERY:
        name = re.split(r"[\[>]", line)[0]
        module = IMPORT_NAMES.get(name, name.lower().replace("-", "_"))
        used = trying if line in requirements("requirements-dev.txt") else running
        assert name in NOT_IMPORTED or module in used, f"{name}: nothing imports it"


def test_no_other_requirement_is_described() -> None:
    described = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / "dependencies.md").read_text(), re.MULTILINE)
    assert sorted(described) == sorted(re.split(r"[\[>]", line)[0] for line in EVERY)


if __name__ == "__main__":
    COMMANDS.write_text(COMMANDS.read_text().partition(BEGIN)[0] + BEGIN + reference())
    write_journeys()

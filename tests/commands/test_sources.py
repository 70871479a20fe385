"""`accounts`, `pulls`, `hooks`, `chores` and the timer on the command line."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import gather
from engine.commands.common import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def ask(tmp_path: Path, capsys: Capture) -> Any:
    url = f"sqlite:///{tmp_path / 'w.db'}"

    def asked(*words: str, code: int = 0) -> Any:
        assert run(gather(), [*words, "--db", url, "--json", "--now", "2026-09-21T12:00:00Z"]) == code
        out, error = capsys.readouterr()
        return error if code else json.loads(out)

    asked("init")
    return asked


def test_companies_on_the_command_line(ask: Any) -> None:
    ask("contacts", "set", "ada@acme.com")
    ask("contacts", "set", "bo@birch.io")
    made = ask("accounts", "set", "Acme", "domain=acme.com", "employees=50")
    assert [one["email"] for one in made["members"]] == ["ada@acme.com"] and made["facts"]["employees"] == 50
    assert ask("accounts", "link", "--create")["made"] == 1
    assert ask("accounts", "roles", "ada@acme.com", "champion")["roles"] == ["champion"]
    assert ask("accounts", "recount")["differed"] == 2
    shown = ask("accounts", "show", "acme")
    assert shown["roles"] == ["champion"] and shown["score_is"].startswith("0 = 0 engagement of 1 person")
    assert [one["name"] for one in ask("accounts", "list", "--order", "name")["shown"]] == ["Acme", "birch.io"]
    assert "mailbox provider" in ask("accounts", "set", "Acme", "domain=gmail.com", code=2)
    assert "write FIELD=VALUE" in ask("accounts", "set", "Acme", "domain", code=2)
    assert "there is no company" in ask("accounts", "show", "Nobody", code=2)


def test_a_pull_and_a_webhook_on_the_command_line(ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE people (email TEXT, at INTEGER)")
        other.execute("INSERT INTO people VALUES ('ada@x.test', 1), ('nobody', 2)")
    monkeypatch.setenv("OTHER_URL", f"sqlite:///{tmp_path / 'other.db'}")
    query = tmp_path / "people.sql"
    query.write_text("select * from people;\n")
    ask("pulls", "save", "People", "--kind", "contacts", "--url", "OTHER_URL", "--query", str(query), "--column", "at")
    assert ask("pulls", "run", "People", "--dry-run")["created"] == 1 and ask("pulls", "list")[0]["last_at"] is None
    assert ask("chores")["pulled"][0]["created"] == 1
    assert ask("pulls", "errors", "people")[0]["row"]["email"] == "nobody"
    assert ask("pulls", "rewind", "People")["watermark"] is None and ask("pulls", "switch", "People", "off")["state"] == "off"
    monkeypatch.delenv("OTHER_URL")
    assert "stands neither in the environment" in ask("pulls", "run", "People", code=2)
    mapping, sample = tmp_path / "map.json", tmp_path / "sample.json"
    mapping.write_text(json.dumps({"email": "who", "fields": {"Plan": "plan"}}))
    sample.write_text('{"who": "ada@x.test", "plan": "pro"}')
    assert "/h/hk_" in ask("hooks", "save", "Shop", str(mapping), "--sample", str(sample))["url"]
    tried = ask("hooks", "try", "Shop")
    assert tried["items"][0]["traits"] == {"Plan": "pro"} and tried["new_fields"] == ["Plan"]
    assert ask("hooks", "errors", "Shop") == [] and ask("hooks", "list")[0]["name"] == "Shop"
    assert "stripe" in ask("hooks", "presets") and ask("hooks", "presets", "calendly")["email"] == "payload.email"
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "SHOP_HOOK").write_text("")
    signed = ask("hooks", "sign", "Shop", "--scheme", "hmac", "--secret", "SHOP_HOOK", "--header", "X-Own", "--code", "base64")
    assert signed["signing"] == {"scheme": "hmac", "secrets": ["SHOP_HOOK"], "header": "X-Own", "code": "base64"}
    assert "can be read by others" in signed["problem"]
    (tmp_path / "secrets" / "SHOP_HOOK").chmod(0o600)
    assert "is empty" in ask("hooks", "list")[0]["problem"], "an empty secret would let everybody sign"
    assert "--scheme or --off" in ask("hooks", "sign", "Shop", code=2)
    assert "say how the tool signs" in ask("hooks", "sign", "Shop", "--secret", "SHOP_HOOK", code=2)
    assert ask("hooks", "sign", "Shop", "--off")["signing"] is None
    ask("hooks", "revoke", "Shop")
    mapping.write_text("{}")
    assert "whose it is" in ask("hooks", "save", "Other", str(mapping), code=2)


def test_the_timer_and_the_question_on_the_command_line(ask: Any) -> None:
    assert ask("privacy", "timer") == {"on": False, "last_at": None, "last": {}}
    assert ask("privacy", "timer", "on")["on"] is True
    asked = ask("contacts", "opt-in", "ada@x.test", "--text", "Yes, write to me.", "--source", "form")
    assert asked["mails"] == 1 and ask("contacts", "show", "ada@x.test")["consent"]["email"] == "pending"
    assert ask("privacy", "do-not-sell", "ada@x.test")["changed"] is True
    assert ask("contacts", "export", "--third-party") == []

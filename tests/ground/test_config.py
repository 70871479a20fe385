"""Settings from the environment, and the secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine import config
from engine.errors import BadInput

NAMES = ("DATABASE_URL", "SMTP_URL", "MAIL_FROM", "PUBLIC_URL", "THROUGHLINE_SECRET", "THROUGHLINE_ZONE")


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_what_is_not_set_has_a_default() -> None:
    found = config.load()
    assert found.database_url == config.DEFAULT_URL
    assert (found.smtp_url, found.mail_from, found.default_zone) == (None, None, "UTC")
    assert found.public_url == "http://127.0.0.1:8502"


def test_the_given_database_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///env.db")
    assert config.load().database_url == "sqlite:///env.db"
    assert config.load("sqlite:///given.db").database_url == "sqlite:///given.db"


def test_a_trailing_slash_of_the_public_address_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://news.example.com/")
    assert config.load().public_url == "https://news.example.com"


@pytest.mark.parametrize("url", ["mysql://x", "sqlite://x", "data.db", "postgresql:/x"])
def test_a_database_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match=r"write sqlite:///path/to/file.db or postgresql://"):
        config.load(url)


def test_a_mail_server_of_another_kind_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", "http://ada:hunter2@mail")
    with pytest.raises(BadInput, match="SMTP_URL must start with") as raised:
        config.load()
    assert "hunter2" not in str(raised.value)


def test_nothing_secret_is_shown_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", "smtp://ada:hunter2@mail")
    monkeypatch.setenv("THROUGHLINE_SECRET", "open sesame " * 4)
    shown = repr(config.load())
    assert "hunter2" not in shown and "sesame" not in shown


# ------------------------------------------------------------ the secret


def test_the_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("THROUGHLINE_SECRET", "open sesame " * 4)
    assert config.load().secret == b"open sesame " * 4
    assert list(tmp_path.iterdir()) == []


def test_else_it_is_made_once_in_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/data/a.db"
    first = config.load(url).secret
    assert len(first) == 64 and config.load(url).secret == first
    (file,) = (tmp_path / "data").iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == (".throughline-secret", 0o600)
    assert config.load(f"sqlite:///{tmp_path}/other/a.db").secret != first


def test_first_starts_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    code = ("import sys; from engine import config; print('ready', flush=True); sys.stdin.readline(); "
            "print(config.load(sys.argv[1]).secret.decode())")
    root = Path(__file__).resolve().parents[2]
    started = [subprocess.Popen([sys.executable, "-c", code, f"sqlite:///{tmp_path}/data/a.db"], cwd=root, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(4)]
    for process in started:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    found = {process.communicate(timeout=30)[0] for process in started}
    assert len(found) == 1
    assert [file.name for file in (tmp_path / "data").iterdir()] == [".throughline-secret"]


def test_an_emptied_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".throughline-secret").write_text("\n")
    with pytest.raises(BadInput, match="holds no usable secret"):
        config.load(f"sqlite:///{tmp_path}/a.db")


def test_a_workspace_in_memory_leaves_no_secret_behind(tmp_path: Path) -> None:
    assert len(config.load(config.MEMORY_URL).secret) == 64
    assert list(tmp_path.iterdir()) == []

"""Settings that come from the environment. Secrets live here and in a 0600 file, never in a table."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from .errors import BadInput

DEFAULT_URL = "sqlite:///data/throughline.db"
MEMORY_URL = "sqlite:///:memory:"
SECRET_NAME = re.compile(r"[A-Za-z_][\w.-]{0,99}")  # of an environment variable, or of a file in `secrets`


@dataclass(frozen=True)
class Config:
    """What a process needs to know before it opens the database."""

    database_url: str = DEFAULT_URL
    smtp_url: str | None = field(default=None, repr=False)  # holds a password
    mail_from: str | None = None
    public_url: str = "http://127.0.0.1:8502"
    secret: bytes = field(default=b"", repr=False)
    default_zone: str = "UTC"


def load(database_url: str | None = None) -> Config:
    """Read the environment. Raises BadInput: a URL of a kind we do not know."""
    env, url = os.environ, find_url(database_url)
    smtp = env.get("SMTP_URL") or None
    if smtp and not smtp.startswith(("smtp://", "smtps://", "smtp+starttls://")):
        raise BadInput("SMTP_URL must start with smtp://, smtp+starttls:// or smtps://")
    return Config(
        database_url=url,
        smtp_url=smtp,
        mail_from=env.get("MAIL_FROM") or None,
        public_url=env.get("PUBLIC_URL", Config.public_url).rstrip("/"),
        secret=_secret(url),
        default_zone=env.get("THROUGHLINE_ZONE", "UTC"),
    )


def find_url(given: str | None = None) -> str:
    """The database that is meant: the given one, else DATABASE_URL, else the default. Raises BadInput: no kind we know."""
    url = given or os.environ.get("DATABASE_URL") or DEFAULT_URL
    if not url.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise BadInput(f"database {url!r}: write sqlite:///path/to/file.db or postgresql://user@host/name")
    return url


def sqlite_path(url: str) -> Path | None:
    """The file of a `sqlite:///path` URL; None when the URL names another database."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def _secret(url: str) -> bytes:
    """The signing key: THROUGHLINE_SECRET, else a file beside the database that only its owner can read."""
    given = os.environ.get("THROUGHLINE_SECRET")
    if given or url == MEMORY_URL:
        return (given or secrets.token_hex(32)).encode()
    return _read_or_make(secret_file(url))


def secret_file(url: str) -> Path:
    """Where the signing key lies when the environment holds none."""
    path = sqlite_path(url)
    return (path.parent if path else Path("data")) / ".throughline-secret"


def _read_or_make(path: Path) -> bytes:
    """Made on first use. Written aside and linked into place, so that two first starts agree on one key."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    found = path.read_text().strip()
    if len(found) < 32:
        raise BadInput(f"{path} holds no usable secret: put it back from a backup; without it links in sent mail are refused")
    return found.encode()


def named_secret(url: str, name: str) -> str:
    """A secret by its name: the environment variable, else the file `secrets/NAME` beside the database that only its owner can
    read. Raises BadInput: neither is there, others can read the file, or it is empty."""
    if given := os.environ.get(name):
        return given
    path = secret_file(url).parent / "secrets" / name
    if not path.is_file():
        raise BadInput(f"{name} stands neither in the environment nor in {path}: set the variable, or write the file and "
                       f"`chmod 600 {path}`")
    if path.stat().st_mode & 0o077:
        raise BadInput(f"{path} can be read by others: `chmod 600 {path}`")
    found = path.read_text(encoding="utf-8").strip()
    if not found:
        raise BadInput(f"{path} is empty: write the secret into it")
    return found

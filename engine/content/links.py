"""Signed links: where they lead, and tokens that say whose they are and can not be forged.

A token is 32 characters: what it is for, the message, the link, and a keyed hash over these. The address a click
leads to comes from the table `link`, never from the token, so nobody can make us redirect to a place of theirs.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple

from ..store import Store

# paths of the collector, below PUBLIC_URL
CLICK, OPEN, UNSUBSCRIBE, PREFERENCES, CONFIRM, CALENDAR = "/c/", "/o/", "/u/", "/p/", "/y/", "/d/"
Purpose = Literal["click", "open", "unsubscribe", "preferences", "confirm", "calendar"]
_MARK: dict[str, bytes] = {"click": b"c", "open": b"o", "unsubscribe": b"u", "preferences": b"p", "confirm": b"y",
                           "calendar": b"d"}
_SIGNATURE, _LENGTH = 12, 32  # bytes of the keyed hash, characters of a token
_REMEMBERED = 50_000  # links a process keeps in mind; an address with a name in it is new for every person


class Click(NamedTuple):
    """What a click token says."""

    message_id: int
    link_id: int


def click_token(secret: bytes, message_id: int, link_id: int) -> str:
    """For a link in a message."""
    return _token(secret, "click", message_id, link_id)


def open_token(secret: bytes, message_id: int) -> str:
    """For the picture that tells that a message was opened."""
    return _token(secret, "open", message_id)


def unsubscribe_token(secret: bytes, message_id: int) -> str:
    """For leaving what this message was sent under: its contact, channel and topic."""
    return _token(secret, "unsubscribe", message_id)


def preferences_token(secret: bytes, message_id: int) -> str:
    """For the page on which the recipient chooses topics."""
    return _token(secret, "preferences", message_id)


def confirm_token(secret: bytes, message_id: int) -> str:
    """For saying yes to what this message asks (double opt-in, or whether somebody still wants to hear from us)."""
    return _token(secret, "confirm", message_id)


def calendar_token(secret: bytes, message_id: int) -> str:
    """For the calendar file of what this message is about."""
    return _token(secret, "calendar", message_id)


def read_click(secret: bytes, token: str) -> Click | None:
    """Message and link of a click token; None when it is forged or damaged."""
    found = _read(secret, "click", token)
    return Click(*found) if found else None


def read_open(secret: bytes, token: str) -> int | None:
    """The message of an open token; None when it is forged or damaged. A file ending (`.gif`) is passed over."""
    return _message(secret, "open", token.split(".", 1)[0])


def read_unsubscribe(secret: bytes, token: str) -> int | None:
    """The message of an unsubscribe token; None when it is forged or damaged."""
    return _message(secret, "unsubscribe", token)


def read_preferences(secret: bytes, token: str) -> int | None:
    """The message of a preferences token; None when it is forged or damaged."""
    return _message(secret, "preferences", token)


def read_confirm(secret: bytes, token: str) -> int | None:
    """The message of a confirm token; None when it is forged or damaged."""
    return _message(secret, "confirm", token)


def read_calendar(secret: bytes, token: str) -> int | None:
    """The message of a calendar token; None when it is forged or damaged. A file ending (`.ics`) is passed over."""
    return _message(secret, "calendar", token.split(".", 1)[0])


def url_of(store: Store, link_id: int) -> str | None:
    """Where a tracked link leads, None when there is no such link."""
    found = store.one("SELECT url FROM link WHERE id = :id", id=link_id)
    return None if found is None else str(found)


def channel_of(store: Store, link_id: int) -> str:
    """The channel of the messages in which a tracked link stands."""
    return str(store.one("""SELECT t.channel FROM link k JOIN template_version v ON v.id = k.template_version_id
        JOIN template t ON t.id = v.template_id WHERE k.id = :id""", id=link_id) or "email")


class Book:
    """The ids of tracked links, remembered by the process. One per process; safe between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ids: dict[tuple[int, str], int] = {}
        self._lock = threading.Lock()

    def ids(self, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """The id of each (template version, address); rows are written for the new ones, and survive a power cut."""
        pairs = set(wanted)
        with self._lock:
            if missing := [pair for pair in pairs if pair not in self._ids]:
                if len(self._ids) > _REMEMBERED:
                    self._ids.clear()
                    missing = list(pairs)
                self._ids |= self._record(missing)
            return {pair: self._ids[pair] for pair in pairs}

    def _record(self, pairs: list[tuple[int, str]]) -> dict[tuple[int, str], int]:
        if self._store.writing:
            raise RuntimeError("links are recorded in a transaction of their own: a rolled back one would be remembered")
        known = self._known(pairs)
        if fresh := [pair for pair in sorted(pairs) if pair not in known]:
            with self._store.transaction(durable=True):
                self._store.run_many("INSERT INTO link (template_version_id, url) VALUES (:version, :url) "
                                     "ON CONFLICT DO NOTHING", [{"version": version, "url": url} for version, url in fresh])
            known |= self._known(fresh)
        return known

    def _known(self, pairs: list[tuple[int, str]]) -> dict[tuple[int, str], int]:
        found = {(version, url): self._store.one("SELECT id FROM link WHERE template_version_id = :version AND url = :url",
                                                 version=version, url=url) for version, url in pairs}
        return {pair: link_id for pair, link_id in found.items() if link_id is not None}


def _token(secret: bytes, purpose: Purpose, message_id: int, link_id: int = 0) -> str:
    said = _MARK[purpose] + message_id.to_bytes(6, "big") + link_id.to_bytes(5, "big")
    return urlsafe_b64encode(said + _signed(secret, said)).decode()


def _read(secret: bytes, purpose: Purpose, token: str) -> tuple[int, int] | None:
    if len(token) != _LENGTH or not token.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token)
    except (Error, ValueError):
        return None
    said, signature = raw[:-_SIGNATURE], raw[-_SIGNATURE:]
    if len(said) != 12 or said[:1] != _MARK[purpose] or not hmac.compare_digest(signature, _signed(secret, said)):
        return None
    return int.from_bytes(said[1:7], "big"), int.from_bytes(said[7:], "big")


def _message(secret: bytes, purpose: Purpose, token: str) -> int | None:
    found = _read(secret, purpose, token)
    return found[0] if found else None


def _signed(secret: bytes, said: bytes) -> bytes:
    """Keyed BLAKE2b, half the time of HMAC: a mail has a dozen links."""
    hashed = _keyed(secret).copy()
    hashed.update(said)
    return hashed.digest()


@lru_cache(8)
def _keyed(secret: bytes) -> hashlib.blake2b:
    key = hashlib.sha256(b"throughline link\x00" + secret).digest()  # a secret may be of any length, also empty
    return hashlib.blake2b(key=key, digest_size=_SIGNATURE)

"""Mails as bytes, from a prebuilt frame: several times faster than building an EmailMessage for each.

No header value can hold a line break, whatever a contact is called; names are encoded as RFC 2047 says, domains as IDNA.
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import b2a_qp
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache

import idna

from ..content.context import split_mailbox
from ..errors import BadInput
from .mail import Mail

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LOCAL = re.compile(r"[^\s\x00-\x20\x7f-\x9f\"(),:;<>@\[\]\\]{1,64}")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_LONGEST_PLAIN = 400  # characters of a header that needs no folding
_BOUNDARY = "=_throughline_part"  # "=_" occurs in no quoted-printable text
_PART = "Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {coding}\r\n\r\n"
_LONGEST_LINE = 990  # SMTP carries lines of at most 998 bytes
_WIDE_STYLE = re.compile(r"<style\b[^<]*[^\x00-\x7f]", re.IGNORECASE)


@dataclass(frozen=True)
class Sender:
    """From whom: the ready header value, the bare address and its domain."""

    header: str
    address: str
    domain: str


def sender(mail_from: str | None) -> Sender:
    """The sender of MAIL_FROM, `Acme News <news@acme.example>`. Raises BadInput: none, or not one address."""
    name, address = split_mailbox(mail_from or "")
    try:
        ready = wire_address(address)
    except BadInput:
        raise BadInput("MAIL_FROM is not one address: write MAIL_FROM='Acme News <news@acme.example>'") from None
    if not ready.isascii():
        raise BadInput(f"MAIL_FROM {address!r}: the part before the @ must be ASCII")
    return Sender(mailbox(name, ready), ready, ready.rsplit("@", 1)[1])


def wire_address(address: str) -> str:
    """An address as SMTP takes it: its domain in ASCII. Raises BadInput: not an address."""
    local, at, domain = address.strip().rpartition("@")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except idna.IDNAError:
            domain = ""
    if not at or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise BadInput(f"{address[:100]!r} is not a mail address")
    return f"{local}@{domain}"


def compose(mail: Mail, frm: Sender, to: str) -> bytes:
    """The mail as it goes over the wire, lines ended with CRLF. `to`: its address as `wire_address` gives it."""
    head = (f"From: {frm.header}\r\nTo: {mailbox(mail.name, to)}\r\nSubject: {words(mail.subject)}\r\n"
            f"Date: {_date(mail.at)}\r\nMessage-ID: {message_id(mail, frm)}\r\nMIME-Version: 1.0\r\n")
    if mail.unsubscribe_url:
        head += (f"List-Unsubscribe: <{clean(mail.unsubscribe_url)}>\r\n"
                 "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
    parts = [(kind, body) for kind, body in (("plain", mail.text), ("html", mail.html)) if body is not None]
    if len(parts) == 1:
        return _wired(head) + _part(*parts[0])
    opening = f'Content-Type: multipart/alternative; boundary="{_BOUNDARY}"\r\n'.encode()
    mark = f"\r\n--{_BOUNDARY}".encode()
    return b"".join([_wired(head), opening, *(mark + b"\r\n" + _part(*part) for part in parts), mark, b"--\r\n"])


def message_id(mail: Mail, frm: Sender) -> str:
    """The Message-ID: the same on each attempt, so that a receiver can tell a repetition."""
    return f"<{mail.key}@{frm.domain}>"


def mailbox(name: str, address: str) -> str:
    """`Name <address>` for a header; the bare address where there is no name."""
    shown = clean(name)
    if not shown:
        return address
    if _PLAIN_PHRASE.fullmatch(shown) and "=?" not in shown:
        return f"{shown} <{address}>"
    if shown.isascii() and "=?" not in shown and len(shown) < _LONGEST_PLAIN:
        escaped = shown.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{address}>'
    return f"{_encoded(shown)}\r\n <{address}>"


def words(text: str) -> str:
    """Free text for a header."""
    shown = clean(text)
    return shown if shown.isascii() and "=?" not in shown and len(shown) < _LONGEST_PLAIN else _encoded(shown)


def clean(text: str) -> str:
    """One line without control characters."""
    return _CONTROL.sub(" ", text).strip()


def _encoded(text: str) -> str:
    """Encoded words of at most 75 characters, none of which cuts a character (RFC 2047)."""
    pieces, piece = [], b""
    for char in text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"):
        raw = char.encode()
        if len(piece) + len(raw) > 42:
            pieces.append(piece)
            piece = b""
        piece += raw
    return "\r\n ".join(f"=?utf-8?B?{b64encode(part).decode()}?=" for part in [*pieces, piece])


def _part(kind: str, body: str) -> bytes:
    """A part as it is where its lines are short and its characters ASCII (HTML can spell others so), else encoded."""
    if kind == "html" and not body.isascii() and not _WIDE_STYLE.search(body):
        raw = body.encode("ascii", "xmlcharrefreplace")
    else:
        raw = _wired(body)
    raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\x00", b"")
    raw = raw.rstrip(b"\n").replace(b"\n", b"\r\n") + b"\r\n"
    if raw.isascii() and max(map(len, raw.split(b"\r\n"))) <= _LONGEST_LINE:
        return _PART.format(kind=kind, coding="7bit").encode() + raw
    return _PART.format(kind=kind, coding="quoted-printable").encode() + b2a_qp(raw, istext=True)


def _wired(text: str) -> bytes:
    return text.encode("utf-8", "replace")


@lru_cache(16)
def _date(at: int) -> str:
    return formatdate(at)

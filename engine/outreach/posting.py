"""One POST to an address that somebody typed, so that it can reach the world and not the office.

The name is resolved once, every address it has must be public, and the connection goes to the address that was looked at:
a name that answers otherwise a second time changes nothing. Redirects are not followed.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from ..errors import BadInput

TIMEOUT_S = 10.0
_LONGEST_ANSWER = 2_000  # bytes of an answer that are read
_PORTS = {"http": 80, "https": 443}


class NotPublic(Exception):
    """The address may not be called; the text says why."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    text: str


def check_url(url: str) -> SplitResult:
    """The parts of an address that may be called, as far as its text tells. Raises BadInput."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0 or not url.strip().isprintable() or " " in url.strip():
        raise BadInput(f"{url!r} is no address: write https://host/path")
    if parts.username or parts.password:
        raise BadInput("an address may hold no user and password: they would be shown to everybody")
    return parts


def post(url: str, body: bytes, headers: Mapping[str, str], *, private: Collection[str] = (),
         timeout_s: float = TIMEOUT_S) -> Answer:
    """POST and read the answer, redirects as they come. private: names that may lead into the own network.

    Raises NotPublic: a private address. BadInput: no address. OSError, http.client.HTTPException: no answer.
    """
    parts = check_url(url)
    host, port = str(parts.hostname), parts.port or _PORTS[parts.scheme]
    address = _resolved(host, port, host in private)
    connection = _Pinned(address, host, port, parts.scheme == "https", timeout_s)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {"Host": parts.netloc, **headers})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(_LONGEST_ANSWER).decode("utf-8", "replace"))
    finally:
        connection.close()


def _resolved(host: str, port: int, may_be_private: bool) -> str:
    """The address to connect to. One private address among several is enough to refuse the name."""
    found = list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    closed = [address for address in found if not _is_public(address)]
    if closed and not may_be_private:
        raise NotPublic(f"{host} leads to {closed[0]}, which is not on the public internet; an administrator can allow the "
                        f"name: errands allow {host}")
    return found[0]


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.split("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return address.is_global and not address.is_multicast and (mapped is None or mapped.is_global)


class _Pinned(http.client.HTTPConnection):
    """A connection to one address that speaks, and checks certificates, in the name of the host."""

    def __init__(self, address: str, host: str, port: int, secure: bool, timeout_s: float) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self._address, self._secure = address, secure

    def connect(self) -> None:
        """To the address that was looked at, whatever the name says now."""
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self.host) if self._secure else plain

"""An SMTP server inside the test, that answers as the recipient's name asks it to."""

from __future__ import annotations

import email
import email.policy
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

AT_RECIPIENT = {"full": "452 4.2.2 mailbox full", "gone": "550 5.1.1 no such user", "policy": "550 5.7.1 blocked, see policy"}
AT_DATA = {"spam": "554 5.6.0 looks like spam", "busy": "451 4.3.0 try again", "late": "550 5.1.1 unknown after all"}


class PostOffice:
    """What arrived, and over how many connections."""

    def __init__(self, pipelining: bool) -> None:
        self.mails: list[tuple[str, bytes]] = []
        self.connections = 0
        self.port = 0
        self.pipelining = pipelining
        self._lock = threading.Lock()

    def parsed(self) -> list[EmailMessage]:
        """What arrived, read as a mail program reads it."""
        return [email.message_from_bytes(raw, policy=email.policy.SMTP) for _, raw in self.mails]  # type: ignore[misc]

    async def handle_EHLO(self, server: SMTP, session: Session, envelope: Envelope, hostname: str,
                          responses: list[str]) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]] if self.pipelining else responses

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        name = address.split("@")[0].split("+")[0]
        if name == "drop":
            server.transport.abort()
        if name in AT_RECIPIENT:
            return AT_RECIPIENT[name]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        name = envelope.rcpt_tos[0].split("@")[0].split("+")[0]
        if name in AT_DATA:
            return AT_DATA[name]
        with self._lock:
            self.mails.append((envelope.rcpt_tos[0], envelope.original_content or b""))
        if name == "silent":
            server.transport.abort()
        return "250 2.0.0 taken"


class _Controller(Controller):
    def __init__(self, office: PostOffice, **options: Any) -> None:
        super().__init__(office, hostname="127.0.0.1", port=0, **options)

    def _trigger_server(self) -> None:
        """The port is only known once the server listens."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def post_office(*, pipelining: bool = False, password: str | None = None, starttls: ssl.SSLContext | None = None,
                tls: ssl.SSLContext | None = None) -> Iterator[PostOffice]:
    """A server on a free port. password: who does not log in with it is turned away. starttls, tls: how it encrypts."""
    office = PostOffice(pipelining)

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        known = isinstance(data, LoginPassword) and data.password == (password or "").encode()
        return AuthResult(success=known, handled=False)

    options: dict[str, Any] = {"authenticator": check, "auth_required": True, "auth_require_tls": False} if password else {}
    if starttls:
        options |= {"tls_context": starttls, "require_starttls": True}
    controller = _Controller(office, enable_SMTPUTF8=True, ssl_context=tls, **options)
    controller.start()
    office.port = controller.port
    try:
        yield office
    finally:
        controller.stop()

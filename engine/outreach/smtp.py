"""One connection to an SMTP server, and what is known about each mail handed in over it.

Until the final dot is sent the server has not taken a mail; after its answer we know; in between (a connection that breaks
while we wait) nobody does, and the message is `unknown`.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import BadInput
from . import mime
from .mail import Fate, Mail, Outcome

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_MOST_ON_ONE = 500  # mails over one connection before it is renewed, as servers like it
_POLICY = re.compile(r"[45]\.7\.\d+\b")  # RFC 3463: about us, not about the recipient
_NO_SUCH = re.compile(r"5\.1\.\d+\b")


@dataclass(frozen=True)
class Server:
    """Where mail is handed in. The password stays out of every message and every log."""

    host: str
    port: int
    security: str
    user: str = ""
    password: str = field(default="", repr=False)
    connections: int = 4
    timeout_s: float = 60.0

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def server(url: str) -> Server:
    """Read SMTP_URL, `smtp+starttls://user:password@host:587?connections=4&timeout=60`. Raises BadInput."""
    try:
        parts = urlsplit(url)
        options = {key: values[-1] for key, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
        connections, timeout_s = int(options.pop("connections", "4")), float(options.pop("timeout", "60"))
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        parts, options, connections, timeout_s, port = urlsplit(""), {}, 0, 0.0, 0
    if not parts.hostname or options or not 1 <= connections <= 50 or not 0 < timeout_s <= 600:
        raise BadInput("SMTP_URL: write smtp://, smtp+starttls:// or smtps://, then user:password@host:port, and at most "
                       "?connections=1…50&timeout=seconds (special characters of the password as %XX)")
    return Server(parts.hostname, port, parts.scheme, unquote(parts.username or ""), unquote(parts.password or ""),
                  connections, timeout_s)


class Shut(Exception):
    """No connection can be had; the text says why."""


class Line:
    """One connection, renewed when the server has dropped it."""

    def __init__(self, where: Server, sender: mime.Sender) -> None:
        self._where, self._sender = where, sender
        self._smtp: smtplib.SMTP | None = None
        self._carried = 0
        self.usable = True

    def connect(self) -> smtplib.SMTP:
        """Greet, encrypt, log in. Raises Shut."""
        try:
            self._smtp, self._carried = self._greeted(), 0
        except smtplib.SMTPAuthenticationError as error:
            raise Shut(f"{self._where} refuses the login: {error.smtp_code} {_said(error.smtp_error)}") from None
        except smtplib.SMTPResponseException as error:
            raise Shut(f"{self._where} turns us away: {error.smtp_code} {_said(error.smtp_error)}") from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise Shut(f"{self._where}: {str(error) or type(error).__name__}") from None
        return self._smtp

    def carry(self, mail: Mail) -> Outcome:
        """Hand one mail over. Raises Shut: the connection is gone and a new one can not be had; nothing was handed over."""
        try:
            to = mime.wire_address(mail.address)
            data = _stuffed(mime.compose(mail, self._sender, to))
        except BadInput as error:
            return Outcome(mail.message_id, "failed", "bad_address", str(error))
        reused = self._smtp is not None and self._carried > 0
        try:
            return self._hand_in(mail, to, data)
        except _Gone as gone:
            self._drop()
            if not reused:
                return Outcome(mail.message_id, "later", "deferred", str(gone))
        try:
            return self._hand_in(mail, to, data)  # an idle connection is often closed: a fresh one decides
        except _Gone as gone:
            self._drop()
            return Outcome(mail.message_id, "later", "deferred", str(gone))

    def quit(self) -> None:
        """Close politely."""
        if self._smtp:
            try:
                self._smtp.quit()
            except (smtplib.SMTPException, OSError):
                self._smtp.close()
            self._smtp = None

    def _greeted(self) -> smtplib.SMTP:
        where = self._where
        name = socket.gethostname() or "localhost"
        secure = ssl.create_default_context() if where.security != "smtp" else None
        if where.security == "smtps":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(where.host, where.port, name, timeout=where.timeout_s, context=secure)
        else:
            smtp = smtplib.SMTP(where.host, where.port, name, timeout=where.timeout_s)
        try:
            if where.security == "smtp+starttls":
                smtp.starttls(context=secure)
            smtp.ehlo_or_helo_if_needed()
            if where.user:
                smtp.login(where.user, where.password)
            if smtp.sock:  # the dot goes in a packet of its own: waiting for company would cost 40 ms a mail
                smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _hand_in(self, mail: Mail, to: str, data: bytes) -> Outcome:
        smtp = self._smtp if self._smtp and self._carried < _MOST_ON_ONE else None
        if smtp is None:
            self.quit()
            smtp = self.connect()
        if not to.isascii() and not smtp.has_extn("smtputf8"):
            return Outcome(mail.message_id, "failed", "bad_address", f"{self._where} takes no addresses beyond ASCII")
        self._carried += 1
        refused = _before_dot(lambda: self._envelope(smtp, to, data))
        if refused:
            self._reset(smtp, refused.code)
            return refused.outcome(mail.message_id)
        try:
            smtp.send(b".\r\n")
            code, said = smtp.getreply()
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            return Outcome(mail.message_id, "unknown", "no_answer", f"{self._where}: {str(error) or type(error).__name__}")
        if code // 100 == 2:
            return Outcome(mail.message_id, "sent", provider_id=mime.message_id(mail, self._sender))
        self._reset(smtp, code)
        return _Refusal(code, _said(said), "data").outcome(mail.message_id)

    def _envelope(self, smtp: smtplib.SMTP, to: str, data: bytes) -> _Refusal | None:
        """Everything up to the final dot; what the server refused, None when it waits for the dot."""
        wide = [] if to.isascii() else ["SMTPUTF8"]
        smtp.command_encoding = "utf-8" if wide else "ascii"
        orders = [("sender", f"MAIL FROM:<{self._sender.address}>{' '.join(['', *wide])}"), ("recipient", f"RCPT TO:<{to}>"),
                  ("data", "DATA")]
        if smtp.has_extn("pipelining"):
            smtp.send("".join(f"{order}\r\n" for _, order in orders))
            answers = [(stage, *smtp.getreply()) for stage, _ in orders]
        else:
            answers = []
            for stage, order in orders:
                answers.append((stage, *smtp.docmd(order)))
                if answers[-1][1] // 100 not in (2, 3):
                    break
        refusals = [_Refusal(code, _said(said), stage) for stage, code, said in answers if code // 100 not in (2, 3)]
        if refusals:
            if answers[-1][0] == "data" and answers[-1][1] == 354:  # asked for all at once, it waits for a mail to nobody
                smtp.docmd(".")
            return refusals[0]
        smtp.send(data)
        return None

    def _reset(self, smtp: smtplib.SMTP, code: int) -> None:
        """Make ready for the next mail."""
        try:
            if code == 421:
                raise smtplib.SMTPServerDisconnected("closing")
            smtp.rset()
        except (smtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        if self._smtp:
            self._smtp.close()
        self._smtp = None


class _Gone(Exception):
    """The connection broke before the mail was handed over."""


@dataclass(frozen=True)
class _Refusal:
    """A refusing answer and what it was given to."""

    code: int
    text: str
    stage: str

    def outcome(self, message_id: int) -> Outcome:
        """4xx is for now, 5xx for good. `bounced` is about the recipient, `refused` about us or what we wrote."""
        fate: Fate = "failed" if self.code // 100 == 5 else "later"
        about_recipient = (self.stage == "recipient" and not _POLICY.search(self.text)) or bool(_NO_SUCH.search(self.text))
        reason = "deferred" if fate == "later" else "bounced" if about_recipient else "refused"
        return Outcome(message_id, fate, reason, f"{self.code} {self.text}")


def _before_dot(step: Callable[[], _Refusal | None]) -> _Refusal | None:
    """Run a step during which a broken connection means that the mail was not handed over."""
    try:
        return step()
    except smtplib.SMTPResponseException as error:
        return _Refusal(error.smtp_code, _said(error.smtp_error), "data")
    except (smtplib.SMTPException, OSError) as error:
        raise _Gone(str(error) or type(error).__name__) from None


def _stuffed(data: bytes) -> bytes:
    """A line that begins with a dot gets a second one (RFC 5321, 4.5.2)."""
    return data.replace(b"\r\n.", b"\r\n..")


def _said(answer: bytes | str) -> str:
    """A server's words as one short line."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(mime.clean(text).split())[:300]

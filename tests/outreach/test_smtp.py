"""The e-mail channel against a real SMTP server: what each answer of it means for a message."""

from __future__ import annotations

import dataclasses
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.config import Config
from engine.errors import BadInput
from engine.outreach.channels import choose, transports
from engine.outreach.channels.email import Email
from engine.outreach.mail import Mail, Outcome
from engine.outreach.smtp import server

from .post_office import PostOffice, post_office


@pytest.fixture(params=["one by one", "pipelining"])
def office(request: pytest.FixtureRequest) -> Iterator[PostOffice]:
    with post_office(pipelining=request.param == "pipelining") as made:
        yield made


def carrier(port: int, *, login: str = "", options: str = "?timeout=5") -> Email:
    return Email(Config(smtp_url=f"smtp://{login}127.0.0.1:{port}{options}", mail_from="Acme <news@acme.example>"))


def mails(*addresses: str) -> list[Mail]:
    return [Mail(number, f"{number}.0.aa", address, "Ada", "Hello", "<p>Hi</p>", "Hi\n.dot\n", "https://hear.example/u/x",
                 1_790_000_000) for number, address in enumerate(addresses, start=1)]


def send(port: int, *addresses: str, **options: str) -> list[Outcome]:
    way = carrier(port, **options)
    try:
        return sorted(way.send(mails(*addresses)), key=lambda outcome: outcome.message_id)
    finally:
        way.close()


def test_a_mail_arrives_whole(office: PostOffice) -> None:
    (outcome,) = send(office.port, "ada@mail.example")
    assert outcome.fate == "sent" and outcome.provider_id == "<1.0.aa@acme.example>"
    (mail,) = office.parsed()
    assert mail["To"] == "Ada <ada@mail.example>" and mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text = mail.get_body(("plain",))
    assert text is not None and text.get_content().splitlines() == ["Hi", ".dot"]


@pytest.mark.parametrize(("who", "fate", "reason"), [
    ("full", "later", "deferred"), ("gone", "failed", "bounced"), ("policy", "failed", "refused"),
    ("spam", "failed", "refused"), ("busy", "later", "deferred"), ("late", "failed", "bounced"),
    ("drop", "later", "deferred"), ("silent", "unknown", "no_answer"),
])
def test_each_answer_has_its_meaning(office: PostOffice, who: str, fate: str, reason: str) -> None:
    outcomes = send(office.port, "ada@mail.example", f"{who}@mail.example", "bea@mail.example")
    assert [outcome.fate for outcome in outcomes] == ["sent", fate, "sent"]
    assert outcomes[1].reason == reason and outcomes[1].detail
    assert sum(address.startswith(("ada", "bea")) for address, _ in office.mails) == 2


def test_many_mails_share_few_connections_and_each_arrives_once(office: PostOffice) -> None:
    wanted = [f"person{number}@mail.example" for number in range(120)]
    assert {outcome.fate for outcome in send(office.port, *wanted)} == {"sent"}
    assert sorted(address for address, _ in office.mails) == sorted(wanted)
    assert office.connections <= 4


def test_an_idle_connection_that_was_closed_is_renewed(office: PostOffice) -> None:
    way = carrier(office.port, options="?connections=1&timeout=5")
    assert [outcome.fate for outcome in way.send(mails("ada@mail.example"))] == ["sent"]
    way._lines[0]._smtp.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
    assert [outcome.fate for outcome in way.send(mails("ada@mail.example"))] == ["sent"]
    way.close()
    assert office.connections == 2 and len(office.mails) == 2


def test_without_a_server_one_mail_counts_an_attempt_and_the_others_wait() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        outcomes = send(taken.getsockname()[1], "a@mail.example", "b@mail.example", "c@mail.example")
    assert [outcome.fate for outcome in outcomes] == ["later", "untried", "untried"]
    assert all(outcome.closed for outcome in outcomes) and outcomes[0].reason == "no_connection"


def test_a_server_that_dies_in_between_leaves_the_rest_untried() -> None:
    with post_office() as office:
        way = carrier(office.port, options="?connections=1&timeout=2")
        coming = way.send(mails(*(f"p{number}@mail.example" for number in range(30))))
        first = next(coming)
    rest = list(coming)
    way.close()
    fates = [outcome.fate for outcome in [first, *rest]]
    assert len(fates) == 30 and fates[0] == "sent" and "failed" not in fates
    assert fates.count("sent") <= len(office.mails) <= fates.count("sent") + fates.count("unknown")


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_password_is_used_and_never_shown() -> None:
    with post_office(password="s%cret/7") as office:
        assert [made.fate for made in send(office.port, "ada@mail.example", login="me:s%25cret%2F7@")] == ["sent"]
        (refused,) = send(office.port, "ada@mail.example", login="me:wrong-word@")
    assert refused.fate == "later" and refused.closed and "login" in (refused.detail or "")
    assert "wrong-word" not in repr(refused) and "wrong" not in repr(server("smtp://me:wrong-word@host.example"))


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's own certificate for 127.0.0.1, and the file whoever trusts it needs."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed: it makes the certificate")
    key, crt = tmp_path / "key.pem", tmp_path / "crt.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", crt, "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    return context, crt


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_an_encrypted_way_is_taken_only_with_a_trusted_certificate(
        scheme: str, certificate: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = certificate
    trusting = ssl.create_default_context(cafile=file)
    with post_office(**{"starttls" if scheme == "smtp+starttls" else "tls": context}) as office:
        config = Config(smtp_url=f"{scheme}://127.0.0.1:{office.port}?timeout=5", mail_from="news@acme.example")
        (outcome,) = Email(config).send(mails("ada@mail.example"))
        assert outcome.fate == "later" and outcome.closed and "certificate" in (outcome.detail or "")
        monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
        way = Email(config)
        assert [made.fate for made in way.send(mails("ada@mail.example"))] == ["sent"]
        way.close()
    assert [address for address, _ in office.mails] == ["ada@mail.example"]


def test_every_transport_says_what_it_is() -> None:
    found = transports()
    assert {"capture", "smtp"} <= found.keys() and all(made.__doc__ and made.name == name for name, made in found.items())
    assert choose("email", Config(), capture_only=False) is found["capture"]
    assert choose("email", Config(smtp_url="smtp://x"), capture_only=False) is Email
    assert choose("email", Config(smtp_url="smtp://x"), capture_only=True) is found["capture"]
    assert choose("pigeon", Config(smtp_url="smtp://x"), capture_only=False) is found["none"]


@pytest.mark.parametrize("address", ["", "ada", "ada@", "@x.example", "a b@x.example", "a@x.example\r\nRCPT TO:<b@x.example>",
                                     "a@x..example", "<a@x.example>", "a@b@x.example", "a@" + "x" * 300 + ".example"])
def test_what_is_no_address_never_reaches_the_server(office: PostOffice, address: str) -> None:
    (outcome,) = send(office.port, address)
    assert (outcome.fate, outcome.reason) == ("failed", "bad_address") and not office.mails


def test_a_domain_in_another_script_is_sent_in_ascii(office: PostOffice) -> None:
    assert [made.fate for made in send(office.port, "info@bücher.example")] == ["sent"]
    assert office.mails[0][0] == "info@xn--bcher-kva.example"


def test_a_name_in_another_script_needs_a_server_that_takes_it(office: PostOffice) -> None:
    assert [made.fate for made in send(office.port, "jürgen@mail.example")] == ["sent"]
    assert office.mails[0][0] == "jürgen@mail.example"


@pytest.mark.parametrize("url", ["smtp://", "smtp://host:port", "smtp://h:25?connections=0", "smtp://h?conections=2",
                                 "smtp://h?timeout=x", "smtp://h?x"])
def test_a_wrong_address_of_the_server_is_explained_without_its_password(url: str) -> None:
    with pytest.raises(BadInput, match="SMTP_URL: write") as caught:
        server(url.replace("//", "//me:hush@"))
    assert "hush" not in str(caught.value)


def test_the_scheme_says_port_and_encryption() -> None:
    read = [server(f"{scheme}://mail.example") for scheme in ("smtp", "smtp+starttls", "smtps")]
    assert [(made.port, made.security) for made in read] == [(25, "smtp"), (587, "smtp+starttls"), (465, "smtps")]
    assert dataclasses.replace(read[0], connections=9).connections == 9


def test_mail_needs_a_sender() -> None:
    for wrong in (None, "", "Acme", "Acme <news@>", "a@x.example, b@x.example"):
        with pytest.raises(BadInput, match="MAIL_FROM is not one address"):
            Email(Config(smtp_url="smtp://host.example", mail_from=wrong))

"""Mails as bytes: what a mail program reads is what was meant, and nothing a contact is called can add to it."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.outreach import mime
from engine.outreach.mail import Mail

SENDER = mime.sender('"Ácme, Inc." <news@müller.example>')
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
LINES = st.text(st.one_of(st.characters(exclude_categories=["Cs", "Cc"]), st.sampled_from("\n. =é")), max_size=2_000)


def read(name: str = "Ada", subject: str = "Hello", html: str | None = "<p>x</p>", text: str | None = "x",
         leave: str | None = "https://hear.example/u/x") -> EmailMessage:
    mail = Mail(7, "7.0.ab", "ada@mail.example", name, subject, html, text, leave, 1_790_000_000)
    raw = mime.compose(mail, SENDER, "ada@mail.example")
    assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    return cast(EmailMessage, email.message_from_bytes(raw, policy=email.policy.SMTP))


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None and not part.defects
    return str(part.get_content()).replace("\r\n", "\n")


@given(TEXT, TEXT)
def test_no_name_or_subject_can_add_a_header_or_a_recipient(name: str, subject: str) -> None:
    mail = read(name, subject)
    assert set(mail.keys()) == {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Unsubscribe",
                                "List-Unsubscribe-Post", "Content-Type"}
    assert [address.addr_spec for address in mail["To"].addresses] == ["ada@mail.example"]
    assert not mail.defects


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=300))
def test_a_subject_arrives_as_written(subject: str) -> None:
    assert " ".join(str(read(subject=subject)["Subject"]).split()) == " ".join(subject.split())


@given(LINES)
def test_a_text_arrives_as_written(text: str) -> None:
    assert body(read(text=text), "plain").rstrip("\n") == text.rstrip("\n")


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=3_000))
def test_a_page_of_long_lines_arrives_as_written(page: str) -> None:
    assert body(read(html=page + "é"), "html").rstrip("\n") == page + "&#233;"


def test_characters_beyond_ascii_reach_the_reader() -> None:
    assert "Grüße &amp; 你好" in body(read(html="<p>Grüße &amp; 你好</p>"), "html").replace("&#252;", "ü").replace(
        "&#223;", "ß").replace("&#20320;", "你").replace("&#22909;", "好")
    styled = "<style>p:before{content:'→'}</style><p>ü</p>"
    assert body(read(html=styled), "html").strip() == styled, "a style sheet knows no &#…;"


def test_the_sender_and_the_date_are_said_the_way_mail_says_them() -> None:
    mail = read()
    (sender,) = mail["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Ácme, Inc.", "news@xn--mller-kva.example")
    assert mail["Date"].datetime.timestamp() == 1_790_000_000 and mail["Message-ID"] == "<7.0.ab@xn--mller-kva.example>"


def test_leaving_takes_one_click_and_transactional_mail_offers_none() -> None:
    assert read()["List-Unsubscribe"] == "<https://hear.example/u/x>"
    assert read()["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert read(leave=None)["List-Unsubscribe"] is None


def test_a_mail_of_text_alone_has_one_part() -> None:
    mail = read(html=None, text="Only words")
    assert not mail.is_multipart() and body(mail, "plain") == "Only words\n"


@pytest.mark.parametrize("address", ["ada@mail.example", "o'neil+tag@sub.mail.example", "x@y", "jürgen@mail.example"])
def test_an_address_passes_as_it_is(address: str) -> None:
    assert mime.wire_address(address) == address


@pytest.mark.parametrize("address", [
    "", "a", "a@", "@b.example", "a b@c.example", "a@b\r\nX: y", "a@-b.example", "a@b..example", "a,b@c.example",
    '"a b"@c.example', "a@[127.0.0.1]", "a@b.example>", "a" * 65 + "@b.example"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(BadInput, match="is not a mail address"):
        mime.wire_address(address)

"""Signed tokens and the book of links."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content import links
from engine.store import Store

SECRET = b"a secret of this test"
IDS = st.integers(0, (1 << 40) - 1)
MAKERS = {"open": (links.open_token, links.read_open), "unsubscribe": (links.unsubscribe_token, links.read_unsubscribe),
          "preferences": (links.preferences_token, links.read_preferences)}


@given(IDS, IDS)
def test_a_click_token_says_message_and_link(message: int, link: int) -> None:
    token = links.click_token(SECRET, message, link)
    assert links.read_click(SECRET, token) == (message, link)
    assert token.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("purpose", MAKERS)
def test_a_token_is_good_for_its_own_purpose_only(purpose: str) -> None:
    make, _ = MAKERS[purpose]
    token = make(SECRET, 7)
    read = {name: reader(SECRET, token) for name, (_, reader) in MAKERS.items()}
    assert read == dict.fromkeys(MAKERS) | {purpose: 7}
    assert links.read_click(SECRET, token) is None


@given(st.integers(0, 23), st.integers(1, 255))
def test_a_token_with_any_byte_changed_is_forged(at: int, flip: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(links.click_token(SECRET, 12, 3)))
    raw[at] ^= flip
    assert links.read_click(SECRET, base64.urlsafe_b64encode(raw).decode()) is None


@given(st.text(max_size=40))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    assert links.read_click(SECRET, text) is None
    assert links.read_open(SECRET, text) is None


def test_another_secret_reads_nothing() -> None:
    assert links.read_open(b"another", links.open_token(SECRET, 1)) is None


def test_an_open_token_may_end_like_a_picture() -> None:
    assert links.read_open(SECRET, links.open_token(SECRET, 9) + ".gif") == 9


def test_a_link_keeps_its_id(store: Store) -> None:
    wanted = [(1, "https://shop.example/a"), (1, "https://shop.example/b"), (2, "https://shop.example/a")]
    first = links.Book(store).ids(wanted)
    assert len(set(first.values())) == 3
    assert links.Book(store).ids(wanted) == first
    assert links.url_of(store, first[wanted[1]]) == "https://shop.example/b"
    assert links.url_of(store, 99) is None


def test_the_book_forgets_before_it_grows_without_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "_REMEMBERED", 2)
    book = links.Book(store)
    ids = [book.ids([(1, f"https://shop.example/{number}"), (1, "https://shop.example/0")]) for number in range(5)]
    assert {found[(1, "https://shop.example/0")] for found in ids} == {ids[0][(1, "https://shop.example/0")]}

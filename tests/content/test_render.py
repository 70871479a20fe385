"""A message for one contact: fresh facts, links that can be tracked, a way to leave."""

from __future__ import annotations

from typing import Any

import pytest

from engine import access
from engine.access import COMMAND_LINE
from engine.config import Config
from engine.content import links, preview, templates
from engine.content.context import Readers, sender, split_mailbox, trigger
from engine.content.render import Rendered, Renderer
from engine.errors import BadInput, NotFound
from engine.people import accounts, contacts, fields
from engine.store import Store
from tests.conftest import NOW

CONFIG = Config(secret=b"secret of the tests", public_url="https://hear.example", mail_from="Acme News <news@acme.example>",
                default_zone="Europe/Berlin")


def render(store: Store, html: str | None, *, text: str | None = None, subject: str = "Hi", event: dict[str, Any] | None = None,
           number: int = 7, marketing: bool = True, **values: Any) -> Rendered:
    saved = contacts.save(store, {"email": "ada@mail.example", **values}, by=COMMAND_LINE, now=NOW, source="test")
    template = templates.save(store, "t", html=html, text=text, subject=subject, by=COMMAND_LINE, now=NOW)
    context = Readers(store, CONFIG).load([saved.id])[saved.id]
    return Renderer(store, CONFIG).render(template.version_id, {**context, **trigger(event)}, message_id=number,
                                          marketing=marketing)


def test_fields_of_every_kind_are_readable(store: Store) -> None:
    kinds = {"Plan": "enum", "Seats": "number", "Rate": "number", "Birthday": "date", "Seen at": "datetime", "VIP": "bool",
             "Likes": "list"}
    for name, kind in kinds.items():
        fields.define(store, name, kind, options=("Pro", "Free") if kind == "enum" else (), by=COMMAND_LINE, now=NOW)
    text = ("{{ contact.plan }}|{{ contact.seats }}|{{ contact.rate }}|{{ contact.birthday }}|{{ contact.seen_at }}|"
            "{{ contact.vip }}|{{ contact.likes }}|{{ contact['Seen at'] | date('%H') }}|{{ contact.first_name }}|"
            "{{ contact.name }}|{{ contact.email }}")
    made = render(store, None, text=text, marketing=False,
                  plan="pro", seats="5", rate="1.5", birthday="1990-02-03", vip="yes", likes="a;b",
                  **{"seen at": "2026-09-21T10:00:00Z", "first_name": "Ada", "last_name": "L"})
    assert made.text == "Pro|5|1.5|1990-02-03|2026-09-21 12:00|yes|a, b|12|Ada|Ada L|ada@mail.example\n"


def test_the_event_and_the_account_are_readable(store: Store) -> None:
    saved = contacts.save(store, {"email": "ada@mail.example"}, by=COMMAND_LINE, now=NOW, source="test")
    with store.transaction():
        account = accounts.ensure_many(store, ["Acme & Co"], now=NOW)["Acme & Co"]
        store.run("UPDATE contact SET account_id = :account WHERE id = :id", account=account, id=saved.id)
    made = render(store, "<p>{{ account.name }} {{ contact.account }} {{ event.lines[0].name }}</p>",
                  event={"lines": [{"name": "Boots"}]})
    assert "<p>Acme &amp; Co Acme &amp; Co Boots</p>" in (made.html or "")


def test_a_subject_is_one_line_and_not_escaped(store: Store) -> None:
    made = render(store, "<p>x</p>", subject="Hi\n {{ contact.first_name }}", first_name="A&B\r\nBcc: x")
    assert made.subject == "Hi A&B Bcc: x"


def test_every_link_is_found_once_and_replaced_where_it_stands(store: Store) -> None:
    made = render(store, '<a href="https://a.example/?x=1&amp;y=2">a</a> <a class=b HREF = \'http://b.example\'>b</a> '
                         '<A Href=https://c.example/z>c</A> <a href="{{ event.url }}">d</a> <a href="#top">e</a> '
                         '<a href="mailto:x@y.example">f</a> <link href="https://fonts.example/css"> <a data-href="https://no.example">'
                         'g</a> <img src="https://pics.example/1.png" alt=""> https://text.example',
                  text="See https://a.example/?x=1&y=2. Or (https://b.example/q_(r)), (https://c.example/z)!",
                  event={"url": "https://d.example/{x}"})
    assert made.links == ("https://a.example/?x=1&y=2", "http://b.example", "https://c.example/z", "https://d.example/{x}",
                          "https://b.example/q_(r)")
    page, text = made.tracked(lambda url: f"https://hear.example/c/{made.links.index(url)}", "https://hear.example/o/p.gif")
    assert page and text and 'href="https://hear.example/c/0">a</a>' in page and 'href="https://hear.example/c/2">c</A>' in page
    for kept in ("https://fonts.example/css", "https://no.example", "https://pics.example/1.png", "https://text.example"):
        assert kept in page
    assert text.startswith("See https://hear.example/c/0. Or (https://hear.example/c/4), (https://hear.example/c/2)!")
    assert page.count("https://hear.example/o/p.gif") == 1


def test_marketing_mail_always_has_a_way_to_leave_and_it_is_not_tracked(store: Store) -> None:
    access.set_setting(store, "sender", {"company": "Acme Ltd", "postal_address": "1 Road, Town"})
    made = render(store, "<body><p>x</p></body>", text="x")
    for part in (made.html or "", made.text or ""):
        assert "Acme Ltd, 1 Road, Town" in part and made.links == ()
        token = part.split("https://hear.example/u/")[1][:32]
        assert links.read_unsubscribe(CONFIG.secret, token) == 7
    assert (made.html or "").endswith("</div></body>")


def test_the_authors_own_way_to_leave_is_enough_and_transactional_mail_has_none(store: Store) -> None:
    own = render(store, '<a href="{{ unsubscribe_url }}">bye</a>', text="{{ unsubscribe_url }}")
    assert (own.html or "").count("/u/") == 1 and (own.text or "").count("/u/") == 1
    receipt = render(store, "<p>receipt</p>", marketing=False)
    assert "/u/" not in (receipt.html or "") + (receipt.text or "")


def test_a_field_without_value_is_empty_and_a_name_that_does_not_exist_stops_the_message(store: Store) -> None:
    assert "<p>Hi </p>" in (render(store, "<p>Hi {{ contact.first_name }}</p>").html or "")
    with pytest.raises(BadInput, match=r"template t: contact\.frist_name has no value"):
        render(store, "<p>{{ contact.frist_name }}</p>")


def test_what_a_contact_is_called_can_not_become_markup(store: Store) -> None:
    made = render(store, '<a href="https://x.example/?n={{ contact.first_name }}">{{ contact.first_name }}</a>',
                  first_name='"><script>x</script>')
    assert "<script>" not in (made.html or "") and made.links[0] == 'https://x.example/?n="><script>x</script>'
    page, _ = made.tracked(lambda url: "https://hear.example/c/1")
    assert page and '<a href="https://hear.example/c/1">' in page


def test_a_preview_counts_nothing_and_leads_nowhere(store: Store) -> None:
    render(store, '<a href="https://a.example">{{ event.x }}</a>', event={"x": 1}, external_id="A-1")
    made = preview.render(store, CONFIG, "T", "a-1", {"x": "seen"})
    assert "seen" in (made.html or "") and "https://hear.example/u/preview" in (made.html or "")
    assert store.one("SELECT COUNT(*) FROM link") == 0
    with pytest.raises(NotFound):
        preview.render(store, CONFIG, "t", "nobody@mail.example")


def test_many_readers_are_loaded_at_once(store: Store) -> None:
    ids = [contacts.save(store, {"email": f"p{n}@mail.example"}, by=COMMAND_LINE, now=NOW, source="t").id for n in range(7)]
    loaded = Readers(store, CONFIG).load([*ids, ids[0], 999])
    assert sorted(loaded) == ids and loaded[ids[3]]["contact"]["email"] == "p3@mail.example"
    assert Readers(store, CONFIG).load([]) == {}


def test_the_sender_is_who_mail_from_says_unless_the_workspace_says_more(store: Store) -> None:
    assert sender(store, CONFIG)["name"] == "Acme News" and sender(store, CONFIG)["email"] == "news@acme.example"
    access.set_setting(store, "sender", {"name": "Acme"})
    assert sender(store, CONFIG)["name"] == "Acme"
    assert split_mailbox('"A, B" <a@b.example>') == ("A, B", "a@b.example") and split_mailbox(" a@b ") == ("", "a@b")

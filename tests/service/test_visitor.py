"""Try it as me: from a name and an address to a dot on the yes branch, through the real collector."""

from __future__ import annotations

from dataclasses import replace
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest

from engine import clock
from engine.clock import DAY
from engine.config import Config
from engine.errors import BadInput, Conflict
from engine.service import forward, visitor
from engine.store import Store
from tests.conftest import NOW
from tests.service.serving import SECRET, serving

CONFIG = Config(secret=SECRET, smtp_url="smtp://127.0.0.1:9", mail_from="a@fernhill.example")


class Stay(HTTPRedirectHandler):
    """Where a link leads is no server of ours."""

    def redirect_request(self, *_: object, **__: object) -> Request | None:
        return None


def click(url: str) -> str:
    """Follow one tracked link; the address it leads to."""
    with pytest.raises(HTTPError, match="302") as answer:
        build_opener(Stay).open(url, timeout=5)
    return str(answer.value.headers["Location"])


def test_the_visitor_gets_a_mail_and_waits(company: Store) -> None:
    visit = visitor.begin(company, CONFIG, "Vera Visitor", "Vera@Example.org", now=NOW)
    found = visitor.mail(company, visit)
    assert found.subject == "Welcome, Vera" and "Hi Vera" in found.html
    assert {link.url for link in found.links} == {"https://fernhill.example/blog/first-numbers",
                                                  "https://fernhill.example/blog/popular"}
    assert all(link.tracked_url.startswith("http://127.0.0.1:8502/c/") for link in found.links)
    assert not [link for link in found.links if link.tracked_url in found.html]
    place = visitor.where(company, visit)
    assert (place.node, place.status, place.path) == ("clicked", "active", (("hello", "sent"),))


def test_within_two_seconds_of_the_click_she_stands_on_the_yes_branch(company: Store) -> None:
    with serving(company) as address:
        config = replace(CONFIG, public_url=address)
        visit = visitor.begin(company, config, "Vera", "vera@example.org", now=clock.now())
        link = visitor.mail(company, visit).links[0]
        began = clock.monotonic()
        assert click(link.tracked_url) == link.url
        visitor.step_on(company, config, now=clock.now())
        took_s = clock.monotonic() - began
        place = visitor.where(company, visit)
    assert ("clicked", "happened") in place.path and ("engaged", "next") in place.path and place.node == "pause"
    assert took_s < 2


def test_her_click_counts_after_the_demo_was_moved_on(company: Store) -> None:
    start = clock.now()
    forward.fast_forward(company, CONFIG, 2, now=start)
    with serving(company) as address:
        config = replace(CONFIG, public_url=address)
        visit = visitor.begin(company, config, "Vera", "vera@example.org", now=clock.now())
        click(visitor.mail(company, visit).links[0].tracked_url)
        visitor.step_on(company, config, now=clock.now())
    assert visitor.where(company, visit).node == "pause"
    at = company.one("SELECT e.occurred_at FROM event e WHERE e.contact_id = :who AND e.name = 'email_clicked'",
                     who=visit.contact_id)
    assert at >= start + 2 * DAY


def test_nobody_made_up_answers_in_her_name(company: Store) -> None:
    visit = visitor.begin(company, CONFIG, "Vera", "vera@example.org", now=NOW)
    forward.fast_forward(company, CONFIG, 1, now=NOW)
    assert company.one("SELECT COUNT(*) FROM event e WHERE e.contact_id = :who AND e.name IN ('email_opened', 'email_clicked')",
                       who=visit.contact_id) == 0
    assert visitor.where(company, visit).node == "clicked"


def test_who_asks_twice_goes_on_where_she_is(company: Store) -> None:
    first = visitor.begin(company, CONFIG, "Vera", "vera@example.org", now=NOW)
    assert visitor.begin(company, CONFIG, "Vera", "VERA@example.org", now=NOW + 5) == first


def test_what_can_not_be_is_refused_in_words(company: Store) -> None:
    somebody = company.one("SELECT c.email FROM contact c ORDER BY c.id LIMIT 1")
    with pytest.raises(Conflict, match="belongs to somebody"):
        visitor.begin(company, CONFIG, "Vera", somebody, now=NOW)
    with pytest.raises(BadInput):
        visitor.begin(company, CONFIG, "Vera", "no address", now=NOW)
    with pytest.raises(BadInput, match="name"):
        visitor.begin(company, CONFIG, "  ", "vera@example.org", now=NOW)


def test_a_visit_ends_when_the_demo_starts_again(company: Store) -> None:
    visit = visitor.begin(company, CONFIG, "Vera", "vera@example.org", now=NOW)
    forward.start_again(company, CONFIG, now=NOW)
    with pytest.raises(Conflict, match="begin anew"):
        visitor.where(company, visit)
    with pytest.raises(Conflict, match="begin anew"):
        visitor.mail(company, visit)


def test_any_other_workspace_refuses(store: Store) -> None:
    with pytest.raises(Conflict, match="not the demo"):
        visitor.begin(store, CONFIG, "Vera", "vera@example.org", now=NOW)
    assert store.one("SELECT COUNT(*) FROM contact c") == 0


def test_a_script_in_her_name_stays_text(company: Store) -> None:
    visit = visitor.begin(company, CONFIG, "<script>alert(1)</script>", "vera@example.org", now=NOW)
    assert "<script>" not in visitor.mail(company, visit).html

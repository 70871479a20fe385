"""What is wrong with a template, found before anybody receives it."""

from __future__ import annotations

import pytest

from engine.access import COMMAND_LINE
from engine.content import lint, templates
from engine.people import fields
from engine.store import Store
from tests.conftest import NOW

GOOD = '<p>Hi {{ contact.first_name | default("you") }}</p><a href="{{ unsubscribe_url }}">bye</a>'


def check(store: Store, html: str | None, *, subject: str | None = "Hi", text: str | None = None) -> dict[str, str]:
    template = templates.save(store, "t", html=html, text=text, subject=subject, by=COMMAND_LINE, now=NOW)
    return {problem.code: f"{problem.severity} {problem.where}: {problem.message}" for problem in lint.check(store, template)}


def test_a_good_template_has_nothing_to_remark(store: Store) -> None:
    fields.define(store, "Shoe size", "number", by=COMMAND_LINE, now=NOW)
    more = ("{{ contact.shoe_size | default(0) }}{% if event.x %}{{ event.x }}{% endif %}{{ contact.email }}"
            "{{ sender.company | d('us') }}{% for l in event.l | d([]) %}{{ l.n }}{% endfor %}")
    assert check(store, GOOD + more) == {}


@pytest.mark.parametrize(("html", "code", "said"), [
    ("<p>\n{{ contact.frist_name }}</p>", "unknown_variable", "error html, line 2: contact.frist_name is unknown"),
    ("{{ customer.name }}", "unknown_variable", "error html, line 1: customer is unknown"),
    ("{{ contact.first_name }}", "no_default", "warning html, line 1: contact.first_name may be empty"),
    ("{{ event.product }}", "no_default", "warning html, line 1: event.product is missing when"),
    ("<p>x</p>", "no_unsubscribe", "advice html: there is no unsubscribe link"),
    ('<p>\n<img src="https://x.example/a.png">', "no_alt", "warning html, line 2: the picture"),
    ('<a href="http://x.example">a</a>', "http_link", "warning html, line 1: http://x.example is not encrypted"),
    ('<a href="javascript:alert(1)">a</a>', "bad_link", "error html, line 1: javascript:alert(1)"),
    ('<a href="/pricing">a</a>', "relative_link", "error html, line 1: '/pricing' leads nowhere"),
    ('<a href="">a</a>', "empty_link", "warning html, line 1: a link leads nowhere"),
    ("<script>x</script>", "not_in_mail", "warning html, line 1: mail programs take <script> out"),
    ("<p>" + "x" * 102_400 + "</p>", "too_large", "warning html: 102,4"),
    ("<style>a{color:red}</style><a {% if 1 %}id='a'{% endif %}>x</a>", "not_inlined", "warning html: template code stands"),
])
def test_a_problem_is_named_with_its_place(store: Store, html: str, code: str, said: str) -> None:
    assert check(store, html)[code].startswith(said)


def test_a_link_made_by_the_template_is_not_taken_for_a_relative_one(store: Store) -> None:
    page = ("<a href=\"{{ event.url | default('https://x.example') }}\">x</a><a href='#a'>y</a>"
            "<a href='mailto:a@b.example'>z</a><a href='tel:+49'>t</a>")
    assert "relative_link" not in check(store, page)


def test_the_subject_is_looked_at(store: Store) -> None:
    assert check(store, GOOD, subject=None)["no_subject"].startswith("error subject")
    assert check(store, GOOD, subject="x" * 71)["long_subject"].startswith("advice")
    code = "Hi {{ contact.first_name | default('a long word, not shown') }} "
    assert "long_subject" not in check(store, GOOD, subject=code + "x" * 50)
    assert check(store, GOOD, subject="{{ contact.nowhere }}")["unknown_variable"].startswith("error subject")


def test_remarks_on_the_page_are_not_repeated_for_a_text_made_of_it(store: Store) -> None:
    template = templates.save(store, "t", html="<p>{{ contact.first_name }}</p>", subject="x", by=COMMAND_LINE, now=NOW)
    assert [problem.code for problem in lint.check(store, template)].count("no_default") == 1
    assert check(store, GOOD, text="{{ contact.last_name }}")["no_default"].startswith("warning text")
    assert check(store, None, text="{{ contact.nowhere }}")["unknown_variable"].startswith("error text")

"""The language of templates: what it can say, and what it can not do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content.language import LONGEST, compile_part, facts, moment, parse, used_names
from engine.errors import BadInput

KNOWN: dict[str, Any] = {
    "contact": facts("contact", {"first_name": "Ada", "nothing": None, "blank": "", "City Name": "Paris", "items": 3,
                                 "vip": True, "seats": 0, "tags": ["a", "b"], "since": moment(1_790_000_000, "Europe/Paris"),
                                 "born": moment(0, "Asia/Tokyo", day=True)}),
    "event": facts("event", {"lines": [{"name": "Boots", "price": 9_950}, {"name": "Hat", "price": 500}], "at": 1_790_000_000,
                             "when": "2026-09-21T10:00:00+00:00", "total": {"minor": 10_450}}),
}


def say(source: str, *, escape: bool = False) -> str:
    return compile_part(source, "template t", escape=escape).render(KNOWN)


@pytest.mark.parametrize(("source", "said"), [
    ("Hi {{ contact.first_name }}", "Hi Ada"),
    ("{{ contact.city_name }}, {{ contact['City Name'] }}, {{ contact['city name'] }}", "Paris, Paris, Paris"),
    ("[{{ contact.nothing }}]", "[]"),
    ("{{ contact.nothing | default('x') }}{{ contact.blank | default('y') }}{{ contact.seats | default('z') }}", "xy0"),
    ("{{ contact.nowhere | default('x') }}{{ event.a.b.c | d('y') }}", "xy"),
    ("{% if contact.nowhere or event.a.b %}a{% else %}b{% endif %}", "b"),
    ("{{ contact.items }} {{ contact.vip }} {{ contact.tags }}", "3 yes a, b"),
    ("{% for line in event.lines %}{{ loop.index }}/{{ loop.length }} {{ line.name }} {{ line.price | money }};{% endfor %}",
     "1/2 Boots €99.50;2/2 Hat €5.00;"),
    ("{{ event.total.minor | money('USD') }} {{ 500 | money('jpy') }} {{ 1234567 | money('CHF') }}",
     "$104.50 ¥500 12,345.67 CHF"),
    ("{{ contact.since }} {{ contact.born }}", "2026-09-21 16:13 1970-01-01"),
    ("{{ contact.since | date('%H:%M') }} {{ event.at | date('%H:%M') }} {{ event.at | date('%H:%M', 'Asia/Tokyo') }}",
     "16:13 14:13 23:13"),
    ("{{ event.when | date('%d %b') }} {{ contact.nothing | date }}", "21 Sep "),
    ("{{ contact.first_name | upper | replace('D', 'd') }}", "AdA"),
])
def test_it_says(source: str, said: str) -> None:
    assert say(source) == said


def test_html_is_escaped_and_text_is_not() -> None:
    source = "{{ '<b>&' }}"
    assert (say(source, escape=True), say(source)) == ("&lt;b&gt;&amp;", "<b>&")


@pytest.mark.parametrize(("source", "why"), [
    ("{{ contact.nowhere }}", "contact.nowhere has no value"), ("{{ event.a.b }}", "event.a.b has no value"),
    ("{{ stranger }}", "stranger has no value"), ("{{ 1 / 0 }}", "division"), ("{{ 'x' | money }}", "invalid literal"),
    ("{{ 'x' | date }}", "Invalid isoformat"), ("{{ event.at | date('%H', 'Moon/Base') }}", "Moon/Base"),
    ("{{ event.nowhere | date }}", "event.nowhere"), ("{{ contact.first_name() }}", "not callable"),
])
def test_what_can_not_be_said_is_named(source: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        say(source)


@pytest.mark.parametrize("source", [
    "{{ contact.__class__ }}", "{{ ''.__class__.__mro__ }}", "{{ contact['__class__'].x }}", "{{ contact._values }}",
    "{{ contact._name }}", "{{ ().__class__.__bases__[0].__subclasses__() }}", "{{ self.__init__ }}",
    "{{ range.__globals__ }}", "{{ cycler.__init__.__globals__ }}", "{{ '%s' | format('x') }}",
    "{{ '{0.__class__}'.format(1) }}", "{{ contact | attr('__class__') }}", "{{ loop }}", "{{ namespace() }}",
    "{{ lipsum(n=9) }}", "{{ contact | map(attribute='__class__') | list }}",
])
def test_there_is_no_way_out_of_the_sandbox(source: str) -> None:
    try:
        said = say(source)
    except BadInput:
        return
    assert "class" not in said and "Facts" not in said and "Ada" not in said


@pytest.mark.parametrize("source", [
    "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
    "{% for i in range(100000000) %}x{% endfor %}", "{{ 'a' * 999999999 }}", "{{ [0] * 999999999 }}", "{{ 999999999 * 'a' }}",
    "{{ 9 ** 9 ** 9 }}", "{{ 'a'.center(999999999) }}", "{{ '%999999999d' % 1 }}", "{{ 'a'.ljust(999999999) }}",
    "{% for i in range(9999) %}{{ 'a' * 9999 }}{% endfor %}", "{{ 'a'.zfill(999999999) }}",
])
def test_a_runaway_template_is_stopped(source: str) -> None:
    with pytest.raises(BadInput):
        say(source)


@pytest.mark.parametrize(("source", "line"), [
    ("a\nb\n{% if %}", "line 3"), ("{{ x | nosuch }}", "nosuch"), ("\n{% include 'x' %}", "line 2: include"),
    ("{{ x", "line 1"), ("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "macro"), ("{% import 'os' as os %}", "import"),
    ("{{ x is nosuch }}", "nosuch"), ("{% extends 'x' %}", "extends"), ("{% from 'x' import y %}", "fromimport"),
    ("{{ " + "(" * 5_000 + " }}", "template t"),
])
def test_what_is_no_template_is_refused_with_its_line(source: str, line: str) -> None:
    with pytest.raises(BadInput, match=line):
        parse(source, "template t")


@given(st.text(max_size=200))
def test_any_text_is_a_template_or_is_refused(source: str) -> None:
    try:
        made = compile_part(source, "template t", escape=True).render(KNOWN)
    except BadInput:
        return
    assert len(made) <= LONGEST


def test_the_names_a_template_reads_are_known_with_their_lines() -> None:
    source = ("{{ contact.a | default('x') }}\n{{ contact['b c'] }}{% if contact.d %}{{ contact.d }}{{ contact.e }}{% endif %}"
              "\n{% for line in event.lines %}{{ line.x }}{{ loop.index }}{% endfor %}{% set own = 1 %}{{ own }}")
    assert set(used_names(parse(source, "t"))) == {
        ("contact.a", 1, True), ("contact.b c", 2, False), ("contact.d", 2, True), ("contact.e", 2, False),
        ("event.lines", 3, False)}

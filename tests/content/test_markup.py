"""From HTML and MJML to what is sent: template code survives every tool."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.content.markup import compiled, hide, is_mjml, loose_code, plain_text, with_preheader
from engine.errors import BadInput

CODE = st.sampled_from(["{{ a }}", "{% if a < 3 %}", "{% endif %}", "{{ a['\"'] }}", "{# note #}", "{{ '<b>' }}"])
PIECES = st.lists(st.one_of(CODE, st.sampled_from([
    "<p>", "</p>", '<a href="', '">', "text ", "<style>", "</style>", "<!-- c -->", "<td class='", "'>", "<title>", "</title>",
    "jx", "é", "\n"])), max_size=25)


@given(PIECES)
def test_what_is_hidden_comes_back(pieces: list[str]) -> None:
    source = "".join(pieces)
    hidden = hide(source)
    assert hidden.restored(hidden.text) == source and "{{" not in hidden.text and "{%" not in hidden.text


def test_a_loop_between_table_rows_stays_there() -> None:
    page = compiled("<style>td{color:red}</style><table>{% for i in a %}<tr><td>{{ i }}</td></tr>{% endfor %}</table>", "t")
    assert page.index("{% for") > page.index("<table>") and page.index("{% endfor %}") < page.index("</table>")
    assert '<td style="color: red;">{{ i }}</td>' in page


def test_styles_are_written_into_the_elements_and_media_queries_are_kept() -> None:
    page = compiled("<html><head><style>p{color:{{ c }}} @media (max-width:9px){p{color:blue}}</style></head>"
                    "<body><p>x</p></body></html>", "t")
    assert '<p style="color: {{ c }};">x</p>' in page and "@media (max-width:9px)" in page


def test_nothing_is_fetched_from_elsewhere() -> None:
    page = compiled('<link rel="stylesheet" href="http://127.0.0.1:1/x.css"><style>p{color:red}</style><p>x</p>', "t")
    assert '<p style="color: red;">' in page


def test_html_without_styles_is_left_as_written() -> None:
    source = "<p>Hi {{ a }}</p>\n<a {% if b %}href='x'{% else %}href='y'{% endif %}>z</a>"
    assert compiled(source, "t") == source


def test_code_between_attributes_is_left_alone() -> None:
    source = "<style>a{color:red}</style><a {% if b %}href='x'{% else %}href='y'{% endif %}>z</a>"
    assert loose_code(source) and compiled(source, "t") == source
    assert not loose_code("<a href='{{ x }}' title=\"{% if a > 1 %}b{% endif %}\">{{ y }}</a>")


MJML = """<mjml><mj-head><mj-preview>{{ a }}</mj-preview><mj-style>.x{color:{{ b }}}</mj-style></mj-head><mj-body>
{% if c %}<mj-section><mj-column>{% for d in e %}<mj-text css-class="{{ f }}">{{ g['h'] }}</mj-text>{% endfor %}
<mj-button href='{{ i["j"] }}'>Go</mj-button></mj-column></mj-section>{% endif %}</mj-body></mjml>"""


def test_mjml_is_translated_around_the_code() -> None:
    page = compiled(MJML, "t")
    for code in ("{{ a }}", "{{ b }}", "{% if c %}", "{% for d in e %}", "{{ f }}", "{{ g['h'] }}", "{% endfor %}",
                 "{% endif %}", 'href="{{ i["j"] }}"'):
        assert page.count(code) == 1, code
    assert is_mjml("<!-- mail -->\n" + MJML) and not is_mjml("<p><mjml></p>") and "<mj-" not in page


@pytest.mark.parametrize("source", ["<mjml><mj-body>", "<mjml><mj-body><mj-section></mjml>",
                                    "<mjml><mj-body><mj-section {% if a %}x='1'{% endif %}></mj-section></mj-body></mjml>",
                                    "<mjml>{{ a }}</mjml>"])
def test_mjml_that_can_not_be_read_is_refused(source: str) -> None:
    with pytest.raises(BadInput, match="template t"):
        compiled(source, "template t")


def test_lines_stay_short_enough_for_the_wire() -> None:
    assert max(map(len, compiled(MJML, "t").split("\n"))) < 990


def test_the_text_of_a_page_reads_like_one() -> None:
    page = ("<html><head><title>no</title><style>no</style></head><body><div style='display: none'>no<br>no</div>"
            "<h1>Big  news</h1><p>Hi {{ a }},<br>look &amp; see <a href='https://x.example/?a=1&amp;b=2'>here</a>.</p>"
            "<ul><li>one</li><li>two {% if b %}x{% endif %}</li></ul><table><tr><td>l</td><td>r</td></tr></table>"
            "<a href='https://y.example'>https://y.example</a> <a href='mailto:a@b.example'>a@b.example</a>"
            "<img alt='A cat' src='c'><!-- no --><script>no</script></body></html>")
    assert plain_text(page) == ("Big news\n\nHi {{ a }},\nlook & see here (https://x.example/?a=1&b=2).\n\n* one\n"
                                "* two {% if b %}x{% endif %}\n\nl r\n\nhttps://y.example a@b.exampleA cat\n")


@given(st.text(st.sampled_from("<>/abp !-\"'{}%&;="), max_size=80))
def test_any_markup_has_a_text(page: str) -> None:
    assert plain_text(page).endswith("\n")


def test_the_preheader_stands_first_in_the_body() -> None:
    assert with_preheader('<html><body class="x"><p>y</p></body></html>', "Look").index("Look") < 200
    assert with_preheader("<p>y</p>", "Look").startswith("<div style=")


@pytest.mark.parametrize("piece", ["<a ", "<!-- ", "<style>", "<title>", "<p style='"])
def test_a_broken_file_is_refused_at_once(piece: str) -> None:
    with pytest.raises(BadInput, match="template t: more than 100 times"):
        compiled(piece * 50_000, "template t")

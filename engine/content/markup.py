"""From what a person writes (HTML or MJML) to what is stored: HTML for mail programs, and its plain text.

HTML tools move and rewrite what they take for text, so the template language is put out of their sight first: `{{ }}` and
`{% %}` become comments between elements, and plain words inside tags, style sheets and titles.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from html.parser import HTMLParser

import css_inline
import mrml

from ..errors import BadInput

_CODE = r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}"
_QUOTED = rf"\"(?>{_CODE}|[^\"])*+\"|'(?>{_CODE}|[^'])*+'"
# Text whose inside is no markup is taken as one piece; a tag likewise, its quoted values included.
_PIECES = re.compile(
    rf"(?P<code>{_CODE})|(?P<closed><(?P<name>style|title|mj-style|mj-title|mj-preview)\b.*?</(?P=name)\s*>)"
    rf"|(?P<comment><!--.*?-->)|(?P<tag></?[A-Za-z](?>{_CODE}|{_QUOTED}|[^<>\"'])*+>)", re.DOTALL | re.IGNORECASE)
# Looking for an end that is not there takes a walk to the end of the text: a broken file could cost minutes.
_PAIRS, _MOST_OPEN = (("<", ">"), ("<!--", "-->"), ("<style", "</style"), ("<title", "</title")), 100
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True)
_BLOCKS = frozenset({"address", "article", "aside", "blockquote", "dd", "div", "dl", "dt", "figure", "footer", "form", "h1",
                     "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "section", "table",
                     "tbody", "tfoot", "thead", "tr", "ul"})
_UNSEEN = frozenset({"head", "style", "script", "title", "noscript"})
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})


@dataclass(frozen=True)
class Hidden:
    """Markup with the template language out of sight, and what stood there."""

    text: str
    code: tuple[str, ...]
    mark: str

    def restored(self, text: str) -> str:
        """Put the template language back. An attribute that a tool made out of a word loses its empty value."""
        pattern = rf"<!--{self.mark}(\d+)x-->|{self.mark}(\d+)x(?:=\"\")?"
        return re.sub(pattern, lambda found: self.code[int(found.group(1) or found.group(2))], text, flags=re.IGNORECASE)

    def complete(self, text: str) -> bool:
        """Whether every piece is still there exactly once."""
        found = re.findall(rf"{self.mark}(\d+)x", text, re.IGNORECASE)
        return sorted(map(int, found)) == list(range(len(self.code)))


def hide(source: str) -> Hidden:
    """Take the template language out of markup."""
    mark = "jx"
    while mark in source.lower():
        mark += "q"
    code: list[str] = []

    def word(found: re.Match[str]) -> str:
        code.append(found.group())
        return f"{mark}{len(code) - 1}x"

    def piece(found: re.Match[str]) -> str:
        if found["code"]:
            return f"<!--{word(found)}-->"
        return re.sub(_CODE, word, found.group(), flags=re.DOTALL)

    return Hidden(_PIECES.sub(piece, source), tuple(code), mark)


def is_mjml(source: str) -> bool:
    """Whether the text is MJML: its first element says so."""
    return bool(re.match(r"\s*(<!--.*?-->\s*)*<mjml\b", source, re.DOTALL | re.IGNORECASE))


def compiled(source: str, what: str) -> str:
    """HTML for mail programs: MJML translated, style sheets written into the elements. Raises BadInput."""
    for begins, ends in _PAIRS:
        if source.count(begins) - source.count(ends) > _MOST_OPEN:
            raise BadInput(f"{what}: more than {_MOST_OPEN} times {begins} without {ends}: this is no HTML")
    hidden = hide(source)
    if is_mjml(source):
        return _even(_kept(hidden, _from_mjml(hidden.text, what), what))
    if "<style" not in source.lower() or loose_code(source):
        return _even(source)
    return _even(_kept(hidden, _INLINER.inline(hidden.text), what))


def _even(page: str) -> str:
    """The same page with addresses written in one way, and lines short enough to go over the wire as they are."""
    page = re.sub(r"\bhref\s*=\s*(?=[\"']?\s*http)", "href=", page, flags=re.IGNORECASE)
    page = re.sub(r"(?<=href=)([\"']?)\s*(https?):", lambda found: f"{found[1]}{found[2].lower()}:", page, flags=re.IGNORECASE)
    return page.replace('" style="', '"\nstyle="')


def loose_code(source: str) -> bool:
    """Whether code stands between the attributes of a tag, where a style inliner would take both branches for attributes."""
    for found in _PIECES.finditer(source):
        if found["tag"] and re.search(_CODE, re.sub(_QUOTED, "", found["tag"], flags=re.DOTALL), re.DOTALL):
            return True
    return False


def plain_text(markup: str) -> str:
    """The text of a mail whose author wrote none, with the template language and the addresses of links kept."""
    hidden = hide(markup)
    reader = _Reader(hidden.mark)
    reader.feed(hidden.text)
    reader.close()
    return hidden.restored(reader.text())


def with_preheader(markup: str, preheader: str) -> str:
    """The line that a mailbox shows behind the subject, unseen in the mail itself."""
    line = ('<div style="display:none;max-height:0;max-width:0;opacity:0;overflow:hidden;font-size:1px;line-height:1px">'
            f"{preheader}</div>")
    return after_body_start(markup, line)


def after_body_start(markup: str, piece: str) -> str:
    """Markup with a piece behind `<body …>`, in front of everything where there is none."""
    found = re.search(r"<body\b[^>]*>", markup, re.IGNORECASE)
    return f"{markup[:found.end()]}{piece}{markup[found.end():]}" if found else piece + markup


def before_body_end(markup: str, piece: str) -> str:
    """Markup with a piece at the end of its body."""
    at = markup.rfind("</body")
    if at < 0:
        at = markup.lower().rfind("</body")
    return f"{markup[:at]}{piece}{markup[at:]}" if at >= 0 else markup + piece


def _from_mjml(source: str, what: str) -> str:
    try:
        return str(mrml.to_html(source).content)
    except OSError as error:
        raise BadInput(f"{what}: not MJML: {error}") from None


def _kept(hidden: Hidden, made: str, what: str) -> str:
    if not hidden.complete(made):
        lost = next((code for at, code in enumerate(hidden.code) if f"{hidden.mark}{at}x" not in made.lower()), "")
        raise BadInput(f"{what}: {lost or 'template code'} stands where mail markup has no room for it: move it into a text, "
                       "a quoted attribute, or (in MJML) an mj-raw element")
    return hidden.restored(made)


class _Reader(HTMLParser):
    """Reads HTML as a person would: blocks on lines of their own, links with where they lead, nothing that is hidden."""

    def __init__(self, mark: str) -> None:
        super().__init__(convert_charrefs=True)
        self._code = re.compile(rf"{mark}\d+x$")
        self._out: list[str] = []
        self._unseen: list[str] = []  # the hidden element we are in, and what is open inside it
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        style = (values.get("style") or "").replace(" ", "").lower()
        if self._unseen or tag in _UNSEEN or "display:none" in style:
            if tag not in _VOID:
                self._unseen.append(tag)
        elif tag == "a":
            self._links.append((values.get("href") or "", len(self._out)))
        else:
            self._out.append((values.get("alt") or "") if tag == "img" else _OPENING.get(tag, self._edge(tag)))

    def handle_endtag(self, tag: str) -> None:
        if self._unseen:
            if tag in self._unseen:
                del self._unseen[len(self._unseen) - 1 - self._unseen[::-1].index(tag):]
        elif tag == "a" and self._links:
            self._end_link(*self._links.pop())
        elif tag not in ("li", "tr"):
            self._out.append(self._edge(tag))

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._out.append(re.sub(r"\s+", " ", data))

    def handle_comment(self, data: str) -> None:
        if self._code.match(data) and not self._unseen:
            self._out.append(data)

    def text(self) -> str:
        """What has been read, without more than one empty line in a row."""
        lines = [re.sub(r" +", " ", line).strip() for line in "".join(self._out).split("\n")]
        return tidy("\n".join(lines))

    def _end_link(self, address: str, since: int) -> None:
        words = "".join(self._out[since:]).strip()
        if address and not address.startswith("#") and words != address.removeprefix("mailto:"):
            self._out.append(f" ({address})" if words else address)

    @staticmethod
    def _edge(tag: str) -> str:
        return "\n\n" if tag in _BLOCKS else ""


_OPENING = {"li": "\n* ", "br": "\n", "tr": "\n", "td": " ", "th": " "}


def tidy(text: str) -> str:
    """Plain text with at most one empty line in a row and a line end behind the last."""
    return re.sub(r"\n(?:[ \t]*\n){2,}", "\n\n", text).strip() + "\n"


def unescaped(value: str) -> str:
    """An attribute's value as the browser reads it."""
    return html.unescape(value)

"""What is wrong with a template, or will be: found before anybody receives it. The page and the command line show the same."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from html.parser import HTMLParser

from ..errors import Problem, Severity, listing
from ..people import accounts, fields
from ..store import Store
from . import context, language, markup
from .language import slug
from .templates import Template

LONGEST_SUBJECT = 70  # characters that a mailbox shows at most
CLIPPED_BYTES = 102_400  # Gmail cuts a mail behind this
_ALWAYS = {"contact": {"email", "id", "created_at", "fit_score", "engagement_score"}, "sender": {"email"}}
_CODE = re.compile(r"\{[{%#].*?[}%#]\}", re.DOTALL)
_GSM = frozenset("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
                 "abcdefghijklmnopqrstuvwxyzäöñüà")
_GSM_TWICE = frozenset("^{}\\[~]|€")  # they take two places
_ALONE = ("unsubscribe_url", "preferences_url", "confirm_url", "calendar_url")


def check(store: Store, template: Template) -> list[Problem]:
    """Every problem of a template: errors stop a message, warnings spoil it, advice improves it."""
    return list(_check(template, frozenset(fields.catalogue(store)), frozenset(accounts.catalogue(store))))


@lru_cache(512)
def _check(template: Template, own: frozenset[str], of_companies: frozenset[str]) -> tuple[Problem, ...]:
    """The same, kept: every look at a journey asks it of all templates. own: the fields of contacts."""
    known = {"contact": {*_written(own), *context.ALSO_CONTACT}, "account": {*_written(of_companies), "name"},
             "sender": set(context.SENDER)}
    problems = _head(template)
    for part, source in (("subject", template.subject), ("preheader", template.preheader), ("html", template.source),
                         ("text", template.text if has_own_text(template) else None)):
        if source and not (part == "html" and template.source_kind == "text"):
            problems += _names(part, source, known)
    return (*problems, *(_markup(template) if template.html else ()))


def _written(names: Collection[str]) -> set[str]:
    """Names of fields, also as a template can write them behind a dot."""
    return {*names, *map(slug, names)}


def has_own_text(template: Template) -> bool:
    """Whether the author wrote the text: a text made from the HTML would repeat every remark."""
    return template.html is None or template.text != markup.plain_text(template.html)


def _head(template: Template) -> list[Problem]:
    if template.channel == "sms":
        count = parts(_CODE.sub("name", template.text or ""))
        return [] if count < 2 else [_problem("text", "long_sms", f"it is sent in about {count} parts, and each is paid for",
                                              "advice")]
    subject = (template.subject or "").strip()
    if not subject:
        return [_problem("subject", "no_subject", "there is no subject: give it one with --subject or `subject:` in the "
                                                  "head of the file")]
    if len(_CODE.sub("name", subject)) > LONGEST_SUBJECT:
        return [_problem("subject", "long_subject", f"a mailbox shows about {LONGEST_SUBJECT} characters of a subject",
                         "advice")]
    return []


def parts(text: str) -> int:
    """How many short messages a text is sent in: 160 characters of the GSM alphabet or 70 others fit in one; of a long one
    each part spends some on where it belongs (3GPP TS 23.038 and 23.040)."""
    basic = all(char in _GSM or char in _GSM_TWICE for char in text)
    units = len(text) + sum(char in _GSM_TWICE for char in text) if basic else len(text.encode("utf-16-le")) // 2
    one, of_many = (160, 153) if basic else (70, 67)
    return 1 if units <= one else -(-units // of_many)


def _names(part: str, source: str, known: dict[str, set[str]]) -> list[Problem]:
    found: dict[tuple[str, str], Problem] = {}
    for name, line, guarded in language.used_names(language.parse(source, part)):
        problem = _name(f"{part}, line {line}", name, guarded, known)
        if problem:
            found.setdefault((name, problem.code), problem)
    return list(found.values())


def _name(where: str, name: str, guarded: bool, known: dict[str, set[str]]) -> Problem | None:
    """One name a template reads: whether it exists, and what happens when it is empty."""
    root, _, rest = name.partition(".")
    key = rest.split(".")[0].lower()
    if root in _ALONE:
        return None
    if root in ("event", "trigger"):
        return None if guarded or not key else _problem(
            where, "no_default", f"{name} is missing when its event lacks it, and then the message is not sent: write "
                                 f"{{{{ {name} | default('…') }}}}", "warning")
    if root not in known:
        return _problem(where, "unknown_variable", f"{root} is unknown; there are "
                                                   f"{listing([*known, 'event', 'trigger', *_ALONE])}")
    if key and key not in known[root]:
        return _problem(where, "unknown_variable", f"{name} is unknown; {root} has {listing(list(known[root]))}")
    if key and not guarded and key not in _ALWAYS.get(root, ()):
        return _problem(where, "no_default", f"{name} may be empty: write {{{{ {name} | default('…') }}}}", "warning")
    return None


def _markup(template: Template) -> list[Problem]:
    page = template.html or ""
    reader = _Reader()
    reader.feed(markup.hide(page).text)
    problems = reader.problems
    if "unsubscribe_url" not in page:
        problems.append(_problem("html", "no_unsubscribe", "there is no unsubscribe link: marketing mail gets one added at "
                                                           "its end", "advice"))
    if len(page.encode()) > CLIPPED_BYTES:
        problems.append(_problem("html", "too_large", f"{len(page.encode()):,} bytes: Gmail cuts mail behind "
                                                      f"{CLIPPED_BYTES:,}", "warning"))
    if template.source and template.source_kind == "html" and "<style" in page.lower() and markup.loose_code(template.source):
        problems.append(_problem("html", "not_inlined", "template code stands between attributes, so styles were not "
                                                        "written into the elements: put it inside a quoted value", "warning"))
    return problems


class _Reader(HTMLParser):
    """Notes what mail programs and readers stumble over. Template code has been hidden before."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[Problem] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "img" and "alt" not in values:
            self._note("no_alt", f"the picture {values.get('src', '')[:80]!r} has no alt text: many readers see only that",
                       "warning")
        if tag == "a" and "href" in values:
            self._link(values["href"].strip())
        if tag in ("script", "iframe", "form", "video", "object", "embed"):
            self._note("not_in_mail", f"mail programs take <{tag}> out: use a link to a page", "warning")

    def _link(self, url: str) -> None:
        scheme = re.match(r"([a-z][a-z0-9+.-]*):", url, re.IGNORECASE)
        if url in ("", "#"):
            self._note("empty_link", "a link leads nowhere", "warning")
        elif scheme and scheme[1].lower() == "http":
            self._note("http_link", f"{url[:80]} is not encrypted: write https", "warning")
        elif scheme and scheme[1].lower() in ("javascript", "data", "vbscript", "file"):
            self._note("bad_link", f"{url[:80]} does not work in mail: link to a page")
        elif not scheme and not url.startswith("#") and not re.match(r"jxq*\d+x", url):
            self._note("relative_link", f"{url[:80]!r} leads nowhere from a mailbox: write https:// and the host")

    def _note(self, code: str, message: str, severity: Severity = "error") -> None:
        line, _ = self.getpos()
        self.problems.append(_problem(f"html, line {line}", code, message, severity))


def errors(problems: Collection[Problem]) -> list[Problem]:
    """Those that stop a message."""
    return [problem for problem in problems if problem.severity == "error"]


def _problem(where: str, code: str, message: str, severity: Severity = "error") -> Problem:
    return Problem(where, code, message, severity)

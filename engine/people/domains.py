"""Mail domains: those of mailbox providers, which say nothing of a company, and those of employers."""

from __future__ import annotations

import re

from ..errors import BadInput

# Mailbox providers whose name is long enough to tell a slip from another company.
PROVIDERS = ("gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", "googlemail.com", "protonmail.com",
             "comcast.net", "verizon.net", "sbcglobal.net", "bellsouth.net", "yahoo.co.uk", "hotmail.co.uk", "btinternet.com",
             "yahoo.com.br", "hotmail.fr", "orange.fr", "wanadoo.fr", "laposte.net", "t-online.de", "freenet.de", "libero.it")
# Real ones that lie close to a larger one.
NEIGHBORS = frozenset(re.split(r"\s+", """
    mail.com email.com ymail.com gmx.com gmx.net gmx.de live.com hushmail.com fastmail.com rocketmail.com
    aol.com msn.com me.com mac.com zoho.com inbox.com yandex.com web.de mail.ru proton.me yahoo.ca yahoo.co.in yahoo.co.jp
    yahoo.com.au yahoo.com.mx yahoo.com.ar yahoo.de yahoo.es yahoo.fr yahoo.in yahoo.it hotmail.be hotmail.ca hotmail.de
    hotmail.es hotmail.it hotmail.nl hotmail.se outlook.de outlook.es outlook.fr outlook.it""".strip()))
_FURTHER = frozenset(re.split(r"\s+", """
    126.com 163.com aim.com alice.it att.net bigpond.com bluewin.ch bol.com.br charter.net cox.net daum.net duck.com
    earthlink.net free.fr gmx.at gmx.ch hanmail.net hey.com juno.com live.co.uk live.fr live.nl mailbox.org mail.de naver.com
    neuf.fr online.de optonline.net optusnet.com.au outlook.com.br pm.me posteo.de qq.com rambler.ru rediffmail.com
    rogers.com seznam.cz sfr.fr shaw.ca sina.com sky.com sympatico.ca talktalk.net telia.com terra.com.br tiscali.it
    tutanota.com tuta.io uol.com.br virgilio.it virginmedia.com wp.pl o2.pl onet.pl yandex.ru ya.ru ziggo.nl""".strip()))
FREE = frozenset(PROVIDERS) | NEIGHBORS | _FURTHER
_SHAPE = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")
# Endings of two labels under which anybody may have a name: no company by themselves.
_SHARED = re.compile(r"(?:ac|co|com|edu|gov|ltd|net|nom|or|org|plc|sch)\.[a-z]{2}")


def employer(email: str | None) -> str | None:
    """The domain of an address where it may be that of an employer; None for mailbox providers and for nothing."""
    domain = (email or "").rpartition("@")[2].lower()
    return domain if domain and domain not in FREE else None


def candidates(email: str | None) -> tuple[str, ...]:
    """Domains under which the employer of an address may be known, the closest first: its own, then those above it."""
    labels = (employer(email) or "").split(".")
    found = (".".join(labels[at:]) for at in range(max(len(labels) - 1, 0)))
    return tuple(domain for domain in found if not _SHARED.fullmatch(domain) and domain not in FREE)


def check(text: str) -> str:
    """A company's domain in its one spelling: `https://www.Acme.com/about` is `acme.com`. Raises BadInput."""
    word = text.strip().lower().rpartition("@")[2]
    word = re.sub(r"^[a-z]+://", "", word).split("/")[0].split(":")[0].rstrip(".").removeprefix("www.")
    try:
        word = word if word.isascii() else word.encode("idna").decode("ascii")
    except UnicodeError:
        word = ""
    if not _SHAPE.fullmatch(word) or _SHARED.fullmatch(word):
        raise BadInput(f"{text[:60]!r} is not a company's domain: write it like acme.com")
    if word in FREE:
        raise BadInput(f"{word} belongs to a mailbox provider: everybody who has a mailbox there would be linked")
    return word

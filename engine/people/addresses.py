"""What can be said of a mail address without asking anybody: syntax, whose it is, how long it will live, what was meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from disposable_email_domains import blocklist
from rapidfuzz.distance import OSA

from ..errors import BadInput
from .domains import NEIGHBORS, PROVIDERS
from .identity import normalize_email

ROLES = frozenset(re.split(r"\s+", """
    abuse accounting accounts admin administrator all billing careers compliance contact customerservice dpo
    enquiries everyone feedback finance ftp hello help helpdesk hostmaster hr info inquiries investors invoice it jobs legal
    mail mailer-daemon marketing media news newsletter no-reply nobody noreply office orders postmaster press privacy purchasing
    recruiting reception root sales security service shop spam staff support sysadmin team undisclosed-recipients unsubscribe
    webmaster www bewerbung buchhaltung datenschutz kontakt rechnung vertrieb""".strip()))
ENDINGS = dict.fromkeys(("con", "cmo", "ocm", "comm", "coom", "ccom", "cim", "cpm", "vom", "xom", "c0m", "copm"), "com")
MOST_SLIPS = 2


@dataclass(frozen=True)
class Verdict:
    """One address. address: its one spelling, None where the syntax is wrong, and `reason` says why.

    role: belongs to a function, not a person. disposable: made to be thrown away. suggestion: what was probably meant.
    """

    given: str
    address: str | None
    reason: str | None
    role: bool
    disposable: bool
    suggestion: str | None

    @property
    def ok(self) -> bool:
        """Nothing is wrong with it, and nothing looks wrong."""
        return self.address is not None and not (self.role or self.disposable or self.suggestion)


def judge(text: str) -> Verdict:
    """Everything that can be said of an address."""
    suggestion = suggest(text)
    try:
        address = normalize_email(text)
    except BadInput as error:
        return Verdict(text, None, str(error), False, False, suggestion)
    local, _, domain = address.rpartition("@")
    disposable = suggestion is None and is_disposable(domain)  # slips of large providers are on that list too
    return Verdict(text, address, None, is_role(local), disposable, suggestion)


def is_role(local: str) -> bool:
    """Whether the part before the @ names a function: `sales`, `no-reply+42`."""
    return local.partition("+")[0].lower() in ROLES


def is_disposable(domain: str) -> bool:
    """Whether the domain, or one that it lies below, hands out addresses to throw away."""
    parts = domain.lower().split(".")
    return any(".".join(parts[at:]) in blocklist for at in range(len(parts) - 1))


def suggest(text: str) -> str | None:
    """The address that was probably meant, where the domain is a slip of a well-known one."""
    local, at, domain = text.strip().rpartition("@")
    meant = meant_domain(domain) if at and local else None
    return f"{local.lower()}@{meant}" if meant else None


@cache
def meant_domain(domain: str) -> str | None:
    """The provider that a domain is a slip of; None for one that may well be meant."""
    clean = re.sub(r"[^a-z0-9.-]", "", domain.lower()).strip(".-")
    if clean in PROVIDERS or clean in NEIGHBORS:
        return clean if clean != domain.lower() else None
    name, _, ending = clean.partition(".")
    for provider in PROVIDERS:
        known, _, end = provider.partition(".")
        if clean in (known, known + end) or clean.startswith(provider + ".") or clean == known * 2 + "." + end:
            return provider
        if name == known and (known == "gmail" or len(ending) < 2 or OSA.distance(ending, end) == 1):
            return provider
    near = min(PROVIDERS, key=lambda one: (OSA.distance(clean, one), PROVIDERS.index(one)))
    if OSA.distance(clean, near) <= MOST_SLIPS:
        return near
    head, _, last = clean.rpartition(".")
    return f"{head}.{ENDINGS[last]}" if head and last in ENDINGS else None

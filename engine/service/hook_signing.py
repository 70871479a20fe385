"""Who posts to a webhook: tools put a signature of the body beside it, each in its own way.

Every scheme here is HMAC-SHA256 with a secret that both sides know. What a webhook keeps of it:

    {"scheme": "stripe", "secrets": ["STRIPE_HOOK"]}        *names* of secrets; while one is changed, the new and the old one
    {"scheme": "hmac", "secrets": ["CRM_HOOK"], "header": "X-Signature", "code": "base64", "prefix": "sha256="}
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..clock import iso
from ..config import SECRET_NAME, named_secret
from ..errors import BadInput, Problem, ThroughlineError

TOLERANCE_S = 300  # how far the moment of signing may be from ours: what Stripe, Zoom and others advise against replays
MOST_SECRETS = 2
CODES = ("hex", "base64")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,99}")
_PLAIN = frozenset({"scheme", "secrets"})
_OWN = _PLAIN | {"header", "code", "prefix"}


class Unsigned(ThroughlineError):
    """Somebody posted what the tool did not sign. The message is for whoever set the webhook up."""


@dataclass(frozen=True)
class Scheme:
    """How a tool signs. header: where the signature stands, behind `prefix`, its 32 bytes written as `code`. clock: the header
    with the moment of signing, or `t` where it stands in the signature's own (`t=1,v1=…`). signed: what is signed before the
    body, with that moment in it."""

    title: str
    header: str
    code: str = "hex"
    prefix: str = ""
    clock: str = ""
    signed: str = ""


SCHEMES: dict[str, Scheme] = {
    "shopify": Scheme("Shopify", "X-Shopify-Hmac-Sha256", "base64"),
    "woocommerce": Scheme("WooCommerce", "X-WC-Webhook-Signature", "base64"),
    "stripe": Scheme("Stripe", "Stripe-Signature", prefix="v1=", clock="t", signed="{at}."),
    "calendly": Scheme("Calendly", "Calendly-Webhook-Signature", prefix="v1=", clock="t", signed="{at}."),
    "typeform": Scheme("Typeform", "Typeform-Signature", "base64", prefix="sha256="),
    "zoom": Scheme("Zoom", "X-Zm-Signature", prefix="v0=", clock="X-Zm-Request-Timestamp", signed="v0:{at}:"),
    "github": Scheme("X-Hub-Signature-256, as GitHub and Meta send it", "X-Hub-Signature-256", prefix="sha256="),
    "hmac": Scheme("A header of your own choice", ""),
}


# ------------------------------------------------------------ what is kept


def check(signing: Any) -> list[Problem]:
    """Everything that is wrong with what a webhook keeps of its signature."""
    if not isinstance(signing, dict) or signing.get("scheme") not in SCHEMES:
        return [Problem("signing.scheme", "scheme", f"choose how the tool signs: one of {', '.join(SCHEMES)}")]
    allowed = _OWN if signing["scheme"] == "hmac" else _PLAIN
    found = [Problem(f"signing.{key}", "unknown_key", f"there is no {key!r}; there are {', '.join(sorted(allowed))}")
             for key in signing if key not in allowed]
    names = signing.get("secrets")
    if not isinstance(names, list) or not 1 <= len(names) <= MOST_SECRETS:
        found.append(Problem("signing.secrets", "missing", "name the secret, for example SHOP_HOOK; while it is changed, two"))
    elif bad := [name for name in names if not isinstance(name, str) or not SECRET_NAME.fullmatch(name)]:
        found.append(Problem("signing.secrets", "name", f"{str(bad[0])[:40]!r} is no name: give the *name* under which the "
                             "secret stands in the environment (or in a file of `secrets`), not the secret itself"))
    return found + (_own_problems(signing) if signing["scheme"] == "hmac" else [])


def _own_problems(signing: Mapping[str, Any]) -> list[Problem]:
    found = []
    if not _HEADER.fullmatch(str(signing.get("header", ""))):
        found.append(Problem("signing.header", "header", "name the header with the signature, for example X-Signature"))
    if signing.get("code", "hex") not in CODES:
        found.append(Problem("signing.code", "code", f"the signature is written as {' or '.join(CODES)}"))
    if not isinstance(signing.get("prefix", ""), str) or len(signing.get("prefix", "")) > 40:
        found.append(Problem("signing.prefix", "prefix", "what stands before the signature is a short text such as sha256="))
    return found


def scheme_of(signing: Mapping[str, Any]) -> Scheme:
    """The scheme a webhook goes by."""
    if signing["scheme"] != "hmac":
        return SCHEMES[signing["scheme"]]
    return Scheme("", signing["header"], signing.get("code", "hex"), signing.get("prefix", ""))


def describe(signing: Mapping[str, Any] | None) -> str:
    """`signed as Stripe signs, with STRIPE_HOOK`."""
    if signing is None:
        return "not signed: who knows its URL may post"
    names = list(signing["secrets"])
    how = f"in {signing['header']}" if signing["scheme"] == "hmac" else f"as {SCHEMES[signing['scheme']].title} signs"
    if signing["scheme"] == "github":
        how = "in X-Hub-Signature-256"
    return f"signed {how}, with {names[0]}" + (f", or still with {names[1]}" if len(names) > 1 else "")


def secrets_of(signing: Mapping[str, Any], database_url: str) -> list[str]:
    """The secrets themselves. Raises BadInput: one of them can not be had."""
    return [named_secret(database_url, name) for name in signing["secrets"]]


def trouble(signing: Mapping[str, Any] | None, database_url: str) -> str | None:
    """Why nothing can be vouched for, in words; None when all is well."""
    try:
        secrets_of(signing or {"secrets": []}, database_url)
    except BadInput as error:
        return str(error)
    return None


# ------------------------------------------------------------ what is posted


def vouch(signing: Mapping[str, Any], headers: Mapping[str, str], body: bytes, secrets: Sequence[str], *, now: int) -> None:
    """Return when one of the secrets signed this very body. Raises Unsigned with the reason.

    headers: found without regard to case. now: UTC seconds of the real clock, which is the tool's too.
    """
    scheme = scheme_of(signing)
    given = headers.get(scheme.header)
    if not given:
        raise Unsigned(f"not signed: there is no header {scheme.header}")
    at, written = _parts(scheme, given, headers)
    if not written:
        raise Unsigned(f"not signed: {scheme.header} does not begin with {scheme.prefix}")
    signatures = [found for one in written if (found := _bytes(scheme, one)) is not None]
    message = scheme.signed.format(at=at).encode() + body
    expected = [hmac.new(secret.encode(), message, hashlib.sha256).digest() for secret in secrets]
    if not any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in signatures):
        raise Unsigned(f"wrongly signed: {scheme.header} was not made from this body with the secret we know")
    if scheme.clock and abs(now - int(at)) > TOLERANCE_S:
        raise Unsigned(f"signed at {iso(int(at))}, more than {TOLERANCE_S} seconds {'ago' if int(at) < now else 'ahead'}: "
                       "it may be a copy that a stranger sends; if not, look at the clocks")


def _parts(scheme: Scheme, given: str, headers: Mapping[str, str]) -> tuple[str, list[str]]:
    """The moment of signing, and signatures without what stands before them: a tool that changes its secret sends two."""
    words = [word.strip() for word in given.split(",")] if scheme.clock == "t" else [given.strip()]
    written = [word.removeprefix(scheme.prefix) for word in words if word.startswith(scheme.prefix)]
    if not scheme.clock:
        return "", written
    inside = next((word[2:] for word in words if word.startswith("t=")), "")
    at = inside if scheme.clock == "t" else headers.get(scheme.clock, "")
    if not re.fullmatch(r"[0-9]{1,11}", at):  # up to the year 5138
        raise Unsigned(f"not signed: {scheme.header} comes without the moment of signing")
    return at, written


def _bytes(scheme: Scheme, written: str) -> bytes | None:
    try:
        return bytes.fromhex(written) if scheme.code == "hex" else base64.b64decode(written, validate=True)
    except (ValueError, binascii.Error):
        return None


def answer_to_question(signing: Mapping[str, Any], document: Any, secrets: Sequence[str]) -> dict[str, str] | None:
    """What Zoom wants to hear before it sends anything: proof that we know the secret. Only for a request that is vouched for:
    a stranger who could have any text signed here would have the body of the next forgery signed."""
    if signing["scheme"] != "zoom" or not isinstance(document, dict) or document.get("event") != "endpoint.url_validation":
        return None
    payload = document.get("payload")
    plain = payload.get("plainToken") if isinstance(payload, dict) else None
    if not isinstance(plain, str):
        return None
    return {"plainToken": plain, "encryptedToken": hmac.new(secrets[0].encode(), plain.encode(), hashlib.sha256).hexdigest()}

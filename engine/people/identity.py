"""Addresses as they are compared: one spelling per mailbox or number, and the hash that outlives an erased contact."""

from __future__ import annotations

import hmac
import re

from email_validator import EmailNotValidError, validate_email

from ..errors import BadInput

_PLAIN = re.compile(r"[a-z0-9_+'-]+(?:\.[a-z0-9_+'-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}")
_PLAIN_NUMBER = re.compile(r"\+[0-9]{4,20}", re.ASCII)
_PLAIN_LENGTH = 100  # far below every limit of the standards, so that a plain address needs no further look
_AROUND = " \t\u00a0\u200b\ufeff"  # comes along when an address is copied; a line break says that it was no address
_HASH_LENGTH = 32  # hex digits: 128 bits


def normalize_email(text: str) -> str:
    """Lower case, domain in ASCII (IDNA). Raises BadInput: no mail address."""
    address = text.strip(_AROUND).lower()
    if len(address) <= _PLAIN_LENGTH and _PLAIN.fullmatch(address) and "--" not in address:
        return address
    try:
        found = validate_email(address, check_deliverability=False, globally_deliverable=False, test_environment=True)
    except EmailNotValidError as error:
        raise BadInput(f"{_short(text)} is not an email address: {_sentence(str(error))}") from None
    return f"{found.local_part}@{found.ascii_domain}"


def normalize_phone(text: str) -> str:
    """Digits, with a leading + where the country is known. Raises BadInput: not a phone number."""
    if _PLAIN_NUMBER.fullmatch(text):
        return text
    digits = re.sub(r"[\s().\-/]", "", text)
    digits = "+" + digits[2:] if digits.startswith("00") else digits
    if not re.fullmatch(r"\+?[0-9]{4,20}", digits, re.ASCII):
        raise BadInput(f"{_short(text)} is not a phone number")
    return digits


def normalize_address(text: str) -> str:
    """An email address or phone number in its one spelling; what is neither in lower case."""
    try:
        return normalize_email(text) if "@" in text else normalize_phone(text)
    except BadInput:
        return text.strip().lower()


def address_hash(salt: bytes, address: str) -> str:
    """A salted hash of the normalized address, the same for every spelling of it."""
    return normalized_hash(salt, normalize_address(address))


def normalized_hash(salt: bytes, address: str) -> str:
    """The same for an address that is in its one spelling already."""
    return hmac.digest(salt, address.encode("utf-8", "replace"), "sha256").hex()[:_HASH_LENGTH]


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "…")


def _sentence(text: str) -> str:
    return (text[0].lower() + text[1:]).rstrip(".") if text else "it can not be read"

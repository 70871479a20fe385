"""Phone numbers in their one international spelling (E.164), by the numbering plans of the world."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberFormat, timezone

from ..errors import BadInput

_UNKNOWN = "Etc/Unknown"


@lru_cache(100_000)
def e164(text: str, region: str | None = None) -> str:
    """`0170 1234567` with region DE as `+491701234567`. Raises BadInput: no number of that country, or no country known."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE and not region:
            raise BadInput(f"{text!r} does not say its country: begin it with + and the country code") from None
        raise BadInput(f"{text!r} is not a phone number") from None
    if not phonenumbers.is_possible_number(number) or not phonenumbers.is_valid_number(number):
        raise BadInput(f"{text!r} is not a number that can be in use in "
                       f"{phonenumbers.region_code_for_country_code(number.country_code or 0)}")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


@lru_cache(100_000)
def zone_of(text: str) -> str | None:
    """The time zone of a number, where its prefix lies in one only."""
    try:
        zones = timezone.time_zones_for_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return None
    return zones[0] if len(zones) == 1 and zones[0] != _UNKNOWN else None


def check_region(text: str) -> str:
    """A country of two letters, in capitals. Raises BadInput."""
    region = text.strip().upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise BadInput(f"{text!r} is not a country: write two letters, for example DE or US")
    return region

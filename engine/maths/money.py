"""Amounts of money as whole minor units of their currency: 39.95 USD is 3995, 500 JPY is 500."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from ..errors import BadInput

# Digits behind the point, ISO 4217; every currency that is not here has two.
_CODES = {0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF", 3: "BHD IQD JOD KWD LYD OMR TND",
          4: "CLF UYW"}
_EXPONENT = {code: digits for digits, codes in _CODES.items() for code in codes.split()}
_MOST = 1 << 62  # stays a 64-bit integer when two are added


def exponent(currency: str) -> int:
    """How many digits of the currency stand behind the point."""
    return _EXPONENT.get(currency.upper(), 2)


def parse_currency(text: str) -> str:
    """Three letters in capitals. Raises BadInput."""
    code = text.strip().upper()
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise BadInput(f"currency {text!r}: write three letters, for example USD")
    return code


def to_minor(amount: str | int | float | Decimal, currency: str) -> int:
    """Whole minor units of a decimal amount, half up to the nearest. Raises BadInput: not a number, or too large."""
    try:
        exact = Decimal(str(amount).strip())
        minor = int((exact * 10 ** exponent(currency)).to_integral_value("ROUND_HALF_UP"))
    except (InvalidOperation, OverflowError, ValueError):
        raise BadInput(f"amount {amount!r} is not a number") from None
    if abs(minor) > _MOST:
        raise BadInput(f"amount {amount!r} is too large")
    return minor


def from_minor(minor: int, currency: str) -> Decimal:
    """The decimal amount of whole minor units."""
    return Decimal(minor).scaleb(-exponent(currency))


def scale_sql(currency: str) -> str:
    """How many minor units make one unit of the currency in this column, as an SQL expression; 100 where there is none."""
    whens = " ".join(f"WHEN {currency} IN ({', '.join(repr(code) for code in codes.split())}) THEN 1{'0' * digits}.0"
                     for digits, codes in _CODES.items())
    return f"(CASE {whens} ELSE 100.0 END)"

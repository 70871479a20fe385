"""Random arms as arithmetic on a stored contact hash: a pure function of salt and contact, the same on every engine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from ..errors import BadInput

PRIME = 2_147_483_647  # 2^31 - 1: two factors below it keep every product inside 63 bits
_COLUMN = re.compile(r"[a-z_]\w*(\.[a-z_]\w*)?", re.ASCII)


def hash31_of(identity: str) -> int:
    """The number stored as `contact.hash31`, 1 to PRIME - 1. Zero would fall into the first bucket under every salt."""
    digest = hashlib.sha256(identity.encode()).digest()
    return int.from_bytes(digest[:8], "big") % (PRIME - 1) + 1


def bucket_of(hash31: int, salt: str, total: int) -> int:
    """A bucket in 0..total-1. Quadratic in the hash, so that two salts are independent of each other."""
    a, b = _factors(salt)
    return (hash31 * a % PRIME) * ((hash31 * b + a) % PRIME) % PRIME % _whole(total)


def bucket_sql(column: str, salt: str, total: int) -> str:
    """`bucket_of` as an SQL expression over a BIGINT column; all literals are integers we computed."""
    if not _COLUMN.fullmatch(column):
        raise BadInput(f"{column!r} is not a column name")
    a, b = _factors(salt)
    return f"(({column} * {a} % {PRIME}) * (({column} * {b} + {a}) % {PRIME}) % {PRIME} % {_whole(total)})"


def arm_of(hash31: int, salt: str, arms: Mapping[str, int]) -> str:
    """The arm of a contact; weights are whole numbers, arms take buckets in the order given."""
    bucket, edge = bucket_of(hash31, salt, sum(arms.values())), 0
    for name, weight in arms.items():
        edge += weight
        if bucket < edge:
            return name
    raise BadInput("arms need whole weights that are not negative")


def _factors(salt: str) -> tuple[int, int]:
    digest = hashlib.sha256(salt.encode()).digest()
    a, b = (int.from_bytes(digest[at : at + 4], "big") % (PRIME - 1) + 1 for at in (0, 4))
    return a, b


def _whole(total: int) -> int:
    if total < 1 or total >= PRIME:
        raise BadInput(f"weights must add up to a whole number from 1 to {PRIME - 1}, not {total}")
    return total

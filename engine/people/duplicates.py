"""Contacts that may be one person. Nobody is merged by it: a pair is a question.

Compared within blocks only, so that the work grows with the contacts and not with their square: 100,000 took 2.5 s of one
busy core.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from rapidfuzz import fuzz, utils

from ..sql import fold
from ..store import Row, Store
from .domains import employer

ALIKE = 92  # of 100 by token_sort_ratio: Jon Smith and John Smith are 95, Anna Berg and Anne Berg 89
WINDOW = 12  # neighbors in name order that a person is compared with in a large company
_LARGEST_BLOCK = 40
_SHARED_BY_FEW = 5  # a phone number or mailbox of more people than this is a switchboard
_SAME = {"mailbox": "the same mailbox written differently", "phone": "the same phone number",
         "name": "similar names in one company"}


@dataclass(frozen=True)
class Pair:
    """Two contacts (keep_id < lose_id: the older one is kept) and why they may be one. likeness: 0 to 100."""

    keep_id: int
    lose_id: int
    reasons: tuple[str, ...]
    likeness: int

    @property
    def words(self) -> str:
        return " and ".join(_SAME[reason] for reason in self.reasons)


def candidates(store: Store) -> list[Pair]:
    """Every pair that may be one person, the likeliest first. Reads all contacts that are not visitors."""
    blocks: dict[str, dict[str, list[int]]] = {"mailbox": defaultdict(list), "phone": defaultdict(list)}
    people: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for chunk in store.stream("SELECT c.id, c.email, c.phone, c.first_name, c.last_name, c.account_id FROM contact c "
                              "WHERE c.anonymous = 0 ORDER BY c.id"):
        for row in chunk:
            _file(row, blocks["mailbox"], blocks["phone"], people)
    found: dict[tuple[int, int], dict[str, int]] = defaultdict(dict)
    for reason, groups in blocks.items():
        for ids in groups.values():
            if 1 < len(ids) <= _SHARED_BY_FEW:
                for pair in combinations(ids, 2):
                    found[pair][reason] = 100 if reason == "mailbox" else 90
    for pair, likeness in _namesakes(people.values()):
        found[pair]["name"] = likeness
    apart = {(row[0], row[1]) for row in store.rows("SELECT k.low_id, k.high_id FROM kept_apart k")}
    pairs = [Pair(*pair, tuple(why), min(100, max(why.values()) + 5 * (len(why) - 1)))
             for pair, why in found.items() if pair not in apart]
    return sorted(pairs, key=lambda pair: (-pair.likeness, pair.keep_id, pair.lose_id))


def keep_apart(store: Store, one: int, other: int, *, now: int) -> None:
    """Two people after all: never ask about them again. Needs a transaction."""
    low, high = sorted((one, other))
    store.insert_rows("kept_apart", ("low_id", "high_id", "at"), [(low, high, now)], or_ignore=True)


def mailbox(email: str) -> str:
    """The same text for every spelling of one mailbox: without case, dots before the @, and a +tag."""
    local, _, domain = email.lower().rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{'gmail.com' if domain == 'googlemail.com' else domain}"


def _file(row: Row, mailboxes: dict[str, list[int]], phones: dict[str, list[int]],
          people: dict[str, list[tuple[str, int]]]) -> None:
    contact_id, email, phone, first, last, account_id = row
    if email:
        mailboxes[mailbox(email)].append(contact_id)
    if phone:
        phones[phone].append(contact_id)
    company = f"account {account_id}" if account_id else employer(email)
    if company and first and last:
        people[company].append((utils.default_process(fold(f"{last} {first}")), contact_id))


def _namesakes(companies: Iterable[list[tuple[str, int]]]) -> Iterator[tuple[tuple[int, int], int]]:
    for colleagues in companies:
        for one, other in _neighbors(sorted(colleagues)):
            likeness = round(fuzz.token_sort_ratio(one[0], other[0], score_cutoff=ALIKE))
            if likeness:
                low, high = sorted((one[1], other[1]))
                yield (low, high), min(likeness, 99) - 15


def _neighbors(colleagues: Sequence[tuple[str, int]]) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    """Everybody with everybody in a small company; in a large one with those next in the order of names."""
    if len(colleagues) <= _LARGEST_BLOCK:
        yield from combinations(colleagues, 2)
        return
    for at, one in enumerate(colleagues):
        for other in colleagues[at + 1:at + 1 + WINDOW]:
            yield one, other

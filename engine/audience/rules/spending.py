"""The leaf about money: what a contact has spent, in all or an order."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from ...clock import in_words, parse_duration
from ...errors import BadInput
from ...maths.money import exponent, from_minor, parse_currency, to_minor
from ...sql import Sql, sql
from .base import Ask, Leaf, Look, Signals
from .filters import EventFilter
from .happenings import told
from .interest import OPS
from .operators import duration_refused
from .reader import Reader

MEASURES = ("total", "average")
MOST = 1_000_000_000  # whole units of a currency: beyond it somebody made a typing mistake
ORDERS = EventFilter("purchase")
_VALUE = "CAST(e.value_minor AS DOUBLE PRECISION)"  # whole numbers: exact as far as money goes, and no sum is ever too large


@dataclass(frozen=True)
class SpentLeaf(Leaf):
    """Has spent so much in one currency, in all or an order on average; `less_than` includes whoever never bought.

    Only purchases with a value in that currency count: one of 0 is an order, one without a value is none.
    """

    key: ClassVar[str] = "spent"
    label: ClassVar[str] = "Spent"
    group: ClassVar[str] = "Behavior"
    asks: ClassVar[tuple[Ask, ...]] = (
        Ask("spent", "In all or an order", "spending"), Ask("op", "How much", "amount"), Ask("value", "amount", "points"),
        Ask("currency", "Currency", "currency", required=False), Ask("within", "In the last", "duration", required=False))

    measure: str
    op: str
    minor: int
    currency: str
    within: str | None = None

    @classmethod
    def read(cls, reader: Reader) -> Leaf | None:
        measure, op, within = reader.take("spent"), reader.take("op", "at_least"), reader.take("within")
        for key, given, possible in (("spent", measure, MEASURES), ("op", op, tuple(OPS))):
            if given not in possible:
                reader.problem(key, "operator" if key == "op" else "value",
                               f"there is no {given!r} here: choose one of {', '.join(possible)}")
        if within is not None and (wrong := duration_refused(within)):
            reader.problem("within", "duration", wrong)
        currency, value = _read_currency(reader), reader.take("value")
        minor = _read_amount(reader, value, currency) if currency else None
        good = measure in MEASURES and op in OPS and (within is None or not wrong)
        return cls(measure, op, minor, currency, within) if good and currency and minor is not None else None

    @property
    def within_s(self) -> int | None:
        """Length of the window in seconds."""
        return parse_duration(self.within) if self.within else None

    def condition(self, look: Look) -> Sql:
        orders = "" if self.measure == "total" else " * COUNT(*)"
        grouped = sql(f"{{orders}} GROUP BY e.contact_id HAVING SUM({_VALUE}) >= :minor{orders}", minor=self.minor,
                      orders=self._orders(look))
        negated = "" if self.op == "at_least" else "NOT "
        if look.each:
            return sql(f"({negated}EXISTS (SELECT 1 {{grouped}}))", grouped=grouped)
        return sql(f"(c.id {negated}IN (SELECT e.contact_id {{grouped}}))", grouped=grouped)

    def _orders(self, look: Look) -> Sql:
        """FROM and WHERE of the purchases that count: of one contact, or of everybody through the index with their values."""
        which = "VIA(event_contact) WHERE e.contact_id = c.id AND" if look.each else "VIA(event_when) WHERE"
        within = sql("") if self.within_s is None else sql(" AND e.occurred_at > :now - :window", window=self.within_s)
        return sql(f"FROM event e {which} {{told}} AND e.value_minor IS NOT NULL AND e.currency = :currency{{within}}",
                   told=told(ORDERS, "e", look, among=not look.each), currency=self.currency, within=within)

    def observed(self, look: Look) -> dict[str, Sql]:
        """The orders that count and what they brought, in whole units of the currency."""
        found = f"COALESCE(SUM({_VALUE}), 0)" if self.measure == "total" else f"ROUND(AVG({_VALUE}))"
        worth = sql(f"(SELECT {found} / {10 ** exponent(self.currency)}.0 {{orders}})", orders=self._orders(look))
        return {"orders": sql("(SELECT COUNT(*) {orders})", orders=self._orders(look)),
                "spent" if self.measure == "total" else "average order": worth}

    def sentence(self) -> str:
        amount = from_minor(self.minor, self.currency)
        each = "" if self.measure == "total" else " an order"
        never = "" if self.op == "at_least" else " (or nothing)"
        within = f" in the last {in_words(self.within_s)}" if self.within_s else ""
        return f"spent {OPS[self.op]} {_plain(amount):,} {self.currency}{each}{never}{within}"

    def signals(self) -> Signals:
        windows = {(*ORDERS.event, self.within_s)} if self.within_s else set()
        return Signals(events=frozenset({ORDERS.event}), windows=frozenset(windows))

    def document(self) -> dict[str, Any]:
        return {"spent": self.measure, "op": self.op, "value": _plain(from_minor(self.minor, self.currency)),
                "currency": self.currency} | ({"within": self.within} if self.within else {})


def _plain(amount: Decimal) -> int | float:
    return int(amount) if amount == int(amount) else float(amount)


def _read_currency(reader: Reader) -> str | None:
    """The currency, or the workspace's own; None, with a problem, for what can be none."""
    given = reader.take("currency", reader.known.currency)
    try:
        return parse_currency(str(given))
    except BadInput as error:
        reader.problem("currency", "currency", str(error))
        return None


def _read_amount(reader: Reader, given: Any, currency: str) -> int | None:
    """The amount in minor units; None, with a problem, for none, or one finer than the currency."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= MOST:
        reader.problem("value", "value", f"write an amount above 0 and up to {MOST:,}, in whole units of the currency")
    elif from_minor(minor := to_minor(given, currency), currency) != Decimal(str(given)):
        digits = exponent(currency)
        reader.problem("value", "value", f"{currency} has {digits or 'no'} digit{'' if digits == 1 else 's'} behind the point")
    else:
        return minor
    return None

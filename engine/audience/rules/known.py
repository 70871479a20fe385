"""What a rule may name in this workspace: fields, lists, segments, templates, models, personas, topics and its currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from ...access import setting
from ...people import accounts
from ...people.fields import Field, catalogue
from ...sql import fold
from ...store import Store

# Lifecycle stages in the order in which people pass them; the last three stand beside that order.
STAGES = ("subscriber", "lead", "mql", "sal", "sql", "opportunity", "customer", "evangelist", "at-risk", "lost", "other")
ACCOUNT_FIELDS: Mapping[str, Field] = MappingProxyType({
    "name": Field("name", "name", "text", "name"), **accounts.FIELDS,
    "created_at": Field("created_at", "created_at", "datetime", "created_at"), **accounts.ROLLED})


@dataclass(frozen=True)
class Named:
    """A list, segment, template or model: its id, and its name as it is written."""

    id: int
    name: str


@dataclass(frozen=True, eq=False)
class Known:
    """One reading of the catalogue; keys are folded names. in_journey: the rule stands in a journey and may ask what brought
    people there. Equal readings of a workspace that did not change are one object, by which what was parsed is remembered."""

    fields: Mapping[str, Field]
    account_fields: Mapping[str, Field]
    lists: Mapping[str, Named]
    segments: Mapping[str, Named]
    templates: Mapping[str, Named] = field(default_factory=dict)
    models: Mapping[str, Named] = field(default_factory=dict)
    personas: Mapping[str, Named] = field(default_factory=dict)  # by the ids of their segments
    topics: Mapping[str, Named] = field(default_factory=dict)
    in_journey: bool = False
    currency: str = "USD"  # of amounts that name none


# What names point to: the table, and the column with what a rule keeps of it.
_NAMED = {"list": "id", "segment": "id", "template": "id", "prediction_model": "id", "persona": "segment_id",
          "affinity_topic": "id"}
_NAMES = " UNION ALL ".join(f"SELECT '{table}', t.key, t.{number}, t.name FROM {table} t" for table, number in _NAMED.items())


def known(store: Store) -> Known:
    """The catalogue as it is now."""
    return _read(tuple(store.rows(_NAMES)), tuple(catalogue(store).items()), tuple(accounts.catalogue(store).items()),
                 str(setting(store, "currency", "USD")))


@lru_cache(16)
def _read(names: tuple[tuple[str, str, int, str], ...], fields: tuple[tuple[str, Field], ...],
          account_fields: tuple[tuple[str, Field], ...], currency: str) -> Known:
    named: dict[str, dict[str, Named]] = {table: {} for table in _NAMED}
    for table, key, number, name in names:
        named[table][key] = Named(number, name)
    return Known(dict(fields), {**ACCOUNT_FIELDS, **dict(account_fields)}, named["list"], named["segment"], named["template"],
                 named["prediction_model"], named["persona"], named["affinity_topic"], currency=currency)


def find(names: Mapping[str, Named], name: str) -> Named | None:
    """A list or segment by its name in any case."""
    return names.get(fold(name.strip()))

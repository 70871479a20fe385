"""What a rule may name in this workspace: fields, lists, segments, templates, models, personas and topics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

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


@dataclass(frozen=True)
class Known:
    """One reading of the catalogue; keys are folded names. in_journey: the rule stands in a journey and may ask what brought
    people there."""

    fields: Mapping[str, Field]
    account_fields: Mapping[str, Field]
    lists: Mapping[str, Named]
    segments: Mapping[str, Named]
    templates: Mapping[str, Named] = field(default_factory=dict)
    models: Mapping[str, Named] = field(default_factory=dict)
    personas: Mapping[str, Named] = field(default_factory=dict)  # by the ids of their segments
    topics: Mapping[str, Named] = field(default_factory=dict)
    in_journey: bool = False


def known(store: Store) -> Known:
    """The catalogue as it is now."""
    return Known(catalogue(store), {**ACCOUNT_FIELDS, **accounts.catalogue(store)}, _named(store, "list"),
                 _named(store, "segment"), _named(store, "template"), _named(store, "prediction_model"),
                 _named(store, "persona", "segment_id"), _named(store, "affinity_topic"))


def find(names: Mapping[str, Named], name: str) -> Named | None:
    """A list or segment by its name in any case."""
    return names.get(fold(name.strip()))


def _named(store: Store, table: str, number: str = "id") -> dict[str, Named]:
    return {key: Named(found, name) for key, found, name in store.rows(f"SELECT t.key, t.{number}, t.name FROM {table} t")}

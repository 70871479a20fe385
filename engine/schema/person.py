"""What merging, erasing and exporting a person does with each table that knows people.

A test fails for a table with a `contact_id` that has no line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Merge = Literal["repoint", "repoint_or_drop", "drop"]
Erase = Literal["delete", "strip", "keep"]


@dataclass(frozen=True)
class Handling:
    """merge: what becomes of the loser's rows. `repoint_or_drop`: a row the keeper has already goes.

    erase: `delete` the rows; `strip` the columns named; `keep` rows that say nothing about who it was.
    export: part of what a person gets on request.
    """

    merge: Merge
    erase: Erase
    export: bool
    strip: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()  # the columns that, with contact_id, say that the keeper has the row already


PERSON_TABLES: dict[str, Handling] = {
    "identifier": Handling("repoint", "delete", True),
    "contact_change": Handling("repoint", "delete", True),
    "dirty_contact": Handling("repoint", "delete", False),
    "contact_tag": Handling("repoint_or_drop", "delete", True, unique=("tag_id",)),
    "contact_list": Handling("repoint_or_drop", "delete", True, unique=("list_id",)),
    "buying_role": Handling("repoint_or_drop", "delete", True, unique=("role",)),
    "consent": Handling("repoint", "strip", True, strip=("text_shown", "ip")),
    "confirmation": Handling("repoint_or_drop", "delete", True, unique=("channel", "topic")),
    "privacy_request": Handling("repoint", "strip", True, strip=("note",)),
    "deal_contact": Handling("repoint_or_drop", "delete", True, unique=("deal_id",)),
    "event": Handling("repoint", "strip", True, strip=("props",)),
    "segment_member": Handling("drop", "delete", True),
    "prediction": Handling("repoint_or_drop", "delete", True, unique=("run_id",)),
    "affinity": Handling("repoint_or_drop", "delete", True, unique=("topic_id",)),
    "segment_change": Handling("repoint", "keep", True),
    "score_entry": Handling("repoint", "keep", True),
    "score_level": Handling("repoint_or_drop", "delete", False, unique=("grp",)),
    "stage_change": Handling("repoint", "keep", True),
    "task": Handling("repoint_or_drop", "strip", True, strip=("note",), unique=("status",)),
    "message": Handling("repoint", "strip", True, strip=("address", "provider_id", "detail")),
    "errand": Handling("repoint", "strip", True, strip=("body", "detail")),
    "enrollment": Handling("repoint_or_drop", "strip", True, strip=("props",),
                           unique=("journey_id", "key", "since_event")),
    "entry_moment": Handling("repoint_or_drop", "delete", False, unique=("journey_id", "number", "key", "offset_s")),
    "token": Handling("repoint", "delete", True),
}

"""Contacts: one row per person, found by email or external id, with a log of what changed."""

from ..dirty import mark as mark_dirty
from ..identity import normalize_email, normalize_phone
from .effects import (
    copy_effects,
    field_effects,
    increment_effects,
    list_effects,
    reads_trigger,
    score_effects,
    stage_effects,
    tag_effects,
    trigger_effects,
)
from .erasing import Erased, erase
from .holding import hold
from .labels import add_tags, add_to_list, ensure_lists, ensure_tags, remove_from_list, remove_tags
from .loading import load_changes, load_states, load_tags
from .merging import merge
from .reading import Contact, find, get, holders, must_find
from .removing import forget_names, remove
from .restricting import restrict
from .scores import set_scores
from .unmerging import Merged, last_merge, list_merges, unmerge
from .upserting import NAMED, create_anonymous, save, upsert_many
from .writing import CLEAR, Saved

__all__ = ["CLEAR", "NAMED", "Contact", "Erased", "Merged", "Saved", "add_tags", "add_to_list", "copy_effects",
           "create_anonymous", "ensure_lists", "ensure_tags", "erase", "field_effects", "find", "forget_names", "get",
           "hold", "holders", "increment_effects", "last_merge", "list_effects", "list_merges", "load_changes",
           "load_states", "load_tags", "mark_dirty", "merge", "must_find", "normalize_email", "normalize_phone",
           "reads_trigger", "remove", "remove_from_list", "remove_tags", "restrict", "save", "score_effects", "set_scores",
           "stage_effects", "tag_effects", "trigger_effects", "unmerge", "upsert_many"]

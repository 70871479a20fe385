"""What it costs to try a journey on the demo company: over the last 90 days, and over the 90 to come.

    python benchmarks/simulate.py                         makes the demo (about a minute), measures 2,000 and 20,000 contacts
    python benchmarks/simulate.py --keep FILE             makes it there, or measures what is there already
    python benchmarks/simulate.py --contacts 2000 --only forward

Two drafts: the welcome series of the gallery, and a heavier one that takes in whoever visits a page. Forward, the five live
journeys of the demo run beside the draft. CPU seconds of `simulate` from the call to the answer; 2,000 is a
sample of the 20,000.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from engine.access import setting
from engine.config import Config
from engine.journeys import documents, gallery
from engine.loop.simulate import simulate
from engine.schema import open_store
from engine.service import demo
from engine.store import Store

DAYS, DAY = 90, 86_400
HEAVY: dict[str, Any] = {
    "name": "Heavy draft", "goal": {"rule": {"event": "purchase"}},
    "entry": {"trigger": {"page": "/*"}, "reentry": {"policy": "cooldown", "after": "21d"}},
    "exit": [{"rule": {"stage": ["customer"]}, "reason": "became a customer"}],
    "nodes": [
        {"id": "hello", "type": "send", "template": "welcome", "topic": "newsletter", "next": "clicked"},
        {"id": "clicked", "type": "wait_for", "event": {"event": "email_clicked", "of": "hello"}, "timeout": "2d",
         "on": {"happened": "warm", "timeout": "arm"}},
        {"id": "warm", "type": "score", "points": 5, "group": "engagement", "reason": "clicked", "next": "arm"},
        {"id": "arm", "type": "split", "arms": {"a": 1, "b": 1}, "on": {"a": "story", "b": "book"}},
        {"id": "story", "type": "send", "template": "testimonial", "topic": "newsletter", "next": "both"},
        {"id": "book", "type": "send", "template": "ebook_offer", "topic": "newsletter", "next": "both"},
        {"id": "both", "type": "fork", "on": {"mark": "marked", "look": "again"}},
        {"id": "marked", "type": "tag", "add": ["tried"], "next": "together"},
        {"id": "again", "type": "wait_for", "rule": {"event": "page_view", "where": {"object": "/pricing"}, "op": "at_least",
                                                     "count": 2, "within": "7d"}, "timeout": "7d", "next": "together"},
        {"id": "together", "type": "join", "timeout": "30d", "next": "keen"},
        {"id": "keen", "type": "condition", "rule": {"score": {"op": "at_least", "value": 20}, "group": "engagement"},
         "on": {"yes": "case", "no": "done"}},
        {"id": "case", "type": "send", "template": "case_study", "topic": "newsletter", "next": "done"},
        {"id": "done", "type": "exit", "reason": "finished"},
    ],
}


def welcome() -> dict[str, Any]:
    """The gallery's, under a name that the demo does not have."""
    return {**documents.load(gallery.get("welcome_series").text), "name": "Gallery welcome"}


def measure(store: Store, graph: dict[str, Any], mode: str, contacts: int, now: int) -> None:
    """One line of the table."""
    began = time.process_time()
    found = simulate(store, documents.dump(graph), now=now, sample=contacts,
                     **{"forward_days": DAYS} if mode == "forward" else {"since": now - DAYS * DAY})
    busy = time.process_time() - began
    steps = sum(sum(ports.values()) for ports in found.by_node.values())
    print(f"| {graph['name']}, {mode} | {found.contacts:,} | {found.entered:,} | {steps:,} | {sum(found.messages.values()):,} "
          f"| {busy:.1f} |", flush=True)


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--contacts", type=int, nargs="+", default=[2_000, 20_000])
    asked.add_argument("--only", choices=["replay", "forward"])
    asked.add_argument("--draft", choices=["welcome", "heavy"])
    asked.add_argument("--keep", type=Path)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = given.keep or Path(folder) / "demo.db"
        store = open_store(f"sqlite:///{file}", create=True)
        if not setting(store, "demo"):
            demo.create(store, Config(secret=b"benchmark"), now=int(time.time()))
        now = int(setting(store, "demo")["created_at"])
        print("| draft | contacts | entered | steps | sent | CPU s |\n|---|---:|---:|---:|---:|---:|")
        for name, graph in (("welcome", welcome()), ("heavy", HEAVY)):
            for mode in ("replay", "forward"):
                for contacts in given.contacts:
                    if given.only in (None, mode) and given.draft in (None, name):
                        measure(store, graph, mode, contacts, now)
        store.close()


if __name__ == "__main__":
    main()

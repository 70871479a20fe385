"""What somebody should look at, and what is still to be set up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from ..access import setting
from ..audience import segments
from ..clock import DAY, in_words
from ..config import Config
from ..journeys import approving
from ..loop import watchdog
from ..outreach import errands, messages
from ..store import Store
from . import health, privacy

RECENT_S = 7 * DAY


@dataclass(frozen=True)
class Notice:
    """One sentence, how bad it is, and where to go: a page and the words of its address."""

    level: Literal["error", "warning", "info"]
    sentence: str
    page: str
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One thing to set up, and whether that is done."""

    done: bool
    title: str
    sentence: str
    page: str
    params: dict[str, str] = field(default_factory=dict)


def notices(store: Store, *, now: int, clock_now: int) -> list[Notice]:
    """Everything that is not as it should be, the worst first. clock_now: the clock on the wall; the runner breathes by it."""
    found = [*_runner(store, clock_now), *_messages(store), *_refused(store, now), *_paused(store), *_late(store, now),
             *_hanging(store, now), *_errands(store), *_unreviewed(store, now)]
    return sorted(found, key=lambda one: ("error", "warning", "info").index(one.level))


def _late(store: Store, now: int) -> Iterator[Notice]:
    if count := privacy.overdue(store, now=now):
        yield Notice("error", f"{count} {'request' if count == 1 else 'requests'} about personal data "
                     f"{'is' if count == 1 else 'are'} past the month there was to answer.", "settings", {"view": "privacy"})


def _errands(store: Store) -> Iterator[Notice]:
    """Webhooks and notices that nobody took, and people who wait for somebody's yes or no."""
    if dead := errands.counts(store).get("dead", 0):
        words = "webhook or notice was given up" if dead == 1 else "webhooks and notices were given up"
        yield Notice("warning", f"{dead:,} {words}: look at the answers and try again.", "activity",
                     {"view": "errands", "status": "dead"})
    if lost := errands.counts(store).get("unknown", 0):
        yield Notice("warning", f"{lost:,} {'notice' if lost == 1 else 'notices'} to colleagues may not have arrived: look, "
                     "and send again what did not.", "activity", {"view": "errands", "status": "unknown"})
    if asked := len(approving.pending(store)):
        yield Notice("info", f"{asked:,} {'person waits' if asked == 1 else 'people wait'} for somebody's yes or no.",
                     "activity", {"view": "approvals"})


def _unreviewed(store: Store, now: int) -> Iterator[Notice]:
    """Segments whose rule nobody has looked at for a month."""
    due = [one.name for one in segments.list_own(store) if one.due(now)]
    if due:
        many = f"{len(due):,} segments were" if len(due) > 1 else f"The segment {due[0]} was"
        yield Notice("info", f"{many} last reviewed more than {segments.REVIEW_S // DAY} days ago: "
                     f"{'are the rules' if len(due) > 1 else 'is the rule'} still right?", "segments",
                     {} if len(due) > 1 else {"segment": due[0]})


def setup(store: Store, config: Config) -> list[Step]:
    """The way from an empty workspace to the first journey that runs."""
    def there(statement: str) -> bool:
        return store.one(statement) is not None

    sender = setting(store, "sender", {}) or config.mail_from
    return [
        Step(there("SELECT 1 FROM contact c WHERE c.anonymous = 0 LIMIT 1"), "Bring your contacts",
             "Import a CSV or a workbook, or add somebody by hand.", "contacts", {"view": "import"}),
        Step(bool(sender), "Say who writes", "The name and address that mail comes from.", "settings", {"view": "sending"}),
        Step(bool(config.smtp_url) and not setting(store, "capture_only", False), "Connect a mail server",
             "Until then messages are captured here and nothing leaves.", "settings", {"view": "sending"}),
        Step(there("SELECT 1 FROM write_key k WHERE k.revoked_at IS NULL LIMIT 1"), "Listen to your website",
             "A write key lets your website send what people do.", "settings", {"view": "keys"}),
        Step(there("SELECT 1 FROM segment s LIMIT 1"), "Make a segment", "Say who belongs together, and watch the number.",
             "segments", {"edit": "new"}),
        Step(there("SELECT 1 FROM template t LIMIT 1"), "Write a message", "A template with a subject and a link.", "content"),
        Step(there("SELECT 1 FROM journey j WHERE j.status = 'live' LIMIT 1"), "Publish a journey",
             "Draw what happens to whom, and let it run.", "journeys"),
    ]


def _runner(store: Store, clock_now: int) -> Iterator[Notice]:
    breath = health.runner_state(store, now=clock_now)
    if breath.state in ("silent", "trouble"):
        yield Notice("error", f"{breath.words}. {breath.help}", "activity", {"view": "runner"})
    elif breath.state == "never":
        yield Notice("info", f"{breath.words}. {breath.help}", "activity", {"view": "runner"})


def _messages(store: Store) -> Iterator[Notice]:
    counts = messages.counts(store)
    for status, level, words in (("unknown", "warning", "may or may not have gone out: look at them and queue them again"),
                                 ("failed", "warning", "could not be sent")):
        if number := counts.get(status, 0):
            one = "message" if number == 1 else "messages"
            yield Notice(level, f"{number:,} {one} {words}.", "activity",  # type: ignore[arg-type]
                         {"view": "messages", "status": status})


def _refused(store: Store, now: int) -> Iterator[Notice]:
    number = store.one("SELECT COUNT(*) FROM refusal r WHERE r.at > :since", since=now - RECENT_S)
    if number:
        yield Notice("info", f"{number:,} {'item' if number == 1 else 'items'} that came in within a week could not be used.",
                     "activity", {"view": "refused"})


def _hanging(store: Store, now: int) -> Iterator[Notice]:
    """Late by no decision of anybody's: a pause is told by itself."""
    late = [one for one in watchdog.overdue(store, now=now) if one.reason != "paused"]
    if late:
        people = sum(one.people for one in late)
        yield Notice("error", f"{people:,} {'person is' if people == 1 else 'people are'} overdue in journeys, the first for "
                     f"{in_words(late[0].oldest_s // 60 * 60)}: {watchdog.REASONS[late[0].reason]}.", "activity",
                     {"view": "runner"})
    if held := watchdog.stuck(store, now=now):
        people = sum(one.people for one in held)
        yield Notice("info", f"{people:,} {'person waits' if people == 1 else 'people wait'} without a time limit for longer "
                     "than a month.", "activity", {"view": "runner"})


def _paused(store: Store) -> Iterator[Notice]:
    spiked = watchdog.paused_by_watchdog(store)
    for name, why in spiked.items():
        yield Notice("error", f"The watchdog has paused the journey {name}: {why}. Look at its last message, then resume it.",
                     "journeys", {"journey": name})
    for (name,) in store.rows("SELECT j.name FROM journey j WHERE j.status = 'paused' ORDER BY j.key LIMIT 20"):
        if name in spiked:
            continue
        yield Notice("info", f"The journey {name} is paused: people in it stand still.", "journeys", {"journey": name})

"""What the runner does beside ticking: pulls that are due, and once a day what is thrown away. Slow things, so that they have a
thread of their own; one process at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..access import RUNNER, set_setting, setting
from ..clock import DAY
from ..config import Config
from ..outreach import opt_in
from ..outreach.opt_in import Lapsed
from ..store import Store
from . import privacy, pulls
from .privacy import Swept
from .pulls import Ran

_LAST = "chores_last"  # a setting: when the daily ones were done


@dataclass(frozen=True)
class Done:
    """pulled: pulls that were due; swept and lapsed: what the day's chores threw away, None when it was not their time."""

    pulled: list[Ran] = field(default_factory=list)
    swept: list[Swept] | None = None
    lapsed: Lapsed | None = None


def run_due(store: Store, config: Config, *, now: int) -> Done:
    """Everything that is due; nothing while another process does it."""
    with store.lock("chores") as free:
        if not free:
            return Done()
        return Done(pulls.run_due(store, config, by=RUNNER, now=now), privacy.sweep_daily(store, by=RUNNER, now=now),
                    _lapse(store, now))


def _lapse(store: Store, now: int) -> Lapsed | None:
    if 0 <= now - setting(store, _LAST, -DAY) < DAY:
        return None
    done = opt_in.purge(store, by=RUNNER, now=now)
    set_setting(store, _LAST, now)
    return done

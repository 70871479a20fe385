"""Attribution models. Each is one declaration: name, words, and how much every touch of a path weighs.

Weights need no scale: `shares` divides by their sum, so every path hands out exactly one. Formulas: docs/attribution.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..clock import DAY
from ..errors import BadInput, NotYet, listing

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
HALF_LIFE_S = 7 * DAY
POSITION_ENDS = 0.4  # of the first and of the last touch; the middle shares the rest


@dataclass(frozen=True)
class Touches:
    """All touches of all paths, path after path, oldest first.

    path: number of the path, never falling. age_s: seconds before the path's last touch. direct: the contact came by
    no channel at all (typed the address).
    """

    path: Ints
    age_s: Floats
    direct: npt.NDArray[np.bool_]

    @property
    def length(self) -> Ints:
        """Touches in the touch's path."""
        counts = np.bincount(self.path)
        return np.asarray(counts[self.path], dtype=np.intp)

    @property
    def index(self) -> Ints:
        """Place in the path, 0 for the first."""
        starts = np.flatnonzero(np.diff(self.path, prepend=-1))
        return np.arange(len(self.path)) - np.repeat(starts, np.diff(starts, append=len(self.path)))


def floats(values: Any) -> Floats:
    """Any array of numbers or truths as doubles."""
    return np.asarray(values, dtype=float)


Weigh = Callable[[Touches, float], Floats]


@dataclass(frozen=True)
class Model:
    """A rule for sharing credit. `weigh` gets the touches and the half-life in seconds; `standard`: part of `all`."""

    name: str
    label: str
    sentence: str
    weigh: Weigh
    standard: bool = True


def _first(touches: Touches, _half_life_s: float) -> Floats:
    return floats(touches.index == 0)


def _last(touches: Touches, _half_life_s: float) -> Floats:
    return floats(touches.index == touches.length - 1)


def _linear(touches: Touches, _half_life_s: float) -> Floats:
    return np.ones(len(touches.path))


def _position(touches: Touches, _half_life_s: float) -> Floats:
    """1 touch: all. 2: half each. Else 40 %, 20 % shared, 40 %; with two touches the ends weigh the same anyway."""
    index, length = touches.index, touches.length
    middle = (1 - 2 * POSITION_ENDS) / np.maximum(length - 2, 1)
    return floats(np.where((index == 0) | (index == length - 1), POSITION_ENDS, middle))


def _time_decay(touches: Touches, half_life_s: float) -> Floats:
    """Ages count from the last touch: the same shares as from the conversion, and the sum cannot vanish."""
    return floats(np.exp2(-touches.age_s / half_life_s))


def _last_non_direct(touches: Touches, _half_life_s: float) -> Floats:
    rank = np.where(touches.direct, 0, touches.length) + touches.index
    best = np.zeros(int(touches.path.max(initial=-1)) + 1, dtype=np.intp)
    np.maximum.at(best, touches.path, rank)
    return floats(rank == best[touches.path])


MODELS = {
    model.name: model
    for model in (
        Model("first", "First touch", "All credit to the touch that began the path.", _first),
        Model("last", "Last touch", "All credit to the touch before the conversion.", _last),
        Model("linear", "Linear", "The same credit to every touch.", _linear),
        Model("position", "Position", "40 % to the first, 40 % to the last, 20 % shared between.", _position),
        Model("time_decay", "Time decay", "Credit halves with every half-life before the last touch.", _time_decay),
        Model("last_non_direct", "Last non-direct", "All credit to the last touch that came by a channel.",
              _last_non_direct, standard=False),
    )
}
LATER = {"markov": "Markov", "shapley": "Shapley"}
DIRECT = frozenset({"direct", "(direct)", "none", "(none)"})


def get_model(name: str) -> Model:
    """Raises NotYet: a model that is promised; BadInput: one that nobody knows."""
    if name in LATER:
        raise NotYet(f"model {name}: not yet; use one of {listing(list(MODELS))}")
    if name not in MODELS:
        raise BadInput(f"model {name!r} is unknown: use all or any of {listing(list(MODELS))}")
    return MODELS[name]


def shares(model: Model, touches: Touches, half_life_s: float = HALF_LIFE_S) -> Floats:
    """The part of its path's conversion that each touch gets; the parts of a path sum to 1."""
    if not half_life_s > 0:
        raise BadInput("the half-life must be above 0")
    if not len(touches.path):
        return np.zeros(0)
    weights = model.weigh(touches, half_life_s)
    return floats(weights / np.bincount(touches.path, weights)[touches.path])

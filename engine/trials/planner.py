"""How many contacts a test needs, and what an audience can see. Pure: nothing here reads the database."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import BadInput
from ..maths import stats


@dataclass(frozen=True)
class Plan:
    """Sizes in contacts, effects as rises over the baseline; `feasible` is None when no audience was named."""

    n_per_arm: int
    total: int
    detectable_relative: float | None
    detectable_absolute: float | None
    feasible: bool | None
    sentence: str


@dataclass(frozen=True)
class Ask:
    """What the test should be able to see. `difference` is absolute; `alpha` is for the whole test."""

    baseline_rate: float
    difference: float
    audience_per_arm: int | None
    power: float
    alpha: float
    n_arms: int

    @property
    def alpha_each(self) -> float:
        """Alpha of one comparison with the control, shared by Bonferroni: Holm's first step asks for as much."""
        return self.alpha / (self.n_arms - 1)

    @property
    def rate(self) -> float:
        return self.baseline_rate + self.difference


def plan(
    baseline_rate: float,
    *,
    relative_lift: float | None = None,
    difference: float | None = None,
    audience_per_arm: int | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    n_arms: int = 2,
) -> Plan:
    """Plan a test of proportions. Give the effect as `relative_lift` or as absolute `difference`.

    Raises BadInput: a rate, effect, power or audience that no test can have.
    """
    if not 0 < baseline_rate < 1:
        raise BadInput(f"baseline {baseline_rate:g} must lie between 0 and 1, for example 0.03 for 3 %")
    effect = _effect(baseline_rate, relative_lift, difference)
    ask = Ask(baseline_rate, effect, audience_per_arm, power, alpha, n_arms)
    _check(ask)
    n_per_arm = stats.sample_size(baseline_rate, effect, ask.alpha_each, power)
    seen = _seen(ask)
    feasible = None if audience_per_arm is None else n_per_arm <= audience_per_arm
    relative = None if seen is None else seen / baseline_rate
    return Plan(n_per_arm, n_per_arm * n_arms, relative, seen, feasible, _sentence(ask, n_per_arm, seen))


def _effect(baseline_rate: float, relative_lift: float | None, difference: float | None) -> float:
    if (relative_lift is None) == (difference is None):
        raise BadInput("give the effect once: a relative lift or an absolute difference")
    return difference if difference is not None else baseline_rate * (relative_lift or 0.0)


def _check(ask: Ask) -> None:
    stats.check_alpha(ask.alpha)
    if not 0.5 <= ask.power < 1:
        raise BadInput(f"power {ask.power:g} must be at least 0.5 and below 1, for example 0.8")
    if ask.n_arms < 2:
        raise BadInput(f"{ask.n_arms} arms: a test needs at least 2")
    if ask.difference == 0:
        raise BadInput("the effect is 0: name the smallest one that would change what you do")
    if not 0 < ask.rate < 1:
        raise BadInput(f"the effect would take the rate to {_percent(ask.rate)}: it must stay between 0 and 100 %")
    if ask.audience_per_arm is not None and ask.audience_per_arm < 1:
        raise BadInput(f"audience {ask.audience_per_arm} per arm: at least 1")


def _seen(ask: Ask) -> float | None:
    """The smallest rise that the audience can see; without an audience, the effect asked for."""
    if ask.audience_per_arm is None:
        return ask.difference
    return stats.detectable_difference(ask.baseline_rate, ask.audience_per_arm, ask.alpha_each, ask.power)


def _sentence(ask: Ask, n_per_arm: int, seen: float | None) -> str:
    change = f"{_percent(ask.baseline_rate)} to {_percent(ask.rate)} ({_lift(ask.difference / ask.baseline_rate)})"
    total = f"{n_per_arm:,} contacts per arm, {n_per_arm * ask.n_arms:,} in all"
    terms = f"alpha {ask.alpha:g} and power {ask.power:g}" + _shared(ask)
    if ask.audience_per_arm is None:
        return f"To see a change from {change} with {terms} the test needs {total}."
    if n_per_arm <= ask.audience_per_arm:
        return (
            f"{ask.audience_per_arm:,} contacts per arm are enough to see a change from {change} with {terms}: "
            f"it takes {total}."
        )
    return (
        f"A change from {change} cannot be seen with {ask.audience_per_arm:,} contacts per arm: with {terms} it takes "
        f"{total}. {_what_can(ask, seen)}"
    )


def _what_can(ask: Ask, seen: float | None) -> str:
    if seen is None:
        return "That audience can see no rise at all; use larger arms or a metric with more successes."
    reached = f"{_percent(ask.baseline_rate)} to {_percent(ask.baseline_rate + seen)}"
    return (
        f"What can be seen is a rise from {reached} ({_lift(seen / ask.baseline_rate)}) or more; "
        "for less, use larger arms, fewer arms or a metric with a higher rate."
    )


def _shared(ask: Ask) -> str:
    n_comparisons = ask.n_arms - 1
    return "" if n_comparisons == 1 else f" (alpha shared by {n_comparisons} comparisons with the control)"


def _percent(rate: float) -> str:
    return f"{rate * 100:.4g} %"


def _lift(relative: float) -> str:
    return f"{relative * 100:+.3g} % relative"

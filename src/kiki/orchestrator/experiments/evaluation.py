"""An experiment read by its registered plan: the plain interval at the end, the always-valid one before."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from kiki.kit.errors import Conflict
from kiki.orchestrator.experiments.assignment import HOLDOUT, TREATED
from kiki.orchestrator.experiments.checks import RatioCheck, sample_ratio
from kiki.orchestrator.experiments.exposure import ExposureLog, Outcome, Refusal
from kiki.orchestrator.experiments.lift import Arm, Effect, compare
from kiki.orchestrator.experiments.registration import Phase, Registration
from kiki.orchestrator.experiments.sequential import always_valid_reach


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What may be said at a moment. Amounts are minor units, a rate is a fraction of users."""

    is_final: bool
    """Whether the last window has closed: only then are `p_value` and the narrower interval given."""
    effect: Effect
    interval: tuple[float, float]
    """Of the difference per user: Welch's when final, always valid before."""
    p_value: float | None
    ratio: RatioCheck
    refused: Counter[Refusal]
    contaminated: int
    """Held-out subjects who were shown something all the same."""

    @property
    def incremental_bounds(self) -> tuple[float, float]:
        """The interval times treated users."""
        low, high = self.interval
        return low * self.effect.treated.users, high * self.effect.treated.users


def evaluate(plan: Registration, log: ExposureLog, outcomes: Iterable[Outcome], now: dt.datetime) -> Evaluation:
    """Read the experiment at `now`. A log that another plan dealt or timed is a `Conflict`.

    Subjects whose window is still open count with what they did so far: at every moment both arms are cut alike.
    """
    if log.split != plan.split() or log.window != dt.timedelta(days=plan.window_days):
        raise Conflict("the exposure log belongs to another plan", reason="FOREIGN_LOG")
    counted = log.count(outcome for outcome in outcomes if outcome.at <= now)
    treated, held_out = (Arm.of(counted.per_user(arm, plan.metric)) for arm in (TREATED, HOLDOUT))
    effect = compare(treated, held_out, float(plan.alpha))
    is_final = plan.phase(now) is Phase.COMPLETE
    interval = effect.interval
    if not is_final:
        reach = always_valid_reach(effect.standard_error, len(log), plan.planned_users, effect.alpha)
        interval = (effect.difference - reach, effect.difference + reach)
    return Evaluation(
        is_final=is_final,
        effect=effect,
        interval=interval,
        p_value=effect.p_value if is_final else None,
        ratio=sample_ratio(held_out.users, len(log), plan.split().share_of(HOLDOUT)),
        refused=counted.refused,
        contaminated=len(log.contaminated),
    )

"""What a reading must come to, from every person's outcomes one by one: plain, and slow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kiki.orchestrator.experiments.assignment import HOLDOUT, TREATED
from kiki.orchestrator.experiments.checks import RatioCheck, sample_ratio
from kiki.orchestrator.experiments.lift import Arm, Effect, compare
from kiki.orchestrator.experiments.registration import Metric, Phase, Registration
from kiki.orchestrator.experiments.sequential import always_valid_reach


class Outcome(NamedTuple):
    """What a subject did: an amount in minor units, and when."""

    subject: str
    at: dt.datetime
    value: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    is_final: bool
    effect: Effect
    bounds: tuple[float, float]
    """Of the incremental amount: Welch's interval when final, always valid before."""
    ratio: RatioCheck


def evaluate(
    plan: Registration, logged: Mapping[str, dt.datetime], outcomes: Iterable[Outcome], now: dt.datetime
) -> Evaluation:
    """Read the experiment at `now`; `logged` says when each subject was assigned."""
    window = dt.timedelta(days=plan.window_days)
    sums = dict.fromkeys(logged, 0)
    for one in outcomes:
        if one.subject in logged and logged[one.subject] <= one.at <= min(now, logged[one.subject] + window):
            sums[one.subject] += one.value
    split = plan.split()
    per_user: dict[str, list[float]] = {TREATED: [], HOLDOUT: []}
    for subject, amount in sums.items():
        per_user[split.assign(subject).arm].append(amount > 0 if plan.metric is Metric.ORDER_RATE else amount)
    treated, held_out = (Arm.of(np.array(per_user[arm], dtype=np.float64)) for arm in (TREATED, HOLDOUT))
    effect = compare(treated, held_out, float(plan.alpha))
    is_final = plan.phase(now) is Phase.COMPLETE
    low, high = effect.interval
    if not is_final:
        reach = always_valid_reach(effect.standard_error, len(sums), plan.planned_users, effect.alpha)
        low, high = effect.difference - reach, effect.difference + reach
    return Evaluation(
        is_final=is_final,
        effect=effect,
        bounds=(low * treated.users, high * treated.users),
        ratio=sample_ratio(held_out.users, len(sums), split.share_of(HOLDOUT)),
    )

"""A reading: what a store's experiment shows up to a moment, from its arms' moments. Pure.

By intention to treat: all assigned people count, in the arm that they were dealt. The interval is the registered one
once the registered analysis is due, and always valid before. What is billed on is always valid, for it is read monthly.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from statistics import NormalDist
from typing import Any

from kiki.kit.money import Money, exponent
from kiki.orchestrator.experiments.assignment import HOLDOUT, TREATED
from kiki.orchestrator.experiments.checks import RatioCheck, sample_ratio
from kiki.orchestrator.experiments.exposed import exposure_json, exposure_warnings
from kiki.orchestrator.experiments.lift import Arm, Effect, compare
from kiki.orchestrator.experiments.outcomes import ArmMoments, CampaignReach
from kiki.orchestrator.experiments.plans import Experiment
from kiki.orchestrator.experiments.registration import Metric
from kiki.orchestrator.experiments.sequential import always_valid_reach

_FEWEST = 2
_FEW_BUYERS = 30


class Decision(enum.StrEnum):
    """What the registered metric says."""

    TOO_FEW_USERS = "too_few_users"
    SUSPECT = "suspect"
    """The arms did not fill as planned: nothing of it is to be believed, or billed."""
    EFFECT = "effect"
    HARM = "harm"
    NOTHING_SHOWN = "nothing_shown"


@dataclass(frozen=True, slots=True)
class Shown:
    """A comparison of the arms, and its interval as it may be read now."""

    effect: Effect
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Reading:
    """What may be said at `as_of`. Amounts are whole minor units of the settlement currency."""

    as_of: dt.datetime
    currency: str
    is_final: bool
    decision: Decision
    users: int
    estimate: int
    """Incremental net revenue since the start: difference per user times treated users."""
    error: float
    interval: tuple[int, int]
    lower_bound: int
    """One-sided and always valid."""
    document: dict[str, Any]

    @property
    def billable(self) -> bool:
        """Whether a contract may bill on it."""
        return self.decision is not Decision.SUSPECT


def read(
    experiment: Experiment,
    moments: Sequence[ArmMoments],
    as_of: dt.datetime,
    currency: str,
    campaigns: Sequence[CampaignReach] = (),
) -> Reading:
    """The reading. With fewer than two people in an arm nothing is shown: estimate and bound are zero."""
    arms = {row.arm: row for row in moments}
    users = sum(row.users for row in moments)
    final = experiment.is_final(as_of)
    if any(arm not in arms or arms[arm].users < _FEWEST for arm in (TREATED, HOLDOUT)):
        document = _frame(experiment, arms, as_of, currency, final, Decision.TOO_FEW_USERS)
        return Reading(as_of, currency, final, Decision.TOO_FEW_USERS, users, 0, 0.0, (0, 0), 0, document)
    treated, held_out = arms[TREATED], arms[HOLDOUT]
    share = experiment.plan.split().share_of(HOLDOUT)
    ratio = sample_ratio(held_out.users, users, share)
    shown = {metric: _shown(experiment, treated, held_out, metric, final) for metric in Metric}
    decision = _decision(shown[experiment.plan.metric], ratio)
    net = shown[Metric.NET_REVENUE]
    times = treated.users
    reach = always_valid_reach(
        net.effect.incremental_error, users, experiment.plan.planned_users, min(0.999, 2 * float(experiment.plan.alpha))
    )
    low, high = net.interval[0] * times, net.interval[1] * times
    estimate = round(net.effect.incremental)
    bound = min(estimate, _minor(net.effect.incremental - reach, down=True))
    document = {
        **_frame(experiment, arms, as_of, currency, final, decision),
        "sample_ratio": _ratio(ratio),
        **{metric.value: _effect(one, metric, currency, final=final) for metric, one in shown.items()},
        "incremental_revenue": {
            "estimate": _money(estimate, currency),
            "standard_error": net.effect.incremental_error / 10 ** exponent(currency),
            "interval": [_money(_minor(low, down=True), currency), _money(_minor(high), currency)],
            "lower_bound": _money(bound, currency),
        },
        "same_before": _same_before(treated, held_out, float(experiment.plan.alpha), currency),
        "exposure": exposure_json(treated, held_out, _critical(experiment, users, final=final), currency, campaigns),
        "warnings": [*_warnings(treated, held_out, ratio), *exposure_warnings(treated, held_out)],
    }
    interval = (_minor(low, down=True), _minor(high))
    error = net.effect.incremental_error
    return Reading(as_of, currency, final, decision, users, estimate, error, interval, bound, document)


def _shown(experiment: Experiment, treated: ArmMoments, held_out: ArmMoments, metric: Metric, final: bool) -> Shown:
    alpha = float(experiment.plan.alpha)
    effect = compare(_arm(treated, metric), _arm(held_out, metric), alpha)
    if final:
        return Shown(effect, effect.interval)
    users = treated.users + held_out.users
    reach = always_valid_reach(effect.standard_error, users, experiment.plan.planned_users, alpha)
    return Shown(effect, (effect.difference - reach, effect.difference + reach))


def _critical(experiment: Experiment, users: int, *, final: bool) -> float:
    """How many standard errors the interval reaches, as it may be read now."""
    alpha = float(experiment.plan.alpha)
    if final:
        return NormalDist().inv_cdf(1 - alpha / 2)
    return always_valid_reach(1.0, users, experiment.plan.planned_users, alpha)


def _arm(row: ArmMoments, metric: Metric) -> Arm:
    if metric is Metric.ORDER_RATE:
        return Arm.of_sums(row.users, float(row.buyers), float(row.buyers))
    if metric is Metric.REVENUE:
        return Arm(row.users, row.gross_mean, row.gross_variance)
    return Arm(row.users, row.net_mean, row.net_variance)


def _decision(shown: Shown, ratio: RatioCheck) -> Decision:
    if ratio.is_suspect:
        return Decision.SUSPECT
    if shown.interval[0] > 0:
        return Decision.EFFECT
    return Decision.HARM if shown.interval[1] < 0 else Decision.NOTHING_SHOWN


def _frame(
    experiment: Experiment,
    arms: Mapping[str, ArmMoments],
    as_of: dt.datetime,
    currency: str,
    final: bool,
    decision: Decision,
) -> dict[str, Any]:
    """What every reading says, however few people there are."""
    rows = list(arms.values())
    return {
        "as_of": as_of.astimezone(dt.UTC).isoformat(),
        "metric": experiment.plan.metric.value,
        "phase": experiment.plan.phase(as_of).value,
        "is_final": final,
        "interval_kind": "registered" if final else "always_valid",
        "decision": decision.value,
        "arms": {name: _arm_json(row, currency) for name, row in sorted(arms.items())},
        "not_counted": {
            "before_assignment": sum(row.before_assignment for row in rows),
            "after_window": sum(row.after_window for row in rows),
            "unpriced": sum(row.unpriced for row in rows),
            "people_in_two_arms": max((row.in_two_arms for row in rows), default=0),
        },
        "sample_ratio": None,
        **{metric.value: None for metric in Metric},
        "incremental_revenue": None,
        "same_before": None,
        "exposure": None,
        "warnings": [],
    }


def _arm_json(row: ArmMoments, currency: str) -> dict[str, Any]:
    scale = 10 ** exponent(currency)
    return {
        "users": row.users,
        "buyers": row.buyers,
        "orders": row.orders,
        "order_rate": row.buyers / row.users,
        "revenue_per_user": row.gross_mean / scale,
        "net_revenue_per_user": row.net_mean / scale,
    }


def _effect(shown: Shown, metric: Metric, currency: str, *, final: bool) -> dict[str, Any]:
    """Per user: a rate, or major units of money. The p-value is for the registered end alone."""
    scale = 1 if metric is Metric.ORDER_RATE else 10 ** exponent(currency)
    effect = shown.effect
    return {
        "difference": effect.difference / scale,
        "standard_error": effect.standard_error / scale,
        "interval": [bound / scale for bound in shown.interval],
        "lift": effect.lift,
        "lift_interval": list(effect.lift_interval) if final and effect.lift_interval else None,
        "p_value": effect.p_value if final else None,
    }


def _ratio(check: RatioCheck) -> dict[str, Any]:
    return {
        "users": check.users,
        "held_out": check.held_out,
        "planned_share": check.planned_share,
        "p_value": check.p_value,
        "suspect": check.is_suspect,
    }


def _same_before(treated: ArmMoments, held_out: ArmMoments, alpha: float, currency: str) -> dict[str, Any] | None:
    """A/A: the same arms in as long a window before each one's assignment, when nothing was done to anybody.

    None where nobody bought anything then: such people cannot say.
    """
    if not (treated.earlier_variance or held_out.earlier_variance):
        return None
    ours = Arm(treated.users, treated.earlier_mean, treated.earlier_variance)
    effect = compare(ours, Arm(held_out.users, held_out.earlier_mean, held_out.earlier_variance), alpha)
    scale = 10 ** exponent(currency)
    return {
        "difference": effect.difference / scale,
        "interval": [bound / scale for bound in effect.interval],
        "p_value": effect.p_value,
        "alike": effect.p_value >= alpha,
    }


def _warnings(treated: ArmMoments, held_out: ArmMoments, ratio: RatioCheck) -> list[str]:
    found = []
    if ratio.is_suspect:
        found.append("the arms did not fill as planned: the estimate is not to be used, and nothing is billed on it")
    if min(treated.buyers, held_out.buyers) < _FEW_BUYERS:
        found.append(f"an arm has fewer than {_FEW_BUYERS} buyers: the intervals are rough")
    if treated.unpriced or held_out.unpriced:
        found.append("orders in a currency without a rate count as nothing")
    return found


def _minor(amount: float, *, down: bool = False) -> int:
    exact = Decimal(repr(float(amount)))
    return int(exact.to_integral_value(rounding=ROUND_FLOOR if down else ROUND_HALF_EVEN))


def _money(minor: int, currency: str) -> dict[str, str]:
    text, _, code = str(Money(minor, currency)).partition(" ")
    return {"amount": text, "currency": code}

"""The registered plan decides what may be read, and when."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from kiki.kit.errors import Conflict, InvalidInput
from kiki.orchestrator.experiments.evaluation import evaluate
from kiki.orchestrator.experiments.exposure import ExposureLog, Outcome, Refusal
from kiki.orchestrator.experiments.registration import Metric, Registration

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
END = START + dt.timedelta(days=28)
PLAN = Registration(
    name="spring",
    salt="spring-2026",
    metric=Metric.REVENUE,
    holdout_ppm=250_000,
    starts_at=START,
    ends_at=END,
    window_days=7,
    alpha=Decimal("0.05"),
    power=Decimal("0.8"),
    minimum_effect=Decimal(1),
    planned_users=4_000,
)
NAMES = [f"s{number}" for number in range(4_000)]


def run_experiment(plan: Registration) -> tuple[ExposureLog, list[Outcome]]:
    """Everybody is assigned at the start; treated ones buy more, and some buy twice or are refunded."""
    log = ExposureLog(plan.split(), dt.timedelta(days=plan.window_days))
    generator = np.random.default_rng(1)
    outcomes = []
    for name in NAMES:
        assignment = plan.split().assign(name)
        log.record(assignment, START)
        for _ in range(int(generator.poisson(0.1 if assignment.is_held_out else 0.3))):
            at = START + dt.timedelta(days=float(generator.uniform(0, 7)))
            outcomes.append(Outcome(name, at, int(generator.integers(1_000, 9_000))))
    refunded = Outcome(outcomes[0].subject, outcomes[0].at, -outcomes[0].value)
    return log, [*outcomes, refunded, Outcome("nobody", START, 5_000)]


def test_before_the_end_only_the_always_valid_interval_is_given() -> None:
    log, outcomes = run_experiment(PLAN)
    early, late = (evaluate(PLAN, log, outcomes, START + dt.timedelta(days=days)) for days in (14, 35))
    assert (early.is_final, late.is_final) == (False, True)
    assert early.p_value is None
    assert late.p_value is not None
    assert late.p_value < 0.001
    assert late.interval == late.effect.interval
    assert early.interval[0] < late.interval[0] < late.interval[1] < early.interval[1]
    assert early.incremental_bounds[0] == pytest.approx(early.interval[0] * early.effect.treated.users)


def test_everybody_counts_and_what_is_refused_is_told() -> None:
    log, outcomes = run_experiment(PLAN)
    found = evaluate(PLAN, log, outcomes, END + dt.timedelta(days=7))
    assert found.effect.treated.users + found.effect.held_out.users == len(NAMES)
    assert found.refused == {Refusal.NOT_ASSIGNED: 1}
    assert not found.ratio.is_suspect
    assert found.contaminated == 0


def test_a_rate_counts_buyers_and_not_purchases_or_refunds() -> None:
    plan = replace(PLAN, metric=Metric.ORDER_RATE)
    log, outcomes = run_experiment(plan)
    found = evaluate(plan, log, outcomes, END + dt.timedelta(days=7))
    bought: dict[str, int] = {}
    for outcome in outcomes:
        bought[outcome.subject] = bought.get(outcome.subject, 0) + outcome.value
    treated = [name for name in NAMES if not plan.split().assign(name).is_held_out]
    buyers = sum(bought.get(name, 0) > 0 for name in treated)
    assert found.effect.treated.mean == pytest.approx(buyers / len(treated))


def test_what_happens_later_is_not_known_yet() -> None:
    log, outcomes = run_experiment(PLAN)
    now = START + dt.timedelta(days=2)
    so_far = [outcome for outcome in outcomes if outcome.at <= now]
    assert evaluate(PLAN, log, outcomes, now).effect == evaluate(PLAN, log, so_far, now).effect


@pytest.mark.parametrize("change", [{"salt": "other"}, {"version": 2}, {"holdout_ppm": 100_000}, {"window_days": 9}])
def test_a_log_of_another_plan_is_refused(change: dict[str, object]) -> None:
    log, outcomes = run_experiment(PLAN)
    with pytest.raises(Conflict, match="another plan"):
        evaluate(replace(PLAN, **change), log, outcomes, END)  # type: ignore[arg-type]  # a table of fields


def test_an_empty_log_cannot_be_read() -> None:
    with pytest.raises(InvalidInput):
        evaluate(PLAN, ExposureLog(PLAN.split(), dt.timedelta(days=7)), [], END)

"""A reading from moments says what the same people say one by one."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from kiki.orchestrator.experiments.assignment import HOLDOUT, TREATED, holdout_split
from kiki.orchestrator.experiments.outcomes import ArmMoments
from kiki.orchestrator.experiments.plans import Expected, Experiment, Status
from kiki.orchestrator.experiments.reading import Decision, Reading, read
from kiki.orchestrator.experiments.registration import Metric, Registration
from unit.orchestrator.experiments.evaluation import Evaluation, Outcome, evaluate

START = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
PLAN = Registration(
    name="autumn",
    salt="salt",
    metric=Metric.NET_REVENUE,
    holdout_ppm=300_000,
    starts_at=START,
    ends_at=START + 30 * DAY,
    window_days=14,
    alpha=Decimal("0.05"),
    power=Decimal("0.8"),
    minimum_effect=Decimal(1),
    planned_users=2_000,
)
RUNNING = Experiment(1, "autumn", PLAN, Expected(), Status.RUNNING, START, "user:1", started_at=START)


def spent(users: int, seed: int, more: float) -> dict[str, int]:
    """What each user spent, in minor units; treated ones buy more often."""
    generator = np.random.default_rng(seed)
    split = holdout_split("salt", 300_000)
    chances = [0.2 + (more if split.assign(f"u{number}").arm == TREATED else 0.0) for number in range(users)]
    bought = generator.random(users) < chances
    amounts = generator.integers(500, 20_000, users)
    return {f"u{number}": int(bought[number] * amounts[number]) for number in range(users)}


def moments(values: dict[str, int], **more: Any) -> list[ArmMoments]:
    split = holdout_split("salt", 300_000)
    rows = []
    for arm in (HOLDOUT, TREATED):
        mine = np.array([amount for user, amount in values.items() if split.assign(user).arm == arm], dtype=float)
        if not len(mine):
            continue
        mean, variance = float(mine.mean()), float(mine.var(ddof=1)) if len(mine) > 1 else 0.0
        buyers = int((mine > 0).sum())
        row = ArmMoments(arm, len(mine), buyers, buyers, mean, variance, mean, variance, 0.0, 0.0, 0, 0, 0, 0)
        rows.append(row._replace(**more))
    return rows


def evaluated(values: dict[str, int], now: dt.datetime) -> Evaluation:
    outcomes = [Outcome(user, START + DAY, amount) for user, amount in values.items()]
    return evaluate(PLAN, dict.fromkeys(values, START), outcomes, now)


@pytest.mark.parametrize("now", [START + 10 * DAY, START + 60 * DAY], ids=["running", "complete"])
def test_moments_say_what_the_people_say(now: dt.datetime) -> None:
    values = spent(2_000, 3, 0.1)
    wanted, found = evaluated(values, now), read(RUNNING, moments(values), now, "EUR")
    assert found.is_final is wanted.is_final
    assert found.estimate == round(wanted.effect.incremental)
    assert found.error == pytest.approx(wanted.effect.incremental_error)
    assert found.interval == pytest.approx(wanted.bounds, abs=1)
    assert found.document["sample_ratio"]["p_value"] == pytest.approx(wanted.ratio.p_value)
    assert found.document["net_revenue_per_user"]["p_value"] == (
        pytest.approx(wanted.effect.p_value) if found.is_final else None
    )


def test_the_bound_that_is_billed_is_wider_than_the_final_interval() -> None:
    found = read(RUNNING, moments(spent(2_000, 3, 0.1)), START + 60 * DAY, "EUR")
    assert found.lower_bound < found.interval[0] < found.estimate


@pytest.mark.parametrize(
    ("more", "decision"), [(0.3, Decision.EFFECT), (-0.19, Decision.HARM), (0.0, Decision.NOTHING_SHOWN)]
)
def test_the_decision_is_the_registered_metrics(more: float, decision: Decision) -> None:
    assert read(RUNNING, moments(spent(2_000, 5, more)), START + 60 * DAY, "EUR").decision is decision


def test_arms_that_did_not_fill_as_planned_are_suspect_and_not_billable() -> None:
    rows = moments(spent(2_000, 3, 0.1))
    lost = [row._replace(users=row.users // 2) if row.arm == HOLDOUT else row for row in rows]
    found = read(RUNNING, lost, START + 60 * DAY, "EUR")
    assert (found.decision, found.billable) == (Decision.SUSPECT, False)
    assert "did not fill as planned" in found.document["warnings"][0]


@pytest.mark.parametrize("users", [0, 1, 3])
def test_too_few_people_show_nothing(users: int) -> None:
    found = read(RUNNING, moments(spent(users, 3, 0.1)), START + 60 * DAY, "EUR")
    assert (found.decision, found.estimate, found.lower_bound) == (Decision.TOO_FEW_USERS, 0, 0)
    assert found.document["incremental_revenue"] is None


def test_amounts_are_shown_in_major_units_of_the_currency() -> None:
    rows = moments(spent(2_000, 3, 0.1))
    euros, yen = (read(RUNNING, rows, START + 60 * DAY, currency) for currency in ("EUR", "JPY"))
    assert euros.estimate == yen.estimate
    assert _major(yen) == pytest.approx(100 * _major(euros))


def _major(reading: Reading) -> float:
    return float(reading.document["incremental_revenue"]["estimate"]["amount"])


def test_arms_that_differed_before_are_told() -> None:
    rows = moments(spent(2_000, 3, 0.0), earlier_variance=10_000.0)
    alike = read(RUNNING, rows, START + 60 * DAY, "EUR").document["same_before"]
    apart = [row._replace(earlier_mean=50.0 if row.arm == TREATED else 0.0) for row in rows]
    told = read(RUNNING, apart, START + 60 * DAY, "EUR").document["same_before"]
    assert (alike["alike"], told["alike"]) == (True, False)
    assert told["difference"] == pytest.approx(0.5)


def test_an_early_end_keeps_the_always_valid_interval() -> None:
    rows = moments(spent(2_000, 3, 0.1))
    early = replace(RUNNING, status=Status.ENDED, ended_at=START + 10 * DAY)
    found = read(early, rows, START + 60 * DAY, "EUR")
    assert (found.is_final, found.document["interval_kind"]) == (False, "always_valid")
    assert found.interval[0] < read(RUNNING, rows, START + 60 * DAY, "EUR").interval[0]

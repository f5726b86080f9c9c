"""What may happen to a store's experiment, and when."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from kiki.kit.errors import Conflict, FailedPrecondition, InvalidInput
from kiki.orchestrator.experiments.plans import (
    Expected,
    Experiment,
    Status,
    check_name,
    default_salt,
    plan_values,
    power_of,
    read_plan,
)
from kiki.orchestrator.experiments.registration import Metric, Registration
from kiki.orchestrator.experiments.service import month_span, months_over

START = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def plan(**more: Any) -> Registration:
    values: dict[str, Any] = {
        "name": "autumn",
        "salt": "salt",
        "metric": Metric.NET_REVENUE,
        "holdout_ppm": 100_000,
        "starts_at": START,
        "ends_at": START + 30 * DAY,
        "window_days": 14,
        "alpha": Decimal("0.05"),
        "power": Decimal("0.8"),
        "minimum_effect": Decimal("1.5"),
        "planned_users": 10_000,
    }
    return Registration(**{**values, **more})


def draft(**more: Any) -> Experiment:
    return Experiment(1, "autumn", plan(**more), Expected(), Status.DRAFT, START - DAY, "user:1")


def test_a_plan_survives_storage() -> None:
    expected = Expected(mean=3.0, deviation=20.0)
    assert read_plan(plan_values(plan(), expected)) == (plan(), expected)
    assert read_plan(plan_values(plan(), expected))[0].digest() == plan().digest()


def test_a_draft_takes_another_plan_and_a_started_one_refuses() -> None:
    other = plan(window_days=28)
    assert draft().changed(other, Expected(), START - DAY).plan == other
    running = draft().start(START - DAY)
    with pytest.raises(Conflict) as refused:
        running.changed(other, Expected(), START - DAY)
    assert refused.value.reason == "REGISTRATION_FROZEN"
    assert running.changed(plan(), Expected(rate=0.5), START) is running


def test_a_draft_whose_start_has_passed_is_frozen_too() -> None:
    with pytest.raises(Conflict):
        draft().changed(plan(window_days=28), Expected(), START)


def test_subjects_are_dealt_while_it_runs_and_its_calendar_says_so() -> None:
    running = draft().start(START - DAY)
    running.check_assigning(START)
    for moment in (START - DAY, START + 30 * DAY):
        with pytest.raises(FailedPrecondition, match="deals subjects from"):
            running.check_assigning(moment)
    with pytest.raises(FailedPrecondition):
        draft().check_assigning(START)
    with pytest.raises(FailedPrecondition):
        running.end(START + DAY).check_assigning(START + DAY)


def test_an_early_end_closes_early_and_is_never_final() -> None:
    running = draft().start(START)
    done = START + 44 * DAY
    assert (running.closes_at, running.is_final(done), running.is_final(done - DAY)) == (done, True, False)
    early = running.end(START + 10 * DAY)
    assert (early.closes_at, early.is_final(done)) == (START + 24 * DAY, False)
    late = running.end(START + 40 * DAY)
    assert (late.closes_at, late.is_final(done)) == (done, True)


def test_moves_twice_are_moves_once_and_others_are_refused() -> None:
    running = draft().start(START)
    assert running.start(START + DAY) is running
    ended = running.end(START + DAY)
    assert ended.end(START + 2 * DAY) is ended
    for move in (lambda: ended.start(START), lambda: draft().end(START), lambda: ended.cancel(START, readings=0)):
        with pytest.raises(FailedPrecondition):
            move()
    with pytest.raises(FailedPrecondition, match="was to end"):
        draft().start(START + 30 * DAY)


def test_what_was_read_cannot_be_cancelled() -> None:
    running = draft().start(START)
    assert running.cancel(START, readings=0).status is Status.CANCELLED
    with pytest.raises(FailedPrecondition) as refused:
        running.cancel(START, readings=1)
    assert refused.value.reason == "ALREADY_READ"


def test_power_says_what_the_plan_can_show() -> None:
    assert power_of(plan(), Expected()) is None
    found = power_of(plan(), Expected(mean=3.0, deviation=20.0))
    assert found is not None
    assert found["enough"] is (found["users_needed"] <= 10_000) is (found["power"] >= 0.8)
    more = power_of(plan(planned_users=10 * 10_000), Expected(mean=3.0, deviation=20.0))
    assert more is not None
    assert more["minimum_effect"] < found["minimum_effect"]


@pytest.mark.parametrize(
    "expected", [Expected(rate=0.1, mean=1.0, deviation=2.0), Expected(mean=1.0), Expected(deviation=1.0)]
)
def test_half_an_expectation_is_refused(expected: Expected) -> None:
    with pytest.raises(InvalidInput):
        power_of(plan(), expected)


@pytest.mark.parametrize("name", ["", "Autumn", "a/b", "-a", "a" * 65, "a b"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(InvalidInput):
        check_name(name)


def test_no_two_stores_share_a_salt() -> None:
    assert default_salt(1, "autumn") != default_salt(11, "autumn")


def test_months_are_the_stores_own() -> None:
    begin, end = month_span("2026-12", "Europe/Berlin")
    assert (begin.isoformat(), end.isoformat()) == ("2026-11-30T23:00:00+00:00", "2026-12-31T23:00:00+00:00")


def test_the_months_that_are_over_reach_to_the_last_window() -> None:
    running = draft().start(START)
    assert months_over(running, "UTC", START + 29 * DAY) == []
    assert months_over(running, "UTC", START + 30 * DAY) == ["2026-09"]
    assert months_over(running, "UTC", START + 300 * DAY) == ["2026-09", "2026-10"]
    late = replace(running, started_at=START + 31 * DAY)
    assert months_over(late, "UTC", START + 300 * DAY) == ["2026-10"]

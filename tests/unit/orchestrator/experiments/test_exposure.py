"""Outcomes count for subjects who were logged before, in the arm that they were dealt."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.errors import Conflict, FailedPrecondition
from kiki.orchestrator.experiments.assignment import HOLDOUT, TREATED, holdout_split
from kiki.orchestrator.experiments.exposure import ExposureLog, Outcome, Refusal

SPLIT = holdout_split("log", 500_000)
NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
WINDOW = dt.timedelta(days=30)
NAMES = [f"s{number}" for number in range(40)]


def subject(arm: str) -> str:
    return next(name for name in NAMES if SPLIT.assign(name).arm == arm)


def filled() -> ExposureLog:
    log = ExposureLog(SPLIT, WINDOW)
    for name in NAMES:
        assert log.record(SPLIT.assign(name), NOW)
    return log


@pytest.mark.parametrize(
    ("name", "seconds", "why"),
    [
        pytest.param("s1", 0, None, id="at-once"),
        pytest.param("s1", 30 * 86_400, None, id="last-moment"),
        pytest.param("s1", -1, Refusal.BEFORE_ASSIGNMENT, id="before"),
        pytest.param("s1", 30 * 86_400 + 1, Refusal.AFTER_WINDOW, id="after"),
        pytest.param("nobody", 0, Refusal.NOT_ASSIGNED, id="not-logged"),
    ],
)
def test_an_outcome_counts_inside_the_window_of_a_logged_subject(name: str, seconds: int, why: Refusal | None) -> None:
    outcome = Outcome(name, NOW + dt.timedelta(seconds=seconds), 100)
    log = filled()
    assert log.refusal(outcome) is why
    counted = log.count([outcome])
    assert counted.refused == (Counter() if why is None else Counter([why]))
    assert sum(values.sum() for values in counted.values.values()) == (100 if why is None else 0)


@given(st.lists(st.tuples(st.sampled_from([*NAMES, "nobody"]), st.integers(-5, 40), st.integers(0, 10_000))))
def test_every_logged_subject_has_one_value_in_its_arm(events: list[tuple[str, int, int]]) -> None:
    outcomes = [Outcome(name, NOW + dt.timedelta(days=days), value) for name, days, value in events]
    counted = filled().count(outcomes)
    assert {arm: len(values) for arm, values in counted.values.items()} == SPLIT.count(NAMES)
    kept = sum(value for name, days, value in events if name != "nobody" and 0 <= days <= 30)
    assert sum(values.sum() for values in counted.values.values()) == kept
    assert counted.refused.total() == sum(name == "nobody" or not 0 <= days <= 30 for name, days, _ in events)


def test_nothing_is_shown_before_the_assignment_is_logged() -> None:
    log = ExposureLog(SPLIT, WINDOW)
    with pytest.raises(FailedPrecondition, match="before exposure"):
        log.expose("s1", NOW)
    log.record(SPLIT.assign("s1"), NOW)
    with pytest.raises(FailedPrecondition):
        log.expose("s1", NOW - dt.timedelta(seconds=1))


def test_a_held_out_subject_is_not_shown_anything_and_stays_held_out() -> None:
    log = filled()
    assert log.expose(subject(TREATED), NOW)
    assert not log.expose(subject(HOLDOUT), NOW)
    assert log.contaminated == {subject(HOLDOUT)}
    assert len(log.count([]).values[HOLDOUT]) == SPLIT.count(NAMES)[HOLDOUT]


def test_a_second_log_entry_changes_nothing() -> None:
    log = filled()
    assert not log.record(SPLIT.assign("s1"), NOW + dt.timedelta(days=9))
    assert log.refusal(Outcome("s1", NOW, 1)) is None
    assert len(log) == len(NAMES)


def test_an_assignment_that_the_split_does_not_deal_is_refused() -> None:
    other = holdout_split("other", 500_000).assign("s1")
    swapped = replace(SPLIT.assign("s1"), arm=HOLDOUT if SPLIT.assign("s1").arm == TREATED else TREATED)
    for foreign in (other, swapped):
        with pytest.raises(Conflict):
            ExposureLog(SPLIT, WINDOW).record(foreign, NOW)

"""Whoever looks every day is not fooled by the always-valid interval, and is by the plain one."""

from __future__ import annotations

import numpy as np
import pytest

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.experiments.sequential import always_valid_reach


def alarms(look: list[int], runs: int, *, always_valid: bool) -> float:
    """How many of so many runs without effect are ever called one."""
    generator = np.random.default_rng(7)
    values = generator.normal(size=(runs, look[-1]))
    called = np.zeros(runs, dtype=bool)
    for users in look:
        error = 1 / users**0.5
        reach = always_valid_reach(error, users, look[-1], 0.05) if always_valid else 1.96 * error
        called |= np.abs(values[:, :users].mean(axis=1)) > reach
    return float(called.mean())


def test_looking_often_is_safe_only_with_the_always_valid_interval() -> None:
    look = list(range(100, 2_001, 100))
    assert alarms(look, 1_000, always_valid=True) <= 0.05
    assert alarms(look, 1_000, always_valid=False) > 0.15


def test_it_is_wider_than_the_plain_interval_and_narrowest_in_errors_near_the_plan() -> None:
    at_plan = always_valid_reach(1.0, 10_000, 10_000, 0.05)
    assert 1.96 < at_plan < 3.2
    assert always_valid_reach(1.0, 100, 10_000, 0.05) > at_plan
    assert always_valid_reach(1.0, 10_000_000, 10_000, 0.05) > at_plan
    assert always_valid_reach(2.0, 10_000, 10_000, 0.05) == pytest.approx(2 * at_plan)


@pytest.mark.parametrize(("users", "planned", "alpha"), [(0, 1, 0.05), (1, 0, 0.05), (1, 1, 0.0), (1, 1, 1.0)])
def test_it_wants_users_and_an_alpha(users: int, planned: int, alpha: float) -> None:
    with pytest.raises(InvalidInput):
        always_valid_reach(1.0, users, planned, alpha)

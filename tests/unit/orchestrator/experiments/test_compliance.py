"""The effect on those whom being treated exposed, and its interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.orchestrator.experiments.compliance import ExposedArm, complier_effect, rate_interval


def arm(values: np.ndarray, exposed: np.ndarray) -> ExposedArm:
    return ExposedArm(
        len(values), float(values.mean()), float(values.var(ddof=1)), int(exposed.sum()), float(values[exposed].sum())
    )


def drawn(seed: int, effect: float, *, users: int = 4_000, leak: float = 0.05) -> tuple[ExposedArm, ExposedArm]:
    """Buyers are exposed more often than others, which is what makes comparing the exposed with the rest wrong."""
    random = np.random.default_rng(seed)
    keen = random.random(users) < 0.3
    held_out = random.random(users) < 0.3
    reachable = random.random(users) < np.where(keen, 0.8, 0.3)
    exposed = reachable & (~held_out | (random.random(users) < leak))
    values = 10 * keen + random.normal(0, 5, users) + effect * exposed
    return arm(values[~held_out], exposed[~held_out]), arm(values[held_out], exposed[held_out])


def test_it_finds_the_effect_on_the_exposed_however_they_differ() -> None:
    found = [complier_effect(*drawn(seed, 4.0), 1.96) for seed in range(200)]
    assert all(one is not None and one.interval is not None for one in found)
    effects = [one.effect for one in found if one is not None]
    assert np.mean(effects) == pytest.approx(4.0, abs=0.15)
    errors = [one.standard_error for one in found if one is not None]
    assert np.mean(errors) == pytest.approx(np.std(effects), rel=0.15)
    covered = sum(one.interval[0] <= 4.0 <= one.interval[1] for one in found if one is not None and one.interval)
    assert 180 <= covered <= 199


def test_with_perfect_compliance_it_is_the_difference_of_the_arms() -> None:
    ours, theirs = ExposedArm(1_000, 3.0, 4.0, 1_000, 3_000.0), ExposedArm(500, 2.5, 4.0, 0, 0.0)
    found = complier_effect(ours, theirs, 1.96)
    assert found is not None
    assert found.interval is not None
    error = np.sqrt(4.0 / 1_000 + 4.0 / 500)
    assert (found.effect, found.compliers) == (0.5, 1.0)
    assert found.standard_error == pytest.approx(error)
    assert found.interval == pytest.approx((0.5 - 1.96 * error, 0.5 + 1.96 * error))


def test_arms_that_are_exposed_alike_say_nothing() -> None:
    ours, theirs = ExposedArm(1_000, 3.0, 4.0, 100, 500.0), ExposedArm(1_000, 2.5, 4.0, 100, 400.0)
    assert complier_effect(ours, theirs, 1.96) is None
    barely = complier_effect(ExposedArm(1_000, 3.0, 4.0, 101, 500.0), theirs, 1.96)
    assert barely is not None
    assert barely.interval is None, "one more of a thousand: anything is possible"


@given(st.integers(0, 500), st.integers(1, 500), st.floats(0.5, 4.0))
def test_a_rates_interval_holds_the_rate_and_stays_within_bounds(part: int, more: int, critical: float) -> None:
    low, high = rate_interval(part, part + more, critical)
    assert 0 <= low <= part / (part + more) + 1e-12
    assert part / (part + more) - 1e-12 <= high <= 1

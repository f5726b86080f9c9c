"""The difference between arms, and how sure it is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.experiments.lift import Arm, adjust, bootstrap_interval, compare, quantile_t

samples = st.lists(st.floats(0, 1000), min_size=3, max_size=40).map(lambda values: np.array([*values, 0.5, 900.0]))


def revenue(generator: np.random.Generator, users: int, rate: float) -> np.ndarray:
    """Mostly zero, the rest skewed."""
    values = np.zeros(users)
    bought = generator.random(users) < rate
    values[bought] = generator.lognormal(4.1, 0.9, size=int(bought.sum()))
    return values


@given(samples, samples)
def test_it_is_welchs_test(treated: np.ndarray, held_out: np.ndarray) -> None:
    effect = compare(Arm.of(treated), Arm.of(held_out), 0.05)
    wanted = stats.ttest_ind(treated, held_out, equal_var=False)
    assert effect.p_value == pytest.approx(wanted.pvalue, abs=1e-9)
    interval = wanted.confidence_interval(0.95)
    assert effect.interval == pytest.approx((interval.low, interval.high), rel=1e-7, abs=1e-7)
    assert effect.incremental == pytest.approx((treated.mean() - held_out.mean()) * len(treated))


@given(samples)
def test_moments_are_the_same_from_sums(values: np.ndarray) -> None:
    of_sums = Arm.of_sums(len(values), float(values.sum()), float(values @ values))
    assert of_sums.mean == pytest.approx(Arm.of(values).mean)
    assert of_sums.variance == pytest.approx(Arm.of(values).variance, rel=1e-6)


def test_the_interval_of_the_lift_holds_the_ratios_that_are_not_refused() -> None:
    treated, held_out = Arm(9_000, 11.0, 900.0), Arm(1_000, 8.0, 700.0)
    effect = compare(treated, held_out, 0.05)
    assert effect.lift == pytest.approx(0.375)
    assert effect.lift_interval is not None
    critical = (effect.interval[1] - effect.difference) / effect.standard_error
    for end in effect.lift_interval:
        ratio = 1 + end
        error = math.sqrt(treated.mean_variance + ratio**2 * held_out.mean_variance)
        assert abs(treated.mean - ratio * held_out.mean) == pytest.approx(critical * error)
    assert effect.lift_interval[0] < effect.lift < effect.lift_interval[1]


def test_a_lift_over_an_uncertain_base_has_no_interval() -> None:
    effect = compare(Arm(100, 1.0, 4.0), Arm(100, 0.1, 4.0), 0.05)
    assert effect.lift is not None
    assert effect.lift_interval is None
    assert compare(Arm(100, 1.0, 4.0), Arm(100, 0.0, 0.0), 0.05).lift is None


def test_the_lower_bound_lies_under_the_estimate_by_its_level() -> None:
    effect = compare(Arm(10_000, 11.0, 900.0), Arm(10_000, 8.0, 900.0), 0.05)
    assert effect.lower_bound(0.95) == pytest.approx(effect.incremental - 1.6449 * effect.incremental_error, rel=1e-4)
    assert effect.lower_bound(0.975) == pytest.approx(effect.incremental_interval[0])


def test_arms_without_any_spread() -> None:
    same = compare(Arm.of(np.zeros(5)), Arm.of(np.zeros(9)))
    assert (same.difference, same.p_value, same.interval) == (0.0, 1.0, (0.0, 0.0))
    assert compare(Arm.of(np.ones(5)), Arm.of(np.zeros(9))).p_value == 0.0


@pytest.mark.parametrize("values", [np.ones(1), np.array([1.0, np.nan]), np.array([1.0, np.inf])])
def test_an_arm_wants_users_and_numbers(values: np.ndarray) -> None:
    with pytest.raises(InvalidInput):
        Arm.of(values)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0])
def test_alpha_is_a_chance(alpha: float) -> None:
    with pytest.raises(InvalidInput):
        compare(Arm(9, 0.0, 1.0), Arm(9, 0.0, 1.0), alpha)


def test_a_covariate_from_before_takes_its_share_of_variance() -> None:
    generator = np.random.default_rng(1)
    before = generator.normal(10, 3, 20_000)
    treated = generator.random(20_000) < 0.8
    values = 2 * before + generator.normal(0, 3, 20_000) + 0.5 * treated
    adjusted, removed = adjust(values, before, treated)
    assert removed == pytest.approx(0.8, abs=0.02)  # 36 of 45.
    plain = compare(Arm.of(values[treated]), Arm.of(values[~treated]))
    better = compare(Arm.of(adjusted[treated]), Arm.of(adjusted[~treated]))
    assert better.standard_error == pytest.approx(plain.standard_error * math.sqrt(1 - removed), rel=0.02)
    assert abs(better.difference - 0.5) < 3 * better.standard_error


def test_a_covariate_that_says_nothing_changes_nothing() -> None:
    values, treated = np.arange(10.0), np.arange(10) % 2 == 0
    adjusted, removed = adjust(values, np.ones(10), treated)
    assert removed == 0.0
    assert (adjusted == values).all()


@pytest.mark.parametrize("before", [np.ones(3), np.array([1.0] * 9 + [np.nan])])
def test_a_covariate_is_a_number_per_user(before: np.ndarray) -> None:
    with pytest.raises(InvalidInput):
        adjust(np.arange(10.0), before, np.arange(10) % 2 == 0)


def test_the_bootstrap_agrees_with_welch_on_many_users() -> None:
    generator = np.random.default_rng(3)
    treated, held_out = revenue(generator, 20_000, 0.15), revenue(generator, 20_000, 0.1)
    welch = compare(Arm.of(treated), Arm.of(held_out)).interval
    boot = bootstrap_interval(treated, held_out, alpha=0.05, seed=1, draws=4_000)
    width = welch[1] - welch[0]
    assert boot == pytest.approx(welch, abs=0.08 * width)
    assert boot == bootstrap_interval(treated, held_out, alpha=0.05, seed=1, draws=4_000)
    assert boot != bootstrap_interval(treated, held_out, alpha=0.05, seed=2, draws=4_000)


def test_the_bootstrap_of_equal_arms_without_spread_is_a_point() -> None:
    assert bootstrap_interval(np.zeros(5), np.zeros(5), alpha=0.05, seed=1) == (0.0, 0.0)


@pytest.mark.parametrize("degrees", [1.5, 7.0, 400.0])
def test_quantiles_are_students(degrees: float) -> None:
    assert quantile_t(0.975, degrees) == pytest.approx(float(stats.t.ppf(0.975, degrees)))

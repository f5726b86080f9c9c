"""The weights are the minimizer, by the conditions that only a minimizer fulfils."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.experiments.simplex import duality_gap, nearest_mixture


def question(seed: int, periods: int, controls: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    columns = generator.normal(size=(periods, controls)) * 10 ** generator.uniform(-3, 6)
    return columns, columns.mean(axis=1) + columns.std() * generator.normal(size=periods) / 2


questions = st.builds(question, st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 40))


@given(questions)
def test_the_conditions_of_the_optimum_hold(asked: tuple[np.ndarray, np.ndarray]) -> None:
    columns, target = asked
    weights = nearest_mixture(columns, target)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    scale = float(np.max(np.sum((columns - target[:, None]) ** 2, axis=0)))
    assert duality_gap(columns, target, weights) <= 1e-12 * scale


@given(questions)
def test_used_columns_have_one_slope_and_no_other_is_steeper(asked: tuple[np.ndarray, np.ndarray]) -> None:
    columns, target = asked
    weights = nearest_mixture(columns, target)
    slopes = columns.T @ (columns @ weights - target)
    used = weights > 0
    scale = float(np.abs(columns).max() * np.linalg.norm(target)) * len(target)
    assert np.ptp(slopes[used]) <= 1e-10 * scale
    assert slopes[~used].min(initial=np.inf) >= slopes[used].min() - 1e-10 * scale


@pytest.mark.parametrize("seed", range(20))
def test_weights_agree_to_ten_digits_with_another_exact_method(seed: int) -> None:
    generator = np.random.default_rng(seed)
    columns = generator.normal(size=(60, 25))
    target = columns @ generator.dirichlet(np.full(25, 0.2)) + 0.3 * generator.normal(size=60)
    weights = nearest_mixture(columns, target)
    # Non-negative least squares on distances to the target, with a row that holds the sum, scaled back to sum 1.
    points = np.vstack([columns - target[:, None], np.ones(25)])
    free, _ = nnls(points, np.append(np.zeros(60), 1.0), maxiter=10_000)
    assert weights == pytest.approx(free / free.sum(), abs=1e-10)


@given(questions, st.integers(0, 10**6))
def test_where_it_starts_does_not_matter(asked: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    columns, target = asked
    start = np.random.default_rng(seed).dirichlet(np.full(columns.shape[1], 0.3))
    cold, warm = nearest_mixture(columns, target), nearest_mixture(columns, target, start=start)
    assert columns @ warm == pytest.approx(columns @ cold, abs=1e-6 * float(np.abs(columns).max()))


def test_a_mixture_is_found_again() -> None:
    generator = np.random.default_rng(4)
    columns, mixed = generator.normal(size=(50, 12)), np.zeros(12)
    mixed[[1, 5, 7]] = 0.5, 0.3, 0.2
    assert nearest_mixture(columns, columns @ mixed) == pytest.approx(mixed, abs=1e-10)


def test_a_target_outside_goes_to_the_nearest_corner() -> None:
    assert nearest_mixture(np.eye(3), np.array([9.0, 0.0, 0.0])).tolist() == [1.0, 0.0, 0.0]


def test_columns_that_are_all_the_target_share_equally() -> None:
    assert nearest_mixture(np.ones((4, 5)), np.ones(4)).tolist() == [0.2] * 5


def test_twins_leave_one_answer_for_the_mixture() -> None:
    columns = np.repeat(np.eye(2), 2, axis=1)
    assert columns @ nearest_mixture(columns, np.array([0.3, 0.7])) == pytest.approx([0.3, 0.7])


@pytest.mark.parametrize(
    ("columns", "target"),
    [
        pytest.param(np.ones((3, 0)), np.ones(3), id="no-column"),
        pytest.param(np.ones((3, 2)), np.ones(4), id="lengths"),
        pytest.param(np.ones(3), np.ones(3), id="not-a-table"),
        pytest.param(np.full((3, 2), np.nan), np.ones(3), id="gap"),
        pytest.param(np.ones((3, 2)), np.full(3, np.inf), id="infinity"),
    ],
)
def test_shapes_and_numbers_that_do_not_fit_are_refused(columns: np.ndarray, target: np.ndarray) -> None:
    with pytest.raises(InvalidInput):
        nearest_mixture(columns, target)

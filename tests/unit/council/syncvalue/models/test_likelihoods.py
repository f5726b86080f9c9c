"""Likelihoods: gradients are the derivatives, the formulas are those of the papers, nothing overflows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from scipy.integrate import quad
from scipy.special import beta as beta_function
from scipy.special import gamma, hyp2f1

from kiki.council.syncvalue.models import gammagamma
from kiki.council.syncvalue.models.histories import Floats, Grouped, Histories, group, histories, spend
from kiki.council.syncvalue.models.transactions import MODELS
from unit.council.syncvalue.models.cases import NAMES, PARAMETERS, at_week, customers, parameters, store


def differences(function, at: Floats, step: float = 1e-5) -> Floats:  # type: ignore[no-untyped-def]
    slopes = []
    for direction in np.eye(len(at)):
        change = direction * at * step
        slopes.append((function(at + change) - function(at - change)) / (2 * change.sum()))
    return np.array(slopes)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("away", [0.5, 1.0, 3.0])
def test_gradients_are_the_derivatives(name: str, away: float) -> None:
    data = group(at_week(store(name, 800), 52))
    at = PARAMETERS[name] * away
    model = MODELS[name]
    wanted = differences(lambda place: model.log_likelihood(place, data)[0], at)
    assert model.log_likelihood(at, data)[1] == pytest.approx(wanted, rel=1e-5, abs=1e-4)


@given(of=customers(), at=parameters())
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_the_derivatives_anywhere(name: str, of: Histories, at: Floats) -> None:
    data = group(of)
    value, gradient = MODELS[name].log_likelihood(at, data)
    assert np.isfinite(value)
    wanted = differences(lambda place: MODELS[name].log_likelihood(place, data)[0], at, 1e-4)
    scale = 1e-8 * (1.0 + abs(value)) / at / 1e-4 + 1e-6 * np.abs(gradient).max()
    assert (np.abs(gradient - wanted) < 1e-4 * np.abs(wanted) + scale).all()


def test_gamma_gammas_gradient_is_the_derivative() -> None:
    rng = np.random.default_rng(2)
    data = gammagamma.sums_of(spend(rng.integers(1, 9, 60), rng.gamma(3, 12, 60)))
    for at in (np.array([6.0, 3.7, 15.0]), np.array([0.4, 1.2, 90.0])):
        wanted = differences(lambda place: gammagamma.log_likelihood(place, data)[0], at)
        assert gammagamma.log_likelihood(at, data)[1] == pytest.approx(wanted, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("x", "t_x", "age"), [(0, 0, 20), (1, 4, 20), (5, 19, 20), (7, 20, 20)])
def test_bgnbd_is_the_mean_over_rates_and_leaving(x: int, t_x: float, age: float) -> None:
    r, alpha, a, b = PARAMETERS["bgnbd"].tolist()

    def of_rate(rate: float) -> float:
        stayed = beta_function(a, b + x) / beta_function(a, b) * np.exp(-rate * age)
        left = beta_function(a + 1, b + x - 1) / beta_function(a, b) * np.exp(-rate * t_x) if x else 0.0
        density = alpha**r * rate ** (r - 1) * np.exp(-alpha * rate) / gamma(r)
        return float(rate**x * (stayed + left) * density)

    wanted = quad(of_rate, 0, 1)[0] + quad(of_rate, 1, np.inf)[0]
    value, _ = MODELS["bgnbd"].log_likelihood(PARAMETERS["bgnbd"], group(histories([x], [t_x], [age])))
    assert value == pytest.approx(np.log(wanted), rel=1e-6)


@pytest.mark.parametrize("at", [(0.55, 10.6, 0.61, 11.7), (0.55, 11.7, 0.61, 10.6), (0.6, 8.0, 0.9, 8.0)])
@pytest.mark.parametrize(("x", "t_x", "age"), [(0, 0, 38.9), (2, 30.43, 38.86), (29, 36, 37)])
def test_pareto_is_its_published_form(at: tuple[float, ...], x: int, t_x: float, age: float) -> None:
    r, alpha, s, beta = at
    most, third = max(alpha, beta), s + 1 if alpha >= beta else r + x

    def term(time: float) -> float:
        power = r + s + x
        return float(hyp2f1(power, third, power + 1, abs(alpha - beta) / (most + time)) / (most + time) ** power)

    bracket = (alpha + age) ** -(r + x) * (beta + age) ** -s + s / (r + s + x) * (term(t_x) - term(age))
    wanted = np.log(gamma(r + x) * alpha**r * beta**s / gamma(r) * bracket)
    data = group(histories([x], [t_x], [age]))
    assert MODELS["pareto"].log_likelihood(np.array(at), data)[0] == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_equal_rows_count_as_often_as_they_are_there(name: str) -> None:
    of = at_week(store(name, 500), 52)
    single = Grouped(of.x, of.t_x, of.age, np.ones(len(of)))
    together = group(of)
    assert len(together.x) < len(of)
    for one, other in zip(
        *(MODELS[name].log_likelihood(PARAMETERS[name], data) for data in (single, together)), strict=True
    ):
        assert one == pytest.approx(other, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_thousands_of_purchases_and_decades_are_finite(name: str) -> None:
    of = histories([1_500, 5_000, 2_000, 0], [10, 900, 5_000, 0], [5_000, 900, 5_000, 20_000])
    value, gradient = MODELS[name].log_likelihood(PARAMETERS[name], group(of))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    alive = MODELS[name].p_alive(PARAMETERS[name], of)
    assert alive[0] < 1e-6 < 0.5 < alive[1]

"""Predictions: bounded, monotone, in agreement with each other and with the closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln, expit, hyp2f1, log_expit

from kiki.council.syncvalue.models import gammagamma
from kiki.council.syncvalue.models.errors import BadModel
from kiki.council.syncvalue.models.estimate import FittedModel
from kiki.council.syncvalue.models.fitting import fit_spend, fit_transactions
from kiki.council.syncvalue.models.histories import Floats, Histories, histories, spend
from kiki.council.syncvalue.models.prediction import Terms, expected_purchases, p_alive, predict
from kiki.council.syncvalue.models.purchases import observe, outcome
from kiki.council.syncvalue.models.transactions import MODELS, transaction_model
from unit.council.syncvalue.models.cases import NAMES, PARAMETERS, SPEND, at_week, customers, parameters, store


def fitted(name: str, values: Floats | None = None) -> FittedModel:
    at = PARAMETERS[name] if values is None else values
    named = dict(zip(MODELS[name].parameter_names, at.tolist(), strict=True))
    return FittedModel(name, 1, "weeks", named, -1.0, tuple(tuple(row) for row in np.eye(4) * 1e-6), 100, 100)


def spending() -> FittedModel:
    named = dict(zip(gammagamma.PARAMETER_NAMES, SPEND.tolist(), strict=True))
    return FittedModel(
        gammagamma.NAME, 1, "weeks", named, -1.0, tuple(tuple(row) for row in np.eye(3) * 1e-6), 100, 100
    )


STEEP = np.exp([3.0, -2.0, 1.0, -2.0])
"""Rates that lie close together and far above the leaving: few nodes tell the mean over p badly."""


@given(of=customers(), at=parameters(), horizon=st.floats(0.1, 500))
@example(of=histories([0], [0.0], [0.125]), at=STEEP, horizon=100.0)
@pytest.mark.parametrize("name", NAMES)
def test_predictions_are_finite_bounded_and_grow_with_the_horizon(
    name: str, of: Histories, at: Floats, horizon: float
) -> None:
    model = fitted(name, at)
    alive = p_alive(model, of)
    assert ((alive >= 0) & (alive <= 1)).all()
    near, far = expected_purchases(model, of, horizon), expected_purchases(model, of, horizon * 1.5)
    assert np.isfinite(far).all()
    assert (near >= 0).all()
    assert (far >= near * (1 - 1e-6)).all()
    most = alive * (at[0] + of.x) / (at[1] + of.age) * horizon
    assert (near <= most * (1 + 1e-6) + 1e-9).all()


@given(
    x=st.integers(1, 400), age=st.floats(1, 500), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)), at=parameters()
)
@pytest.mark.parametrize("name", NAMES)
def test_who_bought_more_recently_is_more_likely_active(
    name: str, x: int, age: float, shares: tuple[float, float], at: Floats
) -> None:
    early, late = sorted(shares)
    alive = p_alive(fitted(name, at), histories([x, x], [age * early, age * late], [age, age]))
    assert alive[0] <= alive[1] + 1e-9


def test_bgnbd_without_a_repeat_is_active_for_certain() -> None:
    assert p_alive(fitted("bgnbd"), histories([0], [0], [500]))[0] == 1.0


def test_bgnbd_is_the_closed_form() -> None:
    r, alpha, a, b = PARAMETERS["bgnbd"].tolist()
    of = histories([0, 2, 12], [0, 30, 37], [39, 39, 38])
    for horizon in (1.0, 39.0, 200.0):
        x, age = of.x, of.age
        series = hyp2f1(r + x, b + x, a + b + x - 1, horizon / (alpha + age + horizon))
        closed = (a + b + x - 1) / (a - 1) * (1 - ((alpha + age) / (alpha + age + horizon)) ** (r + x) * series)
        wanted = closed * p_alive(fitted("bgnbd"), of)
        assert expected_purchases(fitted("bgnbd"), of, horizon) == pytest.approx(wanted, rel=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_where_the_closed_forms_have_a_pole_nothing_happens(name: str) -> None:
    of = histories([3], [20], [39])
    at = PARAMETERS[name].copy()
    values = []
    for near in (1 - 1e-6, 1.0, 1 + 1e-6):
        at[2] = near
        values.append(expected_purchases(fitted(name, at), of, 52.0)[0])
    assert values[0] == pytest.approx(values[1], rel=1e-5)
    assert values[1] == pytest.approx(values[2], rel=1e-5)


@pytest.mark.parametrize("horizon", [1.0, 100.0, 500.0])
@pytest.mark.parametrize("at", [STEEP, np.exp([4.0, -4.0, 0.0, -2.0])], ids=["steep", "steeper"])
@pytest.mark.parametrize("name", ["bgnbd", "mbgnbd"])
def test_the_mean_over_leaving_is_exact_where_it_is_steep(name: str, at: Floats, horizon: float) -> None:
    """Against an adaptive rule over log(p)."""
    r, alpha, a, b = at.tolist()
    of = histories([0], [0], [0.125])
    stay, reach = b + float(name == "mbgnbd"), horizon / (alpha + 0.125)

    def part(y: float) -> float:
        p = expit(y)
        density = math.exp(a * log_expit(y) + stay * log_expit(-y) - betaln(a, stay))
        return float(-np.expm1(-r * np.log1p(p * reach)) / p * density)

    wanted = sum(quad(part, y, y + 10, epsabs=1e-14, epsrel=1e-13)[0] for y in range(-60, 300, 10))
    alive = p_alive(fitted(name, at), of)[0]
    assert expected_purchases(fitted(name, at), of, horizon)[0] == pytest.approx(alive * wanted, rel=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_discounting_agrees_with_the_growth_of_the_expectation(name: str) -> None:
    of = histories([0, 2, 40], [0, 30, 38], [39, 39, 38.5])
    model, rate = transaction_model(name), 0.004
    undiscounted = model.discounted(PARAMETERS[name], of, 52.0, 0.0)
    assert undiscounted == pytest.approx(expected_purchases(fitted(name), of, 52.0), rel=1e-5)

    def later(time: float, row: int) -> float:
        return math.exp(-rate * time) * float(expected_purchases(fitted(name), of, time)[row])

    for row in range(3):
        at_end, within = later(52.0, row), quad(later, 0, 52, args=(row,), limit=60, epsabs=1e-6)[0]
        wanted = at_end + rate * within
        assert model.discounted(PARAMETERS[name], of, 52.0, rate)[row] == pytest.approx(wanted, rel=1e-4)
    lifetime = model.discounted(PARAMETERS[name], of, math.inf, rate)
    long = model.discounted(PARAMETERS[name], of, 8_000.0, rate)
    assert lifetime == pytest.approx(long, rel=1e-3)
    assert (lifetime > model.discounted(PARAMETERS[name], of, 52.0, rate)).all()


@pytest.mark.parametrize("name", NAMES)
def test_totals_agree_with_what_a_simulated_store_does(name: str) -> None:
    of = store(name, 8_000)
    seen = observe(of, of.first_day + 52 * 7, "weeks")
    actual = outcome(of, seen, of.first_day + 78 * 7 - 1).purchases
    model = fit_transactions(name, seen.histories, "weeks")
    expected = expected_purchases(model, seen.histories, 26.0)
    assert expected.sum() == pytest.approx(actual.sum(), rel=0.08)
    idle = p_alive(model, seen.histories) < 0.2
    assert actual[idle].mean() < actual[~idle].mean() / 3


def test_value_is_purchases_times_spend_and_worth_less_later() -> None:
    of = at_week(store("bgnbd", 500), 52)
    known = observe(store("bgnbd", 500), store("bgnbd", 500).first_day + 364, "weeks").spend
    terms = Terms(horizon_days=364, yearly_discount=0.2)
    found = predict(fitted("bgnbd"), of, terms=terms, spend_model=spending(), spend=known)
    assert found.value == pytest.approx(found.discounted_purchases * found.mean_spend)
    assert (found.discounted_purchases <= found.purchases).all()
    assert (found.discounted_purchases >= found.purchases / 1.2 * 0.999).all()
    assert (found.lifetime_value >= found.value * 0.999).all()
    plain = predict(fitted("bgnbd"), of, terms=terms)
    assert (plain.mean_spend == 1).all()
    assert (plain.value == plain.discounted_purchases).all()


def test_mean_spend_is_shrunk_to_the_stores() -> None:
    p, q, v = SPEND
    shrunk = gammagamma.expected_spend(SPEND, spend([0, 1, 1_000], [0, 90, 90]))
    assert shrunk[0] == pytest.approx(p * v / (q - 1))
    assert shrunk[0] < shrunk[1] < shrunk[2]
    assert shrunk[2] == pytest.approx(90, rel=0.01)


def test_the_unit_of_time_does_not_change_what_is_predicted() -> None:
    of = store("bgnbd")
    until = of.first_day + 364
    weeks, days = (observe(of, until, unit).histories for unit in ("weeks", "days"))
    by_week, by_day = fit_transactions("bgnbd", weeks, "weeks"), fit_transactions("bgnbd", days, "days")
    assert by_day.parameters["alpha"] == pytest.approx(7 * by_week.parameters["alpha"], rel=1e-4)
    one, other = (predict(model, of_, terms=Terms()) for model, of_ in ((by_week, weeks), (by_day, days)))
    assert one.purchases == pytest.approx(other.purchases, rel=1e-4)
    assert one.lifetime_purchases == pytest.approx(other.lifetime_purchases, rel=1e-4)


@pytest.mark.parametrize("terms", [(0.0, 0.1), (math.inf, 0.1), (365.0, 0.0), (365.0, math.nan)])
def test_terms_must_make_sense(terms: tuple[float, float]) -> None:
    with pytest.raises(BadModel):
        Terms(*terms)


def test_a_model_of_spend_cannot_predict_purchases() -> None:
    with pytest.raises(BadModel, match="unknown model 'gammagamma'"):
        predict(spending(), histories([1], [1], [2]), terms=Terms())
    with pytest.raises(BadModel, match="spend is modelled by"):
        predict(fitted("bgnbd"), histories([1], [1], [2]), terms=Terms(), spend_model=fitted("bgnbd"))


def test_spend_of_a_simulated_store_is_found_again() -> None:
    of = store("mbgnbd")
    model = fit_spend(observe(of, of.last_day, "weeks").spend, "weeks")
    for (low, high), true in zip(model.intervals(3.0).values(), SPEND, strict=True):
        assert low <= true <= high

"""Predictive distributions sum to one and have the model's mean; intervals hold as often as they say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiki.council.syncvalue.models.accuracy import coverage
from kiki.council.syncvalue.models.errors import BadModel
from kiki.council.syncvalue.models.fitting import fit_spend, fit_transactions
from kiki.council.syncvalue.models.histories import Floats, Histories, histories, spend
from kiki.council.syncvalue.models.intervals import count_distribution, parameter_points, predictive_intervals
from kiki.council.syncvalue.models.prediction import expected_purchases
from kiki.council.syncvalue.models.purchases import observe, outcome
from kiki.council.syncvalue.models.transactions import MODELS
from properties import examples
from unit.council.syncvalue.models.cases import NAMES, PARAMETERS, customers, parameters, store
from unit.council.syncvalue.models.test_predictions import fitted, spending

ONE = histories([3], [25], [30])


@settings(max_examples=examples(40))
@given(of=customers(), at=parameters(), horizon=st.floats(0.1, 100))
@pytest.mark.parametrize("name", NAMES)
def test_counts_are_probabilities(name: str, of: Histories, at: Floats, horizon: float) -> None:
    counts = MODELS[name].counts(at, of, horizon, 30)
    assert (counts >= -1e-9).all()
    assert (counts.sum(axis=1) <= 1 + 1e-6).all()


@pytest.mark.parametrize("name", NAMES)
def test_counts_sum_to_one_and_have_the_expected_mean(name: str) -> None:
    of = histories([0, 1, 4, 30], [0, 10, 38, 38], [20, 39, 39, 39])
    for horizon in (1.0, 26.0, 52.0):
        counts = MODELS[name].counts(PARAMETERS[name], of, horizon, 400)
        assert counts.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-6)
        mean = counts @ np.arange(401)
        assert mean == pytest.approx(expected_purchases(fitted(name), of, horizon), rel=2e-4)


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_what_simulated_customers_do(name: str) -> None:
    of = store(name, 12_000, 3)
    seen = observe(of, of.first_day + 52 * 7, "weeks")
    actual = outcome(of, seen, of.first_day + 78 * 7 - 1).purchases
    model = fit_transactions(name, seen.histories, "weeks")
    counts = count_distribution(model, seen.histories, 25.9, 6).mean(axis=0)
    found = np.array([(actual == n).mean() for n in range(7)])
    assert found == pytest.approx(counts, abs=0.012)


@pytest.mark.parametrize("name", NAMES)
def test_intervals_hold_as_often_as_they_say(name: str) -> None:
    of = store(name, 4_000, 8)
    seen = observe(of, of.first_day + 52 * 7, "weeks")
    after = outcome(of, seen, of.first_day + 78 * 7 - 1)
    model, money = fit_transactions(name, seen.histories, "weeks"), fit_spend(seen.spend, "weeks")
    ends = predictive_intervals(model, seen.histories, 25.9, spend_model=money, spend=seen.spend)
    assert ends.spend_low is not None
    assert ends.spend_high is not None
    wanted = np.maximum(ends.p_none, 0.9).mean()
    assert wanted < 0.945
    assert coverage(ends.spend_low, ends.spend_high, after.spend, 0.9).covered == pytest.approx(wanted, abs=0.015)
    counted = coverage(ends.purchases_low, ends.purchases_high, after.purchases, 0.9).covered
    assert counted == pytest.approx(ends.purchases_mass.mean(), abs=0.015)
    assert (ends.purchases_mass >= 0.9 - 1e-3).all()


def test_spend_follows_from_counts_and_the_worth_of_a_purchase() -> None:
    known = spend([3], [30])
    ends = predictive_intervals(fitted("bgnbd"), ONE, 52.0, spend_model=spending(), spend=known)
    rng = np.random.default_rng(1)
    counts = MODELS["bgnbd"].counts(PARAMETERS["bgnbd"], ONE, 52.0, 80)[0]
    n = rng.choice(81, 200_000, p=counts / counts.sum())
    p, q, v = spending().vector
    drawn = rng.gamma(np.maximum(p * n, 1e-9)) / (rng.gamma(q + p * 3, 1, len(n)) / (v + 90))
    wanted = np.quantile(np.where(n == 0, 0.0, drawn), 0.9)
    assert ends.spend_low is not None
    assert ends.spend_high is not None
    assert ends.spend_low[0] == 0
    assert ends.spend_high[0] == pytest.approx(wanted, rel=0.01)


def test_a_loyal_customers_interval_leaves_out_both_tails() -> None:
    loyal = histories([60, 60], [51.5, 51.5], [52, 52])
    ends = predictive_intervals(
        fitted("bgnbd", np.array([0.35, 5.0, 0.02, 2.8])),
        loyal,
        26.0,
        spend_model=spending(),
        spend=spend([60, 60], [20, 80]),
    )
    assert ends.p_none[0] < 0.05
    assert 0 < ends.purchases_low[0] < ends.purchases_high[0]
    assert ends.spend_low is not None
    assert ends.spend_high is not None
    assert (ends.spend_low > 0).all()
    assert ends.spend_high[1] / ends.spend_high[0] == pytest.approx(4, rel=0.2)


def test_who_is_gone_for_certain_spends_nothing() -> None:
    ends = predictive_intervals(
        fitted("bgnbd"), histories([40], [20], [500]), 52.0, spend_model=spending(), spend=spend([40], [20])
    )
    assert ends.p_none[0] > 0.99
    assert (ends.purchases_high[0], ends.spend_high) == (0, [0])


def test_a_store_of_thousands_of_purchases_a_customer_is_no_trouble() -> None:
    busy = histories([3_000, 1], [100.99, 5], [101, 9])
    ends = predictive_intervals(fitted("pareto"), busy, 52.0, spend_model=spending(), spend=spend([3_000, 1], [9, 9]))
    assert 1_000 < ends.purchases_high[0] < 2_500
    assert ends.spend_high is not None
    assert ends.spend_high[0] == pytest.approx(9 * ends.purchases_high[0], rel=0.1)


def test_uncertain_parameters_widen_the_interval() -> None:
    sharp = fitted("bgnbd")
    vague = dataclasses.replace(sharp, log_covariance=tuple(tuple(row) for row in np.eye(4) * 0.3))
    assert len(parameter_points(sharp)) == 1
    points = np.log(parameter_points(vague))
    assert points.mean(axis=0) == pytest.approx(np.log(sharp.vector))
    assert np.cov(points.T, bias=True) == pytest.approx(np.eye(4) * 0.3, abs=1e-6)
    new = histories([0], [0], [1])
    near, far = (count_distribution(model, new, 52.0, 200)[0] for model in (sharp, vague))
    n = np.arange(201)
    assert far @ n**2 - (far @ n) ** 2 > 1.2 * (near @ n**2 - (near @ n) ** 2)


def test_order_and_company_do_not_matter() -> None:
    of = histories([3, 0, 3, 12], [25, 0, 25, 28], [30, 10, 30, 30])
    money = spend([3, 0, 3, 12], [30, 0, 90, 12])
    together = predictive_intervals(fitted("mbgnbd"), of, 52.0, spend_model=spending(), spend=money)
    assert together.spend_high is not None
    for row in range(4):
        alone = predictive_intervals(
            fitted("mbgnbd"), of.take(np.array([row])), 52.0, spend_model=spending(), spend=money.take(np.array([row]))
        )
        assert alone.purchases_high[0] == together.purchases_high[row]
        assert alone.spend_high is not None
        assert alone.spend_high[0] == pytest.approx(together.spend_high[row], rel=5e-3)


@pytest.mark.parametrize("level", [0.3, 1.0])
def test_a_level_must_make_sense(level: float) -> None:
    with pytest.raises(BadModel):
        predictive_intervals(fitted("bgnbd"), ONE, 52.0, level=level)

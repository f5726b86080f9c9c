"""Fits find what was simulated, borrow where they must, and refuse what says nothing."""

from __future__ import annotations

import numpy as np
import pytest

from kiki.council.syncvalue.models.errors import BadHistory, BadModel, CannotFit
from kiki.council.syncvalue.models.estimate import fitted_model
from kiki.council.syncvalue.models.fitting import fit_spend, fit_transactions, spend_frequency_correlation
from kiki.council.syncvalue.models.histories import histories, spend
from kiki.council.syncvalue.models.pooling import default_prior, pool
from unit.council.syncvalue.models.cases import NAMES, PARAMETERS, at_week, store

FEW = histories([0, 1, 3, 0], [0, 4, 9, 0], [10, 12, 11, 9])


@pytest.mark.parametrize("name", NAMES)
def test_simulated_parameters_are_found_again(name: str) -> None:
    fitted = fit_transactions(name, at_week(store(name, 20_000), 78), "weeks")
    assert fitted.warnings == ()
    for (low, high), true in zip(fitted.intervals(3.5).values(), PARAMETERS[name], strict=True):
        assert low <= true <= high


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held = []
    for seed in range(40):
        fitted = fit_transactions("bgnbd", at_week(store("bgnbd", 1_500, seed), 78), "weeks")
        held += [
            low <= true <= high
            for (low, high), true in zip(fitted.intervals().values(), PARAMETERS["bgnbd"], strict=True)
        ]
    assert 0.88 <= np.mean(held) <= 0.99


@pytest.mark.parametrize("name", NAMES)
def test_many_customers_are_fitted_as_few_are(name: str) -> None:
    few = at_week(store(name, 4_100), 78)
    many = histories(*(np.tile(column, 10) for column in (few.x, few.t_x, few.age)))
    one, other = fit_transactions(name, few, "weeks"), fit_transactions(name, many, "weeks")
    assert other.parameters == pytest.approx(one.parameters, rel=1e-4)
    assert other.log_likelihood == pytest.approx(10 * one.log_likelihood, rel=1e-9)
    for parameter, error in one.standard_errors.items():
        assert other.standard_errors[parameter] == pytest.approx(error / np.sqrt(10), rel=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_of_nothing_is_left_at_the_maximum(name: str) -> None:
    from kiki.council.syncvalue.models.histories import group
    from kiki.council.syncvalue.models.transactions import MODELS

    of = at_week(store(name), 78)
    fitted = fit_transactions(name, of, "weeks")
    _, gradient = MODELS[name].log_likelihood(fitted.vector, group(of))
    errors = np.array(list(fitted.standard_errors.values()))
    assert (np.abs(gradient * errors) < 1e-3).all()


@pytest.mark.parametrize(
    ("of", "message"),
    [
        pytest.param(([], [], []), "at least 10 customers, got 0", id="nobody"),
        pytest.param(([1] * 9, [2] * 9, [3] * 9), "at least 10 customers, got 9", id="few"),
        pytest.param(([0] * 20, [0] * 20, range(1, 21)), "none of 20 customers came back", id="no repeats"),
        pytest.param(([2] * 20, [5] * 20, [9] * 20), "the same x, t_x and T", id="all equal"),
        pytest.param(([1] * 20, [0] * 20, [0] * 20), "every T is 0", id="no time"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_what_says_nothing_cannot_be_fitted(name: str, of: tuple[list[int], ...], message: str) -> None:
    with pytest.raises(CannotFit, match=message):
        fit_transactions(name, histories(*(np.array(list(column), dtype=float) for column in of)), "weeks")


@pytest.mark.parametrize(
    ("of", "message"),
    [
        pytest.param(([1, np.nan], [1, 1], [2, 2]), "finite numbers; customer 1 has x=nan", id="not a number"),
        pytest.param(([1, 2], [1, 1], [2, np.inf]), "finite numbers; customer 1", id="infinite"),
        pytest.param(([-1], [0], [2]), "must not be negative", id="negative"),
        pytest.param(([1.5], [1], [2]), "whole number", id="half a purchase"),
        pytest.param(([1, 1], [1, 3], [2, 2]), "must not exceed the age T; customer 1", id="recency past age"),
        pytest.param(([0], [1], [2]), "recency t_x must be 0", id="recency of nothing"),
        pytest.param(([0, 1], [1], [2]), "as long as each other", id="lengths"),
    ],
)
def test_impossible_histories_are_refused(of: tuple[list[float], ...], message: str) -> None:
    with pytest.raises(BadHistory, match=message):
        histories(*of)


@pytest.mark.parametrize(
    ("purchases", "mean", "message"),
    [
        pytest.param([0] * 20, [0] * 20, "got 0", id="nothing spent"),
        pytest.param([2] * 20, [5] * 20, "the same mean spend", id="all equal"),
        pytest.param([1] * 20, range(1, 21), "two or more", id="once each"),
    ],
)
def test_spend_that_says_nothing_cannot_be_fitted(purchases: list[int], mean: list[int], message: str) -> None:
    with pytest.raises(CannotFit, match=message):
        fit_spend(spend(purchases, list(mean)), "weeks")


def test_negative_spend_is_refused() -> None:
    with pytest.raises(BadHistory, match="customer 1 has 2 purchases of -5"):
        spend([1, 2], [4, -5])


def test_data_that_do_not_bound_a_parameter_are_told() -> None:
    rng = np.random.default_rng(1)
    age = rng.uniform(5, 50, 400)
    x = rng.poisson(age * 0.2)
    t_x = np.where(x > 0, age * rng.uniform(0, 1, 400) ** (1 / np.maximum(x, 1)), 0)
    assert fit_transactions("bgnbd", histories(x, t_x, age), "weeks").warnings != ()


def test_correlation_of_spend_and_frequency() -> None:
    assert spend_frequency_correlation(spend([1, 2, 3], [10, 20, 30])) == pytest.approx(1)
    assert spend_frequency_correlation(spend([2, 2, 2], [10, 20, 30])) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_fitted_model_survives_being_stored(name: str) -> None:
    fitted = fit_transactions(name, at_week(store(name), 78), "weeks")
    assert fitted_model(fitted.as_dict()) == fitted


@pytest.mark.parametrize(
    "change", [{"parameters": {"r": -1.0}}, {"log_covariance": [[1.0]]}, {"unit": "months"}, {"version": None}]
)
def test_a_model_that_is_not_one_is_refused(change: dict[str, object]) -> None:
    plain = fit_transactions("bgnbd", at_week(store("bgnbd"), 78), "weeks").as_dict()
    with pytest.raises(BadModel):
        fitted_model(plain | change)


@pytest.mark.parametrize("name", [*NAMES, "gammagamma"])
def test_a_typical_shop_is_a_prior(name: str) -> None:
    prior = default_prior(name)
    assert prior.stores == 0
    assert len(prior.log_covariance) == len(prior.log_mean)


def test_a_small_store_borrows_and_a_large_one_hardly() -> None:
    prior = pool([fit_transactions("bgnbd", at_week(store("bgnbd", 1_500, seed), 78), "weeks") for seed in range(6)])
    assert prior.stores == 6
    nobody = fit_transactions("bgnbd", histories([], [], []), "weeks", prior)
    few = fit_transactions("bgnbd", FEW, "weeks", prior)
    many = fit_transactions("bgnbd", at_week(store("bgnbd", 5_000, 9), 78), "weeks", prior)
    assert nobody.own_weight == 0 < few.own_weight < 0.3 < 0.7 < many.own_weight < 1
    assert {model.method for model in (nobody, few, many)} == {"map"}
    assert np.log(few.vector / nobody.vector) == pytest.approx(np.zeros(4), abs=0.6)


def test_borrowing_predicts_small_stores_better_than_their_own_fit() -> None:
    prior = pool([fit_transactions("bgnbd", at_week(store("bgnbd", 1_500, seed), 78), "weeks") for seed in range(8)])
    own, borrowed = [], []
    for seed in range(20, 32):
        of = at_week(store("bgnbd", 60, seed), 52)
        true = np.log(PARAMETERS["bgnbd"])
        own.append(np.abs(np.log(fit_transactions("bgnbd", of, "weeks").vector) - true))
        borrowed.append(np.abs(np.log(fit_transactions("bgnbd", of, "weeks", prior).vector) - true))
    assert np.mean(borrowed) < np.mean(own) / 2


def test_a_pool_finds_how_far_stores_are_apart() -> None:
    rng = np.random.default_rng(0)
    template = fit_transactions("bgnbd", at_week(store("bgnbd"), 78), "weeks").as_dict()
    models = []
    for _ in range(60):
        logs = rng.normal(np.log([0.5, 8.0, 0.8, 2.5]), [0.3, 0.5, 0.2, 0.4])
        noisy = np.exp(logs + rng.normal(0, 0.1, 4))
        named = dict(zip(template["parameters"], noisy.tolist(), strict=True))
        models.append(fitted_model(template | {"parameters": named, "log_covariance": (np.eye(4) * 0.01).tolist()}))
    mean, covariance = pool(models).in_unit("weeks")
    assert mean == pytest.approx(np.log([0.5, 8.0, 0.8, 2.5]), abs=0.2)
    assert np.sqrt(np.diag(covariance)) == pytest.approx([0.35, 0.5, 0.27, 0.43], abs=0.12)


def test_currency_does_not_matter_to_a_prior_of_spend() -> None:
    rng = np.random.default_rng(6)
    n = rng.integers(1, 6, 300)
    mean = rng.gamma(6, 1, 300) / rng.gamma(4, 1 / 15, 300)
    prior = default_prior("gammagamma")
    euro, yen = (fit_spend(spend(n[:8], mean[:8] * rate), "weeks", prior) for rate in (1.0, 160.0))
    assert yen.parameters["v"] == pytest.approx(160 * euro.parameters["v"], rel=1e-4)
    assert yen.parameters["q"] == pytest.approx(euro.parameters["q"], rel=1e-4)


def test_pools_of_different_models_or_too_few_stores_are_refused() -> None:
    one = fit_transactions("bgnbd", at_week(store("bgnbd"), 78), "weeks")
    other = fit_transactions("pareto", at_week(store("pareto"), 78), "weeks")
    with pytest.raises(BadModel, match="one model can be pooled"):
        pool([one, other, one])
    with pytest.raises(CannotFit, match="at least 3 stores"):
        pool([one, one])
    with pytest.raises(BadModel, match="cannot serve"):
        fit_transactions("pareto", FEW, "weeks", default_prior("bgnbd"))

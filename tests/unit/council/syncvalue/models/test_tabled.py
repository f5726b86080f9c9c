"""A model laid out for serving says what the model says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kiki.council.syncvalue.models.fitting import fit_spend, fit_transactions
from kiki.council.syncvalue.models.histories import Histories, Spend
from kiki.council.syncvalue.models.intervals import predictive_intervals
from kiki.council.syncvalue.models.prediction import Terms, predict
from kiki.council.syncvalue.models.purchases import Observation, observe
from kiki.council.syncvalue.models.simulate import SimulatedStore, simulate
from kiki.council.syncvalue.models.tabled import Known, TabledModel
from kiki.council.syncvalue.models.tabulate import tabled

PARAMETERS = {
    "bgnbd": (0.5, 60.0, 0.8, 2.5),
    "mbgnbd": (0.7, 70.0, 0.9, 2.0),
    "pareto": (0.6, 75.0, 0.7, 100.0),
}


def seen_of(name: str) -> Observation:
    of = simulate(SimulatedStore(name, PARAMETERS[name], (6.0, 4.0, 1_500.0), 1_500, 400, 700), 3)
    return observe(of, of.first_day + 700, "days")


def known(of: Histories, spend: Spend) -> Known:
    return Known(of.x, of.t_x, of.age, spend.purchases, spend.mean)


@pytest.mark.parametrize("name", list(PARAMETERS))
def test_the_table_says_what_the_model_says(name: str) -> None:
    seen = seen_of(name)
    model, worth = fit_transactions(name, seen.histories, "days"), fit_spend(seen.spend, "days")
    served = tabled(model, worth, seen.histories, seen.spend, terms=Terms())
    strange = Histories(
        np.array([0.0, 0.0, 3.0, 13.0, 900.0, 9_000.0]),
        np.array([0.0, 0.0, 1.0, 400.0, 2_000.0, 4_000.0]),
        np.array([0.0, 9_000.0, 3.0, 401.0, 2_100.0, 4_001.0]),
    )
    few = Spend(np.minimum(strange.x, 50.0), np.where(strange.x > 0, 700.0, 0.0))
    for of, spend, near in ((seen.histories, seen.spend, 2e-3), (strange, few, 2e-2)):
        got, want = (
            served.serve(known(of, spend)),
            predict(model, of, terms=Terms(), spend_model=worth, spend=spend),
        )
        np.testing.assert_allclose(got.p_alive, want.p_alive, rtol=1e-9, atol=1e-300)
        np.testing.assert_allclose(got.purchases, want.purchases, rtol=near, atol=1e-9)
        np.testing.assert_allclose(got.value, want.value, rtol=near, atol=1e-6)
        np.testing.assert_allclose(got.lifetime_value, want.lifetime_value, rtol=near, atol=1e-6)


@pytest.mark.parametrize("name", list(PARAMETERS))
def test_served_intervals_are_next_to_the_exact_ones(name: str) -> None:
    seen = seen_of(name)
    model, worth = fit_transactions(name, seen.histories, "days"), fit_spend(seen.spend, "days")
    served = tabled(model, worth, seen.histories, seen.spend, terms=Terms())
    rows = np.arange(1, len(seen.histories), 7)  # Not those that they were calibrated on.
    of, spend = seen.histories.take(rows), seen.spend.take(rows)
    exact = predictive_intervals(model, of, 365.0, spend_model=worth, spend=spend)
    got = served.serve(known(of, spend))
    assert exact.spend_high is not None
    both = (exact.spend_high > 0) & (got.high > 0)
    assert (both == (exact.spend_high > 0)).mean() > 0.97
    assert np.median(np.abs(np.log(got.high[both] / exact.spend_high[both]))) < 0.05
    assert bool(np.all(got.low <= got.high))


def test_a_table_of_32_bits_is_enough() -> None:
    seen = seen_of("mbgnbd")
    model, worth = fit_transactions("mbgnbd", seen.histories, "days"), fit_spend(seen.spend, "days")
    whole = tabled(model, worth, seen.histories, seen.spend, terms=Terms())
    half: TabledModel = dataclasses.replace(whole, table=whole.table.astype(np.float32).astype(np.float64))
    of = known(seen.histories, seen.spend)
    np.testing.assert_allclose(half.serve(of).value, whole.serve(of).value, rtol=1e-5)

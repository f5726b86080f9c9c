"""The fits that the literature publishes, and those of another implementation."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kiki.council.syncvalue.models.accuracy import errors
from kiki.council.syncvalue.models.backtest import back_test
from kiki.council.syncvalue.models.fitting import fit_spend, fit_transactions
from kiki.council.syncvalue.models.histories import histories
from kiki.council.syncvalue.models.pooling import default_prior
from kiki.council.syncvalue.models.prediction import expected_purchases, p_alive
from kiki.council.syncvalue.models.purchases import observe, outcome
from kiki.runtime.studies.value_input import Orders, read_customers
from unit.council.syncvalue.models.cases import cdnow, cdnow_purchases, cdnow_spend, reference

WEEK_39, WEEK_78 = 729_297, 729_570


def test_bgnbd_on_cdnow() -> None:
    fitted = fit_transactions("bgnbd", cdnow(), "weeks")
    assert fitted.vector == pytest.approx([0.243, 4.414, 0.793, 2.426], abs=5e-4)
    assert fitted.log_likelihood == pytest.approx(-9582.43, abs=5e-3)
    customer = histories([2], [30.43], [38.86])
    assert expected_purchases(fitted, customer, 39.0)[0] == pytest.approx(1.2259, abs=5e-5)
    assert p_alive(fitted, customer)[0] == pytest.approx(0.7266, abs=5e-5)
    assert (fitted.customers, fitted.purchases, fitted.warnings) == (2357, 2457, ())


def test_pareto_on_cdnow() -> None:
    fitted = fit_transactions("pareto", cdnow(), "weeks")
    assert fitted.vector == pytest.approx([0.553, 10.578, 0.606, 11.669], abs=1.5e-3)
    assert fitted.log_likelihood == pytest.approx(-9594.97, abs=5e-3)


def test_gamma_gamma_on_cdnow() -> None:
    fitted = fit_spend(cdnow_spend(), "weeks")
    assert fitted.customers == 946
    assert fitted.vector == pytest.approx([6.2488, 3.7446, 15.4477], abs=5e-5)


def test_the_back_test_within_39_weeks_chooses_what_predicts_the_next_39_best() -> None:
    of = cdnow_purchases()
    seen = observe(of, WEEK_39, "weeks")
    actual = outcome(of, seen, WEEK_78).purchases
    assert actual.sum() == 1882
    tried = back_test(of, until=WEEK_39, unit="weeks")
    assert {trial.origin + trial.horizon_days for trial in tried.trials} == {WEEK_39}
    prior = default_prior(tried.chosen) if tried.leans else None
    fitted = fit_transactions(tried.chosen, seen.histories, "weeks", prior)
    found = errors(expected_purchases(fitted, seen.histories, 39.0), actual)
    assert found.mae <= 0.7545
    assert found.rmse <= 1.603


def test_simulated_store_a_agrees_with_lifetimes_and_with_its_truth() -> None:
    wanted = json.loads(reference("sim_store_a_reference_lifetimes_0.11.3.json").read_text())[0]
    truth = json.loads(reference("sim_expected.json").read_text())["store_a"]["params"]
    read = read_customers(reference("sim_store_a_orders.csv"))
    assert isinstance(read, Orders)
    seen = observe(read.purchases, 739_249, "weeks")
    fitted = {name: fit_transactions(name, seen.histories, "weeks") for name in ("bgnbd", "mbgnbd")}
    money = fit_spend(seen.spend, "weeks")
    assert fitted["bgnbd"].parameters == pytest.approx(wanted["BG/NBD"]["params"], rel=1e-3)
    assert fitted["mbgnbd"].parameters == pytest.approx(wanted["MBG/NBD"]["params"], rel=1e-3)
    assert money.parameters == pytest.approx({name: wanted["gamma_gamma"][name] for name in "pqv"}, rel=1e-3)
    assert money.customers == wanted["gamma_gamma"]["n"]
    true = {**truth, "alpha": truth["alpha_weeks"]}
    intervals = fitted["bgnbd"].intervals() | money.intervals()
    assert [name for name, (low, high) in intervals.items() if not low <= true[name] <= high] == []
    actual = outcome(read.purchases, seen, 739_431).purchases
    for name, key in (("bgnbd", "BG/NBD"), ("mbgnbd", "MBG/NBD")):
        found = errors(expected_purchases(fitted[name], seen.histories, 26.0), actual)
        assert (found.mae, found.rmse) == pytest.approx((wanted[key]["mae"], wanted[key]["rmse"]), abs=2e-5)
        assert found.expected_total == pytest.approx(wanted[key]["total"], abs=0.02)
    assert np.isclose(actual.sum(), wanted["holdout_repeat_total"])

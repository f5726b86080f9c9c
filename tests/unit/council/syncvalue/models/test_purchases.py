"""Orders become purchases, observations and outcomes; predictions are compared with them."""

from __future__ import annotations

import numpy as np
import pytest

from kiki.council.syncvalue.models.accuracy import calibration, coverage, errors
from kiki.council.syncvalue.models.backtest import GAIN, TIE, back_test
from kiki.council.syncvalue.models.errors import BadHistory, BadModel, CannotFit
from kiki.council.syncvalue.models.histories import group, group_with_places, histories
from kiki.council.syncvalue.models.purchases import observe, outcome, purchases, sample
from kiki.council.syncvalue.models.simulate import SimulatedStore, simulate
from unit.council.syncvalue.models.cases import cdnow_purchases, store

ORDERS = {
    "customer": np.array([7, 7, 2, 7, 2, 7, 5]),
    "day": np.array([110, 100, 103, 110, 131, 124, 140]),
    "amount": np.array([5.0, 90.0, 8.0, 7.0, 20.0, 30.0, 4.0]),
}


def test_orders_of_a_day_are_one_purchase() -> None:
    of = purchases(**ORDERS)
    assert of.customer.tolist() == [0, 0, 1, 2, 2, 2]
    assert of.day.tolist() == [103, 131, 140, 100, 110, 124]
    assert of.amount.tolist() == [8, 20, 4, 90, 12, 30]
    assert (of.customers, of.first_day, of.last_day) == (3, 100, 140)


def test_an_observation_leaves_out_the_first_purchase_and_what_comes_later() -> None:
    seen = observe(purchases(**ORDERS), 128, "days")
    assert seen.customer.tolist() == [0, 2]
    assert seen.histories.x.tolist() == [0, 2]
    assert seen.histories.t_x.tolist() == [0, 24]
    assert seen.histories.age.tolist() == [25, 28]
    assert seen.spend.purchases.tolist() == [0, 2]
    assert seen.spend.mean.tolist() == [0, 21]
    after = outcome(purchases(**ORDERS), seen, 139)
    assert after.purchases.tolist() == [1, 0]
    assert after.spend.tolist() == [20, 0]


def test_weeks_are_sevenths_of_days() -> None:
    assert observe(purchases(**ORDERS), 128, "weeks").histories.age.tolist() == [25 / 7, 4]


def test_before_the_first_order_there_is_nothing_to_see() -> None:
    with pytest.raises(BadHistory, match="nobody had bought"):
        observe(purchases(**ORDERS), 99, "days")


def test_free_repeats_are_purchases_without_a_mean_spend() -> None:
    of = purchases(np.array([1, 1]), np.array([1, 2]), np.array([5.0, 0.0]))
    seen = observe(of, 9, "days")
    assert (seen.histories.x[0], seen.spend.purchases[0], seen.spend.mean[0]) == (1, 0, 0)


def test_a_sample_keeps_customers_whole() -> None:
    of = store("bgnbd", 500)
    drawn = sample(of, 100, seed=1)
    assert drawn.customers == 100
    assert sample(of, 500, seed=1) is of
    counts = {tuple(of.day[of.customer == number].tolist()) for number in range(of.customers)}
    assert all(tuple(drawn.day[drawn.customer == number].tolist()) in counts for number in range(100))


def test_groups_count_equal_histories() -> None:
    of = histories([2, 0, 2, 1, 0], [5, 0, 5, 5, 0], [9, 9, 9, 9, 8])
    grouped = group(of)
    rows = dict(zip(zip(grouped.x, grouped.t_x, grouped.age, strict=True), grouped.count, strict=True))
    assert rows == {(2, 5, 9): 2, (0, 0, 9): 1, (1, 5, 9): 1, (0, 0, 8): 1}
    distinct, places = group_with_places(of)
    assert distinct.x[places].tolist() == of.x.tolist()
    assert distinct.age[places].tolist() == of.age.tolist()


def test_a_simulated_store_is_the_same_for_a_seed() -> None:
    made = SimulatedStore("pareto", (0.6, 70.0, 0.7, 80.0), None, 200, 50, 300)
    one, same, other = simulate(made, 1), simulate(made, 1), simulate(made, 2)
    assert one.day.tolist() == same.day.tolist() != other.day.tolist()
    assert not one.has_amounts
    assert one.customers == 200
    with pytest.raises(BadModel):
        simulate(SimulatedStore("gammagamma", (1, 1, 1, 1), None, 2, 1, 9), 1)


def test_errors_and_bias() -> None:
    found = errors(np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.0, 5.0]))
    assert (found.mae, found.rmse) == pytest.approx((1.0, np.sqrt(5 / 3)))
    assert found.bias == pytest.approx(6 / 7 - 1)
    assert errors(np.ones(2), np.zeros(2)).bias is None
    with pytest.raises(BadHistory):
        errors(np.ones(2), np.ones(3))


def test_calibration_goes_from_least_to_most_expected() -> None:
    expected = np.arange(100.0)[::-1]
    bins = calibration(expected, expected * 2)
    assert [part.decile for part in bins] == list(range(1, 11))
    assert [part.expected_mean for part in bins] == [4.5 + 10 * step for step in range(10)]
    assert [part.actual_mean for part in bins] == [9 + 20 * step for step in range(10)]
    assert len(calibration(np.ones(3), np.ones(3))) == 3


def test_coverage_counts_the_ends_as_inside() -> None:
    found = coverage(np.zeros(4), np.full(4, 2.0), np.array([0.0, 2.0, 3.0, 1.0]), 0.9)
    assert (found.covered, found.mean_width) == (0.75, 2)


def test_the_back_test_sees_nothing_after_its_last_day() -> None:
    of = store("bgnbd", 600)
    until = of.first_day + 300
    early = purchases(*(column[of.day <= until] for column in (of.customer, of.day, of.amount)))
    one, other = (back_test(those, until=until, unit="weeks") for those in (of, early))
    assert {trial.origin for trial in one.trials} == {of.first_day + days for days in (150, 187, 225)}
    assert one.scores == pytest.approx(other.scores)
    assert one.log_scores == pytest.approx(other.log_scores)
    best = [min(t.relative for t in one.trials if t.origin == trial.origin) for trial in one.trials]
    assert min(best) >= 1


def test_the_back_test_follows_its_rule() -> None:
    of = store("bgnbd", 6_000)
    tried = back_test(of, until=of.first_day + 540, unit="weeks", models=("bgnbd", "mbgnbd"))
    assert set(tried.scores) == {"bgnbd", "bgnbd+prior", "mbgnbd", "mbgnbd+prior"}
    for name in tried.scores:
        relative = []
        for origin in sorted({trial.origin for trial in tried.trials}):
            there = {trial.label: trial.errors for trial in tried.trials if trial.origin == origin}
            mae, rmse = min(e.mae for e in there.values()), min(e.rmse for e in there.values())
            relative.append((there[name].mae / mae + there[name].rmse / rmse) / 2)
        assert tried.scores[name] == pytest.approx(np.mean(relative))
    assert min(tried.scores.values()) * (1 + TIE) > max(tried.scores.values())
    assert max(tried.log_scores, key=lambda name: tried.log_scores[name]).startswith("bgnbd")
    assert tried.log_scores["bgnbd+prior"] < tried.log_scores["bgnbd"] + GAIN
    assert (tried.chosen, tried.leans) == ("bgnbd", False)


def test_a_model_that_is_clearly_less_right_is_not_chosen_for_its_distribution() -> None:
    tried = back_test(cdnow_purchases(), until=729_297, unit="weeks")
    assert tried.chosen == min(tried.scores, key=lambda name: tried.scores[name])
    assert not max(tried.log_scores, key=lambda name: tried.log_scores[name]).startswith(tried.chosen)


def test_a_prior_holds_what_a_short_history_lets_run_away() -> None:
    """Pareto/NBD's leaving has no maximum in the first nineteen weeks: there the prior gave the higher probability."""
    tried = back_test(cdnow_purchases(), until=729_297, unit="weeks", models=("pareto",))
    first = min(trial.origin for trial in tried.trials)
    scores = {trial.leans: trial.log_score for trial in tried.trials if trial.origin == first}
    assert scores[True] > scores[False] + 0.005
    assert tried.leans


def test_a_history_without_a_past_cannot_be_tested() -> None:
    of = store("bgnbd", 600)
    with pytest.raises(CannotFit, match="at least 56 days"):
        back_test(of, until=of.first_day + 40, unit="weeks")
    once = purchases(np.arange(50), np.arange(50) * 3)
    with pytest.raises(CannotFit, match="an origin at which a model can be fitted"):
        back_test(once, until=200, unit="weeks")

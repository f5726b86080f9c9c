"""Simulated contracts: billing by the experiment comes out right, and figures say what they saw."""

from __future__ import annotations

import numpy as np
import pytest

from kiki.orchestrator.experiments.billing import Basis
from kiki.orchestrator.experiments.figures import (
    Contract,
    Month,
    caused_figures,
    holdout_figures,
    nothing_figures,
    same_twice_figure,
    simulate_contract,
)

USERS = 3_000


def shop(seed: int, month: int, effect: float) -> Month:
    """A month whose users spend about 10, and `effect` more when treated."""
    generator = np.random.default_rng((seed, month))
    held_out = generator.random(USERS) < 0.2
    outcomes = generator.gamma(2, 5, USERS) + effect * ~held_out
    truth = effect * float(np.count_nonzero(~held_out))
    return Month(outcomes, held_out, float(outcomes.sum()), truth, claimed=0.3 * float(outcomes.sum()))


@pytest.fixture(scope="module")
def working() -> list[Contract]:
    return [simulate_contract(shop, seed, 1.0, months=4) for seed in range(30)]


@pytest.fixture(scope="module")
def idle() -> list[Contract]:
    return [simulate_contract(shop, seed, 0.0, months=4) for seed in range(30)]


def test_a_contract_bills_what_was_caused_to_date(working: list[Contract]) -> None:
    for contract in working:
        last = contract.bills[Basis.ESTIMATE][-1]
        assert len(contract.bills[Basis.ESTIMATE]) == 4
        assert float(last.target.amount) == pytest.approx(contract.truths[-1], rel=0.5)
    figures = {figure.name: figure for figure in caused_figures(working)}
    assert all(figure.met for figure in figures.values())
    assert 0.9 < float(figures["ads work: billed / truth, 12 months"].got) < 1.1
    assert float(figures["ads work: billed on the lower bound / truth"].got) < 1
    assert float(figures["ads work: default rule claims / truth"].got) > 3


def test_ads_that_do_nothing_bill_next_to_nothing(idle: list[Contract]) -> None:
    figures = {figure.name: float(figure.got) for figure in nothing_figures(idle)}
    assert figures["ads do nothing: intervals that cover 0"] >= 26
    carried = figures["ads do nothing: billed, carried forward / revenue"]
    assert figures["ads do nothing: the same, credited at the end"] < carried
    assert carried < figures["ads do nothing: billed, negatives forgotten"] < 0.02
    assert figures["ads do nothing: billed on the lower bound / revenue"] < 0.001
    assert figures["ads do nothing: default rule claims / revenue"] == pytest.approx(0.3)


def test_a_figure_that_is_missed_says_so(working: list[Contract]) -> None:
    """Shops whose ads work, judged as if they did nothing."""
    missed = {figure.name for figure in nothing_figures(working) if not figure.met}
    assert "ads do nothing: intervals that cover 0" in missed
    assert "ads do nothing: billed + carried / revenue" in missed
    assert "ads do nothing: billed on the lower bound / revenue" in missed


def test_the_known_hold_out_is_judged_by_its_error() -> None:
    month = shop(1, 1, 1.0)
    first, ratio = holdout_figures("case", month.outcomes, month.held_out, month.truth, None)
    assert first.met == (float(first.got) <= 1)
    assert ratio.met
    assert not holdout_figures("case", month.outcomes, month.held_out, 1e6, None)[0].met
    published = {"holdout_itt_estimate": 0.0, "holdout_itt_se": 0.0}
    _, estimate, error, _ = holdout_figures("case", month.outcomes, month.held_out, month.truth, published)
    assert not estimate.met
    assert not error.met


def test_replays_of_equal_users_are_sound() -> None:
    figure = same_twice_figure(shop(2, 1, 0.0).outcomes, 0.2)
    assert figure.met
    assert 0.02 < float(figure.got) < 0.08

"""Geo tests: the published case to its last digit, known effects found again, and what is refused."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.experiments.conformal import conformal_test, jackknife_interval
from kiki.orchestrator.experiments.did import fit_did
from kiki.orchestrator.experiments.geo import GeoResult, GeoTest, as_document, run_geo_test
from kiki.orchestrator.experiments.panel import Panel, read_panel
from kiki.orchestrator.experiments.placebo import MAX_GROUPS, in_space, in_time
from kiki.orchestrator.experiments.simplex import duality_gap
from kiki.orchestrator.experiments.synthetic_control import fit_synthetic

CASE = Path(__file__).resolve().parents[5] / "shared" / "data" / "geolift"


@pytest.fixture(scope="module")
def published() -> tuple[Panel, dict[str, Any]]:
    if not CASE.is_dir():
        pytest.skip("the published geo test is not beside this repository (../shared/data/geolift)")
    with (CASE / "GeoLift_Test.csv").open() as file:
        return read_panel(list(csv.DictReader(file))), json.loads((CASE / "expected.json").read_text())


@pytest.fixture(scope="module")
def found(published: tuple[Panel, dict[str, Any]]) -> GeoResult:
    return run_geo_test(published[0], GeoTest(("chicago", "portland"), "2021-04-01", alpha=0.1))


def test_the_published_estimate(found: GeoResult, published: tuple[Panel, dict[str, Any]]) -> None:
    expected = published[1]
    assert round(found.att, 3) == expected["ATT"]
    assert round(found.incremental) == expected["incremental_Y"]
    assert round(100 * found.lift, 1) == expected["percent_lift"]
    assert round(found.l2_imbalance, 3) == expected["L2_imbalance"]
    assert round(found.scaled_l2, 4) == expected["scaled_L2"]
    assert round(100 * (1 - found.scaled_l2), 2) == expected["pct_improvement_over_naive"]
    assert round(found.conformal.p_value, 2) == expected["p_value"]


def test_the_published_weights_to_four_digits(found: GeoResult, published: tuple[Panel, dict[str, Any]]) -> None:
    shown = {name: round(weight, 4) for name, weight in found.weights.items() if round(weight, 4)}
    assert shown == published[1]["weights"]


def test_the_published_interval(found: GeoResult) -> None:
    """90 %: (-2450.734, 11349.93), in the documentation of GeoLift on its intervals."""
    ends = [end * found.places_and_periods for end in found.att_interval]
    assert ends == pytest.approx([-2450.734, 11349.93], abs=0.01)


def test_the_published_weights_are_optimal(found: GeoResult, published: tuple[Panel, dict[str, Any]]) -> None:
    panel, pre = published[0], found.pre
    moves = panel.values - panel.values[:, :pre].mean(axis=1, keepdims=True)
    rows = [panel.index_of(name) for name in found.weights]
    treated = moves[[panel.index_of(name) for name in found.test.treated]].mean(axis=0)
    gap = duality_gap(moves[rows][:, :pre].T, treated[:pre], np.array(list(found.weights.values())))
    assert gap / found.l2_imbalance**2 < 1e-12


def test_the_index_and_the_last_period_say_the_same_as_dates(found: GeoResult, published: tuple[Panel, Any]) -> None:
    same = run_geo_test(published[0], GeoTest(("Portland", "CHICAGO"), "91", "105", alpha=0.1))
    assert same.att == pytest.approx(found.att, rel=1e-12)
    assert same.conformal == found.conformal


def shop_panel(seed: int = 1, places: int = 20, periods: int = 80, effect: float = 0.0, after: int = 10) -> Panel:
    """Places of different size that share a trend and a week, with noise; the first two get an effect at the end."""
    generator = np.random.default_rng(seed)
    size = generator.uniform(500, 3_000, size=(places, 1))
    week = 0.2 * np.sin(np.arange(periods) * 2 * math.pi / 7)
    shared = np.cumsum(generator.normal(0, 0.01, periods))
    weekly, along = generator.uniform(0.5, 1.5, (places, 1)), generator.uniform(0, 2, (places, 1))
    values = size * (1 + week * weekly + shared * along + generator.normal(0, 0.02, (places, periods)))
    values[:2, -after:] += effect
    start = dt.date(2026, 1, 1)
    return Panel(
        tuple(f"place {number}" for number in range(places)),
        tuple(start + dt.timedelta(days=day) for day in range(periods)),
        values,
    )


ASKED = GeoTest(("place 0", "place 1"), "71")


@pytest.mark.parametrize("method", ["synthetic", "did"])
def test_the_order_of_the_places_decides_nothing(method: str) -> None:
    """Even where several weights fit as well: place 5 stands in the panel twice, under two names."""
    panel = shop_panel(effect=500)
    values, places = np.vstack([panel.values, panel.values[5] + 7.0]), (*panel.places, "twin of 5")
    values[-1, 70:] *= 1.1
    answers = []
    for order in (np.arange(len(places)), np.random.default_rng(3).permutation(len(places))):
        shuffled = Panel(tuple(places[row] for row in order), panel.periods, values[order])
        answers.append(run_geo_test(shuffled, GeoTest(ASKED.treated, ASKED.start, method=method)))
    one, other = answers
    assert other.att == pytest.approx(one.att, rel=1e-9)
    assert other.att_interval == pytest.approx(one.att_interval, rel=1e-9)
    assert other.weights == pytest.approx(one.weights, abs=1e-9)
    assert other.space == one.space


@pytest.mark.parametrize("method", ["synthetic", "did"])
def test_an_added_effect_adds_to_the_estimate(method: str) -> None:
    test = GeoTest(ASKED.treated, ASKED.start, method=method)
    without, with_it = run_geo_test(shop_panel(), test), run_geo_test(shop_panel(effect=500), test)
    assert with_it.att - without.att == pytest.approx(500)
    assert with_it.incremental == pytest.approx(with_it.att * 20)
    assert with_it.conformal.p_value < 0.01 < without.conformal.p_value
    assert with_it.att_interval[0] > 0 or method == "did"
    assert with_it.att_interval[0] < 500 < with_it.att_interval[1]


def test_intervals_cover_no_effect_about_as_often_as_they_say() -> None:
    covered = alarms = 0
    for seed in range(40):
        panel = shop_panel(seed, places=12, periods=60)
        treated, controls = panel.values[0], panel.values[2:]
        low, high = jackknife_interval(fit_synthetic, treated, controls, 50, 0.1)
        covered += low <= 0 <= high
        alarms += conformal_test(fit_synthetic, treated, controls, 50, seed=seed, draws=400).p_value < 0.1
    assert covered >= 32
    assert alarms <= 10


def test_did_is_the_difference_of_four_means() -> None:
    values = shop_panel(effect=100).values
    treated, controls = values[:2].mean(axis=0), values[2:]
    ours, theirs = (of[70:].mean() - of[:70].mean() for of in (treated, controls.mean(axis=0)))
    assert fit_did(treated, controls, 70).att == pytest.approx(ours - theirs)


def test_levels_do_not_matter_and_units_carry_through() -> None:
    panel = shop_panel(effect=100)
    found = run_geo_test(panel, ASKED)
    lifted = Panel(panel.places, panel.periods, panel.values + np.arange(20)[:, None] * 1e4)
    assert run_geo_test(lifted, ASKED).att == pytest.approx(found.att, rel=1e-8)
    cents = Panel(panel.places, panel.periods, panel.values * 100)
    assert run_geo_test(cents, ASKED).att == pytest.approx(100 * found.att, rel=1e-8)
    assert run_geo_test(cents, ASKED).lift == pytest.approx(found.lift, rel=1e-8)


def test_the_block_test_counts_runs() -> None:
    panel = shop_panel(effect=2_000)
    treated, controls = panel.values[:2].mean(axis=0), panel.values[2:]
    found = conformal_test(fit_synthetic, treated, controls, 70, seed=1, draws=500)
    assert found.p_value_blocks == pytest.approx(1 / 80)
    assert found.p_value == pytest.approx(1 / 501)


def test_placebos_know_a_large_effect_from_none() -> None:
    values = shop_panel(effect=2_000).values
    seen = fit_synthetic(values[:2].mean(axis=0), values[2:], 70)
    space = in_space(fit_synthetic, values[2:], seen, 2, seed=1)
    assert space is not None
    assert space.groups == 153  # 18 over 2: all of them.
    assert space.p_value == pytest.approx(1 / 154)
    assert space.lift_deviation < 0.1
    times = in_time(fit_synthetic, values[:2].mean(axis=0), values[2:], 70)
    assert [one.start for one in times] == [60, 50, 40, 30, 20, 10]
    assert all(abs(one.att) < 500 for one in times)


def test_many_groups_are_drawn_at_random_and_by_the_seed() -> None:
    values = shop_panel(places=30).values
    seen = fit_synthetic(values[:3].mean(axis=0), values[3:], 70)
    first, again, other = (in_space(fit_did, values[3:], seen, 3, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert first is not None
    assert first.groups == MAX_GROUPS


def test_placebos_are_left_out_where_too_few_controls_are_left() -> None:
    panel = shop_panel(places=4)
    document = as_document(run_geo_test(panel, ASKED), panel)
    assert document["placebo_space"] is None


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        pytest.param(GeoTest(("nowhere",), "71"), "UNKNOWN_PLACE", id="place"),
        pytest.param(GeoTest((), "71"), "BAD_TREATED", id="nobody"),
        pytest.param(GeoTest(("place 0", "PLACE 0"), "71"), "BAD_TREATED", id="twice"),
        pytest.param(GeoTest(tuple(f"place {n}" for n in range(19)), "71"), "TOO_FEW_CONTROLS", id="controls"),
        pytest.param(GeoTest(("place 0",), "3"), "TOO_FEW_PERIODS", id="periods"),
        pytest.param(GeoTest(("place 0",), "71", "70"), "BAD_SPAN", id="ends-before"),
        pytest.param(GeoTest(("place 0",), "99"), "UNKNOWN_PERIOD", id="start"),
        pytest.param(GeoTest(("place 0",), "71", method="magic"), "UNKNOWN_METHOD", id="method"),
        pytest.param(GeoTest(("place 0",), "71", alpha=0), "BAD_ALPHA", id="alpha"),
    ],
)
def test_a_test_that_cannot_be_answered_is_refused(test: GeoTest, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        run_geo_test(shop_panel(), test)
    assert caught.value.reason == reason


def test_doubts_are_told() -> None:
    few = run_geo_test(shop_panel(periods=15, after=5), GeoTest(ASKED.treated, "11"))
    assert any("only 10 periods" in warning for warning in few.warnings)
    assert any("more controls" in warning for warning in few.warnings)
    generator = np.random.default_rng(1)
    wild = shop_panel()
    noise = Panel(wild.places, wild.periods, generator.lognormal(0, 2, wild.values.shape))
    assert any("do not trust" in warning for warning in run_geo_test(noise, ASKED).warnings)
    assert run_geo_test(shop_panel(), ASKED).warnings == ()


@pytest.mark.parametrize(
    ("values", "lift"),
    [
        pytest.param(np.zeros((5, 10)), None, id="zeros"),
        pytest.param(np.ones((5, 10)), 0.0, id="constant"),
        pytest.param(np.tile(np.arange(10.0), (5, 1)), 0.0, id="perfect-fit"),
        pytest.param(np.vstack([np.ones(10), np.zeros((4, 10))]), 0.0, id="silent-controls"),
        pytest.param(-np.ones((5, 10)), None, id="under-zero"),
    ],
)
@pytest.mark.parametrize("method", ["synthetic", "did"])
def test_series_that_say_nothing_have_no_effect(values: np.ndarray, lift: float | None, method: str) -> None:
    panel = Panel(tuple("abcde"), tuple(range(1, 11)), values)
    document = as_document(run_geo_test(panel, GeoTest(("a",), "7", method=method)), panel)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert (document["att"], document["lift"], document["p_value"]) == (0.0, lift, 1.0)


def test_the_document_is_json_and_adds_up() -> None:
    panel = shop_panel(effect=50)
    document = json.loads(json.dumps(as_document(run_geo_test(panel, ASKED), panel, series=True), allow_nan=False))
    space = document["placebo_space"]
    assert space["minimum_lift"] == pytest.approx(2.8016 * space["lift_standard_deviation"], rel=1e-4)
    assert document["observed"] - document["expected"] == pytest.approx(document["incremental"])
    assert document["percent_lift"] == pytest.approx(100 * document["incremental"] / document["expected"])
    assert sum(document["weights"].values()) == pytest.approx(1, abs=1e-3)
    gaps = [row["gap"] for row in document["series"][document["pre_periods"] :]]
    assert sum(gaps) * 2 == pytest.approx(document["incremental"])
    assert (document["start"], document["end"], document["test_periods"]) == ("2026-03-12", "2026-03-21", 10)

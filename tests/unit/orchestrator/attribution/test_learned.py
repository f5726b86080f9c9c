"""Learning from a hold-out: what it says equals what the arms show, and it is calibrated where the truth is known."""

from __future__ import annotations

import csv
import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.attribution.calibration import brier, expected_calibration_error, reliability
from kiki.orchestrator.attribution.fitted import Feature, LearnedParameters
from kiki.orchestrator.attribution.holdout import Holdout, read_holdout
from kiki.orchestrator.attribution.learned import confidences, cross_fitted, fit_learned
from kiki.orchestrator.attribution.learned_model import LearnedModel
from kiki.orchestrator.attribution.learned_report import against_truth, learned_report, read_truth
from kiki.orchestrator.attribution.logistic import Trials, fit_logistic, log_likelihood, probabilities
from kiki.orchestrator.attribution.model import Case, Promotion, Rules, Touch, Verdict

SHARED = Path(__file__).resolve().parents[5] / "shared" / "data"
PLACED = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


def world(
    users: int = 40_000,
    seed: int = 1,
    *,
    without: tuple[float, float] = (0.06, 0.20),
    lift: tuple[float, float] = (0.06, 0.02),
    seen: float = 1.0,
) -> tuple[Holdout, np.ndarray]:
    """Two kinds of buyers, a quarter of the second; and, for the test alone, whose order was caused."""
    random = np.random.default_rng(seed)
    kind = (random.random(users) < 0.25).astype(np.int64)
    held_out = random.random(users) < 0.3
    exposed = ~held_out & (random.random(users) < seen)
    anyhow = random.random(users) < np.array(without)[kind]
    caused = exposed & ~anyhow & (random.random(users) < np.array(lift)[kind] / (1 - np.array(without)[kind]))
    data = Holdout(
        users=tuple(map(str, range(users))),
        eligible=np.ones(users, dtype=bool),
        held_out=held_out,
        exposed=exposed,
        ordered=anyhow | caused,
        amount=np.full(users, 10.0),
        names=("returning_customer",),
        features=kind[:, None].astype(np.float64),
        left_out=(),
    )
    return data, caused


def test_without_features_it_says_what_the_arms_say() -> None:
    data = replace(world()[0], names=(), features=np.zeros((40_000, 0)))
    with_ads, without = (data.ordered[arm].mean() for arm in (~data.held_out, data.held_out))
    parameters = fit_learned(data)
    found = confidences(parameters, data)
    assert found[data.exposed] == pytest.approx(1 - without / with_ads, rel=1e-6)
    assert (found[data.held_out] == 0).all()
    ratio_error = without / with_ads * np.sqrt((1 - without) / data.ordered[data.held_out].sum())
    assert parameters.mean_standard_error == pytest.approx(ratio_error, rel=0.25), "most of it is the hold-out's"


def test_caused_orders_are_those_that_the_hold_out_lacks() -> None:
    data = world()[0]
    caused = confidences(fit_learned(data), data)[data.ordered].sum()
    treated, held_out = (~data.held_out).sum(), data.held_out.sum()
    lacking = data.ordered[~data.held_out].sum() - data.ordered[data.held_out].sum() * treated / held_out
    assert caused == pytest.approx(lacking, rel=0.02)


def test_different_buyers_get_different_confidences_when_the_hold_out_shows_it() -> None:
    data, caused = world(lift=(0.08, 0.0))
    parameters = fit_learned(data)
    assert parameters.penalty is not None
    found = confidences(parameters, data)
    truth = [caused[data.ordered & data.exposed & (data.features[:, 0] == kind)].mean() for kind in (0, 1)]
    for kind in (0, 1):
        assert found[data.exposed & (data.features[:, 0] == kind)].mean() == pytest.approx(truth[kind], abs=0.06)


@pytest.mark.slow
def test_it_is_calibrated() -> None:
    data, caused = world()
    truth, orders = caused.astype(np.float64), data.ordered
    for found in (confidences(fit_learned(data), data), cross_fitted(data)):
        assert expected_calibration_error(found[orders], truth[orders]) < 0.03
        assert brier(found[orders], truth[orders]) < truth[orders].mean() * (1 - truth[orders].mean())


def test_ads_that_do_nothing_cause_next_to_nothing() -> None:
    data = world(lift=(0.0, 0.0))[0]
    parameters = fit_learned(data)
    found = confidences(parameters, data)[data.ordered & data.exposed].mean()
    assert found <= 3 * parameters.mean_standard_error


def test_only_exposed_buyers_can_have_been_caused() -> None:
    data, caused = world(seen=0.5)
    parameters = fit_learned(data)
    assert parameters.exposure is not None
    found = confidences(parameters, data)
    assert (found[~data.exposed] == 0).all()
    seen = data.ordered & data.exposed
    assert found[seen].mean() == pytest.approx(caused[seen].mean(), abs=0.05)


def test_users_whom_no_ad_would_reach_help_with_the_base_and_have_no_lift() -> None:
    data, caused = world()
    eligible = np.arange(len(data)) % 2 == 0
    part = replace(
        data, eligible=eligible, exposed=data.exposed & eligible, ordered=data.ordered & (eligible | ~caused)
    )
    alone = Holdout(
        users=data.users[::2],
        **{
            name: getattr(data, name)[::2]
            for name in ("eligible", "held_out", "exposed", "ordered", "amount", "features")
        },
        names=data.names,
        left_out=(),
    )
    found = confidences(fit_learned(part), part)[eligible]
    assert found[alone.exposed].mean() == pytest.approx(
        confidences(fit_learned(alone), alone)[alone.exposed].mean(), abs=0.03
    )


def test_too_few_orders_teach_nothing() -> None:
    with pytest.raises(InvalidInput, match="10 orders of eligible treated users, got 8"):
        fit_learned(world(users=60)[0])


def test_the_same_data_teach_the_same() -> None:
    data = world(users=5_000)[0]
    one, two = fit_learned(data), fit_learned(data)
    again = LearnedParameters.from_plain(json.loads(json.dumps(one.to_plain())))
    assert one == two == again
    assert one.fingerprint == again.fingerprint


@pytest.mark.slow
def test_the_simulated_store_is_met_without_its_truth() -> None:
    if not SHARED.exists():
        pytest.skip("the reference data are not beside this repository (../shared/data)")
    with (SHARED / "sim_attribution_a.csv").open() as file:
        data = read_holdout(csv.DictReader(file))
    assert data.names == ("product_promoted", "returning_customer")
    assert dict(data.left_out).keys() == {"ad_clicks_30d", "acquired_via_kiki"}
    parameters = fit_learned(data)
    with (SHARED / "sim_attribution_a_truth.csv").open() as file:
        found = against_truth(data, parameters, *read_truth(csv.DictReader(file), data))
    assert found["learned"]["brier"] < found["constant"]["brier"] == pytest.approx(0.1053, abs=5e-5)
    assert found["learned"]["ece10"] < 0.03
    assert found["learned_cross_fitted"]["ece10"] < 0.03
    assert found["oracle"]["brier"] == pytest.approx(0.0737, abs=5e-5)
    assert learned_report(data, parameters)["orders"] == 3_385, "of users who were not held out"


# Reading


HEADER = "user_id,eligible,holdout,exposed,ordered,order_amount,region,age\n"


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def many(line: str, times: int) -> str:
    return "".join(f"{line.format(at=at)}\n" for at in range(times))


def test_columns_have_their_roles_and_the_rest_are_features() -> None:
    text = HEADER + many("u{at},1,0,1,1,9.50,north,{at}", 5) + many("v{at},true,1,0,no,,south,{at}", 5)
    data = read_holdout(rows(text))
    assert (data.users[0], data.names, dict(data.left_out)) == ("u0", ("age",), {"region": "it is not numeric"})
    assert (int(data.held_out.sum()), int(data.ordered.sum()), float(data.amount.sum())) == (5, 5, 47.5)


def test_treated_is_the_other_way_round_and_exposure_follows() -> None:
    data = read_holdout(rows("Treated,Converted\n1,1\n0,0\n"))
    assert (data.held_out.tolist(), data.exposed.tolist(), data.users) == ([False, True], [True, False], ("1", "2"))


def test_what_ads_changed_is_no_feature() -> None:
    text = "holdout,ordered,clicks,age\n" + many("0,0,{at},{at}", 50) + many("1,0,0,{at}", 50)
    data = read_holdout(rows(text))
    assert data.names == ("age",)
    assert "ads changed it: 24.5 with ads, 0 held out" in dict(data.left_out)["clicks"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("holdout,ordered\n", "no users", id="nobody"),
        pytest.param("holdout,age\n1,3\n", "wanted are the columns holdout", id="no-outcome"),
        pytest.param("holdout,ordered\n0,1\nperhaps,1\n", "line 3: holdout is 0 or 1, got 'perhaps'", id="flag"),
        pytest.param("holdout,ordered,amount\n0,1,x\n", "line 2: amount is a number", id="amount"),
        pytest.param("holdout,ordered,amount\n0,1,inf\n", "line 2: amount is a finite number", id="infinite"),
        pytest.param("holdout,exposed,ordered\n1,1,0\n0,1,0\n", "1 of 1 held-out users were exposed", id="leak"),
    ],
)
def test_what_is_no_hold_out_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_holdout(rows(text))


def test_a_truth_must_know_every_user() -> None:
    data = read_holdout(rows("user_id,holdout,ordered\na,0,1\nb,1,0\n"))
    truth, chance = read_truth(rows("user_id,caused\nb,0\na,1\n"), data)
    assert (truth.tolist(), chance) == ([1, 0], None)
    with pytest.raises(InvalidInput, match="lacks the user b"):
        read_truth(rows("user_id,caused\na,1\n"), data)
    with pytest.raises(InvalidInput, match="one of truly_incremental"):
        read_truth(rows("user_id,colour\na,1\n"), data)
    with pytest.raises(InvalidInput, match="numbers between 0 and 1"):
        read_truth(rows("user_id,caused\na,1\nb,2\n"), data)


# Deciding


PARAMETERS = LearnedParameters(
    features=(
        Feature("returning_customer", mean=0.2, scale=0.4, base=0.3, lift=-0.1, exposure=0.0),
        Feature("product_promoted", mean=0.3, scale=0.5, base=0.0, lift=0.05, exposure=0.0),
    ),
    base=-2.2,
    lift=0.4,
    exposure=None,
    penalty=10.0,
    slope=1.0,
    treated=9_000,
    held_out=1_000,
    mean_standard_error=0.06,
)
MODEL = LearnedModel(PARAMETERS)


def case(*touches: Touch, promoted: bool = False, **facts: float) -> Case:
    promotions = (Promotion("p1", "k2"),) if promoted else ()
    return Case("o1", PLACED, touches, None, promotions, Rules(), facts=tuple(facts.items()))


def touch(days: float, kind: str = "click", campaign: str = "k1") -> Touch:
    return Touch(f"t{days}", campaign, kind, PLACED - dt.timedelta(days=days))


def test_a_decision_is_the_probability_and_explains_itself() -> None:
    asked = case(touch(9, "view", "k3"), touch(3), promoted=True, returning_customer=1.0)
    decision = MODEL.decide(asked)
    x = np.array([(1 - 0.2) / 0.4, (1 - 0.3) / 0.5])
    base = -2.2 + x @ [0.3, 0.0]
    p0, p1 = probabilities(np.array([base, base + 0.4 + x @ [-0.1, 0.05]]))
    assert float(decision.confidence) == pytest.approx(1 - p0 / p1, abs=5e-4)
    assert (decision.verdict, decision.campaign_id, decision.needs_review) == (Verdict.INCREMENTAL, "k1", False)
    assert decision.billed_share == decision.confidence
    assert decision.billed(10_000) == round(decision.confidence * 10_000)
    assert decision.evidence()["billed_share"] == str(decision.confidence)
    assert [signal.name for signal in decision.signals] == ["exposed", "returning_customer", "product_promoted"]
    assert decision.signals[0].without == 0
    assert decision.signals[0].touchpoint_ids == ("t9", "t3")
    for signal, left in ((1, case(touch(3), promoted=True)), (2, None)):
        told = decision.signals[signal]
        assert told.without == decision.confidence - told.weight
        if left is not None:
            assert told.without == MODEL.decide(left).confidence
    assert decision.signals[2].product_ids == ("p1",)
    assert decision == MODEL.decide(asked)
    assert decision.version == f"1:{PARAMETERS.fingerprint}"


def test_a_view_is_exposure_and_no_contact_is_nothing() -> None:
    assert MODEL.decide(case(touch(3, "view"))).confidence > 0
    for asked in (case(), case(touch(31)), case(touch(-1)), case(promoted=True, returning_customer=1.0)):
        assert MODEL.decide(asked).verdict is Verdict.NONE


@given(
    st.builds(
        LearnedParameters,
        features=st.just(PARAMETERS.features),
        base=st.floats(-900, 900),
        lift=st.floats(-900, 900),
        exposure=st.none() | st.floats(-5, 5),
        penalty=st.none(),
        slope=st.just(1.0),
        treated=st.just(1),
        held_out=st.just(1),
        mean_standard_error=st.just(0.0),
    ),
    st.floats(-5, 5),
)
def test_confidence_is_a_probability_whatever_was_learned(parameters: LearnedParameters, fact: float) -> None:
    decision = LearnedModel(parameters).decide(case(touch(1), returning_customer=fact))
    assert 0 <= decision.confidence <= 1
    assert decision.confidence == decision.confidence.quantize(Decimal("0.001"))


def test_the_model_decides_what_the_columns_say() -> None:
    data = world(users=4_000, seen=0.7)[0]
    parameters = fit_learned(data)
    found = confidences(parameters, data)
    model = LearnedModel(parameters)
    for at in np.flatnonzero(data.exposed)[:50].tolist():
        decision = model.decide(case(touch(1), returning_customer=float(data.features[at, 0])))
        assert float(decision.confidence) == pytest.approx(found[at], abs=5.1e-4)


# Fitting


def test_two_groups_give_their_log_odds() -> None:
    design = np.array([[1.0, 0.0], [1.0, 1.0]])
    fit = fit_logistic(Trials(design, np.array([100.0, 50.0]), np.array([20.0, 25.0]), np.zeros(2)), np.zeros(2))
    assert fit.coefficients == pytest.approx([np.log(20 / 80), np.log(80 / 20)])
    assert fit.covariance[0, 0] == pytest.approx(1 / 20 + 1 / 80)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100))
def test_a_fit_is_a_maximum(seed: int, penalty: float) -> None:
    random = np.random.default_rng(seed)
    design = np.column_stack([np.ones(20), random.normal(size=(20, 2))])
    trials = random.integers(1, 30, size=20).astype(np.float64)
    data = Trials(design, trials, random.binomial(trials.astype(int), 0.3).astype(np.float64), random.normal(size=20))
    ridge = np.array([0.01, penalty, np.inf])

    def worth(beta: np.ndarray) -> float:
        return log_likelihood(data, beta) - 0.5 * float(ridge[:2] @ beta[:2] ** 2)

    fit = fit_logistic(data, ridge)
    assert fit.coefficients[2] == 0
    assert fit.log_likelihood == log_likelihood(data, fit.coefficients)
    for step in (1e-3, -1e-3):
        for at in (0, 1):
            moved = fit.coefficients.copy()
            moved[at] += step
            assert worth(moved) <= worth(fit.coefficients) + 1e-9


def test_what_the_data_do_not_determine_wants_a_ridge() -> None:
    twice = Trials(np.ones((2, 2)), np.array([5.0, 5.0]), np.array([1.0, 2.0]), np.zeros(2))
    with pytest.raises(InvalidInput, match="do not determine"):
        fit_logistic(twice, np.zeros(2))
    assert fit_logistic(twice, np.array([0.1, 0.1])).coefficients[0] == pytest.approx(
        fit_logistic(twice, np.array([0.1, 0.1])).coefficients[1]
    )


# Figures


def test_calibration_is_measured_in_ten_bins() -> None:
    probability, outcome = np.array([0.0, 0.05, 0.1, 0.95, 1.0]), np.array([0.0, 1.0, 0.0, 1.0, 1.0])
    table = reliability(probability, outcome)
    assert [(row.low, row.count, row.rate) for row in table] == [(0.0, 2, 0.5), (0.1, 1, 0.0), (0.9, 2, 1.0)]
    assert expected_calibration_error(probability, outcome) == pytest.approx((2 * 0.475 + 0.1 + 2 * 0.025) / 5)
    assert brier(probability, outcome) == pytest.approx((0.95**2 + 0.1**2 + 0.05**2) / 5)


def test_nothing_is_calibrated_and_no_probability_is_refused() -> None:
    assert (brier(np.zeros(0), np.zeros(0)), expected_calibration_error(np.zeros(0), np.zeros(0))) == (0, 0)
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        reliability(np.array([1.2]), np.array([1.0]))

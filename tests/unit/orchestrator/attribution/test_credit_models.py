"""Models that divide credit: their formulas, what they bill, and what holds for every one of them."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.orchestrator.attribution.crediting import CreditModel, contacts_of
from kiki.orchestrator.attribution.fitted import ChannelEffect, MarkovParameters
from kiki.orchestrator.attribution.model import ELSEWHERE, Case, Rules, Touch, Verdict
from kiki.orchestrator.attribution.path_models import markov_model, shapley_model
from kiki.orchestrator.attribution.touch_models import TOUCH_MODELS

PLACED = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def touch(days_before: float, campaign: str = "k1", name: str = "", kind: str = "click") -> Touch:
    return Touch(name or f"t{days_before}", campaign, kind, PLACED - days_before * DAY)


def case(*touches: Touch, others: tuple[Touch, ...] = (), rules: Rules | None = None) -> Case:
    return Case("o1", PLACED, touches, None, (), rules or Rules(), others=others)


def parameters(**effects: float) -> MarkovParameters:
    return MarkovParameters(
        order=1,
        conversions=10.0,
        nulls=90.0,
        value=0.0,
        unattributed=0.0,
        unattributed_value=0.0,
        effects=tuple(ChannelEffect(name, effect, 0.0, 0.0, 0.0, 0.0) for name, effect in effects.items()),
    )


MODELS = {**TOUCH_MODELS, "shapley": shapley_model(), "markov": markov_model(parameters(k1=0.5, k2=0.25))}
JOURNEY = case(touch(14, "k1"), touch(7, "k2"), touch(0, "k2"), touch(3, "k3"))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        pytest.param("first", {"k1": 1}, id="first"),
        pytest.param("last", {"k2": 1}, id="last"),
        pytest.param("linear", {"k1": 1 / 4, "k2": 2 / 4, "k3": 1 / 4}, id="linear"),
        pytest.param("position", {"k1": 0.4, "k2": 0.1 + 0.4, "k3": 0.1}, id="position"),
        pytest.param("shapley", {"k1": 1 / 3, "k2": 1 / 3, "k3": 1 / 3}, id="shapley-counts-a-channel-once"),
        pytest.param("markov", {"k1": 0.5, "k2": 0.25, "k3": 0.375}, id="markov-unseen-channel-weighs-the-mean"),
        pytest.param(
            "time_decay",
            {"k1": 0.25, "k2": 0.5 + 1, "k3": 2 ** (-3 / 7)},
            id="time-decay-halves-in-seven-days",
        ),
    ],
)
def test_credit_follows_the_formula(name: str, wanted: dict[str, float]) -> None:
    shares = dict(MODELS[name].decide(JOURNEY).shares)
    total = sum(wanted.values())
    for campaign in ("k1", "k2", "k3"):
        assert float(shares[campaign]) == pytest.approx(wanted.get(campaign, 0) / total, abs=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_one_contact_of_ours_alone_is_billed_in_full(name: str) -> None:
    decision = MODELS[name].decide(case(touch(3)))
    assert (decision.confidence, decision.verdict, decision.campaign_id) == (1, Verdict.INCREMENTAL, "k1")
    assert [(signal.name, signal.weight, signal.without) for signal in decision.signals] == [("click", 1, 0)]


@pytest.mark.parametrize("name", MODELS)
def test_without_a_click_of_ours_an_order_is_untouched(name: str) -> None:
    for asked in (
        case(),
        case(touch(31)),
        case(touch(-1)),
        case(touch(2, kind="view")),
        case(touch(2, kind="view"), others=(touch(1, "email"),)),
    ):
        decision = MODELS[name].decide(asked)
        assert (decision.verdict, decision.confidence, decision.signals) == (Verdict.NONE, 0, ())


def test_confidence_is_the_part_that_falls_on_us() -> None:
    asked = case(touch(8, "k1"), touch(6, "k2"), others=(touch(4, "email"), touch(2, "organic")))
    found = {name: MODELS[name].decide(asked).confidence for name in ("first", "last", "linear", "position", "shapley")}
    assert found == {
        "first": Decimal(1),
        "last": Decimal(0),
        "linear": Decimal("0.5"),
        "position": Decimal("0.5"),
        "shapley": Decimal("0.5"),
    }
    assert MODELS["last"].decide(asked).verdict is Verdict.TOUCHED
    assert MODELS["last"].decide(asked).needs_review


def test_a_signal_tells_the_confidence_without_it() -> None:
    asked = case(touch(8, "k1"), touch(6, "k2"), touch(5, "k2"), others=(touch(4, "email"),))
    decision = MODELS["linear"].decide(asked)
    told = {(signal.name, signal.campaign_ids): (signal.weight, signal.without) for signal in decision.signals}
    assert told == {
        ("click", ("k1",)): (Decimal("0.25"), Decimal("0.667")),
        ("click", ("k2",)): (Decimal("0.5"), Decimal("0.5")),
        (ELSEWHERE, ("other:email",)): (Decimal("-0.25"), Decimal(1)),
    }
    assert decision.touchpoint_ids() == ["t8", "t6", "t5"]
    assert decision.evidence()["shares"] == {"k1": "0.250000", "k2": "0.500000", "other:email": "0.250000"}


def test_a_channel_of_somebody_else_is_never_taken_for_a_campaign_of_the_same_name() -> None:
    decision = MODELS["linear"].decide(case(touch(2, "email"), others=(touch(1, "email"),)))
    assert dict(decision.shares) == {"email": Decimal("0.5"), "other:email": Decimal("0.5")}


def test_channels_that_weigh_nothing_share_equally() -> None:
    decision = markov_model(parameters(k1=0.0, k2=0.0)).decide(case(touch(2, "k1"), touch(1, "k2")))
    assert dict(decision.shares) == {"k1": Decimal("0.5"), "k2": Decimal("0.5")}


_days = st.integers(0, 29 * 24).map(lambda hours: hours / 24)
_own = st.lists(st.builds(touch, _days, st.sampled_from(["k1", "k2", "k3"])), max_size=6).map(tuple)
_others = st.lists(st.builds(touch, _days, st.sampled_from(["email", "k1"])), max_size=4).map(tuple)


@pytest.mark.parametrize("name", MODELS)
@given(own=_own, others=_others, threshold=st.decimals("0.1", "1", places=2))
def test_shares_sum_to_one_and_confidence_is_our_part(
    name: str, own: tuple[Touch, ...], others: tuple[Touch, ...], threshold: Decimal
) -> None:
    asked = case(*own, others=others, rules=Rules(threshold=threshold))
    decision = MODELS[name].decide(asked)
    assert decision == MODELS[name].decide(asked), "replayed"
    assert (decision.verdict is Verdict.NONE) == (not own)
    if not own:
        return
    shares = dict(decision.shares)
    assert sum(shares.values()) == 1
    assert min(shares.values()) >= 0
    ours = sum(share for campaign, share in shares.items() if not campaign.startswith("other:"))
    assert abs(decision.confidence - ours) <= Decimal("0.00051")
    assert decision.confidence == decision.confidence.quantize(Decimal("0.001")), "stored to three places"
    assert (decision.verdict is Verdict.INCREMENTAL) == (decision.confidence >= threshold)
    assert shares[decision.campaign_id or ""] == max(
        share for campaign, share in shares.items() if not campaign.startswith("other:")
    ) or math.isclose(shares[decision.campaign_id or ""], max(shares.values()), abs_tol=1e-5)


@pytest.mark.parametrize("name", MODELS)
@given(own=_own, others=_others)
def test_the_counterfactual_is_the_decision_on_the_case_without_the_campaign(
    name: str, own: tuple[Touch, ...], others: tuple[Touch, ...]
) -> None:
    model = MODELS[name]
    for signal in model.decide(case(*own, others=others)).signals:
        if signal.name == ELSEWHERE:
            assert signal.without == model.decide(case(*own)).confidence
        else:
            left = tuple(each for each in own if each.campaign_id not in signal.campaign_ids)
            assert signal.without is not None
            assert abs(signal.without - model.decide(case(*left, others=others)).confidence) <= Decimal("0.001")


@given(own=_own, random=st.randoms())
def test_the_order_in_which_touchpoints_are_known_does_not_matter(own: tuple[Touch, ...], random: object) -> None:
    named = [Touch(f"t{at}", each.campaign_id, each.kind, each.at) for at, each in enumerate(own)]
    shuffled = list(named)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    for model in MODELS.values():
        assert dict(model.decide(case(*named)).shares) == dict(model.decide(case(*shuffled)).shares)


def test_deciding_among_contacts_is_deciding() -> None:
    for model in MODELS.values():
        assert isinstance(model, CreditModel)
        assert model.decide_among(JOURNEY, contacts_of(JOURNEY)) == model.decide(JOURNEY)

"""The default model, case by case and as properties."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.orchestrator.attribution.campaigns import CampaignIndex, KnownCampaign
from kiki.orchestrator.attribution.default_model import DefaultModel
from kiki.orchestrator.attribution.model import Case, Promotion, Rules, Touch, Verdict

PLACED = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def touch(days_before: float, kind: str = "click", name: str = "t1", campaign: str = "k1") -> Touch:
    return Touch(name, campaign, kind, PLACED - days_before * DAY)


def case(*touches: Touch, acquired: str | None = None, promoted: bool = False, rules: Rules | None = None) -> Case:
    return Case(
        order_id="o1",
        placed_at=PLACED,
        touches=touches,
        acquired_by_order_id=acquired,
        promotions=(Promotion("p1", "k2"),) if promoted else (),
        rules=rules or Rules(),
    )


@pytest.mark.parametrize(
    ("asked", "confidence", "verdict", "review"),
    [
        pytest.param(case(), "0", Verdict.NONE, False, id="nothing"),
        pytest.param(case(touch(10)), "0.5", Verdict.TOUCHED, False, id="click"),
        pytest.param(case(touch(10), promoted=True), "0.8", Verdict.INCREMENTAL, False, id="click-and-promoted"),
        pytest.param(case(touch(31), promoted=True), "0.3", Verdict.TOUCHED, True, id="click-31-days-before"),
        pytest.param(case(touch(30)), "0.5", Verdict.TOUCHED, False, id="click-at-the-window's-edge"),
        pytest.param(case(touch(0)), "0.5", Verdict.TOUCHED, False, id="click-at-the-order"),
        pytest.param(case(touch(-0.01)), "0", Verdict.NONE, False, id="click-after-the-order"),
        pytest.param(case(touch(10, "view")), "0", Verdict.NONE, False, id="view"),
        pytest.param(case(touch(10), touch(9, name="t2")), "0.5", Verdict.TOUCHED, False, id="two-clicks-count-once"),
        pytest.param(case(acquired="o0"), "0.5", Verdict.TOUCHED, False, id="acquired"),
        pytest.param(case(acquired="o1"), "0", Verdict.NONE, False, id="an-order-never-vouches-for-itself"),
        pytest.param(case(acquired="o0", promoted=True), "0.8", Verdict.INCREMENTAL, False, id="acquired-and-promoted"),
        pytest.param(case(touch(1), acquired="o0", promoted=True), "1", Verdict.INCREMENTAL, False, id="capped"),
    ],
)
def test_a_case_is_decided(asked: Case, confidence: str, verdict: Verdict, review: bool) -> None:
    decision = DefaultModel().decide(asked)
    assert (decision.confidence, decision.verdict, decision.needs_review) == (Decimal(confidence), verdict, review)


def test_the_last_click_names_the_campaign_and_every_click_is_evidence() -> None:
    decision = DefaultModel().decide(case(touch(3, name="t2", campaign="k9"), touch(9, name="t1"), promoted=True))
    assert decision.campaign_id == "k9"
    assert decision.touchpoint_ids() == ["t1", "t2"]
    assert [signal["name"] for signal in decision.evidence()["signals"]] == ["click", "promoted"]


def test_the_promotion_names_the_campaign_where_nobody_clicked() -> None:
    assert DefaultModel().decide(case(promoted=True)).campaign_id == "k2"


_touches = st.lists(
    st.builds(
        touch,
        st.floats(-40, 80, allow_nan=False),
        st.sampled_from(["click", "view"]),
        st.text("abc", min_size=1, max_size=3),
        st.sampled_from(["k1", "k2"]),
    ),
    max_size=6,
).map(tuple)


@given(_touches, st.sampled_from([None, "o0", "o1"]), st.booleans(), st.decimals("0.1", "1", places=2))
def test_confidence_stays_within_bounds_and_decides_the_verdict(
    touches: tuple[Touch, ...], acquired: str | None, promoted: bool, threshold: Decimal
) -> None:
    rules = Rules(threshold=threshold)
    decision = DefaultModel().decide(case(*touches, acquired=acquired, promoted=promoted, rules=rules))
    assert 0 <= decision.confidence <= 1
    assert (decision.verdict is Verdict.NONE) == (not decision.signals)
    if decision.signals:
        assert (decision.verdict is Verdict.INCREMENTAL) == (decision.confidence >= threshold)
    assert not (decision.needs_review and decision.verdict is Verdict.INCREMENTAL)


@given(_touches, st.randoms())
def test_the_order_in_which_touchpoints_are_known_does_not_matter(touches: tuple[Touch, ...], random: object) -> None:
    shuffled = list(touches)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    model = DefaultModel()
    assert model.decide(case(*touches)).confidence == model.decide(case(*shuffled)).confidence


@given(_touches, st.booleans())
def test_more_evidence_never_lowers_confidence(touches: tuple[Touch, ...], promoted: bool) -> None:
    model = DefaultModel()
    less = model.decide(case(*touches, promoted=promoted)).confidence
    assert model.decide(case(*touches, touch(5, name="more"), promoted=promoted)).confidence >= less


@pytest.mark.parametrize(
    ("said", "found"),
    [
        pytest.param({"campaign_id": "k1"}, "k1", id="our-id"),
        pytest.param({"utm_id": " 77 "}, "k1", id="utm-id"),
        pytest.param({"utm_campaign": "AUTUMN"}, "k1", id="name-in-any-case"),
        pytest.param({"utm_campaign": "k2"}, "k2", id="our-id-as-name"),
        pytest.param({"utm_campaign": "theirs"}, None, id="somebody-else's"),
        pytest.param({"campaign_id": "nope", "utm_campaign": "autumn"}, "k1", id="unknown-id-but-known-name"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_a_contact_leads_to_a_registered_campaign_or_to_none(said: dict[str, str], found: str | None) -> None:
    index = CampaignIndex([KnownCampaign("k1", "autumn", "77"), KnownCampaign("k2", "", "")])
    given_all = {"campaign_id": None, "utm_campaign": None, "utm_id": None, **said}
    assert index.find(**given_all) == found


def test_a_signal_tells_the_confidence_without_it() -> None:
    decision = DefaultModel().decide(case(touch(1), acquired="o0", promoted=True))
    assert [(signal.name, signal.without) for signal in decision.signals] == [
        ("click", Decimal("0.8")),
        ("acquired", Decimal("0.8")),
        ("promoted", Decimal(1)),
    ]
    assert decision.evidence()["signals"][0]["without"] == "0.8"

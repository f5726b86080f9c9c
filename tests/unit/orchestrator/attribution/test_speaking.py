"""Which model speaks for whom, and what part of an order it bills."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.kit.errors import FailedPrecondition, InvalidInput
from kiki.orchestrator.attribution.fitted import ChannelEffect, Feature, Fitted, LearnedParameters, MarkovParameters
from kiki.orchestrator.attribution.model import Case, Decision, Rules, Verdict, share_of
from kiki.orchestrator.attribution.registry import check_parameters
from kiki.orchestrator.attribution.speaking import DEFAULT, FIRST, SECOND, Naming, alone, speakers

LEARNED = LearnedParameters((), -2.0, 0.5, None, None, 1.0, 100, 100, 0.1)
PEOPLE = [f"customer-{number}" for number in range(2_000)]


@pytest.mark.parametrize(
    ("naming", "reason"),
    [
        pytest.param(Naming("guess"), "UNKNOWN_MODEL", id="model"),
        pytest.param(Naming("last", "guess"), "UNKNOWN_MODEL", id="second"),
        pytest.param(Naming("last", "last"), "SAME_MODEL", id="same"),
        pytest.param(Naming("candidate"), "NEVER_BILLED", id="candidate"),
        pytest.param(Naming("last", "candidate", 5), "NEVER_BILLED", id="candidate-on-an-arm"),
        pytest.param(Naming("last", "", 5), "NO_SECOND_MODEL", id="test-of-one"),
        pytest.param(Naming("last", "first", 1_000_000), "BAD_SHARE", id="everybody"),
        pytest.param(Naming("last", "first", -1), "BAD_SHARE", id="fewer-than-nobody"),
    ],
)
def test_a_naming_that_makes_no_sense_is_refused(naming: Naming, reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        naming.check()
    assert refused.value.reason == reason


def test_the_default_is_one_and_the_same_for_all() -> None:
    Naming().check()
    assert speakers(1, Naming(), {}) is speakers(2, Naming(), {}) is DEFAULT
    assert DEFAULT.of("anybody") == (DEFAULT.model, None, "")


def test_a_second_model_without_a_test_never_speaks() -> None:
    spoken = speakers(1, Naming("default", "last"), {})
    for person in PEOPLE[:50]:
        model, shadow, arm = spoken.of(person)
        assert (model.name, shadow.name if shadow else "", arm) == ("default", "last", "")
    assert spoken.wants_others
    assert not speakers(1, Naming("default", "learned"), {"learned": LEARNED}).wants_others
    assert speakers(1, Naming("default", "learned"), {"learned": LEARNED}).wants_facts


def test_arms_are_as_large_as_asked_and_only_grow() -> None:
    few = speakers(1, Naming("default", "last", 200_000), {})
    more = speakers(1, Naming("default", "last", 300_000), {})
    second = {person for person in PEOPLE if few.of(person)[0].name == "last"}
    grown = {person for person in PEOPLE if more.of(person)[0].name == "last"}
    assert len(second) == pytest.approx(400, abs=90), "five standard errors"
    assert second < grown
    assert {few.arm(person) for person in second} == {SECOND}
    assert few.of("") == (few.model, few.shadow, ""), "nobody is in no arm"
    elsewhere = speakers(2, Naming("default", "last", 200_000), {})
    assert second != {person for person in PEOPLE if elsewhere.of(person)[2] == SECOND}
    assert few.arm(next(person for person in PEOPLE if person not in second)) == FIRST


def test_a_model_whose_parameters_are_gone_refuses_the_order() -> None:
    spoken = speakers(1, Naming("learned"), {})
    case = Case("o1", dt.datetime(2026, 11, 20, tzinfo=dt.UTC), (), None, (), Rules())
    with pytest.raises(FailedPrecondition, match="learned of order o1"):
        spoken.model.decide(case)
    assert speakers(1, Naming("learned"), {"learned": LEARNED}).model.version == f"1:{LEARNED.fingerprint}"


def test_one_model_alone_asks_for_what_it_needs() -> None:
    assert not alone(DEFAULT.model).wants_others
    assert alone(speakers(1, Naming("linear"), {}).model).wants_others


def decision(verdict: Verdict, share: Decimal) -> Decision:
    return Decision("learned", "1", verdict, share, None, (), False, billed_share=share)


@given(st.integers(0, 10**12), st.decimals(0, 1, places=3))
def test_a_part_is_between_nothing_and_all(amount: int, share: Decimal) -> None:
    part = share_of(amount, share)
    assert 0 <= part <= amount
    assert abs(part - amount * share) <= Decimal("0.5")
    assert decision(Verdict.INCREMENTAL, share).billed(amount) == part
    assert decision(Verdict.TOUCHED, share).billed(amount) == 0


def test_halves_go_up() -> None:
    assert [share_of(amount, Decimal("0.5")) for amount in (1, 2, 3)] == [1, 1, 2]
    assert share_of(12_345, Decimal(1)) == 12_345


FEATURE = Feature("age", mean=0.0, scale=1.0, base=0.0, lift=0.0, exposure=0.0)


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param(LearnedParameters((), float("nan"), 0.5, None, None, 1.0, 1, 1, 0.1), id="no-number"),
        pytest.param(LearnedParameters((), 0.0, 0.5, float("inf"), None, 1.0, 1, 1, 0.1), id="infinite"),
        pytest.param(
            LearnedParameters((Feature("age", 0.0, 0.0, 0.0, 0.0, 0.0),), 0.0, 0.5, None, None, 1.0, 1, 1, 0.1),
            id="scale",
        ),
        pytest.param(
            MarkovParameters(1, 1.0, 1.0, 0.0, 0.0, 0.0, (ChannelEffect("a", -0.1, 0.0, 0.0, 0.0, 0.0),)), id="effect"
        ),
    ],
)
def test_parameters_that_no_fit_makes_are_refused(parameters: Fitted) -> None:
    check_parameters(LearnedParameters((FEATURE,), 0.0, 0.5, None, None, 1.0, 1, 1, 0.1))
    with pytest.raises(InvalidInput):
        check_parameters(parameters)


def test_a_candidate_is_recorded_under_its_own_name_and_asks_for_facts() -> None:
    spoken = speakers(1, Naming("last", "candidate"), {"candidate": LEARNED})
    assert spoken.wants_facts
    for person in PEOPLE[:50]:
        speaking, recorded, arm = spoken.of(person)
        assert recorded is not None
        assert (speaking.name, recorded.name, recorded.version, arm) == (
            "last",
            "candidate",
            f"1:{LEARNED.fingerprint}",
            "",
        )

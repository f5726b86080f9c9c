"""Models by name, and side by side with what each would bill."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from kiki.kit.errors import FailedPrecondition, InvalidInput
from kiki.orchestrator.attribution.compare import Bill, Priced, bills, compare, in_chunks, merged, plain_bill
from kiki.orchestrator.attribution.fitted import ChannelEffect, LearnedParameters, MarkovParameters
from kiki.orchestrator.attribution.model import Case, Promotion, Rules, Touch
from kiki.orchestrator.attribution.registry import FITTED, MODELS, available_models, build_model, read_parameters

PLACED = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
MARKOV = MarkovParameters(1, 1.0, 9.0, 0.0, 0.0, 0.0, (ChannelEffect("k1", 0.5, 0.0, 1.0, 1.0, 0.0),))
LEARNED = LearnedParameters((), -2.0, 0.5, None, None, 1.0, 100, 100, 0.1)
PARAMETERS = {"markov": MARKOV, "learned": LEARNED, "candidate": LEARNED}


def touch(name: str, campaign: str, days: float) -> Touch:
    return Touch(name, campaign, "click", PLACED - dt.timedelta(days=days))


def order(number: int, *touches: Touch, others: tuple[Touch, ...] = (), promoted: bool = False) -> Priced:
    promotions = (Promotion("p1", "k9"),) if promoted else ()
    return Priced(Case(f"o{number}", PLACED, touches, None, promotions, Rules(), others=others), 1_000)


ORDERS = [
    order(1),
    order(2, touch("a", "k1", 5), touch("b", "k2", 1)),
    order(3, touch("a", "k1", 5), promoted=True),
    order(4, touch("a", "k1", 5), others=(touch("x", "email", 1),)),
]


def test_every_model_speaks_under_its_name() -> None:
    models = available_models(PARAMETERS)
    assert [model.name for model in models] == list(MODELS)
    assert len({(model.name, model.version) for model in models}) == len(MODELS)
    for model in models:
        assert model.decide(ORDERS[1].case).model == model.name
        assert model.decide(ORDERS[1].case).version == model.version


def test_a_model_that_was_not_fitted_is_left_out_or_refused() -> None:
    assert {model.name for model in available_models({})} == MODELS.keys() - FITTED.keys()
    for name in FITTED:
        with pytest.raises(FailedPrecondition, match=name):
            build_model(name)
    with pytest.raises(FailedPrecondition):
        build_model("markov", LEARNED)
    with pytest.raises(InvalidInput, match="'guess'"):
        build_model("guess")


@pytest.mark.parametrize("name", FITTED)
def test_a_fitted_model_can_be_replayed_from_what_was_stored(name: str) -> None:
    model = build_model(name, PARAMETERS[name])
    again = build_model(name, read_parameters(name, PARAMETERS[name].to_plain()))
    assert again.version == model.version
    assert [again.decide(priced.case) for priced in ORDERS] == [model.decide(priced.case) for priced in ORDERS]
    assert read_parameters("linear", {}) is None


def test_bills_say_what_each_model_would_bill() -> None:
    models = [build_model(name, PARAMETERS.get(name)) for name in ("default", "last", "linear", "learned")]
    default, last, linear, learned = bills(compare(ORDERS, models), models)
    assert (default.orders, default.touched, default.incremental, default.billed_minor) == (4, 3, 1, 1_000)
    assert default.expected_minor == Decimal("0.5") * 1_000 + Decimal("0.8") * 1_000 + Decimal("0.5") * 1_000
    assert (last.incremental, last.in_review) == (2, 1)
    assert linear.billed_by_campaign == {"k1": 1_500, "k2": 500}
    assert (linear.incremental, linear.billed_minor, linear.expected_minor) == (2, 2_000, 2_500)
    assert (learned.incremental, learned.in_review) == (3, 0), "a part of each is billed, whatever the threshold"
    assert learned.billed_minor == round(learned.expected_minor) == sum(learned.billed_by_campaign.values())
    assert 0 < learned.billed_minor < 3_000


def test_bills_of_chunks_add_up() -> None:
    models = available_models(PARAMETERS)
    whole = bills(compare(ORDERS, models), models)
    parts = [bills(compare(chunk, models), models) for chunk in in_chunks(ORDERS, 3)]
    assert merged(parts) == whole
    assert merged([]) == []


def test_a_bill_is_plain() -> None:
    bill = Bill("linear", "1")
    assert plain_bill(bill)["mean_confidence"] == 0
    (made,) = bills(compare(ORDERS[1:2], [build_model("linear")]), [build_model("linear")])
    assert plain_bill(made) == {
        "model": "linear",
        "version": "1",
        "orders": 1,
        "touched": 1,
        "incremental": 1,
        "in_review": 0,
        "amount_minor": 1_000,
        "billed_minor": 1_000,
        "expected_minor": 1_000,
        "mean_confidence": 1.0,
        "billed_by_campaign_minor": {"k1": 500, "k2": 500},
    }

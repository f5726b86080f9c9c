"""A store's own attribution model, a second one beside it, and tests of two: what is decided, recorded and billed."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from integration.orchestrator.workflows.ruling import rules
from integration.orchestrator.workflows.shop import NOW, Shop, order, visit
from kiki.commerce.attribution_models import FittedRow, find_fitted, put_fitted
from kiki.commerce.events import OrderTouch, Refund
from kiki.commerce.stores import StoreSettings
from kiki.kit.money import Money
from kiki.orchestrator.attribution.fitted import ChannelEffect, Feature, Fitted, LearnedParameters, MarkovParameters
from kiki.orchestrator.attribution.learned_model import LearnedModel
from kiki.orchestrator.workflows import caches

LEARNED = LearnedParameters(
    features=(
        Feature("returning_customer", mean=0.5, scale=0.5, base=0.3, lift=-0.2, exposure=0.0),
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
CHANCE = LearnedModel(LEARNED).probability({"returning_customer": 0.0, "product_promoted": 0.0})
CLICK = visit("autumn", NOW - dt.timedelta(days=2))


def chain(effect: float) -> MarkovParameters:
    told = ChannelEffect("k1", effect, effect, 1.0, 10.0, 100.0)
    other = ChannelEffect("other:news/email", 0.4, 0.4, 0.5, 10.0, 100.0)
    return MarkovParameters(1, 10.0, 90.0, 100.0, 0.0, 0.0, (told, other))


async def fit(shop: Shop, model: str, parameters: Fitted, at: dt.datetime = NOW) -> None:
    row = FittedRow(shop.store_id, model, parameters.fingerprint, at, "upload", 1, parameters.to_plain(), {})
    async with shop.database.transaction() as connection:
        await put_fitted(connection, row)


async def newest(shop: Shop, order_id: str = "1") -> Any:
    return max(await shop.rows("attributions", order_id=order_id), key=lambda row: row["revision"])


@pytest.fixture(autouse=True)
async def _campaign(shop: Shop) -> None:
    await shop.register()


async def test_the_default_bills_the_whole_order_and_records_nothing_beside_it(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await shop.tell(order(touch=CLICK))
    (request,) = await shop.calls("RecordIncrementalRevenue")
    assert (request.model, request.HasField("incremental_amount")) == ("default", False)
    assert request.incremental_share == ""
    evidence = (await newest(shop))["evidence"]
    assert evidence.keys() == {"signals"}
    assert await shop.rows("attribution_shadows") == []


async def test_the_learned_model_bills_its_part_and_asks_nobody(shop: Shop) -> None:
    await fit(shop, "learned", LEARNED)
    await rules(shop, attribution_model="learned")
    await shop.tell(order(touch=CLICK))
    (request,) = await shop.calls("RecordIncrementalRevenue")
    share = Decimal(CHANCE).quantize(Decimal("0.001"))
    assert 0 < share < Decimal("0.5")
    assert (request.model, request.confidence) == ("learned", pytest.approx(float(share)))
    assert request.incremental_amount.nanos / 10**9 + request.incremental_amount.units == pytest.approx(
        float(share * 100)
    )
    row = await shop.row("orders", order_id="1")
    assert (row["verdict"], row["confidence"]) == ("incremental", share)
    assert await shop.rows("reviews") == []
    decision = await newest(shop)
    assert decision["model_version"] == f"1:{LEARNED.fingerprint}"
    assert decision["evidence"]["billed_share"] == str(share)
    assert [signal["name"] for signal in decision["evidence"]["signals"]] == [
        "exposed",
        "returning_customer",
        "product_promoted",
    ]


async def test_a_part_is_kept_when_the_order_is_paid_and_changed_later(shop: Shop) -> None:
    await fit(shop, "learned", LEARNED)
    await rules(shop, attribution_model="learned", basis="total")
    await shop.tell(order(touch=CLICK, paid=False))
    assert await shop.calls("RecordIncrementalRevenue") == []
    await rules(shop, attribution_model="default")
    await shop.tell(order(touch=CLICK, updated_at=NOW, net="50.00", total="60.01"))
    (request,) = await shop.calls("RecordIncrementalRevenue")
    share = Decimal(CHANCE).quantize(Decimal("0.001"))
    cents = int((share * 6001).quantize(Decimal(1), rounding="ROUND_HALF_UP"))
    assert request.incremental_amount.units * 100 + request.incremental_amount.nanos // 10**7 == cents
    assert (request.model, request.incremental_share) == ("learned", str(share)), "what decided, whatever decides now"


async def test_another_model_decides_anew_when_asked(shop: Shop) -> None:
    await rules(shop, attribution_model="last")
    await shop.tell(order(touch=CLICK))
    assert (await newest(shop))["model"] == "last"
    await fit(shop, "learned", LEARNED)
    await rules(shop, attribution_model="learned")
    await shop.fact("orders_reopened", {"order_ids": ["1"]})
    decision = await newest(shop)
    assert (decision["model"], decision["cause"], decision["revision"]) == ("learned", "recalculated", 2)
    first, second = await shop.calls("RecordIncrementalRevenue")
    assert (first.decision_seq, first.HasField("incremental_amount")) == (1, False)
    assert (second.decision_seq, second.HasField("incremental_amount")) == (2, True)
    await shop.fact("orders_reopened", {"order_ids": ["1"]})
    assert (await newest(shop))["revision"] == 2, "the same again is no news"


async def test_certain_and_whole_is_what_stood_there_before(shop: Shop) -> None:
    sure = msgspec.convert({**LEARNED.to_plain(), "base": -800.0, "lift": 700.0}, LearnedParameters, strict=False)
    await rules(shop, attribution_model="last")
    await shop.tell(order(touch=CLICK))
    await fit(shop, "learned", sure)
    await rules(shop, attribution_model="learned")
    await shop.fact("orders_reopened", {"order_ids": ["1"]})
    decision = await newest(shop)
    assert (decision["revision"], decision["model"], decision["confidence"]) == (2, "learned", 1)
    assert len(await shop.calls("RecordIncrementalRevenue")) == 1, "the same is not booked anew"
    assert await shop.calls("ReverseOrderRevenue") == []


async def test_a_second_model_is_recorded_and_never_billed(shop: Shop) -> None:
    await rules(shop, attribution_shadow="last")
    await shop.tell(order(touch=CLICK), order("2", email="b@example.com", customer_id="c2"))
    assert (await shop.row("orders", order_id="1"))["verdict"] == "touched"
    assert await shop.calls("RecordIncrementalRevenue") == []
    (shadow,) = await shop.rows("attribution_shadows")
    assert (shadow["order_id"], shadow["model"], shadow["verdict"]) == ("1", "last", "incremental")
    assert (shadow["confidence"], shadow["would_bill_minor"], shadow["currency"]) == (1, 10_000, "EUR")
    assert (shadow["arm"], shadow["model_version"]) == ("", "1")
    shop.now = NOW + dt.timedelta(hours=1)
    await shop.fact("orders_reopened", {"order_ids": ["1", "2"]})
    kept = await shop.rows("attribution_shadows")
    assert sorted((row["order_id"], row["verdict"]) for row in kept) == [
        ("1", "incremental"),
        ("1", "incremental"),
        ("2", "none"),
    ]


async def test_an_arm_decides_which_of_two_models_speaks(shop: Shop) -> None:
    await rules(shop, attribution_shadow="last", attribution_ab_share=500_000)
    for number in range(24):
        email, customer = f"u{number}@example.com", f"c{number}"
        await shop.tell(order(str(number), email=email, customer_id=customer, touch=CLICK))
    spoken = {row["order_id"]: (row["model"], row["evidence"]["arm"]) for row in await shop.rows("attributions")}
    assert set(spoken.values()) == {("default", "first"), ("last", "second")}
    shadows = {row["order_id"]: (row["model"], row["arm"]) for row in await shop.rows("attribution_shadows")}
    assert shadows.keys() == spoken.keys()
    for order_id, (model, arm) in spoken.items():
        assert shadows[order_id] == ("last" if model == "default" else "default", arm)
    billed = {request.order_id for request in await shop.calls("RecordIncrementalRevenue")}
    assert billed == {order_id for order_id, (model, _) in spoken.items() if model == "last"}
    again = order("again", email="u3@example.com", customer_id="c3", touch=CLICK)
    await shop.tell(again)
    assert (await newest(shop, "again"))["evidence"]["arm"] == spoken["3"][1], "a customer stays in their arm"


async def test_channels_of_others_get_their_part(shop: Shop) -> None:
    await rules(shop, attribution_model="linear")
    news = OrderTouch(utm_source="News", utm_medium="Email", at=NOW - dt.timedelta(days=1))
    await shop.tell(order("0", placed_at=NOW - dt.timedelta(hours=3), touch=CLICK))
    await shop.tell(order("1", touch=news))
    decision = await newest(shop)
    assert (decision["confidence"], decision["verdict"]) == (Decimal("0.5"), "touched")
    assert decision["evidence"]["shares"] == {"k1": "0.500000", "other:news/email": "0.500000"}
    assert decision["evidence"]["signals"][-1]["name"] == "elsewhere"


async def test_a_fit_is_read_once_and_again_when_there_is_a_new_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[list[int]] = []

    async def counted(connection: Any, store_ids: Any) -> Any:
        reads.append(list(store_ids))
        return await find_fitted(connection, store_ids)

    monkeypatch.setattr(caches, "find_fitted", counted)
    await shop.tell(order("0", touch=CLICK))
    assert reads == [], "the default wants nothing"
    await fit(shop, "markov", chain(0.4))
    await rules(shop, attribution_model="markov")
    for number in range(1, 4):
        await shop.tell(order(str(number), touch=CLICK))
    assert reads == [[shop.store_id]]
    await fit(shop, "markov", chain(0.2), NOW + dt.timedelta(minutes=1))
    await shop.tell(order("4", touch=CLICK))
    assert len(reads) == 2
    versions = [(await newest(shop, order_id))["model_version"] for order_id in ("1", "3", "4")]
    assert versions == [f"1:{chain(effect).fingerprint}" for effect in (0.4, 0.4, 0.2)]


async def test_a_model_without_parameters_holds_up_its_own_orders_only(shop: Shop) -> None:
    await rules(shop, attribution_model="learned")
    one = shop.item(order("1", touch=CLICK))
    first = shop.store_id
    await shop.connect(StoreSettings(), key="other.example.com")
    await shop.register()
    other = shop.item(order("2", touch=CLICK))
    (failure,) = await shop.decide([one, other])
    assert (failure.delivery_id, failure.error.reason) == (one.delivery_id, "NOT_FITTED")
    assert [row["order_id"] for row in await shop.rows("orders", store_id=shop.store_id)] == ["2"]
    assert await shop.rows("orders", store_id=first) == []


async def test_refunds_follow_the_part(shop: Shop) -> None:
    await fit(shop, "learned", LEARNED)
    await rules(shop, attribution_model="learned")
    await shop.tell(order(touch=CLICK))
    back = Refund(refund_id="r1", amount=Money(5_950, "EUR"), refunded_at=NOW)
    await shop.tell(order(touch=CLICK, updated_at=NOW, refunds=[back]))
    (refund,) = await shop.calls("RecordRefund")
    assert refund.amount.units == 59, "the amount given back; SyncLedger takes back its part of what was booked"
    assert len(await shop.calls("RecordIncrementalRevenue")) == 1

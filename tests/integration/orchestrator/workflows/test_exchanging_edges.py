"""Where a mistake in another currency would cost money: edits, decimals, refunds, races, rates that make no sense."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import msgspec
import pytest

from integration.orchestrator.workflows.shop import NOW, Shop, order, visit
from integration.orchestrator.workflows.test_exchanging import (
    DAY,
    HOUR,
    PAID,
    THURSDAY,
    billing,
    dollars,
    look,
    missing,
    placed,
    revenue,
    tell_rate,
    valued,
)
from integration.orchestrator.workflows.test_reopening import click, work
from integration.orchestrator.workflows.test_touchpoints import Unguarded
from kiki.commerce.events import OrderObserved, Refund, RefundObserved
from kiki.commerce.exchange.rates import RateTable
from kiki.commerce.exchange.repository import rates_for
from kiki.commerce.exchange.waiting import hand_out
from kiki.commerce.stores import StoreSettings
from kiki.kit.clock import FixedClock
from kiki.kit.money import Money
from kiki.orchestrator.workflows.rates import WaitingOrders

__all__ = ["billing"]
PEOPLE: list[dict[str, Any]] = [{"customer_id": name, "email": f"{name}@example.com"} for name in "abcdef"]


def own(**how: Any) -> OrderObserved:
    """An order in the shop's currency."""
    return order("1", placed_at=PAID, touch=visit("autumn", PAID - DAY), **how)


def later(told: OrderObserved, minutes: int, **how: Any) -> OrderObserved:
    return msgspec.structs.replace(told, updated_at=NOW + dt.timedelta(minutes=minutes), **how)


async def table(shop: Shop, at: dt.datetime) -> RateTable:
    async with shop.database.connection() as connection:
        return await rates_for(connection, {"USD", "EUR"}, {THURSDAY}, known_at=at)


async def test_yen_and_dinars_keep_their_decimals(billing: Shop) -> None:
    """10,000 minor units are 10,000 yen, 100.00 dollars and 10.000 dinars."""
    await tell_rate(billing, "0.0056", base="JPY")
    await tell_rate(billing, "2.81", base="KWD")
    for number, (code, person) in enumerate(zip(("JPY", "KWD"), PEOPLE, strict=False)):
        await placed(billing, dollars(str(number), currency=code, **person))
    assert await valued(billing) == [Money(5_600, "EUR"), Money(2_810, "EUR")]


@pytest.mark.parametrize(
    ("into", "rate", "wanted"), [("JPY", "178.5", Money(17_850, "JPY")), ("KWD", "0.3559", Money(35_590, "KWD"))]
)
async def test_contracts_settle_in_yen_and_dinars(billing: Shop, into: str, rate: str, wanted: Money) -> None:
    await billing.connect(StoreSettings(settlement_currency=into), key="second.example.com")
    await billing.register(products=["p1"])
    await tell_rate(billing, rate, base="EUR", quote=into)
    await placed(billing, own())
    (told,) = await revenue(billing)
    assert told[2] == rate
    (row,) = await billing.rows("orders")
    assert (row["settlement_currency"], row["exchange_rate"]) == (into, rate)
    assert wanted.minor == round(100 * float(rate) * {"JPY": 1, "KWD": 1000}[into])


async def test_a_refund_larger_than_the_order_leaves_nothing_and_not_less(billing: Shop) -> None:
    await tell_rate(billing, "0.8662")
    await placed(billing, dollars())
    refund = Refund(refund_id="r1", refunded_at=NOW, amount=Money(99_999, "USD"))
    await placed(billing, RefundObserved(order_id="1", refund=refund))
    assert (await valued(billing))[-1] == Money(0, "EUR")
    assert len(await billing.calls("RecordRefund")) == 1


async def test_a_booked_order_that_is_in_another_currency_now_is_booked_at_that_ones_rate(billing: Shop) -> None:
    """First ours without a rate, then in dollars that wait, then in pounds, then in euros again."""
    await placed(billing, own())
    await placed(billing, later(dollars(), 1))
    assert (await revenue(billing), await missing(billing)) == (
        [("1", 1, "", "0-00-00", "")],
        [("USD", "EUR", "2026-11-19", "1")],
    )
    await tell_rate(billing, "0.8662")
    assert await look(billing) == 1
    assert (await valued(billing))[-1] == Money(8_662, "EUR")
    await tell_rate(billing, "1.1", base="GBP")
    await placed(billing, later(dollars(currency="GBP"), 2))
    assert (await valued(billing))[-1] == Money(11_000, "EUR"), "the same figures in another currency are another worth"
    await placed(billing, later(own(), 3))
    assert (await valued(billing))[-1] == Money(10_000, "EUR")
    assert [told[1:] for told in await revenue(billing)] == [
        (1, "", "0-00-00", ""),
        (2, "0.8662", "2026-11-19", "ecb"),
        (3, "1.1", "2026-11-19", "ecb"),
        (4, "", "0-00-00", ""),
    ]
    assert await billing.rows("waiting_orders") == []


@pytest.mark.parametrize(
    ("settlement", "rate", "wanted"),
    [
        ("EUR", "0.9", ("0.9", "2026-11-19", "platform")),
        ("CHF", "0.5", ("0.8662", "2026-11-19", "ecb")),
        ("EUR", "nonsense", ("0.8662", "2026-11-19", "ecb")),
    ],
)
async def test_the_platforms_rate_of_an_order_that_was_edited_into_another_currency(
    billing: Shop, settlement: str, rate: str, wanted: tuple[str, str, str]
) -> None:
    await tell_rate(billing, "0.8662")
    await placed(billing, own())
    await placed(billing, later(dollars(), 1, settlement_currency=settlement, exchange_rate=rate))
    assert [told[1:] for told in await revenue(billing)][1:] == [(2, *wanted)]
    row = await billing.row("orders", order_id="1")
    assert (row["settlement_currency"], row["rate_source"]) == ("EUR", wanted[2])


async def test_an_edit_into_another_currency_waits_where_the_platform_tells_a_rate_of_no_use(billing: Shop) -> None:
    await placed(billing, own())
    await placed(billing, later(dollars(), 1, settlement_currency="CHF", exchange_rate="0.5"))
    assert [row["order_id"] for row in await billing.rows("waiting_orders")] == ["1"]
    await tell_rate(billing, "0.8662")
    assert await look(billing) == 1
    assert [told[1:3] for told in await revenue(billing)] == [(1, ""), (2, "0.8662")]


async def test_refused_orders_of_before_with_a_rate_of_no_use_are_told_anew(billing: Shop) -> None:
    """They carry the platform's rate into a third currency; SyncLedger refused them."""
    await placed(billing, dollars())
    async with billing.database.transaction() as connection:
        await connection.execute(
            "UPDATE commerce.orders SET booked_revision = 1, booked_minor = net_minor, booked_currency = currency,"
            " booked_total_minor = total_minor, booked_attribution = attribution_revision,"
            " settlement_currency = 'CHF', exchange_rate = '0.5'"
        )
    await tell_rate(billing, "0.8662")
    await look(billing)
    assert await revenue(billing) == [("1", 2, "0.8662", "2026-11-19", "ecb")]
    assert await billing.rows("waiting_orders") == []


async def test_a_rate_of_the_platform_beyond_all_money_is_not_used(billing: Shop) -> None:
    senseless = {"settlement_currency": "EUR", "exchange_rate": "999999999999"}
    most = "9000000000.00"
    foreign = msgspec.structs.replace(dollars("1", net=most, total=most, **PEOPLE[0]), **senseless)
    await placed(billing, foreign, dollars("2", **PEOPLE[1]))
    assert await revenue(billing) == []
    assert sorted(row["order_id"] for row in await billing.rows("waiting_orders")) == ["1", "2"]
    await tell_rate(billing, "0.8662")
    await look(billing)
    assert sorted(told[:3] for told in await revenue(billing)) == [("1", 1, "0.8662"), ("2", 1, "0.8662")]


async def test_an_order_told_again_while_it_waits_waits_once(billing: Shop) -> None:
    await placed(billing, dollars())
    (first,) = await billing.rows("waiting_orders")
    for minute in (1, 2):
        await placed(billing, later(dollars(), minute))
    assert await billing.rows("waiting_orders") == [first]
    assert len(await missing(billing)) == 1
    await placed(billing, later(dollars(net="200.00", total="238.00"), 3))
    await tell_rate(billing, "0.5")
    assert await look(billing) == 1
    assert len(await revenue(billing)) == 1
    assert (await valued(billing))[-1] == Money(10_000, "EUR"), "as it was told last"


async def test_workers_that_look_at_once_hand_each_order_out_once(billing: Shop) -> None:
    """Whoever holds the lease: the rows themselves are taken by one."""
    for number, person in enumerate(PEOPLE):
        await placed(billing, dollars(str(number), **person))
    pairs = [("USD", "EUR", THURSDAY)]
    async with billing.database.transaction() as one, billing.database.transaction() as other:
        first = await hand_out(one, pairs, billing.now, 4)
        second = await hand_out(other, pairs, billing.now, 4)
    assert sorted([*first[1], *second[1]]) == [str(number) for number in range(6)]
    async with billing.database.transaction() as connection:
        assert await hand_out(connection, pairs, billing.now, 4) == {}, "told lately"


async def test_two_workers_book_each_order_once(billing: Shop) -> None:
    for number, person in enumerate(PEOPLE):
        await placed(billing, dollars(str(number), **person))
    await tell_rate(billing, "0.8662")
    looking = [WaitingOrders(billing.sealer, FixedClock(billing.now)) for _ in range(3)]
    await asyncio.gather(*(one.run(Unguarded(billing.database)) for one in looking))  # type: ignore[arg-type]
    await work(billing)
    assert sorted(told[:2] for told in await revenue(billing)) == [(str(number), 1) for number in range(6)]


async def test_an_order_that_waits_for_another_rate_now_is_handed_out_at_once(billing: Shop) -> None:
    """It was handed out for dollars and edited before that was worked on."""
    await tell_rate(billing, "1.1", base="GBP", day=THURSDAY - 20 * DAY)
    await placed(billing, dollars())
    await tell_rate(billing, "0.8662")
    await WaitingOrders(billing.sealer, FixedClock(billing.now)).run(Unguarded(billing.database))  # type: ignore[arg-type]
    await placed(billing, later(dollars(currency="GBP"), 1))
    await work(billing)
    billing.now += dt.timedelta(seconds=5)
    await tell_rate(billing, "1.2", base="GBP")
    assert await look(billing) == 1
    assert [told[:3] for told in await revenue(billing)] == [("1", 1, "1.2")]


async def test_a_line_can_be_explained_after_its_rate_was_replaced(billing: Shop) -> None:
    await tell_rate(billing, "1.1545", base="EUR", quote="USD")
    await placed(billing, dollars())
    (booked,) = await revenue(billing)
    at = billing.now
    billing.now += HOUR
    await tell_rate(billing, "1.2", base="EUR", quote="USD")
    await placed(billing, later(dollars(net="200.00", total="238.00"), 90))
    assert [told[2] for told in await revenue(billing)] == [booked[2], booked[2]]
    then = (await table(billing, at)).newest("USD", "EUR", THURSDAY)
    now = (await table(billing, billing.now)).newest("USD", "EUR", THURSDAY)
    assert then is not None
    assert now is not None
    assert ((then.text, f"{then.day}", then.source), now.text) == (booked[2:], "0.833333333333")


async def test_shop_currency_orders_wait_where_the_contract_settles_in_another(billing: Shop) -> None:
    await billing.connect(StoreSettings(settlement_currency="GBP"), key="second.example.com")
    await billing.register(products=["p1"])
    baseline = {"revenue_minor": 120_000, "monthly_minor": 10_000, "months_available": 12}
    told = {"asked": "e1", "basis": "net_sales", "currency": "EUR", **baseline}
    await billing.fact("baseline_computed", {"baselines": [told]})
    assert await billing.calls("PutContract") == [], "without a baseline SyncLedger refuses uplift and lesser_of"
    pounds = dollars("2", currency="GBP", **PEOPLE[1])
    await placed(billing, own(), pounds)
    assert await revenue(billing) == [("2", 1, "", "0-00-00", "")]
    assert await missing(billing) == [("EUR", "GBP", "2026-11-19", "1")]
    await tell_rate(billing, "0.8812", base="EUR", quote="GBP")
    await look(billing)
    assert await revenue(billing) == [("2", 1, "", "0-00-00", ""), ("1", 1, "0.8812", "2026-11-19", "ecb")]
    rows = {row["order_id"]: (row["settlement_currency"], row["exchange_rate"]) for row in await billing.rows("orders")}
    assert rows == {"1": ("GBP", "0.8812"), "2": (None, None)}


async def test_rates_that_come_during_a_recalculation_count_once_and_frozen_ones_stay(billing: Shop) -> None:
    """Neither order was ours until a late visit; one has its rate by then, the other waits."""
    await tell_rate(billing, "0.8662")
    for told, person in ((dollars("1"), PEOPLE[0]), (dollars("2", currency="GBP"), PEOPLE[1])):
        alone = msgspec.structs.replace(told.customer or pytest.fail("a buyer"), **person)
        await placed(billing, msgspec.structs.replace(told, touch=None, customer=alone))
    assert await revenue(billing) == []
    await tell_rate(billing, "0.9")
    await tell_rate(billing, "1.1", base="GBP")
    looking = WaitingOrders(billing.sealer, FixedClock(billing.now))
    await looking.run(Unguarded(billing.database))  # type: ignore[arg-type]
    for number, person in enumerate(PEOPLE[:2]):
        await click(billing, person, PAID - HOUR, name=f"late{number}")
    assert not await billing.fact("orders_reopened", {"order_ids": ["1", "2"]})
    assert [told[:3] for told in await revenue(billing)] == [("1", 1, "0.8662"), ("2", 1, "1.1")]
    billing.now += 2 * HOUR
    await work(billing)
    await tell_rate(billing, "1.2", base="GBP")
    assert not await billing.fact("orders_reopened", {"order_ids": ["2", "1"]})
    assert await look(billing) == 0
    assert len(await revenue(billing)) == 2
    assert await billing.rows("waiting_orders") == []


@pytest.mark.parametrize("ours", [True, False])
async def test_an_order_that_was_paid_a_day_earlier_than_was_told_has_that_days_rate_unless_it_is_booked(
    billing: Shop, ours: bool
) -> None:
    """The update, which tells no time of payment, overtook the creation."""
    await tell_rate(billing, "0.9")
    await tell_rate(billing, "0.8", THURSDAY - DAY)
    told = dollars(product_id="p1" if ours else "p9", **({} if ours else {"touch": None}))
    await placed(billing, later(told, 1))
    await placed(billing, msgspec.structs.replace(told, paid_at=PAID - DAY))
    row = await billing.row("orders", order_id="1")
    assert row["paid_at"] == PAID - DAY
    assert (row["exchange_rate"], row["rate_day"]) == (("0.9", THURSDAY) if ours else ("0.8", THURSDAY - DAY))
    assert (await valued(billing))[-1] == Money(9_000 if ours else 8_000, "EUR")
    assert await billing.rows("waiting_orders") == []

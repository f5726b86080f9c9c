"""Orders in another currency than is settled in: at the rate of the day of payment, or they wait for it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from integration.orchestrator.workflows.shop import CONNECTED, NOW, Shop, order, visit
from integration.orchestrator.workflows.test_reopening import work
from integration.orchestrator.workflows.test_touchpoints import Unguarded
from kiki.commerce.events import OrderDeleted, OrderObserved, Refund, RefundObserved
from kiki.commerce.exchange.rates import checked
from kiki.commerce.exchange.repository import keep
from kiki.commerce.stores import StoreSettings
from kiki.commerce.tables import OWNER as COMMERCE
from kiki.kit.clock import FixedClock
from kiki.kit.grpc.money import money_from_proto
from kiki.kit.migrations import downgrade, upgrade
from kiki.kit.money import Money
from kiki.orchestrator.workflows.rates import WaitingOrders
from kiki.rpc.v1 import events_pb2

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
PAID = NOW - DAY
THURSDAY = PAID.date()
"""The shop's clock stands on Friday the 20th."""


def dollars(order_id: str = "1", currency: str = "USD", **how: Any) -> OrderObserved:
    given: dict[str, Any] = {"placed_at": PAID, "touch": visit("autumn", PAID - DAY), **how}
    told = order(order_id, **given)
    return msgspec.structs.replace(
        told,
        currency=currency,
        total=Money(told.total.minor, currency),
        net_sales=Money(told.net_sales.minor, currency),
        lines=tuple(
            msgspec.structs.replace(line, net_total=Money(line.net_total.minor, currency)) for line in told.lines
        ),
    )


async def tell_rate(
    shop: Shop, rate: str, day: dt.date = THURSDAY, base: str = "USD", quote: str = "EUR", source: str = "ecb"
) -> None:
    async with shop.database.transaction() as connection:
        await keep(connection, [checked(base, quote, day, rate, source)], by="test", at=shop.now)


async def look(shop: Shop) -> int:
    """The worker's job, and then what it found; how many facts that were."""
    await WaitingOrders(shop.sealer, FixedClock(shop.now)).run(Unguarded(shop.database))  # type: ignore[arg-type]
    return await work(shop)


async def revenue(shop: Shop) -> list[tuple[str, int, str, str, str]]:
    """What SyncLedger is told: order, revision, rate, day, source."""
    return [
        (
            call.order_id,
            call.decision_seq,
            call.exchange_rate,
            f"{call.rate_date.year}-{call.rate_date.month:02}-{call.rate_date.day:02}",
            call.rate_source,
        )
        for call in await shop.calls("RecordIncrementalRevenue")
    ]


async def valued(shop: Shop) -> list[Money]:
    return [money_from_proto(call.net_sales) for call in await shop.calls("UpdateCustomerLTV")]


async def missing(shop: Shop) -> list[tuple[str, str, str, str]]:
    async with shop.database.connection() as connection:
        rows = await connection.fetch("SELECT payload FROM events.log WHERE type = 'ExchangeRateMissingEvent'")
    told = [events_pb2.ExchangeRateMissingEvent.FromString(row[0]) for row in rows]
    return sorted((event.currency, event.settlement_currency, event.day, event.order_id) for event in told)


@pytest.fixture
async def billing(shop: Shop) -> Shop:
    """A shop whose orders are ours."""
    await shop.register(products=["p1"])
    shop.now = NOW
    return shop


async def placed(shop: Shop, *orders: OrderObserved) -> None:
    """Orders that come in after the campaign's registration."""
    assert not await shop.tell(*orders)


async def test_an_order_is_booked_at_the_rate_of_its_day_of_payment(billing: Shop) -> None:
    await tell_rate(billing, "0.8662")
    await tell_rate(billing, "0.9999", PAID.date() - DAY)
    await placed(billing, dollars())
    assert await revenue(billing) == [("1", 1, "0.8662", "2026-11-19", "ecb")]
    assert await valued(billing) == [Money(8_662, "EUR")]
    row = await billing.row("orders", order_id="1")
    assert (row["settlement_currency"], row["exchange_rate"], row["rate_day"]) == ("EUR", "0.8662", PAID.date())
    assert await billing.rows("waiting_orders") == []


async def test_an_order_in_the_stores_own_currency_asks_for_no_rate(billing: Shop) -> None:
    await tell_rate(billing, "0.8662")
    await placed(billing, order("1", placed_at=PAID, touch=visit("autumn", PAID - DAY)))
    (call,) = await billing.calls("RecordIncrementalRevenue")
    assert (call.exchange_rate, call.HasField("rate_date"), call.rate_source) == ("", False, "")


async def test_an_order_without_a_rate_waits_and_is_booked_once_when_it_is_known(billing: Shop) -> None:
    await placed(billing, dollars("1"), dollars("2", customer_id="c2", email="b@example.com"))
    await placed(billing, dollars("3", currency="GBP", customer_id="c3", email="c@example.com"))
    assert await revenue(billing) == []
    assert await missing(billing) == [("GBP", "EUR", "2026-11-19", "3"), ("USD", "EUR", "2026-11-19", "1")]
    assert await look(billing) == 0
    await tell_rate(billing, "1.25", base="EUR", quote="USD")
    assert await look(billing) == 1
    assert await revenue(billing) == [(name, 1, "0.8", "2026-11-19", "ecb") for name in "12"]
    assert [amount for amount in await valued(billing) if amount.currency == "EUR"] == [Money(8_000, "EUR")] * 2
    for call in await billing.calls("RecordIncrementalRevenue"):
        assert {touch.signal for touch in call.touchpoints} == {"click", "promoted"}, "with its evidence"
    assert [row["order_id"] for row in await billing.rows("waiting_orders")] == ["3"]
    assert (await look(billing), len(await revenue(billing))) == (0, 2)
    await tell_rate(billing, "1.1", base="GBP")
    assert await look(billing) == 1
    assert [told[:3] for told in await revenue(billing)] == [("1", 1, "0.8"), ("2", 1, "0.8"), ("3", 1, "1.1")]
    assert len(await missing(billing)) == 2


async def test_an_older_rate_counts_once_the_day_is_over(billing: Shop) -> None:
    await tell_rate(billing, "0.86", NOW.date() - 3 * DAY)
    await placed(billing, dollars(placed_at=NOW - HOUR))
    assert (await revenue(billing), await missing(billing)) == ([], []), "the day's own may still come"
    assert await look(billing) == 0
    billing.now = NOW + DAY
    assert await look(billing) == 1
    assert await revenue(billing) == [("1", 1, "0.86", "2026-11-17", "ecb")]


async def test_the_days_own_rate_that_comes_in_time_counts(billing: Shop) -> None:
    await tell_rate(billing, "0.86", NOW.date() - 3 * DAY)
    await placed(billing, dollars(placed_at=NOW - HOUR))
    await tell_rate(billing, "0.87", NOW.date())
    assert await look(billing) == 1
    assert await revenue(billing) == [("1", 1, "0.87", "2026-11-20", "ecb")]


async def test_the_platforms_own_rate_counts_before_the_table(billing: Shop) -> None:
    await tell_rate(billing, "0.8662")
    own = {"settlement_currency": "EUR", "exchange_rate": "0.9"}
    other = {"settlement_currency": "CHF", "exchange_rate": "0.5"}
    senseless = {"settlement_currency": "EUR", "exchange_rate": "-3"}
    people = [{"customer_id": name, "email": f"{name}@example.com"} for name in "abc"]
    orders = [
        msgspec.structs.replace(dollars(str(number), **person), **rate)
        for number, (rate, person) in enumerate(zip((own, other, senseless), people, strict=True))
    ]
    await placed(billing, *orders)
    assert [told[2:] for told in await revenue(billing)] == [
        ("0.9", "2026-11-19", "platform"),
        ("0.8662", "2026-11-19", "ecb"),
        ("0.8662", "2026-11-19", "ecb"),
    ]


async def test_a_rate_once_used_stays_whatever_becomes_known(billing: Shop) -> None:
    await tell_rate(billing, "0.8662")
    await placed(billing, dollars())
    await tell_rate(billing, "0.9", source="manual")
    edited = msgspec.structs.replace(dollars(net="200.00", total="238.00"), updated_at=NOW, exchange_rate="0.95")
    await placed(billing, msgspec.structs.replace(edited, settlement_currency="EUR"))
    assert [told[1:4] for told in await revenue(billing)] == [
        (1, "0.8662", "2026-11-19"),
        (2, "0.8662", "2026-11-19"),
    ]
    await placed(
        billing,
        RefundObserved(order_id="1", refund=Refund(refund_id="r1", refunded_at=NOW, amount=Money(11_900, "USD"))),
    )
    assert (await valued(billing))[-1] == Money(8_662, "EUR"), "half of twice as much"


async def test_refunds_of_an_order_that_waits_are_told_with_its_booking(billing: Shop) -> None:
    await placed(billing, dollars())
    await placed(
        billing,
        RefundObserved(order_id="1", refund=Refund(refund_id="r1", refunded_at=NOW, amount=Money(5_950, "USD"))),
    )
    assert await billing.calls("RecordRefund") == []
    await tell_rate(billing, "0.8662")
    await look(billing)
    assert len(await revenue(billing)) == 1
    (refund,) = await billing.calls("RecordRefund")
    assert money_from_proto(refund.amount) == Money(5_950, "USD")
    assert (await valued(billing))[-1] == Money(4_331, "EUR")


async def test_orders_that_are_gone_or_tests_do_not_wait(billing: Shop) -> None:
    people = [{"customer_id": name, "email": f"{name}@example.com"} for name in "abc"]
    await placed(billing, dollars("1", **people[0]), dollars("2", is_test=True, **people[1]))
    await placed(billing, dollars("3", paid=False, **people[2]))
    assert [row["order_id"] for row in await billing.rows("waiting_orders")] == ["1"]
    await billing.tell(OrderDeleted(order_id="1"), triggered_at=NOW.isoformat())
    assert await billing.rows("waiting_orders") == []
    await tell_rate(billing, "0.8662")
    await look(billing)
    assert await revenue(billing) == []
    await placed(billing, msgspec.structs.replace(dollars("3", **people[2]), updated_at=NOW))
    assert [told[0] for told in await revenue(billing)] == ["3"]


async def test_what_was_refused_for_lack_of_a_rate_is_told_anew(billing: Shop) -> None:
    """Orders that were told without a rate before there was a table of rates: their calls are dead."""
    await placed(billing, dollars())
    async with billing.database.transaction() as connection:
        await connection.execute(
            "UPDATE commerce.orders SET booked_revision = 1, booked_minor = net_minor,"
            " booked_total_minor = total_minor, booked_currency = currency, booked_attribution = attribution_revision"
        )
    await tell_rate(billing, "0.8662")
    await look(billing)
    await look(billing)
    assert await revenue(billing) == [("1", 2, "0.8662", "2026-11-19", "ecb")]


async def test_history_and_what_we_did_not_cause_get_their_rates_too(shop: Shop) -> None:
    before = CONNECTED - DAY
    await shop.tell(dollars("1", placed_at=before, touch=None))
    await shop.tell(dollars("2", touch=None, customer_id="c2", email="b@example.com"))
    assert await missing(shop) == [("USD", "EUR", "2026-11-19", "2")], "nobody is woken for history"
    for day in (before.date(), PAID.date()):
        await tell_rate(shop, "0.5", day)
    assert await look(shop) == 1
    assert [row["exchange_rate"] for row in await shop.rows("orders")] == ["0.5", "0.5"]
    assert [(amount.minor, amount.currency) for amount in await valued(shop)] == [
        (10_000, "USD"),
        (10_000, "USD"),
        (5_000, "EUR"),
        (5_000, "EUR"),
    ]
    assert await revenue(shop) == []


async def test_a_contract_settled_in_another_currency_than_the_shops(billing: Shop) -> None:
    """The shop's own orders are converted for the ledger, and left as they are for the shop's own figures."""
    await billing.connect(StoreSettings(settlement_currency="GBP"), key="second.example.com")
    await billing.register(products=["p1"])
    await tell_rate(billing, "0.88", base="EUR", quote="GBP")
    await tell_rate(billing, "1.1", base="EUR", quote="USD")
    await placed(billing, order("1", placed_at=PAID, touch=visit("autumn", PAID - DAY)))
    await placed(billing, dollars("2", customer_id="c2", email="b@example.com"))
    assert await revenue(billing) == [
        ("1", 1, "0.88", "2026-11-19", "ecb"),
        ("2", 1, "0.8", "2026-11-19", "ecb via EUR"),
    ]
    assert await valued(billing) == [Money(10_000, "EUR"), Money(9_091, "EUR")]


async def test_many_orders_are_handed_over_in_parts(billing: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kiki.orchestrator.workflows.rates._ORDERS", 3)
    monkeypatch.setattr("kiki.orchestrator.workflows.rates._PER_FACT", 2)
    monkeypatch.setattr("kiki.orchestrator.workflows.rates._PAIRS", 1)
    days = [PAID - number * DAY for number in range(3)]
    for number, day in enumerate(day for day in days for _ in range(2)):
        await placed(billing, dollars(str(number), placed_at=day, customer_id=str(number), email=f"{number}@e.example"))
    for day in days:
        await tell_rate(billing, "0.5", day.date())
    assert await look(billing) == 3
    assert sorted(told[0] for told in await revenue(billing)) == list("012345")
    assert {told[1:3] for told in await revenue(billing)} == {(1, "0.5")}


async def test_an_order_beyond_all_money_does_not_set_others_aside(billing: Shop) -> None:
    most = "9000000000000.00"
    await placed(billing, dollars("1", net=most, total=most))
    await placed(billing, dollars("2", customer_id="c2", email="b@example.com"))
    await tell_rate(billing, "99.5")
    await look(billing)
    assert [told[0] for told in await revenue(billing)] == ["2"]
    assert [row["order_id"] for row in await billing.rows("waiting_orders")] == ["1"]


async def test_a_fact_that_comes_again_changes_nothing(billing: Shop) -> None:
    await placed(billing, dollars())
    await tell_rate(billing, "0.5")
    body = {"orders": [{"order_id": "1"}, {"order_id": "never seen"}], "told_at": NOW.isoformat()}
    for _ in range(2):
        assert not await billing.fact("rates_known", body)
    assert [told[:2] for told in await revenue(billing)] == [("1", 1)]
    assert Decimal((await billing.row("orders", order_id="1"))["exchange_rate"]) == Decimal("0.5")


async def test_orders_from_before_the_upgrade_wait_since_then(billing: Shop, migrated_dsn: str) -> None:
    """The migration has those wait that were paid in another currency, and takes no other."""
    people = [{"customer_id": name, "email": f"{name}@example.com"} for name in "abcd"]
    foreign, unpaid = dollars("1", **people[0]), dollars("2", paid=False, **people[1])
    own, test = order("3", placed_at=PAID, **people[2]), dollars("4", is_test=True, **people[3])
    await placed(billing, foreign, unpaid, own, test)
    await downgrade(migrated_dsn, COMMERCE, "2026_11_26_campaigns_count_since")
    async with billing.database.transaction() as connection:
        await connection.execute(
            "UPDATE commerce.orders SET booked_revision = 1, booked_minor = net_minor,"
            " booked_total_minor = total_minor, booked_currency = currency,"
            " booked_attribution = attribution_revision WHERE order_id = '1'"
        )
    await upgrade(migrated_dsn, [COMMERCE])
    (row,) = await billing.rows("waiting_orders")
    assert (row["order_id"], row["currency"], row["settlement_currency"]) == ("1", "USD", "EUR")
    assert (row["day"], row["live"], row["told_at"]) == (THURSDAY, True, None)
    await tell_rate(billing, "0.8662")
    await look(billing)
    assert await revenue(billing) == [("1", 2, "0.8662", "2026-11-19", "ecb")]

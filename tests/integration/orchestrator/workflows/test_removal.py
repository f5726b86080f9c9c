"""The app is removed: the contract ends, and begins anew when the shop comes back."""

from __future__ import annotations

import datetime as dt

import pytest

from integration.orchestrator.workflows.shop import NOW, Shop, order, visit
from kiki.commerce.events import AppUninstalled, DataSubjectRequested, DataSubjectRequestKind
from kiki.commerce.stores import NewStore, StoreRepository, StoreSettings
from kiki.kit.errors import InvalidInput
from kiki.kit.grpc.times import time_from_proto
from kiki.orchestrator.closing.endings import ending_facts, list_outside
from kiki.rpc.v1 import syncledger_pb2

HOUR = dt.timedelta(hours=1)
REMOVED = NOW - 2 * HOUR


async def remove(shop: Shop, at: dt.datetime = REMOVED) -> None:
    await shop.tell(AppUninstalled(), triggered_at=at.isoformat())


async def caused(shop: Shop, order_id: str, placed_at: dt.datetime) -> None:
    """An order that we caused is delivered now."""
    click = visit("autumn", placed_at - HOUR)
    await shop.tell(order(order_id, placed_at=placed_at, touch=click, customer_id=order_id, email=None))


async def contracts(shop: Shop) -> list[syncledger_pb2.PutContractRequest]:
    return list(await shop.calls("PutContract"))


async def outside(shop: Shop) -> int:
    """Tell apart what was decided before the removal was known; how many orders that were."""
    async with shop.database.connection() as connection:
        found = await list_outside(connection, store_id=shop.store_id)
    for fact in ending_facts(found):
        await shop.fact(fact.kind, fact.body)
    return len(found)


async def test_it_ends_the_contract_with_the_month(shop: Shop) -> None:
    await remove(shop)
    (told,) = await contracts(shop)
    terms = told.contract
    assert (terms.rule, terms.fee_rate, terms.experiment_id) == (syncledger_pb2.FEE_RULE_ENDED, "0.20", "")
    assert (terms.effective_from.year, terms.effective_from.month) == (2026, 12)
    assert not terms.HasField("baseline")
    store = await shop.row("store_connections")
    assert (store["status"], store["uninstalled_at"], store["secret_sealed"]) == ("uninstalled", REMOVED, None)
    await remove(shop)
    await remove(shop, NOW - HOUR)
    assert len(await contracts(shop)) == 1


async def redact(shop: Shop, at: dt.datetime = REMOVED, request_id: str = "redact-shop-1") -> None:
    erasure = DataSubjectRequested(kind=DataSubjectRequestKind.ERASE_STORE, request_id=request_id)
    await shop.tell(erasure, triggered_at=at.isoformat())


@pytest.mark.parametrize("first", ["redact", "remove"])
async def test_a_shop_that_is_to_be_forgotten_has_ended_its_contract_whichever_is_told_first(
    shop: Shop, first: str
) -> None:
    """Once; the first that is told says when."""
    told = [redact, remove] if first == "redact" else [remove, redact]
    for which, at in zip([*told, *told], (REMOVED, NOW - HOUR, NOW - HOUR, NOW), strict=True):
        await which(shop, at)
    (ended,) = await contracts(shop)
    assert ended.contract.rule == syncledger_pb2.FEE_RULE_ENDED
    assert (ended.contract.effective_from.month, time_from_proto(ended.contract.ended_at)) == (12, REMOVED)
    store = await shop.row("store_connections")
    assert (store["status"], store["uninstalled_at"], store["secret_sealed"]) == ("uninstalled", REMOVED, None)
    assert store["erased_at"] is not None
    assert "ShredStoreKeys" in await shop.methods()


async def test_forgetting_an_earlier_connection_leaves_the_shop_that_came_back_connected(shop: Shop) -> None:
    await remove(shop)
    await shop.connect(connected_at=NOW)
    await redact(shop, NOW - HOUR)
    store = await shop.row("store_connections")
    assert (store["status"], store["uninstalled_at"]) == ("active", None)
    assert store["secret_sealed"] is not None
    assert len(await contracts(shop)) == 1


async def test_only_what_was_placed_before_is_billed_whenever_it_comes(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await caused(shop, "early", REMOVED - HOUR)
    await caused(shop, "too soon", REMOVED + HOUR / 2)
    await remove(shop)
    await caused(shop, "late", REMOVED - HOUR / 2)
    await caused(shop, "after", REMOVED)
    booked = [call.order_id for call in await shop.calls("RecordIncrementalRevenue")]
    assert booked == ["early", "too soon", "late"]
    assert await outside(shop) == 1
    assert [call.order_id for call in await shop.calls("ReverseOrderRevenue")] == ["too soon"]
    assert {row["order_id"]: row["live"] for row in await shop.rows("orders")} == {
        "early": True,
        "late": True,
        "too soon": False,
        "after": False,
    }
    assert await outside(shop) == 0


async def test_other_rules_do_not_bring_an_ended_contract_back(shop: Shop) -> None:
    await remove(shop)
    await shop.fact("store_connected", {"revision": "2"})
    (ended,) = await contracts(shop)
    assert ended.contract.rule == syncledger_pb2.FEE_RULE_ENDED


async def test_a_shop_that_comes_back_begins_anew(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await remove(shop)
    await caused(shop, "between", NOW - HOUR)
    first, back = shop.store_id, NOW
    assert await shop.connect(connected_at=back) == first
    await shop.fact("store_connected", {"revision": "2", "effective_from": "2026-12"})
    await remove(shop)
    store = await shop.row("store_connections")
    assert (store["status"], store["uninstalled_at"]) == ("active", None), "the old removal is over"
    await caused(shop, "between", NOW - HOUR)
    shop.now = NOW + HOUR
    await caused(shop, "new", NOW + HOUR / 2)
    assert [call.order_id for call in await shop.calls("RecordIncrementalRevenue")] == ["new"]
    _, again = await contracts(shop)
    assert again.contract.rule == syncledger_pb2.FEE_RULE_ATTRIBUTED
    assert time_from_proto(again.contract.connected_at) == back
    assert (again.contract.effective_from.year, again.contract.effective_from.month) == (2026, 12)
    await remove(shop, NOW + HOUR)
    assert len({call.event_id for call in await contracts(shop)}) == 3


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"timezone": "Europe/Lisbon"}, "TIME_ZONE_FROZEN"),
        ({"currency": "USD"}, "CURRENCY_FROZEN"),
        ({"connected_at": REMOVED - HOUR}, "CONNECTED_BEFORE_REMOVAL"),
    ],
    ids=["time zone", "currency", "time"],
)
async def test_it_comes_back_to_the_books_that_it_left(shop: Shop, how: dict[str, object], reason: str) -> None:
    await remove(shop)
    fields: dict[str, object] = {
        "platform": "shopify",
        "store_key": "lamps.example.com",
        "display_name": "Lamps",
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "webhook_secret": "another-secret",
        **how,
    }
    async with shop.database.connection() as connection:
        with pytest.raises(InvalidInput) as refused:
            await StoreRepository(shop.sealer).add(connection, NewStore(**fields))  # type: ignore[arg-type]  # by case
    assert refused.value.reason == reason


async def test_another_currency_comes_back_when_it_settles_in_the_old_one(shop: Shop) -> None:
    await remove(shop)
    new = NewStore(
        platform="shopify",
        store_key="lamps.example.com",
        display_name="Lamps",
        currency="USD",
        timezone="Europe/Berlin",
        webhook_secret="another-secret",
        settings=StoreSettings(settlement_currency="EUR"),
    )
    async with shop.database.transaction() as connection:
        store, _ = await StoreRepository(shop.sealer).add(connection, new)
    assert (store.store_id, store.uninstalled_at, store.settled_in) == (shop.store_id, None, "EUR")

"""Store connections, the contract, and the views over what was decided."""

from __future__ import annotations

import datetime as dt

import pytest

from integration.orchestrator.workflows.shop import CONNECTED, Shop, order
from kiki.commerce.stores import NewStore, StoreRepository, StoreSettings
from kiki.kit.errors import Conflict, InvalidInput, NotFound
from kiki.kit.grpc.times import time_from_proto
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.views import list_campaigns, open_work
from kiki.orchestrator.workflows.stores import baseline_contract_event, baseline_event
from kiki.rpc.v1 import syncledger_pb2, syncvalue_pb2


def new(**how: object) -> NewStore:
    fields: dict[str, object] = {
        "platform": "woocommerce",
        "store_key": "wool.example.com",
        "display_name": "Wool",
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "webhook_secret": "first-secret",
        **how,
    }
    return NewStore(**fields)  # type: ignore[arg-type]  # the fields of a new store, some of them wrong


async def test_a_store_is_found_by_token_or_by_name_with_its_secrets(shop: Shop) -> None:
    repository = StoreRepository(shop.sealer)
    async with shop.database.transaction() as connection:
        store, token = await repository.add(connection, new())
        await repository.rotate_secret(connection, store.store_id, "second-secret")
        by_token = await repository.find_for_intake(connection, platform="woocommerce", token=token, store_key=None)
        by_name = await repository.find_for_intake(
            connection, platform="woocommerce", token=None, store_key="wool.example.com"
        )
        wrong = await repository.find_for_intake(connection, platform="shopify", token=token, store_key=None)
        nameless = await repository.find_for_intake(connection, platform="shopify", token=None, store_key=None)
    assert by_token == by_name
    assert by_token is not None
    assert by_token.secrets == ("second-secret", "first-secret")
    assert "second-secret" not in repr(by_token)
    assert (wrong, nameless) == (None, None)


async def test_a_new_token_kills_the_old_one(shop: Shop) -> None:
    repository = StoreRepository(shop.sealer)
    async with shop.database.transaction() as connection:
        token = await repository.rotate_token(connection, shop.store_id)
        old = await repository.find_for_intake(connection, platform="shopify", token=shop.token, store_key=None)
        fresh = await repository.find_for_intake(connection, platform="shopify", token=token, store_key=None)
    assert old is None
    assert fresh is not None


async def test_a_store_is_connected_once(shop: Shop) -> None:
    with pytest.raises(Conflict, match="connected already"):
        await shop.connect()


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"timezone": "Mars/Olympus"}, id="time-zone"),
        pytest.param({"currency": "euro"}, id="currency"),
        pytest.param({"settings": StoreSettings(basis="gross")}, id="basis"),
        pytest.param({"settings": StoreSettings(rule="whatever")}, id="rule"),
        pytest.param({"store_key": ""}, id="no-key"),
    ],
)
async def test_a_store_that_cannot_be_is_refused(shop: Shop, wrong: dict[str, object]) -> None:
    async with shop.database.connection() as connection:
        with pytest.raises(InvalidInput):
            await StoreRepository(shop.sealer).add(connection, new(**wrong))


async def test_an_unknown_store_is_not_found(shop: Shop) -> None:
    async with shop.database.connection() as connection:
        repository = StoreRepository(shop.sealer)
        with pytest.raises(NotFound):
            await repository.get(connection, 999)
        assert [store.store_id for store in await repository.list(connection)] == [shop.store_id]


async def test_other_rules_hold_from_the_next_order_on(shop: Shop) -> None:
    await shop.register(products=["p1"])
    async with shop.database.transaction() as connection:
        settings = StoreSettings(attribution_threshold="0.3", review_below="0.2")
        await StoreRepository(shop.sealer).change_settings(connection, shop.store_id, settings)
    await shop.tell(order())
    assert (await shop.row("orders"))["verdict"] == "incremental"


async def test_a_connected_store_gets_its_contract(shop: Shop) -> None:
    await shop.fact("store_connected", {"revision": 1})
    (contract,) = await shop.calls("PutContract")
    assert (contract.contract.fee_rate, contract.contract.time_zone) == ("0.20", "Europe/Berlin")


async def test_a_registered_campaign_is_listed_with_what_it_promotes(shop: Shop) -> None:
    await shop.register(products=["p1"])
    async with shop.database.connection() as connection:
        (campaign,) = await list_campaigns(connection, shop.store_id)
    assert (campaign.campaign_id, campaign.products) == ("k1", 1)


async def test_a_known_history_asks_for_the_baseline_on_the_contracts_basis(shop: Shop) -> None:
    told = {"revision": "job:7", "history_from": "2025-09-01T00:00:00+02:00"}
    for _ in range(2):
        await shop.fact("history_synced", told)
    first, again = await shop.calls("UpdateBaselineMetrics")
    assert first == again, "one revision of the history is one request"
    assert first.event_id == baseline_event(shop.store_id, "job:7")
    assert (first.time_zone, first.currency) == ("Europe/Berlin", "EUR")
    assert first.basis == syncvalue_pb2.REVENUE_BASIS_NET_SALES
    assert time_from_proto(first.connected_at) == CONNECTED
    assert time_from_proto(first.history_from) == dt.datetime(2025, 8, 31, 22, tzinfo=dt.UTC)


def computed(currency: str = "EUR") -> dict[str, object]:
    return {
        "asked": "e1",
        "revenue_minor": 120_000,
        "monthly_minor": 10_000,
        "currency": currency,
        "months_available": 12,
        "basis": "total",
    }


async def test_a_computed_baseline_is_told_without_the_other_terms(shop: Shop) -> None:
    await shop.fact("baseline_computed", {"baselines": [computed()]})
    (request,) = await shop.calls("PutContract")
    assert request.event_id == baseline_contract_event(shop.store_id, "e1")
    told = request.contract
    assert (told.fee_rate, told.time_zone, told.HasField("connected_at")) == ("", "", False)
    assert told.basis == syncledger_pb2.FEE_BASIS_TOTAL
    assert (told.baseline.revenue.units, told.baseline.monthly_average.units) == (1200, 100)
    assert told.baseline.months_available == 12


async def test_a_baseline_in_a_currency_that_is_not_settled_in_stays_out_of_the_contract(shop: Shop) -> None:
    await shop.fact("baseline_computed", {"baselines": [computed("USD")]})
    assert await shop.calls("PutContract") == []


async def test_what_is_left_of_a_store_is_counted_by_lane_and_agent(shop: Shop) -> None:
    await shop.tell(order("1"), lane=Lane.BULK)
    await shop.tell(order("2", email="b@example.com", customer_id="c2"))
    async with shop.database.connection() as connection:
        bulk = await open_work(connection, shop.store_id, Lane.BULK, ["syncvalue"])
        other = await open_work(connection, shop.store_id + 1, Lane.BULK, ["syncvalue"])
    assert (bulk.deliveries, bulk.calls, bool(bulk)) == (0, 1, True)
    assert not other

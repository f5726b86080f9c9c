"""Store connections, the contract, and the views over what was decided."""

from __future__ import annotations

import datetime as dt

import pytest

from integration.orchestrator.workflows.shop import NOW, Shop, order, product, visit
from kiki.commerce.stores import NewStore, StoreRepository, StoreSettings
from kiki.kit.errors import Conflict, InvalidInput, NotFound
from kiki.orchestrator.views import list_campaigns, store_overviews

DAY = dt.timedelta(days=1)


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


async def test_the_overview_counts_what_was_decided(shop: Shop) -> None:
    await shop.register(products=["p1"])
    await shop.tell(order("1", touch=visit("autumn", NOW - DAY)), order("2", email="b@example.com", customer_id="c2"))
    await shop.tell(product(quantity=0), origin="sync")
    recorded = {"order_id": "1", "fee_minor": 2000, "fee_currency": "EUR"}
    await shop.fact("revenue_recorded", {"orders": [recorded]})
    await shop.fact("revenue_reversed", {"orders": [{"order_id": "1", "fee_minor": 500}]})
    async with shop.database.connection() as connection:
        (view,) = await store_overviews(connection, since=NOW - 30 * DAY)
        (campaign,) = await list_campaigns(connection, shop.store_id)
    assert (view.orders, view.touched, view.incremental, view.fee.minor) == (2, 1, 1, 1500)
    assert (view.products_paused, view.open_reviews, view.campaigns) == (1, 1, 1)
    assert (campaign.campaign_id, campaign.products) == ("k1", 1)

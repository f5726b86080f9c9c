"""Products, their stock, and what is asked of the ad networks."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
import pytest

from integration.orchestrator.workflows.shop import NOW, Shop, eur, product
from kiki.commerce.events import (
    InventoryItemObserved,
    InventoryLevelObserved,
    InventoryLevelsListed,
    LocationLevel,
    ProductDeleted,
    ProductObserved,
    ProductStatus,
    StockStatus,
    Variant,
    VariantObserved,
)
from kiki.council.syncflow import convert
from kiki.council.syncflow import guard as flow_guard
from kiki.council.syncflow.domain import PauseReason, ProductState

MINUTE = dt.timedelta(minutes=1)


def level(location: str, available: int | None, at: dt.datetime) -> InventoryLevelObserved:
    return InventoryLevelObserved(inventory_item_id="i1", location_id=location, available=available, updated_at=at)


def listed(**levels: int) -> InventoryLevelsListed:
    told = [LocationLevel(location_id=name, available=units, updated_at=NOW) for name, units in levels.items()]
    return InventoryLevelsListed(inventory_item_id="i1", levels=tuple(told))


def variant_unsaid(quantity: int) -> ProductObserved:
    """As Shopify tells it: whether stock is counted stands with the item."""
    return product(
        variants=[Variant(variant_id="v1", sku="SKU", price=eur("20.00"), inventory_item_id="i1", quantity=quantity)]
    )


async def test_a_new_product_gets_creatives_for_each_network(shop: Shop) -> None:
    await shop.tell(product(created=True))
    assert await shop.methods() == ["GenerateProductCreative", "GenerateProductCreative"]


async def test_a_catalogue_sync_makes_no_creatives(shop: Shop) -> None:
    await shop.tell(product(), origin="sync")
    assert await shop.methods() == []


async def test_a_sale_that_only_changes_the_quantity_calls_nobody(shop: Shop) -> None:
    await shop.tell(product(quantity=100), origin="sync")
    await shop.tell(product(quantity=99, at=NOW + MINUTE))
    assert await shop.methods() == []
    assert (await shop.row("product_states"))["quantity"] == 99


async def test_sold_out_pauses_at_once_and_restocked_resumes_after_the_damping(shop: Shop) -> None:
    await shop.tell(product(quantity=100), origin="sync")
    await shop.tell(product(quantity=0, at=NOW + MINUTE))
    (pause,) = await shop.calls("PauseProductCampaigns")
    assert (pause.product_id, pause.reason, pause.lane, pause.sku) == ("p1", 1, 1, "SKU")
    await shop.tell(product(quantity=50, at=NOW + 2 * MINUTE))
    assert await shop.calls("ResumeProductCampaigns") == []
    state = await shop.row("product_states")
    assert (state["ads"], state["resume_at"]) == ("paused", NOW + MINUTE)
    await shop.fact("resumes_due", {"product_ids": ["p1"]})
    assert await shop.calls("ResumeProductCampaigns") == []
    shop.now = NOW + MINUTE
    await shop.fact("resumes_due", {"product_ids": ["p1"]})
    (resume,) = await shop.calls("ResumeProductCampaigns")
    assert resume.new_quantity == 50
    assert resume.decision_seq > pause.decision_seq
    transitions = [row["transition"] for row in await shop.rows("inventory_events")]
    assert transitions == ["paused", "resume_scheduled", "resumed"]


async def test_sold_out_again_while_damped_is_never_resumed(shop: Shop) -> None:
    await shop.tell(product(quantity=0), origin="sync")
    await shop.tell(product(quantity=9, at=NOW + MINUTE))
    await shop.tell(product(quantity=0, at=NOW + 2 * MINUTE))
    shop.now = NOW + 60 * MINUTE
    await shop.fact("resumes_due", {"product_ids": ["p1"]})
    assert await shop.calls("ResumeProductCampaigns") == []
    assert len(await shop.calls("PauseProductCampaigns")) == 1


async def test_low_stock_lowers_bids_and_restores_them_with_hysteresis(shop: Shop) -> None:
    await shop.tell(product(quantity=20), origin="sync")
    for minutes, quantity in ((1, 5), (2, 7), (3, 4), (4, 10)):
        await shop.tell(product(quantity=quantity, at=NOW + minutes * MINUTE))
    calls = await shop.calls("AdjustBidsForInventory")
    assert [(call.quantity, call.low_stock_threshold, call.factor) for call in calls] == [(5, 5, "0.5"), (10, 5, "0.5")]


@pytest.mark.parametrize("quantity", [3, None])
async def test_bids_are_restored_at_syncflow_when_the_store_no_longer_lowers_them(
    shop: Shop, quantity: int | None
) -> None:
    await shop.tell(product(quantity=3), origin="sync")
    async with shop.database.transaction() as connection:
        await connection.execute(
            "UPDATE commerce.store_connections SET settings = settings || '{\"low_stock_threshold\": 0}'::jsonb"
        )
    variant = Variant(variant_id="v1", sku="SKU", price=eur("20.00"), quantity=quantity, tracked=quantity is not None)
    await shop.tell(product(at=NOW + MINUTE, variants=[variant]))
    decisions = [convert.adjust_bids(call) for call in await shop.calls("AdjustBidsForInventory")]
    state = flow_guard.adjust_bids(ProductState(store_id=shop.store_id, product_id="p1"), decisions[0])
    assert state is not None
    assert state.factor == Decimal("0.5")
    restored = flow_guard.adjust_bids(state, decisions[1])
    assert restored is not None
    assert restored.factor == 1


async def test_levels_at_several_locations_count_clamped(shop: Shop) -> None:
    await shop.tell(product(quantity=8, at=NOW + MINUTE), origin="sync")
    await shop.tell(level("a", 5, NOW + MINUTE), level("b", 3, NOW + MINUTE))
    await shop.tell(level("a", -4, NOW + 2 * MINUTE))
    assert await shop.calls("PauseProductCampaigns") == []
    assert (await shop.row("product_states"))["quantity"] == 3
    await shop.tell(level("b", None, NOW + 3 * MINUTE))
    assert len(await shop.calls("PauseProductCampaigns")) == 1


async def test_an_empty_location_does_not_hide_the_stock_that_others_never_told(shop: Shop) -> None:
    await shop.tell(product(quantity=8), origin="sync")
    await shop.tell(level("a", 0, NOW + MINUTE))
    assert await shop.calls("PauseProductCampaigns") == []
    assert (await shop.row("product_states"))["sellable"] is True
    await shop.tell(product(quantity=0, at=NOW + MINUTE))
    assert len(await shop.calls("PauseProductCampaigns")) == 1


async def test_levels_that_overtook_their_total_tell_that_they_were_all(shop: Shop) -> None:
    """Two places sell out; the total of the moment between comes last, and is explained by what they told before."""
    await shop.tell(product(quantity=8), origin="sync")
    await shop.tell(level("a", 5, NOW + MINUTE), level("b", 0, NOW + 3 * MINUTE))
    await shop.tell(level("b", 2, NOW + 2 * MINUTE), level("a", 0, NOW + 4 * MINUTE))
    assert await shop.calls("PauseProductCampaigns") == []
    await shop.tell(product(quantity=7, at=NOW + 2 * MINUTE))
    assert len(await shop.calls("PauseProductCampaigns")) == 1
    await shop.tell(product(quantity=0, at=NOW + 4 * MINUTE))
    assert (await shop.row("product_states"))["quantity"] == 0
    assert len(await shop.calls("PauseProductCampaigns")) == 1


async def test_once_all_levels_were_listed_the_last_one_that_empties_pauses(shop: Shop) -> None:
    await shop.tell(product(quantity=8), listed(a=5, b=3), origin="sync")
    await shop.tell(level("a", 0, NOW + MINUTE))
    assert (await shop.row("product_states"))["quantity"] == 3
    assert await shop.calls("PauseProductCampaigns") == []
    await shop.tell(level("b", 0, NOW + 2 * MINUTE))
    assert len(await shop.calls("PauseProductCampaigns")) == 1


async def test_a_list_of_levels_ends_what_it_leaves_out_and_overwrites_nothing_newer(shop: Shop) -> None:
    await shop.tell(product(quantity=4), origin="sync")
    await shop.tell(level("gone", 9, NOW - MINUTE), level("a", 1, NOW + MINUTE))
    await shop.tell(listed(a=4, b=2), origin="sync")
    kept = {row["location_id"]: row["available"] for row in await shop.rows("inventory_levels")}
    assert kept == {"gone": None, "a": 1, "b": 2}
    assert (await shop.row("product_states"))["quantity"] == 3


async def test_what_is_not_counted_is_known_in_the_batch_that_tells_the_product(shop: Shop) -> None:
    item = InventoryItemObserved(inventory_item_id="i1", tracked=False, cost=None, sku="SKU", updated_at=NOW)
    await shop.tell(variant_unsaid(quantity=0), item, origin="sync")
    state = await shop.row("product_states")
    assert (state["sellable"], state["resume_at"]) == (True, NOW + MINUTE)


async def test_levels_alone_do_not_say_that_an_item_is_counted(shop: Shop) -> None:
    await shop.tell(listed(a=0), origin="sync")
    uncounted = Variant(
        variant_id="v1", sku="SKU", price=eur("20.00"), inventory_item_id="i1", quantity=0, tracked=False
    )
    await shop.tell(product(variants=[uncounted]))
    assert await shop.calls("PauseProductCampaigns") == []


async def test_a_stale_level_changes_nothing(shop: Shop) -> None:
    await shop.tell(product(quantity=8), origin="sync")
    await shop.tell(level("a", 8, NOW + 2 * MINUTE))
    await shop.tell(level("a", 0, NOW + MINUTE))
    assert await shop.calls("PauseProductCampaigns") == []


async def test_a_level_older_than_the_products_own_word_does_not_pause(shop: Shop) -> None:
    await shop.tell(product(quantity=8), origin="sync")
    await shop.tell(product(quantity=8, at=NOW + 2 * MINUTE))
    await shop.tell(level("a", 0, NOW + MINUTE))
    assert await shop.calls("PauseProductCampaigns") == []


async def test_an_untracked_item_never_runs_out(shop: Shop) -> None:
    item = InventoryItemObserved(inventory_item_id="i1", tracked=False, cost=eur("5.00"), sku="SKU", updated_at=NOW)
    await shop.tell(product(quantity=3), origin="sync")
    await shop.tell(item)
    await shop.tell(product(quantity=0, at=NOW + MINUTE))
    assert await shop.calls("PauseProductCampaigns") == []
    (margin,) = await shop.calls("UpdateProductMargins")
    assert dict(margin.margins) == {"p1": 0.75}


async def test_a_status_without_a_quantity_pauses(shop: Shop) -> None:
    bare = ProductObserved(
        product_id="456",
        updated_at=NOW,
        status=ProductStatus.ACTIVE,
        title="",
        description="",
        vendor="",
        category="",
        page_url=None,
        image_urls=(),
        variants=(Variant(variant_id="456", sku="", price=None, status=StockStatus.OUT_OF_STOCK),),
        unsaid=frozenset({"title", "description", "vendor", "category", "page_url", "image_urls", "status"}),
    )
    await shop.tell(bare)
    (pause,) = await shop.calls("PauseProductCampaigns")
    assert pause.product_id == "456"


async def test_a_partial_payload_keeps_what_it_does_not_say(shop: Shop) -> None:
    await shop.tell(product(quantity=3), origin="sync")
    partial = product(quantity=3, at=NOW + MINUTE, title="")
    partial = msgspec.structs.replace(partial, unsaid=frozenset({"title", "description", "status"}), description="")
    await shop.tell(partial)
    assert (await shop.row("products"))["title"] == "Lamp"
    assert await shop.methods() == ["AdjustBidsForInventory"]


async def test_archived_and_deleted_products_are_paused_and_revived_by_newer_state(shop: Shop) -> None:
    await shop.tell(product(), origin="sync")
    await shop.tell(product(at=NOW + MINUTE, status=ProductStatus.ARCHIVED))
    (pause,) = await shop.calls("PauseProductCampaigns")
    assert pause.reason == 2
    shop.now = NOW + 2 * MINUTE
    await shop.tell(ProductDeleted(product_id="p1", trusted=False))
    state = await shop.row("product_states")
    assert (state["deleted"], state["doubtful"]) == (True, True)
    await shop.tell(product(at=NOW + MINUTE))
    assert (await shop.row("product_states"))["deleted"] is True, "an older statement does not revive"
    await shop.tell(product(at=NOW + 3 * MINUTE))
    state = await shop.row("product_states")
    assert (state["deleted"], state["doubtful"], state["resume_at"] is not None) == (False, False, True)


async def test_the_delete_of_an_unknown_product_pauses_what_may_run_for_it(shop: Shop) -> None:
    await shop.tell(ProductDeleted(product_id="p9"))
    assert await shop.methods() == ["PauseProductCampaigns", "PutProductAvailability"]


async def test_a_price_change_refreshes_creatives(shop: Shop) -> None:
    await shop.tell(product(created=True))
    await shop.tell(product(at=NOW + MINUTE, price="25.00"))
    assert (await shop.methods())[-1] == "RefreshProductCreative"
    assert (await shop.row("product_states"))["price_minor"] == 2500


async def test_margins_are_told_when_they_change(shop: Shop) -> None:
    await shop.tell(product(cost="15.00"), origin="sync")
    await shop.tell(product(cost="15.00", at=NOW + MINUTE))
    (margin,) = await shop.calls("UpdateProductMargins")
    assert dict(margin.margins) == {"p1": 0.25}
    assert (await shop.row("product_states"))["margin"] == Decimal("0.2500")


async def test_a_margin_that_is_known_no_longer_pauses_nothing(shop: Shop) -> None:
    async with shop.database.transaction() as connection:
        await connection.execute(
            'UPDATE commerce.store_connections SET settings = settings || \'{"margin_floor": "0.3"}\'::jsonb'
        )
    costly = InventoryItemObserved(inventory_item_id="i1", tracked=True, cost=eur("19.00"), sku="SKU", updated_at=NOW)
    await shop.tell(product(), costly, origin="sync")
    await shop.tell(msgspec.structs.replace(costly, cost=None, updated_at=NOW + MINUTE))
    await shop.tell(msgspec.structs.replace(costly, cost=None, updated_at=NOW + 2 * MINUTE))
    state, reasons = ProductState(store_id=shop.store_id, product_id="p1"), []
    for call in await shop.calls("UpdateProductMargins"):
        for told in convert.margins(call):
            state = flow_guard.set_margin(state, told) or state
            reasons.append(set(state.reasons))
    assert reasons == [{"low_margin"}, set()]


async def test_another_floor_is_told_of_margins_that_stay(shop: Shop) -> None:
    await shop.tell(product(cost="15.00"), product("p2"), origin="sync")
    async with shop.database.transaction() as connection:
        await connection.execute(
            'UPDATE commerce.store_connections SET settings = settings || \'{"margin_floor": "0.3"}\'::jsonb'
        )
    await shop.fact("rules_changed", {"product_ids": ["p1", "p2", "gone"], "margins": True})
    first, second = await shop.calls("UpdateProductMargins")
    assert (dict(second.margins), second.margin_floor) == ({"p1": 0.25}, 0.3)
    assert second.decision_seq > first.decision_seq
    state = flow_guard.set_margin(ProductState(store_id=shop.store_id, product_id="p1"), convert.margins(second)[0])
    assert state is not None
    assert state.reasons == {PauseReason.LOW_MARGIN}


async def test_another_threshold_is_held_against_the_stock_that_there_is(shop: Shop) -> None:
    await shop.tell(product(quantity=8), product("p2", quantity=50), origin="sync")
    async with shop.database.transaction() as connection:
        await connection.execute(
            "UPDATE commerce.store_connections SET settings = settings || '{\"low_stock_threshold\": 9}'::jsonb"
        )
    for _ in range(2):
        await shop.fact("rules_changed", {"product_ids": ["p1", "p2"], "margins": False})
    (lowered,) = await shop.calls("AdjustBidsForInventory")
    assert (lowered.product_id, lowered.quantity, lowered.low_stock_threshold) == ("p1", 8, 9)
    assert await shop.calls("UpdateProductMargins") == []


async def test_the_guard_never_overrides_a_hand(shop: Shop) -> None:
    await shop.tell(product(quantity=9), origin="sync")
    await shop.fact(
        "products_commanded",
        {"product_ids": ["p1"], "command": "hold", "actor": "user:7", "reason": "launch day", "expires_at": None},
    )
    await shop.tell(product(quantity=0, at=NOW + MINUTE))
    assert await shop.calls("PauseProductCampaigns") == []
    await shop.fact(
        "products_commanded", {"product_ids": ["p1"], "command": "release", "actor": "user:7", "reason": "over"}
    )
    assert len(await shop.calls("PauseProductCampaigns")) == 1


async def test_an_expired_hand_lets_the_guard_judge_anew(shop: Shop) -> None:
    await shop.tell(product(quantity=9), origin="sync")
    expires = (NOW + MINUTE).isoformat()
    await shop.fact(
        "products_commanded",
        {"product_ids": ["p1"], "command": "resume", "actor": "user:7", "reason": "sale", "expires_at": expires},
    )
    await shop.tell(product(quantity=0, at=NOW + MINUTE))
    assert await shop.calls("PauseProductCampaigns") == []
    shop.now = NOW + 2 * MINUTE
    await shop.fact("holds_expired", {"product_ids": ["p1"]})
    assert len(await shop.calls("PauseProductCampaigns")) == 1
    assert await shop.rows("holds") == []


async def test_variations_told_on_their_own_decide_over_the_parent(shop: Shop) -> None:
    parent = Variant(variant_id="p1", sku="", price=None, status=StockStatus.OUT_OF_STOCK)
    sold_out = msgspec.structs.replace(product(variants=[parent]), variants_complete=False)
    await shop.tell(sold_out, origin="sync")
    assert len(await shop.calls("PauseProductCampaigns")) == 1
    variation = Variant(variant_id="v9", sku="A", price=eur("9.00"), status=StockStatus.IN_STOCK, quantity=4)
    await shop.tell(VariantObserved(product_id="p1", updated_at=NOW + MINUTE, active=True, variant=variation))
    assert (await shop.row("product_states"))["resume_at"] is not None


async def test_what_is_told_of_a_product_or_variation_before_it_is_known_meets_what_comes_later(shop: Shop) -> None:
    """Each in a transaction of its own: what was told of nothing comes back from the table and compares."""
    variation = Variant(variant_id="v9", sku="A", price=eur("9.00"), status=StockStatus.IN_STOCK, quantity=4)
    await shop.tell(VariantObserved(product_id="p1", updated_at=NOW, active=True, variant=variation))
    listed = [Variant(variant_id=name, sku="", price=None) for name in ("v9", "v8")]
    await shop.tell(product(at=NOW + MINUTE, variants=listed))
    assert (await shop.row("product_states"))["updated_at"] == NOW + MINUTE
    late = msgspec.structs.replace(variation, variant_id="v8", quantity=7)
    await shop.tell(VariantObserved(product_id="p1", updated_at=NOW - MINUTE, active=True, variant=late))
    assert (await shop.row("variants", variant_id="v8"))["quantity"] == 7


async def test_syncengage_is_told_what_can_be_bought_whenever_that_changes(shop: Shop) -> None:
    await shop.tell(product(quantity=5), product("p2", quantity=0, variants=()), origin="sync")
    assert await shop.calls("PutProductAvailability") == [], "what is new can be bought, unless it is said otherwise"
    await shop.tell(product(quantity=0, at=NOW + MINUTE), product("p2", status=ProductStatus.DRAFT, at=NOW + MINUTE))
    (told,) = await shop.calls("PutProductAvailability")
    assert {each.product_id: each.sellable for each in told.products} == {"p1": False, "p2": False}
    held = {"product_ids": ["p1"], "command": "hold", "actor": "user:7", "reason": "recall"}
    await shop.fact("products_commanded", held)
    await shop.tell(product(quantity=1, at=NOW + 2 * MINUTE))
    await shop.tell(product(quantity=2, at=NOW + 3 * MINUTE))
    *_, back = await shop.calls("PutProductAvailability")
    (known,) = [each for each in told.products if each.product_id == "p1"]
    (each,) = back.products
    assert (each.product_id, each.sellable, each.decision_seq > known.decision_seq) == ("p1", True, True)
    await shop.tell(ProductDeleted(product_id="p1"), triggered_at=(NOW + 4 * MINUTE).isoformat())
    assert len(await shop.calls("PutProductAvailability")) == 3

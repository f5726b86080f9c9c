"""What is known of a product's stock, in the order in which each platform tells it and in any other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from kiki.commerce.events import (
    CommerceEvent,
    InventoryItemObserved,
    InventoryLevelObserved,
    InventoryLevelsListed,
    LocationLevel,
    ProductObserved,
    ProductStatus,
    StockStatus,
    Variant,
    VariantDeleted,
    VariantObserved,
)
from kiki.kit.money import Money
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows import products, stocking
from kiki.orchestrator.workflows.batch import Batch
from properties import examples

from .test_reordering import MINUTE, T0, batch_with_a_click

KEY = (1, "p")
_SHOWN = ("status", "deleted", "sellable", "quantity", "ads", "updated_at")


def fold(events: Sequence[CommerceEvent]) -> Batch:
    """The events one after another, as a worker takes them."""
    batch, view = batch_with_a_click()
    batch.products_of[1, "i"] = [KEY]
    for number, event in enumerate(events):
        item = WorkItem(number, 1, "shopify", "test", Lane.LIVE, "webhook", T0 + 60 * MINUTE, "", 0, [event], None)
        match event:
            case ProductObserved():
                products.product_observed(batch, view, item, event)
            case VariantDeleted():
                products.variant_deleted(batch, view, item, event)
            case VariantObserved():
                products.variant_observed(batch, view, item, event)
            case InventoryLevelObserved():
                stocking.inventory_level_observed(batch, view, item, event)
            case InventoryLevelsListed():
                stocking.inventory_levels_listed(batch, view, item, event)
            case InventoryItemObserved():
                stocking.inventory_item_observed(batch, view, item, event)
    return batch


def parent(minute: int, variants: Sequence[Variant], *, active: bool = True) -> ProductObserved:
    return ProductObserved(
        product_id="p",
        updated_at=T0 + minute * MINUTE,
        status=ProductStatus.ACTIVE if active else ProductStatus.DRAFT,
        title="Lamp",
        description="",
        vendor="",
        category="",
        page_url=None,
        image_urls=(),
        variants=tuple(variants),
    )


def listed(name: str, status: StockStatus | None = None) -> Variant:
    return Variant(variant_id=name, sku="", price=None, status=status)


def variation(minute: int, name: str, *, in_stock: bool, active: bool = True) -> VariantObserved:
    status = StockStatus.IN_STOCK if in_stock else StockStatus.OUT_OF_STOCK
    return VariantObserved(product_id="p", updated_at=T0 + minute * MINUTE, active=active, variant=listed(name, status))


def test_a_variation_that_is_not_for_sale_stays_so_when_its_parent_lists_it() -> None:
    both = [listed("a"), listed("b")]
    history: list[CommerceEvent] = [
        parent(0, both),
        variation(1, "a", in_stock=False),
        variation(2, "b", in_stock=True, active=False),
    ]
    assert fold(history).products[KEY].ads == "paused"
    assert fold([*history, parent(3, both)]).products[KEY].ads == "paused"
    back = variation(4, "b", in_stock=True)
    assert fold([*history, parent(3, both), back]).products[KEY].ads == "running"


def test_a_variation_told_before_its_parent_keeps_what_it_said() -> None:
    history: list[CommerceEvent] = [variation(1, "a", in_stock=True, active=False), parent(2, [listed("a")])]
    assert fold(history).products[KEY].sellable is False


def test_a_variation_that_its_parents_list_overtook_is_not_too_old() -> None:
    both = [listed("a"), listed("b")]
    sold_out = [variation(1, "a", in_stock=False), variation(2, "b", in_stock=False)]
    assert fold([parent(0, both), *sold_out, parent(3, both)]).products[KEY].ads == "paused"
    assert fold([parent(3, both), parent(0, both), *sold_out]).products[KEY].ads == "paused"


def test_a_variation_that_was_deleted_before_its_older_word_came_stays_deleted() -> None:
    gone = VariantDeleted(product_id="p", variant_id="b")
    history: list[CommerceEvent] = [parent(0, [listed("a", StockStatus.OUT_OF_STOCK)]), gone]
    batch = fold([*history, variation(1, "b", in_stock=True)])
    assert (batch.products[KEY].ads, batch.variants[KEY]["b"].deleted) == ("paused", True)
    assert fold([*history, variation(90, "b", in_stock=True)]).products[KEY].ads == "running", "it is back since"


def test_a_deleted_variation_no_longer_makes_the_price() -> None:
    priced = [
        msgspec.structs.replace(listed(name), price=Money(minor, "EUR")) for name, minor in (("a", 900), ("b", 500))
    ]
    batch = fold([parent(0, priced), VariantDeleted(product_id="p", variant_id="b")])
    assert batch.products[KEY].price_minor == 900


def test_a_products_older_word_does_not_undo_what_a_variant_said_since() -> None:
    """Shopify's `variants/out_of_stock` overtakes the product's update that was sent before it."""
    empty = VariantObserved(product_id="p", updated_at=T0 + 3 * MINUTE, active=True, variant=_counted(0))
    history: list[CommerceEvent] = [parent(1, [_counted(5)]), parent(2, [_counted(4)]), empty]
    assert fold(history).products[KEY].ads == "paused"
    assert fold([history[0], empty, history[1]]).products[KEY].ads == "paused"


@st.composite
def woocommerce(draw: st.DrawFn) -> list[CommerceEvent]:
    """A variable product: variations tell their own stock, the parent lists them and may be withdrawn."""
    history: list[CommerceEvent] = []
    for minute in range(draw(st.integers(1, 8))):
        if draw(st.booleans()):
            history.append(parent(minute, [listed("a"), listed("b")], active=draw(st.booleans())))
        else:
            name, stock, active = draw(st.tuples(st.sampled_from("ab"), st.booleans(), st.booleans()))
            history.append(variation(minute, name, in_stock=stock, active=active))
    return history


@st.composite
def shopify(draw: st.DrawFn) -> list[CommerceEvent]:
    """One item at two places: each change tells a level, and the product's total beside it, sooner or later."""
    places = {"x": 5, "y": 5}
    told = [InventoryLevelObserved(inventory_item_id="i", location_id=key, available=5, updated_at=T0) for key in "xy"]
    history: list[CommerceEvent] = [parent(0, [_counted(10)]), *told]
    for minute in range(1, draw(st.integers(2, 8))):
        place, units = draw(st.tuples(st.sampled_from("xy"), st.integers(-2, 4)))
        places[place] = units
        at = T0 + minute * MINUTE
        told = draw(st.sampled_from(["product", "variant", "level"]))
        total = _counted(sum(places.values()))
        if told == "product":
            history.append(parent(minute, [total]))
        elif told == "variant":
            history.append(VariantObserved(product_id="p", updated_at=at, active=True, variant=total))
        history.append(InventoryLevelObserved(inventory_item_id="i", location_id=place, available=units, updated_at=at))
    return history


def _counted(quantity: int) -> Variant:
    return Variant(variant_id="v", sku="", price=None, quantity=quantity, tracked=True, inventory_item_id="i")


def reordered(history: Sequence[CommerceEvent], repeated: Sequence[int], random: Any) -> list[CommerceEvent]:
    deliveries = [msgspec.structs.replace(event) for event in history]  # type: ignore[type-var]
    deliveries += [deliveries[index % len(deliveries)] for index in repeated]
    random.shuffle(deliveries)
    return deliveries


def shown(events: Sequence[CommerceEvent]) -> list[Any]:
    row = fold(events).products[KEY]
    return [getattr(row, name) for name in _SHOWN]


@settings(max_examples=examples(200))
@given(woocommerce(), st.lists(st.integers(0, 20), max_size=4), st.randoms())
def test_stock_told_in_any_order_and_repeatedly_ends_the_same(
    history: list[CommerceEvent], repeated: list[int], random: Any
) -> None:
    assert shown(reordered(history, repeated, random)) == shown(history)


@settings(max_examples=examples(200))
@given(shopify(), st.lists(st.integers(0, 20), max_size=4), st.randoms())
def test_stock_of_places_that_a_sync_listed_ends_the_same_in_any_order(
    history: list[CommerceEvent], repeated: list[int], random: Any
) -> None:
    listed_first = [
        parent(0, [_counted(10)]),
        InventoryLevelsListed(
            inventory_item_id="i",
            levels=tuple(LocationLevel(location_id=name, available=5, updated_at=T0) for name in "xy"),
        ),
    ]
    assert shown([*listed_first, *reordered(history, repeated, random)]) == shown([*listed_first, *history])


@settings(max_examples=examples(400))
@given(shopify(), st.lists(st.integers(0, 20), max_size=4), st.randoms())
def test_stock_of_places_that_no_sync_listed_ends_the_same_in_any_order(
    history: list[CommerceEvent], repeated: list[int], random: Any
) -> None:
    """Each place told its level, and the totals that came are of moments that the levels explain."""
    newest = {event.location_id: event.available or 0 for event in history if isinstance(event, InventoryLevelObserved)}
    row = fold(reordered(history, repeated, random)).products[KEY]
    assert (row.sellable, row.quantity) == (any(units > 0 for units in newest.values()), _sellable(newest))
    assert shown(reordered(history, repeated, random)) == shown(history)


@settings(max_examples=examples(400))
@given(shopify(), st.sampled_from("xy"), st.lists(st.integers(0, 20), max_size=4), st.randoms())
def test_a_place_that_told_nothing_ends_the_same_in_any_order(
    history: list[CommerceEvent], silent: str, repeated: list[int], random: Any
) -> None:
    """Its units are in the total alone: what is sold elsewhere since then must not hide them."""
    heard = [
        event
        for event in history
        if not (isinstance(event, InventoryLevelObserved) and event.location_id == silent and event.updated_at == T0)
    ]
    assert shown(reordered(heard, repeated, random)) == shown(heard)


def test_a_total_that_its_places_overtook_still_tells_that_they_are_all() -> None:
    """Two places sell out one after another; the total of the moment between comes last, or never."""

    def level(place: str, units: int, minute: int) -> InventoryLevelObserved:
        at = T0 + minute * MINUTE
        return InventoryLevelObserved(inventory_item_id="i", location_id=place, available=units, updated_at=at)

    stocked = [parent(0, [_counted(10)]), level("x", 5, 0), level("y", 5, 0)]
    between = parent(1, [_counted(5)])
    empty = [level("x", 0, 1), level("y", 0, 2)]
    for told in ([*stocked, between, *empty], [*stocked, *empty, between], [*stocked, *empty], [*empty, *stocked]):
        row = fold(told).products[KEY]
        assert (row.ads, row.quantity) == ("paused", 0), told


def _sellable(levels: dict[str, int]) -> int:
    return sum(max(units, 0) for units in levels.values())

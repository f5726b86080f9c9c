"""Loading what a batch touches: one statement per table, locked in a fixed order with sorted keys.

Order of locks: stores (advisory, per kind of work), orders, reviews, customers, products. The advisory lock keeps two
lanes of one store from creating the same person or product at the same time; rows cannot, while they do not exist.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from kiki.commerce.campaigns import find_evidence, find_promotions, find_reviews, find_touchpoints
from kiki.commerce.catalogue import (
    find_holds,
    find_inventory_items,
    find_levels,
    find_texts,
    find_variants,
    lock_states,
    products_of_items,
    state_values,
    variant_values,
)
from kiki.commerce.events import (
    CustomerDeleted,
    CustomerObserved,
    CustomersMerged,
    DataSubjectRequested,
    InventoryItemObserved,
    InventoryLevelObserved,
    OrderDeleted,
    OrderObserved,
    ProductDeleted,
    ProductObserved,
    RefundObserved,
    Variant,
    VariantDeleted,
    VariantObserved,
)
from kiki.commerce.orders import find_items, find_refunds, is_tombstone, lock_orders, order_values, orders_in_reach
from kiki.commerce.people import Identity, customer_values, find_people, lock_customers
from kiki.commerce.stores import ACTIVE, StoreConnection, read_store
from kiki.kit.database import Connection
from kiki.kit.sealing import Sealer
from kiki.orchestrator.attribution.campaigns import CampaignIndex
from kiki.orchestrator.attribution.model import Rules, Verdict
from kiki.orchestrator.attribution.speaking import Speakers
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.stock_guard.guard import GuardRules
from kiki.orchestrator.workflows.batch import Batch, Key, Stored, StoreView
from kiki.orchestrator.workflows.caches import CampaignCache, ModelCache
from kiki.orchestrator.workflows.identities import identities

_LOCK_CLASS_PEOPLE = 0x6B01
_LOCK_CLASS_PRODUCTS = 0x6B02
_LOCK = "SELECT pg_advisory_xact_lock($1, (id % 2147483647)::int) FROM unnest($2::bigint[]) AS id"
_STORES = """
SELECT store_id, platform, store_key, display_name, currency, timezone, status, connected_at, settings,
    campaigns_revision
FROM commerce.store_connections WHERE store_id = ANY($1::bigint[])
"""


@dataclass(slots=True)
class Wanted:
    """Keys that the batch's events name."""

    stores: set[int] = field(default_factory=set)
    people_stores: set[int] = field(default_factory=set)
    product_stores: set[int] = field(default_factory=set)
    orders: set[Key] = field(default_factory=set)
    reviews: set[Key] = field(default_factory=set)
    customers: set[Key] = field(default_factory=set)
    identities: list[Identity] = field(default_factory=list)
    lines: set[Key] = field(default_factory=set)
    placed: dict[Key, OrderObserved] = field(default_factory=dict)
    reached: list[tuple[int, list[Identity], dt.datetime]] = field(default_factory=list)
    products: set[Key] = field(default_factory=set)
    texts: set[Key] = field(default_factory=set)
    inventory_items: set[Key] = field(default_factory=set)


async def load(
    connection: Connection,
    sealer: Sealer,
    items: Sequence[WorkItem],
    *,
    now: dt.datetime,
    new_key: Callable[[], str],
    campaigns: CampaignCache,
    models: ModelCache,
) -> Batch:
    """The batch's state, locked."""
    batch = Batch(now=now, sealer=sealer, new_key=new_key)
    wanted = _collect(batch, items)
    await _lock_stores(connection, wanted)
    await _load_stores(connection, batch, wanted, campaigns, models)
    if wanted.people_stores:
        await _load_orders(connection, batch, wanted)
    if wanted.product_stores:
        await _load_products(connection, batch, wanted)
    batch.stored = Stored(
        orders={key: order_values(row) for key, row in batch.orders.items()},
        customers={key: customer_values(row) for key, row in batch.customers.items()},
        products={key: state_values(row) for key, row in batch.products.items()},
        variants={
            (*key, name): variant_values(row) for key, rows in batch.variants.items() for name, row in rows.items()
        },
    )
    return batch


def _collect(batch: Batch, items: Sequence[WorkItem]) -> Wanted:
    wanted = Wanted()
    for item in items:
        wanted.stores.add(item.store_id)
        for event in item.events or ():
            _collect_event(batch, wanted, item.store_id, event)
        if item.internal is not None:
            _collect_fact(batch, wanted, item.store_id, item.internal.kind, item.internal.body)
    return wanted


def _collect_event(batch: Batch, wanted: Wanted, store_id: int, event: object) -> None:
    match event:
        case OrderObserved() | RefundObserved() | OrderDeleted():
            _collect_order(batch, wanted, store_id, event)
        case InventoryLevelObserved() | InventoryItemObserved():
            wanted.product_stores.add(store_id)
            wanted.inventory_items.add((store_id, event.inventory_item_id))
        case ProductObserved() | ProductDeleted() | VariantObserved() | VariantDeleted():
            _collect_product(wanted, store_id, event)
        case CustomerObserved():
            _named(batch, wanted, store_id, event, customer_id=event.customer_id, email=event.email, phone=event.phone)
        case CustomerDeleted():
            _named(batch, wanted, store_id, event, customer_id=event.customer_id)
        case CustomersMerged():
            kept = identities(batch.sealer, store_id, customer_id=event.kept_customer_id)
            gone = identities(batch.sealer, store_id, customer_id=event.merged_customer_id)
            wanted.people_stores.add(store_id)
            wanted.identities += [*kept, *gone]
            batch.identities_of[id(event)] = [*kept, *gone]
        case DataSubjectRequested():
            _named(batch, wanted, store_id, event, customer_id=event.customer_id, email=event.email)


def _collect_order(
    batch: Batch, wanted: Wanted, store_id: int, event: OrderObserved | RefundObserved | OrderDeleted
) -> None:
    wanted.people_stores.add(store_id)
    wanted.orders.add((store_id, event.order_id))
    if not isinstance(event, OrderObserved):
        return
    wanted.placed.setdefault((store_id, event.order_id), event)
    if id(event) in batch.identities_of:
        return
    stub, touch = event.customer, event.touch
    _named(
        batch,
        wanted,
        store_id,
        event,
        customer_id=stub.customer_id if stub else None,
        email=stub.email if stub else None,
        phone=stub.phone if stub else None,
        first_party_id=touch.first_party_id if touch else None,
        click_ids=touch.click_ids if touch else (),
    )


def _collect_product(
    wanted: Wanted, store_id: int, event: ProductObserved | ProductDeleted | VariantObserved | VariantDeleted
) -> None:
    key = (store_id, event.product_id)
    wanted.product_stores.add(store_id)
    wanted.products.add(key)
    variants: Sequence[Variant] = ()
    if isinstance(event, ProductObserved):
        variants = event.variants
    elif isinstance(event, VariantObserved):
        variants = (event.variant,)
    if isinstance(event, VariantObserved) or (isinstance(event, ProductObserved) and event.unsaid):
        wanted.texts.add(key)
    wanted.inventory_items.update((store_id, each.inventory_item_id) for each in variants if each.inventory_item_id)


def _collect_fact(batch: Batch, wanted: Wanted, store_id: int, kind: str, body: dict[str, Any]) -> None:
    if kind == "customer_valued":
        wanted.people_stores.add(store_id)
        for entry in body["customers"]:
            wanted.customers.add((store_id, entry["customer_key"]))
            wanted.orders.add((store_id, entry["order_id"]))
            wanted.lines.add((store_id, entry["order_id"]))
    elif kind in ("revenue_recorded", "revenue_reversed", "review_decided"):
        wanted.people_stores.add(store_id)
        keys = {(store_id, entry["order_id"]) for entry in body["orders"]}
        wanted.orders |= keys
        if kind == "review_decided":
            wanted.reviews |= keys
    elif kind == "touchpoints_added":
        wanted.people_stores.add(store_id)
        for entry in body["touchpoints"]:
            found = [(store_id, each["kind"], bytes.fromhex(each["value"])) for each in entry["identities"]]
            batch.identities_of[id(entry)] = found
            wanted.identities += found
            wanted.reached.append((store_id, found, dt.datetime.fromisoformat(entry["at"])))
    elif kind == "orders_reopened":
        wanted.people_stores.add(store_id)
        keys = {(store_id, order_id) for order_id in body["order_ids"]}
        wanted.orders |= keys
        wanted.lines |= keys
        wanted.reviews |= keys
    elif kind == "customers_at_risk":
        wanted.people_stores.add(store_id)
        wanted.customers |= {(store_id, key) for key in body["customer_keys"]}
    elif kind in ("resumes_due", "products_commanded", "holds_expired"):
        wanted.product_stores.add(store_id)
        wanted.products |= {(store_id, product_id) for product_id in body["product_ids"]}


def _named(batch: Batch, wanted: Wanted, store_id: int, event: object, **given: Any) -> None:
    found = identities(batch.sealer, store_id, **given)
    wanted.people_stores.add(store_id)
    wanted.identities += found
    batch.identities_of[id(event)] = found


async def _lock_stores(connection: Connection, wanted: Wanted) -> None:
    if wanted.people_stores:
        await connection.execute(_LOCK, _LOCK_CLASS_PEOPLE, sorted(wanted.people_stores))
    if wanted.product_stores:
        await connection.execute(_LOCK, _LOCK_CLASS_PRODUCTS, sorted(wanted.product_stores))


async def _load_stores(
    connection: Connection, batch: Batch, wanted: Wanted, cache: CampaignCache, models: ModelCache
) -> None:
    rows = await connection.fetch(_STORES, sorted(wanted.stores))
    indexes = await cache.load(connection, {row["store_id"]: row["campaigns_revision"] for row in rows})
    stores = {row["store_id"]: read_store(row) for row in rows}
    spoken = await models.load(
        connection, [(row["store_id"], row["campaigns_revision"], stores[row["store_id"]].settings) for row in rows]
    )
    for store_id, store in stores.items():
        batch.stores[store_id] = view_of(store, indexes[store_id], spoken[store_id])


def view_of(store: StoreConnection, campaigns: CampaignIndex, spoken: Speakers) -> StoreView:
    """A store as decisions see it."""
    settings = store.settings
    return StoreView(
        store=store,
        attribution=Rules(
            window=dt.timedelta(days=settings.attribution_window_days),
            threshold=Decimal(settings.attribution_threshold),
            review_below=Decimal(settings.review_below),
        ),
        guard=GuardRules(
            low_stock_threshold=settings.low_stock_threshold,
            resume_damping=dt.timedelta(seconds=settings.resume_damping_seconds),
        ),
        churn_threshold=Decimal(settings.churn_threshold),
        campaigns=campaigns,
        uninstalled=store.status != ACTIVE,
        speakers=spoken,
    )


async def _load_orders(connection: Connection, batch: Batch, wanted: Wanted) -> None:
    batch.people = await find_people(connection, list(dict.fromkeys(wanted.identities)))
    await _reach_orders(connection, batch, wanted)
    keys = sorted(wanted.orders)
    batch.orders = await lock_orders(connection, keys)
    batch.refunds = await find_refunds(connection, keys)
    told = [
        (order.store_id, order.order_id, order.attribution_revision)
        for order in batch.orders.values()
        if order.verdict == Verdict.INCREMENTAL.value
    ]
    batch.evidence = await find_evidence(connection, told)
    batch.items = await find_items(connection, sorted(wanted.lines & batch.orders.keys()))
    batch.reviews = await find_reviews(connection, sorted(wanted.reviews))
    customers = wanted.customers | {(order.store_id, order.customer_key) for order in batch.orders.values()}
    customers |= {(identity[0], key) for identity, key in batch.people.items()}
    batch.customers = await lock_customers(connection, sorted(customers))
    await _load_evidence(connection, batch, wanted, customers)


async def _reach_orders(connection: Connection, batch: Batch, wanted: Wanted) -> None:
    """Orders that a late touchpoint may change: those of its person, placed within the window after it."""
    reach = []
    for store_id, found, at in wanted.reached:
        keys = {batch.people[identity] for identity in found if identity in batch.people}
        view = batch.stores.get(store_id)
        if view is not None:
            reach += [(store_id, key, at, at + view.attribution.window) for key in sorted(keys)]
    reopened = await orders_in_reach(connection, reach)
    wanted.orders.update(reopened)
    wanted.lines.update(reopened)
    wanted.reviews.update(reopened)


async def _load_evidence(connection: Connection, batch: Batch, wanted: Wanted, customers: set[Key]) -> None:
    """Touchpoints and promotions, for orders that will be decided in stores that have campaigns."""
    fresh = [
        (key, event.placed_at)
        for key, event in wanted.placed.items()
        if (key not in batch.orders or is_tombstone(batch.orders[key])) and _has_campaigns(batch, key[0])
    ]
    again = [batch.orders[key] for key in wanted.lines if key in batch.orders and _has_campaigns(batch, key[0])]
    times = [placed_at for _, placed_at in fresh] + [order.placed_at for order in again]
    if not times:
        return
    with_campaigns = {key for key in customers if _has_campaigns(batch, key[0])}
    longest = max(view.attribution.window for view in batch.stores.values())
    batch.touches = await find_touchpoints(connection, sorted(with_campaigns), min(times) - longest)
    products = {
        (key[0], line.product_id)
        for key, _ in fresh
        for line in wanted.placed[key].lines
        if line.product_id is not None
    }
    products |= {
        (order.store_id, line.product_id)
        for order in again
        for line in batch.items.get((order.store_id, order.order_id), ())
        if line.product_id is not None
    }
    batch.promotions = await find_promotions(connection, sorted(products))
    for order in again:
        batch.orders_of.setdefault((order.store_id, order.customer_key), set()).add(order.order_id)


def _has_campaigns(batch: Batch, store_id: int) -> bool:
    view = batch.stores.get(store_id)
    return view is not None and bool(view.campaigns)


async def _load_products(connection: Connection, batch: Batch, wanted: Wanted) -> None:
    batch.products_of = await products_of_items(connection, sorted(wanted.inventory_items))
    products = wanted.products | {key for keys in batch.products_of.values() for key in keys}
    ordered = sorted(products)
    batch.products = await lock_states(connection, ordered)
    batch.variants = await find_variants(connection, ordered)
    items = wanted.inventory_items | {
        (row.store_id, row.inventory_item_id)
        for variants in batch.variants.values()
        for row in variants.values()
        if row.inventory_item_id is not None
    }
    batch.levels = await find_levels(connection, sorted(items))
    batch.inventory_items = await find_inventory_items(connection, sorted(items))
    batch.holds = await find_holds(connection, ordered)
    batch.texts = await find_texts(connection, sorted(wanted.texts & batch.products.keys()))

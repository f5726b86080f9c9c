"""Loading what a batch touches: few statements, rows locked in a fixed order with sorted keys.

Order of locks: stores (advisory, per kind of work), orders, reviews, customers, products. The advisory lock keeps two
lanes of one store from creating the same person or product at the same time; rows cannot, while they do not exist.
Under it nobody else writes what belongs to an order or a product: such rows are read by the statement that locks them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from kiki.commerce.campaigns import (
    evidence_of,
    find_campaigns,
    find_promoted,
    find_reviews,
    known_touchpoints,
    promotions_of,
    touchpoints_of,
)
from kiki.commerce.catalogue import (
    find_texts,
    holds_of,
    inventory_items_of,
    levels_of,
    lock_states,
    products_of_items,
    state_values,
    variant_values,
    variants_of,
)
from kiki.commerce.events import (
    CustomerDeleted,
    CustomerObserved,
    CustomersMerged,
    DataSubjectRequested,
    InventoryItemObserved,
    InventoryLevelObserved,
    InventoryLevelsListed,
    OrderDeleted,
    OrderObserved,
    ProductDeleted,
    ProductObserved,
    RefundObserved,
    Variant,
    VariantDeleted,
    VariantObserved,
)
from kiki.commerce.orders import (
    is_tombstone,
    items_of,
    lines_digest,
    lock_orders,
    order_values,
    orders_in_reach,
    refunds_of,
)
from kiki.commerce.people import Identity, customer_values, find_people, lock_customers
from kiki.commerce.stores import ACTIVE, StoreConnection, stores_of
from kiki.kit.database import Connection
from kiki.kit.reads import fetch_together
from kiki.kit.sealing import Sealer
from kiki.orchestrator.attribution.campaigns import CampaignIndex
from kiki.orchestrator.attribution.model import Rules, Verdict
from kiki.orchestrator.attribution.speaking import Speakers
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.stock_guard.guard import GuardRules
from kiki.orchestrator.workflows import exchanging, reopening
from kiki.orchestrator.workflows.batch import Batch, Key, Stored, StoreView
from kiki.orchestrator.workflows.caches import CampaignCache, ModelCache
from kiki.orchestrator.workflows.identities import identities
from kiki.orchestrator.workflows.trails import Trail, reach_of

_LOCK_CLASS_PEOPLE = 0x6B01
_LOCK_CLASS_PRODUCTS = 0x6B02
_LOCK = """
SELECT pg_advisory_xact_lock(class, (id % 2147483647)::int) FROM unnest($1::int[], $2::bigint[]) AS wanted(class, id)
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
    told: dict[Key, list[OrderObserved]] = field(default_factory=dict)
    """What the batch tells of each order, the first first."""
    reached: list[tuple[int, list[Identity], dt.datetime]] = field(default_factory=list)
    touchpoints: set[Key] = field(default_factory=set)
    campaigns: set[Key] = field(default_factory=set)
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
    caches = (campaigns, models)
    if wanted.reached or not wanted.people_stores:
        await _view_stores(connection, batch, await stores_of(sorted(wanted.stores)).fetch(connection), *caches)
    if wanted.people_stores:
        await _load_orders(connection, batch, wanted, *caches)
    if wanted.touchpoints:
        batch.known_touchpoints = await known_touchpoints(connection, sorted(wanted.touchpoints))
    if wanted.campaigns:
        await _load_campaigns(connection, batch, sorted(wanted.campaigns))
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
        case InventoryLevelObserved() | InventoryLevelsListed() | InventoryItemObserved():
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
    wanted.told.setdefault((store_id, event.order_id), []).append(event)
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
    elif kind in ("revenue_recorded", "revenue_reversed", "review_decided", "contract_ended", "rates_known"):
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
            wanted.touchpoints.add((store_id, entry["touchpoint_id"]))
            wanted.reached.append((store_id, found, dt.datetime.fromisoformat(entry["at"])))
    elif kind == "campaigns_changed" and "campaigns" in body:
        wanted.people_stores.add(store_id)
        wanted.campaigns |= {(store_id, entry["campaign_id"]) for entry in body["campaigns"]}
    elif kind == "visitor_forgotten":
        wanted.people_stores.add(store_id)
    elif kind == "orders_reopened":
        wanted.people_stores.add(store_id)
        keys = {(store_id, order_id) for order_id in body["order_ids"]}
        wanted.orders |= keys
        wanted.lines |= keys
        wanted.reviews |= keys
    elif kind == "customers_at_risk":
        wanted.people_stores.add(store_id)
        wanted.customers |= {(store_id, key) for key in body["customer_keys"]}
    elif kind in ("resumes_due", "products_commanded", "holds_expired", "rules_changed"):
        wanted.product_stores.add(store_id)
        wanted.products |= {(store_id, product_id) for product_id in body["product_ids"]}


def _named(batch: Batch, wanted: Wanted, store_id: int, event: object, **given: Any) -> None:
    found = identities(batch.sealer, store_id, **given)
    wanted.people_stores.add(store_id)
    wanted.identities += found
    batch.identities_of[id(event)] = found


async def _lock_stores(connection: Connection, wanted: Wanted) -> None:
    locks = [(_LOCK_CLASS_PEOPLE, store_id) for store_id in sorted(wanted.people_stores)]
    locks += [(_LOCK_CLASS_PRODUCTS, store_id) for store_id in sorted(wanted.product_stores)]
    if locks:
        await connection.execute(_LOCK, [kind for kind, _ in locks], [store_id for _, store_id in locks])


async def _view_stores(
    connection: Connection,
    batch: Batch,
    stores: Mapping[int, tuple[StoreConnection, int]],
    cache: CampaignCache,
    models: ModelCache,
) -> None:
    indexes = await cache.load(connection, {store_id: revision for store_id, (_, revision) in stores.items()})
    spoken = await models.load(
        connection, [(store_id, revision, store.settings) for store_id, (store, revision) in stores.items()]
    )
    for store_id, (store, _) in stores.items():
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


async def _load_orders(
    connection: Connection, batch: Batch, wanted: Wanted, campaigns: CampaignCache, models: ModelCache
) -> None:
    people = find_people(list(dict.fromkeys(wanted.identities)))
    if wanted.reached:
        batch.people = await people.fetch(connection)
        await _reach_orders(connection, batch, wanted)
    keys = sorted(wanted.orders)
    stores, batch.people, batch.orders, batch.refunds, batch.items = await fetch_together(
        connection,
        stores_of(sorted(wanted.stores)),
        people,
        lock_orders(keys),
        refunds_of(keys),
        items_of(sorted(wanted.lines)),
    )
    if not wanted.reached:
        await _view_stores(connection, batch, stores, campaigns, models)
    batch.observed = wanted.told
    batch.rates = await exchanging.load_rates(connection, batch)
    await _load_edited(connection, batch, wanted)
    batch.reviews = await find_reviews(connection, sorted(wanted.reviews))
    customers = wanted.customers | {(order.store_id, order.customer_key) for order in batch.orders.values()}
    customers |= {(identity[0], key) for identity, key in batch.people.items()}
    await _load_customers(connection, batch, wanted, customers)


async def _load_edited(connection: Connection, batch: Batch, wanted: Wanted) -> None:
    """Known orders of which the batch tells other lines may have to be decided anew, by the lines that hold then."""
    edited = {
        key
        for key, told in wanted.told.items()
        if (order := batch.orders.get(key)) is not None
        and not is_tombstone(order)
        and any(lines_digest(event) != order.lines_digest for event in told)
    }
    if edited:
        batch.items |= await items_of(sorted(edited - wanted.lines)).fetch(connection)
        wanted.lines |= edited
        wanted.reviews |= edited


async def _reach_orders(connection: Connection, batch: Batch, wanted: Wanted) -> None:
    """Orders that a late touchpoint may change: those of its person, placed within the window after it.

    Of somebody with very many of them none is loaded: they are handed over when the batch is written.
    """
    times: dict[Key, list[dt.datetime]] = {}
    for store_id, found, at in wanted.reached:
        if store_id in batch.stores:
            for name in {batch.people[identity] for identity in found if identity in batch.people}:
                times.setdefault((store_id, name), []).append(at)
    reach = [span for key in sorted(times) for span in _after(key, times[key], batch.stores[key[0]].attribution.window)]
    for person, names in (await orders_in_reach(connection, reach, reopening.PER_FACT + 1)).items():
        if len(names) > reopening.PER_FACT:
            batch.crowded.add(person)
            continue
        reopened = {(person[0], name) for name in names}
        wanted.orders |= reopened
        wanted.lines |= reopened
        wanted.reviews |= reopened


def _after(
    key: Key, times: Sequence[dt.datetime], window: dt.timedelta
) -> list[tuple[int, str, dt.datetime, dt.datetime]]:
    """The windows after a person's contacts, those that overlap as one."""
    spans: list[tuple[int, str, dt.datetime, dt.datetime]] = []
    for at in sorted(times):
        begin = spans.pop()[2] if spans and at <= spans[-1][3] else at
        spans.append((*key, begin, at + window))
    return spans


async def _load_customers(connection: Connection, batch: Batch, wanted: Wanted, customers: set[Key]) -> None:
    """The persons, with touchpoints and promotions for orders that will be decided in stores that have campaigns."""
    fresh = [
        (key, events[0].placed_at)
        for key, events in wanted.told.items()
        if (key not in batch.orders or is_tombstone(batch.orders[key])) and _is_decided(batch, key[0], events)
    ]
    again = [batch.orders[key] for key in wanted.lines if key in batch.orders and _has_campaigns(batch, key[0])]
    told = [
        (*key, order.attribution_revision)
        for key, order in batch.orders.items()
        if order.verdict == Verdict.INCREMENTAL.value or (key in wanted.reviews and order.attribution_revision)
    ]
    if not fresh and not again:
        batch.customers, batch.evidence = await fetch_together(connection, lock_customers(customers), evidence_of(told))
        return
    times = [(key[0], placed_at) for key, placed_at in fresh]
    times += [(order.store_id, order.placed_at) for order in again]
    reach = _reach(batch, times)
    spans = [(*key, *reach[key[0]]) for key in sorted(customers) if key[0] in reach]
    deciding = {key for key, _ in fresh} | wanted.lines
    products = {
        (key[0], line.product_id)
        for key in deciding
        for event in wanted.told.get(key, ())
        for line in event.lines
        if line.product_id is not None
    }
    products |= {
        (order.store_id, line.product_id)
        for order in again
        for line in batch.items.get((order.store_id, order.order_id), ())
        if line.product_id is not None
    }
    batch.customers, batch.evidence, touches, batch.promotions = await fetch_together(
        connection,
        lock_customers(customers),
        evidence_of(told),
        touchpoints_of(spans),
        promotions_of(sorted(products)),
    )
    batch.touches = {key: Trail(rows) for key, rows in touches.items()}
    for order in again:
        batch.orders_of.setdefault((order.store_id, order.customer_key), set()).add(order.order_id)


def _has_campaigns(batch: Batch, store_id: int) -> bool:
    view = batch.stores.get(store_id)
    return view is not None and bool(view.campaigns)


def _is_decided(batch: Batch, store_id: int, events: Sequence[OrderObserved]) -> bool:
    """Whether a new order may be decided: no history from before the connection, and no test."""
    since = batch.stores[store_id].store.connected_at if _has_campaigns(batch, store_id) else None
    return since is not None and any(event.placed_at >= since and not event.is_test for event in events)


def _reach(batch: Batch, times: Sequence[tuple[int, dt.datetime]]) -> dict[int, tuple[dt.datetime, dt.datetime]]:
    """Per store from when to when contacts matter to orders placed at these times, whoever is who in the end."""
    found: dict[int, tuple[dt.datetime, dt.datetime]] = {}
    for store_id, placed_at in times:
        begin, end = reach_of(placed_at, batch.stores[store_id].attribution.window)
        first, last = found.get(store_id, (begin, end))
        found[store_id] = min(first, begin), max(last, end)
    return found


async def _load_campaigns(connection: Connection, batch: Batch, keys: Sequence[Key]) -> None:
    """Registered campaigns, as far as they are known, with what they promote or promoted."""
    rows = await find_campaigns(connection, sorted({store_id for store_id, _ in keys}))
    wanted = set(keys)
    known = ((row.store_id, row.campaign_id, row) for found in rows.values() for row in found)
    batch.campaigns = {(store_id, name): row for store_id, name, row in known if (store_id, name) in wanted}
    batch.promoted = await find_promoted(connection, keys)


async def _load_products(connection: Connection, batch: Batch, wanted: Wanted) -> None:
    if wanted.inventory_items:
        batch.products_of = await products_of_items(sorted(wanted.inventory_items)).fetch(connection)
    products = wanted.products | {key for keys in batch.products_of.values() for key in keys}
    ordered = sorted(products)
    batch.products, batch.variants, batch.holds = await fetch_together(
        connection, lock_states(ordered), variants_of(ordered), holds_of(ordered)
    )
    items = wanted.inventory_items | {
        (row.store_id, row.inventory_item_id)
        for variants in batch.variants.values()
        for row in variants.values()
        if row.inventory_item_id is not None
    }
    if items:
        batch.levels, batch.inventory_items = await fetch_together(
            connection, levels_of(sorted(items)), inventory_items_of(sorted(items))
        )
    batch.texts = await find_texts(connection, sorted(wanted.texts & batch.products.keys()))

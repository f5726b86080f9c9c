"""Writing what a batch decided: rows sorted by key, new ones of all tables together, log events last."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from kiki.commerce import attribution_models, campaigns, catalogue, orders, people
from kiki.commerce.rows import Shape
from kiki.kit.bulk import Append, Rows, append_rows
from kiki.kit.database import Connection
from kiki.orchestrator.events.log import append
from kiki.orchestrator.workflows import exchanging, reopening
from kiki.orchestrator.workflows.batch import Batch

_UNINSTALL = """
UPDATE commerce.store_connections
SET status = 'uninstalled', uninstalled_at = $2, secret_sealed = NULL, previous_secret_sealed = NULL
WHERE store_id = $1
"""


async def save(connection: Connection, batch: Batch) -> None:
    """Everything, in the caller's transaction: what goes, what is new in one go, what changed in the order of the
    locks; and what follows from it for orders that are not in the batch."""
    out = batch.out
    await orders.remove_items(connection, sorted(out.replaced_lines))
    await append_rows(connection, _new_rows(batch))
    await _save_orders(connection, batch)
    await _save_people(connection, batch)
    await _save_evidence(connection, batch)
    await _save_products(connection, batch)
    await _save_stores(connection, batch)
    await reopening.hand_over(connection, batch)
    await exchanging.save_waiting(connection, batch)
    await append(connection, out.events)


def _new_rows(batch: Batch) -> list[tuple[Append, Rows]]:
    """Rows whose keys are new, or that are passed over when they are not; no two of them depend on each other."""
    out, stored = batch.out, batch.stored
    variants = {key: batch.variants[key[0], key[1]][key[2]] for key in out.variants}
    return [
        orders.ORDERS.new(_values(orders.order_values, batch.orders, out.orders, stored.orders)),
        orders.ORDER_ITEMS.new([orders.item_values(row) for lines in out.lines.values() for row in lines]),
        people.IDENTITIES.new([(*identity, key) for identity, key in out.identities.items()]),
        people.CUSTOMERS.new(_values(people.customer_values, batch.customers, out.customers, stored.customers)),
        campaigns.TOUCHPOINTS.missing([campaigns.touchpoint_values(row) for row in out.touchpoints.values()]),
        campaigns.ATTRIBUTIONS.new(out.attributions),
        attribution_models.SHADOWS.missing([attribution_models.shadow_values(row) for row in out.shadows.values()]),
        catalogue.PRODUCT_STATES.new(_values(catalogue.state_values, batch.products, out.products, stored.products)),
        catalogue.VARIANTS.new(_values(catalogue.variant_values, variants, out.variants, stored.variants)),
    ]


async def _save_orders(connection: Connection, batch: Batch) -> None:
    out = batch.out
    await _change(connection, orders.ORDERS, batch.stored.orders, orders.order_values, batch.orders, out.orders)
    await orders.ORDER_REFUNDS.upsert(connection, [orders.refund_values(row) for row in out.refunds.values()])


async def _save_people(connection: Connection, batch: Batch) -> None:
    out = batch.out
    known = batch.stored.customers
    await _change(connection, people.CUSTOMERS, known, people.customer_values, batch.customers, out.customers)
    if out.merges:
        await people.IDENTITY_MERGES.insert_missing(connection, [(*merge, batch.now) for merge in out.merges])
        await people.move_identities(connection, [merge[:3] for merge in out.merges])
    await people.forget_people(connection, sorted(out.forgotten))
    for visitor in sorted(out.forgotten_visitors):
        await people.forget_visitor(connection, visitor)


async def _save_evidence(connection: Connection, batch: Batch) -> None:
    out = batch.out
    await campaigns.REVIEWS.upsert(connection, [campaigns.review_values(batch.reviews[key]) for key in out.reviews])
    await campaigns.DATA_REQUESTS.upsert(connection, list(out.data_requests.values()))
    if out.campaigns:
        promotions = [row for rows in out.promotions.values() for row in rows]
        rows = list(out.campaigns.values())
        await campaigns.project_campaigns(connection, rows, promotions, out.former_keys, batch.now)


async def _save_products(connection: Connection, batch: Batch) -> None:
    out = batch.out
    known = batch.stored.products
    await _change(connection, catalogue.PRODUCT_STATES, known, catalogue.state_values, batch.products, out.products)
    if out.texts:
        await catalogue.upsert_texts(connection, list(out.texts.values()))
    variants = {key: batch.variants[key[0], key[1]][key[2]] for key in out.variants}
    stored = batch.stored.variants
    await _change(connection, catalogue.VARIANTS, stored, catalogue.variant_values, variants, out.variants)
    await catalogue.INVENTORY_LEVELS.upsert(connection, [catalogue.level_values(row) for row in out.levels.values()])
    items = [catalogue.inventory_item_values(batch.inventory_items[key]) for key in out.inventory_items]
    await catalogue.INVENTORY_ITEMS.upsert(connection, items)
    await catalogue.append_inventory_events(connection, out.inventory_events)
    await catalogue.HOLDS.upsert(connection, [catalogue.hold_values(batch.holds[key]) for key in out.holds])
    await catalogue.HOLDS.delete(connection, sorted(out.lifted_holds))


def _values(
    values: Callable[[Any], Sequence[Any]],
    rows: Mapping[Any, object],
    keys: Collection[Any],
    stored: Mapping[Any, object],
) -> list[Sequence[Any]]:
    return [values(rows[key]) for key in keys if key not in stored]


async def _change(
    connection: Connection,
    shape: Shape,
    stored: Mapping[Any, Sequence[Any]],
    values: Callable[[Any], Sequence[Any]],
    rows: Mapping[Any, object],
    keys: Collection[Any],
) -> None:
    """What changed of the rows that were there."""
    await shape.change(connection, [values(rows[key]) for key in keys if key in stored], stored)


async def _save_stores(connection: Connection, batch: Batch) -> None:
    out = batch.out
    for store_id, removed_at in sorted(out.uninstalled_stores.items()):
        await connection.execute(_UNINSTALL, store_id, removed_at)
    for store_id in sorted(out.forgotten_stores):
        await people.forget_store(connection, store_id, batch.now)

"""The decisions: a batch of deliveries in, final rows, agent calls and log events out."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import Callable, Sequence
from typing import Any

from kiki.commerce.events import (
    AppUninstalled,
    CommerceEvent,
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
    VariantDeleted,
    VariantObserved,
)
from kiki.kit.database import Connection
from kiki.kit.errors import InvalidInput, KikiError
from kiki.kit.sealing import Sealer
from kiki.orchestrator.inbox.protocol import Decided, InternalFact, ItemFailure, WorkItem
from kiki.orchestrator.workflows import (
    advertising,
    customers,
    engaging,
    evidence,
    hands,
    orders,
    privacy,
    products,
    registering,
    stocking,
    stores,
)
from kiki.orchestrator.workflows.batch import Batch, StoreView
from kiki.orchestrator.workflows.caches import CampaignCache, ModelCache
from kiki.orchestrator.workflows.loading import load
from kiki.orchestrator.workflows.saving import save

_FOLDED_AT_ONCE = 32


class CommerceDecider:
    """Folds batches over the shop's state. Implements the inbox's `Decider`."""

    def __init__(self, sealer: Sealer, *, new_key: Callable[[], str] | None = None) -> None:
        self._sealer = sealer
        self._new_key = new_key or _random_key
        self._campaigns = CampaignCache()
        self._models = ModelCache()

    def entity(self, item: WorkItem) -> str:
        """What must stay in order: the order, product, item or customer that the first event is about."""
        if item.events:
            return _entity(item.events[0])
        if item.internal is not None:
            return f"{item.internal.kind}:{item.delivery_id}"
        return f"delivery:{item.delivery_id}"

    async def decide(self, connection: Connection, items: Sequence[WorkItem], now: dt.datetime) -> Decided:
        """Load, fold, write. An item that fails is left out and the batch is folded again without it."""
        remaining, failures = list(items), list[ItemFailure]()
        while remaining:
            batch = await load(
                connection,
                self._sealer,
                remaining,
                now=now,
                new_key=self._new_key,
                campaigns=self._campaigns,
                models=self._models,
            )
            batch.lane = max(item.lane for item in remaining)
            failure = await _fold(batch, remaining)
            if failure is None:
                engaging.tell_availability(batch)
                await save(connection, batch)
                return Decided(failures, batch.out.calls)
            failures.append(failure)
            remaining = [item for item in remaining if item.delivery_id != failure.delivery_id]
        return Decided(failures)


async def _fold(batch: Batch, items: Sequence[WorkItem]) -> ItemFailure | None:
    """Apply everything in memory, in slices, so that stock work never waits for all of it.

    Answers with the first item that cannot be applied.
    """
    for position, item in enumerate(items):
        if position % _FOLDED_AT_ONCE == _FOLDED_AT_ONCE - 1:
            await asyncio.sleep(0)
        try:
            view = _view(batch, item)
            for event in item.events or ():
                _apply(batch, view, item, event)
            if item.internal is not None:
                _apply_fact(batch, view, item, item.internal)
        except KikiError as error:
            return ItemFailure(item.delivery_id, error)
    return None


def _view(batch: Batch, item: WorkItem) -> StoreView:
    view = batch.stores.get(item.store_id)
    if view is None:
        raise InvalidInput(f"no store has the id {item.store_id}", reason="STORE_NOT_FOUND")
    return view


def _apply(batch: Batch, view: StoreView, item: WorkItem, event: CommerceEvent) -> None:
    workflow: Callable[[Batch, StoreView, WorkItem, Any], None] = _ON_EVENT[type(event)]
    workflow(batch, view, item, event)


def _apply_fact(batch: Batch, view: StoreView, item: WorkItem, fact: InternalFact) -> None:
    workflow = _ON_FACT.get(fact.kind)
    if workflow is None:
        raise InvalidInput(f"no workflow knows the fact {fact.kind!r}", reason="UNKNOWN_TOPIC")
    workflow(batch, view, item, fact.body)


_ON_EVENT: dict[type, Callable[[Batch, StoreView, WorkItem, Any], None]] = {
    OrderObserved: orders.order_observed,
    RefundObserved: orders.refund_observed,
    OrderDeleted: orders.order_deleted,
    ProductObserved: products.product_observed,
    VariantObserved: products.variant_observed,
    VariantDeleted: products.variant_deleted,
    ProductDeleted: products.product_deleted,
    InventoryLevelObserved: stocking.inventory_level_observed,
    InventoryLevelsListed: stocking.inventory_levels_listed,
    InventoryItemObserved: stocking.inventory_item_observed,
    CustomerObserved: customers.customer_observed,
    CustomerDeleted: customers.customer_deleted,
    CustomersMerged: customers.customers_merged,
    AppUninstalled: stores.app_uninstalled,
    DataSubjectRequested: privacy.data_subject_requested,
}
"""What happens, by what a shop told."""

_ON_FACT: dict[str, Callable[[Batch, StoreView, WorkItem, dict[str, Any]], None]] = {
    "store_connected": stores.store_connected,
    "contract_ended": stores.contract_ended,
    "history_synced": stores.history_synced,
    "baseline_computed": stores.baseline_computed,
    "customer_valued": customers.customers_valued,
    "customers_at_risk": customers.customers_at_risk,
    "touchpoints_added": evidence.touchpoints_added,
    "visitor_forgotten": privacy.visitor_forgotten,
    "orders_reopened": evidence.orders_reopened,
    "campaigns_changed": registering.campaigns_changed,
    "review_decided": evidence.review_decided,
    "rates_known": orders.rates_known,
    "revenue_recorded": evidence.revenue_recorded,
    "revenue_reversed": evidence.revenue_reversed,
    "products_commanded": hands.products_commanded,
    "holds_expired": hands.holds_expired,
    "resumes_due": hands.resumes_due,
    "rules_changed": advertising.rules_changed,
    "subject_request_opened": privacy.request_opened,
}
"""What happens, by what an agent answered, a person decided or a schedule found due."""


def _entity(event: CommerceEvent) -> str:
    match event:
        case OrderObserved() | RefundObserved() | OrderDeleted():
            return f"order:{event.order_id}"
        case ProductObserved() | ProductDeleted() | VariantObserved() | VariantDeleted():
            return f"product:{event.product_id}"
        case InventoryLevelObserved() | InventoryLevelsListed() | InventoryItemObserved():
            return f"item:{event.inventory_item_id}"
        case CustomerObserved() | CustomerDeleted():
            return f"customer:{event.customer_id}"
        case CustomersMerged():
            return f"customer:{event.kept_customer_id}"
        case _:
            return "store"


def _random_key() -> str:
    return os.urandom(12).hex()

"""A store's history as the worker would decide it: pages of orders with what is known about each, nothing locked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from kiki.commerce.attribution_models import find_fitted
from kiki.commerce.campaigns import DecisionRow, find_evidence, find_promotions, find_touchpoints
from kiki.commerce.history import Span, customers_by_key, orders_by_key, page_of_orders
from kiki.commerce.orders import OrderRow, find_items
from kiki.commerce.stores import StoreConnection
from kiki.kit.database import Connection
from kiki.kit.sealing import Sealer
from kiki.orchestrator import settlement
from kiki.orchestrator.attribution.campaigns import CampaignIndex, KnownCampaign
from kiki.orchestrator.attribution.fitted import Fitted
from kiki.orchestrator.attribution.model import Case, Verdict
from kiki.orchestrator.attribution.speaking import Speakers, speakers
from kiki.orchestrator.workflows.attributing import case_of
from kiki.orchestrator.workflows.batch import Batch, Key, StoreView
from kiki.orchestrator.workflows.caches import known_campaigns, naming_of, read_fitted
from kiki.orchestrator.workflows.loading import view_of
from kiki.orchestrator.workflows.reopening import may_reopen
from kiki.orchestrator.workflows.trails import Trail, reach_of


@dataclass(frozen=True, slots=True)
class Standing:
    """A store as it stands, in plain values that another process can be given: nothing of a person, no secret."""

    store: StoreConnection
    campaigns: tuple[KnownCampaign, ...]
    fitted: dict[str, Fitted]
    """Parameters by model, as they are in use."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A store as its history is read: its rules with the models of its settings, and every fit that there is."""

    view: StoreView
    fitted: dict[str, Fitted]


@dataclass(slots=True)
class Page:
    """Orders in the order of their ids, and what is known around them."""

    orders: list[OrderRow]
    batch: Batch
    firsts: dict[Key, OrderRow] = field(default_factory=dict)
    """First orders of the buyers, where a model asks whether they were ours."""


async def read_standing(connection: Connection, store: StoreConnection) -> Standing:
    """The store as it stands."""
    store_id = store.store_id
    campaigns = (await known_campaigns(connection, [store_id]))[store_id]
    return Standing(store, campaigns, read_fitted((await find_fitted(connection, [store_id]))[store_id]))


def shelf_of(standing: Standing) -> Shelf:
    """The same in the form that decisions need."""
    store, fitted = standing.store, standing.fitted
    spoken = speakers(store.store_id, naming_of(store.settings), fitted)
    return Shelf(view_of(store, CampaignIndex(standing.campaigns), spoken), fitted)


async def read_shelf(connection: Connection, store: StoreConnection) -> Shelf:
    """The store as it stands, in the form that decisions need."""
    return shelf_of(await read_standing(connection, store))


async def read_page(
    connection: Connection, shelf: Shelf, span: Span, *, after: str, limit: int, now: dt.datetime, sealer: Sealer
) -> Page:
    """The next orders of a span with customers, lines, touchpoints, promotions and standing decisions."""
    orders = await page_of_orders(connection, span, after, limit)
    return await read_around(connection, shelf, orders, now=now, sealer=sealer)


async def read_around(
    connection: Connection, shelf: Shelf, orders: list[OrderRow], *, now: dt.datetime, sealer: Sealer
) -> Page:
    """These orders of the store with customers, lines, touchpoints, promotions and standing decisions."""
    batch = Batch(now=now, sealer=sealer, new_key=str)
    batch.stores[shelf.view.store.store_id] = shelf.view
    page = Page(orders, batch)
    if not orders:
        return page
    told = [(o.store_id, o.order_id, o.attribution_revision) for o in orders if o.attribution_revision]
    batch.evidence = await find_evidence(connection, told)
    keys = sorted({(order.store_id, order.customer_key) for order in orders})
    batch.customers = await customers_by_key(connection, keys)
    firsts = {(row.store_id, row.first_order_id) for row in batch.customers.values() if row.first_order_id is not None}
    page.firsts = await orders_by_key(connection, sorted(firsts))
    await _read_around(connection, page, shelf)
    return page


async def read_order(
    connection: Connection, shelf: Shelf, order: OrderRow, *, now: dt.datetime, sealer: Sealer
) -> Page:
    """One order with all that is known around it."""
    batch = Batch(now=now, sealer=sealer, new_key=str)
    batch.stores[order.store_id] = shelf.view
    keys = [(order.store_id, order.customer_key)]
    batch.customers = await customers_by_key(connection, keys)
    page = Page([order], batch)
    await _read_around(connection, page, shelf)
    return page


async def _read_around(connection: Connection, page: Page, shelf: Shelf) -> None:
    batch, every = page.batch, [*page.orders, *page.firsts.values()]
    batch.items = await find_items(connection, sorted({(order.store_id, order.order_id) for order in every}))
    if not shelf.view.campaigns:
        return
    spans = _spans(every, shelf.view.attribution.window)
    batch.touches = {key: Trail(rows) for key, rows in (await find_touchpoints(connection, spans)).items()}
    products = {(row.store_id, row.product_id) for rows in batch.items.values() for row in rows if row.product_id}
    batch.promotions = await find_promotions(connection, sorted(products))


def _spans(orders: Iterable[OrderRow], window: dt.timedelta) -> list[tuple[int, str, dt.datetime, dt.datetime]]:
    """Per person when contacts matter to these orders, as few times as they make without overlapping."""
    found: list[tuple[int, str, dt.datetime, dt.datetime]] = []
    for store_id, key, placed_at in sorted({(each.store_id, each.customer_key, each.placed_at) for each in orders}):
        begin, end = reach_of(placed_at, window)
        if found and found[-1][:2] == (store_id, key) and begin <= found[-1][3]:
            begin = found.pop()[2]
        found.append((store_id, key, begin, end))
    return found


def case_in(page: Page, view: StoreView, order: OrderRow) -> Case:
    """What is known about an order of the page."""
    key = (order.store_id, order.order_id)
    products = [row.product_id for row in page.batch.items.get(key, ()) if row.product_id is not None]
    return case_of(page.batch, view, order, page.batch.customers.get((order.store_id, order.customer_key)), products)


def decision_on(page: Page, order: OrderRow) -> DecisionRow | None:
    """What stands behind the order's newest decision; None where nothing ever touched it."""
    return page.batch.evidence.get((order.store_id, order.order_id))


def settle_firsts(page: Page, view: StoreView, spoken: Speakers) -> None:
    """Whether the buyers' first orders were ours if these models had decided: what is asked of every later order.

    A first order has none before it, so one step is enough. One that can no longer be decided keeps its standing.
    """
    for person in page.batch.customers.values():
        order = page.firsts.get((person.store_id, person.first_order_id or ""))
        if order is None or not may_reopen(order, person, view.store.settings, page.batch.now):
            continue
        decision = spoken.of(person.customer_key)[0].decide(case_in(page, view, order))
        person.first_order_incremental = decision.verdict is Verdict.INCREMENTAL and not settlement.is_reversed(order)

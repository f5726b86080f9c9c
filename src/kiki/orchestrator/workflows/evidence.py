"""What may change a decision later: late touchpoints, a person's review; and the ledger's answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from kiki.commerce.campaigns import TouchpointRow
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.workflows import attributing, reopening
from kiki.orchestrator.workflows.batch import Batch, Reopened, StoreView
from kiki.orchestrator.workflows.billing import settle
from kiki.orchestrator.workflows.identities import identify, identify_visitor
from kiki.orchestrator.workflows.orders import first_order_standing
from kiki.rpc.v1 import events_pb2

PIXEL = "pixel"
"""The source of touchpoints that a browser told."""
IDENTIFY = "identify"
"""The kind of an entry that is no contact: it only says who a visitor is."""


def touchpoints_added(batch: Batch, view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """Keep the contacts; decide anew about orders that their persons placed within the window after them."""
    reopened: set[str] = set()
    earliest: dict[str, dt.datetime] = {}
    for entry in body["touchpoints"]:
        key = _person(batch, item, entry)
        if key is None or entry["kind"] == IDENTIFY:
            continue
        row = _touchpoint(batch, item, entry, key)
        name = (item.store_id, row.touchpoint_id)
        if name in batch.out.touchpoints or name in batch.known_touchpoints:
            continue
        batch.out.touchpoints[name] = row
        batch.trail(item.store_id, key).add(row)
        if (item.store_id, key) in batch.crowded:
            told = Reopened(reopening.TOUCHPOINT, row.at, until=row.at + view.attribution.window)
            reopening.reopen(batch, (item.store_id, key), told)
            continue
        reopened |= batch.orders_of.get((item.store_id, key), set())
        earliest[key] = min(row.at, earliest.get(key, row.at))
    reopened |= _placed_in_batch(batch, item.store_id, earliest)
    _reopen(batch, view, item, reopened, cause="touchpoint")


def _person(batch: Batch, item: WorkItem, entry: dict[str, Any]) -> str | None:
    given = batch.identities_of[id(entry)]
    if entry["source"] == PIXEL:
        return identify_visitor(batch, item.store_id, given, item.lane, learn=entry["kind"] != IDENTIFY)
    return identify(batch, item.store_id, given, item.lane)


def _placed_in_batch(batch: Batch, store_id: int, earliest: dict[str, dt.datetime]) -> set[str]:
    """Orders of these persons that came in this very batch, before the contact: they were not there to be loaded."""
    if not earliest:
        return set()
    found = (batch.orders[key] for key in batch.items if key[0] == store_id and key in batch.orders)
    return {
        order.order_id
        for order in found
        if order.customer_key in earliest and order.placed_at >= earliest[order.customer_key]
    }


def orders_reopened(batch: Batch, view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """A recalculation over history, or what these orders rest on has changed."""
    told = body.get("cause", "")
    _reopen(batch, view, item, body["order_ids"], cause=told if told in reopening.CAUSES else "recalculated")
    reopening.go_on(batch, item.store_id, body)


def _reopen(batch: Batch, view: StoreView, item: WorkItem, order_ids: Iterable[str], *, cause: str) -> None:
    """Decide anew, the oldest first: whether a buyer was acquired rests on their first order.

    A revision that says something else reverses what was booked under the old one and books the new. An order whose
    touchpoints may have expired keeps the decision that was made when they were there.
    """
    known = [batch.orders[key] for name in order_ids if (key := (item.store_id, name)) in batch.orders]
    for order in sorted(known, key=lambda order: (order.placed_at, order.order_id)):
        person = batch.customers.get((order.store_id, order.customer_key))
        if not reopening.may_reopen(order, person, view.store.settings, batch.now):
            continue
        if attributing.decide_again(batch, view, order, cause):
            first_order_standing(batch, order)
            settle(batch, view, item.lane, order)


def review_decided(batch: Batch, view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """A person approved or rejected: billable from now on, or closed. The portal audits who it was."""
    for entry in body["orders"]:
        key = (item.store_id, entry["order_id"])
        order, review = batch.orders.get(key), batch.reviews.get(key)
        if order is None or review is None or review.status != "open":
            continue
        review.status = "approved" if entry["approved"] else "rejected"
        review.actor, review.reason, review.decided_at = entry["actor"], entry.get("reason", ""), batch.now
        batch.out.reviews.add(key)
        batch.log(
            "ReviewDecidedEvent",
            f"order:{order.order_id}",
            events_pb2.ReviewDecidedEvent(
                store_id=item.store_id, order_id=order.order_id, approved=entry["approved"], actor=entry["actor"]
            ),
        )
        if entry["approved"]:
            attributing.approve(batch, order, review, batch.now)
            batch.out.orders.add(key)
            first_order_standing(batch, order)
            settle(batch, view, item.lane, order)


def revenue_recorded(batch: Batch, _view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """SyncLedger booked: keep the fee for the lists."""
    for entry in body["orders"]:
        order = batch.orders.get((item.store_id, entry["order_id"]))
        if order is not None:
            order.fee_minor, order.fee_currency = entry["fee_minor"], entry["fee_currency"]
            batch.out.orders.add((item.store_id, order.order_id))


def revenue_reversed(batch: Batch, _view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """SyncLedger reversed: the fee is less by so much."""
    for entry in body["orders"]:
        order = batch.orders.get((item.store_id, entry["order_id"]))
        if order is not None and order.fee_minor is not None:
            order.fee_minor -= entry["fee_minor"]
            batch.out.orders.add((item.store_id, order.order_id))


def _touchpoint(batch: Batch, item: WorkItem, entry: dict[str, Any], key: str) -> TouchpointRow:
    return TouchpointRow(
        store_id=item.store_id,
        touchpoint_id=entry["touchpoint_id"],
        customer_key=key,
        at=dt.datetime.fromisoformat(entry["at"]),
        kind=entry["kind"],
        source=entry["source"],
        campaign_id=entry.get("campaign_id"),
        utm_source=entry.get("utm_source"),
        utm_medium=entry.get("utm_medium"),
        utm_campaign=entry.get("utm_campaign"),
        utm_id=entry.get("utm_id"),
        order_id=None,
        recorded_at=batch.now,
        landing=entry.get("landing"),
        referrer=entry.get("referrer"),
        consent=entry.get("consent"),
    )

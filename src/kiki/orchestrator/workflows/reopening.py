"""Orders whose decision rests on something that has just changed: handed to the inbox, to be decided anew.

A decision may rest on another order: whether a buyer was acquired by us is the verdict on their first one, and the
visit that an order tells of may speak for an order placed after it that arrived before. When such a ground changes, the
buyer's other orders are looked up once everything else is written, and told to the inbox in the same transaction. They
are decided after the batch, one after another and each on what is then known, so that no batch grows with a history.

It ends: an order decided anew changes the standing of a first order only if it is that first order, and a first order
rests on none before it. What has not changed costs no statement.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kiki.commerce.orders import OrderRow
from kiki.commerce.people import CustomerRow
from kiki.commerce.stores import StoreSettings
from kiki.kit.database import Connection
from kiki.kit.logging import get_logger
from kiki.orchestrator.inbox.deliveries import NewDelivery, duplicate_key, store_deliveries
from kiki.orchestrator.inbox.protocol import INTERNAL_PLATFORM, InternalFact
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows import scanning
from kiki.orchestrator.workflows.batch import Batch, Key, Reopened, StoreView
from kiki.orchestrator.workflows.scanning import Scan

_log = get_logger(__name__)
FACT = "orders_reopened"
FIRST_ORDER, TOUCHPOINT, MERGED, REGISTERED = "first_order", "touchpoint", "merged", "registered"
"""Causes: the first order is ours now, or no more, or another one; a visit is known now; two people are one; a campaign
was registered for a time before its registration."""
CAUSES = frozenset({FIRST_ORDER, TOUCHPOINT, MERGED, REGISTERED})
PER_FACT = 200
AT_ONCE = 1_000
"""Orders that one batch hands over; a fact of its own goes on with the rest."""
EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_ORDERS = """
SELECT r.store_id, r.customer_key, o.placed_at, o.order_id
FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::text[], $5::timestamptz[], $6::text[])
    AS r(store_id, customer_key, since, after, until, but)
CROSS JOIN LATERAL (
    SELECT placed_at, order_id FROM commerce.orders
    WHERE store_id = r.store_id AND customer_key = r.customer_key
        AND placed_at >= r.since AND (placed_at, order_id) > (r.since, r.after)
        AND (r.until IS NULL OR placed_at <= r.until) AND order_id IS DISTINCT FROM r.but
        AND live AND NOT is_test AND billable_at IS NULL
    ORDER BY placed_at, order_id LIMIT $7
) o
ORDER BY r.store_id, r.customer_key COLLATE "C", o.placed_at, o.order_id LIMIT $7
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What later orders of a person rest on; empty where the store's models ask for none of it."""

    acquirer: str | None = None
    """The first order, where it is ours and not reversed."""
    first: str | None = None


def standing_of(view: StoreView | None, person: CustomerRow) -> Standing:
    """What a person's orders rest on now."""
    if view is None or not view.speakers.rests_on_first:
        return Standing()
    acquirer = person.first_order_id if person.first_order_incremental else None
    return Standing(acquirer, person.first_order_id if view.speakers.wants_facts else None)


def first_changed(batch: Batch, person: CustomerRow, cause: str = FIRST_ORDER) -> None:
    """Somebody's first order is another one, or stands otherwise: every other order of theirs rests on it."""
    if person.first_order_at is not None:
        told = Reopened(cause, person.first_order_at, but=person.first_order_id)
        reopen(batch, (person.store_id, person.customer_key), told)


def may_reopen(order: OrderRow, person: CustomerRow | None, settings: StoreSettings, now: dt.datetime) -> bool:
    """Whether an order may be decided anew: a real one under the contract, not approved by a person, not too old.

    Of a buyer who was erased nothing is left to decide on: what was decided before stays.
    """
    if not order.live or order.is_test or order.billable_at is not None:
        return False
    if person is not None and person.erased_at is not None:
        return False
    return order.placed_at >= now - dt.timedelta(days=settings.touchpoint_margin_days)


def reopen(batch: Batch, key: Key, told: Reopened) -> None:
    """Have a person's orders decided anew once this batch is written."""
    known = batch.out.reopened.get(key)
    batch.out.reopened[key] = told if known is None else known.joined(told)


def merged(batch: Batch, store_id: int, *, kept: str, gone: str) -> None:
    """What was to be decided anew of one person is so of the other."""
    told = batch.out.reopened.pop((store_id, gone), None)
    if told is not None:
        reopen(batch, (store_id, kept), told)


def go_on(batch: Batch, store_id: int, body: Mapping[str, Any]) -> None:
    """What a fact left for the next one."""
    batch.out.scans += [scanning.read_plain(rest) for rest in body.get("scans", ())]
    for rest in body.get("then", ()):
        reopen(
            batch,
            (store_id, rest["customer_key"]),
            Reopened(
                cause=body["cause"],
                since=dt.datetime.fromisoformat(rest["since"]),
                after=rest["after"],
                until=dt.datetime.fromisoformat(rest["until"]) if rest["until"] else None,
                but=rest["but"],
            ),
        )


async def hand_over(connection: Connection, batch: Batch) -> None:
    """Look up what is to be decided anew and put it into the inbox, in the caller's transaction.

    At most `AT_ONCE` orders: the fact that goes on with the rest travels in the bulk lane.
    """
    facts = [fact for scan in batch.out.scans for fact in await _scanned(connection, batch, scan)]
    if batch.out.reopened:
        facts += await _rested_on(connection, batch)
    if facts:
        await store_deliveries(connection, batch.sealer, facts)


async def _rested_on(connection: Connection, batch: Batch) -> list[NewDelivery]:
    wanted = sorted(batch.out.reopened.items())
    rows = await connection.fetch(
        _ORDERS,
        [key[0] for key, _ in wanted],
        [key[1] for key, _ in wanted],
        [told.since for _, told in wanted],
        [told.after for _, told in wanted],
        [told.until for _, told in wanted],
        [told.but for _, told in wanted],
        AT_ONCE,
    )
    found = [((row[0], row[1]), row[2], row[3]) for row in rows]
    rest = _rest(wanted, found) if len(found) == AT_ONCE else {}
    return _facts(batch, found, rest)


async def _scanned(connection: Connection, batch: Batch, scan: Scan) -> list[NewDelivery]:
    """Orders among the next ones that a campaign may have led to, and the rest of the way as a fact of its own."""
    ids, rest = await scanning.page_of(connection, scan, AT_ONCE)
    bodies: list[dict[str, Any]] = [
        {"order_ids": ids[at : at + PER_FACT], "cause": REGISTERED} for at in range(0, len(ids), PER_FACT)
    ]
    if rest is not None:
        bodies.append({"order_ids": [], "cause": REGISTERED, "scans": [rest.plain()]})
    _log.info("orders_reopened", store_id=scan.store_id, cause=REGISTERED, orders=len(ids), more=rest is not None)
    return [_fact(batch, scan.store_id, Lane.BULK, body) for body in bodies]


def _rest(wanted: Sequence[tuple[Key, Reopened]], found: Sequence[tuple[Key, dt.datetime, str]]) -> dict[Key, Reopened]:
    """What stands behind the last order that was found."""
    last, at, order_id = found[-1]
    return {
        key: Reopened(told.cause, at, order_id, told.until, told.but) if key == last else told
        for key, told in wanted
        if key >= last
    }


def _facts(
    batch: Batch, found: Iterable[tuple[Key, dt.datetime, str]], rest: Mapping[Key, Reopened]
) -> list[NewDelivery]:
    """One fact for up to `PER_FACT` orders of a store and cause, and one for what is left of each."""
    orders: dict[tuple[int, str], list[str]] = {}
    for key, _, order_id in found:
        orders.setdefault((key[0], batch.out.reopened[key].cause), []).append(order_id)
    left: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for key, told in rest.items():
        left.setdefault((key[0], told.cause), []).append(_plain(key, told))
    lane = max(batch.lane, Lane.LIVE)
    facts = [
        _fact(batch, store_id, lane, {"order_ids": ids[at : at + PER_FACT], "cause": cause})
        for (store_id, cause), ids in orders.items()
        for at in range(0, len(ids), PER_FACT)
    ]
    facts += [
        _fact(batch, store_id, Lane.BULK, {"order_ids": [], "cause": cause, "then": then[at : at + AT_ONCE]})
        for (store_id, cause), then in left.items()
        for at in range(0, len(then), AT_ONCE)
    ]
    return facts


def _plain(key: Key, told: Reopened) -> dict[str, Any]:
    return {
        "customer_key": key[1],
        "since": told.since.isoformat(),
        "after": told.after,
        "until": told.until.isoformat() if told.until is not None else "",
        "but": told.but,
    }


def _fact(batch: Batch, store_id: int, lane: Lane, body: dict[str, Any]) -> NewDelivery:
    """New each time: the same orders may have to be decided anew more than once."""
    encoded = InternalFact(FACT, body).encode()
    return NewDelivery(
        store_id=store_id,
        platform=INTERNAL_PLATFORM,
        topic=FACT,
        key=duplicate_key(FACT, batch.new_key(), "reopening", "", encoded),
        received_at=batch.now,
        triggered_at="",
        headers={},
        signature="",
        body=encoded,
        lane=lane,
        origin="internal",
    )

"""At which rate an order counts in the settlement currency: looked up once, then frozen on the order.

Every paid order in another currency gets its rate, caused by us or not: an experiment compares both arms, and the
shop's whole revenue is compared with its baseline. One whose rate is not known waits, neither refused nor booked.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from kiki.commerce.events import OrderObserved
from kiki.commerce.exchange.rates import PLATFORM, RateTable, read_rate
from kiki.commerce.exchange.repository import rates_for
from kiki.commerce.exchange.waiting import WaitingRow, put_waiting, remove_waiting
from kiki.commerce.orders import OrderRow
from kiki.kit.database import Connection
from kiki.kit.errors import InvalidInput
from kiki.kit.money import exchanged
from kiki.orchestrator.workflows.batch import Batch, StoreView
from kiki.rpc.v1 import events_pb2

_MOST_MINOR = 10**15


def fix_rate(batch: Batch, view: StoreView, order: OrderRow) -> bool:
    """Give a paid order in another currency its rate, or have it wait; whether it has got it just now.

    What the platform told counts before the table, unless the amount at it would be beyond all money. An order that
    was booked keeps its rate, whatever becomes known; one that is in another currency since then gets that one's.
    """
    wanted = view.store.settled_in
    if not _needs_rate(order, wanted) or order.paid_at is None:
        return False
    key = (order.store_id, order.order_id)
    day = order.paid_at.astimezone(dt.UTC).date()
    own = None if order.settlement_currency != wanted else _decimal(order.exchange_rate)
    if order.rate_day is not None and own is not None:
        return False
    if own is not None and not _fits(order, wanted, own):
        order.settlement_currency = order.exchange_rate = own = None
        batch.out.orders.add(key)
    if own is not None:
        order.rate_day, order.rate_source = day, order.rate_source or PLATFORM
    else:
        found = batch.rates.find(order.currency, wanted, day, batch.now.date())
        if found is None or not _fits(order, wanted, found.rate):
            batch.out.waiting[key] = WaitingRow(*key, order.currency, wanted, day, order.live, batch.now)
            return False
        order.settlement_currency, order.exchange_rate = wanted, found.text
        order.rate_day, order.rate_source = found.day, found.source
    if not order.booking_reversed:
        order.booked_minor = None  # What was told without a rate was refused: it is told anew.
    batch.out.orders.add(key)
    batch.out.waiting[key] = None
    return True


def is_counted(view: StoreView, order: OrderRow) -> bool:
    """Whether what the order comes to in the settlement currency is known."""
    return order.currency == view.store.settled_in or (
        order.exchange_rate is not None and order.settlement_currency == view.store.settled_in
    )


def stop_waiting(batch: Batch, order: OrderRow) -> None:
    """The order needs no rate any more."""
    batch.out.waiting[order.store_id, order.order_id] = None


def told_rate(event: OrderObserved) -> tuple[str | None, str | None]:
    """The settlement currency and rate that the platform states; neither where one is missing or makes no sense."""
    if event.settlement_currency is None or _decimal(event.exchange_rate) is None:
        return None, None
    return event.settlement_currency, event.exchange_rate


def take_told_rate(batch: Batch, order: OrderRow, event: OrderObserved, currency_before: str) -> None:
    """A newer statement's rate, as long as nothing is booked at another one; another currency loses the old one."""
    if order.currency != currency_before:
        order.settlement_currency = order.exchange_rate = order.rate_day = order.rate_source = None
        stop_waiting(batch, order)
    currency, rate = told_rate(event)
    if rate is not None and (order.exchange_rate is None or order.booked_revision is None):
        order.settlement_currency, order.exchange_rate = currency, rate
        order.rate_day = order.rate_source = None


def leave_day(order: OrderRow, known: dt.datetime, paid_at: dt.datetime) -> None:
    """Paid on another day than was known: the rate is looked up for that one; what the platform told stays."""
    if order.rate_day is None or known.astimezone(dt.UTC).date() == paid_at.astimezone(dt.UTC).date():
        return
    if order.rate_source != PLATFORM:
        order.settlement_currency = order.exchange_rate = order.rate_source = None
    order.rate_day = None


def rate_into(batch: Batch, order: OrderRow, currency: str) -> Decimal | None:
    """The rate into another currency: the order's own into that of the settlement, else the table's."""
    if order.currency == currency:
        return None
    own = None if order.settlement_currency != currency else _decimal(order.exchange_rate)
    if own is not None and _fits(order, currency, own):
        return own
    if order.paid_at is None:
        return None
    found = batch.rates.find(order.currency, currency, order.paid_at.astimezone(dt.UTC).date(), batch.now.date())
    return found.rate if found is not None and _fits(order, currency, found.rate) else None


async def load_rates(connection: Connection, batch: Batch) -> RateTable:
    """The rates that the batch's orders may ask for; no statement where all of them are in their stores' currencies."""
    currencies, days = set[str](), set[dt.date]()
    told = [(key, event.currency, event.paid_at) for key, events in batch.observed.items() for event in events]
    told += [(key, order.currency, order.paid_at) for key, order in batch.orders.items()]
    for key, currency, paid_at in told:
        view = batch.stores.get(key[0])
        if view is None or paid_at is None or currency == view.store.currency == view.store.settled_in:
            continue
        currencies |= {currency, view.store.currency, view.store.settled_in}
        days.add(paid_at.astimezone(dt.UTC).date())
    return await rates_for(connection, currencies, days) if days else RateTable()


async def save_waiting(connection: Connection, batch: Batch) -> None:
    """Write who waits and who does not, and tell once per store, pair and day that a rate is missing."""
    out = batch.out
    if not out.waiting:
        return
    await remove_waiting(connection, [key for key, row in out.waiting.items() if row is None])
    rows = [row for row in out.waiting.values() if row is not None]
    new = await put_waiting(connection, rows)
    first = {(row.store_id, row.currency, row.settlement_currency, row.day): row.order_id for row in reversed(rows)}
    for place in sorted(new):
        store_id, currency, wanted, day = place
        if batch.rates.newest(currency, wanted, day) is not None:
            continue  # The day is not over: its own rate may come, an older one counts otherwise.
        batch.log(
            "ExchangeRateMissingEvent",
            f"exchange_rate:{currency}:{wanted}:{day}",
            events_pb2.ExchangeRateMissingEvent(
                store_id=store_id,
                currency=currency,
                settlement_currency=wanted,
                day=day.isoformat(),
                order_id=first[place],
            ),
        )


def _needs_rate(order: OrderRow, wanted: str) -> bool:
    """Whether an order is to be counted in another currency than its own, and is neither gone nor a test."""
    if order.currency == wanted or not order.currency or order.is_test or order.deleted_at is not None:
        return False
    if order.booked_revision is None or order.exchange_rate is None or order.settlement_currency != wanted:
        return True
    return order.rate_day is None and order.booked_currency != order.currency


def _fits(order: OrderRow, currency: str, rate: Decimal) -> bool:
    """Whether agents take what the order comes to; one that is beyond all money would set others aside with it."""
    try:
        return abs(exchanged(max(order.total_minor, order.net_minor), order.currency, currency, rate)) < _MOST_MINOR
    except InvalidInput:
        return False


def _decimal(text: str | None) -> Decimal | None:
    try:
        return None if text is None else read_rate(text)
    except InvalidInput:
        return None

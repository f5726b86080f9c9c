"""What SyncValue is told about orders."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from google.type.money_pb2 import Money as MoneyMessage

from kiki.commerce.orders import OrderRow
from kiki.kit.digest import event_id
from kiki.kit.money import exchanged
from kiki.orchestrator import settlement
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows import exchanging, messages
from kiki.orchestrator.workflows.batch import Batch, StoreView
from kiki.rpc.v1 import common_pb2, syncvalue_pb2

_LIVE = syncvalue_pb2.OrderSource.ORDER_SOURCE_LIVE
_HISTORY = syncvalue_pb2.OrderSource.ORDER_SOURCE_HISTORY
Worth = tuple[int, int, dt.datetime | None, bool, str, bool, str, str | None]


def worth(order: OrderRow) -> Worth:
    """What of an order matters to its customer's value; SyncValue is told again when it changes."""
    total, net = settlement.kept_amounts(order)
    gone = order.cancelled_at is not None or order.deleted_at is not None
    return total, net, order.paid_at, gone, order.customer_key, order.is_test, order.currency, order.exchange_rate


def tell(batch: Batch, view: StoreView, lane: Lane, order: OrderRow, lines: Sequence[common_pb2.OrderLineItem]) -> None:
    """The order as it is now, under its next revision."""
    if order.is_test:
        return
    exchanging.fix_rate(batch, view, order)
    order.told_revision += 1
    batch.out.orders.add((order.store_id, order.order_id))
    rate = exchanging.rate_into(batch, order, view.store.currency)
    person = batch.customers.get((order.store_id, order.customer_key))
    request = syncvalue_pb2.UpdateCustomerLTVRequest(
        store_id=order.store_id,
        event_id=event_id(order.store_id, "order_valued", order.order_id, order.told_revision),
        lane=int(lane),  # type: ignore[arg-type]  # an IntEnum with the numbers of the protocol
        decision_seq=order.told_revision,
        customer_key=order.customer_key,
        order_id=order.order_id,
        order_amount=left(view, order, order.total_minor, rate),
        net_sales=left(view, order, order.net_minor, rate),
        ordered_at=messages.stamp(order.placed_at),
        paid_at=messages.stamp_or_none(order.paid_at),
        first_order=person is not None and person.first_order_id == order.order_id,
        source=_LIVE if order.live else _HISTORY,
        cancelled=order.cancelled_at is not None or order.deleted_at is not None,
        items=lines,
    )
    batch.call(
        "syncvalue",
        "UpdateCustomerLTV",
        lane,
        entity=f"customer:{order.customer_key}",
        subject=f"order:{order.order_id}",
        request=request,
    )


def left(view: StoreView, order: OrderRow, minor: int, rate: Decimal | None) -> MoneyMessage:
    """What refunds leave of an amount, in the store's currency where the rate is known.

    First converted and then taken from, as SyncLedger does, so that both come to the same minor unit. Without a rate
    it stays as it is, and SyncValue counts it apart.
    """
    wanted = view.store.currency
    if order.currency == wanted or rate is None:
        return messages.amount(settlement.kept(order, minor), order.currency)
    converted = exchanged(minor, order.currency, wanted, rate)
    return messages.amount(settlement.kept(order, converted), wanted)

"""Folds orders into customers' running figures, one order after another, over the state just before.

A new order and a changed amount are folded in place. Whatever moves a customer's dates or count backwards (a
cancellation, another buyer, another date) names the customer for a recount from all orders, and so does an order on a
day between the customer's first and last, of which it is not known whether it is a purchase day already.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from kiki.council.syncvalue.domain import Customer, CustomerRef, Order, OrderRef


@dataclass(slots=True)
class Fold:
    """The outcome of a batch: orders to write, customers to write, customers to recount, and a snapshot per item."""

    orders: dict[OrderRef, Order] = field(default_factory=dict)
    customers: dict[CustomerRef, Customer] = field(default_factory=dict)
    recount: set[CustomerRef] = field(default_factory=set)
    snapshots: list[tuple[bool, Customer | None]] = field(default_factory=list)


def fold(items: Sequence[Order], orders: dict[OrderRef, Order], customers: dict[CustomerRef, Customer]) -> Fold:
    """What the items make of the known orders and customers. Neither of the two is changed."""
    result = Fold()
    for item in items:
        key = (item.store_id, item.order_id)
        before = result.orders.get(key) or orders.get(key)
        if before is not None and item.decision_seq <= before.decision_seq:
            result.snapshots.append((False, _current(item, result, customers)))
            continue
        result.orders[key] = item
        _count(item, before, result, customers)
        result.snapshots.append((True, _current(item, result, customers)))
    return result


def _current(item: Order, result: Fold, customers: dict[CustomerRef, Customer]) -> Customer | None:
    ref = (item.store_id, item.customer_key)
    return result.customers.get(ref) or customers.get(ref)


def _count(item: Order, before: Order | None, result: Fold, customers: dict[CustomerRef, Customer]) -> None:
    if before is None:
        if item.customer_key and not item.cancelled:
            ref = (item.store_id, item.customer_key)
            current = _current(item, result, customers)
            result.customers[ref] = with_purchase(current, item)
            if current is not None and not _day_is_known(current, item):
                result.recount.add(ref)
        return
    if not _same_purchase(item, before):
        for order in (before, item):
            if order.customer_key:
                result.recount.add((order.store_id, order.customer_key))
        return
    ref = (item.store_id, item.customer_key)
    current = _current(item, result, customers)
    if item.customer_key and not item.cancelled and current is not None and current.currency == item.currency:
        more = item.total_minor - before.total_minor
        at_first = current.first_order_at is not None and _same_day(current.first_order_at, item.ordered_at)
        result.customers[ref] = current._replace(
            spent_minor=current.spent_minor + more,
            first_day_minor=current.first_day_minor + more if at_first else current.first_day_minor,
        )


def _same_purchase(item: Order, before: Order) -> bool:
    return (
        item.customer_key == before.customer_key
        and item.cancelled == before.cancelled
        and item.ordered_at == before.ordered_at
        and item.currency == before.currency
    )


def with_purchase(customer: Customer | None, order: Order) -> Customer:
    """The customer after one more purchase."""
    at, amount = order.ordered_at, order.total_minor
    if customer is None or customer.first_order_at is None or customer.last_order_at is None:
        return Customer(order.currency, 1, 1, amount, at, at, 1, amount)
    currency, count, paying, spent, _, _, days, first_minor = customer
    first, last = customer.first_order_at, customer.last_order_at
    if currency == order.currency:
        paying, spent = paying + 1, spent + amount
    else:
        amount = 0
    day = at.toordinal()
    if day > last.toordinal():
        days += 1
    elif day <= (first_day := first.toordinal()):
        days += day < first_day
        first_minor = first_minor + amount if day == first_day else amount
    return Customer(
        currency,
        count + 1,
        paying,
        spent,
        min(at, first),
        max(at, last),
        days,
        first_minor,
    )


def _day_is_known(customer: Customer, order: Order) -> bool:
    """Whether the order's day lies outside the customer's purchase days, or on the first or last of them."""
    first, last, at = customer.first_order_at, customer.last_order_at, order.ordered_at
    if first is None or last is None:
        return True
    return customer.purchase_days > 0 and (at >= last or not first.toordinal() < at.toordinal() < last.toordinal())


def _same_day(one: dt.datetime, other: dt.datetime) -> bool:
    return one.toordinal() == other.toordinal()

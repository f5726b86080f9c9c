"""Folds orders into customers' running figures, one order after another, over the state just before.

A new order and a changed amount are folded in place. Whatever moves a customer's dates or count backwards (a
cancellation, another buyer, another date) names the customer for a recount from all orders.
"""

from __future__ import annotations

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
            result.customers[ref] = with_purchase(_current(item, result, customers), item)
        return
    if not _same_purchase(item, before):
        for order in (before, item):
            if order.customer_key:
                result.recount.add((order.store_id, order.customer_key))
        return
    ref = (item.store_id, item.customer_key)
    current = _current(item, result, customers)
    if item.customer_key and not item.cancelled and current is not None and current.currency == item.currency:
        spent = current.spent_minor + item.total_minor - before.total_minor
        result.customers[ref] = current._replace(spent_minor=spent)


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
        return Customer(order.currency, 1, 1, amount, at, at)
    currency, count, paying, spent, first, last = customer
    if currency == order.currency:
        paying, spent = paying + 1, spent + amount
    return Customer(
        currency,
        count + 1,
        paying,
        spent,
        at if first is None or at < first else first,
        at if last is None or at > last else last,
    )

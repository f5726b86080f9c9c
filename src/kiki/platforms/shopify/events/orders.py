"""Orders and refunds of Shopify. Amounts are the shop's currency throughout (`shop_money`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from kiki.commerce.events import (
    CommerceEvent,
    OrderDeleted,
    OrderLine,
    OrderObserved,
    OrderTouch,
    Refund,
    RefundObserved,
)
from kiki.kit.money import Money, check_currency, exponent
from kiki.platforms.protocol import StoreContext
from kiki.platforms.reading import (
    Amount,
    Ident,
    Text,
    decimal,
    decode,
    decoder,
    find_ident,
    find_text,
    find_time,
    ident,
    minor,
    missing,
    text,
    time,
    whole,
)
from kiki.platforms.shopify.events.customers import Customer, stub_of
from kiki.platforms.visits import known_pairs, query_pairs, touch_of

_PAID = frozenset(["paid", "partially_refunded", "refunded"])


class _Tax(msgspec.Struct):
    price: Amount = None


class _Allocation(msgspec.Struct):
    amount: Amount = None


class _Line(msgspec.Struct):
    id: Ident = None
    product_id: Ident = None
    variant_id: Ident = None
    sku: Text = None
    title: Text = None
    quantity: Amount = None
    current_quantity: Amount = None
    price: Amount = None
    gift_card: bool | None = None
    discount_allocations: list[_Allocation] | None = None
    tax_lines: list[_Tax] | None = None


class _Named(msgspec.Struct):
    name: Text = None
    value: Text = None


class _Cash(msgspec.Struct):
    amount: Amount = None
    currency_code: Text = None


class _CashPair(msgspec.Struct):
    shop_money: _Cash | None = None
    presentment_money: _Cash | None = None


class _Transaction(msgspec.Struct):
    kind: Text = None
    status: Text = None
    amount: Amount = None
    currency: Text = None


class _RefundLine(msgspec.Struct):
    line_item_id: Ident = None
    quantity: Amount = None


class _Refund(msgspec.Struct):
    id: Ident = None
    order_id: Ident = None
    created_at: Text = None
    processed_at: Text = None
    transactions: list[_Transaction] | None = None
    refund_line_items: list[_RefundLine] | None = None


class _Order(msgspec.Struct):
    id: Ident = None
    name: Text = None
    order_number: Ident = None
    created_at: Text = None
    updated_at: Text = None
    processed_at: Text = None
    cancelled_at: Text = None
    financial_status: Text = None
    currency: Text = None
    total_price: Amount = None
    current_total_price: Amount = None
    total_price_set: _CashPair | None = None
    taxes_included: bool | None = None
    test: bool | None = None
    landing_site: Text = None
    referring_site: Text = None
    note_attributes: list[_Named] | None = None
    email: Text = None
    contact_email: Text = None
    phone: Text = None
    customer_locale: Text = None
    buyer_accepts_marketing: bool | None = None
    customer: Customer | None = None
    line_items: list[_Line] | None = None
    refunds: list[_Refund] | None = None


_order = decoder(_Order)
_refund = decoder(_Refund)


def observed(topic: str, body: bytes, store: StoreContext) -> Sequence[CommerceEvent]:
    """Every topic that carries the whole order says the same thing: it looks like this now."""
    order = decode(_order, body)
    order_id = ident(order.id, "id")
    currency = check_currency(order.currency) if order.currency else store.currency
    placed_at = find_time(order.processed_at, "processed_at") or time(order.created_at, "created_at")
    updated_at = find_time(order.updated_at, "updated_at") or placed_at
    refunds = tuple(_refunds(order, currency))
    status = text(order.financial_status)
    lines = tuple(_line(line, order, currency) for line in order.line_items or ())
    return (
        OrderObserved(
            order_id=order_id,
            number=text(order.name) or text(order.order_number) or order_id,
            updated_at=updated_at,
            placed_at=placed_at,
            paid_at=_paid_at(topic, status, placed_at, updated_at),
            cancelled_at=find_time(order.cancelled_at, "cancelled_at"),
            currency=currency,
            total=_charged(order, refunds, currency),
            net_sales=Money(
                sum(line.net_total.minor for line in lines if not line.gift_card),
                currency,
            ),
            is_test=order.test is True,
            customer=stub_of(
                order.customer,
                email=find_text(order.email) or find_text(order.contact_email),
                phone=find_text(order.phone),
                locale=find_text(order.customer_locale),
                accepts_email_marketing=order.buyer_accepts_marketing,
            ),
            lines=lines,
            refunds=refunds,
            touch=_touch(order),
            status="cancelled" if order.cancelled_at else status,
        ),
    )


def refunded(_topic: str, body: bytes, store: StoreContext) -> Sequence[CommerceEvent]:
    """A refund on its own. One not yet settled, or in another currency than the shop's, is left to the order."""
    refund = decode(_refund, body)
    order_id, refund_id = ident(refund.order_id, "order_id"), ident(refund.id, "id")
    currency = store.currency
    amount = 0
    for transaction in _successful(refund):
        if transaction.currency and text(transaction.currency).upper() != currency:
            return ()
        amount += minor(transaction.amount, currency, "transactions.amount")
    if amount <= 0:
        return ()
    return (
        RefundObserved(
            order_id=order_id,
            refund=Refund(
                refund_id=refund_id,
                amount=Money(amount, currency),
                refunded_at=_refunded_at(refund),
            ),
        ),
    )


def deleted(_topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """The order is gone."""
    return (OrderDeleted(order_id=ident(decode(_refund, body).id, "id")),)


def _paid_at(topic: str, status: str, placed_at: dt.datetime, updated_at: dt.datetime) -> dt.datetime | None:
    """When the order was paid, as far as it can be told: the payload has a status but no time of payment.

    Paid at the checkout when it arrives paid at its creation; otherwise by the time of the update that says so.
    """
    if status not in _PAID:
        return None
    return placed_at if topic == "orders/create" else updated_at


def _line(line: _Line, order: _Order, currency: str) -> OrderLine:
    ordered = max(0, whole(line.quantity, "line_items.quantity"))
    kept = _kept_quantity(line, order, ordered)
    net = minor(line.price, currency, "line_items.price") * ordered
    for allocation in line.discount_allocations or ():
        net -= minor(allocation.amount, currency, "discount_allocations.amount")
    if order.taxes_included:
        net -= _taxes(line, currency)
    if kept != ordered:
        net = _part(net, kept, ordered)
    return OrderLine(
        line_id=ident(line.id, "line_items.id"),
        product_id=find_ident(line.product_id, "line_items.product_id"),
        variant_id=find_ident(line.variant_id, "line_items.variant_id"),
        sku=text(line.sku),
        title=text(line.title),
        quantity=kept,
        net_total=Money(max(0, net), currency),
        gift_card=line.gift_card is True,
    )


def _taxes(line: _Line, currency: str) -> int:
    """The tax inside a line's price. Tax lines may hold fractions of a cent: summed, then rounded half up."""
    total = sum(
        (decimal(tax.price, "tax_lines.price") for tax in line.tax_lines or ()),
        Decimal(0),
    )
    return Money.of(total, currency).minor


def _kept_quantity(line: _Line, order: _Order, ordered: int) -> int:
    """The ordered quantity without units that an edit took away.

    `current_quantity` also leaves out refunded units. Those were sold, and their refund is a fact of its own: they are
    added back. What is missing then was removed without money going back.
    """
    if line.current_quantity is None:
        return ordered
    current = max(0, whole(line.current_quantity, "line_items.current_quantity"))
    if current >= ordered:
        return ordered
    returned = sum(
        whole(part.quantity, "refund_line_items.quantity")
        for refund in order.refunds or ()
        if refund.transactions
        for part in refund.refund_line_items or ()
        if part.line_item_id == line.id
    )
    return min(ordered, current + max(0, returned)) if order.refunds else ordered


def _part(amount: int, part: int, whole_: int) -> int:
    """`amount` × part ÷ whole, rounded half up to the minor unit."""
    return int((Decimal(amount * part) / Decimal(whole_)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _charged(order: _Order, refunds: Sequence[Refund], currency: str) -> Money:
    """What the customer was charged.

    `total_price` keeps the first total; an edited order is charged what it is worth now plus what has been given back.
    """
    total = minor(order.total_price, currency, "total_price")
    if order.cancelled_at is None and order.current_total_price not in (None, ""):
        now = minor(order.current_total_price, currency, "current_total_price")
        charged = now + sum(refund.amount.minor for refund in refunds)
        if charged > total or _is_edited(order):
            total = charged
    return Money(total, currency)


def _is_edited(order: _Order) -> bool:
    """Whether an edit removed units: they appear as a refund without any transaction."""
    return any(refund.refund_line_items and not refund.transactions for refund in order.refunds or ())


def _refunds(order: _Order, currency: str) -> Iterator[Refund]:
    for refund in order.refunds or ():
        amount = sum(_returned(part, order, currency) for part in _successful(refund))
        if amount > 0:
            yield Refund(
                refund_id=ident(refund.id, "refunds.id"),
                amount=Money(amount, currency),
                refunded_at=_refunded_at(refund),
            )


def _successful(refund: _Refund) -> list[_Transaction]:
    """The transactions that gave money back; none while one is still pending: a refund is told once, whole."""
    parts = [part for part in refund.transactions or () if part.kind == "refund"]
    if any(part.status == "pending" for part in parts):
        return []
    return [part for part in parts if part.status == "success"]


def _returned(transaction: _Transaction, order: _Order, currency: str) -> int:
    """A transaction's amount in the shop's currency; one in the customer's is converted at the order's own ratio."""
    paid_in = text(transaction.currency).upper() or currency
    if paid_in == currency:
        return minor(transaction.amount, currency, "transactions.amount")
    cash = order.total_price_set.presentment_money if order.total_price_set else None
    if cash is None or text(cash.currency_code).upper() != paid_in:
        raise missing("total_price_set.presentment_money")
    presented = decimal(cash.amount, "total_price_set.presentment_money.amount")
    if presented <= 0:
        return 0
    total = decimal(order.total_price, "total_price")
    share = total * decimal(transaction.amount, "transactions.amount") / presented
    return int((share * Decimal(10) ** exponent(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _refunded_at(refund: _Refund) -> dt.datetime:
    return find_time(refund.processed_at, "processed_at") or time(refund.created_at, "created_at")


def _touch(order: _Order) -> OrderTouch | None:
    landing, attributes = find_text(order.landing_site), order.note_attributes
    if landing is None and not attributes and not order.referring_site:
        return None
    pairs = [
        *known_pairs((text(each.name), text(each.value)) for each in attributes or ()),
        *query_pairs(landing),
    ]
    return touch_of(pairs, landing_page=landing, referrer=find_text(order.referring_site))

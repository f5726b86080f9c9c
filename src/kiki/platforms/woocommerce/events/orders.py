"""Orders of WooCommerce, with their refunds inside and their visit's origin in the order's meta data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from kiki.commerce.events import (
    CommerceEvent,
    CustomerStub,
    OrderDeleted,
    OrderLine,
    OrderObserved,
    OrderTouch,
    Refund,
)
from kiki.kit.errors import InvalidInput
from kiki.kit.money import Money, check_currency
from kiki.platforms.protocol import StoreContext
from kiki.platforms.reading import (
    Amount,
    Ident,
    Text,
    bad,
    decoder,
    find_ident,
    find_text,
    find_time,
    ident,
    minor,
    missing,
    plain_text,
    summed,
    text,
    whole,
)
from kiki.platforms.visits import known_pairs, plain_name, query_pairs, touch_of
from kiki.platforms.woocommerce.events.resource import (
    Resource,
    both_times,
    created_at,
    listed,
    modified_at,
    read,
    read_id,
)

_NULL = msgspec.Raw(b"null")
_NOT_YET_ORDERS = frozenset(["checkout-draft", "auto-draft", "draft", "new"])
_UNPAID = frozenset(["pending", "on-hold", "failed"])
_ATTRIBUTION = "_wc_order_attribution_"
_TEST_MODES = frozenset(["test", "sandbox"])
_TEST_KEYS = ("_mode", "_payment_mode", "_environment")
_GIFT_CARDS = ("wc_gc_giftcard_", "pw_gift_card_", "_ywgc_")
"""Beginnings of the keys under which gift card plugins keep whom a card that was bought is for, and its code."""
_FEE_KEY = "_legacy_fee_key"
_FROM_WALLET = "_via_wallet_partial_payment"
"""What wallet plugins call the negative fee by which a balance pays a part."""
_SALES_OF_THEIR_OWN = frozenset(["wc_deposits"])
"""Makers of orders that belong to another and hold what that one does not: the rest after a deposit."""


class Address(msgspec.Struct):
    """A billing address, as far as it is needed."""

    email: Text = None
    phone: Text = None
    first_name: Text = None


class _Meta(msgspec.Struct):
    key: Text = None
    value: msgspec.Raw = _NULL


class _Line(msgspec.Struct):
    id: Ident = None
    name: Text = None
    product_id: Ident = None
    variation_id: Ident = None
    quantity: Amount = None
    total: Amount = None
    sku: Text = None
    meta_data: list[_Meta] | dict[str, _Meta] | None = None


class _Fee(msgspec.Struct):
    total: Amount = None
    meta_data: list[_Meta] | dict[str, _Meta] | None = None


class _Refund(msgspec.Struct):
    id: Ident = None
    total: Amount = None


class _Order(Resource):
    number: Text = None
    parent_id: Ident = None
    created_via: Text = None
    status: Text = None
    currency: Text = None
    total: Amount = None
    customer_id: Ident = None
    billing: Address | list[Any] | None = None
    date_paid: Text = None
    date_paid_gmt: Text = None
    meta_data: list[_Meta] | dict[str, _Meta] | None = None
    line_items: list[_Line] | dict[str, _Line] | None = None
    fee_lines: list[_Fee] | dict[str, _Fee] | None = None
    refunds: list[_Refund] | dict[str, _Refund] | None = None
    gift_cards: Any = None
    pw_gift_cards_redeemed: Any = None


_order = decoder(_Order)


def observed(_topic: str, body: bytes, store: StoreContext) -> Sequence[CommerceEvent]:
    """The order as it is now. A draft of the checkout is no order yet, one in the bin is none any more.

    Plugins for many vendors split an order into one per vendor, and the whole stays: the parts are not sold twice.
    """
    order, order_id = read(_order, body)
    status = text(order.status).removeprefix("wc-")
    if status in _NOT_YET_ORDERS or _is_part(order):
        return ()
    if status == "trash":
        return (OrderDeleted(order_id=order_id, updated_at=modified_at(order, store)),)
    currency = check_currency(order.currency) if order.currency else store.currency
    placed_at = created_at(order, store)
    if placed_at is None:
        raise missing("date_created_gmt")
    updated_at = modified_at(order, store) or placed_at
    refunds = tuple(_refund(refund, currency, updated_at) for refund in listed(order.refunds))
    total = summed(minor(order.total, currency, "total") + _paid_by_balance(order, currency), currency, "total")
    paid_at = both_times(order.date_paid_gmt, order.date_paid, "date_paid", store)
    meta = listed(order.meta_data)
    return (
        OrderObserved(
            order_id=order_id,
            number=text(order.number) or order_id,
            updated_at=updated_at,
            placed_at=placed_at,
            paid_at=None if status in _UNPAID else paid_at,
            cancelled_at=updated_at if _is_reversed(status, paid_at, refunds, total) else None,
            currency=currency,
            total=total,
            net_sales=summed(_net_sales(order, currency), currency, "line_items.total"),
            is_test=any(_is_test(each) for each in meta),
            customer=_customer(order),
            lines=tuple(_line(line, currency) for line in listed(order.line_items)),
            refunds=refunds,
            touch=_touch(meta, placed_at) if meta else None,
            status=status,
            whole=order.refunds is not None and bool(status),
        ),
    )


def deleted(_topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """The order is in the bin or gone."""
    return (OrderDeleted(order_id=read_id(body)),)


def _is_reversed(status: str, paid_at: dt.datetime | None, refunds: Sequence[Refund], total: Money) -> bool:
    """Whether the status says that nothing is left of the order, and no refund does.

    The date of payment is never taken back: one that failed with it lost its money again, as by a lost dispute.
    Setting an order to refunded makes a refund of what is left; where that is missing (an import), the word counts.
    """
    if status == "refunded":
        return sum(refund.amount.minor for refund in refunds) < total.minor
    return status == "cancelled" or (status == "failed" and paid_at is not None)


def _line(line: _Line, currency: str) -> OrderLine:
    product_id = find_ident(line.product_id, "line_items.product_id")
    return OrderLine(
        line_id=ident(line.id, "line_items.id"),
        product_id=product_id,
        variant_id=find_ident(line.variation_id, "line_items.variation_id") or product_id,
        sku=text(line.sku),
        title=plain_text(line.name),
        quantity=max(0, whole(line.quantity, "line_items.quantity")),
        net_total=Money(max(0, minor(line.total, currency, "line_items.total")), currency),
        gift_card=_is_gift_card(line),
    )


def _net_sales(order: _Order, currency: str) -> int:
    """Lines after coupons, without tax and gift cards.

    A line below zero (a trade-in) and a negative fee are how plugins write a discount on the whole order; a positive
    fee is a charge, not a sale, and what a balance paid is no discount.
    """
    sold = [line for line in listed(order.line_items) if not _is_gift_card(line)]
    net = sum(minor(line.total, currency, "line_items.total") for line in sold)
    for fee in listed(order.fee_lines):
        if not _is_from_wallet(fee):
            net += min(0, minor(fee.total, currency, "fee_lines.total"))
    return max(0, net)


def _paid_by_balance(order: _Order, currency: str) -> int:
    """What gift cards and wallets paid: plugins take it off the total, and the goods were sold for it all the same."""
    cards = _redeemed(order.gift_cards, currency) + _redeemed(order.pw_gift_cards_redeemed, currency)
    wallets = [fee for fee in listed(order.fee_lines) if _is_from_wallet(fee)]
    return cards + sum(max(0, -minor(fee.total, currency, "fee_lines.total")) for fee in wallets)


def _redeemed(cards: Any, currency: str) -> int:
    """What the cards of a plugin's field paid; one of another shape than is known says nothing."""
    amounts = [card.get("amount") for card in cards if isinstance(card, dict)] if isinstance(cards, list) else []
    try:
        return sum(abs(minor(amount, currency, "gift_cards.amount")) for amount in amounts if amount)
    except InvalidInput:
        return 0


def _is_part(order: _Order) -> bool:
    return bool(find_ident(order.parent_id, "parent_id")) and text(order.created_via) not in _SALES_OF_THEIR_OWN


def _is_gift_card(line: _Line) -> bool:
    """Whether the line sells a gift card, as far as plugins say so: its money is a debt until it is redeemed."""
    return any(isinstance(each.key, str) and each.key.startswith(_GIFT_CARDS) for each in listed(line.meta_data))


def _is_from_wallet(fee: _Fee) -> bool:
    return any(each.key == _FEE_KEY and _value(each) == _FROM_WALLET for each in listed(fee.meta_data))


def _refund(refund: _Refund, currency: str, at: dt.datetime) -> Refund:
    """A refund inside an order has no time of its own: the order's change counts."""
    amount = minor(refund.total, currency, "refunds.total")
    if amount > 0:
        raise bad("refunds.total", "zero or negative")
    return Refund(
        refund_id=ident(refund.id, "refunds.id"),
        amount=Money(-amount, currency),
        refunded_at=at,
    )


def _customer(order: _Order) -> CustomerStub | None:
    customer_id = find_ident(order.customer_id, "customer_id")
    billing = order.billing if isinstance(order.billing, Address) else Address()
    email, phone = find_text(billing.email), find_text(billing.phone)
    if customer_id is None and email is None and phone is None:
        return None
    return CustomerStub(
        customer_id=customer_id,
        email=email,
        phone=phone,
        first_name=find_text(billing.first_name),
    )


def _is_test(meta: _Meta) -> bool:
    """Payment plugins mark an order of their test mode each in a key of its own, such as `_wcpay_mode`."""
    key = meta.key
    if not (isinstance(key, str) and key.startswith("_") and key.endswith(_TEST_KEYS)):
        return False
    return _value(meta).lower() in _TEST_MODES


def _touch(meta: Sequence[_Meta], placed_at: dt.datetime) -> OrderTouch | None:
    """The shop's own attribution (since 8.5), then what plugins and our collector put beside it."""
    own: dict[str, str] = {}
    others: list[tuple[str, str]] = []
    for each in meta:
        key = each.key
        if not isinstance(key, str):
            continue
        if key.startswith(_ATTRIBUTION):
            own[key[len(_ATTRIBUTION) :]] = _value(each)
        elif plain_name(key) is not None:
            others.append((key, _value(each)))
    landing = own.get("session_entry") or None
    pairs = [*known_pairs(own.items()), *known_pairs(others), *query_pairs(landing)]
    return touch_of(
        pairs,
        landing_page=landing,
        referrer=own.get("referrer") or None,
        at=_visit_began(own.get("session_start_time"), placed_at),
    )


def _visit_began(value: str | None, placed_at: dt.datetime) -> dt.datetime | None:
    """The visitor's browser wrote it: believed unless it is unreadable or later than the order."""
    try:
        at = find_time(value, "session_start_time")
    except InvalidInput:
        return None
    return at if at is not None and at <= placed_at else None


def _value(meta: _Meta) -> str:
    """A meta value that is text or a number, else empty."""
    try:
        value = msgspec.json.decode(meta.value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""

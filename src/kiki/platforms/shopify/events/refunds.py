"""What Shopify calls a refund: money that went back, goods that came back, and units that an edit took away."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec

from kiki.kit.money import Money
from kiki.platforms.reading import Amount, Ident, Text, decimal, find_time, time

_GOING = ("success", "pending")


class Transaction(msgspec.Struct):
    """A movement of money; its currency may be the customer's."""

    kind: Text = None
    status: Text = None
    amount: Amount = None
    currency: Text = None


class RefundLine(msgspec.Struct):
    """Units of a line; amounts are the shop's currency."""

    line_item_id: Ident = None
    quantity: Amount = None
    subtotal: Amount = None
    total_tax: Amount = None


class Adjustment(msgspec.Struct):
    """How older versions tell of shipping that was given back."""

    kind: Text = None


class Refund(msgspec.Struct):
    """One refund, inside its order or on its own."""

    id: Ident = None
    order_id: Ident = None
    created_at: Text = None
    processed_at: Text = None
    transactions: list[Transaction] | None = None
    refund_line_items: list[RefundLine] | None = None
    refund_shipping_lines: list[msgspec.Raw] | None = None
    order_adjustments: list[Adjustment] | None = None


def successful(refund: Refund) -> list[Transaction]:
    """The transactions that gave money back; none while one is still pending: a refund is told once, whole."""
    parts = [part for part in refund.transactions or () if part.kind == "refund"]
    if any(part.status == "pending" for part in parts):
        return []
    return [part for part in parts if part.status == "success"]


def on_its_way(refund: Refund) -> list[Transaction]:
    """The transactions that gave money back, or will unless they fail."""
    return [part for part in refund.transactions or () if part.kind == "refund" and part.status in _GOING]


def is_removal(refund: Refund) -> bool:
    """Whether it only says that an edit took units away: such a refund has no transaction of any state."""
    return bool(refund.refund_line_items) and not refund.transactions


def is_amount_only(refund: Refund) -> bool:
    """Whether it gives money back for nothing that is named: goodwill, or the balance after an edit."""
    return not refund.refund_line_items and not _has_shipping(refund)


def worth(refund: Refund, currency: str) -> int | None:
    """What its goods came to, tax included, in minor units; None where a line does not say."""
    total = Decimal(0)
    for line in refund.refund_line_items or ():
        if line.subtotal is None:
            return None
        total += decimal(line.subtotal, "refund_line_items.subtotal")
        total += decimal(line.total_tax, "refund_line_items.total_tax")
    return Money.of(total, currency).minor


def off_the_total(refund: Refund, returned: int, currency: str) -> int:
    """How much of the money that it gave back is missing from its order's current total, at least.

    Goods and shipping leave the total; money above their worth, or for nothing that is named, does not surely.
    """
    if _has_shipping(refund):
        return returned
    goods = worth(refund, currency)
    return returned if goods is None else min(returned, goods)


def refunded_at(refund: Refund) -> dt.datetime:
    """When it was made."""
    return find_time(refund.processed_at, "processed_at") or time(refund.created_at, "created_at")


def _has_shipping(refund: Refund) -> bool:
    if refund.refund_shipping_lines:
        return True
    return any(each.kind == "shipping_refund" for each in refund.order_adjustments or ())

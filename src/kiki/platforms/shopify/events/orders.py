"""Orders and refunds of Shopify. Amounts are the shop's currency throughout (`shop_money`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal

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
from kiki.kit.money import Money, check_currency, rounded
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
    summed,
    text,
    time,
    whole,
)
from kiki.platforms.shopify.events import refunds as refunding
from kiki.platforms.shopify.events.customers import Customer, stub_of
from kiki.platforms.visits import known_pairs, query_pairs, touch_of

_PAID = frozenset(["paid", "partially_refunded", "refunded"])
_PAID_WITHIN = dt.timedelta(days=31)
"""How long after it was placed an order may be paid, where nobody watched."""


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
    tip_payment_gateway: Text | msgspec.UnsetType = msgspec.UNSET
    """Only a tip has it, be it null."""


class _Named(msgspec.Struct):
    name: Text = None
    value: Text = None


class _Cash(msgspec.Struct):
    amount: Amount = None
    currency_code: Text = None


class _CashPair(msgspec.Struct):
    shop_money: _Cash | None = None
    presentment_money: _Cash | None = None


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
    total_outstanding: Amount = None
    subtotal_price: Amount = None
    total_tax: Amount = None
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
    refunds: list[refunding.Refund] | None = None


_order = decoder(_Order)
_refund = decoder(refunding.Refund)


def observed(topic: str, body: bytes, store: StoreContext) -> Sequence[CommerceEvent]:
    """Every topic that carries the whole order says the same thing: it looks like this now."""
    order = decode(_order, body)
    order_id = ident(order.id, "id")
    currency = check_currency(order.currency) if order.currency else store.currency
    placed_at = find_time(order.processed_at, "processed_at") or time(order.created_at, "created_at")
    updated_at = find_time(order.updated_at, "updated_at") or placed_at
    returned = _amounts(order, currency)
    status = text(order.financial_status)
    lines = tuple(_lines(order, returned, currency))
    total = _charged(order, returned, currency)
    net = sum(line.net_total.minor for line in lines if not line.gift_card)
    unpaid = _unpaid(order, total, currency)
    return (
        OrderObserved(
            order_id=order_id,
            number=text(order.name) or text(order.order_number) or order_id,
            updated_at=updated_at,
            placed_at=placed_at,
            paid_at=_paid_at(topic, status, placed_at, updated_at, store),
            cancelled_at=find_time(order.cancelled_at, "cancelled_at"),
            currency=currency,
            total=summed(total - unpaid, currency, "total_price"),
            net_sales=summed(rounded(net * (total - unpaid), total) if unpaid else net, currency, "line_items.price"),
            is_test=order.test is True,
            customer=stub_of(
                order.customer,
                email=find_text(order.email) or find_text(order.contact_email),
                phone=find_text(order.phone),
                locale=find_text(order.customer_locale),
                accepts_email_marketing=order.buyer_accepts_marketing,
            ),
            lines=lines,
            refunds=tuple(_refunds(order, returned, currency)),
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
    for transaction in refunding.successful(refund):
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
                amount=summed(amount, currency, "transactions.amount"),
                refunded_at=refunding.refunded_at(refund),
            ),
        ),
    )


def deleted(_topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """The order is gone."""
    return (OrderDeleted(order_id=ident(decode(_refund, body).id, "id")),)


def _paid_at(
    topic: str, status: str, placed_at: dt.datetime, updated_at: dt.datetime, store: StoreContext
) -> dt.datetime | None:
    """When the order was paid, as far as it can be told: the payload has a status but no time of payment.

    Paid at the checkout when it arrives paid at its creation; otherwise by the time of the update that says so. Nobody
    watched the payments of history: an update long after the order was about something else (a tag, a refund).
    """
    if status not in _PAID:
        return None
    is_history = store.connected_at is not None and placed_at < store.connected_at
    if topic == "orders/create" or (is_history and updated_at - placed_at > _PAID_WITHIN):
        return placed_at
    return updated_at


def _lines(order: _Order, returned: Sequence[int], currency: str) -> Iterator[OrderLine]:
    """What was bought: a tip stands among the lines and is no sale."""
    back, removed = _settled_edits(order, returned, currency)
    credit, goods, swaps = _swapped(order, currency)
    for line in order.line_items or ():
        if line.tip_payment_gateway is not msgspec.UNSET:
            continue
        ordered = max(0, whole(line.quantity, "line_items.quantity"))
        kept = ordered if 0 < removed <= back else ordered - _removed(line, order)
        net = whole_net = _net(line, order, ordered, currency)
        if kept != ordered:
            left = rounded(net * kept, ordered)
            net = left + (rounded((net - left) * back, removed) if removed else 0)
        if credit and ordered:
            swapped = rounded(whole_net * min(_came_back(line, swaps), ordered), ordered)
            net -= rounded(swapped * credit, goods)
        yield OrderLine(
            line_id=ident(line.id, "line_items.id"),
            product_id=find_ident(line.product_id, "line_items.product_id"),
            variant_id=find_ident(line.variant_id, "line_items.variant_id"),
            sku=text(line.sku),
            title=text(line.title),
            quantity=kept,
            net_total=summed(max(0, net), currency, "line_items.price"),
            gift_card=line.gift_card is True,
        )


def _net(line: _Line, order: _Order, ordered: int, currency: str) -> int:
    """The line as it was ordered, after every discount, without tax."""
    net = minor(line.price, currency, "line_items.price") * ordered
    for allocation in line.discount_allocations or ():
        net -= minor(allocation.amount, currency, "discount_allocations.amount")
    return net - _taxes(line, currency) if order.taxes_included else net


def _taxes(line: _Line, currency: str) -> int:
    """The tax inside a line's price. Tax lines may hold fractions of a cent: summed, then rounded half up."""
    total = sum(
        (decimal(tax.price, "tax_lines.price") for tax in line.tax_lines or ()),
        Decimal(0),
    )
    return Money.of(total, currency).minor


def _removed(line: _Line, order: _Order) -> int:
    """How many units an edit took away, without money going back for them.

    `current_quantity` also leaves out refunded units. Those were sold, and their refund is a fact of its own. A payload
    that leaves the refunds out cannot tell the two apart: nothing was taken away then.
    """
    if line.current_quantity is None or order.refunds is None:
        return 0
    ordered = max(0, whole(line.quantity, "line_items.quantity"))
    current = max(0, whole(line.current_quantity, "line_items.current_quantity"))
    return max(0, ordered - current - _came_back(line, [each for each in order.refunds if each.transactions]))


def _came_back(line: _Line, refunds: Sequence[refunding.Refund]) -> int:
    """How many units of a line these refunds tell of."""
    units = sum(
        whole(part.quantity, "refund_line_items.quantity")
        for refund in refunds
        for part in refund.refund_line_items or ()
        if part.line_item_id == line.id
    )
    return max(0, units)


def _charged(order: _Order, returned: Sequence[int], currency: str) -> int:
    """What the customer was charged, in minor units.

    `total_price` keeps the first total; an edited order is charged what it is worth now plus what has been given back.
    A refund alone charges nobody anything, however its parts add up.
    """
    total, worth = minor(order.total_price, currency, "total_price"), _worth(order, returned, currency)
    if order.cancelled_at is not None or worth is None:
        return total
    if _is_edited(order):
        return worth + _settled_edits(order, returned, currency)[0]
    added = _added(order, currency)
    added -= _swapped(order, currency)[0]
    return max(total, worth, min(total + added, worth + sum(returned)) if added else 0)


def _swapped(order: _Order, currency: str) -> tuple[int, int, list[refunding.Refund]]:
    """What goods that came back paid of lines that were put in, the worth of these goods, tax included, and in which
    refunds they came back.

    In an exchange for something cheaper, money goes back for the difference alone: the rest was charged once, and no
    more of these goods was sold than the money that went back for them.
    """
    added = _added(order, currency)
    credit = goods = 0
    swaps: list[refunding.Refund] = []
    for refund in (order.refunds or ()) if added else ():
        cash = sum(_returned(part, order, currency) for part in refunding.on_its_way(refund))
        worth = refunding.worth(refund, currency) or 0
        if 0 < cash < worth:
            credit, goods = credit + worth - cash, goods + worth
            swaps.append(refund)
    return min(credit, added), goods, swaps


def _added(order: _Order, currency: str) -> int:
    """What lines that an edit put in come to, tax included; a difference that rounding explains is none.

    The first subtotal stays as it was. Asked only where refunds hide it: else the current total says it all.
    """
    if not order.refunds or order.subtotal_price in (None, ""):
        return 0
    first = minor(order.subtotal_price, currency, "subtotal_price")
    if not order.taxes_included and order.total_tax not in (None, ""):
        first += minor(order.total_tax, currency, "total_tax")
    lines = [line for line in order.line_items or () if line.tip_payment_gateway is msgspec.UNSET]
    for line in lines:
        ordered = max(0, whole(line.quantity, "line_items.quantity"))
        first -= _net(line, order, ordered, currency) + _taxes(line, currency)
    return -first if -first > len(lines) + 1 else 0


def _unpaid(order: _Order, total: int, currency: str) -> int:
    """What of an order that is paid in part is not: an edit added it to a paid order, and only paid sales count."""
    if order.financial_status != "partially_paid" or order.total_outstanding in (None, ""):
        return 0
    unpaid = minor(order.total_outstanding, currency, "total_outstanding")
    return unpaid if 0 < unpaid < total else 0


def _worth(order: _Order, returned: Sequence[int], currency: str) -> int | None:
    """What the order came to after its edits and before its refunds, at least; None where it does not say."""
    if order.current_total_price in (None, ""):
        return None
    now = minor(order.current_total_price, currency, "current_total_price")
    told = zip(order.refunds or (), returned, strict=True)
    return now + sum(refunding.off_the_total(refund, amount, currency) for refund, amount in told)


def _is_edited(order: _Order) -> bool:
    """Whether an edit removed units; they appear as a refund without any transaction, or in no refund."""
    if any(refunding.is_removal(refund) for refund in order.refunds or ()):
        return True
    return any(_removed(line, order) for line in order.line_items or ())


def _settled_edits(order: _Order, returned: Sequence[int], currency: str) -> tuple[int, int]:
    """What came back for units that an edit took away, and what they were worth; minor units, tax included.

    The balance of a paid order that was edited goes back in a refund of its own, which names an amount alone. As far as
    it goes, and as far as the edit took the order below its first total, those units were sold and refunded; further,
    they were never paid for.
    """
    removed = back = 0
    for refund, amount in zip(order.refunds or (), returned, strict=True):
        if refunding.is_removal(refund):
            removed += refunding.worth(refund, currency) or 0
        elif refunding.is_amount_only(refund):
            back += amount
    worth = _worth(order, returned, currency) if back and removed else None
    if worth is not None:
        back = min(back, max(0, minor(order.total_price, currency, "total_price") - worth))
    return min(back, removed), removed


def _amounts(order: _Order, currency: str) -> tuple[int, ...]:
    """What each refund gave back, in minor units; nothing where it gave no money, or not yet."""
    return tuple(
        sum(_returned(part, order, currency) for part in refunding.successful(refund)) for refund in order.refunds or ()
    )


def _refunds(order: _Order, returned: Sequence[int], currency: str) -> Iterator[Refund]:
    for refund, amount in zip(order.refunds or (), returned, strict=True):
        if amount > 0:
            yield Refund(
                refund_id=ident(refund.id, "refunds.id"),
                amount=summed(amount, currency, "refunds.transactions.amount"),
                refunded_at=refunding.refunded_at(refund),
            )


def _returned(transaction: refunding.Transaction, order: _Order, currency: str) -> int:
    """A transaction's amount in the shop's currency; one in the customer's is converted at the order's own ratio."""
    paid_in = text(transaction.currency).upper() or currency
    if paid_in == currency:
        return minor(transaction.amount, currency, "transactions.amount")
    cash = order.total_price_set.presentment_money if order.total_price_set else None
    if cash is None or text(cash.currency_code).upper() != paid_in:
        raise missing("total_price_set.presentment_money")
    presented = minor(cash.amount, paid_in, "total_price_set.presentment_money.amount")
    if presented <= 0:
        return 0
    total = minor(order.total_price, currency, "total_price")
    return rounded(total * minor(transaction.amount, paid_in, "transactions.amount"), presented)


def _touch(order: _Order) -> OrderTouch | None:
    landing, attributes = find_text(order.landing_site), order.note_attributes
    if landing is None and not attributes and not order.referring_site:
        return None
    pairs = [
        *known_pairs((text(each.name), text(each.value)) for each in attributes or ()),
        *query_pairs(landing),
    ]
    return touch_of(pairs, landing_page=landing, referrer=find_text(order.referring_site))

"""One order's life: what a shop tells of it is read, decided and booked in memory by the rules of the program."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from kiki.commerce.events import CommerceEvent, OrderDeleted, OrderObserved, RefundObserved
from kiki.commerce.exchange.rates import Rate, RateTable
from kiki.council.syncledger import convert
from kiki.council.syncledger.domain import Basis, Books, Rule, Terms
from kiki.council.syncledger.postings import check_balanced, postings_of
from kiki.council.syncledger.recording import Recorder
from kiki.kit.money import exchanged, proportion
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows import orders
from kiki.orchestrator.workflows.batch import Batch, Written
from kiki.platforms.protocol import StoreContext
from kiki.platforms.shopify.events import read_events as read_shopify
from kiki.platforms.woocommerce.events import read_events as read_woocommerce
from kiki.rpc.v1 import syncledger_pb2
from unit.orchestrator.workflows.test_reordering import T0, batch_with_a_click

TERMS = Terms(1, 1, 200_000, Basis.NET_SALES, Rule.ATTRIBUTED, "EUR", "UTC", T0 - dt.timedelta(days=9), None, 24_000)
_READERS = {"woocommerce": read_woocommerce, "shopify": read_shopify}
RATE = Decimal("0.5")
"""Euros per dollar."""
_SECOND = dt.timedelta(seconds=1)
_PAID_STATUSES = ("processing", "completed")


class Worker:
    """What becomes of deliveries: rows of the order, and the books."""

    def __init__(self, platform: str = "woocommerce") -> None:
        self.platform = platform
        self.batch, self.view = batch_with_a_click()
        self.batch.rates = RateTable([Rate("USD", "EUR", T0.date(), RATE, "ecb")])
        self.recorder = Recorder({1: Books(1, None, (TERMS,))}, {}, {}, 1)
        self._seen: dict[str, bytes] = {}
        self._ids = itertools.count(1)

    def deliver(self, topic: str, body: dict[str, Any], at: dt.datetime, *, triggered_at: str = "") -> None:
        """One delivery, decided and booked before the next one."""
        context = StoreContext(1, "EUR", "UTC", T0 - dt.timedelta(days=9))
        for event in _READERS[self.platform](topic, json.dumps(body).encode(), context):
            self.tell(topic, event, at, triggered_at)

    def tell(self, topic: str, event: CommerceEvent, at: dt.datetime, triggered_at: str = "") -> None:
        """One statement about the shop."""
        batch = self.batch
        batch.out, batch.told, batch.now = Written(), {}, max(at, T0)
        batch.identities_of[id(event)] = []
        number = next(self._ids)
        item = WorkItem(number, 1, self.platform, topic, Lane.LIVE, "webhook", at, triggered_at, 0, [event], None)
        match event:
            case OrderObserved():
                orders.order_observed(batch, self.view, item, event)
            case OrderDeleted():
                orders.order_deleted(batch, self.view, item, event)
            case RefundObserved():
                orders.refund_observed(batch, self.view, item, event)
        self._book(batch)

    def _book(self, batch: Batch) -> None:
        for call in batch.out.calls:
            if call.agent != "syncledger":
                continue
            known = self._seen.setdefault(call.event_id, call.request)
            assert known == call.request, "an event id names one request"
            if known is not call.request:
                continue
            if call.method == "RecordIncrementalRevenue":
                asked = syncledger_pb2.RecordIncrementalRevenueRequest.FromString(call.request)
                self.recorder.revenue(convert.revenue_item(asked).command)
            elif call.method == "ReverseOrderRevenue":
                reversal = syncledger_pb2.ReverseOrderRevenueRequest.FromString(call.request)
                self.recorder.reversal(convert.reversal_item(reversal).command)
            else:
                refund = syncledger_pb2.RecordRefundRequest.FromString(call.request)
                self.recorder.refund(convert.refund_item(refund).command)

    @property
    def billed(self) -> int:
        """Net sales billed for the order, in cents; the books balance and know no more than what was given back."""
        check_balanced(postings_of(self.recorder.entries))
        for ref, state in self.recorder.orders.items():
            told = [refund.amount_minor for key, refund in self.recorder.refunds.items() if key[:2] == ref]
            assert state.refunded_minor == sum(told)
        return sum(entry.revenue_minor for entry in self.recorder.entries)


@dataclass
class WooOrder:
    """An order in a WooCommerce shop: 119.00 charged, 100.00 of it net, tax the rest."""

    now: dt.datetime = T0
    status: str = "pending"
    paid_at: dt.datetime | None = None
    modified_at: dt.datetime = T0
    net: int = 10_000
    total: int = 11_900
    currency: str = "EUR"
    refunds: dict[int, int] = field(default_factory=dict)
    former_status: str = "pending"
    _ids: int = 100

    def _change(self) -> None:
        self.now += _SECOND
        self.modified_at = self.now

    def become(self, status: str) -> None:
        """Set the status, as a person, a payment plugin or a timer does; the first paid one dates the payment."""
        self._change()
        if status == "trash":
            self.former_status = self.status
        self.status = status
        if status in _PAID_STATUSES and self.paid_at is None:
            self.paid_at = self.now
        if status == "refunded" and self.left > 0:
            self.refund(self.left)

    def restore(self) -> None:
        """Out of the bin."""
        self.become(self.former_status)

    def refund(self, amount: int) -> None:
        """Give some of it back."""
        self._change()
        self._ids += 1
        self.refunds[self._ids] = min(amount, self.left)

    def forget_refund(self, *, dated: bool = True) -> None:
        """Delete the newest refund; older shops do not date the order anew."""
        self.now += _SECOND
        if self.refunds:
            self.refunds.popitem()
        if dated:
            self.modified_at = self.now

    def edit(self, net: int) -> None:
        """Other lines."""
        self._change()
        self.net, self.total = net, max(net + 1_900, sum(self.refunds.values()))

    def move(self, currency: str) -> None:
        """Charge it in another currency, amounts as they are."""
        self._change()
        self.currency = currency

    @property
    def left(self) -> int:
        """What is not refunded of the total."""
        return self.total - sum(self.refunds.values())

    @property
    def owed(self) -> int:
        """Net sales in euros that may be billed as it stands, by what the shop shows and nothing else."""
        if self.paid_at is None or self.status not in ("processing", "completed", "shipped"):
            return 0
        net = self.net if self.currency == "EUR" else exchanged(self.net, self.currency, "EUR", RATE)
        return net - proportion(net, sum(self.refunds.values()), self.total)

    def payload(self) -> dict[str, Any]:
        """The order as the shop renders it now."""
        return {
            "id": 1,
            "number": "1",
            "status": self.status,
            "currency": self.currency,
            "date_created_gmt": _gmt(T0),
            "date_modified_gmt": _gmt(self.modified_at),
            "date_paid_gmt": _gmt(self.paid_at),
            "total": _text(self.total),
            "line_items": [{"id": 1, "product_id": 7, "name": "Lamp", "quantity": 1, "total": _text(self.net)}],
            "refunds": [{"id": name, "total": _text(-amount)} for name, amount in self.refunds.items()],
        }

    def send(self, worker: Worker, topic: str = "order.updated") -> None:
        """A delivery of it as it is now."""
        worker.deliver(topic, self.payload(), self.now + _SECOND / 2)


def _gmt(at: dt.datetime | None) -> str | None:
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%S")


def _text(minor: int) -> str:
    return f"{minor / 100:.2f}"


@dataclass
class ShopifyOrder:
    """An order in a Shopify shop: units of lines, 5.00 for shipping, no tax."""

    now: dt.datetime = T0
    units: dict[int, list[int]] = field(default_factory=lambda: {1: [2_000, 3, 3], 2: [700, 2, 2]})
    """Price, ordered and current quantity, by line."""
    status: str = "pending"
    cancelled_at: dt.datetime | None = None
    is_test: bool = False
    refunds: list[dict[str, Any]] = field(default_factory=list)
    net: int = 7_400
    """What was sold and charged, before refunds."""
    given_back: int = 0
    paid: bool = False

    def __post_init__(self) -> None:
        self.first_net = self.net

    def become(self, status: str) -> None:
        """Another `financial_status`, as long as it is not paid."""
        self.now += _SECOND
        if not self.paid:
            self.status, self.paid = status, status == "paid"

    def give_back(self, line: int) -> None:
        """A unit comes back for its money."""
        if self.paid and self.units[line][2]:
            self._refund(line, self.units[line][0])

    def goodwill(self, cents: int) -> None:
        """Money for nothing that is named."""
        if self.paid and not self._removed:
            self._refund(None, min(cents, self.net + 500 - self.given_back))

    def exchange(self, line: int, price: int) -> None:
        """A unit comes back for another thing; the difference is paid or goes back."""
        if not (self.paid and self.units[line][2]) or self._goodwill:
            return
        former = self.units[line][0]
        self.units[len(self.units) + 1] = [price, 1, 1]
        self._refund(line, max(0, former - price))
        if price >= former:
            self.net += price - former

    def take_out(self, line: int) -> None:
        """An edit before it is paid."""
        if not self.paid and self.units[line][2]:
            self.net -= self.units[line][0]
            self._refund(line, 0)

    def put_in(self, price: int) -> None:
        """An edit; what is due is paid at once where the rest is."""
        if self._goodwill:
            return
        self.now += _SECOND
        self.units[len(self.units) + 1] = [price, 1, 1]
        self.net += price

    def cancel(self) -> None:
        """For good; the money may be kept."""
        self.now += _SECOND
        self.cancelled_at = self.cancelled_at or self.now
        self.status = self.status if self.paid else "voided"

    def _refund(self, line: int | None, cents: int) -> None:
        self.now += _SECOND
        told: dict[str, Any] = {"id": 900 + len(self.refunds), "order_id": 1, "created_at": self.now.isoformat()}
        told["refund_line_items"] = []
        if line is not None:
            price = self.units[line][0] / 100
            told["refund_line_items"] = [{"line_item_id": line, "quantity": 1, "subtotal": price, "total_tax": 0}]
            self.units[line][2] -= 1
        told["transactions"] = [{"kind": "refund", "status": "success", "amount": _text(cents)}] if cents else []
        self.refunds.append(told)
        self.given_back += cents
        if cents:
            self.status = "refunded" if self.given_back >= self.net + 500 else "partially_refunded"

    @property
    def _removed(self) -> bool:
        return any(told["refund_line_items"] and not told["transactions"] for told in self.refunds)

    @property
    def _goodwill(self) -> bool:
        return any(not told["refund_line_items"] for told in self.refunds)

    @property
    def owed(self) -> int:
        """Net sales that may be billed as it stands."""
        if not self.paid or self.is_test or self.cancelled_at is not None:
            return 0
        return self.net - proportion(self.net, self.given_back, self.net + 500)

    def payload(self) -> dict[str, Any]:
        """The order as a webhook carries it."""
        current = sum(price * count for price, _, count in self.units.values())
        return {
            "id": 1,
            "name": "#1",
            "created_at": T0.isoformat(),
            "updated_at": self.now.isoformat(),
            "cancelled_at": self.cancelled_at and self.cancelled_at.isoformat(),
            "currency": "EUR",
            "financial_status": self.status,
            "test": self.is_test,
            "total_price": _text(self.first_net + 500),
            "subtotal_price": _text(self.first_net),
            "total_tax": "0.00",
            "current_total_price": _text(current + 500),
            "line_items": [
                {"id": name, "product_id": 7, "quantity": ordered, "current_quantity": count, "price": _text(price)}
                for name, (price, ordered, count) in self.units.items()
            ],
            "refunds": [dict(told) for told in self.refunds],
        }

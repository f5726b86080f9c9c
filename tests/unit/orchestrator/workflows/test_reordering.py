"""Deliveries in any order, any number of times, give the same state and bill the same facts."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from kiki.commerce.campaigns import TouchpointRow
from kiki.commerce.events import (
    CommerceEvent,
    OrderLine,
    OrderObserved,
    ProductObserved,
    ProductStatus,
    Refund,
    RefundObserved,
    Variant,
)
from kiki.commerce.stores import StoreConnection, StoreSettings
from kiki.kit.money import Money
from kiki.kit.sealing import Keyring, Sealer
from kiki.orchestrator.attribution.campaigns import CampaignIndex, KnownCampaign
from kiki.orchestrator.attribution.model import Rules
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.stock_guard.guard import GuardRules
from kiki.orchestrator.workflows import orders, products
from kiki.orchestrator.workflows.batch import Batch, StoreView
from kiki.orchestrator.workflows.trails import Trail
from kiki.rpc.v1 import syncledger_pb2
from properties import examples

T0 = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
SEALER = Sealer(Keyring.parse(Keyring.generate()))


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def refund(name: str, minor: int) -> Refund:
    return Refund(refund_id=name, amount=eur(minor), refunded_at=T0 + 3 * MINUTE)


def snapshot(minute: int, *, paid: bool, refunds: Sequence[Refund] = (), cancelled: bool = False) -> OrderObserved:
    line = OrderLine(
        line_id="l", product_id="p", variant_id="v", sku="", title="Lamp", quantity=1, net_total=eur(10_000)
    )
    return OrderObserved(
        order_id="1",
        number="#1",
        updated_at=T0 + minute * MINUTE,
        placed_at=T0,
        paid_at=T0 + MINUTE if paid else None,
        cancelled_at=T0 + 5 * MINUTE if cancelled else None,
        currency="EUR",
        total=eur(11_900),
        net_sales=eur(10_000),
        is_test=False,
        customer=None,
        lines=(line,),
        refunds=tuple(refunds),
        status=f"at-{minute}",
    )


R1, R2 = refund("r1", 2_000), refund("r2", 3_000)
HISTORY: tuple[CommerceEvent, ...] = (
    snapshot(0, paid=False),
    snapshot(1, paid=True),
    RefundObserved(order_id="1", refund=R1),
    snapshot(3, paid=True, refunds=[R1]),
    RefundObserved(order_id="1", refund=R2),
    snapshot(4, paid=True, refunds=[R1, R2]),
    snapshot(5, paid=True, refunds=[R1, R2], cancelled=True),
)


def batch_with_a_click() -> tuple[Batch, StoreView]:
    counter = itertools.count()
    batch = Batch(now=T0 + 10 * MINUTE, sealer=SEALER, new_key=lambda: f"person-{next(counter)}")
    store = StoreConnection(
        store_id=1,
        platform="shopify",
        store_key="a.example.com",
        display_name="A",
        currency="EUR",
        timezone="UTC",
        status="active",
        connected_at=T0 - dt.timedelta(days=9),
        settings=StoreSettings(),
    )
    view = StoreView(
        store=store,
        attribution=Rules(threshold=Decimal("0.5")),
        guard=GuardRules(resume_damping=dt.timedelta(0)),
        churn_threshold=Decimal("0.7"),
        campaigns=CampaignIndex([KnownCampaign("k", "", "")]),
        uninstalled=False,
    )
    batch.stores[1] = view
    click = TouchpointRow(
        1, "t", "person-0", T0 - 60 * MINUTE, "click", "server", "k", None, None, None, None, None, T0
    )
    batch.touches[1, "person-0"] = Trail([click])
    return batch, view


def item(event: CommerceEvent, number: int) -> WorkItem:
    return WorkItem(
        number, 1, "shopify", "orders/updated", Lane.LIVE, "webhook", T0 + 10 * MINUTE, "", 0, [event], None
    )


def fold(events: Sequence[CommerceEvent]) -> Batch:
    batch, view = batch_with_a_click()
    for number, event in enumerate(events):
        batch.identities_of[id(event)] = []
        match event:
            case OrderObserved():
                orders.order_observed(batch, view, item(event, number), event)
            case RefundObserved():
                orders.refund_observed(batch, view, item(event, number), event)
            case ProductObserved():
                products.product_observed(batch, view, item(event, number), event)
    return batch


def billed(batch: Batch) -> set[tuple[str, str, int]]:
    """What SyncLedger is told, without the order in which it is."""
    found = set()
    for call in batch.out.calls:
        if call.method == "RecordIncrementalRevenue":
            booked = syncledger_pb2.RecordIncrementalRevenueRequest.FromString(call.request)
            found.add((call.method, call.event_id, booked.net_sales.units))
        elif call.method == "RecordRefund":
            reversed_ = syncledger_pb2.RecordRefundRequest.FromString(call.request)
            found.add((call.method, reversed_.refund_id, reversed_.amount.units))
    return found


@settings(max_examples=examples(150))
@given(st.lists(st.sampled_from(range(len(HISTORY))), max_size=6), st.randoms(use_true_random=False))
def test_an_orders_deliveries_in_any_order(repeated: list[int], random: object) -> None:
    expected = fold(HISTORY)
    deliveries = [*HISTORY, *(HISTORY[index] for index in repeated)]
    random.shuffle(deliveries)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    batch = fold(deliveries)
    row, wanted = batch.orders[1, "1"], expected.orders[1, "1"]
    for name in ("status", "paid_at", "cancelled_at", "refunded_minor", "updated_at", "verdict", "confidence"):
        assert getattr(row, name) == getattr(wanted, name), name
    assert billed(batch) == billed(expected)
    assert set(batch.refunds[1, "1"]) == {"r1", "r2"}
    assert len([call for call in batch.out.calls if call.agent == "syncledger"]) == 4, "each fact once"


LAST_SECONDS, FIRST_SECONDS = T0.replace(day=30, hour=23, minute=59, second=58), T0.replace(month=12, day=1, hour=0)
"""Paid before midnight, as the order's creation says; its update, which tells no time of payment, is from after it."""


def months_billed(batch: Batch) -> list[tuple[int, int]]:
    """Revision and month of payment of each booking."""
    told = [
        syncledger_pb2.RecordIncrementalRevenueRequest.FromString(call.request)
        for call in batch.out.calls
        if call.method == "RecordIncrementalRevenue"
    ]
    return [(booked.decision_seq, booked.paid_at.ToDatetime().month) for booked in told]


@settings(max_examples=examples(100))
@given(st.permutations([0, 1, 2]), st.sets(st.sampled_from([0, 1, 2])))
def test_an_order_is_billed_in_the_month_of_its_payment_whatever_comes_first(order: list[int], again: set[int]) -> None:
    created = msgspec.structs.replace(snapshot(1, paid=True), paid_at=LAST_SECONDS)
    told = [created, *(msgspec.structs.replace(snapshot(at, paid=True), paid_at=FIRST_SECONDS) for at in (2, 3))]
    batch = fold([told[at] for at in (*order, *sorted(again))])
    assert batch.orders[1, "1"].paid_at == LAST_SECONDS
    assert months_billed(batch) in ([(1, 11)], [(1, 12), (2, 11)])


def test_a_payment_earlier_in_the_same_month_is_no_new_booking() -> None:
    earlier = msgspec.structs.replace(snapshot(0, paid=True), paid_at=T0)
    assert months_billed(fold([snapshot(1, paid=True), earlier])) == [(1, 11)]


def product(minute: int, quantity: int, *, active: bool = True) -> ProductObserved:
    variant = Variant(variant_id="v", sku="", price=eur(900), quantity=quantity, tracked=True)
    return ProductObserved(
        product_id="p",
        updated_at=T0 + minute * MINUTE,
        status=ProductStatus.ACTIVE if active else ProductStatus.ARCHIVED,
        title=f"Lamp {minute // 3}",
        description="",
        vendor="",
        category="",
        page_url=None,
        image_urls=(),
        variants=(variant,),
    )


@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=8), st.randoms(use_true_random=False)
)
def test_a_products_deliveries_in_any_order(stock: list[tuple[int, bool]], random: object) -> None:
    history = [product(minute, quantity, active=active) for minute, (quantity, active) in enumerate(stock)]
    shuffled = [msgspec.structs.replace(event) for event in history]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    row, wanted = fold(shuffled).products[1, "p"], fold(history).products[1, "p"]
    for name in ("status", "quantity", "sellable", "ads", "updated_at", "content_digest", "price_minor"):
        assert getattr(row, name) == getattr(wanted, name), name

"""Whatever becomes of an order, and however the shop tells it, net sales are billed for what it is in the end."""

from __future__ import annotations

import datetime as dt
import itertools
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiki.commerce.exchange.rates import RateTable
from kiki.council.syncledger.domain import EntryKind
from kiki.kit.money import Money
from properties import examples
from unit.orchestrator.workflows.lives import ShopifyOrder, WooOrder, Worker
from unit.orchestrator.workflows.test_reordering import T0, refund, snapshot

STATUSES = (
    "pending",
    "on-hold",
    "processing",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
    "shipped",
    "trash",
)
"""Those of WooCommerce, and one that a plugin made."""


PAIRS = list(itertools.product(STATUSES, STATUSES))


@pytest.mark.parametrize("paid", [False, True], ids=["new", "paid before"])
@pytest.mark.parametrize(("first", "then"), PAIRS, ids=[" to ".join(pair) for pair in PAIRS])
def test_any_status_may_follow_any_other_in_either_order_of_arrival(first: str, then: str, paid: bool) -> None:
    order = WooOrder()
    told = []
    for status in ("processing", first, then) if paid else (first, then):
        order.become(status)
        told.append((order.payload(), order.owed))
    said = [owed for body, owed in told if body["status"] != "checkout-draft"]
    for arrival in (told, told[::-1], [*told, *told]):
        worker = Worker()
        for number, (body, _) in enumerate(arrival):
            worker.deliver("order.updated", body, T0 + dt.timedelta(minutes=number + 1))
        assert worker.billed == (said or [0])[-1], [body["status"] for body, _ in arrival]


def test_an_order_cancelled_and_paid_afterwards_is_billed_once() -> None:
    order, worker = WooOrder(), Worker()
    order.send(worker, "order.created")
    for status, billed in (("cancelled", 0), ("processing", 10_000), ("cancelled", 0), ("completed", 10_000)):
        order.become(status)
        for _ in range(2):
            order.send(worker)
        assert worker.billed == billed, status


def test_a_refund_that_is_deleted_is_owed_again_once() -> None:
    order, worker = WooOrder(), Worker()
    order.become("processing")
    order.send(worker, "order.created")
    order.refund(5_950)
    order.send(worker)
    assert worker.billed == 5_000
    order.forget_refund(dated=False)
    for _ in range(2):
        order.send(worker)
    assert worker.billed == 10_000
    order.refund(2_380)
    order.send(worker)
    assert worker.billed == 8_000
    assert len(worker.recorder.refunds) == 2, "the deleted one is known, and counts nothing"


def test_an_order_that_is_charged_in_another_currency_after_a_refund_is_booked_anew() -> None:
    order, worker = WooOrder(), Worker()
    order.become("processing")
    order.send(worker, "order.created")
    order.refund(5_950)
    order.send(worker)
    order.move("USD")
    order.send(worker)
    assert worker.billed == order.owed == 2_500
    order.move("EUR")
    order.forget_refund()
    order.send(worker)
    assert worker.billed == order.owed == 10_000


def test_a_refund_in_a_new_currency_waits_for_its_rate_like_its_order() -> None:
    order, worker = WooOrder(), Worker()
    order.become("processing")
    order.send(worker, "order.created")
    rates, worker.batch.rates = worker.batch.rates, RateTable()
    order.move("USD")
    order.refund(5_950)
    order.send(worker)
    assert worker.billed == 10_000, "in euros, as it was booked"
    worker.batch.rates = rates
    order.send(worker)
    order.become("completed")
    order.send(worker)
    assert worker.billed == order.owed == 2_500


STEP = st.one_of(
    st.tuples(st.just("become"), st.sampled_from([status for status in STATUSES if status != "checkout-draft"])),
    st.tuples(st.just("refund"), st.integers(1, 13_000)),
    st.tuples(st.just("forget_refund"), st.none()),
    st.tuples(st.just("edit"), st.integers(1, 20_000)),
    st.tuples(st.just("restore"), st.none()),
    st.tuples(st.just("move"), st.sampled_from(["EUR", "USD"])),
)


def live(order: WooOrder, step: tuple[str, Any]) -> None:
    """One thing that happens in the shop."""
    what, value = step
    if what == "become":
        order.become(value)
    elif what == "refund" and order.left > 0:
        order.refund(value)
    elif what == "edit":
        order.edit(value)
    elif what == "move":
        order.move(value)
    elif what == "forget_refund":
        order.forget_refund()
    elif what == "restore" and order.status == "trash":
        order.restore()


@settings(max_examples=examples(400))
@given(st.lists(st.tuples(STEP, st.booleans()), max_size=12))
def test_a_life_told_in_order_is_billed_for_what_the_order_is_at_each_moment(
    steps: list[tuple[tuple[str, Any], bool]],
) -> None:
    order, worker = WooOrder(), Worker()
    for step, told in steps:
        live(order, step)
        if told:
            order.send(worker)
            assert worker.billed == order.owed
    order.send(worker)
    order.send(worker)
    assert worker.billed == order.owed


@settings(max_examples=examples(400))
@given(st.lists(STEP, min_size=1, max_size=10), st.randoms(use_true_random=False), st.integers(0, 4))
def test_a_life_told_in_any_order_and_repeatedly_is_billed_for_what_the_order_became(
    steps: list[tuple[str, Any]], random: Random, repeats: int
) -> None:
    order, worker = WooOrder(), Worker()
    told = [order.payload()]
    for step in steps:
        live(order, step)
        told.append(order.payload())
    told += [random.choice(told) for _ in range(repeats)]
    random.shuffle(told)
    for number, body in enumerate(told):
        worker.deliver("order.updated", body, order.now + dt.timedelta(minutes=number + 1))
    assert worker.billed == order.owed


SHOPIFY_STEP = st.one_of(
    st.tuples(st.just("become"), st.sampled_from(["authorized", "paid", "expired", "partially_paid", "pending"])),
    st.tuples(st.just("give_back"), st.sampled_from([1, 2])),
    st.tuples(st.just("goodwill"), st.integers(1, 900)),
    st.tuples(st.just("exchange"), st.sampled_from([1, 2]), st.sampled_from([300, 700, 1_500, 2_000, 2_600])),
    st.tuples(st.just("take_out"), st.sampled_from([1, 2])),
    st.tuples(st.just("put_in"), st.sampled_from([400, 2_500])),
)


@settings(max_examples=examples(400))
@given(
    st.lists(SHOPIFY_STEP, max_size=3),
    st.lists(SHOPIFY_STEP, max_size=6),
    st.sampled_from(["stays", "is cancelled", "is a test"]),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_a_shopify_life_in_any_order_is_billed_for_what_the_customer_kept(
    before: list[tuple[Any, ...]], after: list[tuple[Any, ...]], end: str, random: Random, shuffled: bool
) -> None:
    order, worker = ShopifyOrder(is_test=end == "is a test"), Worker("shopify")
    told: list[tuple[str, dict[str, Any]]] = [("orders/create", order.payload())]
    steps = [*before, ("become", "paid"), *after] if after else before
    for what, *how in [*steps, *([("cancel",)] if end == "is cancelled" else [])]:
        refunds = len(order.refunds)
        getattr(order, what)(*how)
        told.append(("orders/updated", order.payload()))
        told += [("refunds/create", dict(refund)) for refund in order.refunds[refunds:]]
    told += [random.choice(told) for _ in range(3)]
    if shuffled:
        random.shuffle(told)
    for number, (topic, body) in enumerate(told):
        worker.deliver(topic, body, order.now + dt.timedelta(minutes=number + 1))
    assert abs(worker.billed - order.owed) <= 3, "whatever halves of cents were rounded"
    if not order.owed:
        assert worker.billed == 0


def test_an_order_that_lost_its_payment_says_so_in_the_books() -> None:
    order, worker = WooOrder(), Worker()
    for status in ("processing", "on-hold", "processing", "trash"):
        order.become(status)
        order.send(worker)
    reasons = [entry.reason for entry in worker.recorder.entries if entry.kind is EntryKind.REVERSAL]
    assert reasons == ["not_paid", "order_deleted"]


def test_a_fact_in_the_former_currency_keeps_its_share_in_the_new_one() -> None:
    """On a platform that tells no refund anew: half was given back, and half it stays."""
    worker = Worker("shopify")
    euros = snapshot(1, paid=True, refunds=[refund("r", 5_950)])
    dollars = msgspec.structs.replace(
        snapshot(2, paid=True),
        currency="USD",
        total=Money(23_800, "USD"),
        net_sales=Money(20_000, "USD"),
        lines=tuple(msgspec.structs.replace(line, net_total=Money(20_000, "USD")) for line in euros.lines),
    )
    for event, billed in ((euros, 5_000), (dollars, 5_000)):
        worker.tell("orders/updated", event, T0 + dt.timedelta(minutes=5))
        assert worker.billed == billed
    late = msgspec.structs.replace(euros, updated_at=T0, status="older")
    worker.tell("orders/updated", late, T0 + dt.timedelta(minutes=6))
    assert worker.billed == 5_000, "an older statement in the old currency adds nothing"


def test_an_order_out_of_the_bin_is_billed_though_its_deletion_was_told_late() -> None:
    """The shop's queue stood still: both are told long after, and a deletion tells no time of its own."""
    order, worker = WooOrder(), Worker()
    order.become("processing")
    older = order.payload()
    order.send(worker, "order.created")
    order.become("trash")
    order.restore()
    late = order.now + dt.timedelta(hours=2)
    worker.deliver("order.deleted", {"id": 1}, late)
    assert worker.billed == 0
    worker.deliver("order.updated", older, late - dt.timedelta(minutes=1))
    assert worker.billed == 0, "sent before the deletion"
    worker.deliver("order.restored", order.payload(), late + dt.timedelta(seconds=1))
    assert worker.billed == 10_000

"""From what is wanted to the next step."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kiki.council.syncflow import plan
from kiki.council.syncflow.domain import (
    Hand,
    Ownership,
    PauseReason,
    ProductState,
    SeenCampaign,
    Standing,
)
from kiki.council.syncflow.plan import ACTIVE, PAUSED, READ, Step

SOLD_OUT = frozenset({PauseReason.OUT_OF_STOCK})
BOTH_ACTIVE = {"1": ACTIVE, "2": ACTIVE}
STANDING = Standing(revision=4, status=ACTIVE, bid_minor=120, budget_minor=5_000, products=BOTH_ACTIVE)


def product(name: str, **fields: object) -> ProductState:
    return ProductState(store_id=1, product_id=name, **fields)  # type: ignore[arg-type]


def seen(standing: Standing, *, steps: int = 1, by_person: bool = False, **changes: object) -> SeenCampaign:
    values: dict[str, object] = {
        "status": standing.status,
        "revision": (standing.revision or 0) + steps,
        "bid_minor": standing.bid_minor,
        "budget_minor": standing.budget_minor,
        "name": standing.name,
        "by_person": by_person,
        "products": dict(standing.products),
        **changes,
    }
    return SeenCampaign(**values)  # type: ignore[arg-type]


def step(standing: Standing, *products: ProductState) -> Step | None:
    return plan.next_step(plan.wanted(products, standing.products), standing, may_bid=True)


def perform(standing: Standing, *products: ProductState) -> Standing:
    """Drive a network that does as it is told, until nothing is left to do."""
    for _ in range(20):
        want = plan.wanted(products, standing.products)
        standing = plan.settled(want, standing)
        todo = plan.next_step(want, standing, may_bid=True)
        if todo is None:
            return standing
        changes: dict[str, object] = {}
        if todo.product_id:
            changes["products"] = {**standing.products, todo.product_id: todo.status}
        elif todo.status:
            changes["status"] = todo.status
        if todo.bid_minor is not None:
            changes["bid_minor"] = todo.bid_minor
        standing = plan.confirmed(plan.attempt(todo, standing, "r"), seen(standing, **changes))
    raise AssertionError("does not come to rest")


@pytest.mark.parametrize(
    ("products", "expected"),
    [
        ([product("1"), product("2")], None),
        ([product("1", reasons=SOLD_OUT), product("2")], Step(product_id="1", status=PAUSED)),
        ([product("1", reasons=SOLD_OUT), product("2", reasons=SOLD_OUT)], Step(status=PAUSED)),
        ([product("1", factor=Decimal("0.5")), product("2")], Step(bid_minor=60)),
        ([product("1", reasons=SOLD_OUT, hand=Hand.RUN), product("2")], None),
        ([product("1", hand=Hand.PAUSE), product("2")], Step(product_id="1", status=PAUSED)),
        ([product("1", reasons=SOLD_OUT)], Step(product_id="1", status=PAUSED)),
        ([product("9", reasons=SOLD_OUT)], None),
    ],
    ids=["fine", "one", "all", "low", "ordered-to-run", "by-hand", "unregistered-runs-on", "no-ads-for-it"],
)
def test_the_first_step_follows_from_the_products(products: list[ProductState], expected: Step | None) -> None:
    assert step(STANDING, *products) == expected


def test_a_campaign_never_heard_of_and_an_open_attempt_are_read_first() -> None:
    assert step(Standing(), product("1", reasons=SOLD_OUT)) == READ
    assert step(plan.attempt(Step(status=PAUSED), STANDING, "r"), product("1")) == READ


def test_a_campaign_is_resumed_only_after_its_sold_out_products_are_paused() -> None:
    whole = perform(STANDING, product("1", reasons=SOLD_OUT), product("2", reasons=SOLD_OUT))
    assert (whole.status, whole.owner) == (PAUSED, Ownership.OURS)
    assert step(whole, product("1", reasons=SOLD_OUT), product("2")) == Step(product_id="1", status=PAUSED)
    part = perform(whole, product("1", reasons=SOLD_OUT), product("2"))
    assert (part.status, part.products) == (ACTIVE, {"1": PAUSED, "2": ACTIVE})


def test_what_stood_still_before_us_is_not_resumed() -> None:
    standing = replace(STANDING, status=PAUSED)
    paused = perform(standing, product("1", reasons=SOLD_OUT), product("2", reasons=SOLD_OUT))
    assert paused.owner is None
    assert step(paused, product("1"), product("2")) is None


def test_a_hidden_change_costs_ownership_and_a_visible_one_elsewhere_does_not() -> None:
    paused = perform(STANDING, product("1", reasons=SOLD_OUT), product("2", reasons=SOLD_OUT))
    hidden = plan.observed(paused, seen(paused, steps=2, by_person=True))
    assert hidden.owner is Ownership.LOST
    assert plan.is_doubtful(plan.wanted([product("1"), product("2")], hidden.products), hidden)
    elsewhere = plan.observed(paused, seen(paused, steps=1, by_person=True, budget_minor=9_000))
    assert elsewhere.owner is Ownership.OURS


def test_one_change_of_something_unseen_cannot_hide_a_change_of_ours() -> None:
    paused = perform(STANDING, product("1", reasons=SOLD_OUT), product("2", reasons=SOLD_OUT))
    new_picture = plan.observed(paused, seen(paused, steps=1, by_person=True))
    assert new_picture.owner is Ownership.OURS
    assert step(new_picture, product("1"), product("2")) == Step(status=ACTIVE)


def test_a_pause_that_another_program_made_first_is_not_ours() -> None:
    tried = plan.attempt(Step(status=PAUSED), STANDING, "r")
    read = plan.observed(plan.denied(tried), seen(STANDING, status=PAUSED))
    assert (read.attempt, read.status, read.owner) == (None, PAUSED, None)
    assert step(read, product("1"), product("2")) is None


def test_a_change_that_takes_effect_long_after_it_was_read_back_is_ours() -> None:
    tried = plan.attempt(Step(status=PAUSED), STANDING, "r")
    unchanged = plan.observed(tried, seen(STANDING, steps=0))
    assert step(unchanged, product("1"), product("2")) is None
    late = plan.observed(unchanged, seen(STANDING, status=PAUSED))
    assert late.owner is Ownership.OURS
    assert step(late, product("1"), product("2")) == Step(status=ACTIVE)
    again = plan.denied(plan.attempt(Step(status=PAUSED), unchanged, "s"))
    assert plan.observed(again, seen(STANDING, status=PAUSED)).owner is Ownership.OURS
    other = plan.observed(
        plan.observed(unchanged, seen(STANDING, budget_minor=1)), seen(STANDING, steps=2, status=PAUSED)
    )
    assert other.owner is None, "based on an older revision, it was refused"


def test_a_bid_that_a_person_set_while_an_outcome_was_unknown_is_kept() -> None:
    half = perform(STANDING, product("1", factor=Decimal("0.5")), product("2"))
    tried = plan.attempt(Step(product_id="2", status=PAUSED), half, "r")
    products = {**BOTH_ACTIVE, "2": PAUSED}
    read = plan.observed(tried, seen(half, steps=2, by_person=True, bid_minor=100, products=products))
    assert (read.bid_owner, read.product_owners) == (Ownership.LOST, {"2": Ownership.LOST})
    assert step(read, product("1", factor=Decimal("0.5")), product("2", reasons=SOLD_OUT)) is None


def test_a_refused_bid_does_not_keep_ads_for_what_is_sold_out() -> None:
    low = product("1", factor=Decimal("0.5"))
    refused = plan.refusals_of(plan.attempt(Step(bid_minor=60), STANDING, "r"))
    want = plan.wanted([low, product("2")], STANDING.products)
    assert plan.next_step(want, STANDING, may_bid=True, refused=refused) is None
    want = plan.wanted([low, product("2", reasons=SOLD_OUT)], STANDING.products)
    assert plan.next_step(want, STANDING, may_bid=True, refused=refused) == Step(product_id="2", status=PAUSED)


def test_a_resume_that_was_refused_together_with_a_bid_is_tried_alone() -> None:
    paused = perform(STANDING, product("1", reasons=SOLD_OUT), product("2", reasons=SOLD_OUT))
    want = plan.wanted([product("1", factor=Decimal("0.5")), product("2")], paused.products)
    both = plan.next_step(want, paused, may_bid=True)
    assert both == Step(status=ACTIVE, bid_minor=60)
    refused = plan.refusals_of(plan.attempt(both, paused, "r"))
    assert plan.next_step(want, paused, may_bid=True, refused=refused) == Step(status=ACTIVE)
    refused |= plan.refusals_of(plan.attempt(Step(status=ACTIVE), paused, "r"))
    assert plan.next_step(want, paused, may_bid=True, refused=refused) is None


@pytest.mark.parametrize(
    ("products", "may_bid"), [((), True), ((product("1", factor=Decimal("0.5")), product("2")), False)]
)
def test_a_bid_of_ours_goes_back_when_it_is_no_longer_ours_to_set(
    products: tuple[ProductState, ...], may_bid: bool
) -> None:
    half = perform(STANDING, product("1", factor=Decimal("0.5")), product("2"))
    assert plan.next_step(plan.wanted(products, half.products), half, may_bid=may_bid) == Step(bid_minor=120)
    assert plan.next_step(plan.wanted(products, STANDING.products), STANDING, may_bid=may_bid) is None


def test_a_campaign_that_appears_after_its_registration_is_guarded() -> None:
    gone = plan.gone(Standing())
    assert step(gone, product("1", reasons=SOLD_OUT)) is None
    there = plan.observed(gone, seen(STANDING, steps=3))
    assert there.owner is None
    assert step(there, product("1", reasons=SOLD_OUT), product("2", reasons=SOLD_OUT)) == Step(status=PAUSED)


@pytest.mark.parametrize(
    ("steps", "by_person", "status", "owner"),
    [
        (1, False, PAUSED, Ownership.OURS),
        (0, False, ACTIVE, None),
        (1, True, PAUSED, Ownership.LOST),
        (3, True, PAUSED, Ownership.LOST),
    ],
    ids=["carried-out", "not-carried-out", "a-person-was-first", "touched-since"],
)
def test_an_attempt_of_unknown_outcome_is_resolved_by_reading(
    steps: int, by_person: bool, status: str, owner: Ownership | None
) -> None:
    tried = plan.attempt(Step(status=PAUSED), STANDING, "r")
    read = plan.observed(tried, seen(STANDING, steps=steps, by_person=by_person, status=status))
    assert (read.attempt, read.status, read.owner) == (None, status, owner)


def test_bids_are_factors_of_the_original_whatever_came_between() -> None:
    half = perform(STANDING, product("1", factor=Decimal("0.5")), product("2"))
    less = perform(half, product("1", factor=Decimal("0.25")), product("2"))
    assert (half.bid_minor, less.bid_minor) == (60, 30)
    back = perform(less, product("1"), product("2"))
    assert (back.bid_minor, back.bid_owner, back.original_bid_minor) == (120, None, None)


_products = st.builds(
    lambda paused, factor, hand: (SOLD_OUT if paused else frozenset(), Decimal(factor), hand),
    st.booleans(),
    st.sampled_from(["1", "0.5", "0.3"]),
    st.sampled_from([Hand.NONE, Hand.NONE, Hand.PAUSE]),
)


@given(st.lists(st.tuples(_products, _products), max_size=8))
def test_whatever_happens_to_the_products_all_of_our_own_is_undone_in_the_end(
    history: list[tuple[object, ...]],
) -> None:
    standing = STANDING
    for turn in history:
        states = [
            product(name, reasons=fields[0], factor=fields[1], hand=fields[2])  # type: ignore[index]
            for name, fields in zip("12", turn, strict=True)
        ]
        standing = perform(standing, *states)
        for state in states:
            runs = standing.status == ACTIVE and standing.products[state.product_id] == ACTIVE
            assert runs != state.paused
    last = perform(standing, product("1"), product("2"))
    assert (last.status, last.products, last.bid_minor) == (ACTIVE, BOTH_ACTIVE, 120)
    assert (last.owner, last.product_owners, last.bid_owner) == (None, {}, None)

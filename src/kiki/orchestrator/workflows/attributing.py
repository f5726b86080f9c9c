"""Deciding whether an order is ours, and doing so again when something new is known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from kiki.commerce.attribution_models import ShadowRow
from kiki.commerce.campaigns import DecisionRow, ReviewRow, TouchpointRow
from kiki.commerce.events import OrderObserved
from kiki.commerce.orders import OrderRow
from kiki.commerce.people import CustomerRow
from kiki.orchestrator.attribution.model import (
    BILLED_SHARE,
    WHOLE,
    Case,
    Decision,
    Model,
    Promotion,
    Touch,
    Verdict,
)
from kiki.orchestrator.workflows import reopening
from kiki.orchestrator.workflows.batch import Batch, Reopened, StoreView
from kiki.rpc.v1 import events_pb2

BY_REVIEW = "review"
"""What stands in place of a model where a person approved."""
_UTM_LENGTH = 200


def decide_placed(batch: Batch, view: StoreView, order: OrderRow, person: CustomerRow, event: OrderObserved) -> None:
    """The first decision about an order; an untouched one leaves no trace but the order's own verdict."""
    if not view.campaigns:
        return
    _keep_own_touch(batch, view, order, person, event)
    products = [line.product_id for line in event.lines if line.product_id is not None]
    case = case_of(batch, view, order, person, products)
    model, shadow, arm = view.speakers.of(order.customer_key)
    decision = model.decide(case)
    if decision.verdict is not Verdict.NONE:
        write(batch, order, decision, cause="placed", arm=arm)
    if shadow is not None:
        _record_shadow(batch, view, order, shadow, case, arm, again=False)


def decide_again(batch: Batch, view: StoreView, order: OrderRow, cause: str) -> bool:
    """Ask the model again; whether it says something else than before.

    The same answer on other evidence, or by another model, is a revision of its own, and nothing to book.
    """
    person = batch.customers.get((order.store_id, order.customer_key))
    case = case_of(batch, view, order, person, products_in(batch, order))
    model, shadow, arm = view.speakers.of(order.customer_key)
    decision = model.decide(case)
    if shadow is not None:
        _record_shadow(batch, view, order, shadow, case, arm, again=True)
    if differs(order, billed_share(batch, order), decision):
        write(batch, order, decision, cause=cause, arm=arm)
        return True
    if rests_elsewhere(batch.evidence.get((order.store_id, order.order_id)), decision, arm):
        _write_same(batch, order, decision, cause=cause, arm=arm)
    return False


def products_in(batch: Batch, order: OrderRow) -> set[str]:
    """What was bought, where the order's lines are known."""
    lines = batch.items.get((order.store_id, order.order_id), ())
    return {row.product_id for row in lines if row.product_id is not None}


def differs(order: OrderRow, share: Decimal, decision: Decision) -> bool:
    """Whether a decision says something else than what stands on the order."""
    said = (decision.verdict.value, decision.confidence, decision.campaign_id)
    if said != (order.verdict, order.confidence, order.campaign_id):
        return True
    return decision.verdict is Verdict.INCREMENTAL and decision.billed_share != share


def rests_elsewhere(known: DecisionRow | None, decision: Decision, arm: str) -> bool:
    """Whether a decision that says the same as the standing one has other evidence; no where that is not known."""
    return known is not None and (known.model, known.evidence) != (decision.model, _evidence(decision, arm))


def billed_share(batch: Batch, order: OrderRow) -> Decimal:
    """What part of an incremental order is billed by its newest decision."""
    told = batch.evidence.get((order.store_id, order.order_id))
    return WHOLE if told is None else share_told(told.evidence)


def share_told(evidence: Mapping[str, Any]) -> Decimal:
    """The part that stored evidence says is billed."""
    return Decimal(evidence.get(BILLED_SHARE, WHOLE))


def basis_minor(view: StoreView, order: OrderRow) -> int:
    """What fees of this store are measured on, in minor units of the order's currency, before refunds."""
    return order.net_minor if view.store.settings.basis == "net_sales" else order.total_minor


def case_of(
    batch: Batch, view: StoreView, order: OrderRow, person: CustomerRow | None, products: Iterable[str]
) -> Case:
    """What is known about an order now."""
    acquired = _acquired_by(order, person)
    promotions = {
        (row.product_id, row.campaign_id)
        for product_id in set(products)
        for row in batch.promotions.get((order.store_id, product_id), ())
        if row.from_at <= order.placed_at
        and (row.to_at is None or order.placed_at < row.to_at)
        and row.since_at <= order.known_at
    }
    return Case(
        order_id=order.order_id,
        placed_at=order.placed_at,
        touches=_touches(batch, view, order),
        acquired_by_order_id=acquired,
        promotions=tuple(Promotion(*pair) for pair in sorted(promotions)),
        rules=view.attribution,
        others=_others(batch, view, order) if view.speakers.wants_others else (),
        facts=_facts(order, person) if view.speakers.wants_facts else (),
    )


def _acquired_by(order: OrderRow, person: CustomerRow | None) -> str | None:
    """The buyer's first order, when it came before this one and was ours."""
    first = person.first_order_id if person is not None and person.first_order_incremental else None
    if person is None or first is None or person.first_order_at is None:
        return None
    return first if (person.first_order_at, first) < (order.placed_at, order.order_id) else None


def write(batch: Batch, order: OrderRow, decision: Decision, *, cause: str, arm: str = "") -> None:
    """Append the decision as the order's next revision, and ask a person when it is doubtful."""
    key = (order.store_id, order.order_id)
    order.attribution_revision += 1
    order.verdict, order.confidence = decision.verdict.value, decision.confidence
    order.campaign_id = decision.campaign_id
    batch.out.orders.add(key)
    _append(batch, order, decision, cause=cause, arm=arm)
    if decision.needs_review:
        _open_review(batch, order)
    else:
        _close_review(batch, order)


def _write_same(batch: Batch, order: OrderRow, decision: Decision, *, cause: str, arm: str) -> None:
    """The next revision says what the last one said: what was booked under that stands under this."""
    if order.booked_attribution == order.attribution_revision:
        order.booked_attribution += 1
    order.attribution_revision += 1
    batch.out.orders.add((order.store_id, order.order_id))
    _append(batch, order, decision, cause=cause, arm=arm)
    review = batch.reviews.get((order.store_id, order.order_id))
    if review is not None and review.status == "open":
        review.revision = order.attribution_revision
        batch.out.reviews.add((order.store_id, order.order_id))


def _append(batch: Batch, order: OrderRow, decision: Decision, *, cause: str, arm: str) -> None:
    evidence = _evidence(decision, arm)
    batch.evidence[order.store_id, order.order_id] = DecisionRow(decision.model, evidence)
    append_revision(batch, order, evidence, model=decision.model, version=decision.version, cause=cause)


def _evidence(decision: Decision, arm: str) -> dict[str, Any]:
    return {**decision.evidence(), "arm": arm} if arm else decision.evidence()


def append_revision(
    batch: Batch, order: OrderRow, evidence: dict[str, object], *, model: str, version: str, cause: str
) -> None:
    """The order's present verdict as a row of its own, and in the event log."""
    batch.out.attributions.append(
        (
            order.store_id,
            order.order_id,
            order.attribution_revision,
            model,
            version,
            batch.now,
            cause,
            order.verdict,
            order.confidence,
            order.campaign_id,
            msgspec.json.encode(evidence).decode(),
        )
    )
    signals = evidence.get("signals")
    batch.log(
        "OrderAttributedEvent",
        f"order:{order.order_id}",
        events_pb2.OrderAttributedEvent(
            store_id=order.store_id,
            order_id=order.order_id,
            revision=order.attribution_revision,
            verdict=order.verdict,
            confidence=str(order.confidence),
            campaign_id=order.campaign_id or "",
            signals=[signal["name"] for signal in signals] if isinstance(signals, list) else [],
            model=model,
            cause=cause,
        ),
    )


def _touches(batch: Batch, view: StoreView, order: OrderRow) -> tuple[Touch, ...]:
    """The buyer's contacts in the window that lead to a registered campaign, the oldest first, as far as they are
    asked for; the visit of another order is one like any other."""
    trail = batch.touches.get((order.store_id, order.customer_key))
    if trail is None:
        return ()
    found, clicks, enough = list[Touch](), 0, view.speakers.latest_clicks
    for row in trail.newest(order.placed_at, view.attribution.window):
        campaign_id = leads_to(view, order, row)
        if campaign_id is not None:
            found.append(Touch(row.touchpoint_id, campaign_id, row.kind, row.at))
            clicks += row.kind == "click"
            if clicks == enough:
                break
    found.reverse()
    return tuple(found)


def leads_to(view: StoreView, order: OrderRow, row: TouchpointRow) -> str | None:
    """The campaign of a contact, as it was registered when the order came in."""
    return view.campaigns.find(
        campaign_id=row.campaign_id,
        utm_campaign=row.utm_campaign,
        utm_id=row.utm_id,
        known_at=order.known_at,
        at=row.at,
    )


def _others(batch: Batch, view: StoreView, order: OrderRow) -> tuple[Touch, ...]:
    """The buyer's visits in the window that lead to no campaign of ours, by the channel that they name; each is a click
    there."""
    trail = batch.touches.get((order.store_id, order.customer_key))
    if trail is None:
        return ()
    found = [
        Touch(row.touchpoint_id, channel, "click", row.at)
        for row in trail.newest(order.placed_at, view.attribution.window)
        if row.kind != "view" and (channel := channel_of(row)) and leads_to(view, order, row) is None
    ]
    found.reverse()
    return tuple(found)


def channel_of(row: TouchpointRow) -> str:
    """Where a visit says that it comes from: `source/medium` of its link, else the host before; empty: nowhere."""
    if row.utm_source:
        return "/".join(filter(None, (row.utm_source.strip().lower(), (row.utm_medium or "").strip().lower())))
    return (row.referrer or "").strip().lower()


def _facts(order: OrderRow, person: CustomerRow | None) -> tuple[tuple[str, float], ...]:
    """What is known about the buyer from before this order and any ad for it."""
    if person is None:
        return ()
    first = person.first_order_at
    before = first is not None and person.first_order_id != order.order_id and first < order.placed_at
    age = (order.placed_at - first).days if before and first is not None else 0
    return (("returning_customer", float(before)), ("customer_age_days", float(age)))


def _record_shadow(
    batch: Batch, view: StoreView, order: OrderRow, model: Model, case: Case, arm: str, *, again: bool
) -> None:
    """What the model that does not speak says; untouched orders leave no trace, unless they had one."""
    decision = model.decide(case)
    if decision.verdict is Verdict.NONE and not again:
        return
    batch.out.shadows[order.store_id, order.order_id, decision.model] = ShadowRow(
        store_id=order.store_id,
        order_id=order.order_id,
        model=decision.model,
        decided_at=batch.now,
        model_version=decision.version,
        arm=arm,
        verdict=decision.verdict.value,
        confidence=decision.confidence,
        campaign_id=decision.campaign_id,
        would_bill_minor=decision.billed(basis_minor(view, order)),
        currency=order.currency,
    )


def _keep_own_touch(batch: Batch, view: StoreView, order: OrderRow, person: CustomerRow, event: OrderObserved) -> None:
    """The visit that the order itself tells of, as a click; kept when it names a campaign, or a channel that counts.

    It speaks for the buyer's orders placed after it, too: those that came before this one are decided anew.
    """
    touch = event.touch
    if touch is None:
        return
    if not (touch.utm_campaign or touch.utm_id or (touch.utm_source and view.speakers.wants_others)):
        return
    row = TouchpointRow(
        store_id=order.store_id,
        touchpoint_id=f"order:{order.order_id}",
        customer_key=order.customer_key,
        at=min(touch.at, order.placed_at) if touch.at is not None else order.placed_at,
        kind="click",
        source="order",
        campaign_id=None,
        utm_source=_cut(touch.utm_source),
        utm_medium=_cut(touch.utm_medium),
        utm_campaign=_cut(touch.utm_campaign),
        utm_id=_cut(touch.utm_id),
        order_id=order.order_id,
        recorded_at=batch.now,
    )
    batch.out.touchpoints[order.store_id, row.touchpoint_id] = row
    batch.trail(order.store_id, order.customer_key).add(row)
    if person.last_order_at is not None and row.at <= person.last_order_at:
        told = Reopened(reopening.TOUCHPOINT, row.at, until=row.at + view.attribution.window)
        reopening.reopen(batch, (order.store_id, person.customer_key), told)


def _cut(text: str | None) -> str | None:
    return text[:_UTM_LENGTH] if text else None


def _open_review(batch: Batch, order: OrderRow) -> None:
    key = (order.store_id, order.order_id)
    known = batch.reviews.get(key)
    if known is not None and known.status in ("approved", "rejected"):
        return
    batch.reviews[key] = ReviewRow(
        store_id=order.store_id,
        order_id=order.order_id,
        status="open",
        revision=order.attribution_revision,
        confidence=order.confidence,
        opened_at=known.opened_at if known is not None else batch.now,
    )
    batch.out.reviews.add(key)
    batch.log(
        "ReviewOpenedEvent",
        f"order:{order.order_id}",
        events_pb2.ReviewOpenedEvent(
            store_id=order.store_id, order_id=order.order_id, confidence=str(order.confidence)
        ),
    )


def _close_review(batch: Batch, order: OrderRow) -> None:
    known = batch.reviews.get((order.store_id, order.order_id))
    if known is not None and known.status == "open":
        known.status, known.decided_at, known.reason = "superseded", batch.now, "decided_anew"
        batch.out.reviews.add((order.store_id, order.order_id))


def approve(batch: Batch, order: OrderRow, review: ReviewRow, at: dt.datetime) -> None:
    """A person says that it is ours: billed by the time of the approval, the confidence stays what it was."""
    order.attribution_revision += 1
    order.verdict, order.billable_at = Verdict.INCREMENTAL.value, at
    evidence: dict[str, object] = {
        "signals": [{"name": "approved", "weight": str(Decimal(0))}],
        "actor": review.actor,
        "reason": review.reason,
        "reviewed_revision": review.revision,
    }
    batch.evidence[order.store_id, order.order_id] = DecisionRow(BY_REVIEW, evidence)
    append_revision(batch, order, evidence, model=BY_REVIEW, version="1", cause="approved")

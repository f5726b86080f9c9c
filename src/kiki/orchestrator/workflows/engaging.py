"""What SyncEngage is told: contacts, purchases to follow up, what goes with them, customers at risk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from kiki.commerce.events import CustomerObserved, OrderObserved
from kiki.commerce.orders import OrderRow
from kiki.commerce.people import CustomerRow
from kiki.kit.digest import event_id, semantic_digest
from kiki.orchestrator import settlement
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows import messages
from kiki.orchestrator.workflows.batch import Batch, StoreView
from kiki.rpc.v1 import common_pb2, syncengage_pb2

_PRODUCTS_AT_ONCE = 300


def follow_up_purchase(
    batch: Batch,
    view: StoreView,
    lane: Lane,
    order: OrderRow,
    person: CustomerRow,
    event: OrderObserved,
    lines: Sequence[common_pb2.OrderLineItem],
) -> None:
    """Thanks and what follows; only for a live order that is fresh and stands."""
    if order.welcomed or not _may_follow_up(batch, view, order, person):
        return
    order.welcomed = True
    batch.out.orders.add((order.store_id, order.order_id))
    request = syncengage_pb2.TriggerPostPurchaseFlowRequest(
        store_id=order.store_id,
        event_id=event_id(order.store_id, "post_purchase", order.order_id),
        customer=_buyer_info(batch, person, event),
        order_id=order.order_id,
        order_number=order.number,
        placed_at=messages.stamp(order.placed_at),
        items=lines,
        total=messages.amount(order.total_minor, order.currency),
        shop=messages.shop_info(view),
    )
    _call(batch, "TriggerPostPurchaseFlow", lane, person, f"order:{order.order_id}", request)


def upsell(batch: Batch, view: StoreView, lane: Lane, order: OrderRow, person: CustomerRow) -> None:
    """What goes with an order, once its buyer's new value is known; once per order."""
    if order.upsold or not _may_follow_up(batch, view, order, person) or person.ltv_minor is None:
        return
    products = [
        row.product_id for row in batch.items.get((order.store_id, order.order_id), ()) if row.product_id is not None
    ]
    if not products:
        return
    order.upsold = True
    batch.out.orders.add((order.store_id, order.order_id))
    request = syncengage_pb2.TriggerUpsellFlowRequest(
        store_id=order.store_id,
        event_id=event_id(order.store_id, "upsell", order.order_id),
        customer=messages.customer_info(batch.sealer, person),
        purchased_product_ids=list(dict.fromkeys(products)),
        lifetime_value=messages.amount(person.ltv_minor, person.ltv_currency or order.currency),
        order_id=order.order_id,
        placed_at=messages.stamp(order.placed_at),
        shop=messages.shop_info(view),
    )
    _call(batch, "TriggerUpsellFlow", lane, person, f"order:{order.order_id}", request)


def take_back(batch: Batch, lane: Lane, order: OrderRow) -> None:
    """Nothing more is said about an order of which nothing is left; after two days there is nothing to take back."""
    if not order.welcomed or not settlement.is_reversed(order) or not settlement.may_mail(order.placed_at, batch.now):
        return
    subject = f"order:{order.order_id}"
    request = syncengage_pb2.CancelFlowsRequest(
        store_id=order.store_id,
        event_id=event_id(order.store_id, "flows_cancelled", order.order_id),
        order_id=order.order_id,
        customer_key=order.customer_key,
    )
    entity = f"customer:{order.customer_key}"
    batch.call("syncengage", "CancelFlows", lane, entity=entity, subject=subject, request=request)


def tell_availability(batch: Batch) -> None:
    """Which products can be bought now, or no more, so that none is recommended in vain; after the fold."""
    stores: dict[int, list[syncengage_pb2.ProductAvailability]] = {}
    for (store_id, product_id), (sellable, seq) in sorted(batch.out.availability.items()):
        told = syncengage_pb2.ProductAvailability(product_id=product_id, sellable=sellable, decision_seq=seq)
        stores.setdefault(store_id, []).append(told)
    for store_id, products in stores.items():
        for start in range(0, len(products), _PRODUCTS_AT_ONCE):
            part = products[start : start + _PRODUCTS_AT_ONCE]
            name = semantic_digest([(each.product_id, each.decision_seq) for each in part]).hex()
            request = syncengage_pb2.PutProductAvailabilityRequest(
                store_id=store_id, event_id=event_id(store_id, "availability", name), products=part
            )
            batch.call(
                "syncengage",
                "PutProductAvailability",
                batch.lane,
                entity="availability",
                subject="availability",
                request=request,
            )


def put_contact(batch: Batch, view: StoreView, lane: Lane, person: CustomerRow, event: CustomerObserved) -> None:
    """The contact as the shop knows it now."""
    if view.uninstalled:
        return
    person.contact_revision += 1
    request = syncengage_pb2.PutContactRequest(
        store_id=person.store_id,
        event_id=event_id(person.store_id, "contact", person.customer_key, person.contact_revision),
        customer=common_pb2.CustomerInfo(
            customer_id=event.customer_id,
            customer_key=person.customer_key,
            email=event.email or "",
            phone=event.phone or "",
            first_name=event.first_name or "",
            accepts_email_marketing=bool(person.accepts_email_marketing),
            accepts_sms_marketing=bool(person.accepts_sms_marketing),
            locale=person.locale or "",
        ),
        email_consent=_consent(event.accepts_email_marketing),
        sms_consent=_consent(event.accepts_sms_marketing),
        observed_at=event.updated_at if event.updated_at.year > 1 else batch.now,
    )
    _call(batch, "PutContact", lane, person, f"customer:{person.customer_key}", request)


def prevent_churn(batch: Batch, view: StoreView, lane: Lane, person: CustomerRow) -> None:
    """A customer whose risk passed the store's threshold, not more often than its interval."""
    gone = (person.erased_at, person.deleted_at, person.merged_into)
    if view.uninstalled or any(each is not None for each in gone):
        return
    if person.churn_risk is None or person.churn_risk < view.churn_threshold or person.last_order_at is None:
        return
    interval = dt.timedelta(days=view.store.settings.churn_flow_interval_days)
    if person.churn_flow_at is not None and batch.now - person.churn_flow_at < interval:
        return
    if person.email_sealed is None and person.phone_sealed is None:
        return
    person.churn_flow_at = batch.now
    batch.out.customers.add((person.store_id, person.customer_key))
    request = syncengage_pb2.TriggerChurnPreventionRequest(
        store_id=person.store_id,
        event_id=event_id(person.store_id, "churn_prevention", person.customer_key, batch.now.date().isoformat()),
        customer=messages.customer_info(batch.sealer, person),
        churn_risk=float(person.churn_risk),
        days_since_last_order=max((batch.now - person.last_order_at).days, 0),
        shop=messages.shop_info(view),
    )
    _call(batch, "TriggerChurnPrevention", lane, person, f"customer:{person.customer_key}", request)


def _may_follow_up(batch: Batch, view: StoreView, order: OrderRow, person: CustomerRow) -> bool:
    return (
        order.live
        and not order.is_test
        and not view.uninstalled
        and settlement.may_mail(order.placed_at, batch.now)
        and not settlement.is_reversed(order)
        and person.erased_at is None
        and (person.email_sealed is not None or person.phone_sealed is not None)
    )


def _buyer_info(batch: Batch, person: CustomerRow, event: OrderObserved) -> common_pb2.CustomerInfo:
    """From the order where it says all there is, sparing the opening of sealed fields."""
    stub = event.customer
    if stub is None or person.profile_updated_at is not None or not stub.email:
        return messages.customer_info(batch.sealer, person)
    return common_pb2.CustomerInfo(
        customer_id=person.customer_id or "",
        customer_key=person.customer_key,
        email=stub.email,
        phone=stub.phone or "",
        first_name=stub.first_name or "",
        accepts_email_marketing=bool(person.accepts_email_marketing),
        accepts_sms_marketing=bool(person.accepts_sms_marketing),
        locale=person.locale or "",
    )


def _consent(accepts: bool | None) -> syncengage_pb2.Consent:
    state = syncengage_pb2.ConsentState
    if accepts is None:
        return syncengage_pb2.Consent(state=state.CONSENT_STATE_UNSPECIFIED)
    return syncengage_pb2.Consent(
        state=state.CONSENT_STATE_GRANTED if accepts else state.CONSENT_STATE_DENIED, source="shop_profile"
    )


def _call(batch: Batch, method: str, lane: Lane, person: CustomerRow, subject: str, request: object) -> None:
    batch.call("syncengage", method, lane, entity=f"customer:{person.customer_key}", subject=subject, request=request)

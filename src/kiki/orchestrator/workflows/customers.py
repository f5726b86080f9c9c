"""A customer was created, changed, deleted or merged; and the buyer of an order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from kiki.commerce.events import CustomerDeleted, CustomerObserved, CustomersMerged, CustomerStub, OrderObserved
from kiki.commerce.people import CustomerRow
from kiki.kit.digest import semantic_digest
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.workflows import engaging, messages, privacy
from kiki.orchestrator.workflows.batch import Batch, StoreView, observed_at
from kiki.orchestrator.workflows.identities import identify, merge
from kiki.rpc.v1 import events_pb2

_NOBODY = CustomerStub()


def buyer(batch: Batch, item: WorkItem, event: OrderObserved) -> CustomerRow:
    """The person behind an order; a stub fills in what no profile has told yet."""
    store_id = item.store_id
    key = identify(batch, store_id, batch.identities_of[id(event)], item.lane)
    stub = event.customer or _NOBODY
    person = batch.customers.get((store_id, key))
    if person is None:
        person = batch.customers[store_id, key] = CustomerRow(store_id, key)
        batch.out.customers.add((store_id, key))
    if person.profile_updated_at is None and person.erased_at is None:
        _fill(batch, person, stub)
    return person


def customer_observed(batch: Batch, view: StoreView, item: WorkItem, event: CustomerObserved) -> None:
    """Save the profile; tell SyncEngage the contact and its consent."""
    store_id = item.store_id
    key = identify(batch, store_id, batch.identities_of[id(event)], item.lane)
    person = batch.customers.setdefault((store_id, key), CustomerRow(store_id, key))
    if person.profile_updated_at is not None and event.updated_at < person.profile_updated_at:
        return
    digest = _profile_digest(event)
    if digest == person.profile_digest and person.deleted_at is None:
        return
    _take_profile(batch, person, event, digest)
    batch.out.customers.add((store_id, key))
    batch.log(
        "CustomerUpdatedEvent",
        f"customer:{key}",
        events_pb2.CustomerUpdatedEvent(
            store_id=store_id,
            customer_key=key,
            accepts_email_marketing=bool(person.accepts_email_marketing),
            accepts_sms_marketing=bool(person.accepts_sms_marketing),
        ),
    )
    engaging.put_contact(batch, view, item.lane, person, event)


def customer_deleted(batch: Batch, _view: StoreView, item: WorkItem, event: CustomerDeleted) -> None:
    """The shop no longer has the customer: what is personal is destroyed here too, the opaque history stays."""
    for identity in batch.identities_of[id(event)]:
        key = batch.people.get(identity)
        person = batch.customers.get((item.store_id, key)) if key is not None else None
        if person is not None:
            person.deleted_at = observed_at(item)
            privacy.erase(batch, person, item.lane, cause="customer_deleted")


def customers_merged(batch: Batch, _view: StoreView, item: WorkItem, event: CustomersMerged) -> None:
    """Two records are one person from now on."""
    given = batch.identities_of[id(event)]
    kept = identify(batch, item.store_id, given[:1], item.lane)
    gone = batch.people.get(given[1])
    if gone is None:
        batch.people[given[1]] = batch.out.identities[given[1]] = kept
    elif gone != kept:
        if (item.store_id, kept) not in batch.customers:
            batch.customers[item.store_id, kept] = CustomerRow(item.store_id, kept, customer_id=event.kept_customer_id)
        merge(batch, item.store_id, kept=kept, merged=gone, cause="shop", lane=item.lane)


def customers_valued(batch: Batch, view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """SyncValue answered: keep value, risk and segment; follow the order up with what goes with it."""
    for entry in body["customers"]:
        person = batch.customers.get((item.store_id, entry["customer_key"]))
        if person is None or person.erased_at is not None:
            continue
        person.ltv_minor, person.ltv_currency = entry["ltv_minor"], entry["ltv_currency"]
        person.ltv_confidence = _fraction(entry["confidence"])
        person.churn_risk, person.segment = _fraction(entry["churn_risk"]), entry["segment"]
        person.valued_at = batch.now
        batch.out.customers.add((person.store_id, person.customer_key))
        order = batch.orders.get((item.store_id, entry["order_id"]))
        if order is not None:
            engaging.upsell(batch, view, item.lane, order, person)


def customers_at_risk(batch: Batch, view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """Customers whose risk of leaving passed the store's threshold."""
    for key in body["customer_keys"]:
        person = batch.customers.get((item.store_id, key))
        if person is not None:
            engaging.prevent_churn(batch, view, item.lane, person)


def _fraction(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(Decimal("0.0001"))


def _fill(batch: Batch, person: CustomerRow, stub: CustomerStub) -> None:
    """Only what is not known yet: a stub never overwrites."""
    store_id, before = person.store_id, _told(person)
    if person.customer_id is None:
        person.customer_id = stub.customer_id
    if person.email_sealed is None and stub.email:
        person.email_sealed = messages.seal(batch.sealer, store_id, "email", stub.email)
    if person.phone_sealed is None and stub.phone:
        person.phone_sealed = messages.seal(batch.sealer, store_id, "phone", stub.phone)
    if person.first_name_sealed is None and stub.first_name:
        person.first_name_sealed = messages.seal(batch.sealer, store_id, "first_name", stub.first_name)
    if stub.accepts_email_marketing is not None:
        person.accepts_email_marketing = stub.accepts_email_marketing
    if stub.accepts_sms_marketing is not None:
        person.accepts_sms_marketing = stub.accepts_sms_marketing
    person.locale = person.locale or stub.locale
    if _told(person) != before:
        batch.out.customers.add((store_id, person.customer_key))


def _told(person: CustomerRow) -> tuple[object, ...]:
    return (
        person.customer_id,
        person.email_sealed,
        person.phone_sealed,
        person.first_name_sealed,
        person.accepts_email_marketing,
        person.accepts_sms_marketing,
        person.locale,
    )


def _take_profile(batch: Batch, person: CustomerRow, event: CustomerObserved, digest: bytes) -> None:
    store_id = person.store_id
    person.customer_id = event.customer_id
    for name in ("email", "phone", "first_name", "last_name"):
        setattr(person, f"{name}_sealed", messages.seal(batch.sealer, store_id, name, getattr(event, name) or None))
    if event.accepts_email_marketing is not None:
        person.accepts_email_marketing = event.accepts_email_marketing
    if event.accepts_sms_marketing is not None:
        person.accepts_sms_marketing = event.accepts_sms_marketing
    person.locale = event.locale or person.locale
    person.created_at = event.created_at or person.created_at
    person.profile_updated_at, person.profile_digest = event.updated_at, digest
    person.deleted_at = None


def _profile_digest(event: CustomerObserved) -> bytes:
    return semantic_digest(
        event.customer_id,
        event.email,
        event.phone,
        event.first_name,
        event.last_name,
        event.accepts_email_marketing,
        event.accepts_sms_marketing,
        event.locale,
    )[:16]

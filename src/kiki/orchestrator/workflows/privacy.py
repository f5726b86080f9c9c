"""Data-subject rights: access, erasure of a person, erasure of a store."""

from __future__ import annotations

from typing import Any

from kiki.commerce.events import DataSubjectRequested, DataSubjectRequestKind
from kiki.commerce.people import CustomerRow
from kiki.kit.digest import event_id
from kiki.orchestrator.inbox.protocol import WorkItem
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows.batch import Batch, StoreView
from kiki.orchestrator.workflows.stores import end_connection
from kiki.rpc.v1 import events_pb2, syncengage_pb2, syncshield_pb2

_KINDS = {
    DataSubjectRequestKind.ACCESS: syncshield_pb2.SubjectRequestKind.SUBJECT_REQUEST_KIND_ACCESS,
    DataSubjectRequestKind.ERASE_CUSTOMER: syncshield_pb2.SubjectRequestKind.SUBJECT_REQUEST_KIND_ERASURE,
    DataSubjectRequestKind.ERASE_STORE: syncshield_pb2.SubjectRequestKind.SUBJECT_REQUEST_KIND_STORE_ERASURE,
}
ACTOR = "worker"


def data_subject_requested(batch: Batch, view: StoreView, item: WorkItem, event: DataSubjectRequested) -> None:
    """Open the request with SyncShield; erase at once what is to be erased. Access waits for a person to answer."""
    store_id = item.store_id
    people = _subjects(batch, store_id, event)
    key = people[0].customer_key if people else ""
    request_id = event.request_id or f"{event.kind.value}:{item.delivery_id}"
    _open_request(batch, item, event, request_id, key)
    if event.kind is DataSubjectRequestKind.ERASE_CUSTOMER:
        for person in people:
            erase(batch, person, item.lane, cause=request_id)
    elif event.kind is DataSubjectRequestKind.ERASE_STORE:
        _erase_store(batch, view, item)


def visitor_forgotten(batch: Batch, _view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """A visitor opted out: what earlier beacons told, those of this batch included, leads to nobody any more."""
    for entry in body["identities"]:
        batch.out.forgotten_visitors.add((item.store_id, entry["kind"], bytes.fromhex(entry["value"])))


def erase(batch: Batch, person: CustomerRow, lane: Lane, *, cause: str) -> None:
    """Destroy a person's fields and identities here, and have SyncEngage forget them; orders keep an opaque key."""
    if person.erased_at is not None:
        return
    person.email_sealed = person.phone_sealed = person.first_name_sealed = person.last_name_sealed = None
    person.customer_id, person.locale, person.profile_digest = None, None, b""
    person.accepts_email_marketing = person.accepts_sms_marketing = None
    person.erased_at = batch.now
    key = (person.store_id, person.customer_key)
    batch.out.customers.add(key)
    batch.out.forgotten.add(key)
    batch.touches.pop(key, None)
    for touch in [known for known, row in batch.out.touchpoints.items() if row.customer_key == person.customer_key]:
        if touch[0] == person.store_id:
            del batch.out.touchpoints[touch]
    for identity in [known for known, whose in batch.people.items() if whose == person.customer_key]:
        if identity[0] == person.store_id:
            del batch.people[identity]
            batch.out.identities.pop(identity, None)
    request = syncengage_pb2.EraseContactRequest(
        store_id=person.store_id,
        event_id=event_id(person.store_id, "contact_erased", person.customer_key, cause),
        customer_key=person.customer_key,
    )
    subject = f"customer:{person.customer_key}"
    batch.call("syncengage", "EraseContact", lane, entity=subject, subject=subject, request=request)


def request_opened(batch: Batch, _view: StoreView, item: WorkItem, body: dict[str, Any]) -> None:
    """SyncShield gave the request its number: what was erased at once is closed there too."""
    for entry in body["requests"]:
        if entry["kind"] == "access":
            continue
        request = syncshield_pb2.CloseSubjectRequestRequest(
            store_id=item.store_id,
            event_id=event_id(item.store_id, "subject_request_closed", str(entry["request_id"])),
            request_id=entry["request_id"],
            state=syncshield_pb2.SubjectRequestState.SUBJECT_REQUEST_STATE_FULFILLED,
            actor=ACTOR,
            reason="erased",
        )
        subject = f"subject-request:{entry['request_id']}"
        batch.call("syncshield", "CloseSubjectRequest", item.lane, entity=subject, subject=subject, request=request)


def _subjects(batch: Batch, store_id: int, event: DataSubjectRequested) -> list[CustomerRow]:
    keys = dict.fromkeys(batch.people.get(identity) for identity in batch.identities_of[id(event)])
    rows = (batch.customers.get((store_id, key)) for key in keys if key is not None)
    return [row for row in rows if row is not None]


def _open_request(batch: Batch, item: WorkItem, event: DataSubjectRequested, request_id: str, key: str) -> None:
    erased = event.kind is not DataSubjectRequestKind.ACCESS
    # An erasure is named by whom it erases, who may come back and ask again: its arrival tells the two apart.
    revision = f"{event.kind.value}\x1f{item.received_at.isoformat()}" if erased else event.kind.value
    batch.out.data_requests[item.store_id, request_id] = (
        item.store_id,
        request_id,
        event.kind.value,
        key or None,
        "fulfilled" if erased else "open",
        item.received_at,
        batch.now if erased else None,
    )
    request = syncshield_pb2.OpenSubjectRequestRequest(
        store_id=item.store_id,
        event_id=event_id(item.store_id, "subject_request", request_id, revision),
        kind=_KINDS[event.kind],
        subject_key="" if event.kind is DataSubjectRequestKind.ERASE_STORE else key or "unknown",
        platform_request_id=request_id,
        received_at=item.received_at,
    )
    subject = f"subject-request:{request_id}"
    batch.call("syncshield", "OpenSubjectRequest", item.lane, entity=subject, subject=subject, request=request)
    batch.log(
        "DataSubjectRequestedEvent",
        subject,
        events_pb2.DataSubjectRequestedEvent(
            store_id=item.store_id, kind=event.kind.value, request_id=request_id, customer_key=key
        ),
    )


def _erase_store(batch: Batch, view: StoreView, item: WorkItem) -> None:
    """Every personal field and secret of the store here and with SyncEngage; SyncShield destroys the store's keys.

    A platform asks for it when the app was removed: where that was not told, the connection ends with the asking.
    """
    end_connection(batch, view, item)
    batch.out.forgotten_stores.add(item.store_id)
    request = syncshield_pb2.ShredStoreKeysRequest(
        store_id=item.store_id,
        event_id=event_id(item.store_id, "store_erased", str(item.store_id), item.delivery_id),
        actor=ACTOR,
        reason="shop_redact",
    )
    subject = f"store:{item.store_id}"
    batch.call("syncshield", "ShredStoreKeys", item.lane, entity=subject, subject=subject, request=request)
    forget = syncengage_pb2.EraseStoreRequest(
        store_id=item.store_id,
        event_id=event_id(item.store_id, "contacts_erased", str(item.store_id), item.delivery_id),
    )
    batch.call("syncengage", "EraseStore", item.lane, entity=subject, subject=subject, request=forget)

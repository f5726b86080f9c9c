"""Messages ↔ values. Refuses what cannot stand in the log; clips what a stranger wrote into a URL."""

from __future__ import annotations

import base64
import binascii
import datetime as dt

from google.protobuf.timestamp_pb2 import Timestamp

from kiki.council.syncshield import domain
from kiki.council.syncshield.domain import (
    Appended,
    AuditEntry,
    AuditKind,
    AuditQuery,
    Closing,
    DataKey,
    Decryption,
    Encrypted,
    Link,
    NewSubjectRequest,
    SubjectRequestKind,
    SubjectRequestState,
    Verification,
)
from kiki.council.syncshield.errors import BadField, PersonalData
from kiki.kit.grpc.times import FIRST_SECOND, LAST_SECOND, time_from_proto, time_to_proto
from kiki.rpc.v1 import syncshield_pb2 as pb

_MAX_TEXT = 200
_KINDS = {
    pb.SUBJECT_REQUEST_KIND_ACCESS: SubjectRequestKind.ACCESS,
    pb.SUBJECT_REQUEST_KIND_ERASURE: SubjectRequestKind.ERASURE,
    pb.SUBJECT_REQUEST_KIND_STORE_ERASURE: SubjectRequestKind.STORE_ERASURE,
}
_STATES = {
    pb.SUBJECT_REQUEST_STATE_OPEN: SubjectRequestState.OPEN,
    pb.SUBJECT_REQUEST_STATE_FULFILLED: SubjectRequestState.FULFILLED,
    pb.SUBJECT_REQUEST_STATE_REFUSED: SubjectRequestState.REFUSED,
}
_KIND_NUMBERS = {value: number for number, value in _KINDS.items()}
_STATE_NUMBERS = {value: number for number, value in _STATES.items()}


def webhook_entry(message: pb.LogWebhookEventRequest) -> AuditEntry:
    """About 2 µs: this is on the path of every delivery."""
    store_id, event_id = message.store_id, message.event_id
    payload_digest, signature_digest = message.payload_digest, message.signature_digest
    count = message.count
    if store_id < 0 or not 0 < len(event_id) <= _MAX_TEXT or "\x00" in event_id or count < 0:
        raise BadField("store_id and count are not negative, and event_id has 1 to 200 characters")
    if len(payload_digest) not in (0, 32) or len(signature_digest) not in (0, 32):
        raise BadField(f"a digest has 32 bytes or none, got {len(payload_digest)} and {len(signature_digest)}")
    return AuditEntry(
        store_id=store_id,
        event_id=event_id,
        kind=2,
        occurred_us=_microseconds(message.occurred_at) if message.HasField("occurred_at") else None,
        action="webhook",
        platform=_clipped(message.platform),
        topic=_clipped(message.topic),
        payload_digest=payload_digest,
        signature_digest=signature_digest,
        verified=message.verified,
        count=count or 1,
    )


def access_entry(message: pb.LogDataAccessRequest) -> AuditEntry:
    """Every text is an identifier or a code."""
    return AuditEntry(
        store_id=store(message.store_id, least=0),
        event_id=identifier("event_id", message.event_id),
        kind=AuditKind.DATA_ACCESS,
        occurred_us=_microseconds(message.occurred_at) if message.HasField("occurred_at") else None,
        actor=identifier("actor", message.actor),
        action=identifier("action", message.action),
        resource_type=identifier("resource_type", message.resource_type),
        resource_id=identifier("resource_id", message.resource_id),
        purpose=identifier("purpose", message.purpose, required=False),
    )


def fill_webhook_response(message: pb.LogWebhookEventResponse, appended: Appended) -> None:
    """Filled in place: building and copying a message costs twice as much."""
    message.log_id = f"{appended.store_id}-{appended.index}"
    seconds, rest = divmod(appended.logged_us, 1_000_000)
    logged_at = message.logged_at
    logged_at.seconds = seconds
    logged_at.nanos = rest * 1_000


def access_response(appended: Appended) -> pb.LogDataAccessResponse:
    return pb.LogDataAccessResponse(audit_id=appended.audit_id, logged_at=_timestamp(appended.logged_us))


def decryption(message: pb.DecryptCustomerDataRequest) -> Decryption:
    return Decryption(
        store_id=store(message.store_id),
        encrypted=Encrypted(identifier("key_id", message.key_id), message.nonce, message.ciphertext),
        purpose=identifier("purpose", message.purpose),
        actor=identifier("actor", message.actor),
        resource_id=identifier("resource_id", message.resource_id, required=False),
    )


def key_message(key: DataKey) -> pb.EncryptionKey:
    return pb.EncryptionKey(
        key_id=key.key_id,
        version=key.version,
        master_version=key.master_version,
        created_at=time_to_proto(key.created_at),
        shredded_at=None if key.shredded_at is None else time_to_proto(key.shredded_at),
    )


def audit_query(message: pb.ListAuditEventsRequest) -> AuditQuery:
    """The page token is the index to start from. Refuses what nothing can match."""
    start: int | None = None if message.descending else _not_negative("from_index", message.from_index)
    if message.page_token:
        start = _decoded_index(message.page_token)
    return AuditQuery(
        store_id=_not_negative("store_id", message.store_id),
        kind=_audit_kind(message.kind),
        actor=identifier("actor", message.actor, required=False),
        resource_type=identifier("resource_type", message.resource_type, required=bool(message.resource_id)),
        resource_id=identifier("resource_id", message.resource_id, required=False),
        occurred_from=time_from_proto(message.occurred_from) if message.HasField("occurred_from") else None,
        occurred_to=time_from_proto(message.occurred_to) if message.HasField("occurred_to") else None,
        descending=message.descending,
        start=start,
        limit=page_size(message.page_size, default=100, most=1_000) + 1,
    )


def _audit_kind(number: int) -> AuditKind | None:
    if number not in pb.AuditKind.values():
        raise BadField(f"kind is one of {', '.join(pb.AuditKind.keys())}, got {number}", reason="BAD_KIND")
    return AuditKind(number) if number else None


def audit_page(query: AuditQuery, links: list[Link]) -> pb.ListAuditEventsResponse:
    """One link more than a page is read, to know where the next one starts."""
    shown = links[: query.limit - 1]
    token = encode_token(str(links[-1].index)) if len(links) == query.limit else ""
    return pb.ListAuditEventsResponse(events=[_event(link) for link in shown], next_page_token=token)


def verification_message(found: Verification) -> pb.VerifyAuditChainResponse:
    return pb.VerifyAuditChainResponse(
        ok=not found.reason,
        checked=found.checked,
        first_bad_index=found.first_bad_index if found.reason else 0,
        reason=found.reason,
        length=found.head.length,
        head_hash=found.head.hash,
        last_hash=found.last_hash,
    )


def new_subject_request(message: pb.OpenSubjectRequestRequest, *, now: dt.datetime, days: int) -> NewSubjectRequest:
    """A request without a date is due `days` after it was received."""
    kind = _KINDS.get(message.kind)
    if kind is None:
        raise BadField("a data-subject request says what is asked for", reason="BAD_KIND")
    received_at = time_from_proto(message.received_at) if message.HasField("received_at") else now
    due_at = time_from_proto(message.due_at) if message.HasField("due_at") else received_at + dt.timedelta(days=days)
    needs_subject = kind is not SubjectRequestKind.STORE_ERASURE
    return NewSubjectRequest(
        kind=kind,
        subject_key=identifier("subject_key", message.subject_key, required=needs_subject),
        platform_request_id=identifier("platform_request_id", message.platform_request_id, required=False),
        received_at=received_at,
        due_at=due_at,
    )


def closing(message: pb.CloseSubjectRequestRequest) -> Closing:
    state = _STATES.get(message.state)
    if state is None or state is SubjectRequestState.OPEN:
        raise BadField("a data-subject request is closed as fulfilled or refused", reason="BAD_STATE")
    return Closing(
        request_id=message.request_id,
        state=state,
        actor=identifier("actor", message.actor),
        reason=identifier("reason", message.reason, required=False),
    )


def subject_request_message(request: domain.SubjectRequest) -> pb.SubjectRequest:
    return pb.SubjectRequest(
        request_id=request.request_id,
        store_id=request.store_id,
        kind=_KIND_NUMBERS[request.kind],
        subject_key=request.subject_key,
        platform_request_id=request.platform_request_id,
        state=_STATE_NUMBERS[request.state],
        received_at=time_to_proto(request.received_at),
        due_at=time_to_proto(request.due_at),
        closed_at=None if request.closed_at is None else time_to_proto(request.closed_at),
        reason=request.reason,
    )


def subject_state(number: pb.SubjectRequestState) -> SubjectRequestState | None:
    return _STATES.get(number)


def store(store_id: int, *, least: int = 1) -> int:
    """A store's number; audited accesses and webhooks may name 0, which is the whole installation."""
    if store_id < least:
        raise BadField(f"store_id is {'a positive number' if least else '0 or more'}, got {store_id}")
    return store_id


def identifier(name: str, text: str, *, required: bool = True) -> str:
    """A short text that is no e-mail address."""
    if "@" in text:
        raise PersonalData(f"{name} is an identifier, got something that looks like an e-mail address")
    if len(text) > _MAX_TEXT or "\x00" in text or (required and not text):
        raise BadField(f"{name} has {'1' if required else '0'} to {_MAX_TEXT} characters, got {len(text)}")
    return text


def page_size(given: int, *, default: int, most: int) -> int:
    """A page's size within its bounds."""
    return min(given, most) if given > 0 else default


def encode_token(text: str) -> str:
    """An opaque page token."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str) -> str:
    """What `encode_token` was given; `BadField` for anything else."""
    try:
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (ValueError, binascii.Error):
        raise BadField("the page token is not one of ours", reason="BAD_PAGE_TOKEN") from None


def _decoded_index(token: str) -> int:
    text = decode_token(token)
    if not text.isdecimal() or len(text) > 18:
        raise BadField("the page token is not one of ours", reason="BAD_PAGE_TOKEN")
    return int(text)


def _not_negative(name: str, number: int) -> int:
    if number < 0:
        raise BadField(f"{name} is not negative, got {number}")
    return number


def _clipped(text: str) -> str:
    return text if len(text) <= _MAX_TEXT and "\x00" not in text else text.replace("\x00", "\ufffd")[:_MAX_TEXT]


def _microseconds(at: Timestamp) -> int:
    seconds, nanos = at.seconds, at.nanos
    if not (FIRST_SECOND <= seconds <= LAST_SECOND and 0 <= nanos < 1_000_000_000):
        raise BadField(
            f"a time lies in the years 1900 to 2999, with 0 to 999,999,999 ns, got {seconds} s and {nanos} ns",
            reason="BAD_TIME",
        )
    return seconds * 1_000_000 + nanos // 1_000


def _timestamp(microseconds: int) -> Timestamp:
    seconds, rest = divmod(microseconds, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1_000)


def _event(link: Link) -> pb.AuditEvent:
    entry = link.entry
    return pb.AuditEvent(
        audit_id=f"{entry.store_id}-{link.index}",
        index=link.index,
        kind=pb.AuditKind.Name(entry.kind) if entry.kind in pb.AuditKind.values() else None,
        actor=entry.actor,
        action=entry.action,
        resource_type=entry.resource_type,
        resource_id=entry.resource_id,
        purpose=entry.purpose,
        platform=entry.platform,
        topic=entry.topic,
        payload_digest=entry.payload_digest,
        signature_digest=entry.signature_digest,
        verified=entry.verified,
        count=entry.count,
        occurred_at=_timestamp(link.occurred_us),
        logged_at=_timestamp(link.logged_us),
        previous_hash=link.previous_hash,
        hash=link.hash,
        event_id=entry.event_id,
    )

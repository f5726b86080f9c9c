"""gRPC edge of SyncShield."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from google.protobuf.message import Message

from kiki.council.syncshield import convert
from kiki.council.syncshield.domain import Appended, AuditEntry
from kiki.council.syncshield.errors import BadField
from kiki.council.syncshield.service.audit import AuditService
from kiki.council.syncshield.service.keys import KeyService
from kiki.council.syncshield.service.subjects import SubjectRequestService
from kiki.kit.clock import Clock
from kiki.kit.database import Connection
from kiki.kit.digest import semantic_digest
from kiki.kit.errors import KikiError
from kiki.kit.grpc.status import item_error
from kiki.kit.grpc.times import time_key, time_to_proto
from kiki.kit.receipts import Once, OnceItem
from kiki.rpc.v1 import common_pb2, syncshield_pb2_grpc
from kiki.rpc.v1 import syncshield_pb2 as pb

MAX_BATCH = 300
_Request = TypeVar("_Request")
_Response = TypeVar("_Response", bound=Message)


class SyncShieldServicer(syncshield_pb2_grpc.SyncShieldServiceServicer):
    """Translates; decides nothing."""

    def __init__(
        self,
        *,
        audit: AuditService,
        keys: KeyService,
        subjects: SubjectRequestService,
        once: Once,
        clock: Clock,
        subject_request_days: int,
    ) -> None:
        self._audit = audit
        self._keys = keys
        self._subjects = subjects
        self._once = once
        self._clock = clock
        self._subject_request_days = subject_request_days

    async def LogDataAccess(self, request: pb.LogDataAccessRequest, context: Any) -> pb.LogDataAccessResponse:
        (outcome,) = await self._audit.append([convert.access_entry(request)])
        return convert.access_response(_raised(outcome))

    async def BatchLogDataAccess(
        self, request: pb.BatchLogDataAccessRequest, context: Any
    ) -> pb.BatchLogDataAccessResponse:
        results = []
        for outcome in await self._append(request.requests, convert.access_entry):
            if isinstance(outcome, KikiError):
                results.append(pb.LogDataAccessResult(error=_item_error(outcome)))
            else:
                results.append(pb.LogDataAccessResult(response=convert.access_response(outcome)))
        return pb.BatchLogDataAccessResponse(results=results)

    async def LogWebhookEvent(self, request: pb.LogWebhookEventRequest, context: Any) -> pb.LogWebhookEventResponse:
        (outcome,) = await self._audit.append([convert.webhook_entry(request)])
        response = pb.LogWebhookEventResponse()
        convert.fill_webhook_response(response, _raised(outcome))
        return response

    async def BatchLogWebhookEvents(
        self, request: pb.BatchLogWebhookEventsRequest, context: Any
    ) -> pb.BatchLogWebhookEventsResponse:
        answer = pb.BatchLogWebhookEventsResponse()
        add = answer.results.add
        for outcome in await self._append(request.requests, convert.webhook_entry):
            if isinstance(outcome, KikiError):
                add(error=_item_error(outcome))
            else:
                convert.fill_webhook_response(add().response, outcome)
        return answer

    async def EncryptCustomerData(
        self, request: pb.EncryptCustomerDataRequest, context: Any
    ) -> pb.EncryptCustomerDataResponse:
        encrypted = await self._keys.encrypt(
            convert.store(request.store_id),
            request.text,
            key_id=request.key_id,
            purpose=convert.identifier("purpose", request.purpose),
        )
        return pb.EncryptCustomerDataResponse(
            ciphertext=encrypted.ciphertext, key_id=encrypted.key_id, nonce=encrypted.nonce
        )

    async def DecryptCustomerData(
        self, request: pb.DecryptCustomerDataRequest, context: Any
    ) -> pb.DecryptCustomerDataResponse:
        text, audit_id = await self._keys.decrypt(convert.decryption(request))
        return pb.DecryptCustomerDataResponse(text=text, audit_id=audit_id)

    async def RotateKey(self, request: pb.RotateKeyRequest, context: Any) -> pb.RotateKeyResponse:
        actor = convert.identifier("actor", request.actor)

        async def rotate(connection: Connection) -> pb.RotateKeyResponse:
            key, rewrapped = await self._keys.rotate(
                connection, request.store_id, event_id=request.event_id, actor=actor
            )
            return pb.RotateKeyResponse(key=convert.key_message(key), rewrapped=rewrapped)

        return await self._exactly_once("RotateKey", request, (actor,), rotate, pb.RotateKeyResponse)

    async def ShredStoreKeys(self, request: pb.ShredStoreKeysRequest, context: Any) -> pb.ShredStoreKeysResponse:
        actor = convert.identifier("actor", request.actor)
        reason = convert.identifier("reason", request.reason)

        async def shred(connection: Connection) -> pb.ShredStoreKeysResponse:
            count = await self._keys.shred(
                connection, request.store_id, event_id=request.event_id, actor=actor, reason=reason
            )
            return pb.ShredStoreKeysResponse(shredded=count, shredded_at=time_to_proto(self._clock.now()))

        return await self._exactly_once("ShredStoreKeys", request, (actor, reason), shred, pb.ShredStoreKeysResponse)

    async def ListKeys(self, request: pb.ListKeysRequest, context: Any) -> pb.ListKeysResponse:
        keys = await self._keys.list_keys(convert.store(request.store_id))
        return pb.ListKeysResponse(keys=[convert.key_message(key) for key in keys])

    async def ListAuditEvents(self, request: pb.ListAuditEventsRequest, context: Any) -> pb.ListAuditEventsResponse:
        query = convert.audit_query(request)
        return convert.audit_page(query, await self._audit.list_events(query))

    async def VerifyAuditChain(self, request: pb.VerifyAuditChainRequest, context: Any) -> pb.VerifyAuditChainResponse:
        if request.store_id < 0 or request.from_index < 0 or request.to_index < 0:
            raise BadField("store_id and indexes are not negative")
        if len(request.previous_hash) not in (0, 32):
            raise BadField(f"previous_hash has 32 bytes or none, got {len(request.previous_hash)}")
        found = await self._audit.verify(
            request.store_id,
            from_index=request.from_index,
            to_index=request.to_index or None,
            previous_hash=request.previous_hash or None,
        )
        return convert.verification_message(found)

    async def OpenSubjectRequest(
        self, request: pb.OpenSubjectRequestRequest, context: Any
    ) -> pb.OpenSubjectRequestResponse:
        new = convert.new_subject_request(request, now=self._clock.now(), days=self._subject_request_days)
        stated = (time_key(request.received_at), time_key(request.due_at))
        fields = (new.kind.value, new.subject_key, new.platform_request_id, *stated)

        async def record(connection: Connection) -> pb.OpenSubjectRequestResponse:
            opened = await self._subjects.open(connection, request.store_id, new, event_id=request.event_id)
            return pb.OpenSubjectRequestResponse(subject_request=convert.subject_request_message(opened))

        return await self._exactly_once("OpenSubjectRequest", request, fields, record, pb.OpenSubjectRequestResponse)

    async def CloseSubjectRequest(
        self, request: pb.CloseSubjectRequestRequest, context: Any
    ) -> pb.CloseSubjectRequestResponse:
        end = convert.closing(request)
        fields = (end.request_id, end.state.value, end.actor, end.reason)

        async def record(connection: Connection) -> pb.CloseSubjectRequestResponse:
            closed = await self._subjects.close(connection, request.store_id, end, event_id=request.event_id)
            return pb.CloseSubjectRequestResponse(subject_request=convert.subject_request_message(closed))

        return await self._exactly_once("CloseSubjectRequest", request, fields, record, pb.CloseSubjectRequestResponse)

    async def ListSubjectRequests(
        self, request: pb.ListSubjectRequestsRequest, context: Any
    ) -> pb.ListSubjectRequestsResponse:
        size = convert.page_size(request.page_size, default=100, most=500)
        found = await self._subjects.list_requests(
            store_id=request.store_id or None,
            state=convert.subject_state(request.state),
            after=_subject_cursor(request.page_token),
            limit=size + 1,
        )
        token = ""
        if len(found) > size:
            last = found[size - 1]
            token = convert.encode_token(f"{last.due_at.isoformat()}|{last.request_id}")
        messages = [convert.subject_request_message(item) for item in found[:size]]
        return pb.ListSubjectRequestsResponse(subject_requests=messages, next_page_token=token)

    async def CountEffects(
        self, request: common_pb2.CountEffectsRequest, context: Any
    ) -> common_pb2.CountEffectsResponse:
        counts = {**await self._once.count(request.store_id), **await self._audit.count(request.store_id)}
        return common_pb2.CountEffectsResponse(
            counts=[common_pb2.EffectCount(method=method, count=count) for method, count in sorted(counts.items())]
        )

    async def _append(
        self, requests: Sequence[_Request], parse: Callable[[_Request], AuditEntry]
    ) -> list[Appended | KikiError]:
        """An outcome per request: unreadable ones fail alone."""
        if len(requests) > MAX_BATCH:
            raise BadField(f"a batch has at most {MAX_BATCH} requests, got {len(requests)}", reason="BATCH_TOO_LARGE")
        outcomes: list[Appended | KikiError | None] = []
        entries: list[AuditEntry] = []
        for request in requests:
            try:
                entries.append(parse(request))
                outcomes.append(None)
            except KikiError as error:
                outcomes.append(error)
        appended = iter(await self._audit.append(entries))
        return [next(appended) if outcome is None else outcome for outcome in outcomes]

    async def _exactly_once(
        self,
        method: str,
        request: Any,
        fields: tuple[object, ...],
        work: Callable[[Connection], Awaitable[_Response]],
        answer: type[_Response],
    ) -> _Response:
        item = OnceItem(
            convert.store(request.store_id),
            convert.identifier("event_id", request.event_id),
            semantic_digest(method, *fields),
            None,
        )

        async def run(connection: Connection, fresh: Sequence[OnceItem[None]]) -> Sequence[bytes | KikiError]:
            return [(await work(connection)).SerializeToString() for _ in fresh]

        (outcome,) = await self._once.run(method, [item], run, durable=True)
        if isinstance(outcome, KikiError):
            raise outcome
        return answer.FromString(outcome)


def _subject_cursor(token: str) -> tuple[dt.datetime, int] | None:
    if not token:
        return None
    due_text, _, request_id = convert.decode_token(token).partition("|")
    wrong = BadField("the page token is not one of ours", reason="BAD_PAGE_TOKEN")
    try:
        due_at, number = dt.datetime.fromisoformat(due_text), int(request_id)
    except ValueError:
        raise wrong from None
    if due_at.tzinfo is None or not 0 <= number < 2**63:
        raise wrong
    return due_at, number


def _raised(outcome: Appended | KikiError) -> Appended:
    if isinstance(outcome, KikiError):
        raise outcome
    return outcome


def _item_error(error: KikiError) -> common_pb2.ItemError:
    code, reason, message = item_error(error)
    return common_pb2.ItemError(code=code, reason=reason, message=message)

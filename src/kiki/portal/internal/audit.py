"""The audit log: who did what, and whether it stands as it was written."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query

from kiki.kit.grpc.times import time_to_proto
from kiki.portal.access import documented_key
from kiki.portal.convert import message_json
from kiki.portal.internal.answers.audit import HASHES, AuditPage, AuditVerification
from kiki.portal.internal.pages import Cursor, Limit
from kiki.portal.internal.schemas import Instant
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Injected
from kiki.rpc.v1 import syncshield_pb2 as shield

router = AnswerRouter(prefix="/internal/audit", tags=["audit"], dependencies=[documented_key])

Kind = Literal["data_access", "webhook", "key", "subject_request", "decryption"]
_VERIFY_SECONDS = 30.0
_StoreId = Annotated[int, Path(ge=0, lt=2**63, description="The store; 0: what concerns the whole installation.")]
_Identifier = Annotated[str, Query(max_length=200, pattern=r"^[^@\x00]*$")]
_Index = Annotated[int, Query(ge=0, lt=2**63)]


@router.get("/{store_id}", operation_id="list_audit_events", summary="List a store's audit log, newest first")
async def list_events(
    services: Injected,
    store_id: _StoreId,
    kind: Kind | None = None,
    actor: _Identifier = "",
    resource_type: _Identifier = "",
    resource_id: Annotated[_Identifier, Query(description="Together with `resource_type`.")] = "",
    occurred_from: Annotated[Instant | None, Query(description="Happened then or later.")] = None,
    occurred_to: Annotated[Instant | None, Query(description="Happened before.")] = None,
    oldest_first: Annotated[bool, Query(description="In the order of the chain.")] = False,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> AuditPage:
    """A store that was removed keeps its log; one that nothing happened to has an empty one."""
    request = shield.ListAuditEventsRequest(
        store_id=store_id,
        kind=f"AUDIT_KIND_{kind.upper()}" if kind else None,
        actor=actor,
        resource_type=resource_type,
        resource_id=resource_id,
        occurred_from=None if occurred_from is None else time_to_proto(occurred_from),
        occurred_to=None if occurred_to is None else time_to_proto(occurred_to),
        descending=not oldest_first,
        page_size=limit,
        page_token=cursor,
    )
    answer = await services.clients.syncshield.call("ListAuditEvents", request, shield.ListAuditEventsResponse)
    return {"events": [_event(event) for event in answer.events], "next_cursor": answer.next_page_token}


@router.get(
    "/{store_id}/verification",
    operation_id="verify_audit_chain",
    summary="Compute the hashes of a store's audit log anew",
)
async def verify(
    services: Injected,
    store_id: _StoreId,
    from_index: Annotated[_Index, Query(description="The first link to check.")] = 0,
    to_index: Annotated[_Index, Query(description="The last link to check; 0: the end.")] = 0,
    previous_hash: Annotated[
        str,
        Query(
            pattern=r"^([0-9a-f]{64})?$",
            description="The hash that the link before `from_index` has to have, as an earlier check told it; in"
            " hexadecimal. Empty: the stored one is trusted.",
        ),
    ] = "",
) -> AuditVerification:
    """A long log is checked in ranges: each begins where the one before ended, with its `last_hash`.

    With the `length` and the `head_hash` of an earlier check, kept elsewhere, as `from_index` and `previous_hash`, a
    log that was cut off or written anew since then is found out.
    """
    request = shield.VerifyAuditChainRequest(
        store_id=store_id, from_index=from_index, to_index=to_index, previous_hash=bytes.fromhex(previous_hash)
    )
    found = await services.clients.syncshield.call(
        "VerifyAuditChain", request, shield.VerifyAuditChainResponse, timeout_seconds=_VERIFY_SECONDS
    )
    return {
        "store_id": store_id,
        "ok": found.ok,
        "checked": found.checked,
        "reason": found.reason,
        "first_bad_index": None if found.ok else found.first_bad_index,
        "length": found.length,
        "head_hash": found.head_hash.hex(),
        "last_hash": found.last_hash.hex(),
    }


def _event(event: shield.AuditEvent) -> dict[str, Any]:
    return {**message_json(event), **{name: getattr(event, name).hex() for name in HASHES}}

"""Addresses that mail servers refused for good: no marketing goes there until somebody lifts it."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import Path, Query

from kiki.kit.digest import event_id
from kiki.orchestrator.calls.accesses import access_intent
from kiki.orchestrator.calls.intents import enqueue
from kiki.portal.access import documented_key
from kiki.portal.convert import message_json
from kiki.portal.internal.answers.bounces import BouncePage, Lifted
from kiki.portal.internal.pages import Cursor, StoreId
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected
from kiki.rpc.v1 import syncengage_pb2 as engage

router = AnswerRouter(prefix="/internal/bounces", tags=["mail"], dependencies=[documented_key])

_Limit = Annotated[int, Query(ge=1, le=200, description="Rows of a page.")]
_Key = Annotated[str, Path(min_length=1, max_length=256, description="`customer_key` of the list.")]


@router.get("/{store_id}", operation_id="list_bounces", summary="List addresses that were refused, newest first")
async def list_all(services: Injected, store_id: StoreId, limit: _Limit = 100, cursor: Cursor = "") -> BouncePage:
    """Whose they are, when and why; never the address itself."""
    async with services.database.connection() as connection:
        await services.check_store(connection, store_id)
    request = engage.ListBouncesRequest(store_id=store_id, page_size=limit, page_token=cursor)
    answer = await services.clients.syncengage.call("ListBounces", request, engage.ListBouncesResponse)
    return {"bounces": [message_json(each) for each in answer.bounces], "next_cursor": answer.next_page_token}


@router.post("/{store_id}/{customer_key}/lift", operation_id="lift_bounce", summary="Write to an address again")
async def lift(services: Injected, actor: Actor, store_id: StoreId, customer_key: _Key) -> Lifted:
    """Once the mailbox is there again. A mail that is taken lifts it by itself."""
    async with services.database.connection() as connection:
        await services.check_store(connection, store_id)
    request = engage.LiftBounceRequest(
        store_id=store_id,
        event_id=event_id(store_id, "bounce_lift", customer_key, uuid.uuid4().hex),
        customer_key=customer_key,
    )
    answer = await services.clients.syncengage.call("LiftBounce", request, engage.LiftBounceResponse)
    async with services.database.transaction() as connection:
        intent = access_intent(
            store_id=store_id,
            actor=actor,
            action="bounce.lift",
            resource_type="customer",
            resource_id=customer_key,
            purpose="manual",
            occurred_at=services.clock.now(),
        )
        await enqueue(connection, services.sealer, [intent])
    return message_json(answer)

"""Agent calls that were refused for good: list them, and queue them again once their cause is mended."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal, cast

from fastapi import Path, Query
from starlette.status import HTTP_202_ACCEPTED

from kiki.kit.errors import NotFound
from kiki.orchestrator.calls.accesses import access_intent
from kiki.orchestrator.calls.intents import enqueue
from kiki.orchestrator.calls.queries import DeadCallView, list_dead, replay_dead
from kiki.portal.access import documented_key
from kiki.portal.internal.answers.deliveries import DeadCall, DeadCallPage
from kiki.portal.internal.answers.shared import Accepted
from kiki.portal.internal.pages import Cursor, Limit, StoreFilter, StoreId, decode_cursor, encode_cursor
from kiki.portal.internal.schemas import ReplayCallsBody
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected

router = AnswerRouter(prefix="/internal/dead-calls", tags=["calls"], dependencies=[documented_key])

_Agent = Literal["syncvalue", "syncflow", "syncledger", "synccreate", "syncengage", "syncshield"]


@router.get("", operation_id="list_dead_calls", summary="List agent calls that were refused for good, newest first")
async def list_all(
    services: Injected,
    store_id: StoreFilter = None,
    agent: Annotated[_Agent | None, Query(description="Only to this agent.")] = None,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> DeadCallPage:
    """Why each was refused; never what it carried."""
    before = decode_cursor(cursor, (int,))
    async with services.database.connection() as connection:
        await services.check_store(connection, store_id)
        found = await list_dead(
            connection, store_id=store_id, agent=agent, before_id=before[0] if before else None, limit=limit
        )
    last = encode_cursor(found[-1].call_id) if len(found) == limit else ""
    return {"calls": [_json(call) for call in found], "next_cursor": last}


@router.get("/{call_id}", operation_id="get_dead_call", summary="Show a call that was refused for good")
async def show(services: Injected, call_id: Annotated[int, Path(ge=1, lt=2**63 - 1)]) -> DeadCall:
    """Why it was refused, and after how many attempts; never what it carried."""
    async with services.database.connection() as connection:
        found = await list_dead(connection, before_id=call_id + 1, limit=1)
    if not found or found[0].call_id != call_id:
        raise NotFound(f"there is no dead call {call_id}; a replayed one is in the queue again", reason="UNKNOWN_CALL")
    return _json(found[0])


@router.post(
    "/{store_id}/replay",
    operation_id="replay_dead_calls",
    status_code=HTTP_202_ACCEPTED,
    summary="Queue a store's dead calls again",
)
async def replay(services: Injected, actor: Actor, store_id: StoreId, body: ReplayCallsBody) -> Accepted:
    """The named ones, or all. The event id stays, so what took effect after all is not done twice."""
    async with services.database.transaction() as connection:
        await services.stores.get(connection, store_id)
        replayed = await replay_dead(connection, store_id=store_id, call_ids=body.call_ids)
        intent = access_intent(
            store_id=store_id,
            actor=actor,
            action="calls.replay",
            resource_type="store",
            resource_id=str(store_id),
            occurred_at=services.clock.now(),
        )
        await enqueue(connection, services.sealer, [intent])
    return {"replayed": replayed}


def _json(call: DeadCallView) -> DeadCall:
    return cast("DeadCall", dataclasses.asdict(call))

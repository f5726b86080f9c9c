"""Deliveries and dead letters: list, show, replay."""

from __future__ import annotations

import base64
import dataclasses
from typing import Annotated, Literal, cast

from fastapi import Path, Query
from starlette.status import HTTP_202_ACCEPTED

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.calls.accesses import access_intent
from kiki.orchestrator.calls.intents import enqueue
from kiki.orchestrator.inbox.audit import WHOLE_INSTALLATION
from kiki.orchestrator.inbox.queries import (
    DeliveryFilter,
    DeliveryView,
    get_delivery,
    list_deliveries,
    replay,
    replay_filtered,
)
from kiki.portal.access import documented_key
from kiki.portal.audit import note
from kiki.portal.internal.answers.deliveries import Delivery, DeliveryBody, DeliveryDetails, DeliveryPage
from kiki.portal.internal.answers.shared import Accepted
from kiki.portal.internal.pages import Cursor, Limit, StoreFilter, check_range, decode_cursor, encode_cursor
from kiki.portal.internal.schemas import Instant, ReplayBody
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected, Services

router = AnswerRouter(prefix="/internal", tags=["deliveries"], dependencies=[documented_key])

Status = Literal["queued", "waiting", "parked", "settled", "ignored", "dead"]
"""`queued` is another word for `waiting`."""
_DeliveryId = Annotated[int, Path(ge=1, lt=2**63)]
_Topic = Annotated[str | None, Query(max_length=200)]


@router.get("/deliveries", operation_id="list_deliveries", summary="List deliveries, newest first")
async def list_all(
    services: Injected,
    status: Status | None = None,
    topic: _Topic = None,
    store_id: StoreFilter = None,
    received_from: Instant | None = None,
    received_to: Instant | None = None,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> DeliveryPage:
    """Never the body: that is shown for one delivery at a time."""
    check_range("received", received_from, received_to)
    return await _page(
        services, DeliveryFilter(_status(status), store_id, topic, received_from, received_to), limit, cursor
    )


@router.get("/dead-letters", operation_id="list_dead_letters", summary="List dead letters, newest first")
async def list_dead(
    services: Injected, topic: _Topic = None, store_id: StoreFilter = None, limit: Limit = 100, cursor: Cursor = ""
) -> DeliveryPage:
    """The same as deliveries with the status `dead`."""
    return await _page(services, DeliveryFilter("dead", store_id, topic), limit, cursor)


@router.get("/deliveries/{delivery_id}", operation_id="get_delivery", summary="Show a delivery with every run")
async def show(
    services: Injected,
    actor: Actor,
    delivery_id: _DeliveryId,
    body: Annotated[bool, Query(description="Open the raw body; written to the audit log.")] = False,
) -> DeliveryDetails:
    """The body may hold personal data: who opens it is audited in the same transaction."""
    async with services.database.transaction() as connection:
        found = await get_delivery(connection, services.sealer, delivery_id)
        if body:
            intent = access_intent(
                store_id=found.view.store_id,
                actor=actor,
                action="read",
                resource_type="delivery",
                resource_id=str(delivery_id),
                occurred_at=services.clock.now(),
            )
            await enqueue(connection, services.sealer, [intent])
    details = {
        **_view(found.view),
        "headers": found.headers,
        "sha256": found.sha256.hex(),
        "runs": [dataclasses.asdict(run) for run in found.runs],
        **(_body(found.body) if body else {}),
    }
    return cast("DeliveryDetails", details)


@router.post(
    "/deliveries/{delivery_id}/replay",
    operation_id="replay_delivery",
    status_code=HTTP_202_ACCEPTED,
    summary="Work on a delivery again",
)
async def replay_one(services: Injected, actor: Actor, delivery_id: _DeliveryId) -> Accepted:
    """In the bulk lane. What it did before is not done twice: effects carry the fact's identity, not the delivery's."""
    async with services.database.transaction() as connection:
        store_id = (await get_delivery(connection, services.sealer, delivery_id)).view.store_id
        await note(
            services,
            connection,
            store_id=store_id,
            actor=actor,
            action="delivery.replay",
            resource=("delivery", delivery_id),
        )
        return {"replayed": await replay(connection, [delivery_id], requested_by=actor)}


@router.post(
    "/deliveries/replay",
    operation_id="replay_deliveries",
    status_code=HTTP_202_ACCEPTED,
    summary="Work on deliveries again, by filter",
    openapi_extra={"responses": {"404": {"$ref": "#/components/responses/NotFound"}}},
)
async def replay_many(services: Injected, actor: Actor, body: ReplayBody) -> Accepted:
    """Named ones, or what a filter finds, the newest first, up to `limit`. What is still under way is left alone."""
    if not body.model_dump(exclude={"limit"}, exclude_none=True):
        raise InvalidInput("a replay names deliveries or gives a filter", reason="NO_FILTER")
    check_range("received", body.received_from, body.received_to)
    async with services.database.transaction() as connection:
        if body.delivery_ids is not None:
            replayed = await replay(connection, body.delivery_ids, requested_by=actor)
        else:
            await services.check_store(connection, body.store_id)
            wanted = DeliveryFilter(
                _status(body.status), body.store_id, body.topic, body.received_from, body.received_to
            )
            replayed = await replay_filtered(connection, wanted, limit=body.limit, requested_by=actor)
        await note(
            services,
            connection,
            store_id=body.store_id or WHOLE_INSTALLATION,
            actor=actor,
            action="deliveries.replay",
            resource=("deliveries", _asked(body)),
            purpose=f"replayed={replayed}",
        )
    return {"replayed": replayed}


def _asked(body: ReplayBody) -> str:
    """Which deliveries were named, or by what they were found."""
    if body.delivery_ids is not None:
        return ",".join(map(str, body.delivery_ids))
    given = body.model_dump(mode="json", exclude={"store_id", "delivery_ids"}, exclude_none=True)
    return " ".join(f"{name}={value}" for name, value in given.items())


def _status(status: str | None) -> str | None:
    return "waiting" if status == "queued" else status


async def _page(services: Services, wanted: DeliveryFilter, limit: int, cursor: str) -> DeliveryPage:
    before = decode_cursor(cursor, (int,))
    if before is not None:
        wanted = dataclasses.replace(wanted, before_id=before[0])
    async with services.database.connection() as connection:
        await services.check_store(connection, wanted.store_id)
        found = await list_deliveries(connection, wanted, limit=limit)
    last = encode_cursor(found[-1].delivery_id) if len(found) == limit else ""
    return {"deliveries": [_view(view) for view in found], "next_cursor": last}


def _view(view: DeliveryView) -> Delivery:
    return cast("Delivery", {**dataclasses.asdict(view), "lane": view.lane.name.lower()})


def _body(raw: bytes) -> DeliveryBody:
    """As text where it is UTF-8, otherwise in base64."""
    try:
        return {"body": raw.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(raw).decode()}

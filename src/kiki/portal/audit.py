"""What the audit log is told: of webhooks that were not kept, and of who did what."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from kiki.kit.database import Connection
from kiki.kit.grpc.times import time_to_proto
from kiki.orchestrator.calls.accesses import access_intent
from kiki.orchestrator.calls.intents import enqueue
from kiki.rpc.v1 import syncshield_pb2

if TYPE_CHECKING:
    from kiki.portal.services import Services


async def note(
    services: Services,
    connection: Connection,
    *,
    store_id: int,
    actor: str,
    action: str,
    resource: tuple[str, object],
    purpose: str = "",
) -> None:
    """Who did what to a resource (its kind and its id), in the caller's transaction."""
    kind, identity = resource
    intent = access_intent(
        store_id=store_id,
        actor=actor,
        action=action,
        resource_type=kind,
        resource_id=str(identity),
        purpose=purpose,
        occurred_at=services.clock.now(),
    )
    await enqueue(connection, services.sealer, [intent])


async def note_alone(
    services: Services, *, store_id: int, actor: str, action: str, resource: tuple[str, object], purpose: str = ""
) -> None:
    """`note` in a transaction of its own, for what an agent has done already."""
    async with services.database.transaction() as connection:
        await note(
            services, connection, store_id=store_id, actor=actor, action=action, resource=resource, purpose=purpose
        )


def webhook_event(
    *, store_id: int, event_id: str, platform: str, topic: str, verified: bool, count: int, occurred_at: dt.datetime
) -> bytes:
    """A serialized `LogWebhookEventRequest` for deliveries whose body was not kept."""
    return syncshield_pb2.LogWebhookEventRequest(
        store_id=store_id,
        event_id=event_id,
        platform=platform,
        topic=topic,
        verified=verified,
        count=count,
        occurred_at=time_to_proto(occurred_at),
    ).SerializeToString()

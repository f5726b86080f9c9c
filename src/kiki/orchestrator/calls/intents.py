"""Asking for agent calls: rows that are written with the decision and sent later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kiki.kit.database import Connection
from kiki.kit.sealing import Sealer
from kiki.orchestrator.lanes import Lane

CHANNEL = "kiki_calls"
"""The notification that wakes dispatchers."""
REQUEST_PURPOSE = "calls.request"
GROUPED = {
    "BatchLogWebhookEvents": "LogWebhookEvent",
    "BatchLogDataAccess": "LogDataAccess",
}
"""Methods whose one intent carries a whole batch request (`repeated … requests = 1`), with the single method's name.

Every request in it has an `event_id` of its own, so that a repeated group is harmless in whole and in part.
"""

_ENQUEUE = """
INSERT INTO calls.queue (agent, lane, store_id, event_id, method, entity, subject, request)
SELECT * FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::bytea[])
"""


@dataclass(frozen=True, slots=True)
class CallIntent:
    """One call that will be made; once written it is never recomputed."""

    store_id: int
    agent: str
    """Lower case: `syncvalue`, `syncflow`, …"""
    method: str
    """The single method, e.g. `UpdateCustomerLTV`, or one of `GROUPED`."""
    lane: Lane
    entity: str
    """Calls of one agent, store and entity are made in order, e.g. `customer:ab12`."""
    subject: str
    """What a view lists it under, e.g. `order:123`."""
    event_id: str
    request: bytes
    """The serialized request; sealed before it reaches a table."""


async def enqueue(connection: Connection, sealer: Sealer, intents: Sequence[CallIntent]) -> None:
    """Write the calls in order, in the caller's transaction."""
    if not intents:
        return
    await connection.execute(
        _ENQUEUE,
        [i.agent for i in intents],
        [int(i.lane) for i in intents],
        [i.store_id for i in intents],
        [i.event_id for i in intents],
        [i.method for i in intents],
        [i.entity for i in intents],
        [i.subject for i in intents],
        [sealer.seal(i.request, store_id=i.store_id, purpose=REQUEST_PURPOSE) for i in intents],
    )
    tags = sorted({wakeup_tag(i.agent, i.lane) for i in intents})
    await connection.execute("SELECT pg_notify('kiki_calls', $1)", " ".join(tags))


def wakeup_tag(agent: str, lane: Lane) -> str:
    """Whom a notification is for."""
    return f"{agent}.{int(lane)}"

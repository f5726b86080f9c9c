"""Asking for agent calls: rows that are written with the decision and sent later."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kiki.kit.bulk import Append, append_rows
from kiki.kit.database import Connection
from kiki.kit.sealing import Sealer
from kiki.orchestrator.lanes import Lane

CHANNEL = "kiki_calls"
"""The notification that wakes dispatchers."""
WAKE = "SELECT pg_notify('kiki_calls', $1)"
REQUEST_PURPOSE = "calls.request"
GROUPED = {
    "BatchLogWebhookEvents": "LogWebhookEvent",
    "BatchLogDataAccess": "LogDataAccess",
}
"""Methods whose one intent carries a whole batch request (`repeated … requests = 1`), with the single method's name.

Every request in it has an `event_id` of its own, so that a repeated group is harmless in whole and in part.
"""
MIXED = {
    "PutContact": ("BatchEngage", 1),
    "TriggerPostPurchaseFlow": ("BatchEngage", 2),
    "TriggerChurnPrevention": ("BatchEngage", 3),
    "TriggerUpsellFlow": ("BatchEngage", 4),
}
"""Methods that travel in one batch with others: its name, and the field that holds the request in its items.

The agent does the items of one entity in their order, so that several of them may stand in one batch. What it says of
a single item is final: only a whole batch fails for the moment.
"""

_QUEUE = Append(
    "calls",
    "queue",
    {
        "agent": "text",
        "lane": "smallint",
        "store_id": "bigint",
        "event_id": "text",
        "method": "text",
        "entity": "text",
        "subject": "text",
        "request": "bytea",
    },
)


class CallIntent(msgspec.Struct, frozen=True, gc=False):
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
    """Write the calls in order, in the caller's transaction, and wake their dispatchers when it commits."""
    wake = await queue_calls(connection, sealer, intents)
    if wake:
        await connection.execute(WAKE, wake)


async def queue_calls(connection: Connection, sealer: Sealer, intents: Sequence[CallIntent]) -> str:
    """`enqueue` without the waking: whom to wake, empty when there is nothing to do."""
    if not intents:
        return ""
    seal = sealer.seal
    rows = [
        (
            i.agent,
            int(i.lane),
            i.store_id,
            i.event_id,
            i.method,
            i.entity,
            i.subject,
            seal(i.request, store_id=i.store_id, purpose=REQUEST_PURPOSE),
        )
        for i in intents
    ]
    await append_rows(connection, [(_QUEUE, rows)])
    return " ".join(sorted({wakeup_tag(i.agent, i.lane) for i in intents}))


def wakeup_tag(agent: str, lane: Lane) -> str:
    """Whom a notification is for."""
    return f"{agent}.{int(lane)}"

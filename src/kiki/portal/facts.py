"""Handing the orchestrator something to decide: an internal delivery, stored in the caller's transaction."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from kiki.kit.database import Connection
from kiki.kit.sealing import Sealer
from kiki.orchestrator.inbox.deliveries import NewDelivery, duplicate_key, store_deliveries
from kiki.orchestrator.inbox.protocol import INTERNAL_PLATFORM, InternalFact
from kiki.orchestrator.lanes import Lane


async def add_fact(
    connection: Connection,
    sealer: Sealer,
    *,
    store_id: int,
    kind: str,
    body: dict[str, Any],
    now: dt.datetime,
    lane: Lane = Lane.LIVE,
    identity: str = "",
) -> bool:
    """Store a fact; False when one with the same identity and content is known. Without an identity each is new."""
    encoded = InternalFact(kind, body).encode()
    delivery = NewDelivery(
        store_id=store_id,
        platform=INTERNAL_PLATFORM,
        topic=kind,
        key=duplicate_key(kind, identity or uuid.uuid4().hex, "portal", "", encoded),
        received_at=now,
        triggered_at="",
        headers={},
        signature="",
        body=encoded,
        lane=lane,
        origin="internal",
    )
    (new,) = await store_deliveries(connection, sealer, [delivery])
    return new

"""The audit of a batch of webhooks: one call intent that carries one SyncShield request per delivery."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from kiki.kit.database import Record
from kiki.kit.digest import event_id
from kiki.orchestrator.calls.intents import CallIntent
from kiki.orchestrator.inbox.queue import Entry
from kiki.orchestrator.lanes import Lane
from kiki.rpc.v1 import syncshield_pb2

WHOLE_INSTALLATION = 0
"""The store number of a call that concerns several stores."""


def audit_of(entries: Sequence[Entry], rows: Mapping[int, Record], lane: Lane) -> CallIntent | None:
    """One intent for what came from webhooks and is worked on for the first time; None when there is nothing."""
    batch = syncshield_pb2.BatchLogWebhookEventsRequest()
    add = batch.requests.add
    count, first = 0, ""
    for position, entry in enumerate(entries):
        row = rows.get(position)
        if row is None or row[3] != "webhook" or entry.run or entry.was_parked:
            continue
        name = event_id(entry.store_id, "webhook", str(entry.delivery_id))
        first = first or name
        add(
            store_id=entry.store_id,
            event_id=name,
            platform=row[1],
            topic=row[2],
            payload_digest=row[7],
            signature_digest=hashlib.sha256(row[6].encode("utf-8", "surrogatepass")).digest() if row[6] else b"",
            verified=True,
            occurred_at=entry.received_at,
        )
        count += 1
    if not count:
        return None
    group = event_id(WHOLE_INSTALLATION, "webhooks", first, count)
    return CallIntent(
        store_id=WHOLE_INSTALLATION,
        agent="syncshield",
        method="BatchLogWebhookEvents",
        lane=lane,
        entity=f"webhooks:{group}",
        subject="",
        event_id=group,
        request=batch.SerializeToString(),
    )

"""The audit of a batch of webhooks: call intents that carry one SyncShield request per delivery."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from kiki.kit.database import Record
from kiki.kit.digest import event_id
from kiki.kit.grpc.times import time_to_proto
from kiki.orchestrator.calls.intents import CallIntent
from kiki.orchestrator.inbox.queue import Entry
from kiki.orchestrator.lanes import Lane
from kiki.rpc.v1 import syncshield_pb2

WHOLE_INSTALLATION = 0
"""The store number of a call that concerns several stores."""
MOST_REQUESTS = 300
"""Requests in one intent: an agent takes no more in one batch."""


def audits_of(entries: Sequence[Entry], rows: Mapping[int, Record], lane: Lane) -> list[CallIntent]:
    """Intents for what came from webhooks and is worked on for the first time, as few as SyncShield takes at a time."""
    audited = [
        (entry, row)
        for position, entry in enumerate(entries)
        if not (entry.run or entry.was_parked) and (row := rows.get(position)) is not None and row[3] == "webhook"
    ]
    return [_intent(audited[at : at + MOST_REQUESTS], lane) for at in range(0, len(audited), MOST_REQUESTS)]


def _intent(audited: Sequence[tuple[Entry, Record]], lane: Lane) -> CallIntent:
    batch = syncshield_pb2.BatchLogWebhookEventsRequest()
    add = batch.requests.add
    first = ""
    for entry, row in audited:
        name = event_id(entry.store_id, "webhook", str(entry.delivery_id))
        first = first or name
        add(
            store_id=entry.store_id,
            event_id=name,
            platform=row[1],
            topic=row[2],
            payload_digest=row[6],
            signature_digest=hashlib.sha256(row[5].encode("utf-8", "surrogatepass")).digest() if row[5] else b"",
            verified=True,
            occurred_at=time_to_proto(entry.received_at),
        )
    group = event_id(WHOLE_INSTALLATION, "webhooks", first, len(audited))
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

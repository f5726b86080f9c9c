"""What the audit log is told of webhooks that were not kept."""

from __future__ import annotations

import datetime as dt

from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import syncshield_pb2


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

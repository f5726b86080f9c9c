"""Who did what, for the audit log: a call intent, durable in the caller's transaction, made by the dispatcher."""

from __future__ import annotations

import datetime as dt
import uuid

from kiki.kit.digest import event_id as make_event_id
from kiki.kit.grpc.times import time_to_proto
from kiki.orchestrator.calls.intents import CallIntent
from kiki.orchestrator.lanes import Lane
from kiki.rpc.v1 import syncshield_pb2


def access_intent(
    *,
    store_id: int,
    actor: str,
    action: str,
    resource_type: str,
    resource_id: str,
    purpose: str = "",
    occurred_at: dt.datetime,
) -> CallIntent:
    """Who did what to which resource. Every call is an access of its own."""
    identity = make_event_id(store_id, "data_access", f"{action}:{resource_type}:{resource_id}", uuid.uuid4().hex)
    request = syncshield_pb2.LogDataAccessRequest(
        store_id=store_id,
        event_id=identity,
        actor=actor,
        action=action,
        resource_type=resource_type,
        resource_id=resource_id,
        purpose=purpose,
        occurred_at=time_to_proto(occurred_at),
    )
    return CallIntent(
        store_id=store_id,
        agent="syncshield",
        method="LogDataAccess",
        lane=Lane.LIVE,
        entity=f"audit:{store_id}",
        subject=f"{resource_type}:{resource_id}",
        event_id=identity,
        request=request.SerializeToString(),
    )

"""Who did what, for the audit log: a call intent, durable in the caller's transaction, made by the dispatcher."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid

from kiki.kit.digest import event_id as make_event_id
from kiki.kit.grpc.times import time_to_proto
from kiki.orchestrator.calls.intents import CallIntent
from kiki.orchestrator.lanes import Lane
from kiki.rpc.v1 import syncshield_pb2

NAMELESS = "-"
"""Instead of a word that was empty."""
_MOST_CHARACTERS = 200


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
    """Who did what to which resource. Every call is an access of its own.

    The log refuses what is empty, too long or looks like an e-mail address, and what was done must not go without its
    entry for the name of a campaign: such words are shortened, or told by their digest.
    """
    identity = make_event_id(store_id, "data_access", f"{action}:{resource_type}:{resource_id}", uuid.uuid4().hex)
    request = syncshield_pb2.LogDataAccessRequest(
        store_id=store_id,
        event_id=identity,
        actor=_identifier(actor) or NAMELESS,
        action=_identifier(action) or NAMELESS,
        resource_type=_identifier(resource_type) or NAMELESS,
        resource_id=_identifier(resource_id) or NAMELESS,
        purpose=_identifier(purpose),
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


def _identifier(text: str) -> str:
    """As SyncShield takes it."""
    if "@" in text:
        return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
    clean = text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    return clean if len(clean) <= _MOST_CHARACTERS else clean[: _MOST_CHARACTERS - 1] + "\u2026"

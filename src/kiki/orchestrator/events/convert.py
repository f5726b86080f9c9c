"""From a stored event to the JSON that subscribers and views get."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from kiki.rpc.v1 import events_pb2


def event_data(type_name: str, payload: bytes) -> dict[str, Any]:
    """The event's fields by their names in events.proto; empty for a type that this version does not know."""
    known = events_pb2.DESCRIPTOR.message_types_by_name
    name = type_name if type_name in known else f"{type_name}Event"
    if name not in known:
        return {}
    message_type = getattr(events_pb2, name)
    try:
        return MessageToDict(message_type.FromString(payload), preserving_proto_field_name=True)
    except DecodeError:
        return {}


def event_body(
    *, store_id: int, seq: int, type_name: str, subject: str, payload: bytes, occurred_at: dt.datetime
) -> bytes:
    """The body of an outbound webhook; equal for every attempt."""
    return msgspec.json.encode(
        {
            "type": type_name,
            "timestamp": occurred_at,
            "store_id": store_id,
            "seq": seq,
            "subject": subject,
            "data": event_data(type_name, payload),
        }
    )

"""From a stored event to the JSON that subscribers and views get."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import msgspec
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from kiki.kit.errors import InvalidInput
from kiki.rpc.v1 import events_pb2

_SUFFIX = "Event"


def event_types(names: Iterable[str]) -> list[str]:
    """Types as the log has them, `OrderAttributedEvent`, of names with or without the suffix.

    Raises `InvalidInput` for a name that no event has: whoever waited for it would wait for ever.
    """
    known = events_pb2.DESCRIPTOR.message_types_by_name
    found: dict[str, None] = {}
    for name in names:
        written = name if name in known else f"{name}{_SUFFIX}"
        if written not in known:
            types = ", ".join(sorted(known))
            raise InvalidInput(f"one of the types is none of the event log, which has {types}", reason="UNKNOWN_EVENT")
        found[written] = None
    return list(found)


def spellings(types: Iterable[str]) -> list[str]:
    """Types with and without their suffix: rows from before names were checked may hold either."""
    plain = [name.removesuffix(_SUFFIX) for name in types]
    return [*plain, *(f"{name}{_SUFFIX}" for name in plain)]


def event_data(type_name: str, payload: bytes) -> dict[str, Any]:
    """The event's fields by their names in events.proto; empty for a type that this version does not know."""
    known = events_pb2.DESCRIPTOR.message_types_by_name
    name = type_name if type_name in known else f"{type_name}{_SUFFIX}"
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

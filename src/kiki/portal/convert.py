"""Protobuf answers of the agents as JSON values: one rule for all messages."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, cast

from google.protobuf.descriptor import EnumDescriptor, EnumValueDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money as MoneyMessage

from kiki.kit.grpc.money import money_from_proto
from kiki.kit.grpc.times import time_from_proto
from kiki.kit.money import Money


def money_json(money: Money) -> dict[str, str]:
    """An amount as exact decimal text with its currency."""
    text, _, currency = str(money).partition(" ")
    return {"amount": text, "currency": currency}


def message_json(message: Message) -> dict[str, Any]:
    """A message as JSON values: proto names, absent messages as null, enums as short words."""
    fields = cast("Sequence[FieldDescriptor]", message.DESCRIPTOR.fields)
    return {field.name: _field(message, field) for field in fields if _shown(message, field)}


def _shown(message: Message, field: FieldDescriptor) -> bool:
    return field.containing_oneof is None or message.HasField(field.name)


def _field(message: Message, field: FieldDescriptor) -> Any:
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {str(key): value[key] for key in sorted(value)}
    if field.is_repeated:
        return [_one(field, item) for item in value]
    if field.message_type is not None and not message.HasField(field.name):
        return None
    return _one(field, value)


def _one(field: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, MoneyMessage):
        return money_json(money_from_proto(value))
    if isinstance(value, Timestamp):
        return time_from_proto(value).isoformat().replace("+00:00", "Z")
    if isinstance(value, Date):
        return f"{value.year:04d}-{value.month:02d}-{value.day:02d}"
    if isinstance(value, Message):
        return message_json(value)
    if field.enum_type is not None:
        return enum_word(field, value)
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def enum_word(field: FieldDescriptor, number: int) -> str:
    """`CAMPAIGN_STATUS_PAUSED` of the enum `CampaignStatus` as `paused`; unspecified as the empty word."""
    kind = field.enum_type
    assert kind is not None, "only enum fields have words"
    names = kind.values_by_number
    return _word(kind, names[number].name) if number in names else str(number)


def enum_words(kind: EnumDescriptor) -> dict[str, EnumValueDescriptor]:
    """Every word of an enum, in the order of its declaration."""
    return {_word(kind, value.name): value for value in kind.values}


def _word(kind: EnumDescriptor, name: str) -> str:
    prefix = kind.values_by_number[0].name.removesuffix("UNSPECIFIED")
    word = name.removeprefix(prefix).lower()
    return "" if word == "unspecified" else word

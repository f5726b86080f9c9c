"""JSON schemas of the event log's data: events.proto in protobuf's own JSON, as subscribers get it.

It differs from `message_json`: what is unset is left out, 64-bit numbers are text, enumerations are their constants.
"""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from msgspec import Meta

from kiki.portal.message_schemas import REF, MessageSchemas, Schema

EVENTS = "x-events"
"""Stands in the schema of a field `data` beside a field `type`."""
of_event = Meta(extra_json_schema={EVENTS: True}, description="The fields of the event that `type` names.")
"""Marks what holds any event's data."""


def _events() -> Sequence[Descriptor]:
    from kiki.rpc.v1 import events_pb2

    return list(events_pb2.DESCRIPTOR.message_types_by_name.values())


class EventSchemas(MessageSchemas):
    """Component schemas of the events, and of what they hold."""

    def told_apart(self, name: str, schema: Schema) -> tuple[Schema, dict[str, Schema]]:
        """What holds any event, as one of what holds each: `type` says which, and `data` has that event's fields.

        Gives the schema that takes the place of `schema`, and the components that it refers to.
        """
        names = {kind.name: f"{name.removesuffix('Event')}{kind.name}" for kind in _events()}
        parts = {names[kind.name]: self._holding(kind, names[kind.name], schema) for kind in _events()}
        mapping = {kind: f"{REF}{part}" for kind, part in names.items()}
        one = {
            "title": name,
            "description": schema["description"],
            "oneOf": [{"$ref": reference} for reference in mapping.values()],
            "discriminator": {"propertyName": "type", "mapping": mapping},
        }
        return one, parts

    def _holding(self, kind: Descriptor, name: str, schema: Schema) -> Schema:
        fields = {
            **schema["properties"],
            "type": {"type": "string", "const": kind.name, "description": "Which event."},
            "data": self._of_message(kind),
        }
        return {**schema, "title": name, "description": self._said(kind.full_name), "properties": fields}

    def _name(self, kind: Descriptor | EnumDescriptor) -> str:
        name = super()._name(kind)
        return f"{name}Data" if name.endswith("Event") else f"Event{name}"

    def _money(self) -> Schema:
        return {
            "type": "object",
            "title": "EventMoney",
            "description": "An exact amount: whole major units and billionths, of one sign.",
            "properties": {
                "currency_code": {"type": "string", "description": "ISO 4217."},
                "units": {"type": "string", "format": "int64", "description": "Whole major units; left out: none."},
                "nanos": {"type": "integer", "format": "int32", "description": "Billionths; left out: none."},
            },
        }

    def _object(self, kind: Descriptor) -> Schema:
        schema = super()._object(kind)
        schema.pop("required", None)
        return schema

    def _of_enum(self, kind: EnumDescriptor) -> Schema:
        name = self._claim(kind)
        text = self._said(kind.full_name)
        self.components[name] = {
            "type": "string",
            "title": name,
            "enum": [value.name for value in kind.values],
            **({"description": text} if text else {}),
        }
        return {"$ref": f"{REF}{name}"}

    def _shape(self, field: FieldDescriptor) -> Schema:
        if field.is_repeated:
            return super()._shape(field)
        return self._one(field)

    def _one(self, field: FieldDescriptor) -> Schema:
        told = super()._one(field)
        return {"type": "string", "format": "int64"} if told.get("format") == "int64" else told

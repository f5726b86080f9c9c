"""JSON schemas of what `convert.message_json` makes of the agents' messages, from their descriptors and proto comments.

An answer that is a message, or holds one, is annotated with `message(...)`: a marker that is cheap at import. The
OpenAPI document resolves the markers when somebody first asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from msgspec import Meta

from kiki.kit.errors import InvariantBroken
from kiki.portal.convert import enum_words

MARK = "x-message"
WITH = "x-with"
REF = "#/components/schemas/"
Schema = dict[str, Any]

_WHOLE = {
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_UINT64: "int64",
    FieldDescriptor.TYPE_SINT64: "int64",
    FieldDescriptor.TYPE_FIXED64: "int64",
    FieldDescriptor.TYPE_SFIXED64: "int64",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_UINT32: "int64",
    FieldDescriptor.TYPE_SINT32: "int32",
    FieldDescriptor.TYPE_FIXED32: "int64",
    FieldDescriptor.TYPE_SFIXED32: "int32",
}
_BROKEN = (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT)
_CONSTANT = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")
_NULL = {"type": "null"}
_DATE = {"type": "string", "format": "date", "description": "A day, YYYY-MM-DD."}
_TIME = {"type": "string", "format": "date-time", "description": "UTC."}
_MONEY = {
    "type": "object",
    "title": "Money",
    "description": "An exact amount in major units: `12.34` of EUR are 1234 minor units, `1234` of JPY as many.",
    "required": ["amount", "currency"],
    "properties": {
        "amount": {
            "type": "string",
            "pattern": r"^-?[0-9]+(\.[0-9]+)?$",
            "description": "Decimal text with the currency's own number of decimals; never a float.",
            "examples": ["12.34"],
        },
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217.", "examples": ["EUR"]},
    },
}


def message(kind: type[Message], **more: Schema) -> Meta:
    """Marks an answer as what `message_json` makes of a message; `more` are fields that the route adds or changes."""
    mark: Schema = {MARK: cast("Descriptor", kind.DESCRIPTOR).full_name}
    return Meta(extra_json_schema={**mark, WITH: more} if more else mark)


class MessageSchemas:
    """Component schemas of the messages that are asked for, and of what they hold."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}
        self._names: dict[str, str] = {}
        self._reference: dict[str, str] = {}
        self._constants: dict[str, str] = {}

    def resolve(self, schema: Any) -> Any:
        """The schema with references in the place of markers."""
        if isinstance(schema, list):
            return [self.resolve(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        if MARK not in schema:
            return {name: self.resolve(each) for name, each in schema.items()}
        kept = {"description": schema["description"]} if "description" in schema else {}
        told = self._marked(schema[MARK], schema.get(WITH))
        if any(one == _NULL for one in schema.get("anyOf", ())):
            told = {"anyOf": [told, _NULL]}
        return {**told, **kept}

    def _marked(self, full_name: str, more: dict[str, Schema] | None) -> Schema:
        found: Descriptor = _pool().FindMessageTypeByName(full_name)
        if not more:
            return self._of_message(found)
        own = self._object(found)
        required = dict.fromkeys([*more, *own.get("required", ())])
        return {**own, "required": list(required), "properties": {**more, **own["properties"], **more}}

    def _of_message(self, kind: Descriptor) -> Schema:
        """A reference to a message's component, made on the first use."""
        if kind.full_name == "google.protobuf.Timestamp":
            return dict(_TIME)
        if kind.full_name == "google.type.Date":
            return dict(_DATE)
        name = self._claim(kind)
        if name not in self.components:
            self.components[name] = {}
            is_money = kind.full_name == "google.type.Money"
            self.components[name] = self._money() if is_money else self._object(kind)
        return {"$ref": f"{REF}{name}"}

    def _of_enum(self, kind: EnumDescriptor) -> Schema:
        name = self._claim(kind)
        if name not in self.components:
            words = enum_words(kind)
            values = ((word, self._said(f"{kind.full_name}.{each.name}")) for word, each in words.items())
            text = "\n".join(f"- {_quoted(word)}: {said}" for word, said in values if said)
            self.components[name] = {
                "type": "string",
                "title": name,
                "enum": list(words),
                "description": "\n\n".join(filter(None, (self._said(kind.full_name), text))),
            }
        return {"$ref": f"{REF}{name}"}

    def _object(self, kind: Descriptor) -> Schema:
        fields: Sequence[FieldDescriptor] = kind.fields
        schema: Schema = {
            "type": "object",
            "title": self._name(kind),
            "properties": {field.name: self._field(field) for field in fields},
        }
        if required := [field.name for field in fields if field.containing_oneof is None]:
            schema["required"] = required
        if text := self._said(kind.full_name):
            schema["description"] = text
        return schema

    def _field(self, field: FieldDescriptor) -> Schema:
        schema = self._shape(field)
        text = self._said(field.full_name)
        if "description" in schema and text:
            text = f"{text} {schema['description']}"
        return {**schema, "description": text} if text else schema

    def _shape(self, field: FieldDescriptor) -> Schema:
        """The same cases as `convert._field`."""
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            return {"type": "object", "additionalProperties": self._one(inner.fields_by_name["value"])}
        if field.is_repeated:
            return {"type": "array", "items": self._one(field)}
        one = self._one(field)
        if inner is None or field.containing_oneof is not None:
            return one
        if "$ref" in one:
            return {"anyOf": [one, _NULL]}
        return {**one, "type": [one["type"], "null"]}

    def _one(self, field: FieldDescriptor) -> Schema:
        """The same cases as `convert._one`."""
        if field.message_type is not None:
            return self._of_message(field.message_type)
        if field.enum_type is not None:
            return self._of_enum(field.enum_type)
        if field.type in _WHOLE:
            return {"type": "integer", "format": _WHOLE[field.type]}
        if field.type in _BROKEN:
            return {"type": "number"}
        if field.type == FieldDescriptor.TYPE_BYTES:
            return {"type": "string", "contentEncoding": "base64"}
        return {"type": "boolean" if field.type == FieldDescriptor.TYPE_BOOL else "string"}

    def _claim(self, kind: Descriptor | EnumDescriptor) -> str:
        """The component's name; one name is one message."""
        name = self._name(kind)
        if self._names.setdefault(name, kind.full_name) != kind.full_name:
            raise InvariantBroken(f"{kind.full_name} and {self._names[name]} would both be the schema {name}")
        return name

    def _money(self) -> Schema:
        return _MONEY

    def _name(self, kind: Descriptor | EnumDescriptor) -> str:
        """`Outer.Inner` as `OuterInner`."""
        return str(kind.full_name.removeprefix("kiki.rpc.v1.").removeprefix("google.type.").replace(".", ""))

    def _said(self, full_name: str) -> str:
        """The reference text of the contract, with the words of this API in the place of enum constants."""
        return _CONSTANT.sub(self._word, self._texts().get(full_name, ""))

    def _word(self, found: re.Match[str]) -> str:
        kind = self._constants.get(found[0])
        if kind is None:
            return found[0]
        words = enum_words(_pool().FindEnumTypeByName(kind))
        return _quoted(next(word for word, value in words.items() if value.name == found[0]))

    def _texts(self) -> dict[str, str]:
        if not self._reference:
            from kiki.rpc.v1.reference import TEXTS

            self._reference = TEXTS
            split = (name.rpartition(".") for name in TEXTS)
            self._constants = {name: kind for kind, _, name in split if _CONSTANT.fullmatch(name)}
        return self._reference


def _pool() -> descriptor_pool.DescriptorPool:
    return descriptor_pool.Default()


def _quoted(word: str) -> str:
    return f"`{word}`" if word else "empty"

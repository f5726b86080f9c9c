"""A value that a schema takes: its own example where it has one, otherwise made of its parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
_MAX_DEPTH = 12
_REF = "#/components/schemas/"
_TEXTS = ("text", "EUR", "2026-03", "0.2", "TEXT", "example.com", "0" * 32, "0" * 64)
"""Tried one after another against a pattern."""
_BY_FORMAT = {
    "date-time": "2026-03-01T12:00:00Z",
    "date": "2026-03-01",
    "uri": "https://example.com/",
    "password": "secret",
}


class Samples:
    """Examples by the component schemas of one document."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._schemas = schemas

    def of(self, schema: Schema, depth: int = 0) -> Any:
        """One value; what may be left out of a recursive schema is."""
        if "$ref" in schema:
            return self.of(self._schemas[str(schema["$ref"]).removeprefix(_REF)], depth + 1)
        for told in ("examples", "enum"):
            if schema.get(told):
                return schema[told][0]
        for told in ("const", "default"):
            if told in schema:
                return schema[told]
        if any(schema.get(kind) for kind in ("oneOf", "anyOf")):
            return self.of(_first(schema.get("oneOf") or schema["anyOf"]), depth + 1)
        return self._made(schema, depth)

    def _made(self, schema: Schema, depth: int) -> Any:
        kind = schema.get("type")
        if isinstance(kind, list):
            return self._made({**schema, "type": kind[0]}, depth)
        if kind == "object" or "properties" in schema:
            return self._object(schema, depth)
        if kind == "array":
            return self._list(schema, depth)
        if kind in ("integer", "number"):
            return _number(schema)
        if kind == "boolean":
            return True
        return _text(schema) if kind == "string" else None if kind == "null" else {}

    def _list(self, schema: Schema, depth: int) -> list[Any]:
        several = max(1, schema.get("minItems", 0))
        return [] if depth > _MAX_DEPTH else [self.of(schema.get("items", {}), depth + 1)] * several

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        return {
            name: self.of(field, depth + 1)
            for name, field in schema.get("properties", {}).items()
            if name in required or depth <= _MAX_DEPTH
        }


def _first(kinds: Sequence[Schema]) -> Schema:
    return next((kind for kind in kinds if kind.get("type") != "null"), kinds[0])


def _number(schema: Schema) -> int:
    if "exclusiveMinimum" in schema:
        return int(schema["exclusiveMinimum"]) + 1
    return int(max(schema.get("minimum", 1), min(1, schema.get("maximum", 1))))


def _text(schema: Schema) -> str:
    if schema.get("format") in _BY_FORMAT:
        return _BY_FORMAT[schema["format"]]
    pattern = schema.get("pattern", "")
    return next((text for text in _TEXTS if re.search(pattern, text)), _TEXTS[0])[: schema.get("maxLength")]

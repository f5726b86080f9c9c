"""Schemas as people read them: a line per field with its type, its limits and what it says."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
_REF = "#/components/schemas/"
_LIMITS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "&gt; {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "&lt; {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "pattern": "matches <code>{}</code>",
    "default": "default <code>{}</code>",
}
_UNTOLD = "anything"


def prose(text: str) -> str:
    """Paragraphs; what stands in backticks is code."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip()]
    return "".join(f"<p>{line(paragraph)}</p>" for paragraph in paragraphs)


def line(text: str) -> str:
    """A sentence, escaped."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def code(value: object) -> str:
    """A value as it is written."""
    return f"<code>{html.escape(str(value))}</code>"


def type_of(schema: Schema) -> str:
    """The type in words; another schema is a link to it."""
    if "$ref" in schema:
        name = str(schema["$ref"]).removeprefix(_REF)
        return f'<a href="#schema-{html.escape(name)}">{html.escape(name)}</a>'
    for several in ("anyOf", "oneOf"):
        if schema.get(several):
            return " or ".join(dict.fromkeys(type_of(each) for each in schema[several]))
    if "const" in schema:
        return code(json.dumps(schema["const"]))
    if schema.get("enum"):
        return " · ".join(code(each) for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {type_of(schema['additionalProperties'])}"
    told = schema.get("type", _UNTOLD)
    kind = html.escape(" or ".join(told) if isinstance(told, list) else str(told))
    return f"{kind} ({html.escape(str(schema['format']))})" if "format" in schema else kind


def fields(schema: Schema) -> str:
    """Every property with whether it must be there."""
    required = schema.get("required", ())
    told = schema.get("properties", {})
    return _list(_entry(name, field, must=name in required) for name, field in told.items())


def parameters(told: Iterable[Mapping[str, Any]]) -> str:
    """Every parameter with where it stands: path, query or header."""
    return _list(
        _entry(
            each["name"],
            {"description": each.get("description", ""), **_given(each["schema"])},
            must=bool(each.get("required")),
            where=each["in"],
        )
        for each in told
    )


def _given(schema: Schema) -> Schema:
    """A parameter is left out where a field would be null."""
    if "anyOf" not in schema:
        return schema
    return {**schema, "anyOf": [each for each in schema["anyOf"] if each.get("type") != "null"]}


def limits(schema: Schema) -> list[str]:
    """What a value has to keep, of a schema or of what it may be."""
    found = [
        text.format(html.escape(_written(schema[name])))
        for name, text in _LIMITS.items()
        if schema.get(name) not in (None, "", [], {})
    ]
    return list(dict.fromkeys([*found, *(one for each in schema.get("anyOf", ()) for one in limits(each))]))


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _list(entries: Iterator[str] | Iterable[str]) -> str:
    rows = "".join(entries)
    return f"<dl>{rows}</dl>" if rows else ""


def _entry(name: str, schema: Schema, *, must: bool, where: str = "") -> str:
    told = [type_of(schema), *limits(schema), *([where] if where else [])]
    mark = ' <span class="must">required</span>' if must else ""
    text = line(str(schema.get("description", "")))
    inner = "".join(fields(each) for each in _inner(schema))
    return f'<dt>{code(name)}{mark} <span class="soft">{", ".join(told)}</span></dt><dd>{text}{inner}</dd>'


def _inner(schema: Schema) -> Iterator[Schema]:
    """Objects that stand in a field itself and have no name to be found by."""
    if "properties" in schema:
        yield schema
    for each in (schema.get("items"), schema.get("additionalProperties"), *schema.get("anyOf", ())):
        if isinstance(each, Mapping):
            yield from _inner(each)

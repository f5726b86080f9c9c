"""Holds every answer of a portal to the OpenAPI document that it serves: nothing missing, nothing unnamed."""

from __future__ import annotations

import re
from functools import cache
from types import SimpleNamespace
from typing import Any

import httpx
import schemathesis
from schemathesis.specs.openapi.schemas import OpenApiSchema

from kiki.portal.app import build_app

_GUARDED = ("/internal/", "/reports/")
_PARAMETER = re.compile(r"\\\{\w+\\\}")


@cache
def document() -> dict[str, Any]:
    """The document that every portal of this version serves: it depends on the code alone."""
    settings = SimpleNamespace(max_body_bytes=1, api_keys=())
    app: Any = build_app(SimpleNamespace(settings=settings))  # type: ignore[arg-type]
    while not hasattr(app, "openapi"):
        app = app._app
    found: dict[str, Any] = app.openapi()
    return found


async def check_answer(answer: httpx.Response) -> None:
    """An event hook of a client: looks at what is behind the key, and leaves routes alone that do not exist."""
    path, method = answer.request.url.path, answer.request.method
    pattern = _pattern(path, method) if path.startswith(_GUARDED) else None
    if pattern is None:
        return
    await answer.aread()
    known = document()["paths"][pattern][method.lower()]["responses"]
    assert str(answer.status_code) in known, f"{method} {pattern} does not name the status {answer.status_code}"
    _strict()[pattern][method].validate_response(answer)


def operation_of(method: str, path: str) -> str | None:
    """The id of the operation that answers."""
    pattern = _pattern(path, method)
    return pattern and str(document()["paths"][pattern][method.lower()]["operationId"])


@cache
def _strict() -> OpenApiSchema:
    return schemathesis.openapi.from_dict(_closed(document()))


def _closed(schema: Any) -> Any:
    """Objects have the named properties and no others."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: _closed(each) for name, each in schema.items()}
    if told.get("type") == "object" and isinstance(told.get("properties"), dict):
        told.setdefault("additionalProperties", False)
    return told


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Paths without parameters first, as the router tries them."""
    paths = sorted(document()["paths"], key=lambda path: path.count("{"))
    return [(path, re.compile(_PARAMETER.sub("[^/]+", re.escape(path)))) for path in paths]


def _pattern(path: str, method: str) -> str | None:
    named = document()["paths"]
    found = (name for name, form in _patterns() if form.fullmatch(path) and method.lower() in named[name])
    return next(found, None)

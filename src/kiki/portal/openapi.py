"""The OpenAPI document: FastAPI's, with the failures that every route may answer, and the webhook routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from kiki.portal.access import is_guarded
from kiki.portal.problems import MEDIA_TYPE

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_PROBLEM_SCHEMA = {
    "type": "object",
    "title": "Problem",
    "description": "An RFC 9457 problem document. `type` and `reason` are stable, `detail` is for people.",
    "required": ["type", "title", "status", "detail", "reason"],
    "properties": {
        "type": {"type": "string", "description": "`urn:kiki:problem:` and the reason."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "reason": {"type": "string", "pattern": "^[A-Z0-9_]+$"},
        "data": {"type": "object", "description": "For machines; for bad input `problems` says where."},
        "request_id": {"type": "string"},
    },
}
_FAILURES = {
    "400": "The body is not JSON.",
    "401": "The signature is missing or wrong, or the store is not connected.",
    "403": "The internal API key is missing or wrong.",
    "404": "What the path names does not exist.",
    "408": "The body did not arrive in time.",
    "409": "Not possible as things stand.",
    "413": "The body is over the limit.",
    "422": "Understood and not usable; `data.problems` says where.",
    "429": "Too much at once.",
    "503": "The database or an agent cannot be reached; try again after `Retry-After`.",
    "504": "An agent did not answer in time.",
}
_WEBHOOK_FAILURES = ("401", "404", "408", "413", "503")
_OPEN = ("/healthz", "/metrics")
"""These answer without the database and without agents."""


def build_document(api: FastAPI) -> dict[str, Any]:
    """The whole document; the routes' own descriptions of a status win over the general one."""
    document = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _add_failures(path, operation)
    document["paths"].update(_webhook_paths())
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM_SCHEMA
    return document


def _add_failures(path: str, operation: dict[str, Any]) -> None:
    """FastAPI documents its own form of 422, which we do not answer."""
    responses = operation["responses"]
    responses.pop("422", None)
    for status in _failures_of(path, operation):
        responses.setdefault(status, _failure(status))


def _failures_of(path: str, operation: dict[str, Any]) -> Iterator[str]:
    """What may go wrong, by what the operation takes."""
    if path in _OPEN:
        return
    if is_guarded(path):
        yield "403"
    if operation.get("parameters") or "requestBody" in operation:
        yield "422"
    if "requestBody" in operation:
        yield from ("400", "413")
    if "{" in path:
        yield from ("404", "409", "429", "504")
    yield "503"


def _failure(status: str) -> dict[str, Any]:
    return {"description": _FAILURES[status], "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}


def _webhook_paths() -> dict[str, Any]:
    """The webhook routes, which FastAPI does not know."""
    operation = {
        "tags": ["webhooks"],
        "summary": "Take in a platform's signed webhook",
        "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
        "responses": {
            "200": {"description": "Stored durably, or known already."},
            **{status: _failure(status) for status in _WEBHOOK_FAILURES},
        },
    }
    return {
        "/webhooks/{platform}/{topic}": {"post": {**operation, "parameters": _path("platform", "topic")}},
        "/webhooks/{platform}/s/{token}/{topic}": {
            "post": {**operation, "parameters": _path("platform", "token", "topic")}
        },
    }


def _path(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]

"""The OpenAPI document: FastAPI's, with what every route answers, how it may fail, and the webhook routes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args, get_type_hints, is_typeddict

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from kiki.kit.errors import InvariantBroken
from kiki.portal.access import is_guarded
from kiki.portal.event_schemas import EVENTS, EventSchemas
from kiki.portal.internal.answers.jobs import RESULTS
from kiki.portal.message_schemas import REF, MessageSchemas, Schema
from kiki.portal.parameter_texts import explain
from kiki.portal.problems import MEDIA_TYPE
from kiki.portal.routing import told_answers

TAGS = {
    "stores": "Connected shops: their rules, what they sign with, how their API is reached, and their pixel.",
    "lifetime value": "The fitted models of customer lifetime value, and how right they were.",
    "promotions": "Days on which a shop sells at a special offer; the seasonal forecast uses them.",
    "deliveries": "Webhooks and what became of them; dead letters and their replay.",
    "calls": "Calls that an agent refused for good, and their replay.",
    "shop": "Orders with their attribution, products with their ads, and the review queue.",
    "touchpoints": "Contacts with campaigns, told by another server.",
    "campaigns": "Campaigns that are managed, ad networks, and a person's hand on either.",
    "contracts": "The terms on which fees are taken, in versions.",
    "ledger": "The proof of a store's books: everything computed anew, and what differs.",
    "events": "What happened in a store, in order, and who is told about it.",
    "experiments": "Hold-out experiments: registered beforehand, read by intention to treat.",
    "jobs": "Background work that somebody asked for, and how far it is.",
    "months": "How far the closing of months is.",
    "exchange rates": "Rates for orders in other currencies than is settled in, and which orders wait for one.",
    "attribution": "Attribution models of a store, and why an order was decided as it was.",
    "audit": "Who did what to which resource, and whether that log stands as it was written.",
    "mail": "Mail addresses that were refused for good, and writing to them again.",
    "creatives": "Ad creatives and their pictures.",
    "reports": "Monthly statements as JSON, CSV and PDF.",
    "webhooks": "Where platforms deliver; every delivery is signed and stored once before it is answered.",
    "collector": "The shop's pixel: its script, its beacons, and opting out.",
    "unsubscribe": "The page behind a mail's unsubscribe link.",
    "health": "Liveness, readiness and metrics.",
}
"""In the order in which they are shown."""

_PROBLEM_SCHEMA: Schema = {
    "type": "object",
    "title": "Problem",
    "description": "An RFC 9457 problem document. `type` and `reason` are stable, `detail` is for people.",
    "required": ["type", "title", "status", "detail", "reason"],
    "properties": {
        "type": {"type": "string", "description": "`urn:kiki:problem:` and the reason."},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {
            "type": "string",
            "description": "What was got and what was wanted; no secret and nothing of a person.",
        },
        "reason": {"type": "string", "pattern": "^[A-Z0-9_]+$", "description": "What to decide by."},
        "data": {"type": "object", "description": "For machines; for bad input `problems` says where."},
        "request_id": {"type": "string", "description": "Names the request in the log."},
    },
    "examples": [
        {
            "type": "urn:kiki:problem:unknown-store",
            "title": "Not Found",
            "status": 404,
            "detail": "there is no store 7",
            "reason": "UNKNOWN_STORE",
            "request_id": "3f0c3c1b5d5e4a0f",
        }
    ],
}
_FAILURES = {
    "400": ("InvalidJson", "The body is not JSON."),
    "401": ("Unauthenticated", "The signature is missing or wrong, or the store is not connected."),
    "403": ("WrongKey", "The internal API key is missing or wrong."),
    "404": ("NotFound", "What the path names does not exist."),
    "408": ("TooSlow", "The body did not arrive in time."),
    "409": ("Conflict", "Not possible as things stand."),
    "413": ("TooLarge", "The body is over the limit."),
    "422": ("InvalidInput", "Understood and not usable; `data.problems` says where."),
    "429": ("TooMany", "Too much at once."),
    "503": ("Unavailable", "The database or an agent cannot be reached; try again after `Retry-After`."),
    "504": ("AgentTooSlow", "An agent did not answer in time."),
}
_RETRY_AFTER = {"description": "Seconds to wait.", "schema": {"type": "string"}}
_WEBHOOK_FAILURES = ("401", "404", "408", "413", "503")
_OPEN = ("/healthz", "/metrics")
"""These answer without the database and without agents."""


def build_document(api: FastAPI) -> dict[str, Any]:
    """The whole document; the routes' own descriptions of a status win over the general one."""
    tags = [{"name": name, "description": text} for name, text in TAGS.items()]
    document = get_openapi(
        title=api.title, version=api.version, description=api.description, routes=api.routes, tags=tags
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    _add(schemas, _answer_schemas(document, api.routes))
    schemas.update({name: _tidy(schema) for name, schema in schemas.items()})
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _add_failures(path, operation)
    document["paths"].update(_webhook_paths())
    for operations in document["paths"].values():
        for operation in operations.values():
            explain(operation)
    _add(schemas, {"Problem": _PROBLEM_SCHEMA})
    document["components"]["responses"] = {name: _failure(status, text) for status, (name, text) in _FAILURES.items()}
    return document


def _answer_schemas(document: dict[str, Any], routes: Sequence[BaseRoute]) -> dict[str, Schema]:
    """Put each route's answer into its operation; gives the component schemas that they refer to."""
    told = told_answers(routes)
    holds_jobs = any("result" in get_type_hints(kind) for _, kind in _typed_dicts(told.values()))
    types = [*told.values(), *(RESULTS.values() if holds_jobs else ())]
    found, named = msgspec.json.schema_components(types, ref_template=f"{REF}{{name}}")
    messages = MessageSchemas()
    components: dict[str, Schema] = {}
    for (path, method), schema in zip(told, found[: len(told)], strict=True):
        operation = document["paths"][path][method]
        resolved = messages.resolve(schema)
        if "$ref" not in resolved and "properties" in resolved:
            name = _camel(operation["operationId"]) + "Answer"
            components[name] = {**resolved, "title": name}
            resolved = {"$ref": f"{REF}{name}"}
        status = next(status for status in operation["responses"] if status.startswith("2"))
        content = operation["responses"][status].setdefault("content", {})
        content["application/json"] = {"schema": resolved}
    kinds = dict(_typed_dicts(types))
    _add(components, {name: _ordered(messages.resolve(schema), kinds.get(name)) for name, schema in named.items()})
    _add(components, messages.components)
    _add(components, _event_schemas(components))
    return components


def _event_schemas(components: dict[str, Schema]) -> dict[str, Schema]:
    """Tell apart what holds any event; gives the component schemas of the events and of what holds each."""
    events, parts = EventSchemas(), dict[str, Schema]()
    for name, schema in components.items():
        if any(EVENTS in field for field in schema.get("properties", {}).values()):
            components[name], more = events.told_apart(name, schema)
            _add(parts, more)
    _add(parts, events.components)
    return parts


def _typed_dicts(told: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """The typed dictionaries that answers are made of, by name."""
    waiting, seen = list(told), set()
    while waiting:
        kind = waiting.pop()
        if not is_typeddict(kind):
            waiting += get_args(kind)
        elif kind.__name__ not in seen:
            seen.add(kind.__name__)
            waiting += get_type_hints(kind).values()
            yield kind.__name__, kind


def _ordered(schema: Schema, kind: Any) -> Schema:
    """The properties in the order of the declaration, which is that of the answers."""
    fields: Schema = schema.get("properties", {})
    names = sorted(fields, key=list(kind.__annotations__).index) if kind is not None else list(fields)
    required = [name for name in names if name in schema.get("required", ())]
    return {
        **schema,
        **({"properties": {name: fields[name] for name in names}} if fields else {}),
        **({"required": required} if required else {}),
    }


def _add(schemas: dict[str, Schema], more: dict[str, Schema]) -> None:
    """One name is one schema."""
    if twice := schemas.keys() & more.keys():
        raise InvariantBroken(f"two schemas of the API have one name: {', '.join(sorted(twice))}")
    schemas.update(more)


def _tidy(schema: Any) -> Any:
    """Words have a type, and what may be null says at the top what it is."""
    if isinstance(schema, list):
        return [_tidy(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: _tidy(each) for name, each in schema.items()}
    if isinstance(told.get("enum"), list) and "type" not in told and all(isinstance(one, str) for one in told["enum"]):
        told["type"] = "string"
    for one in told["anyOf"] if isinstance(told.get("anyOf"), list) else ():
        if "description" in one and "$ref" not in one:
            text = one.pop("description")
            told.setdefault("description", text)
    return told


def _camel(operation_id: str) -> str:
    return "".join(word.capitalize() for word in operation_id.split("_"))


def _add_failures(path: str, operation: dict[str, Any]) -> None:
    """FastAPI documents its own form of 422, which we do not answer."""
    responses = operation["responses"]
    responses.pop("422", None)
    for status in _failures_of(path, operation):
        responses.setdefault(status, _failure_ref(status))


def _failures_of(path: str, operation: dict[str, Any]) -> Iterator[str]:
    """What may go wrong, by what the operation takes."""
    if path in _OPEN:
        return
    if is_guarded(path):
        yield "403"
    if operation.get("parameters") or "requestBody" in operation:
        yield "422"
    if "requestBody" in operation:
        yield from ("400", "409", "413")
    if any(
        parameter["name"] == "store_id" and parameter["in"] == "query" for parameter in operation.get("parameters", ())
    ):
        yield "404"
    if "{" in path:
        yield from ("404", "409", "429", "504")
    yield "503"


def _failure_ref(status: str) -> dict[str, str]:
    return {"$ref": f"#/components/responses/{_FAILURES[status][0]}"}


def _failure(status: str, text: str) -> dict[str, Any]:
    answer = {"description": text, "content": {MEDIA_TYPE: {"schema": {"$ref": f"{REF}Problem"}}}}
    return {**answer, "headers": {"Retry-After": _RETRY_AFTER}} if status == "503" else answer


def _webhook_paths() -> dict[str, Any]:
    """The webhook routes, which FastAPI does not know."""
    operation = {
        "tags": ["webhooks"],
        "summary": "Take in a platform's signed webhook",
        "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
        "responses": {
            "200": {"description": "Stored durably, or known already."},
            **{status: _failure_ref(status) for status in _WEBHOOK_FAILURES},
        },
    }
    of_platform = {**operation, "operationId": "receive_webhook", "parameters": _path("platform", "topic")}
    of_store = {
        **operation,
        "operationId": "receive_store_webhook",
        "parameters": _path("platform", "token", "topic"),
    }
    return {
        "/webhooks/{platform}/{topic}": {"post": of_platform},
        "/webhooks/{platform}/s/{token}/{topic}": {"post": of_store},
    }


def _path(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]

"""The portal's ASGI application: everything but `/webhooks/`, which the server's protocol answers itself."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

from kiki.portal.access import InternalKeyGuard
from kiki.portal.exception_handlers import add_exception_handlers
from kiki.portal.health import router as health
from kiki.portal.internal import routers as internal
from kiki.portal.reports.endpoints import router as reports
from kiki.portal.request_ids import RequestIds
from kiki.portal.services import Services
from kiki.portal.unsubscribe import router as unsubscribe

_TITLE = "KIKI SyncPortal"
_VERSION = "0.1.0"
_TEXT = (
    "Signed webhooks in, outcome-based fees out. `/internal/*` and `/reports/*` want the header `x-internal-api-key`."
)


def build_app(services: Services) -> ASGIApp:
    """The application over given services; nothing in it reads the environment or the clock by itself."""
    api = FastAPI(
        title=_TITLE,
        version=_VERSION,
        description=_TEXT,
        docs_url="/docs",
        redoc_url=None,
        max_body_size=services.settings.max_body_bytes,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    api.state.services = services
    add_exception_handlers(api)
    for router in (health, *internal, reports, unsubscribe):
        api.include_router(router)
    api.openapi = lambda: _document(api)  # type: ignore[method-assign]  # the way FastAPI documents for extending it
    return RequestIds(InternalKeyGuard(api, services.settings.api_keys))


def _document(api: FastAPI) -> dict[str, Any]:
    if api.openapi_schema is None:
        document = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes)
        document["paths"].update(_webhook_paths())
        api.openapi_schema = document
    return api.openapi_schema


def _webhook_paths() -> dict[str, Any]:
    """The webhook routes, which FastAPI does not know."""
    answers = {
        "200": "Stored durably, or known already.",
        "401": "The signature is missing or wrong, or the store is not connected.",
        "408": "The body did not arrive in time.",
        "413": "The body is over the limit.",
        "503": "Not stored; send it again after `Retry-After`.",
    }
    operation = {
        "tags": ["webhooks"],
        "summary": "Take in a platform's signed webhook",
        "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
        "responses": {status: {"description": text} for status, text in answers.items()},
    }
    return {
        "/webhooks/{platform}/{topic}": {"post": {**operation, "parameters": _path("platform", "topic")}},
        "/webhooks/{platform}/s/{token}/{topic}": {
            "post": {**operation, "parameters": _path("platform", "token", "topic")}
        },
    }


def _path(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]

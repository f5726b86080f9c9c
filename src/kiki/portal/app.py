"""The portal's ASGI application: everything but `/webhooks/`, which the server's protocol answers itself."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from starlette.types import ASGIApp

from kiki.portal.access import InternalKeyGuard
from kiki.portal.collector.endpoints import router as collector
from kiki.portal.exception_handlers import add_exception_handlers
from kiki.portal.heads import HeadAsGet
from kiki.portal.health import router as health
from kiki.portal.internal import routers as internal
from kiki.portal.last_resort import LastResort
from kiki.portal.reference.endpoints import router as reference_pages
from kiki.portal.reference.written import Reference
from kiki.portal.reports.endpoints import router as reports
from kiki.portal.request_ids import RequestIds
from kiki.portal.services import Services
from kiki.portal.start import router as start
from kiki.portal.targets import StorableTargets
from kiki.portal.unsubscribe import router as unsubscribe

_TITLE = "KIKI SyncPortal"
_VERSION = "0.1.0"
_TEXT = (
    "Signed webhooks in, outcome-based fees out. `/internal/*` and `/reports/*` want the header `x-internal-api-key`."
)


def build_app(services: Services, refused: Callable[[], None] = lambda: None) -> ASGIApp:
    """The application over given services; nothing in it reads the environment or the clock by itself.

    `refused`: told of every request with a missing or wrong internal key.
    """
    api = FastAPI(
        # Not `include_router`, which would make every route anew for each application, at its first request.
        routes=[
            route
            for router in (start, reference_pages, health, *internal, reports, unsubscribe, collector)
            for route in router.routes
        ],
        title=_TITLE,
        version=_VERSION,
        description=_TEXT,
        # `reference/` serves the document and its page: FastAPI's own loads its script from elsewhere.
        openapi_url=None,
        # A redirect would name the host that the request names, whoever wrote it.
        redirect_slashes=False,
        max_body_size=services.settings.max_body_bytes,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    api.state.services = services
    add_exception_handlers(api)
    api.state.reference = reference = Reference(api)
    api.openapi = reference.document  # type: ignore[method-assign]  # the way FastAPI documents for extending it
    guarded = InternalKeyGuard(StorableTargets(HeadAsGet(api)), services.settings.api_keys, refused)
    return RequestIds(LastResort(guarded))

"""Liveness, readiness and metrics."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from kiki.kit.errors import Unavailable
from kiki.kit.logging import get_logger
from kiki.portal.services import Injected

_BACKLOG_SECONDS = 2.0
_log = get_logger(__name__)

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="get_health", summary="Whether the process answers")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get(
    "/readyz",
    operation_id="get_readiness",
    summary="Whether webhooks can be stored now",
    responses={503: {"description": "They cannot."}},
)
async def readyz(services: Injected) -> Response:
    readiness = await services.readiness()
    if readiness.ok:
        return JSONResponse({"status": "ready"})
    return JSONResponse(
        {"status": "not_ready", "reason": readiness.reason}, status_code=503, headers={"retry-after": "2"}
    )


@router.get("/metrics", operation_id="get_metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(services: Injected) -> Response:
    """The portal's own figures, and what waits or is dead in the whole installation as the database tells it now."""
    try:
        async with asyncio.timeout(_BACKLOG_SECONDS):
            await services.backlog.refresh()
    except (Unavailable, TimeoutError):
        _log.warning("backlog_not_read")
    return Response(services.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

"""`/docs` for people and `/openapi.json` for generators: written once, away from the loop that answers webhooks."""

from __future__ import annotations

import asyncio
import base64
import hashlib

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from kiki.portal.reference.style import STYLE
from kiki.portal.reference.written import Reference
from kiki.portal.services import Injected

router = APIRouter(include_in_schema=False)

_STYLE_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_HEADERS = {
    "cache-control": "no-cache",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
}


@router.get("/openapi.json")
async def document(request: Request) -> Response:
    """The OpenAPI document."""
    return Response(await asyncio.to_thread(_reference(request).as_json), media_type="application/json")


@router.get("/docs")
async def page(services: Injected, request: Request) -> Response:
    """The same as a page: nothing of it comes from elsewhere, and nothing in it runs."""
    text = await asyncio.to_thread(_reference(request).as_page, services.settings.public_url)
    return HTMLResponse(text, headers=_HEADERS)


def _reference(request: Request) -> Reference:
    found: Reference = request.app.state.reference
    return found

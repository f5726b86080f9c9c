"""Where somebody lands who opens the installation's address: what this is and where to go on; nothing of any shop."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from kiki.portal.pages import page

_TEXT = (
    "This portal takes in webhooks of shops and answers programs. "
    '<a href="/docs">/docs</a> describes its API, <a href="/openapi.json">/openapi.json</a> is for generators of '
    'clients; <a href="/healthz">/healthz</a> and <a href="/readyz">/readyz</a> say how it is. '
    "On the machine that it runs on, <code>kiki --help</code> names every command."
)

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"], response_class=HTMLResponse)
async def start() -> HTMLResponse:
    """The same for everybody, with the key or without."""
    return page("KIKI SyncPortal", _TEXT)

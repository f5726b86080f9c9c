"""The page behind a mail's unsubscribe link: looking at it changes nothing, its button and RFC 8058's one click do."""

from __future__ import annotations

import asyncio
import html
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse

from kiki.kit.errors import DeadlineExceeded, InvalidInput, NotFound, Unavailable
from kiki.portal.pages import page
from kiki.portal.services import Injected
from kiki.rpc.v1 import syncengage_pb2 as engage

router = APIRouter(prefix="/unsubscribe", tags=["unsubscribe"])

_MAX_FORM_BYTES = 4096
_FORM_SECONDS = 10.0
_RETRY_SECONDS = 30
_FORM = (
    '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
    '<button type="submit">Unsubscribe</button></form>'
)


@router.get(
    "/{token}", operation_id="ask_to_unsubscribe", summary="Ask whether to unsubscribe", response_class=HTMLResponse
)
async def ask(_token: Annotated[str, Path(alias="token", max_length=1024)]) -> HTMLResponse:
    """Mail scanners open every link: nothing happens before the button."""
    return page("Unsubscribe", "No more offers will be sent to this address. Mail about orders still arrives.", _FORM)


@router.post(
    "/{token}",
    operation_id="unsubscribe",
    summary="Unsubscribe",
    response_class=HTMLResponse,
    responses={
        400: {"description": "Not one click, or not one of our links.", "content": {"text/html": {}}},
        503: {"description": "It could not be noted; the same link works later.", "content": {"text/html": {}}},
    },
)
async def act(services: Injected, request: Request, token: Annotated[str, Path(max_length=1024)]) -> HTMLResponse:
    """Takes the contact off the channel that the token names; done twice it is done once."""
    if b"One-Click" not in await _form(request):
        return page("Not unsubscribed", "The request does not say List-Unsubscribe=One-Click.", status=400)
    wanted = engage.UnsubscribeRequest(token=token)
    try:
        done = await services.clients.syncengage.call("Unsubscribe", wanted, engage.UnsubscribeResponse)
    except (InvalidInput, NotFound):
        return page("This link does not work", "It is not complete, or not one of ours.", status=400)
    except Unavailable:
        answer = page("Not unsubscribed yet", "It could not be noted now. Please try again in a minute.", status=503)
        answer.headers["retry-after"] = str(_RETRY_SECONDS)
        return answer
    shop = f" from {html.escape(done.shop_name)}" if done.shop_name else ""
    return page("Unsubscribed", f"No more offers{shop} will be sent to this address.")


async def _form(request: Request) -> bytes:
    """The start of the body: a form, in either of the two encodings that RFC 8058 allows."""
    body = b""
    try:
        async with asyncio.timeout(_FORM_SECONDS):
            async for part in request.stream():
                body += part[: _MAX_FORM_BYTES - len(body)]
                if len(body) >= _MAX_FORM_BYTES:
                    break
    except TimeoutError:
        raise DeadlineExceeded("the form did not arrive in time", reason="BODY_TIMEOUT") from None
    except ClientDisconnect:
        raise InvalidInput("the sender is gone", reason="SENDER_GONE") from None
    return body

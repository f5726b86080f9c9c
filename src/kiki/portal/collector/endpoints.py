"""The collector's routes: the pixel script, beacons, and the page on which a visitor opts out."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.status import HTTP_204_NO_CONTENT, HTTP_304_NOT_MODIFIED

from kiki.commerce.collectors import CollectorStore
from kiki.kit.errors import DeadlineExceeded, InvalidInput, KikiError, Unavailable
from kiki.portal.collector.bots import bot_of
from kiki.portal.collector.consent import OPT_OUT_COOKIE
from kiki.portal.collector.limits import TooMany
from kiki.portal.collector.schemas import MAX_BODY_BYTES, read_beacon
from kiki.portal.collector.script import pixel_of
from kiki.portal.collector.stores import check_origin
from kiki.portal.pages import page
from kiki.portal.problems import MEDIA_TYPE, encode, problem_of
from kiki.portal.services import Injected, Services

router = APIRouter(prefix="/collect", tags=["collector"])

OUTCOME = "x-kiki-collected"
_FORM = '<form method="post"><button type="submit">Do not count this browser</button></form>'
_BODY_SECONDS = 10.0
_OPT_OUT_SECONDS = 400 * 86_400
_PIXEL_SECONDS = 3600
_UNAVAILABLE_SECONDS = 2
_KEY = r"^[0-9a-f]{32}$"
Key = Annotated[str, Query(alias="k", pattern=_KEY, description="The store's collector key.")]
_PROBLEMS = {
    400: "The body is not a JSON object.",
    403: "The page is not the shop's, no consent is named, or nothing proves who the visitor is said to be.",
    404: "No connected store has this collector key.",
    408: "The body did not arrive in time.",
    413: "The body is over the limit.",
    429: "Too many beacons of this store or address; another one is taken after `Retry-After`.",
    503: "Not stored.",
}
_ANSWERS = {status: {"description": text, "content": {MEDIA_TYPE: {}}} for status, text in _PROBLEMS.items()}
_BODY = {"requestBody": {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get(
    "/{key}/pixel.js",
    operation_id="get_pixel_script",
    summary="The store's pixel script",
    response_class=Response,
    responses={
        200: {"content": {"text/javascript": {}}, "description": "The script."},
        304: {"description": "As it was."},
        404: _ANSWERS[404],
    },
)
async def pixel(services: Injected, request: Request, key: Annotated[str, Path(pattern=_KEY)]) -> Response:
    """Under 4 KB. It sets a cookie on the shop's own domain, and only where that is allowed."""
    store = await services.collector.stores.get(key)
    script = pixel_of(store, services.settings.public_url)
    headers = {
        "cache-control": f"public, max-age={_PIXEL_SECONDS}",
        "etag": script.etag,
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
        "x-content-type-options": "nosniff",
    }
    if script.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(script.body, media_type="text/javascript", headers=headers)


@router.post(
    "",
    operation_id="collect",
    status_code=HTTP_204_NO_CONTENT,
    summary="Take in a beacon",
    response_class=Response,
    responses=_ANSWERS,  # type: ignore[arg-type]  # FastAPI wants int | str as keys
    openapi_extra=_BODY,
)
async def collect(services: Injected, request: Request, key: Key) -> Response:
    """The header `x-kiki-collected` says what became of it: `stored` and `known` are durable; `bot`, `opted_out` and
    `forgotten` keep nothing. Meaning comes later, as with a webhook."""
    origin, headers = request.headers.get("origin", ""), {"vary": "origin"}
    try:
        services.collector.admit_address(_address(services, request))
        store = await _store(services, key, origin)
        headers |= _allow(origin)
        outcome = await _outcome(services, store, request)
    except KikiError as error:
        services.collector.count(error.reason)
        return _problem(request, error, headers)
    services.collector.count(outcome)
    return Response(status_code=HTTP_204_NO_CONTENT, headers={**headers, OUTCOME: outcome})


@router.options(
    "",
    operation_id="collect_preflight",
    status_code=HTTP_204_NO_CONTENT,
    summary="Whether a page may send beacons",
    response_class=Response,
    responses={status: _ANSWERS[status] for status in (403, 404, 429)},
)
async def preflight(services: Injected, request: Request, key: Key) -> Response:
    """CORS: the shop's own origins, no credentials."""
    origin = request.headers.get("origin", "")
    try:
        services.collector.admit_address(_address(services, request))
        await _store(services, key, origin)
    except KikiError as error:
        return _problem(request, error, {"vary": "origin"})
    allowed = {
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type",
        "access-control-max-age": "86400",
    }
    return Response(status_code=HTTP_204_NO_CONTENT, headers={"vary": "origin", **_allow(origin), **allowed})


@router.get("/optout", operation_id="ask_to_opt_out", summary="Ask whether to opt out", response_class=HTMLResponse)
async def ask() -> HTMLResponse:
    """A page with a button; opening it changes nothing."""
    return page("Your visits", "Shops that use this collector tell it which advertisement led you to them.", _FORM)


@router.post("/optout", operation_id="opt_out", summary="Opt out", response_class=HTMLResponse)
async def opt_out(services: Injected) -> HTMLResponse:
    """A cookie of this host says no from now on. It holds nothing else, and is the only one that this host sets."""
    answer = page("You are opted out", "This browser is not counted any more, in any shop that uses this collector.")
    secure = services.settings.public_url.startswith("https:")
    answer.set_cookie(
        OPT_OUT_COOKIE,
        "1",
        max_age=_OPT_OUT_SECONDS,
        path="/collect",
        secure=secure,
        httponly=True,
        samesite="none" if secure else "lax",
    )
    return answer


async def _store(services: Services, key: str, origin: str) -> CollectorStore:
    store = await services.collector.stores.get(key)
    check_origin(store, origin)
    return store


async def _outcome(services: Services, store: CollectorStore, request: Request) -> str:
    if bot_of(request.headers) is not None:
        return "bot"
    services.collector.admit_store(store)
    return await services.collector.take(store, read_beacon(await _body(request)), request.headers)


async def _body(request: Request) -> bytes:
    """The body, bounded in size and time."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MAX_BODY_BYTES:
                    raise InvalidInput(
                        f"a beacon has at most {MAX_BODY_BYTES} bytes, this one has more", reason="BODY_TOO_LARGE"
                    )
    except TimeoutError:
        raise DeadlineExceeded("the body did not arrive in time", reason="BODY_TIMEOUT") from None
    except ClientDisconnect:
        raise InvalidInput("the sender is gone", reason="SENDER_GONE") from None
    return bytes(body)


def _address(services: Services, request: Request) -> str:
    """Who sends: the connection's other end, or what the proxy in front of us appended to its header.

    Some proxies append to the last line, others (HAProxy) add a line of their own behind those that the sender wrote.
    """
    name = services.settings.collector_address_header
    if name and (told := ",".join(request.headers.getlist(name)).rpartition(",")[2].strip()):
        return told
    return request.client.host if request.client else ""


def _allow(origin: str) -> dict[str, str]:
    return {"access-control-allow-origin": origin, "access-control-expose-headers": OUTCOME} if origin else {}


def _problem(request: Request, error: KikiError, headers: dict[str, str]) -> Response:
    status, document = problem_of(error, getattr(request.state, "request_id", None))
    if isinstance(error, TooMany):
        headers = {**headers, "retry-after": str(error.retry_seconds)}
    elif isinstance(error, Unavailable):
        headers = {**headers, "retry-after": str(_UNAVAILABLE_SECONDS)}
    return Response(encode(document), status_code=status, media_type=MEDIA_TYPE, headers=headers)

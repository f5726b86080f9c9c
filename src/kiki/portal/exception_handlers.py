"""Failures become RFC 9457 problem documents here, and only here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kiki.kit.errors import KikiError
from kiki.kit.logging import get_logger
from kiki.portal.access import is_guarded
from kiki.portal.problems import MEDIA_TYPE, encode, problem, problem_of

_MAX_SHOWN = 20
_MAX_GOT = 42
_SHOWN = ("literal_error", "enum", "int_", "float_", "decimal_", "bool_", "date", "greater_than", "less_than", "finite")
"""Kinds of problems whose input is shown: one of some words, a number or a time was wanted."""
_RETRY_SECONDS = "2"
_AWAY = "this cannot be answered now; the same request may be later"
_log = get_logger(__name__)


def add_exception_handlers(app: FastAPI) -> None:
    """Every failure of a route is answered as problem+json: no traceback, and of what was sent words and numbers."""
    app.add_exception_handler(KikiError, _kiki_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(Exception, _unexpected)


async def _kiki_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, KikiError)
    status, document = problem_of(error, _request_id(request))
    if status > 500 and not is_guarded(request.scope["path"]):
        # What cannot be reached, and where it is, is nothing for passers-by.
        document = problem(status, reason=error.reason, detail=_AWAY, request_id=_request_id(request))
    if status == 500:
        _log.error("request_failed", reason=error.reason, path=_route(request))
    return _answer(status, document, {"retry-after": _RETRY_SECONDS} if status == 503 else None)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    broken = any(item["type"] == "json_invalid" for item in error.errors())
    problems = [
        {"where": ".".join(str(part) for part in item["loc"]), "what": item["msg"] + _got(item)}
        for item in error.errors()[:_MAX_SHOWN]
    ]
    status = 400 if broken else 422
    document = problem(
        status,
        reason="INVALID_JSON" if broken else "INVALID_INPUT",
        detail="the request cannot be used; `data.problems` says where",
        data={"problems": problems},
        request_id=_request_id(request),
    )
    return _answer(status, document)


def _got(problem: Mapping[str, Any]) -> str:
    """A short word, number or time that was sent where another was wanted; other text may be personal, or a secret."""
    value = problem.get("input")
    if not problem["type"].startswith(_SHOWN) or isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    text = repr(value)
    return "" if len(text) > _MAX_GOT or "@" in text else f", got {text}"


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    reason = {404: "UNKNOWN_ROUTE", 405: "METHOD_NOT_ALLOWED", 413: "BODY_TOO_LARGE"}.get(
        error.status_code, "HTTP_ERROR"
    )
    headers = {"allow": _allowed(request)} if error.status_code == 405 else error.headers
    detail = error.detail
    if error.status_code == 404:
        detail = f"there is no {request.method} of this path; /docs names every one"
    elif error.status_code == 405:
        detail = f"this path takes {_allowed(request)}, got {request.method}"
    document = problem(error.status_code, reason=reason, detail=detail, request_id=_request_id(request))
    return _answer(error.status_code, document, headers)


def _allowed(request: Request) -> str:
    """Every method of the path (RFC 9110, 15.5.6); the router names those of the first route alone."""
    routes = iter_route_contexts(request.app.routes)
    found = [route.methods or () for route in routes if route.path_regex.match(request.scope["path"])]
    methods = set().union(*found)
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


async def _unexpected(request: Request, _error: Exception) -> Response:
    """The answer; starlette raises the error again, for `LastResort` to log."""
    document = problem(
        500, reason="INTERNAL", detail="an internal error; the log has the details", request_id=_request_id(request)
    )
    return _answer(500, document)


def _answer(status: int, document: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode(document), status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def _request_id(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)


def _route(request: Request) -> str:
    """The route's pattern: a path may hold identifiers."""
    return str(getattr(request.scope.get("route"), "path", "unknown"))

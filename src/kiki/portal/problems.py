"""RFC 9457 problem documents: one mapping from kinds of failure to HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from starlette.types import Scope, Send

from kiki.kit.errors import KikiError

MEDIA_TYPE = "application/problem+json"

_STATUS_OF_KIND = {
    "invalid_input": 422,
    "not_found": 404,
    "conflict": 409,
    "unauthenticated": 401,
    "permission_denied": 403,
    "failed_precondition": 409,
    "resource_exhausted": 429,
    "unavailable": 503,
    "deadline_exceeded": 504,
}
_STATUS_OF_REASON = {"BODY_TOO_LARGE": 413, "BODY_TIMEOUT": 408, "INVALID_JSON": 400}


def status_of(error: KikiError) -> int:
    """The HTTP status of a failure; 500 for broken invariants and whatever is not named."""
    return _STATUS_OF_REASON.get(error.reason) or _STATUS_OF_KIND.get(error.kind, 500)


def problem(
    status: int,
    *,
    reason: str,
    detail: str,
    data: Mapping[str, object] | None = None,
    request_id: str | None = None,
) -> dict[str, object]:
    """The document: `type` and `reason` are stable, `detail` is for people, `data` for machines."""
    document: dict[str, object] = {
        "type": f"urn:kiki:problem:{reason.lower().replace('_', '-')}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "reason": reason,
    }
    if data:
        document["data"] = dict(data)
    if request_id:
        document["request_id"] = request_id
    return document


def problem_of(error: KikiError, request_id: str | None = None) -> tuple[int, dict[str, object]]:
    """Status and document of a failure. A broken invariant shows its reason and nothing else."""
    status = status_of(error)
    detail = error.message if status < 500 or status in (503, 504) else "an internal error; the log has the details"
    return status, problem(status, reason=error.reason, detail=detail, data=error.data, request_id=request_id)


def encode(document: Mapping[str, object]) -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(document)


async def send_problem(scope: Scope, send: Send, error: KikiError, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """Answer a request with a failure before any route has seen it."""
    status, document = problem_of(error, scope.get("state", {}).get("request_id"))
    content = encode(document)
    told = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(content)).encode())]
    headers = [*told, *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})

"""Answers of the intake, made once: sending one costs two dictionary look-ups."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from kiki.portal.problems import MEDIA_TYPE, encode, problem

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class Answer:
    """One complete HTTP answer, shared by all requests that get it; never changed."""

    __slots__ = ("_body", "_start", "outcome", "status")

    def __init__(
        self, status: int, outcome: str, content: bytes = b"", headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        self.status = status
        self.outcome = outcome
        self._start: Message = {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, (b"content-length", str(len(content)).encode())],
        }
        self._body: Message = {"type": "http.response.body", "body": content}

    async def send(self, send: Send) -> None:
        await send(self._start)
        await send(self._body)


def _problem(status: int, outcome: str, reason: str, detail: str, *headers: tuple[bytes, bytes]) -> Answer:
    content = encode(problem(status, reason=reason, detail=detail))
    return Answer(status, outcome, content, ((b"content-type", MEDIA_TYPE.encode()), *headers))


_CLOSE = (b"connection", b"close")
_RETRY = (b"retry-after", b"2")

ACCEPTED = Answer(200, "accepted")
DUPLICATE = Answer(200, "duplicate")
DEAD = Answer(200, "dead_lettered")
PONG = Answer(200, "ping")
REFUSED = _problem(
    401, "refused", "UNAUTHENTICATED", "the signature is missing or wrong, or the store is not connected"
)
REFUSED_UNREAD = _problem(
    401, "refused", "UNAUTHENTICATED", "the signature is missing or wrong, or the store is not connected", _CLOSE
)
NO_SUCH_PLATFORM = _problem(404, "not_found", "UNKNOWN_ROUTE", "webhooks come to /webhooks/{platform}/{topic}")
WRONG_METHOD = _problem(405, "wrong_method", "METHOD_NOT_ALLOWED", "webhooks are sent with POST", (b"allow", b"POST"))
TOO_SLOW = _problem(408, "timed_out", "BODY_TIMEOUT", "the body did not arrive in time", _CLOSE)
TOO_LARGE = _problem(413, "too_large", "BODY_TOO_LARGE", "the body is over the limit")
HEADERS_TOO_LARGE = _problem(431, "too_large", "HEADERS_TOO_LARGE", "the headers are over the limit")
BROKEN = _problem(500, "failed", "INTERNAL", "the delivery could not be stored; it was not accepted")
OVERLOADED = _problem(
    503, "overloaded", "OVERLOADED", "the delivery could not be stored in time; it was not accepted", _RETRY
)
DISK_FULL = _problem(
    503, "disk_full", "DISK_FULL", "there is too little room to store deliveries", (b"retry-after", b"60")
)

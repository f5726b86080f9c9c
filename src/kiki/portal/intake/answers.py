"""Answers of the intake, made once: sending one costs a join and a write."""

from __future__ import annotations

from http import HTTPStatus

from kiki.portal.problems import MEDIA_TYPE, encode, problem


class Answer:
    """One complete HTTP answer, shared by all requests that get it; never changed."""

    __slots__ = ("_body", "_fields", "_line", "closes", "outcome", "status")

    def __init__(
        self,
        status: int,
        outcome: str,
        content: bytes = b"",
        headers: tuple[tuple[bytes, bytes], ...] = (),
        *,
        closes: bool = False,
    ) -> None:
        self.status = status
        self.outcome = outcome
        self.closes = closes
        """Whether the connection ends with it: what else was sent is not read as a request."""
        fields = (*headers, (b"content-length", b"%d" % len(content)))
        self._line = b"HTTP/1.1 %d %s\r\n" % (status, HTTPStatus(status).phrase.encode())
        self._fields = b"".join(b"%s: %s\r\n" % field for field in fields)
        self._body = content

    def wire(self, common: bytes, *, last: bool, head_only: bool = False) -> bytes:
        """The bytes of the answer. `common` are header lines that every answer carries, `last` ends the connection."""
        connection = b"connection: close\r\n\r\n" if last else b"\r\n"
        return b"".join((self._line, common, self._fields, connection, b"" if head_only else self._body))


def _problem(
    status: int, outcome: str, reason: str, detail: str, *headers: tuple[bytes, bytes], closes: bool = False
) -> Answer:
    content = encode(problem(status, reason=reason, detail=detail))
    return Answer(status, outcome, content, ((b"content-type", MEDIA_TYPE.encode()), *headers), closes=closes)


_RETRY = (b"retry-after", b"2")
_REFUSED = "the signature is missing or wrong, or the store is not connected"

ACCEPTED = Answer(200, "accepted")
DUPLICATE = Answer(200, "duplicate")
DEAD = Answer(200, "dead_lettered")
PONG = Answer(200, "ping")
MALFORMED = _problem(400, "malformed", "BAD_REQUEST", "what was sent is not HTTP/1.1 as RFC 9112 has it", closes=True)
REFUSED = _problem(401, "refused", "UNAUTHENTICATED", _REFUSED)
REFUSED_UNREAD = _problem(401, "refused", "UNAUTHENTICATED", _REFUSED, closes=True)
NO_SUCH_PLATFORM = _problem(404, "not_found", "UNKNOWN_ROUTE", "webhooks come to /webhooks/{platform}/{topic}")
WRONG_METHOD = _problem(405, "wrong_method", "METHOD_NOT_ALLOWED", "webhooks are sent with POST", (b"allow", b"POST"))
TOO_SLOW = _problem(408, "timed_out", "BODY_TIMEOUT", "the body did not arrive in time", closes=True)
TOO_LARGE = _problem(413, "too_large", "BODY_TOO_LARGE", "the body is over the limit")
HEADERS_TOO_LARGE = _problem(431, "too_large", "HEADERS_TOO_LARGE", "the headers are over the limit")
BROKEN = _problem(500, "failed", "INTERNAL", "the delivery could not be stored; it was not accepted")
OVERLOADED = _problem(
    503, "overloaded", "OVERLOADED", "the delivery could not be stored in time; it was not accepted", _RETRY
)
DISK_FULL = _problem(
    503, "disk_full", "DISK_FULL", "there is too little room to store deliveries", (b"retry-after", b"60")
)

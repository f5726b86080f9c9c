"""Failures of the portal itself."""

from __future__ import annotations

from kiki.kit.errors import InvalidInput, NotFound, PermissionDenied, ResourceExhausted, Unavailable


class Overloaded(Unavailable):
    """Too much waits for the database, or it takes too long; the sender comes back later."""

    reason = "OVERLOADED"


class BodyTooLarge(ResourceExhausted):
    """The body is over the limit."""

    reason = "BODY_TOO_LARGE"


class BodyTooSlow(InvalidInput):
    """The body did not arrive in time."""

    reason = "BODY_TIMEOUT"


class SenderGone(Exception):
    """The sender closed the connection before its body was complete; nobody waits for an answer."""


class WrongInternalKey(PermissionDenied):
    """The `x-internal-api-key` header is missing or wrong."""

    reason = "WRONG_INTERNAL_API_KEY"


class UnknownJob(NotFound):
    """No such job."""

    reason = "UNKNOWN_JOB"

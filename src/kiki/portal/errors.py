"""Failures of the portal itself."""

from __future__ import annotations

from kiki.kit.errors import NotFound, PermissionDenied, Unavailable


class Overloaded(Unavailable):
    """Too much waits for the database, or it takes too long; the sender comes back later."""

    reason = "OVERLOADED"


class WrongInternalKey(PermissionDenied):
    """The `x-internal-api-key` header is missing or wrong."""

    reason = "WRONG_INTERNAL_API_KEY"


class UnknownJob(NotFound):
    """No such job."""

    reason = "UNKNOWN_JOB"

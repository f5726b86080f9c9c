"""Kinds of failure, translated once per edge (gRPC status, problem+json, exit code)."""

from __future__ import annotations

from collections.abc import Mapping


class KikiError(Exception):
    """A failure with a stable reason, a message that is safe to show, and data for machines.

    Neither message nor data may hold secrets or personal data: both reach logs, answers and dead letters.
    """

    kind = "internal"
    reason = "INTERNAL"

    def __init__(self, message: str, *, reason: str | None = None, data: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        if reason is not None:
            self.reason = reason
        self.data: dict[str, str] = dict(data or {})


class InvalidInput(KikiError):
    """What was sent cannot be used; sending it again will not help."""

    kind = "invalid_input"
    reason = "INVALID_INPUT"


class NotFound(KikiError):
    """The named thing does not exist."""

    kind = "not_found"
    reason = "NOT_FOUND"


class Conflict(KikiError):
    """The same identity was used for other content, or the state changed underneath."""

    kind = "conflict"
    reason = "CONFLICT"


class Unauthenticated(KikiError):
    """Who calls is unknown."""

    kind = "unauthenticated"
    reason = "UNAUTHENTICATED"


class PermissionDenied(KikiError):
    """Who calls is known and may not."""

    kind = "permission_denied"
    reason = "PERMISSION_DENIED"


class FailedPrecondition(KikiError):
    """The system is not yet in the state that the call needs; later it may be."""

    kind = "failed_precondition"
    reason = "FAILED_PRECONDITION"


class ResourceExhausted(KikiError):
    """A bound was reached: too large, too many, too fast."""

    kind = "resource_exhausted"
    reason = "RESOURCE_EXHAUSTED"


class Unavailable(KikiError):
    """A dependency cannot be reached now; trying again later is right."""

    kind = "unavailable"
    reason = "UNAVAILABLE"


class DeadlineExceeded(Unavailable):
    """The dependency did not answer in time; whether it acted is unknown."""

    kind = "deadline_exceeded"
    reason = "DEADLINE_EXCEEDED"


class InvariantBroken(KikiError):
    """Something that must always hold does not; the work stops."""

    kind = "internal"
    reason = "INVARIANT_BROKEN"


RETRYABLE = (Unavailable, FailedPrecondition, ResourceExhausted)
"""Kinds after which the same request may succeed later."""

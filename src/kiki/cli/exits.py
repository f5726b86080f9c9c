"""What an exit code says."""

from __future__ import annotations

from kiki.kit.errors import KikiError

OK = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
REFUSED = 4
UNAVAILABLE = 5
NOT_ALLOWED = 6
INTERRUPTED = 130

TABLE = {
    OK: "done",
    FAILED: "failed: a defect, a check that did not pass, or a job that did not succeed",
    USAGE: "the command was not understood",
    NOT_FOUND: "what was named does not exist",
    REFUSED: "understood and refused: bad input, a conflict, not possible now, or not confirmed",
    UNAVAILABLE: "the portal, the database or an agent cannot be reached",
    NOT_ALLOWED: "the internal API key is missing or wrong",
    INTERRUPTED: "interrupted",
}

_BY_KIND = {
    "not_found": NOT_FOUND,
    "invalid_input": REFUSED,
    "conflict": REFUSED,
    "failed_precondition": REFUSED,
    "resource_exhausted": UNAVAILABLE,
    "unavailable": UNAVAILABLE,
    "deadline_exceeded": UNAVAILABLE,
    "unauthenticated": NOT_ALLOWED,
    "permission_denied": NOT_ALLOWED,
}


def code_of(error: KikiError) -> int:
    """The exit code of a failure."""
    return _BY_KIND.get(error.kind, FAILED)

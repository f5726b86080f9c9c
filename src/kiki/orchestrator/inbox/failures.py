"""What went wrong with an attempt: the database, the moment, or the work itself."""

from __future__ import annotations

import random

import asyncpg

from kiki.kit.database import UNREACHABLE
from kiki.kit.errors import RETRYABLE, InvariantBroken, KikiError, Unavailable

_PASSING_REASONS = ("ATTEMPT_FAILED", "UNIMPLEMENTED")
"""The last: an agent of an earlier version answered, which is replaced in a moment; or another program did."""
_DATABASE_REASONS = ("DATABASE_UNAVAILABLE", "DATABASE_BUSY")
_MOMENTARY = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
)
_WORDS_OF_AN_END = ("clos", "released back")
"""How asyncpg says that a connection is gone: closed or, where it went as it was handed out, back with its pool."""
_DETAIL_LENGTH = 500


class LeaseLost(Exception):
    """Somebody else owns the work now; nothing of this transaction may be committed."""


def database_away(error: BaseException) -> bool:
    """Whether the server was gone, so that nothing is known about the work itself.

    asyncpg reports an argument that it cannot encode as an `InterfaceError` too: that is the work's fault.
    """
    if isinstance(error, KikiError):
        if not (isinstance(error, Unavailable) and error.reason in _DATABASE_REASONS):
            return False
        cause = error.__cause__
        return cause is None or isinstance(cause, TimeoutError) or database_away(cause)
    if isinstance(error, asyncpg.InterfaceError):
        return not isinstance(error, ValueError) and any(word in str(error) for word in _WORDS_OF_AN_END)
    return isinstance(error, UNREACHABLE)


def momentary(error: BaseException) -> bool:
    """Whether the same transaction may succeed at once: a deadlock, a lock that was not free in time."""
    return isinstance(error, _MOMENTARY)


def retryable(error: KikiError) -> bool:
    """Whether the same work may succeed later."""
    return isinstance(error, RETRYABLE) or error.reason in _PASSING_REASONS


def as_failure(error: BaseException) -> KikiError:
    """A failure that may be stored. The text of a foreign exception may hold personal data: only its type is kept."""
    if isinstance(error, KikiError) and not (isinstance(error, Unavailable) and error.reason in _DATABASE_REASONS):
        return error
    cause = error.__cause__ if isinstance(error, KikiError) and error.__cause__ is not None else error
    return InvariantBroken(f"the attempt failed with {type(cause).__name__}", reason="ATTEMPT_FAILED")


def detail_of(error: KikiError) -> str:
    """The message, bounded and free of what PostgreSQL cannot store."""
    return error.message[:_DETAIL_LENGTH].replace("\x00", "")


def backoff_seconds(attempts: int, *, base: float, cap: float) -> float:
    """Exponential with full jitter over the upper half; `attempts` counts from 1."""
    ceiling = min(cap, base * 2.0 ** min(attempts - 1, 30))
    return ceiling * random.uniform(0.5, 1.0)

"""What must not go on after a restore as if no time had passed: the world outside has seen more than the backup.

One transaction over several owners' tables, which nothing else here does: nobody else is connected, and half of it
would be worse than none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kiki.kit.database import Connection
else:
    Connection = Any

EVENTS_PASSED_OVER = 1_000_000
"""More events than a store tells between two backups."""
_BLOCKS_PASSED_OVER = 1_000

_CANCEL_DUE = """
WITH due AS (
    UPDATE syncengage.messages SET status = 7, reason = 'RESTORED', settled_at = now(), lease_token = NULL,
        lease_until = NULL
    WHERE status <= 2 AND send_at <= now() RETURNING 1
) SELECT count(*) FROM due
"""
_SKIP_EVENTS = "UPDATE events.heads SET last_seq = last_seq + $1"
_SKIP_MESSAGES = """
SELECT setval('syncengage.identifiers', last_value + $1::bigint * seqincrement)
FROM syncengage.identifiers, pg_sequence WHERE seqrelid = 'syncengage.identifiers'::regclass
"""


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What was changed."""

    messages_cancelled: int
    """Messages that were due: whether they went out after the backup is not known, and none may go out twice."""


async def settle(connection: Connection) -> Aftermath:
    """In the caller's transaction, on a restored database that nobody works on yet."""
    cancelled = await connection.fetchval(_CANCEL_DUE)
    # Receivers know the numbers that were given after the backup, and take what comes under them again for repeated.
    await connection.execute(_SKIP_EVENTS, EVENTS_PASSED_OVER)
    await connection.fetchval(_SKIP_MESSAGES, _BLOCKS_PASSED_OVER)
    return Aftermath(messages_cancelled=int(cancelled))

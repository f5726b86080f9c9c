"""What became of calls: by subject, by event id; and the replay of those that were refused for good."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from kiki.kit.database import Connection
from kiki.orchestrator.calls.intents import wakeup_tag
from kiki.orchestrator.lanes import Lane

_DEAD = """
SELECT store_id, call_id, agent, method, event_id, subject, reason, detail, attempts, died_at FROM calls.dead
WHERE ($1::bigint IS NULL OR store_id = $1) AND ($2::text IS NULL OR agent = $2)
  AND ($3::bigint IS NULL OR call_id < $3)
ORDER BY call_id DESC LIMIT $4
"""
_REPLAY = """
WITH taken AS (
    DELETE FROM calls.dead WHERE store_id = $1 AND ($2::bigint[] IS NULL OR call_id = ANY($2::bigint[]))
    RETURNING agent, lane, call_id, store_id, event_id, method, entity, subject, request
), queued AS (
    INSERT INTO calls.queue (agent, lane, store_id, event_id, method, entity, subject, request)
    SELECT agent, lane, store_id, event_id, method, entity, subject, request FROM taken ORDER BY call_id
    RETURNING agent, lane
)
SELECT agent, lane, count(*) FROM queued GROUP BY agent, lane
"""


_ABOUT = """
SELECT agent, method, event_id, status, reason, queued_at, answered_at FROM calls.history
    WHERE store_id = $1 AND subject = $2
UNION ALL SELECT agent, method, event_id, 'parked', reason, queued_at, NULL FROM calls.parked
    WHERE store_id = $1 AND subject = $2
UNION ALL SELECT agent, method, event_id, 'waiting', '', queued_at, NULL FROM calls.queue
    WHERE store_id = $1 AND subject = $2
ORDER BY queued_at, agent, method LIMIT $3
"""
_ENDED = """
SELECT agent, method, event_id, status, reason, queued_at, answered_at FROM calls.history
WHERE store_id = $1 AND event_id = $2
"""


@dataclass(frozen=True, slots=True)
class CallView:
    """One call and how it stands."""

    agent: str
    method: str
    event_id: str
    status: str
    """`waiting`, `parked`, `answered` or `dead`."""
    reason: str
    queued_at: dt.datetime
    answered_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class DeadCallView:
    """A call that was refused for good."""

    store_id: int
    call_id: int
    agent: str
    method: str
    event_id: str
    subject: str
    reason: str
    detail: str
    attempts: int
    died_at: dt.datetime


async def list_calls(connection: Connection, store_id: int, subject: str, *, limit: int = 200) -> list[CallView]:
    """Every call about a subject, oldest first."""
    return [CallView(*row) for row in await connection.fetch(_ABOUT, store_id, subject, limit)]


async def find_ended(connection: Connection, store_id: int, event_id: str) -> CallView | None:
    """The call of this event id, once it was answered or is dead."""
    row = await connection.fetchrow(_ENDED, store_id, event_id)
    return None if row is None else CallView(*row)


async def list_dead(
    connection: Connection,
    *,
    store_id: int | None = None,
    agent: str | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> list[DeadCallView]:
    """Dead calls, newest first, page by page."""
    return [DeadCallView(*row) for row in await connection.fetch(_DEAD, store_id, agent, before_id, limit)]


async def replay_dead(connection: Connection, *, store_id: int, call_ids: Sequence[int] | None = None) -> int:
    """Queue dead calls of a store again (all without ids), in the caller's transaction; how many."""
    rows = await connection.fetch(_REPLAY, store_id, None if call_ids is None else list(call_ids))
    if rows:
        tags = " ".join(wakeup_tag(row[0], Lane(row[1])) for row in rows)
        await connection.execute("SELECT pg_notify('kiki_calls', $1)", tags)
    return sum(row[2] for row in rows)

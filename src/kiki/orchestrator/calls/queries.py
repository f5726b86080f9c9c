"""The calls that were refused for good, and their replay."""

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

"""The SQL of months that somebody asked to close before their grace is over."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from kiki.kit.database import Connection
from kiki.orchestrator.closing.months import Month

_COLUMNS = "store_id, month, asked_at, actor, why, reason, settled_at"
_ASK = f"""
INSERT INTO closing.requests AS r ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, '', NULL)
ON CONFLICT (store_id, month) DO UPDATE
SET asked_at = excluded.asked_at, actor = excluded.actor, why = excluded.why, reason = '', settled_at = NULL
WHERE r.settled_at IS NOT NULL
RETURNING 1
"""
_FIND = f"SELECT {_COLUMNS} FROM closing.requests WHERE store_id = $1 AND month = $2"
_LOCK = f"{_FIND} FOR UPDATE"
_FRESH = "SELECT EXISTS (SELECT FROM closing.requests WHERE settled_at IS NULL AND asked_at > $1)"
_EXPLAIN = """
UPDATE closing.requests SET reason = $3, settled_at = $4
WHERE store_id = $1 AND month = $2 AND settled_at IS NULL
"""
_SETTLE_CLOSED = """
UPDATE closing.requests r SET reason = '', settled_at = $1 FROM closing.months m
WHERE r.settled_at IS NULL AND m.store_id = r.store_id AND m.month = r.month AND m.state = 'closed'
"""


WITHDRAWN = "WITHDRAWN"
"""The reason of a request that was taken back."""


class RequestRow(NamedTuple):
    """Who asked last to close a month, and what became of it."""

    store_id: int
    month: Month
    asked_at: dt.datetime
    actor: str
    why: str
    reason: str
    """Why it was refused, or `WITHDRAWN`; what it waits for while it is open."""
    settled_at: dt.datetime | None
    """When the month was closed, or the request refused or taken back; None while it is open."""


async def ask(connection: Connection, store_id: int, month: Month, *, actor: str, why: str, at: dt.datetime) -> bool:
    """Ask; False when it is asked already. Asked again after a refusal, it is looked at again."""
    return await connection.fetchval(_ASK, store_id, month.text, at, actor, why) is not None


async def find_request(connection: Connection, store_id: int, month: Month) -> RequestRow | None:
    """The last asking; None when nobody did."""
    row = await connection.fetchrow(_FIND, store_id, month.text)
    return None if row is None else RequestRow(row[0], Month.read(row[1]), *row[2:])


async def lock_request(connection: Connection, store_id: int, month: Month) -> RequestRow | None:
    """The last asking, held until the transaction ends; whoever wants the month's row too takes that one first."""
    row = await connection.fetchrow(_LOCK, store_id, month.text)
    return None if row is None else RequestRow(row[0], Month.read(row[1]), *row[2:])


async def is_fresh(connection: Connection, since: dt.datetime) -> bool:
    """Whether something was asked for since then and is not settled."""
    fresh: bool = await connection.fetchval(_FRESH, since)
    return fresh


async def explain(connection: Connection, store_id: int, month: Month, reason: str) -> None:
    """Say what an open request waits for; without a request, nothing."""
    await connection.execute(_EXPLAIN, store_id, month.text, reason, None)


async def settle(connection: Connection, store_id: int, month: Month, at: dt.datetime, reason: str = "") -> None:
    """End an open request: the month is closed, or `reason` says why it cannot be now."""
    await connection.execute(_EXPLAIN, store_id, month.text, reason, at)


async def settle_closed(connection: Connection, at: dt.datetime) -> None:
    """End requests that came just after their month was closed."""
    await connection.execute(_SETTLE_CLOSED, at)

"""The SQL of the closing of months."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Sequence
from typing import NamedTuple

from kiki.kit.database import Connection, Record
from kiki.orchestrator.closing.months import Month

LEDGER = "syncledger"
_TOLD = ("syncvalue", LEDGER)
"""Agents whose waiting calls may still change a month."""
ARRIVING = dt.timedelta(seconds=10)
"""For so long a delivery may be under way to its table: a month is looked at so much after its grace is over."""

_COLUMNS = "store_id, month, ends_at, closes_at, due_at, state, reason, asked_at, closed_at"
_UNFOLLOWED = """
SELECT s.store_id FROM commerce.store_connections s
WHERE s.store_id > $1
  AND NOT EXISTS (SELECT FROM closing.months m WHERE m.store_id = s.store_id AND m.state <> 'closed')
  AND (s.uninstalled_at IS NULL
       OR (SELECT count(*) FROM closing.months m WHERE m.store_id = s.store_id AND m.ends_at > s.uninstalled_at) < 2
       OR EXISTS (SELECT FROM closing.requests r WHERE r.store_id = s.store_id AND r.settled_at IS NULL))
ORDER BY s.store_id LIMIT $2
"""
_ADD = f"""
INSERT INTO closing.months ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, 'open', '', NULL, NULL) ON CONFLICT DO NOTHING
"""
_GRACE = """
UPDATE closing.months SET state = 'open', reason = '', closes_at = ends_at + $1, due_at = ends_at + $1 + $2
WHERE state IN ('open', 'held') AND closes_at <> ends_at + $1
"""
_DUE = f"""
WITH wanted AS (SELECT store_id, month, asked_at AS wanted_at FROM closing.requests WHERE settled_at IS NULL)
SELECT {_COLUMNS}, wanted_at FROM closing.months
LEFT JOIN wanted USING (store_id, month) WHERE state <> 'closed' AND due_at <= $1
UNION SELECT {_COLUMNS}, wanted_at FROM wanted JOIN closing.months USING (store_id, month) WHERE state <> 'closed'
ORDER BY due_at, store_id LIMIT $2
"""
_MOVE = """
UPDATE closing.months SET state = $4, reason = $5, due_at = $6,
    asked_at = CASE $4 WHEN 'asked' THEN coalesce($7, asked_at) ELSE asked_at END,
    closed_at = CASE $4 WHEN 'closed' THEN $7 END
WHERE store_id = $1 AND month = $2 AND state = $3
RETURNING 1
"""
_FIND = f"SELECT {_COLUMNS} FROM closing.months WHERE store_id = $1 AND month = $2"
_LOCK = f"{_FIND} FOR UPDATE"
_UNFOLLOW = """
DELETE FROM closing.months m USING commerce.store_connections s
WHERE m.store_id = $1 AND m.month = $2 AND m.state IN ('open', 'held') AND s.store_id = m.store_id
  AND (SELECT count(*) FROM closing.months e
       WHERE e.store_id = m.store_id AND e.month < m.month AND e.ends_at > s.uninstalled_at) >= 2
"""
_LIST = f"""
SELECT {_COLUMNS} FROM closing.months
WHERE ($1::bigint IS NULL OR store_id = $1) AND ($2::text IS NULL OR state = $2)
  AND ($3::text IS NULL OR (month, -store_id) < ($3, -$4::bigint))
ORDER BY month DESC, store_id LIMIT $5
"""
_WORK = """
WITH wanted AS (SELECT * FROM unnest($1::bigint[], $2::timestamptz[]) AS d (store_id, before)),
undecided AS (
    SELECT DISTINCT d.store_id FROM wanted d
    JOIN (SELECT store_id, received_at FROM inbox.queue UNION ALL SELECT store_id, received_at FROM inbox.parked) AS w
      ON w.store_id = d.store_id AND w.received_at < d.before
), calls AS (
    SELECT store_id, min(seq) AS oldest
    FROM (SELECT store_id, seq, method FROM calls.queue WHERE agent = ANY($3::text[])
          UNION ALL SELECT store_id, seq, method FROM calls.parked WHERE agent = ANY($3::text[])) AS w
    WHERE store_id = ANY($1::bigint[]) AND method <> 'CloseMonth' GROUP BY store_id
), replayed AS (
    SELECT store_id, count(*) AS runs FROM inbox.replays WHERE store_id = ANY($1::bigint[]) GROUP BY store_id
), dead AS (
    SELECT store_id, count(*) AS calls FROM calls.dead
    WHERE store_id = ANY($1::bigint[]) AND agent = ANY($3::text[]) GROUP BY store_id
)
SELECT d.store_id, undecided.store_id IS NOT NULL, calls.oldest, coalesce(replayed.runs, 0), coalesce(dead.calls, 0),
       (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM calls.queue_seq)
FROM wanted d LEFT JOIN undecided USING (store_id) LEFT JOIN calls USING (store_id)
LEFT JOIN replayed USING (store_id) LEFT JOIN dead USING (store_id)
"""
_GIVEN_UP = """
SELECT (SELECT count(*) FROM inbox.dead_letters
        WHERE store_id = $1 AND resolved_at IS NULL AND received_at >= $2 AND received_at < $3),
       (SELECT count(*) FROM calls.dead WHERE store_id = $1 AND agent = ANY($4::text[]) AND queued_at >= $2)
"""
_PENDING = """
SELECT store_id, event_id, '' FROM calls.queue WHERE agent = $1 AND event_id = ANY($2::text[])
UNION ALL SELECT store_id, event_id, reason FROM calls.parked WHERE agent = $1 AND event_id = ANY($2::text[])
"""
_REFUSAL = """
SELECT reason FROM calls.dead WHERE store_id = $1 AND subject = $2 AND event_id = $3 ORDER BY died_at DESC LIMIT 1
"""
_FORGET_REFUSALS = "DELETE FROM calls.dead WHERE store_id = $1 AND subject = $2 AND event_id = $3"


class State(enum.StrEnum):
    """How far the closing of a month is."""

    OPEN = "open"
    """It runs, or its grace does."""
    HELD = "held"
    """It is time, and something is missing: `reason`."""
    ASKED = "asked"
    """SyncLedger is asked to close it."""
    CLOSED = "closed"


class MonthRow(NamedTuple):
    """A store's month."""

    store_id: int
    month: Month
    ends_at: dt.datetime
    closes_at: dt.datetime
    due_at: dt.datetime
    """When it is looked at next."""
    state: State
    reason: str
    asked_at: dt.datetime | None
    closed_at: dt.datetime | None
    wanted_at: dt.datetime | None = None
    """When somebody asked to close it now; None when nobody did, and where it was not looked up."""

    @property
    def before(self) -> dt.datetime:
        """What came before this is waited for. Before its grace is over a month is closed as of the asking."""
        return min(self.closes_at, self.wanted_at or self.closes_at)

    def is_early(self, now: dt.datetime) -> bool:
        """Whether its grace is not over: it is closed now only because somebody asked."""
        return now < self.closes_at


class Work(NamedTuple):
    """What of a store was under way when it was looked at."""

    undecided: bool
    """A delivery from before the month's closing waits, in any lane, or is held back."""
    oldest_call: int | None
    """The lowest number of a waiting call that may change a month, which closing another does not; None when none
    waits."""
    retries: tuple[int, int]
    """Replays of deliveries so far, and calls that were given up: another count means that something was replayed."""
    last_call: int
    """The last number that any call was given."""


class GivenUp(NamedTuple):
    """What a month was closed without, unless it is replayed."""

    deliveries: int
    calls: int


async def list_unfollowed(connection: Connection, after_id: int, limit: int) -> list[int]:
    """Stores none of whose months is followed, by id: new ones, and those whose last month was closed just now.

    One that removed the app has its months closed up to the one after it did, in which what an experiment still carries
    is credited; what is asked for by hand is followed beyond that.
    """
    return [row[0] for row in await connection.fetch(_UNFOLLOWED, after_id, limit)]


async def add_month(
    connection: Connection, store_id: int, month: Month, ends_at: dt.datetime, closes_at: dt.datetime
) -> None:
    """Follow a month; one that is followed already stays as it is."""
    await connection.execute(_ADD, store_id, month.text, ends_at, closes_at, closes_at + ARRIVING)


async def keep_grace(connection: Connection, grace: dt.timedelta) -> None:
    """Bring months that nobody asked for yet to the grace as it is set now."""
    await connection.execute(_GRACE, grace, ARRIVING)


async def list_due(connection: Connection, now: dt.datetime, limit: int) -> list[MonthRow]:
    """Months to look at, the longest due first: those whose time it is, and those that somebody asked for."""
    return [_row(row) for row in await connection.fetch(_DUE, now, limit)]


async def currency_of(connection: Connection, store_id: int) -> str:
    """The shop's own currency, in which its whole revenue is known."""
    found = await connection.fetchval("SELECT currency FROM commerce.store_connections WHERE store_id = $1", store_id)
    return str(found or "")


async def move(
    connection: Connection,
    row: MonthRow,
    state: State,
    *,
    reason: str = "",
    due_at: dt.datetime,
    at: dt.datetime | None = None,
) -> bool:
    """Another state, unless somebody else moved it; `at` is when it was asked for or closed."""
    moved = await connection.fetchval(_MOVE, row.store_id, row.month.text, row.state, state, reason, due_at, at)
    return moved is not None


async def find_month(connection: Connection, store_id: int, month: Month) -> MonthRow | None:
    """A store's month; None for one that is not followed: it lies before the books, or after the next to be closed."""
    row = await connection.fetchrow(_FIND, store_id, month.text)
    return None if row is None else _row(row)


async def lock_month(connection: Connection, store_id: int, month: Month) -> MonthRow | None:
    """A store's month, held until the transaction ends."""
    row = await connection.fetchrow(_LOCK, store_id, month.text)
    return None if row is None else _row(row)


async def unfollow(connection: Connection, store_id: int, month: Month) -> None:
    """Follow a month no longer that was followed only because somebody asked: its store removed the app long before."""
    await connection.execute(_UNFOLLOW, store_id, month.text)


async def list_months(
    connection: Connection, *, store_id: int | None, state: State | None, before: tuple[str, int] | None, limit: int
) -> list[MonthRow]:
    """Months of one or all stores, the newest first; `before` is month and store of the last row of the page before."""
    month, last = before or (None, None)
    return [_row(row) for row in await connection.fetch(_LIST, store_id, state, month, last, limit)]


async def look_at_work(connection: Connection, rows: Sequence[MonthRow]) -> dict[int, Work]:
    """What is under way of the months' stores, all seen at one moment."""
    if not rows:
        return {}
    given = [row.store_id for row in rows], [row.before for row in rows]
    found = await connection.fetch(_WORK, *given, list(_TOLD))
    return {row[0]: Work(row[1], row[2], (row[3], row[4]), row[5]) for row in found}


async def count_given_up(connection: Connection, row: MonthRow, starts_at: dt.datetime) -> GivenUp:
    """Dead letters of the month and its grace, and calls of that time or later, that nobody has replayed."""
    found = await connection.fetchrow(_GIVEN_UP, row.store_id, starts_at, row.before, list(_TOLD))
    assert found is not None, "a statement without conditions"
    return GivenUp(*found)


async def list_pending(connection: Connection, event_ids: Sequence[str]) -> dict[tuple[int, str], str]:
    """Calls that were not answered yet, by store and event id, with why an attempt failed; empty before the first."""
    if not event_ids:
        return {}
    return {(row[0], row[1]): row[2] for row in await connection.fetch(_PENDING, LEDGER, list(event_ids))}


async def find_refusal(connection: Connection, store_id: int, subject: str, event_id: str) -> str | None:
    """Why the call was given up; None when it was not."""
    reason: str | None = await connection.fetchval(_REFUSAL, store_id, subject, event_id)
    return reason


async def forget_refusals(connection: Connection, store_id: int, subject: str, event_id: str) -> None:
    """A new call takes the place of those that were given up."""
    await connection.execute(_FORGET_REFUSALS, store_id, subject, event_id)


def _row(row: Record) -> MonthRow:
    return MonthRow(row[0], Month.read(row[1]), row[2], row[3], row[4], State(row[5]), *row[6:])

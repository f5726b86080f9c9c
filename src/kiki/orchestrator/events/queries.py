"""Reading the event log: what a feed asks for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kiki.kit.database import Connection
from kiki.orchestrator.events.convert import event_data, spellings

_AFTER = """
SELECT store_id, seq, type, subject, payload, occurred_at FROM events.log
WHERE store_id = $1 AND seq > $2 AND (cardinality($3::text[]) = 0 OR type = ANY($3::text[])) ORDER BY seq LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One event as it stands in the log."""

    store_id: int
    seq: int
    type: str
    subject: str
    data: dict[str, Any]
    occurred_at: dt.datetime


async def list_after(
    connection: Connection, store_id: int, after_seq: int, *, types: Sequence[str] = (), limit: int = 100
) -> list[LoggedEvent]:
    """Oldest first, from after a number: what a feed asks for."""
    return [_read(row) for row in await connection.fetch(_AFTER, store_id, after_seq, spellings(types), limit)]


def _read(row: Any) -> LoggedEvent:
    return LoggedEvent(row[0], row[1], row[2], row[3], event_data(row[2], row[4]), row[5])

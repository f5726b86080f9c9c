"""Appending to the event log: gapless per store, in commit order."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

import msgspec

from kiki.kit.bulk import Append, append_rows
from kiki.kit.database import Connection

_ADVANCE = """
INSERT INTO events.heads AS h (store_id, last_seq)
SELECT * FROM unnest($1::bigint[], $2::bigint[])
ON CONFLICT (store_id) DO UPDATE SET last_seq = h.last_seq + excluded.last_seq
RETURNING store_id, last_seq
"""
_APPEND_FEW = """
WITH heads AS (
    INSERT INTO events.heads AS h (store_id, last_seq)
    SELECT * FROM unnest($1::bigint[], $2::bigint[])
    ON CONFLICT (store_id) DO UPDATE SET last_seq = h.last_seq + excluded.last_seq
    RETURNING store_id, last_seq
)
INSERT INTO events.log (store_id, seq, type, subject, payload, occurred_at)
SELECT new.store_id, heads.last_seq - new.back, new.type, new.subject, new.payload, new.occurred_at
FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bytea[], $8::timestamptz[])
    AS new(store_id, back, type, subject, payload, occurred_at)
JOIN heads ON heads.store_id = new.store_id
"""
_FEW = 200

_LOG = Append(
    "events",
    "log",
    {
        "store_id": "bigint",
        "seq": "bigint",
        "type": "text",
        "subject": "text",
        "payload": "bytea",
        "occurred_at": "timestamptz",
    },
)


class LogEvent(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened in a store."""

    store_id: int
    type: str
    """The message's name in events.proto, e.g. `OrderAttributedEvent`."""
    subject: str
    """What a view lists it under, e.g. `order:123`."""
    payload: bytes
    """The serialized message; holds no personal data."""
    occurred_at: dt.datetime


async def append(connection: Connection, events: Sequence[LogEvent]) -> None:
    """Append in order, in the caller's transaction.

    Locks the heads of the stores (sorted) until the transaction ends: call it last, after every other row lock.
    """
    if not events:
        return
    counts = Counter(event.store_id for event in events)
    stores = sorted(counts)
    if len(events) <= _FEW:
        left, back = counts.copy(), []
        for event in events:
            left[event.store_id] -= 1
            back.append(left[event.store_id])
        columns = [
            [event.store_id for event in events],
            back,
            [event.type for event in events],
            [event.subject for event in events],
            [event.payload for event in events],
            [event.occurred_at for event in events],
        ]
        await connection.execute(_APPEND_FEW, stores, [counts[store_id] for store_id in stores], *columns)
        return
    rows = await connection.fetch(_ADVANCE, stores, [counts[store_id] for store_id in stores])
    next_seq = {row[0]: row[1] - counts[row[0]] + 1 for row in rows}
    records = []
    for e in events:
        seq = next_seq[e.store_id]
        next_seq[e.store_id] = seq + 1
        records.append((e.store_id, seq, e.type, e.subject, e.payload, e.occurred_at))
    await append_rows(connection, [(_LOG, records)])

"""Rows of the data-subject requests."""

from __future__ import annotations

import datetime as dt

from kiki.council.syncshield.domain import (
    Closing,
    NewSubjectRequest,
    SubjectRequest,
    SubjectRequestKind,
    SubjectRequestState,
)
from kiki.kit.database import Connection, Record

_COLUMNS = "request_id, store_id, kind, subject_key, platform_request_id, state, received_at, due_at, closed_at, reason"


async def add_request(connection: Connection, store_id: int, new: NewSubjectRequest) -> SubjectRequest:
    """Record an open request."""
    row = await connection.fetchrow(
        "INSERT INTO syncshield.subject_requests"
        " (store_id, kind, subject_key, platform_request_id, state, received_at, due_at)"
        f" VALUES ($1, $2, $3, $4, 'open', $5, $6) RETURNING {_COLUMNS}",
        store_id,
        new.kind.value,
        new.subject_key,
        new.platform_request_id,
        new.received_at,
        new.due_at,
    )
    return _request(row)


async def find_request(connection: Connection, store_id: int, request_id: int) -> SubjectRequest | None:
    """One request, locked until the transaction ends."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM syncshield.subject_requests WHERE store_id = $1 AND request_id = $2 FOR UPDATE",
        store_id,
        request_id,
    )
    return _request(row) if row else None


async def close_request(connection: Connection, store_id: int, closing: Closing, at: dt.datetime) -> SubjectRequest:
    """Record the end of an open request."""
    row = await connection.fetchrow(
        "UPDATE syncshield.subject_requests SET state = $3, reason = $4, closed_at = $5"
        f" WHERE store_id = $1 AND request_id = $2 RETURNING {_COLUMNS}",
        store_id,
        closing.request_id,
        closing.state.value,
        closing.reason,
        at,
    )
    return _request(row)


async def list_requests(
    connection: Connection,
    *,
    store_id: int | None,
    state: SubjectRequestState | None,
    after: tuple[dt.datetime, int] | None,
    limit: int,
) -> list[SubjectRequest]:
    """A page, by due time."""
    due_at, request_id = after or (None, None)
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM syncshield.subject_requests WHERE ($1::bigint IS NULL OR store_id = $1)"
        " AND ($2::text IS NULL OR state = $2)"
        " AND ($3::timestamptz IS NULL OR (due_at, request_id) > ($3, $4::bigint))"
        " ORDER BY due_at, request_id LIMIT $5",
        store_id,
        state.value if state else None,
        due_at,
        request_id,
        limit,
    )
    return [_request(row) for row in rows]


def _request(row: Record) -> SubjectRequest:
    values = dict(row)
    values["kind"] = SubjectRequestKind(values["kind"])
    values["state"] = SubjectRequestState(values["state"])
    return SubjectRequest(**values)

"""SQL of billing on experiments: readings as told, and what closed months billed on them. Both are append-only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from kiki.council.syncledger.domain import ReadingTold
from kiki.council.syncledger.experiments import Bill, Credit, Past
from kiki.kit.database import Connection

_READING = (
    "store_id, experiment_id, month, revision, currency, estimate_minor, lower_bound_minor, started_at, as_of, users,"
    " final, plan_digest"
)
_BILL = (
    "store_id, month, experiment_id, revision, target_before_minor, target_minor, carry_before_minor, billed_minor,"
    " carry_minor"
)
_CREDIT = "store_id, month, experiment_id, carry_before_minor, credited_minor, carry_minor, fee_minor"
_FIND_READINGS = (
    f"SELECT DISTINCT ON (store_id, experiment_id, month) {_READING} FROM syncledger.experiment_readings"
    " WHERE store_id = ANY($1::bigint[]) ORDER BY store_id, experiment_id, month, revision DESC"
)
_ADD_READINGS = (
    f"INSERT INTO syncledger.experiment_readings ({_READING}, recorded_at) SELECT *, $13::timestamptz FROM"
    " unnest($1::bigint[], $2::text[], $3::int[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[],"
    " $8::timestamptz[], $9::timestamptz[], $10::bigint[], $11::bool[], $12::text[])"
)


async def find_readings(connection: Connection, store_ids: Sequence[int]) -> list[ReadingTold]:
    """The newest revision of every month's reading."""
    return [ReadingTold(*row) for row in await connection.fetch(_FIND_READINGS, sorted(set(store_ids)))]


async def add_readings(connection: Connection, readings: Sequence[ReadingTold], at: dt.datetime) -> None:
    """Appends readings."""
    if readings:
        columns = [list(column) for column in zip(*readings, strict=True)]
        await connection.execute(_ADD_READINGS, *columns, at)


async def find_past(connection: Connection, store_id: int) -> Past:
    """What the closed months billed and gave back, by month."""
    bills = await connection.fetch(
        f"SELECT {_BILL} FROM syncledger.experiment_bills WHERE store_id = $1 ORDER BY month", store_id
    )
    given = await connection.fetch(
        f"SELECT {_CREDIT} FROM syncledger.experiment_credits WHERE store_id = $1 ORDER BY month", store_id
    )
    return Past({row[1]: Bill(*row) for row in bills}, {row[1]: Credit(*row) for row in given})


async def add_bill(connection: Connection, bill: Bill, at: dt.datetime) -> None:
    """Freezes what a month bills."""
    await connection.execute(
        f"INSERT INTO syncledger.experiment_bills ({_BILL}, closed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        *bill,
        at,
    )


async def add_credit(connection: Connection, credit: Credit, at: dt.datetime) -> None:
    """Freezes what a month gives back."""
    await connection.execute(
        f"INSERT INTO syncledger.experiment_credits ({_CREDIT}, closed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        *credit,
        at,
    )

"""SQL of billing on experiments: readings as told, what closed months billed on them and gave back. All append-only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from kiki.council.syncledger.domain import LOST, EntryKind, ReadingTold
from kiki.council.syncledger.experiments import Bill, Credit, Past
from kiki.council.syncledger.late_refunds import GivenBack, LateCredit, Stint
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
_LATE = (
    "store_id, month, first_month, experiment_id, read_month, billed_minor, attributed_minor, given_back_minor,"
    " credited_minor, fee_minor"
)
# What a reading counted: entries from before it was told, refunds that had happened by then. What is kept of an order
# by now is what its booking at the reading would hold, were the refunds of today taken off it. Only orders from which
# something was taken since are looked at one by one.
_REVENUE, _REFUND, _REVERSAL = EntryKind.REVENUE.value, EntryKind.REFUND.value, EntryKind.REVERSAL.value
_GIVEN_BACK = f"""
WITH stints AS (
    SELECT s.n, s.first_month, s.last_month, r.as_of, r.recorded_at AS read_at
    FROM unnest($2::int[], $3::int[], $4::int[], $5::text[], $6::int[], $7::bigint[])
        AS s(n, first_month, last_month, experiment_id, month, revision)
    JOIN syncledger.experiment_readings r ON r.store_id = $1 AND r.experiment_id = s.experiment_id
        AND r.month = s.month AND r.revision = s.revision
), taken AS (
    SELECT s.n, t.order_id, t.revenue_minor, t.recorded_at <= s.read_at AS told,
        COALESCE(f.refunded_at >= s.as_of, false) AS later
    FROM stints s
    JOIN syncledger.transactions t ON t.store_id = $1 AND t.month >= s.first_month
        AND t.kind IN ({_REFUND}, {_REVERSAL}) AND (t.correction OR t.month <= s.last_month)
    LEFT JOIN syncledger.refunds f ON f.store_id = $1 AND f.order_id = t.order_id AND f.refund_id = t.refund_id
        AND t.kind = {_REFUND}
), attributed AS (
    SELECT n, sum(revenue_minor) AS attributed FROM (
        SELECT s.n, t.revenue_minor FROM stints s JOIN syncledger.transactions t ON t.store_id = $1
            AND t.month BETWEEN s.first_month AND s.last_month AND NOT t.correction AND t.recorded_at <= s.read_at
            AND t.kind IN ({_REVENUE}, {_REFUND}, {_REVERSAL})
        UNION ALL
        SELECT s.n, t.revenue_minor FROM stints s JOIN syncledger.transactions t ON t.store_id = $1
            AND t.month > s.first_month AND t.correction AND t.recorded_at <= s.read_at
            AND t.kind IN ({_REVENUE}, {_REFUND}, {_REVERSAL})
        JOIN syncledger.orders o ON o.store_id = $1 AND o.order_id = t.order_id
            AND o.paid_month BETWEEN s.first_month AND s.last_month
        UNION ALL
        SELECT k.n, -k.revenue_minor FROM taken k JOIN stints s ON s.n = k.n
        JOIN syncledger.orders o ON o.store_id = $1 AND o.order_id = k.order_id
            AND o.paid_month BETWEEN s.first_month AND s.last_month
        WHERE k.told AND k.later
    ) counted GROUP BY n
), entries AS (
    SELECT s.n, o.order_id, o.booking_id, o.cancelled, o.refunded_minor, o.charged_minor, t.transaction_id, t.kind,
        t.revenue_minor, t.reason,
        t.recorded_at <= s.read_at AND COALESCE(f.refunded_at < s.as_of, true) AS counted
    FROM (SELECT DISTINCT n, order_id FROM taken WHERE later OR NOT told) k
    JOIN stints s ON s.n = k.n
    JOIN syncledger.orders o ON o.store_id = $1 AND o.order_id = k.order_id
        AND o.paid_month BETWEEN s.first_month AND s.last_month
    JOIN syncledger.transactions t ON t.store_id = $1 AND t.order_id = o.order_id AND t.order_id <> ''
    LEFT JOIN syncledger.refunds f ON f.store_id = $1 AND f.order_id = t.order_id AND f.refund_id = t.refund_id
        AND t.kind = {_REFUND}
), orders AS (
    SELECT n, cancelled, refunded_minor, charged_minor,
        sum(revenue_minor) FILTER (WHERE counted) AS held,
        (array_agg(revenue_minor ORDER BY transaction_id DESC)
            FILTER (WHERE counted AND kind = {_REVENUE}))[1]::numeric AS booked,
        booking_id = 0 AND bool_or(NOT counted AND kind = {_REVERSAL} AND reason = ANY($8::text[])) AS lost
    FROM entries GROUP BY n, order_id, booking_id, cancelled, refunded_minor, charged_minor
), fallen AS (
    SELECT n, sum(GREATEST(0, held - CASE
        WHEN lost OR cancelled THEN 0
        WHEN refunded_minor <= 0 THEN booked
        WHEN refunded_minor >= charged_minor THEN 0
        ELSE booked - div(2 * booked * refunded_minor + charged_minor, 2 * charged_minor)
    END)) AS fallen FROM orders WHERE held > 0 GROUP BY n
)
SELECT a.n, a.attributed::bigint, LEAST(a.attributed, COALESCE(f.fallen, 0))::bigint
FROM attributed a LEFT JOIN fallen f ON f.n = a.n WHERE a.attributed > 0
"""
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
    rows = await connection.fetch(
        f"SELECT {_LATE} FROM syncledger.experiment_refunds WHERE store_id = $1 ORDER BY month, first_month", store_id
    )
    late: dict[int, tuple[LateCredit, ...]] = {}
    for row in rows:
        late[row[1]] = (*late.get(row[1], ()), LateCredit(*row))
    return Past({row[1]: Bill(*row) for row in bills}, {row[1]: Credit(*row) for row in given}, late)


async def given_back(connection: Connection, store_id: int, stints: Sequence[Stint]) -> dict[Stint, GivenBack]:
    """What became of the orders of stints since their last readings; a stint without orders is left out."""
    if not stints:
        return {}
    keys = [
        (at, stint.first, stint.last, stint.reading.experiment_id, stint.reading.month, stint.reading.revision)
        for at, stint in enumerate(stints)
    ]
    columns = [list(column) for column in zip(*keys, strict=True)]
    rows = await connection.fetch(_GIVEN_BACK, store_id, *columns, list(LOST))
    return {stints[row[0]]: GivenBack(row[1], row[2]) for row in rows}


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


async def add_late(connection: Connection, late: Sequence[LateCredit], at: dt.datetime) -> None:
    """Freezes what a month gives back for late refunds."""
    for credit in late:
        await connection.execute(
            f"INSERT INTO syncledger.experiment_refunds ({_LATE}, closed_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            *credit,
            at,
        )

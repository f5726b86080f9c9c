"""SQL of the books: what statements, lists and look-ups read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from kiki.council.syncledger.domain import EntryKind, OrderState
from kiki.council.syncledger.fees import MonthFigures, MonthSums, Moved
from kiki.kit.database import Connection

_LINE_KINDS = [EntryKind.REVENUE.value, EntryKind.REFUND.value, EntryKind.REVERSAL.value]
_LINE_KINDS_SQL = f"({', '.join(map(str, _LINE_KINDS))})"
_LAST_ID = 2**63 - 1
# What takes back is about the month that its booking counted in; a booking that came late, about the month of payment.
# Entries that do not keep it are from before it was kept: of them it is that of the order as it stands.
_ABOUT_MONTH = (
    "COALESCE(t.about_month, CASE WHEN NOT b.correction THEN b.month ELSE COALESCE(NULLIF(o.paid_month, 0), t.month)"
    " END)"
)
# Of the months from $2 to $3.
_CORRECTIONS = f"""
    SELECT {_ABOUT_MONTH} AS about_month, t.revenue_minor, t.order_id, t.month
    FROM syncledger.transactions t
    LEFT JOIN syncledger.transactions b ON b.store_id = t.store_id AND b.transaction_id = t.about AND t.about > 0
    LEFT JOIN syncledger.orders o ON o.store_id = t.store_id AND o.order_id = t.order_id
    WHERE t.store_id = $1 AND t.month BETWEEN $2 AND $3 AND t.correction AND t.kind IN {_LINE_KINDS_SQL}
"""


class Line(NamedTuple):
    """A line of a statement: an entry, with the evidence of the booking that it is about."""

    entry_id: int
    kind: int
    order_id: str
    refund_id: str
    correction: bool
    currency: str
    revenue_minor: int
    fee_minor: int
    recorded_at: dt.datetime
    evidence: bytes
    fee_rate_ppm: int | None
    """At which the booking was accrued; None where it was made before that was kept."""
    counted_minor: int | None
    """What of the order a booking counts, in the order's currency; None for what takes back."""
    returned_minor: int | None
    """What a refund's entry took as given back in all, in the order's currency."""
    about: int
    """The booking that is taken back from; 0 for a booking."""
    booked_revenue: int
    booked_fee: int
    reversed_revenue: int
    """Of that booking, taken back before."""
    reversed_fee: int
    about_month: int
    """That a correction is about; 0 for other lines."""


class EntryRow(NamedTuple):
    """An entry as listed; sides are (account, currency, amount)."""

    entry_id: int
    kind: int
    month: int
    order_id: str
    refund_id: str
    reason: str
    recorded_at: dt.datetime
    sides: list[tuple[int, str, int]]


class FrozenStatement(NamedTuple):
    """A closed month."""

    body: bytes
    digest: bytes


class PeriodFigures(NamedTuple):
    """What the orders paid in a span still hold."""

    revenue: int
    fee: int
    orders: int
    mean_confidence: float


async def month_figures(connection: Connection, store_id: int, month: int) -> MonthFigures:
    """Sums over a month's entries; billing and true-up do not count."""
    row = await connection.fetchrow(
        """
        SELECT COALESCE(sum(revenue_minor) FILTER (WHERE NOT correction), 0)::bigint,
            COALESCE(sum(fee_minor) FILTER (WHERE NOT correction), 0)::bigint,
            COALESCE(sum(revenue_minor) FILTER (WHERE correction), 0)::bigint,
            COALESCE(sum(fee_minor) FILTER (WHERE correction), 0)::bigint,
            COALESCE(sum(revenue_minor) FILTER (WHERE kind = $4), 0)::bigint,
            count(*)
        FROM syncledger.transactions WHERE store_id = $1 AND month = $2 AND kind = ANY($3::smallint[])
        """,
        store_id,
        month,
        _LINE_KINDS,
        EntryKind.REFUND.value,
    )
    held = await connection.fetchrow(
        """
        SELECT count(*), COALESCE(avg(o.confidence), 0)::float8 FROM syncledger.transactions t
        JOIN syncledger.orders o ON o.store_id = t.store_id AND o.order_id = t.order_id
            AND o.booking_id = t.transaction_id
        WHERE t.store_id = $1 AND t.month = $2 AND t.kind = $3 AND o.booked_revenue > o.reversed_revenue
        """,
        store_id,
        month,
        EntryKind.REVENUE.value,
    )
    assert row is not None
    assert held is not None
    return MonthFigures(MonthSums(*row[:4]), row[4], row[5], held[0], held[1])


async def month_corrections(connection: Connection, store_id: int, month: int) -> dict[int, Moved]:
    """What a month holds of corrections, by the month that they are about, and what those came to before them."""
    rows = await connection.fetch(
        f"SELECT about_month, sum(revenue_minor)::bigint FROM ({_CORRECTIONS}) c GROUP BY 1", store_id, month, month
    )
    if not rows:
        return {}
    months = [row[0] for row in rows]
    own = await connection.fetch(
        f"""
        SELECT month, sum(revenue_minor)::bigint FROM syncledger.transactions
        WHERE store_id = $1 AND month = ANY($2::int[]) AND NOT correction AND kind IN {_LINE_KINDS_SQL} GROUP BY 1
        """,
        store_id,
        months,
    )
    stated = {row[0]: row[1] for row in own}
    moved = await _moved_by_order(connection, store_id, months, month)
    return {row[0]: Moved(row[1], stated.get(row[0], 0) + moved[row[0]][0], *moved[row[0]][1:]) for row in rows}


async def _moved_by_order(
    connection: Connection, store_id: int, months: Sequence[int], month: int
) -> dict[int, tuple[int, int, int]]:
    """Of months: all corrections from before a later month, and by how much orders fell up to it, and before it."""
    rows = await connection.fetch(
        f"""
        SELECT about_month, sum(before)::bigint, sum(LEAST(after, 0))::bigint, sum(LEAST(before, 0))::bigint
        FROM (
            SELECT about_month, order_id, COALESCE(sum(revenue_minor) FILTER (WHERE month < $3), 0) AS before,
                sum(revenue_minor) AS after
            FROM ({_CORRECTIONS}) c WHERE about_month = ANY($4::int[]) GROUP BY 1, 2
        ) orders GROUP BY 1
        """,
        store_id,
        min(months) + 1,
        month,
        list(months),
    )
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


async def corrected_in(connection: Connection, store_id: int, about: int, before: int) -> int | None:
    """The last month before another that holds corrections about an earlier one; None where none does."""
    found: int | None = await connection.fetchval(
        f"SELECT max(month) FROM ({_CORRECTIONS}) c WHERE about_month = $4", store_id, about + 1, before - 1, about
    )
    return found


async def newest_entry(connection: Connection, store_id: int) -> int:
    """The store's newest entry; ids grow with every writing."""
    found: int = await connection.fetchval(
        "SELECT COALESCE(max(transaction_id), 0) FROM syncledger.transactions WHERE store_id = $1", store_id
    )
    return found


async def month_lines(
    connection: Connection, store_id: int, month: int, after: int, limit: int, through: int | None = None
) -> list[Line]:
    """Entries of a month that concern orders, oldest first; none newer than `through`, where that is given."""
    rows = await connection.fetch(
        f"""
        SELECT t.transaction_id, t.kind, t.order_id, t.refund_id, t.correction, t.currency, t.revenue_minor,
            t.fee_minor, t.recorded_at, COALESCE(t.evidence, b.evidence, ''::bytea),
            COALESCE(t.fee_rate_ppm, b.fee_rate_ppm), t.counted_minor, t.returned_minor, t.about,
            COALESCE(b.revenue_minor, 0), COALESCE(b.fee_minor, 0),
            COALESCE(-earlier.revenue_minor, 0), COALESCE(-earlier.fee_minor, 0),
            CASE WHEN t.correction THEN {_ABOUT_MONTH} ELSE 0 END
        FROM syncledger.transactions t
        LEFT JOIN syncledger.transactions b ON b.store_id = t.store_id AND b.transaction_id = t.about AND t.about > 0
        LEFT JOIN syncledger.orders o ON t.correction AND o.store_id = t.store_id AND o.order_id = t.order_id
        LEFT JOIN LATERAL (
            SELECT sum(e.revenue_minor)::bigint AS revenue_minor, sum(e.fee_minor)::bigint AS fee_minor
            FROM syncledger.transactions e
            WHERE e.store_id = t.store_id AND e.order_id = t.order_id AND e.order_id <> '' AND e.about = t.about
                AND e.transaction_id < t.transaction_id
        ) earlier ON t.about > 0
        WHERE t.store_id = $1 AND t.month = $2 AND t.transaction_id > $3 AND t.kind = ANY($5::smallint[])
            AND t.transaction_id <= $6
        ORDER BY t.transaction_id LIMIT $4
        """,
        store_id,
        month,
        after,
        limit,
        _LINE_KINDS,
        _LAST_ID if through is None else through,
    )
    return [Line(*row) for row in rows]


async def period_figures(connection: Connection, store_id: int, start: dt.datetime, end: dt.datetime) -> PeriodFigures:
    """What the orders paid in a span still hold, and how sure we are of them."""
    row = await connection.fetchrow(
        """
        SELECT COALESCE(sum(booked_revenue - reversed_revenue), 0)::bigint,
            COALESCE(sum(booked_fee - reversed_fee), 0)::bigint,
            count(*) FILTER (WHERE booked_revenue > reversed_revenue),
            COALESCE(avg(confidence) FILTER (WHERE booked_revenue > reversed_revenue), 0)::float8
        FROM syncledger.orders WHERE store_id = $1 AND paid_at >= $2 AND paid_at < $3 AND booking_id > 0
        """,
        store_id,
        start,
        end,
    )
    assert row is not None
    return PeriodFigures(*row)


async def find_order(connection: Connection, store_id: int, order_id: str) -> tuple[OrderState, bytes] | None:
    """Where an order stands, and its evidence."""
    row = await connection.fetchrow(
        """
        SELECT decision_seq, o.reason, o.currency, charged_minor, settlement_currency, booked_revenue, booked_fee,
            reversed_revenue, reversed_fee, refunded_minor, cancelled, confidence, paid_at, paid_month, billing_month,
            booking_id, o.evidence, COALESCE(t.evidence, o.evidence, ''::bytea)
        FROM syncledger.orders o
        LEFT JOIN syncledger.transactions t ON t.store_id = o.store_id AND t.transaction_id = o.booking_id
        WHERE o.store_id = $1 AND o.order_id = $2
        """,
        store_id,
        order_id,
    )
    return (OrderState(*row[:-1]), row[-1]) if row else None


async def list_entries(
    connection: Connection, *, store_id: int, month: int | None, order_id: str, after: int, limit: int
) -> list[EntryRow]:
    """Entries with their sides, oldest first."""
    rows = await connection.fetch(
        """
        SELECT t.transaction_id, t.kind, t.month, t.order_id, t.refund_id, t.reason, t.recorded_at,
            p.accounts, p.currencies, p.amounts
        FROM (
            SELECT * FROM syncledger.transactions WHERE store_id = $1 AND transaction_id > $2
                AND ($3::int IS NULL OR month = $3) AND ($4 = '' OR order_id = $4)
            ORDER BY transaction_id LIMIT $5
        ) t
        CROSS JOIN LATERAL (
            SELECT array_agg(account ORDER BY line) AS accounts, array_agg(currency::text ORDER BY line) AS currencies,
                array_agg(amount_minor ORDER BY line) AS amounts
            FROM syncledger.postings WHERE store_id = t.store_id AND transaction_id = t.transaction_id
        ) p
        ORDER BY t.transaction_id
        """,
        store_id,
        after,
        month,
        order_id,
        limit,
    )
    entries = []
    for *entry, accounts, currencies, amounts in rows:
        sides = list(zip(accounts or (), currencies or (), amounts or (), strict=True))
        number, kind, month, order, refund, reason, at = entry
        entries.append(EntryRow(number, kind, month, order, refund, reason, at, sides))
    return entries


async def find_statement(connection: Connection, store_id: int, month: int) -> FrozenStatement | None:
    """A closed month as frozen."""
    row = await connection.fetchrow(
        "SELECT body, digest FROM syncledger.statements WHERE store_id = $1 AND month = $2", store_id, month
    )
    return FrozenStatement(*row) if row else None


async def find_page(connection: Connection, store_id: int, month: int, page: int) -> bytes | None:
    """A page of a closed month's lines as frozen."""
    body: bytes | None = await connection.fetchval(
        "SELECT body FROM syncledger.statement_pages WHERE store_id = $1 AND month = $2 AND page = $3",
        store_id,
        month,
        page,
    )
    return body


async def count_pages(connection: Connection, store_id: int, month: int) -> int:
    """Pages of a closed month."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM syncledger.statement_pages WHERE store_id = $1 AND month = $2", store_id, month
    )
    return count


async def add_page(connection: Connection, store_id: int, month: int, page: int, body: bytes) -> None:
    """Freezes a page of lines."""
    await connection.execute(
        "INSERT INTO syncledger.statement_pages (store_id, month, page, body) VALUES ($1, $2, $3, $4)",
        store_id,
        month,
        page,
        body,
    )


async def add_statement(
    connection: Connection, store_id: int, month: int, statement: FrozenStatement, closed_at: dt.datetime
) -> None:
    """Freezes a month's figures."""
    await connection.execute(
        "INSERT INTO syncledger.statements (store_id, month, body, digest, closed_at) VALUES ($1, $2, $3, $4, $5)",
        store_id,
        month,
        statement.body,
        statement.digest,
        closed_at,
    )

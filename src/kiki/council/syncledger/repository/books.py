"""SQL of the books: what recording reads and writes. Set-based; callers hold the store's row while they write."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kiki.council.syncledger.domain import (
    BaselineFigures,
    Basis,
    Books,
    Entry,
    EntryKind,
    OrderRef,
    OrderState,
    Posting,
    RefundRef,
    RefundTold,
    Rule,
    Terms,
)
from kiki.kit.bulk import Append, append_rows
from kiki.kit.database import Connection

_STATE = (
    "decision_seq, reason, currency, charged_minor, settlement_currency, booked_revenue, booked_fee, reversed_revenue,"
    " reversed_fee, refunded_minor, cancelled, confidence, paid_at, paid_month, billing_month, booking_id, evidence"
)
_TERMS = (
    "store_id, version, fee_rate_ppm, basis, rule, currency, time_zone, connected_at, baseline_revenue_minor,"
    " baseline_monthly_minor, baseline_months, effective_month, experiment_id, ended_at"
)
_LOCK = (
    "SELECT store_id, closed_through FROM syncledger.books"
    " WHERE store_id = ANY($1::bigint[]) ORDER BY store_id FOR UPDATE"
)
_ADD_BOOKS = "INSERT INTO syncledger.books (store_id) SELECT s FROM unnest($1::bigint[]) AS u(s) ON CONFLICT DO NOTHING"
_DRAW_AND_FIND_TERMS = (
    f"SELECT ids.first, {_TERMS} FROM (SELECT nextval('syncledger.entry_blocks') AS first) AS ids"
    " LEFT JOIN syncledger.contracts c ON c.store_id = ANY($1::bigint[]) ORDER BY c.store_id, c.version"
)
_FIND_TERMS = f"SELECT {_TERMS} FROM syncledger.contracts WHERE store_id = ANY($1::bigint[]) ORDER BY store_id, version"
_FIND_BOOKED = (
    "SELECT s, t.month FROM unnest($1::bigint[]) AS u(s) CROSS JOIN LATERAL (SELECT month FROM syncledger.transactions"
    f" WHERE store_id = s AND kind = {EntryKind.REVENUE.value} AND NOT correction ORDER BY month DESC LIMIT 1) t"
)
_FIND_ORDERS = (
    f"SELECT o.store_id, o.order_id, {_STATE} FROM unnest($1::bigint[], $2::text[]) AS k(s, i)"
    " JOIN syncledger.orders o ON o.store_id = k.s AND o.order_id = k.i"
)
_FIND_REFUNDS = (
    "SELECT r.store_id, r.order_id, r.refund_id, r.amount_minor, r.currency, r.cancellation, r.refunded_at"
    " FROM unnest($1::bigint[], $2::text[], $3::text[]) AS k(s, o, r)"
    " JOIN syncledger.refunds r ON r.store_id = k.s AND r.order_id = k.o AND r.refund_id = k.r"
)
_FIND_REFUNDS_OF = (
    "SELECT r.store_id, r.order_id, r.refund_id, r.amount_minor, r.currency, r.cancellation, r.refunded_at"
    " FROM unnest($1::bigint[], $2::text[]) AS k(s, o)"
    " JOIN syncledger.refunds r ON r.store_id = k.s AND r.order_id = k.o"
)
_ENTRIES = Append(
    "syncledger",
    "transactions",
    {
        "store_id": "bigint",
        "transaction_id": "bigint",
        "kind": "smallint",
        "month": "int",
        "order_id": "text",
        "refund_id": "text",
        "correction": "bool",
        "about": "bigint",
        "currency": "text",
        "revenue_minor": "bigint",
        "fee_minor": "bigint",
        "billed_minor": "bigint",
        "reason": "text",
        "evidence": "bytea",
        "fee_rate_ppm": "int",
        "counted_minor": "bigint",
        "returned_minor": "bigint",
        "about_month": "int",
        "recorded_at": "timestamptz",
    },
)
_POSTINGS = Append(
    "syncledger",
    "postings",
    {
        "store_id": "bigint",
        "transaction_id": "bigint",
        "line": "smallint",
        "account": "smallint",
        "currency": "text",
        "amount_minor": "bigint",
    },
)
_MOVE_BALANCES = (
    "INSERT INTO syncledger.balances AS b (store_id, account, currency, month, amount_minor)"
    " SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::text[], $4::int[], $5::bigint[])"
    " ON CONFLICT (store_id, account, currency, month) DO UPDATE"
    " SET amount_minor = b.amount_minor + excluded.amount_minor"
)
_STATE_COLUMNS = _STATE.replace(" ", "").split(",")
_WRITE_ORDERS = (
    f"INSERT INTO syncledger.orders (store_id, order_id, {_STATE})"
    " SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::smallint[], $5::text[], $6::bigint[],"
    " $7::text[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bool[], $14::float8[],"
    " $15::timestamptz[], $16::int[], $17::int[], $18::bigint[], $19::bytea[])"
    " ON CONFLICT (store_id, order_id) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in _STATE_COLUMNS)
)
_WRITE_REFUNDS = (
    "INSERT INTO syncledger.refunds (store_id, order_id, refund_id, amount_minor, currency, cancellation, refunded_at)"
    " SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bool[],"
    " $7::timestamptz[]) ON CONFLICT (store_id, order_id, refund_id) DO UPDATE SET"
    " amount_minor = excluded.amount_minor, currency = excluded.currency, cancellation = excluded.cancellation"
)


async def lock_books(connection: Connection, store_ids: Sequence[int]) -> tuple[dict[int, Books], int]:
    """Takes the stores' locks, in order, until the transaction ends; their books, and the first of 1,024 free ids.

    Ids are drawn under the lock, so that within a store a later entry has a higher one.
    """
    wanted = sorted(set(store_ids))
    rows = await connection.fetch(_LOCK, wanted)
    if len(rows) < len(wanted):
        await connection.execute(_ADD_BOOKS, wanted)
        rows = await connection.fetch(_LOCK, wanted)
    drawn = await connection.fetch(_DRAW_AND_FIND_TERMS, wanted)
    versions = _by_store([tuple(row)[1:] for row in drawn if row[1] is not None])
    return {row[0]: Books(row[0], row[1], versions.get(row[0], ())) for row in rows}, drawn[0][0]


async def find_books(connection: Connection, store_id: int) -> Books | None:
    """A store's books without its lock; None while it has no contract."""
    versions = _by_store(await connection.fetch(_FIND_TERMS, [store_id])).get(store_id)
    if not versions:
        return None
    closed = await connection.fetchval("SELECT closed_through FROM syncledger.books WHERE store_id = $1", store_id)
    return Books(store_id, closed, versions)


def _by_store(rows: Iterable[Iterable[Any]]) -> dict[int, tuple[Terms, ...]]:
    versions: dict[int, tuple[Terms, ...]] = {}
    for row in rows:
        terms = _terms(row)
        versions[terms.store_id] = (*versions.get(terms.store_id, ()), terms)
    return versions


def _terms(row: Iterable[Any]) -> Terms:
    store_id, version, rate, basis, rule, currency, time_zone, connected_at, *rest = row
    revenue, monthly, months, effective, experiment, ended_at = rest
    return Terms(
        store_id=store_id,
        version=version,
        fee_rate_ppm=rate,
        basis=Basis(basis),
        rule=Rule(rule),
        currency=currency,
        time_zone=time_zone,
        connected_at=connected_at,
        baseline=None if revenue is None else BaselineFigures(revenue, monthly, months),
        effective_month=effective,
        experiment_id=experiment,
        ended_at=ended_at,
    )


async def add_terms(connection: Connection, terms: Sequence[Terms], at: dt.datetime) -> None:
    """Appends versions of contracts."""
    for version in terms:
        baseline = version.baseline
        await connection.execute(
            f"INSERT INTO syncledger.contracts ({_TERMS}, recorded_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            version.store_id,
            version.version,
            version.fee_rate_ppm,
            version.basis.value,
            version.rule.value,
            version.currency,
            version.time_zone,
            version.connected_at,
            None if baseline is None else baseline.revenue_minor,
            None if baseline is None else baseline.monthly_minor,
            None if baseline is None else baseline.months,
            version.effective_month,
            version.experiment_id,
            version.ended_at,
            at,
        )


async def find_booked(connection: Connection, store_ids: Sequence[int]) -> dict[int, int]:
    """The last month in which orders paid in it were booked, of the stores that have one."""
    rows = await connection.fetch(_FIND_BOOKED, list(store_ids))
    return {row[0]: row[1] for row in rows}


async def find_orders(connection: Connection, refs: Sequence[OrderRef]) -> dict[OrderRef, OrderState]:
    """The orders that are known."""
    rows = await connection.fetch(_FIND_ORDERS, *_columns(refs, 2))
    return {(row[0], row[1]): OrderState(*row[2:]) for row in rows}


async def find_refunds(connection: Connection, refs: Sequence[RefundRef]) -> dict[RefundRef, RefundTold]:
    """The refunds that are known."""
    rows = await connection.fetch(_FIND_REFUNDS, *_columns(refs, 3))
    return {(row[0], row[1], row[2]): RefundTold(*row) for row in rows}


async def find_refunds_of(connection: Connection, refs: Sequence[OrderRef]) -> dict[RefundRef, RefundTold]:
    """All that was told as given back of these orders."""
    rows = await connection.fetch(_FIND_REFUNDS_OF, *_columns(refs, 2))
    return {(row[0], row[1], row[2]): RefundTold(*row) for row in rows}


async def add_entries(
    connection: Connection,
    entries: Sequence[Entry],
    postings: Sequence[Posting],
    movements: Mapping[tuple[int, int, str, int], int],
    at: dt.datetime,
) -> None:
    """Appends entries with their sides and moves the balances."""
    if not entries:
        return
    lines = [(*entry, at) for entry in entries]
    await append_rows(connection, [(_ENTRIES, lines), (_POSTINGS, postings)])
    rows = [(*key, movements[key]) for key in sorted(movements)]
    await connection.execute(_MOVE_BALANCES, *_columns(rows, 5))


async def write_orders(connection: Connection, orders: Mapping[OrderRef, OrderState]) -> None:
    """Adds or replaces where orders stand."""
    if orders:
        rows = [(*ref, *orders[ref]) for ref in sorted(orders)]
        await connection.execute(_WRITE_ORDERS, *_columns(rows, 19))


async def write_refunds(connection: Connection, refunds: Mapping[RefundRef, RefundTold]) -> None:
    """Adds refunds, or replaces what they are known to amount to."""
    if refunds:
        await connection.execute(_WRITE_REFUNDS, *_columns([refunds[ref] for ref in sorted(refunds)], 7))


async def close_through(connection: Connection, store_id: int, month: int) -> None:
    """Closes a month."""
    await connection.execute("UPDATE syncledger.books SET closed_through = $2 WHERE store_id = $1", store_id, month)


def _columns(rows: Sequence[Sequence[object]], width: int) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]

"""Proves the books: recomputes balances, orders and statements from the entries and names what differs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from kiki.council.syncledger.domain import Account
from kiki.council.syncledger.months import month_text
from kiki.kit.database import Connection

MAX_PROBLEMS = 100
MAX_BALANCES = 1_000


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not add up."""

    kind: str
    store_id: int
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The outcome; `balances` are (store, account, currency, amount) computed from the postings."""

    entries: int
    postings: int
    problems: list[Problem]
    balances: list[tuple[int, int, str, int]]


def _month(number: str) -> str:
    """SQL for `month_text`, of any number."""
    return f"'month ' || lpad(({number} / 12)::text, 4, '0') || '-' || lpad(({number} % 12 + 1)::text, 2, '0')"


def _account(number: str) -> str:
    names = ", ".join(f"'{account.name.lower()}'" for account in Account)
    return f"'account ' || COALESCE((ARRAY[{names}])[{number}], {number}::text)"


_UNBALANCED = """
    SELECT store_id, transaction_id::text, 'sides sum to ' || sum(amount_minor) || ' ' || currency
    FROM syncledger.postings WHERE ($1::bigint = 0 OR store_id = $1)
    GROUP BY store_id, transaction_id, currency HAVING sum(amount_minor) <> 0
"""
_ENTRY_DIFFERS = """
    SELECT COALESCE(t.store_id, p.store_id), COALESCE(t.transaction_id, p.transaction_id)::text,
        'entry says revenue ' || COALESCE(t.revenue_minor::text, 'nothing') || ', fee ' || COALESCE(t.fee_minor::text,
        'nothing') || '; its sides say ' || COALESCE(p.revenue::text, 'nothing')
        || ', ' || COALESCE(p.fee::text, 'nothing')
    FROM (SELECT * FROM syncledger.transactions WHERE $1::bigint = 0 OR store_id = $1) t
    FULL JOIN (
        SELECT store_id, transaction_id, min(currency) AS currency, max(currency) AS other,
            COALESCE(-sum(amount_minor) FILTER (WHERE account = 2), 0) AS revenue,
            COALESCE(-sum(amount_minor) FILTER (WHERE account = 4), 0) AS fee,
            COALESCE(sum(amount_minor) FILTER (WHERE account = 5), 0) AS billed
        FROM syncledger.postings WHERE $1::bigint = 0 OR store_id = $1 GROUP BY store_id, transaction_id
    ) p ON p.store_id = t.store_id AND p.transaction_id = t.transaction_id
    WHERE t.store_id IS NULL
        OR (t.revenue_minor, t.fee_minor, t.billed_minor)
            IS DISTINCT FROM (COALESCE(p.revenue, 0), COALESCE(p.fee, 0), COALESCE(p.billed, 0))
        OR p.currency <> t.currency OR p.other <> t.currency
"""
_BALANCE_DIFFERS = f"""
    SELECT COALESCE(b.store_id, p.store_id),
        {_account("COALESCE(b.account, p.account)")} || ', ' || {_month("COALESCE(b.month, p.month)")},
        'kept ' || COALESCE(b.amount_minor, 0) || ', computed ' || COALESCE(p.amount, 0)
    FROM (SELECT * FROM syncledger.balances WHERE $1::bigint = 0 OR store_id = $1) b
    FULL JOIN (
        SELECT p.store_id, p.account, p.currency, t.month, sum(p.amount_minor) AS amount
        FROM syncledger.postings p
        JOIN syncledger.transactions t ON t.store_id = p.store_id AND t.transaction_id = p.transaction_id
        WHERE $1::bigint = 0 OR p.store_id = $1 GROUP BY 1, 2, 3, 4
    ) p ON p.store_id = b.store_id AND p.account = b.account AND p.currency = b.currency AND p.month = b.month
    WHERE COALESCE(b.amount_minor, 0) <> COALESCE(p.amount, 0)
"""
_ORDER_DIFFERS = """
    SELECT COALESCE(o.store_id, t.store_id), COALESCE(o.order_id, t.order_id),
        'order holds ' || COALESCE(o.revenue, 0) || ' / ' || COALESCE(o.fee, 0) || ', entries say '
        || COALESCE(t.revenue, 0) || ' / ' || COALESCE(t.fee, 0)
    FROM (
        SELECT store_id, order_id, booked_revenue - reversed_revenue AS revenue, booked_fee - reversed_fee AS fee
        FROM syncledger.orders WHERE $1::bigint = 0 OR store_id = $1
    ) o
    FULL JOIN (
        SELECT store_id, order_id, sum(revenue_minor) AS revenue, sum(fee_minor) AS fee FROM syncledger.transactions
        WHERE ($1::bigint = 0 OR store_id = $1) AND order_id <> '' GROUP BY 1, 2
    ) t ON t.store_id = o.store_id AND t.order_id = o.order_id
    WHERE (COALESCE(o.revenue, 0), COALESCE(o.fee, 0)) IS DISTINCT FROM (COALESCE(t.revenue, 0), COALESCE(t.fee, 0))
"""
_REFUNDS_DIFFER = """
    SELECT COALESCE(o.store_id, r.store_id), COALESCE(o.order_id, r.order_id),
        'order counts refunds of ' || COALESCE(o.refunded_minor, 0) || ', told were ' || COALESCE(r.amount, 0)
    FROM (SELECT * FROM syncledger.orders WHERE ($1::bigint = 0 OR store_id = $1) AND refunded_minor > 0) o
    FULL JOIN (
        SELECT store_id, order_id, sum(amount_minor) AS amount FROM syncledger.refunds
        WHERE ($1::bigint = 0 OR store_id = $1) AND amount_minor > 0 GROUP BY 1, 2
    ) r ON r.store_id = o.store_id AND r.order_id = o.order_id
    WHERE COALESCE(o.refunded_minor, 0) <> COALESCE(r.amount, 0)
"""
_BILL_DIFFERS = f"""
    SELECT store_id, {_month("month")}, 'begins with a carry of ' || carry_before_minor
        || ', the month before left ' || left_over
    FROM (
        SELECT store_id, month, carry_before_minor,
            COALESCE(lag(carry_minor) OVER (PARTITION BY store_id ORDER BY month, step), 0) AS left_over
        FROM (
            SELECT store_id, month, 0 AS step, carry_before_minor, carry_minor FROM syncledger.experiment_bills
            UNION ALL
            SELECT store_id, month, 1, carry_before_minor, carry_minor FROM syncledger.experiment_credits
        ) steps WHERE $1::bigint = 0 OR store_id = $1
    ) b
    WHERE carry_before_minor <> left_over
"""
_CREDIT_DIFFERS = f"""
    SELECT COALESCE(c.store_id, t.store_id), {_month("COALESCE(c.month, t.month)")}, 'credit of '
        || COALESCE(c.fee_minor, 0) || ', entry of ' || COALESCE(t.fee, 0)
    FROM (
        SELECT store_id, month, sum(fee_minor) AS fee_minor FROM (
            SELECT store_id, month, fee_minor FROM syncledger.experiment_credits
            UNION ALL
            SELECT store_id, month, fee_minor FROM syncledger.experiment_refunds
        ) given WHERE ($1::bigint = 0 OR store_id = $1) AND fee_minor > 0 GROUP BY 1, 2
    ) c
    FULL JOIN (
        SELECT store_id, month, -sum(fee_minor) AS fee FROM syncledger.transactions
        WHERE ($1::bigint = 0 OR store_id = $1) AND kind = 6 GROUP BY 1, 2
    ) t ON t.store_id = c.store_id AND t.month = c.month
    WHERE COALESCE(c.fee_minor, 0) <> COALESCE(t.fee, 0)
"""
_CREDITED_TOO_MUCH = """
    SELECT store_id, 'all months', 'credited ' || credited || ' of ' || billed || ' billed on experiments'
    FROM (
        SELECT c.store_id, sum(c.credited_minor) AS credited, (
            SELECT COALESCE(sum(b.billed_minor), 0) FROM syncledger.experiment_bills b WHERE b.store_id = c.store_id
        ) AS billed
        FROM (
            SELECT store_id, credited_minor FROM syncledger.experiment_credits
            UNION ALL
            SELECT store_id, credited_minor FROM syncledger.experiment_refunds
        ) c WHERE $1::bigint = 0 OR c.store_id = $1 GROUP BY c.store_id
    ) sums
    WHERE credited > billed
"""
# Closing trues a month up to what it bills; whatever is written to it afterwards breaks that.
_MONTH_DIFFERS = f"""
    SELECT t.store_id, {_month("t.month")}, 'closed with fees of ' || sum(t.fee_minor) || ', billed '
        || sum(t.billed_minor)
    FROM syncledger.transactions t
    JOIN syncledger.books b ON b.store_id = t.store_id AND t.month <= b.closed_through
    WHERE $1::bigint = 0 OR t.store_id = $1
    GROUP BY t.store_id, t.month HAVING sum(t.fee_minor) <> sum(t.billed_minor)
"""
# Months close one after another, each with its statement.
_STATEMENT_GONE = f"""
    SELECT b.store_id, {_month("m.month")}, 'the month is closed, and its statement is gone'
    FROM syncledger.books b
    CROSS JOIN LATERAL generate_series(COALESCE(LEAST(
        (SELECT min(month) FROM syncledger.statements WHERE store_id = b.store_id),
        (SELECT min(month) FROM syncledger.transactions WHERE store_id = b.store_id)
    ), b.closed_through), b.closed_through) AS m (month)
    WHERE ($1::bigint = 0 OR b.store_id = $1) AND NOT EXISTS (
        SELECT FROM syncledger.statements s WHERE s.store_id = b.store_id AND s.month = m.month
    )
"""
_CHECKS = (
    ("UNBALANCED_ENTRY", _UNBALANCED),
    ("UNBALANCED_ENTRY", _ENTRY_DIFFERS),
    ("BALANCE_DIFFERS", _BALANCE_DIFFERS),
    ("ORDER_DIFFERS", _ORDER_DIFFERS),
    ("ORDER_DIFFERS", _REFUNDS_DIFFER),
    ("MONTH_DIFFERS", _MONTH_DIFFERS),
    ("EXPERIMENT_DIFFERS", _BILL_DIFFERS),
    ("EXPERIMENT_DIFFERS", _CREDIT_DIFFERS),
    ("EXPERIMENT_DIFFERS", _CREDITED_TOO_MUCH),
    ("STATEMENT_DIFFERS", _STATEMENT_GONE),
)


async def prove(connection: Connection, store_id: int) -> Proof:
    """Checks one store's books, or all stores' when `store_id` is 0. Wants a transaction with one snapshot."""
    for setting in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
        await connection.execute(f"SET LOCAL {setting} = on")
    await connection.execute("SET LOCAL statement_timeout = '10min'")
    problems: list[Problem] = []
    for kind, query in _CHECKS:
        rows = await connection.fetch(f"{query} LIMIT {MAX_PROBLEMS}", store_id)
        problems += [Problem(kind, *row) for row in rows]
    problems += await _statements(connection, store_id)
    counted = await connection.fetchrow(
        "SELECT (SELECT count(*) FROM syncledger.transactions WHERE $1::bigint = 0 OR store_id = $1),"
        " (SELECT count(*) FROM syncledger.postings WHERE $1::bigint = 0 OR store_id = $1)",
        store_id,
    )
    balances = await connection.fetch(
        "SELECT store_id, account, currency, sum(amount_minor)::bigint FROM syncledger.postings"
        f" WHERE $1::bigint = 0 OR store_id = $1 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT {MAX_BALANCES}",
        store_id,
    )
    assert counted is not None
    return Proof(counted[0], counted[1], problems[:MAX_PROBLEMS], [tuple(row) for row in balances])


async def _statements(connection: Connection, store_id: int) -> list[Problem]:
    problems: list[Problem] = []
    statements = connection.cursor(
        "SELECT store_id, month, body, digest FROM syncledger.statements WHERE $1::bigint = 0 OR store_id = $1"
        " ORDER BY 1, 2",
        store_id,
    )
    async for store, month, body, digest in statements:
        frozen = hashlib.sha256(body)
        pages = await connection.fetch(
            "SELECT body FROM syncledger.statement_pages WHERE store_id = $1 AND month = $2 ORDER BY page", store, month
        )
        for page in pages:
            frozen.update(page[0])
        if frozen.digest() != digest:
            about = f"month {month_text(month)}"
            problems.append(Problem("STATEMENT_DIFFERS", store, about, "the frozen bytes were changed"))
    return problems

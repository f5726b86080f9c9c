"""Revenue of spans and days, baselines, and the forecasts beside them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from kiki.council.syncvalue.counterfactual import Counterfactual, Expected
from kiki.council.syncvalue.domain import Baseline, Basis, Revenue
from kiki.council.syncvalue.seasonal.outlook import Promotion, TrackRecord
from kiki.kit.database import Connection, Record

_AMOUNT = {Basis.NET_SALES: "net_minor", Basis.TOTAL: "total_minor"}
_FORECAST = (
    "store_id, revision, model, problem, currency, basis, time_zone, first_month, interval_level, expected_minor,"
    " lower_minor, upper_minor, year_minor, trained_from, trained_to, history_months, yearly_season, promotions,"
    " origins, error, plain_error, month_error, plain_month_error, interval_coverage, seasonal_recommended,"
    " computed_at, promotions_revision, promotion_periods, promotion_effect"
)


async def revenue(
    connection: Connection, store_id: int, start: dt.datetime, end: dt.datetime, currency: str, basis: Basis
) -> Revenue:
    """Paid revenue by the time of payment; a guest without a key counts as no customer."""
    row = await _row(
        connection,
        f"""
        WITH paid AS (
            SELECT customer_key, currency, {_AMOUNT[basis]} AS amount FROM syncvalue.orders
            WHERE store_id = $1 AND paid_at >= $2 AND paid_at < $3 AND NOT cancelled
        ), buyers AS (
            SELECT count(*) AS n FROM paid WHERE currency = $4 AND customer_key <> '' GROUP BY customer_key
        )
        SELECT COALESCE(sum(amount) FILTER (WHERE currency = $4), 0)::bigint,
            count(*) FILTER (WHERE currency = $4),
            (SELECT count(*) FROM buyers), (SELECT count(*) FROM buyers WHERE n > 1),
            count(*) FILTER (WHERE currency <> $4)
        FROM paid
        """,
        store_id,
        start,
        end,
        currency,
    )
    return Revenue(*row)


async def first_order_at(connection: Connection, store_id: int) -> dt.datetime | None:
    """The earliest order known of the store, paid or not."""
    first: dt.datetime | None = await connection.fetchval(
        "SELECT min(ordered_at) FROM syncvalue.orders WHERE store_id = $1", store_id
    )
    return first


async def write_baseline(connection: Connection, baseline: Baseline) -> None:
    """Keeps the baseline in place of an earlier one."""
    await connection.execute(
        "INSERT INTO syncvalue.baselines"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
        " ON CONFLICT (store_id) DO UPDATE SET (start_at, end_at, time_zone, basis, currency, revenue_minor,"
        " monthly_average_minor, average_order_minor, orders, unique_customers, repeat_customers, months_available,"
        " skipped_orders, computed_at, history_from) = (excluded.start_at, excluded.end_at, excluded.time_zone,"
        " excluded.basis, excluded.currency, excluded.revenue_minor, excluded.monthly_average_minor,"
        " excluded.average_order_minor, excluded.orders, excluded.unique_customers, excluded.repeat_customers,"
        " excluded.months_available, excluded.skipped_orders, excluded.computed_at, excluded.history_from)",
        baseline.store_id,
        baseline.start,
        baseline.end,
        baseline.time_zone,
        int(baseline.basis),
        baseline.currency,
        baseline.revenue_minor,
        baseline.monthly_average_minor,
        baseline.average_order_minor,
        baseline.orders,
        baseline.unique_customers,
        baseline.repeat_customers,
        baseline.months_available,
        baseline.skipped_orders,
        baseline.computed_at,
        baseline.history_from,
    )


async def find_baseline(connection: Connection, store_id: int) -> Baseline | None:
    """The baseline as computed last."""
    row = await connection.fetchrow(
        "SELECT store_id, start_at, end_at, time_zone, basis, currency, revenue_minor, monthly_average_minor,"
        " average_order_minor, orders, unique_customers, repeat_customers, months_available, skipped_orders,"
        " computed_at, history_from FROM syncvalue.baselines WHERE store_id = $1",
        store_id,
    )
    if row is None:
        return None
    store_id, start, end, time_zone, basis, *figures = row
    return Baseline(store_id, start, end, time_zone, Basis(basis), *figures)


async def daily_revenue(
    connection: Connection, store_id: int, edges: Sequence[dt.datetime], currency: str, basis: Basis
) -> list[int]:
    """Paid revenue of every span between two neighbouring edges, which rise, by the time of payment."""
    rows = await connection.fetch(
        f"SELECT width_bucket(paid_at, $2::timestamptz[]), sum({_AMOUNT[basis]})::bigint FROM syncvalue.orders"
        " WHERE store_id = $1 AND paid_at >= $3 AND paid_at < $4 AND currency = $5 AND NOT cancelled GROUP BY 1",
        store_id,
        edges,
        edges[0],
        edges[-1],
        currency,
    )
    days = [0] * (len(edges) - 1)
    for number, amount in rows:
        days[number - 1] = amount
    return days


async def next_revision(connection: Connection, store_id: int) -> int:
    """The number of the store's next forecast. Two that take the same number at once collide, and one starts over."""
    last: int | None = await connection.fetchval(
        "SELECT max(revision) FROM syncvalue.forecasts WHERE store_id = $1", store_id
    )
    return (last or 0) + 1


async def add_forecast(connection: Connection, found: Counterfactual) -> None:
    """Appends a forecast."""
    spans = zip(*((span.expected, span.lower, span.upper) for span in found.months), strict=True)
    expected, lower, upper = ([list(column) for column in spans] or [[], [], []]) if found.months else ([], [], [])
    year, tested = found.year, found.tested
    await connection.execute(
        f"INSERT INTO syncvalue.forecasts ({_FORECAST}) VALUES ({', '.join(f'${n}' for n in range(1, 30))})",
        found.store_id,
        found.revision,
        found.model,
        found.problem,
        found.currency,
        int(found.basis),
        found.time_zone,
        found.first_month,
        found.level,
        expected,
        lower,
        upper,
        None if year is None else [year.expected, year.lower, year.upper],
        found.trained_from,
        found.trained_to,
        found.history_months,
        found.yearly,
        len(found.promotions),
        *((0, None, None, None, None, None) if tested is None else tested),
        found.seasonal_recommended,
        found.computed_at,
        found.promotions_revision,
        [[own.first.isoformat(), own.last.isoformat(), own.name] for own in found.promotions],
        found.promotion_effect,
    )


async def find_forecast(connection: Connection, store_id: int, as_of: dt.datetime | None) -> Counterfactual | None:
    """The store's forecast as it was known at a time, the last one without a time."""
    row = await connection.fetchrow(
        f"SELECT {_FORECAST} FROM syncvalue.forecasts WHERE store_id = $1"
        " AND ($2::timestamptz IS NULL OR computed_at <= $2) ORDER BY revision DESC LIMIT 1",
        store_id,
        as_of,
    )
    if row is None:
        return None
    spans = zip(row["expected_minor"], row["lower_minor"], row["upper_minor"], strict=True)
    return Counterfactual(
        store_id=row["store_id"],
        revision=row["revision"],
        model=row["model"],
        problem=row["problem"],
        currency=row["currency"],
        basis=Basis(row["basis"]),
        time_zone=row["time_zone"],
        first_month=row["first_month"],
        level=row["interval_level"],
        months=tuple(Expected(*span) for span in spans),
        year=None if row["year_minor"] is None else Expected(*row["year_minor"]),
        trained_from=row["trained_from"],
        trained_to=row["trained_to"],
        history_months=row["history_months"],
        yearly=row["yearly_season"],
        promotions=tuple(_promotion(*period) for period in row["promotion_periods"]),
        promotion_effect=row["promotion_effect"],
        promotions_revision=row["promotions_revision"],
        tested=TrackRecord(*row[18:24]) if row["origins"] else None,
        seasonal_recommended=row["seasonal_recommended"],
        computed_at=row["computed_at"],
    )


def _promotion(first: str, last: str, name: str) -> Promotion:
    return Promotion(dt.date.fromisoformat(first), dt.date.fromisoformat(last), name)


async def _row(connection: Connection, query: str, *arguments: object) -> Record:
    row = await connection.fetchrow(query, *arguments)
    if row is None:
        raise RuntimeError("an aggregate always answers one row")
    return row

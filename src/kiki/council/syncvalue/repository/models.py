"""Fitted models: which stores are due, what a fit is made from, and the versions that were made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

from kiki.council.syncvalue.refit.job import OtherStore, StoreFit
from kiki.kit.database import Connection, Record

_FIRST_DAY = dt.date(1970, 1, 1).toordinal()
_PAGE = 2_000
_SUMMARY = (
    "store_id, version, name, chosen_by, reason, unit, currency, parameters, customers, purchases, log_likelihood,"
    " own_weight, prior_stores, back_test, accuracy, fitted_at"
)
_PURCHASES = (
    "SELECT k.c, (floor(extract(epoch FROM o.ordered_at) / 86400))::int AS day,"
    " COALESCE(sum(o.total_minor) FILTER (WHERE o.currency = $3), 0)::float8"
    " FROM unnest($2::text[]) AS k(c) JOIN syncvalue.orders o ON o.store_id = $1 AND o.customer_key = k.c"
    " AND o.customer_key <> '' AND NOT o.cancelled AND o.ordered_at <= $4 GROUP BY 1, 2 ORDER BY 1, 2"
)
_KEYS = (
    "SELECT customer_key FROM syncvalue.customers WHERE store_id = $1 AND customer_key > $2"
    " AND ($3 = '' OR customer_key <= $3) AND order_count > 0 ORDER BY customer_key LIMIT $4"
)


class ModelRow(NamedTuple):
    """One version of a store's model as it was written, without its table."""

    store_id: int
    version: int
    name: str
    chosen_by: str
    reason: str
    unit: str
    currency: str
    parameters: dict[str, Any]
    customers: int
    purchases: int
    log_likelihood: float
    own_weight: float
    prior_stores: int
    back_test: dict[str, Any] | None
    accuracy: dict[str, Any] | None
    fitted_at: dt.datetime


async def due_stores(
    connection: Connection,
    *,
    least: int,
    stale_before: dt.datetime,
    grown_before: dt.datetime,
    growth: float,
    limit: int,
) -> list[int]:
    """Stores that have grown by a share since the last try, or whose last try is too old; the longest waiting first."""
    rows = await connection.fetch(
        "SELECT store_id FROM syncvalue.stores WHERE customers >= $1 AND (fit_tried_at IS NULL OR fit_tried_at < $2"
        " OR (fit_tried_at < $3 AND customers >= fit_customers * (1 + $4::float8)))"
        " ORDER BY fit_tried_at NULLS FIRST, store_id LIMIT $5",
        least,
        stale_before,
        grown_before,
        growth,
        limit,
    )
    return [row[0] for row in rows]


async def read_purchases(
    connection: Connection, store_id: int, *, currency: str, until: dt.datetime, start_key: str, limit: int
) -> tuple[list[int], list[int], list[float]]:
    """Customer numbers, days (as `date.toordinal`) and worth of purchases of up to `limit` customers.

    They are those whose keys follow `start_key`, going round; keys are random, so this is a fair sample. Read in pages.
    """
    customers: list[int] = []
    days: list[int] = []
    amounts: list[float] = []
    known = 0
    for after, last in ((start_key, ""), ("", start_key)):
        key = after
        while known < limit:
            keys = [row[0] for row in await connection.fetch(_KEYS, store_id, key, last, min(_PAGE, limit - known))]
            if not keys:
                break
            number = {name: known + place for place, name in enumerate(keys)}
            for name, day, amount in await connection.fetch(_PURCHASES, store_id, keys, currency, until):
                customers.append(number[name])
                days.append(day + _FIRST_DAY)
                amounts.append(amount)
            known += len(keys)
            key = keys[-1]
    return customers, days, amounts


async def main_currency(connection: Connection, store_id: int) -> str | None:
    """The currency of most of the store's customers, by the first ten thousand."""
    found: str | None = await connection.fetchval(
        "SELECT currency FROM (SELECT currency FROM syncvalue.customers WHERE store_id = $1 AND order_count > 0"
        " ORDER BY customer_key LIMIT 10000) AS few GROUP BY currency ORDER BY count(*) DESC, currency LIMIT 1",
        store_id,
    )
    return found


async def other_stores(connection: Connection, store_id: int, limit: int) -> list[OtherStore]:
    """Stores whose last model is their own, to borrow from; the latest fitted first."""
    rows = await connection.fetch(
        "SELECT m.name, m.parameters->'fits', (m.parameters->>'mean_purchase')::float8 FROM syncvalue.stores s"
        " JOIN syncvalue.models m ON m.store_id = s.store_id AND m.version = s.model_version"
        " WHERE s.store_id <> $1 AND m.chosen_by = 'back_test' ORDER BY m.fitted_at DESC LIMIT $2",
        store_id,
        limit,
    )
    return [OtherStore(*row) for row in rows]


async def note_try(connection: Connection, store_id: int, *, problem: str, at: dt.datetime) -> None:
    """When a fit was tried last, how many customers there were, and what went wrong."""
    await connection.execute(
        "UPDATE syncvalue.stores SET fit_tried_at = $2, fit_customers = customers, fit_problem = $3"
        " WHERE store_id = $1",
        store_id,
        at,
        problem,
    )


async def add_model(connection: Connection, store_id: int, fit: StoreFit, currency: str, at: dt.datetime) -> int:
    """Appends the fit as the store's next version and lets it serve; the version."""
    version: int = await connection.fetchval(
        "UPDATE syncvalue.stores SET model_version = model_version + 1 WHERE store_id = $1 RETURNING model_version",
        store_id,
    )
    await connection.execute(
        "INSERT INTO syncvalue.models (store_id, version, name, chosen_by, reason, unit, currency, parameters,"
        " serving_table, customers, purchases, log_likelihood, own_weight, prior_stores, back_test, accuracy,"
        " fitted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        store_id,
        version,
        fit.name,
        fit.chosen_by,
        fit.reason,
        "days",
        currency,
        _parameters(fit),
        fit.table,
        fit.customers,
        fit.purchases,
        fit.log_likelihood,
        fit.own_weight,
        fit.prior_stores,
        fit.back_test,
        fit.accuracy,
        at,
    )
    return version


async def find_serving(connection: Connection, wanted: Sequence[tuple[int, int]]) -> list[Record]:
    """store_id, version, name, currency, own_weight, parameters and serving_table of these versions."""
    rows: list[Record] = await connection.fetch(
        "SELECT m.store_id, m.version, m.name, m.currency, m.own_weight, m.parameters, m.serving_table"
        " FROM unnest($1::bigint[], $2::int[]) AS k(s, v)"
        " JOIN syncvalue.models m ON m.store_id = k.s AND m.version = k.v",
        [store_id for store_id, _ in wanted],
        [version for _, version in wanted],
    )
    return rows


async def version_at(connection: Connection, store_id: int, at: dt.datetime) -> int:
    """The version that served at a time; 0: none did."""
    version: int | None = await connection.fetchval(
        "SELECT max(version) FROM syncvalue.models WHERE store_id = $1 AND fitted_at <= $2", store_id, at
    )
    return version or 0


async def find_model(connection: Connection, store_id: int, version: int) -> ModelRow | None:
    """A version; the last one for 0."""
    row = await connection.fetchrow(
        f"SELECT {_SUMMARY} FROM syncvalue.models WHERE store_id = $1 AND (version = $2 OR $2 = 0)"
        " ORDER BY version DESC LIMIT 1",
        store_id,
        version,
    )
    return None if row is None else ModelRow(*row)


async def list_models(connection: Connection, store_id: int, *, before: int, limit: int) -> list[ModelRow]:
    """Versions under `before`, the last one first."""
    rows = await connection.fetch(
        f"SELECT {_SUMMARY} FROM syncvalue.models WHERE store_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3",
        store_id,
        before,
        limit,
    )
    return [ModelRow(*row) for row in rows]


def _parameters(fit: StoreFit) -> dict[str, Any]:
    return {
        "transactions": fit.transactions,
        "spend": fit.spend,
        "fits": dict(fit.fits),
        "mean_purchase": fit.mean_purchase,
        "ends": list(fit.ends),
        "level": fit.level,
        "horizon_days": fit.horizon_days,
        "yearly_discount": fit.yearly_discount,
        "low_below_minor": fit.low_below_minor,
        "high_from_minor": fit.high_from_minor,
        "warnings": list(fit.warnings),
    }

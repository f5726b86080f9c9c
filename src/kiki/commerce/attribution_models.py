"""Fitted attribution models, decisions of a second model, and diffs of recalculations as rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any

from kiki.commerce import tables
from kiki.commerce.campaigns import bump_campaigns_revision
from kiki.commerce.rows import shape_of
from kiki.kit.database import Connection

SHADOWS = shape_of(tables.attribution_shadows)
DIFFS = shape_of(tables.attribution_diffs)

_PUT = """
INSERT INTO commerce.attribution_models (store_id, name, fingerprint, fitted_at, source, size, parameters, report)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (store_id, name, fingerprint) DO UPDATE SET fitted_at = excluded.fitted_at, source = excluded.source,
    size = excluded.size, report = excluded.report"""
_NEWEST = """
SELECT DISTINCT ON (store_id, name) store_id, name, parameters FROM commerce.attribution_models
WHERE store_id = ANY($1::bigint[]) ORDER BY store_id, name, fitted_at DESC, fingerprint"""
_SUMS = """
SELECT month, currency, cause, count(*) AS orders, sum(then_minor)::bigint AS then_minor,
    sum(now_minor)::bigint AS now_minor
FROM commerce.attribution_diffs WHERE store_id = $1 AND job_id = $2
GROUP BY month, currency, cause ORDER BY month, currency, cause"""


@dataclass(frozen=True, slots=True)
class FittedRow:
    """Parameters of a model, by their fingerprint."""

    store_id: int
    name: str
    fingerprint: str
    fitted_at: dt.datetime
    source: str
    """`history`: the store's own touchpoints; `experiment`: its own hold-out; `upload`: told by the API."""
    size: int
    parameters: dict[str, Any]
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ShadowRow:
    """One decision of a model that does not speak."""

    store_id: int
    order_id: str
    model: str
    decided_at: dt.datetime
    model_version: str
    arm: str
    verdict: str
    confidence: Decimal
    campaign_id: str | None
    would_bill_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class ShadowRun:
    """What a version decided without billing."""

    orders: int
    first_at: dt.datetime | None
    last_at: dt.datetime | None
    mean_confidence: float


@dataclass(frozen=True, slots=True)
class DiffRow:
    """What a recalculation would change about an order; amounts before refunds, in minor units of its currency."""

    store_id: int
    job_id: int
    order_id: str
    month: str
    """YYYY-MM of its payment in the store's time zone; of its placing while unpaid."""
    cause: str
    currency: str
    then_model: str
    then_verdict: str
    then_confidence: Decimal
    then_minor: int
    now_model: str
    now_verdict: str
    now_confidence: Decimal
    now_minor: int


shadow_values = attrgetter(*ShadowRow.__slots__)
diff_values = attrgetter(*DiffRow.__slots__)


async def put_fitted(connection: Connection, row: FittedRow) -> None:
    """Keep parameters; from now on the model speaks by them. Readers that keep models in memory read them again."""
    await connection.execute(
        _PUT,
        row.store_id,
        row.name,
        row.fingerprint,
        row.fitted_at,
        row.source,
        row.size,
        row.parameters,
        row.report,
    )
    await bump_campaigns_revision(connection, [row.store_id])


async def find_fitted(connection: Connection, store_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """By store and name, the parameters by which its models speak."""
    found: dict[int, dict[str, Any]] = {store_id: {} for store_id in store_ids}
    for row in await connection.fetch(_NEWEST, sorted(store_ids)):
        found[row[0]][row[1]] = row[2]
    return found


async def list_fitted(connection: Connection, store_id: int) -> list[FittedRow]:
    """All fits of a store, newest first."""
    rows = await connection.fetch(
        """SELECT store_id, name, fingerprint, fitted_at, source, size, parameters, report
        FROM commerce.attribution_models WHERE store_id = $1 ORDER BY fitted_at DESC, name, fingerprint LIMIT 200""",
        store_id,
    )
    return [FittedRow(*row) for row in rows]


async def newest_fitted(connection: Connection, store_id: int, name: str) -> FittedRow | None:
    """The fit by which a model speaks."""
    row = await connection.fetchrow(
        """SELECT store_id, name, fingerprint, fitted_at, source, size, parameters, report
        FROM commerce.attribution_models WHERE store_id = $1 AND name = $2
        ORDER BY fitted_at DESC, fingerprint LIMIT 1""",
        store_id,
        name,
    )
    return None if row is None else FittedRow(*row)


async def shadow_run(connection: Connection, store_id: int, model: str, version: str) -> ShadowRun:
    """How long and on how many orders a version ran beside the store's own model."""
    row = await connection.fetchrow(
        """SELECT count(DISTINCT order_id), min(decided_at), max(decided_at), coalesce(avg(confidence), 0)::float8
        FROM commerce.attribution_shadows WHERE store_id = $1 AND model = $2 AND model_version = $3""",
        store_id,
        model,
        version,
    )
    assert row is not None
    return ShadowRun(*row)


async def list_shadows(connection: Connection, store_id: int, order_id: str) -> list[ShadowRow]:
    """What second models said of an order, newest first."""
    rows = await connection.fetch(
        """SELECT * FROM commerce.attribution_shadows WHERE store_id = $1 AND order_id = $2
        ORDER BY decided_at DESC, model LIMIT 200""",
        store_id,
        order_id,
    )
    return [ShadowRow(*row) for row in rows]


async def list_diff(connection: Connection, store_id: int, job_id: int, after: str, limit: int) -> list[DiffRow]:
    """A page of a job's diff, by order."""
    rows = await connection.fetch(
        """SELECT * FROM commerce.attribution_diffs WHERE store_id = $1 AND job_id = $2 AND order_id > $3
        ORDER BY order_id LIMIT $4""",
        store_id,
        job_id,
        after,
        limit,
    )
    return [DiffRow(*row) for row in rows]


async def forget_diffs(connection: Connection, store_id: int, *, keep: int) -> None:
    """Make room for one more: drop all diffs of a store but the newest `keep` - 1."""
    await connection.execute(
        """DELETE FROM commerce.attribution_diffs WHERE store_id = $1 AND job_id <= (
            SELECT job_id FROM (SELECT DISTINCT job_id FROM commerce.attribution_diffs WHERE store_id = $1) known
            ORDER BY job_id DESC OFFSET $2 LIMIT 1)""",
        store_id,
        keep - 1,
    )


async def count_diff(connection: Connection, store_id: int, job_id: int) -> int:
    """How many orders a job's diff holds."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM commerce.attribution_diffs WHERE store_id = $1 AND job_id = $2", store_id, job_id
    )
    return found


async def sum_diff(connection: Connection, store_id: int, job_id: int) -> list[dict[str, Any]]:
    """A job's diff by month, currency and cause."""
    return [dict(row) for row in await connection.fetch(_SUMS, store_id, job_id)]

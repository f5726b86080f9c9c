"""The SQL of experiments: plans, the log, readings, and what the shop's own orders say of logged subjects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from kiki.commerce.people import IdentityKind
from kiki.kit.database import Connection, Record
from kiki.kit.errors import NotFound
from kiki.kit.money import exponent
from kiki.orchestrator.experiments.plans import Experiment, Status, plan_values, read_plan

CUSTOMER = "customer"
VISITOR = "visitor"

_EXPERIMENT = "store_id, experiment_id, plan, status, registered_at, registered_by, started_at, ended_at, cancelled_at"
_PUT = f"""
INSERT INTO experiments.registrations ({_EXPERIMENT}, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (store_id, experiment_id) DO UPDATE SET plan = excluded.plan, digest = excluded.digest,
    status = excluded.status, registered_at = excluded.registered_at, started_at = excluded.started_at,
    ended_at = excluded.ended_at, cancelled_at = excluded.cancelled_at
"""
_LOG = """
INSERT INTO experiments.assignments (store_id, experiment_id, kind, subject, arm, logged_at)
SELECT $1, $2, $3, subject, arm, $6 FROM unnest($4::text[], $5::text[]) AS dealt(subject, arm)
ON CONFLICT (store_id, experiment_id, kind, subject) DO NOTHING
"""
_LOGGED = """
SELECT subject, arm, logged_at FROM experiments.assignments
WHERE store_id = $1 AND experiment_id = $2 AND kind = $3 AND subject = ANY($4::text[])
"""
_COUNT = """
SELECT arm, count(*) FROM experiments.assignments WHERE store_id = $1 AND experiment_id = $2 GROUP BY arm ORDER BY arm
"""
_UNKNOWN = """
SELECT given.key FROM unnest($2::text[]) AS given(key) WHERE NOT EXISTS
    (SELECT FROM commerce.customers c WHERE c.store_id = $1 AND c.customer_key = given.key) LIMIT 1
"""
_CURRENCIES = "SELECT DISTINCT currency FROM commerce.orders WHERE store_id = $1 AND placed_at >= $2 AND placed_at < $3"

# Parameters: store, experiment, as of, window, basis is net, settlement currency, currencies, their scale, start.
_MOMENTS = f"""
WITH RECURSIVE given AS (
    SELECT kind, subject, arm, logged_at FROM experiments.assignments
    WHERE store_id = $1 AND experiment_id = $2 AND logged_at < $3
), merged (subject, person) AS (
    SELECT subject, subject FROM given WHERE kind = '{CUSTOMER}'
    UNION
    SELECT m.subject, c.merged_into FROM merged m
    JOIN commerce.customers c ON c.store_id = $1 AND c.customer_key = m.person
    WHERE c.merged_into IS NOT NULL
), known AS (
    SELECT m.person, g.arm, g.logged_at, g.subject FROM given g
    JOIN merged m ON m.subject = g.subject
    LEFT JOIN commerce.customers c ON c.store_id = $1 AND c.customer_key = m.person
    WHERE g.kind = '{CUSTOMER}' AND c.merged_into IS NULL
    UNION ALL
    SELECT coalesce(i.customer_key, 'visitor ' || g.subject), g.arm, g.logged_at, g.subject FROM given g
    LEFT JOIN commerce.identities i ON i.store_id = $1 AND i.kind = {IdentityKind.FIRST_PARTY.value}
        AND i.value = decode(g.subject, 'hex')
    WHERE g.kind = '{VISITOR}'
), people AS (
    SELECT DISTINCT ON (person) person, arm, logged_at FROM known ORDER BY person, logged_at, subject
), valued AS (
    SELECT p.person, o.order_id, o.placed_at >= p.logged_at AS after, o.live,
        o.placed_at >= $9 AND o.placed_at < p.logged_at AND o.live AS too_soon,
        o.placed_at > p.logged_at + $4::interval AS too_late,
        CASE WHEN $5 THEN o.net_minor ELSE o.total_minor END * scales.scale * CASE
            WHEN o.currency = $6 THEN 1
            WHEN o.settlement_currency = $6 AND o.exchange_rate ~ '^[0-9]{{1,12}}([.][0-9]{{1,18}})?$'
                THEN o.exchange_rate::float8
        END AS gross,
        CASE WHEN o.cancelled_at < $3 THEN 0 WHEN o.total_minor <= 0 THEN 1
            ELSE 1 - least(1.0, coalesce(r.refunded, 0)::float8 / o.total_minor) END AS kept
    FROM people p
    JOIN commerce.orders o ON o.store_id = $1 AND o.customer_key = p.person
    JOIN unnest($7::text[], $8::float8[]) AS scales(currency, scale) ON scales.currency = o.currency
    LEFT JOIN LATERAL (
        SELECT sum(f.amount_minor) AS refunded FROM commerce.order_refunds f
        WHERE f.store_id = $1 AND f.order_id = o.order_id AND f.refunded_at < $3
    ) r ON true
    WHERE o.placed_at >= least(p.logged_at - $4::interval, $9) AND o.placed_at < $3
        AND o.paid_at < $3 AND NOT o.is_test AND (o.deleted_at IS NULL OR o.deleted_at >= $3)
), sums AS (
    SELECT person,
        count(*) FILTER (WHERE after AND live AND NOT too_late) AS orders,
        bool_or(after AND live AND NOT too_late AND kept > 0) AS bought,
        sum(gross) FILTER (WHERE after AND live AND NOT too_late) AS gross,
        sum(gross * kept) FILTER (WHERE after AND live AND NOT too_late) AS net,
        sum(gross * kept) FILTER (WHERE NOT after) AS earlier,
        count(*) FILTER (WHERE too_soon) AS too_soon,
        count(*) FILTER (WHERE after AND live AND too_late) AS too_late,
        count(*) FILTER (WHERE after AND live AND NOT too_late AND gross IS NULL) AS unpriced
    FROM valued GROUP BY person
)
SELECT p.arm, count(*) AS users,
    count(*) FILTER (WHERE s.bought) AS buyers,
    coalesce(sum(s.orders), 0)::bigint AS orders,
    avg(coalesce(s.gross, 0))::float8, coalesce(var_samp(coalesce(s.gross, 0)), 0)::float8,
    avg(coalesce(s.net, 0))::float8, coalesce(var_samp(coalesce(s.net, 0)), 0)::float8,
    avg(coalesce(s.earlier, 0))::float8, coalesce(var_samp(coalesce(s.earlier, 0)), 0)::float8,
    coalesce(sum(s.too_soon), 0)::bigint, coalesce(sum(s.too_late), 0)::bigint,
    coalesce(sum(s.unpriced), 0)::bigint,
    (SELECT count(*) FROM (SELECT FROM known GROUP BY person HAVING count(DISTINCT arm) > 1) AS twice)
FROM people p LEFT JOIN sums s ON s.person = p.person GROUP BY p.arm ORDER BY p.arm
"""
# Whole stores are read: not by look-ups as the worker's batches do, and longer than a request may usually take.
_SETTINGS = (
    "enable_seqscan = on",
    "enable_hashjoin = on",
    "enable_mergejoin = on",
    "work_mem = '64MB'",
    "statement_timeout = '5min'",
)
_READING = (
    "store_id, experiment_id, month, revision, as_of, currency, estimate_minor, error_minor, low_minor, high_minor,"
    " lower_bound_minor, users, decision, final, told, document, recorded_at, recorded_by"
)
_ADD_READING = (
    f"INSERT INTO experiments.readings ({_READING})"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
)
_LATEST = f"""
SELECT {_READING} FROM experiments.readings WHERE store_id = $1 AND experiment_id = $2 AND month = $3
ORDER BY revision DESC LIMIT 1
"""
_READINGS = f"""
SELECT {_READING} FROM experiments.readings WHERE store_id = $1 AND experiment_id = $2
ORDER BY month DESC, revision DESC LIMIT $3
"""
_OPEN = f"""
SELECT {_EXPERIMENT} FROM experiments.registrations r
WHERE status IN ('running', 'ended') AND started_at < $1 AND NOT EXISTS (
    SELECT FROM experiments.readings d WHERE d.store_id = r.store_id AND d.experiment_id = r.experiment_id AND d.final)
ORDER BY store_id, experiment_id LIMIT $2
"""


class Logged(NamedTuple):
    """A subject's arm and when it was logged."""

    subject: str
    arm: str
    logged_at: dt.datetime


class ArmMoments(NamedTuple):
    """What an arm's people did, amounts in minor units of the settlement currency."""

    arm: str
    users: int
    buyers: int
    orders: int
    gross_mean: float
    gross_variance: float
    net_mean: float
    net_variance: float
    earlier_mean: float
    """Of the window before each one's assignment."""
    earlier_variance: float
    before_assignment: int
    after_window: int
    unpriced: int
    """Orders in a currency without a rate; they count as nothing."""
    in_two_arms: int
    """People of the whole experiment who were dealt twice, under different keys; the first counts."""


class ReadingRow(NamedTuple):
    """A recorded reading."""

    store_id: int
    experiment_id: str
    month: str
    revision: int
    as_of: dt.datetime
    currency: str
    estimate_minor: int
    error_minor: float
    low_minor: int
    high_minor: int
    lower_bound_minor: int
    users: int
    decision: str
    final: bool
    told: bool
    document: dict[str, Any]
    recorded_at: dt.datetime
    recorded_by: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the shop's orders."""

    experiment: Experiment
    as_of: dt.datetime
    currency: str
    net_sales: bool


async def get(connection: Connection, store_id: int, experiment_id: str, *, lock: str = "") -> Experiment:
    """An experiment, locked when asked (`FOR UPDATE`, `FOR SHARE`). Raises `NotFound`."""
    found = await find(connection, store_id, experiment_id, lock=lock)
    if found is None:
        raise NotFound(f"store {store_id} has no experiment {experiment_id[:64]}", reason="UNKNOWN_EXPERIMENT")
    return found


async def find(connection: Connection, store_id: int, experiment_id: str, *, lock: str = "") -> Experiment | None:
    """The same, or None."""
    query = f"SELECT {_EXPERIMENT} FROM experiments.registrations WHERE store_id = $1 AND experiment_id = $2 {lock}"
    row = await connection.fetchrow(query, store_id, experiment_id)
    return None if row is None else _experiment(row)


async def list_experiments(connection: Connection, store_id: int, after: str, limit: int) -> list[Experiment]:
    """A store's, by id, a page at a time."""
    query = (
        f"SELECT {_EXPERIMENT} FROM experiments.registrations WHERE store_id = $1 AND experiment_id > $2"
        " ORDER BY experiment_id LIMIT $3"
    )
    return [_experiment(row) for row in await connection.fetch(query, store_id, after, limit)]


async def list_unfinished(connection: Connection, started_before: dt.datetime, limit: int) -> list[Experiment]:
    """Experiments of all stores that have no final reading yet."""
    return [_experiment(row) for row in await connection.fetch(_OPEN, started_before, limit)]


async def put(connection: Connection, experiment: Experiment) -> None:
    """Add an experiment, or write where it stands."""
    await connection.execute(
        _PUT,
        experiment.store_id,
        experiment.experiment_id,
        plan_values(experiment.plan, experiment.expected),
        experiment.status.value,
        experiment.registered_at,
        experiment.registered_by,
        experiment.started_at,
        experiment.ended_at,
        experiment.cancelled_at,
        experiment.plan.digest(),
    )


async def find_logged(
    connection: Connection, experiment: Experiment, kind: str, subjects: Iterable[str]
) -> list[Logged]:
    """Those of the subjects that were dealt."""
    rows = await connection.fetch(_LOGGED, experiment.store_id, experiment.experiment_id, kind, sorted(set(subjects)))
    return [Logged(*row) for row in rows]


async def log(
    connection: Connection, experiment: Experiment, kind: str, dealt: Sequence[tuple[str, str]], at: dt.datetime
) -> None:
    """Log who was dealt what: (subject, arm). One that is known stays as it was logged first."""
    columns = [list(column) for column in zip(*sorted(dealt), strict=True)]
    await connection.execute(_LOG, experiment.store_id, experiment.experiment_id, kind, *columns, at)


async def count_logged(connection: Connection, experiment: Experiment) -> dict[str, int]:
    """Subjects per arm."""
    rows = await connection.fetch(_COUNT, experiment.store_id, experiment.experiment_id)
    return {row[0]: row[1] for row in rows}


async def find_unknown_customer(connection: Connection, store_id: int, keys: Sequence[str]) -> str | None:
    """One of the keys that no customer of the store has."""
    key: str | None = await connection.fetchval(_UNKNOWN, store_id, list(keys))
    return key


async def moments(connection: Connection, question: Question) -> list[ArmMoments]:
    """What each arm's people did: live, paid orders that are no test, placed within the window after the assignment.

    All as it was at `as_of`: later payments, refunds and cancellations do not count yet. Wants a transaction.
    """
    experiment, plan = question.experiment, question.experiment.plan
    for setting in _SETTINGS:
        await connection.execute(f"SET LOCAL {setting}")
    window = dt.timedelta(days=plan.window_days)
    rows = await connection.fetch(_CURRENCIES, experiment.store_id, plan.starts_at - window, question.as_of)
    currencies = [row[0] for row in rows]
    scales = [10.0 ** (exponent(question.currency) - exponent(currency)) for currency in currencies]
    found = await connection.fetch(
        _MOMENTS,
        experiment.store_id,
        experiment.experiment_id,
        question.as_of,
        window,
        question.net_sales,
        question.currency,
        currencies,
        scales,
        plan.starts_at,
    )
    return [ArmMoments(*row) for row in found]


async def find_latest_reading(connection: Connection, experiment: Experiment, month: str) -> ReadingRow | None:
    """The newest revision of a month."""
    row = await connection.fetchrow(_LATEST, experiment.store_id, experiment.experiment_id, month)
    return None if row is None else ReadingRow(*row)


async def list_readings(connection: Connection, experiment: Experiment, limit: int) -> list[ReadingRow]:
    """Recorded readings, newest month first."""
    rows = await connection.fetch(_READINGS, experiment.store_id, experiment.experiment_id, limit)
    return [ReadingRow(*row) for row in rows]


async def count_readings(connection: Connection, experiment: Experiment) -> int:
    """Readings recorded so far."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM experiments.readings WHERE store_id = $1 AND experiment_id = $2",
        experiment.store_id,
        experiment.experiment_id,
    )
    return count


async def add_reading(connection: Connection, reading: ReadingRow) -> None:
    """Append a reading."""
    await connection.execute(_ADD_READING, *reading)


def _experiment(row: Record) -> Experiment:
    plan, expected = read_plan(row["plan"])
    return Experiment(
        store_id=row["store_id"],
        experiment_id=row["experiment_id"],
        plan=plan,
        expected=expected,
        status=Status(row["status"]),
        registered_at=row["registered_at"],
        registered_by=row["registered_by"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        cancelled_at=row["cancelled_at"],
    )

"""The SQL of the schema `experiments`: plans, the log, readings. What the shop says of logged people: `outcomes.py`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from kiki.kit.database import Connection, Record
from kiki.kit.errors import NotFound
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
_EXPOSED = """
SELECT arm, count(DISTINCT (kind, subject)), count(*), min(at), max(at) FROM experiments.exposures
WHERE store_id = $1 AND experiment_id = $2 GROUP BY arm ORDER BY arm
"""
_UNKNOWN = """
SELECT given.key FROM unnest($2::text[]) AS given(key) WHERE NOT EXISTS
    (SELECT FROM commerce.customers c WHERE c.store_id = $1 AND c.customer_key = given.key) LIMIT 1
"""
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
_UNREAD = """
SELECT experiment_id FROM experiments.registrations r
WHERE store_id = $1 AND status IN ('running', 'ended') AND NOT EXISTS (
    SELECT FROM experiments.readings d WHERE d.store_id = r.store_id AND d.experiment_id = r.experiment_id AND d.final)
ORDER BY experiment_id LIMIT 1
"""


class Logged(NamedTuple):
    """A subject's arm and when it was logged."""

    subject: str
    arm: str
    logged_at: dt.datetime


class Exposed(NamedTuple):
    """What the log holds of an arm's contacts with our campaigns."""

    arm: str
    subjects: int
    contacts: int
    first_at: dt.datetime
    last_at: dt.datetime


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


async def find_unread(connection: Connection, store_id: int) -> str | None:
    """An experiment of the store that has begun and has no final reading yet."""
    found: str | None = await connection.fetchval(_UNREAD, store_id)
    return found


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


async def count_exposures(connection: Connection, experiment: Experiment) -> list[Exposed]:
    """Logged contacts per arm; arms without any are absent."""
    rows = await connection.fetch(_EXPOSED, experiment.store_id, experiment.experiment_id)
    return [Exposed(*row) for row in rows]


async def find_unknown_customer(connection: Connection, store_id: int, keys: Sequence[str]) -> str | None:
    """One of the keys that no customer of the store has."""
    key: str | None = await connection.fetchval(_UNKNOWN, store_id, list(keys))
    return key


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

"""The only SQL on `portal.jobs` and `portal.store_credentials`. Leases go by the database's clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kiki.kit.database import Connection, Record
from kiki.kit.sealing import Sealer
from kiki.portal.errors import UnknownJob

_COLUMNS = (
    "store_id, job_id, kind, parameters, status, requested_by, done, total, cursor, reason, message, attempts,"
    " created_at, started_at, finished_at"
)
_PURPOSE = "store_credentials.credentials"
LEASE_SECONDS = 30
_MAX_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it stands."""

    store_id: int
    job_id: int
    kind: str
    parameters: dict[str, Any]
    status: str
    """`queued`, `running`, `succeeded` or `failed`."""
    requested_by: str
    done: int
    total: int | None
    cursor: str
    reason: str
    message: str
    attempts: int
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None


class StoreCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a shop's API wants; which fields are set depends on the platform."""

    access_token: str = ""
    consumer_key: str = ""
    consumer_secret: str = ""

    def __repr__(self) -> str:
        return "StoreCredentials(…)"


@dataclass(frozen=True, slots=True)
class StoreApi:
    """How a shop's own API is reached."""

    base_url: str
    credentials: StoreCredentials = field(repr=False)


async def add_job(
    connection: Connection, *, store_id: int, kind: str, parameters: dict[str, Any], requested_by: str
) -> Job:
    """Queue a job; one of the same kind that is still open for the store is answered instead of a second."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"portal.jobs:{store_id}:{kind}")
    row = await connection.fetchrow(
        f"""SELECT {_COLUMNS} FROM portal.jobs
        WHERE store_id = $1 AND kind = $2 AND status IN ('queued', 'running') ORDER BY job_id LIMIT 1""",
        store_id,
        kind,
    )
    row = row or await connection.fetchrow(
        f"""INSERT INTO portal.jobs (store_id, kind, parameters, status, requested_by)
        VALUES ($1, $2, $3, 'queued', $4) RETURNING {_COLUMNS}""",
        store_id,
        kind,
        parameters,
        requested_by,
    )
    assert row is not None
    return _job(row)


async def get_job(connection: Connection, job_id: int) -> Job:
    """One job; `UnknownJob` when there is none."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM portal.jobs WHERE job_id = $1", job_id)
    if row is None:
        raise UnknownJob(f"no job has the id {job_id}")
    return _job(row)


async def list_jobs(
    connection: Connection, *, store_id: int | None, before_id: int | None, limit: int
) -> Sequence[Job]:
    """Jobs, newest first, a page at a time."""
    rows = await connection.fetch(
        f"""SELECT {_COLUMNS} FROM portal.jobs
        WHERE ($1::bigint IS NULL OR store_id = $1) AND ($2::bigint IS NULL OR job_id < $2)
        ORDER BY job_id DESC LIMIT $3""",
        store_id,
        before_id,
        limit,
    )
    return [_job(row) for row in rows]


async def claim_job(connection: Connection, owner: str) -> Job | None:
    """Take the oldest job that waits, or whose owner is gone. A job that was taken too often fails."""
    await connection.execute(
        f"""UPDATE portal.jobs SET status = 'failed', reason = 'TOO_MANY_ATTEMPTS', finished_at = now(),
            message = 'the job was interrupted too often', owner = '', lease_until = NULL
        WHERE status = 'running' AND lease_until < now() AND attempts >= {_MAX_ATTEMPTS}"""
    )
    row = await connection.fetchrow(
        f"""UPDATE portal.jobs SET status = 'running', owner = $1, attempts = attempts + 1,
            lease_until = now() + interval '{LEASE_SECONDS} seconds', started_at = coalesce(started_at, now())
        WHERE (store_id, job_id) = (
            SELECT store_id, job_id FROM portal.jobs
            WHERE status IN ('queued', 'running') AND (status = 'queued' OR lease_until < now())
            ORDER BY job_id LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING {_COLUMNS}""",
        owner,
    )
    return None if row is None else _job(row)


async def save_progress(
    connection: Connection, job: Job, owner: str, *, done: int, total: int | None, cursor: str
) -> bool:
    """Write progress and renew the lease, with the work; False: somebody else owns the job now."""
    held = await connection.fetchval(
        f"""UPDATE portal.jobs SET done = $4, total = $5, cursor = $6,
            lease_until = now() + interval '{LEASE_SECONDS} seconds'
        WHERE store_id = $1 AND job_id = $2 AND owner = $3 AND status = 'running' RETURNING true""",
        job.store_id,
        job.job_id,
        owner,
        done,
        total,
        cursor,
    )
    return bool(held)


async def renew_lease(connection: Connection, job: Job, owner: str) -> None:
    """Keep the job for another while; progress is left as it is."""
    await connection.execute(
        f"""UPDATE portal.jobs SET lease_until = now() + interval '{LEASE_SECONDS} seconds'
        WHERE store_id = $1 AND job_id = $2 AND owner = $3 AND status = 'running'""",
        job.store_id,
        job.job_id,
        owner,
    )


async def finish_job(
    connection: Connection, job: Job, owner: str, *, status: str, reason: str = "", message: str = ""
) -> None:
    """Settle a job, or give it back with status `queued`."""
    await connection.execute(
        """UPDATE portal.jobs SET status = $4, reason = $5, message = $6, owner = '', lease_until = NULL,
            finished_at = CASE WHEN $4 = 'queued' THEN NULL ELSE now() END
        WHERE store_id = $1 AND job_id = $2 AND owner = $3 AND status = 'running'""",
        job.store_id,
        job.job_id,
        owner,
        status,
        reason,
        message,
    )


async def put_credentials(connection: Connection, sealer: Sealer, store_id: int, api: StoreApi) -> None:
    """Keep how a shop's API is reached, in place of what was known."""
    sealed = sealer.seal(msgspec.json.encode(api.credentials), store_id=store_id, purpose=_PURPOSE)
    await connection.execute(
        """INSERT INTO portal.store_credentials (store_id, base_url, credentials_sealed) VALUES ($1, $2, $3)
        ON CONFLICT (store_id) DO UPDATE SET base_url = excluded.base_url,
            credentials_sealed = excluded.credentials_sealed, updated_at = now()""",
        store_id,
        api.base_url,
        sealed,
    )


async def delete_credentials(connection: Connection, store_id: int) -> None:
    """Forget them."""
    await connection.execute("DELETE FROM portal.store_credentials WHERE store_id = $1", store_id)


async def find_credentials(connection: Connection, sealer: Sealer, store_id: int) -> StoreApi | None:
    """How a shop's API is reached; None when nothing is stored."""
    row = await connection.fetchrow(
        "SELECT base_url, credentials_sealed FROM portal.store_credentials WHERE store_id = $1", store_id
    )
    if row is None:
        return None
    opened = sealer.open(row["credentials_sealed"], store_id=store_id, purpose=_PURPOSE)
    return StoreApi(base_url=row["base_url"], credentials=msgspec.json.decode(opened, type=StoreCredentials))


def _job(row: Record) -> Job:
    return Job(**dict(row))

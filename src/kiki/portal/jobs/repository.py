"""The only SQL on `portal.jobs` and `portal.store_credentials`. Leases go by the database's clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from kiki.commerce.stores import UNINSTALLED, StoreConnection
from kiki.kit.database import Connection, Record
from kiki.kit.sealing import Sealer
from kiki.platforms.protocol import StoreApi, StoreCredentials
from kiki.portal.errors import UnknownJob

_COLUMNS = (
    "store_id, job_id, kind, parameters, status, requested_by, done, total, cursor, reason, message, attempts,"
    " created_at, started_at, finished_at, result"
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
    """Since it last got on."""
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    result: dict[str, Any]
    """What came of it, for programs; empty until something did."""


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


async def claim_job(connection: Connection, owner: str, kinds: Collection[str] | None = None) -> Job | None:
    """Take the oldest job, of these kinds where they are named, whose time has come or whose owner is gone; none of a
    store of which one of them is being done. One that was taken too often fails."""
    await connection.execute(
        f"""UPDATE portal.jobs SET status = 'failed', reason = 'TOO_MANY_ATTEMPTS', finished_at = now(),
            message = 'the job was interrupted too often', owner = '', lease_until = NULL
        WHERE status = 'running' AND lease_until < now() AND attempts >= {_MAX_ATTEMPTS}"""
    )
    row = await connection.fetchrow(
        f"""UPDATE portal.jobs SET status = 'running', owner = $1, attempts = attempts + 1,
            lease_until = now() + interval '{LEASE_SECONDS} seconds', started_at = coalesce(started_at, now())
        WHERE (store_id, job_id) = (
            SELECT store_id, job_id FROM portal.jobs j
            WHERE status IN ('queued', 'running') AND coalesce(lease_until < now(), status = 'queued')
                AND kind = ANY(coalesce($2::text[], ARRAY[kind])) AND NOT EXISTS (
                    SELECT FROM portal.jobs other WHERE other.store_id = j.store_id AND other.job_id <> j.job_id
                        AND other.status = 'running' AND other.lease_until >= now()
                        AND other.kind = ANY(coalesce($2::text[], ARRAY[other.kind])))
            ORDER BY job_id LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING {_COLUMNS}""",
        owner,
        None if kinds is None else list(kinds),
    )
    return None if row is None else _job(row)


async def save_progress(
    connection: Connection,
    job: Job,
    owner: str,
    *,
    done: int,
    total: int | None,
    cursor: str,
    result: dict[str, Any],
) -> bool:
    """Write progress and renew the lease, with the work; False: somebody else owns the job now."""
    held = await connection.fetchval(
        f"""UPDATE portal.jobs SET done = $4, total = $5, cursor = $6, result = $7, attempts = 0,
            reason = '', message = '', lease_until = now() + interval '{LEASE_SECONDS} seconds'
        WHERE store_id = $1 AND job_id = $2 AND owner = $3 AND status = 'running' RETURNING true""",
        job.store_id,
        job.job_id,
        owner,
        done,
        total,
        cursor,
        result,
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
    """Settle a job."""
    await connection.execute(
        """UPDATE portal.jobs SET status = $4, reason = $5, message = $6, owner = '', lease_until = NULL,
            finished_at = now()
        WHERE store_id = $1 AND job_id = $2 AND owner = $3 AND status = 'running'""",
        job.store_id,
        job.job_id,
        owner,
        status,
        reason,
        message,
    )


async def give_back(
    connection: Connection,
    job: Job,
    owner: str,
    *,
    seconds: float = 0,
    reason: str = "",
    message: str = "",
    counted: bool = True,
) -> None:
    """Let any portal take the job again after `seconds`; `counted`: whether this was an attempt."""
    await connection.execute(
        """UPDATE portal.jobs SET status = 'queued', reason = $5, message = $6, owner = '',
            lease_until = now() + $4 * interval '1 second',
            attempts = greatest(0, attempts - CASE WHEN $7 THEN 0 ELSE 1 END)
        WHERE store_id = $1 AND job_id = $2 AND owner = $3 AND status = 'running'""",
        job.store_id,
        job.job_id,
        owner,
        seconds,
        reason,
        message,
        counted,
    )


async def known_history(connection: Connection, store: StoreConnection, own: str | None = None) -> str | None:
    """From when on the store's revenue is known, in ISO 8601, by its syncs of orders and one of `own`; None: by none.

    A sync from before the connection does not count: nothing told of the orders between the two. Of a shop that is
    younger than what was read, nothing is known before the month of its first order: it had no year yet.
    """
    known = await _earliest_sync(connection, store.store_id, store.connected_at)
    reached = min((each for each in (own, known) if each is not None), default=None)
    if reached is None:
        return None
    first = await connection.fetchval(
        "SELECT min(placed_at) FROM commerce.orders WHERE store_id = $1 AND NOT is_test", store.store_id
    )
    if first is None:
        return reached
    assert isinstance(first, dt.datetime), "a timestamptz"
    month = first.astimezone(ZoneInfo(store.timezone)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return max(reached, month.astimezone(dt.UTC).isoformat(timespec="seconds"))


async def _earliest_sync(connection: Connection, store_id: int, connected_at: dt.datetime) -> str | None:
    earliest: str | None = await connection.fetchval(
        """SELECT min(result->>'history_from') FROM portal.jobs
        WHERE store_id = $1 AND status = 'succeeded' AND result ? 'history_from' AND created_at >= $2""",
        store_id,
        connected_at,
    )
    return earliest


async def find_history(connection: Connection, store_id: int) -> dict[str, Any] | None:
    """What the last sync of orders that went through came to; None when there was none since the store's connection."""
    row = await connection.fetchrow(
        """SELECT job_id, finished_at, result FROM portal.jobs
        WHERE store_id = $1 AND status = 'succeeded' AND result ? 'baseline'
            AND created_at >= (SELECT connected_at FROM commerce.store_connections WHERE store_id = $1)
        ORDER BY job_id DESC LIMIT 1""",
        store_id,
    )
    if row is None:
        return None
    told = {name: row["result"].get(name) for name in ("history_from", "baseline", "contract")}
    return {"job_id": row["job_id"], "finished_at": row["finished_at"], **told}


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


async def forget_uninstalled(connection: Connection) -> None:
    """Destroy the keys of stores whose app was removed."""
    await connection.execute(
        """DELETE FROM portal.store_credentials c USING commerce.store_connections s
        WHERE s.store_id = c.store_id AND s.status = $1""",
        UNINSTALLED,
    )


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

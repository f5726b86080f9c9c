"""Attribution anew: orders are handed to the orchestrator in chunks, in the bulk lane."""

from __future__ import annotations

import datetime as dt

from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Record
from kiki.kit.sealing import Sealer
from kiki.orchestrator.lanes import Lane
from kiki.portal.facts import add_fact
from kiki.portal.jobs.repository import Job
from kiki.portal.jobs.runner import Progress, Work

_CHUNK = 200
_REOPENED = "orders_reopened"

_ORDERS = """
SELECT order_id FROM commerce.orders
WHERE store_id = $1 AND order_id > $2 AND ($3::timestamptz IS NULL OR placed_at >= $3)
    AND ($4::timestamptz IS NULL OR placed_at < $4)
ORDER BY order_id LIMIT $5
"""
_COUNT = """
SELECT count(*) FROM commerce.orders
WHERE store_id = $1 AND ($2::timestamptz IS NULL OR placed_at >= $2) AND ($3::timestamptz IS NULL OR placed_at < $3)
"""


def recalculation_work(*, sealer: Sealer, clock: Clock) -> Work:
    """The work of a recalculation: reads order ids in order, writes one internal fact per chunk."""

    async def work(job: Job, progress: Progress) -> str:
        placed_from, placed_to = _time(job, "placed_from"), _time(job, "placed_to")
        more = True
        while more:
            async with progress.step() as connection:
                if progress.total is None:
                    progress.total = await connection.fetchval(_COUNT, job.store_id, placed_from, placed_to)
                rows = await connection.fetch(_ORDERS, job.store_id, progress.cursor, placed_from, placed_to, _CHUNK)
                if rows:
                    await _hand_over(connection, sealer, job, rows, clock.now())
                    progress.cursor = rows[-1]["order_id"]
                    progress.done += len(rows)
                more = len(rows) == _CHUNK
        return f"{progress.done} orders handed to the worker to be decided anew"

    return work


async def _hand_over(connection: Connection, sealer: Sealer, job: Job, rows: list[Record], now: dt.datetime) -> None:
    await add_fact(
        connection,
        sealer,
        store_id=job.store_id,
        kind=_REOPENED,
        body={"order_ids": [row["order_id"] for row in rows], "cause": "recalculation"},
        now=now,
        lane=Lane.BULK,
        identity=f"job:{job.job_id}",
    )


def _time(job: Job, name: str) -> dt.datetime | None:
    text = job.parameters.get(name)
    return None if text is None else dt.datetime.fromisoformat(text)

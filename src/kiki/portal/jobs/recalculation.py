"""Attribution anew: what would change, order by order, and orders handed to the orchestrator in the bulk lane.

Three ways: all orders of a span are handed over; a diff is computed and kept; a kept diff, or one just computed, is
applied by handing over exactly its orders. The worker decides them by the store's own model, and SyncLedger books what
changes into open months only. What is handed over is seen through (`converging.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kiki.commerce.attribution_models import DIFFS, DiffRow, count_diff, forget_diffs, list_diff, sum_diff
from kiki.kit.database import Connection
from kiki.kit.errors import Conflict
from kiki.orchestrator.workflows.reading import Shelf, Standing, shelf_of
from kiki.orchestrator.workflows.recalculating import speakers_of
from kiki.portal.jobs.attribution import History, begin, span_of
from kiki.portal.jobs.chunks import count_differences
from kiki.portal.jobs.computing import Computing
from kiki.portal.jobs.converging import (
    HANDED,
    Applied,
    begin_looking,
    hand_over,
    look_until_settled,
    looking,
    orders_after,
)
from kiki.portal.jobs.repository import Job, get_job
from kiki.portal.jobs.runner import Progress, Work

_KEPT_DIFFS = 5
_WRITTEN_AT_ONCE = 500

_COUNT = """
SELECT count(*) FROM commerce.orders
WHERE store_id = $1 AND ($2::timestamptz IS NULL OR placed_at >= $2) AND ($3::timestamptz IS NULL OR placed_at < $3)
"""


class ModelNotInForce(Conflict):
    """A model that the store's settings do not name cannot be applied: the worker decides by the settings."""

    reason = "MODEL_NOT_IN_FORCE"


def recalculation_work(history: History) -> Work:
    """The work of a recalculation, by the job's parameters."""

    async def work(job: Job, progress: Progress) -> str:
        if job.parameters.get("diff_job") is not None:
            return await _apply(history, job, progress)
        if "dry_run" in job.parameters:
            return await _compare(history, job, progress)
        return await _hand_over_all(history, job, progress)

    return work


async def _hand_over_all(history: History, job: Job, progress: Progress) -> str:
    """Reads order ids in order, writes one internal fact per chunk; then looks whether all was decided so."""
    span = span_of(job)
    while not looking(progress):
        async with progress.step() as connection:
            if progress.total is None:
                progress.total = await connection.fetchval(_COUNT, job.store_id, span.placed_from, span.placed_to)
            order_ids = await orders_after(connection, span, progress.cursor, HANDED)
            if order_ids:
                await hand_over(connection, history, job, order_ids)
                progress.cursor = order_ids[-1]
                progress.done += len(order_ids)
            if len(order_ids) < HANDED:
                begin_looking(progress)
    return await look_until_settled(history, progress, Applied(job, span, progress.done))


async def _compare(history: History, job: Job, progress: Progress) -> str:
    """Writes what would change, chunk by chunk; hands over the orders as well where it is no dry run."""
    dry = bool(job.parameters["dry_run"])
    if not looking(progress):
        await _write_diff(history, job, progress, dry=dry)
    changed = progress.result["changed"]
    told = f"{changed} of {progress.done} orders would change by {progress.result['model']}"
    if dry:
        return told
    applied = Applied(job, span_of(job), changed, diff=job.job_id)
    return f"{told}; {await look_until_settled(history, progress, applied)}"


async def _write_diff(history: History, job: Job, progress: Progress, *, dry: bool) -> None:
    standing, span = await history.standing(job.store_id), span_of(job)
    model = job.parameters.get("model") or standing.store.settings.attribution_model
    _check_model(standing, model, applied=not dry)
    await begin(progress, span)
    if not progress.cursor:
        async with progress.step() as connection:
            await forget_diffs(connection, job.store_id, keep=_KEPT_DIFFS)
    chunk, more = history.chunk(standing, span, progress.cursor), True
    async with Computing.open() as computing:
        while more:
            read, rows = await computing.run(count_differences, (chunk, model, job.job_id))
            async with progress.step() as connection:
                await _keep(connection, history, job, rows, hand=not dry)
                progress.cursor = read.after
                progress.done += read.size
            chunk, more = replace(chunk, after=read.after), read.more
    async with progress.step() as connection:
        summed = _summed(await sum_diff(connection, job.store_id, job.job_id))
        progress.result = {"model": model, "dry_run": dry, "orders": progress.done, **summed}
        if not dry:
            begin_looking(progress)


async def _keep(
    connection: Connection, history: History, job: Job, rows: Sequence[tuple[Any, ...]], *, hand: bool
) -> None:
    """Rows of the diff, some at a time: webhooks are answered in between."""
    for at in range(0, len(rows), _WRITTEN_AT_ONCE):
        await DIFFS.upsert(connection, rows[at : at + _WRITTEN_AT_ONCE])
    if hand:
        order_ids = [DiffRow(*row).order_id for row in rows]
        for at in range(0, len(order_ids), HANDED):
            await hand_over(connection, history, job, order_ids[at : at + HANDED])


async def _apply(history: History, job: Job, progress: Progress) -> str:
    """Hands over exactly the orders of a diff that is kept; then looks whether all was decided so."""
    source = int(job.parameters["diff_job"])
    if not looking(progress):
        check_in_force(shelf_of(await history.standing(job.store_id)), str(job.parameters["model"]))
    while not looking(progress):
        async with progress.step() as connection:
            if progress.total is None:
                progress.total = await count_diff(connection, job.store_id, source)
            rows: Sequence[DiffRow] = await list_diff(connection, job.store_id, source, progress.cursor, HANDED)
            if rows:
                await hand_over(connection, history, job, [row.order_id for row in rows])
                progress.cursor = rows[-1].order_id
                progress.done += len(rows)
            if len(rows) < HANDED:
                begin_looking(progress)
    async with history.database.connection() as connection:
        span = span_of(await get_job(connection, source))
    return await look_until_settled(history, progress, Applied(job, span, progress.done, diff=source))


def _check_model(standing: Standing, model: str, *, applied: bool) -> None:
    shelf = shelf_of(standing)
    speakers_of(shelf, model)
    if applied:
        check_in_force(shelf, model)


def check_in_force(shelf: Shelf, model: str) -> None:
    """Raises `ModelNotInForce`."""
    own = shelf.view.store.settings.attribution_model
    if model != own:
        raise ModelNotInForce(f"the store decides by {own}: set attribution_model to {model} before it is applied")


def _summed(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The diff by month and by cause; amounts in minor units of their currency."""
    months: dict[tuple[str, str], dict[str, Any]] = {}
    causes: dict[str, int] = {}
    for row in rows:
        month = months.setdefault(
            (row["month"], row["currency"]),
            {"month": row["month"], "currency": row["currency"], "orders": 0, "then_minor": 0, "now_minor": 0},
        )
        month["orders"] += row["orders"]
        month["then_minor"] += row["then_minor"]
        month["now_minor"] += row["now_minor"]
        causes[row["cause"]] = causes.get(row["cause"], 0) + row["orders"]
    return {"changed": sum(causes.values()), "months": list(months.values()), "causes": causes}

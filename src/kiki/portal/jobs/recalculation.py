"""Attribution anew: what would change, order by order, and orders handed to the orchestrator in the bulk lane.

Three ways: all orders of a span are handed over; a diff is computed and kept; a kept diff, or one just computed, is
applied by handing over exactly its orders. The worker decides them by the store's own model, and SyncLedger books what
changes into open months only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from kiki.commerce.attribution_models import (
    DIFFS,
    DiffRow,
    count_diff,
    diff_values,
    forget_diffs,
    list_diff,
    sum_diff,
)
from kiki.kit.database import Connection
from kiki.kit.errors import Conflict
from kiki.orchestrator.attribution.registry import build_model
from kiki.orchestrator.attribution.speaking import Speakers, alone
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows.reading import Shelf
from kiki.orchestrator.workflows.recalculating import differences
from kiki.portal.facts import add_fact
from kiki.portal.jobs.attribution import History, begin, span_of
from kiki.portal.jobs.repository import Job
from kiki.portal.jobs.runner import Progress, Work

_CHUNK = 200
_REOPENED = "orders_reopened"
_KEPT_DIFFS = 5

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
    """Reads order ids in order, writes one internal fact per chunk."""
    span = span_of(job)
    more = True
    while more:
        async with progress.step() as connection:
            if progress.total is None:
                progress.total = await connection.fetchval(_COUNT, job.store_id, span.placed_from, span.placed_to)
            rows = await connection.fetch(
                _ORDERS, job.store_id, progress.cursor, span.placed_from, span.placed_to, _CHUNK
            )
            if rows:
                await _hand_over(connection, history, job, [row["order_id"] for row in rows])
                progress.cursor = rows[-1]["order_id"]
                progress.done += len(rows)
            more = len(rows) == _CHUNK
    return f"{progress.done} orders handed to the worker to be decided anew"


async def _compare(history: History, job: Job, progress: Progress) -> str:
    """Writes what would change, page by page; hands over the orders as well where it is no dry run."""
    shelf, span, dry = await history.shelf(job.store_id), span_of(job), bool(job.parameters["dry_run"])
    model = job.parameters.get("model") or shelf.view.store.settings.attribution_model
    spoken = speakers_of(shelf, model)
    if not dry:
        check_in_force(shelf, model)
    await begin(progress, span)
    if not progress.cursor:
        async with progress.step() as connection:
            await forget_diffs(connection, job.store_id, keep=_KEPT_DIFFS)
    async for page in history.pages(shelf, span, progress.cursor):
        rows = await asyncio.to_thread(differences, page, shelf.view, spoken, job.job_id)
        async with progress.step() as connection:
            await DIFFS.upsert(connection, [diff_values(row) for row in rows])
            if rows and not dry:
                for at in range(0, len(rows), _CHUNK):
                    await _hand_over(connection, history, job, [row.order_id for row in rows[at : at + _CHUNK]])
            progress.cursor = page.orders[-1].order_id
            progress.done += len(page.orders)
    async with progress.step() as connection:
        progress.result = {
            "model": model,
            "dry_run": dry,
            "orders": progress.done,
            **_summed(await sum_diff(connection, job.store_id, job.job_id)),
        }
    changed = progress.result["changed"]
    handed = "" if dry else ", handed to the worker to be decided anew"
    return f"{changed} of {progress.done} orders would change by {model}{handed}"


async def _apply(history: History, job: Job, progress: Progress) -> str:
    """Hands over exactly the orders of a diff that is kept."""
    source = int(job.parameters["diff_job"])
    check_in_force(await history.shelf(job.store_id), str(job.parameters["model"]))
    more = True
    while more:
        async with progress.step() as connection:
            if progress.total is None:
                progress.total = await count_diff(connection, job.store_id, source)
            rows: Sequence[DiffRow] = await list_diff(connection, job.store_id, source, progress.cursor, _CHUNK)
            if rows:
                await _hand_over(connection, history, job, [row.order_id for row in rows])
                progress.cursor = rows[-1].order_id
                progress.done += len(rows)
            more = len(rows) == _CHUNK
    return f"{progress.done} orders of the diff of job {source} handed to the worker to be decided anew"


def speakers_of(shelf: Shelf, model: str) -> Speakers:
    """The store's own models, an A/B test included, where it is theirs; otherwise the named one alone."""
    own = shelf.view.speakers
    return own if model == own.model.name else alone(build_model(model, shelf.fitted.get(model)))


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


async def _hand_over(connection: Connection, history: History, job: Job, order_ids: list[str]) -> None:
    await add_fact(
        connection,
        history.sealer,
        store_id=job.store_id,
        kind=_REOPENED,
        body={"order_ids": order_ids, "cause": "recalculation"},
        now=history.clock.now(),
        lane=Lane.BULK,
        identity=f"job:{job.job_id}",
    )

"""Attribution anew: what would change, order by order, and orders handed to the orchestrator in the bulk lane.

Three ways: all orders of a span are handed over; a diff is computed and kept; a kept diff, or one just computed, is
applied by handing over exactly its orders. The worker decides them by the store's own model, and SyncLedger books what
changes into open months only. What is handed over is seen through (`converging.py`).

A diff is computed under one set of rules, contract, models and campaigns (`grounds.py`), which is kept with it. Where
another one is in force before the last of it is computed, or history went on while the job was interrupted, it is
computed anew; where another one is in force when it is applied, the rest is not handed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kiki.commerce.attribution_models import DIFFS, DiffRow, count_diff, forget_diffs, list_diff, sum_diff
from kiki.commerce.stores import StoreConnection, StoreRepository
from kiki.kit.database import Connection
from kiki.kit.errors import Conflict
from kiki.kit.logging import get_logger
from kiki.orchestrator.workflows.grounds import Grounds, decided_since, read_grounds, read_plain
from kiki.orchestrator.workflows.reading import Shelf, Standing
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
_MOST_ANEW = 10
_MOST_ANEW_FOR_HISTORY = 3
_UNDER, _ANEW = "computed_under", "computed_anew"
"""Where a job's result says what its diff rests on, and how often it was computed anew."""
_log = get_logger(__name__)

_COUNT = """
SELECT count(*) FROM commerce.orders
WHERE store_id = $1 AND ($2::timestamptz IS NULL OR placed_at >= $2) AND ($3::timestamptz IS NULL OR placed_at < $3)
"""
_FORGET = "DELETE FROM commerce.attribution_diffs WHERE store_id = $1 AND job_id = $2"


class ModelNotInForce(Conflict):
    """A model that the store's settings do not name cannot be applied: the worker decides by the settings."""

    reason = "MODEL_NOT_IN_FORCE"


class RulesChanged(Conflict):
    """What a diff was computed under is no longer in force: it does not say what applying it would come to."""

    reason = "RULES_CHANGED"


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
    """Writes what would change, chunk by chunk; then hands over its orders where it is no dry run."""
    if "months" not in progress.result:
        await _write_diff(history, job, progress)
    changed, model = progress.result["changed"], progress.result["model"]
    told = f"{changed} of {progress.done} orders would change by {model}"
    if job.parameters["dry_run"]:
        return told
    await _hand_over_diff(history, job, progress, source=job, counted=False)
    return f"{told}; {await _look(history, job, progress, job, changed)}"


async def _write_diff(history: History, job: Job, progress: Progress) -> None:
    """Computes until a diff was computed under one set of rules from its first row to its last."""
    while True:
        standing, grounds = await _begin_computing(history, job, progress)
        if await _compute(history, job, progress, standing, grounds):
            return
        _log.info("diff_computed_anew", job_id=job.job_id, why="rules changed")


async def _begin_computing(history: History, job: Job, progress: Progress) -> tuple[Standing, Grounds]:
    """Go on where the job was, or begin anew where what was computed so far rests on something else."""
    async with progress.step() as connection:
        standing, now = await _grounds_now(connection, history, job)
        known, anew = read_plain(progress.result.get(_UNDER)), int(progress.result.get(_ANEW, 0))
        if known is None or not progress.cursor or _rests_elsewhere(known, now, anew):
            anew += known is not None and bool(progress.cursor or known.changed(now))
            if known is not None and anew > _MOST_ANEW:
                raise RulesChanged(
                    f"the store's rules changed {_MOST_ANEW} times while the diff was computed:"
                    f" {'; '.join(known.changed(now))}; compute it when they stay"
                )
            await forget_diffs(connection, job.store_id, keep=_KEPT_DIFFS)
            await connection.execute(_FORGET, job.store_id, job.job_id)
            progress.cursor, progress.done, progress.total = "", 0, None
            progress.result = {_UNDER: now.plain(), _ANEW: anew}
    await begin(progress, span_of(job))
    return standing, now


def _rests_elsewhere(known: Grounds, now: Grounds, anew: int) -> bool:
    """Other rules, or a history that went on: that is read once more, a few times, for in a busy store it always does.

    Whether it went on is asked of a job that was interrupted: one that computes on sees rows as they come.
    """
    return bool(known.changed(now)) or (known.position != now.position and anew < _MOST_ANEW_FOR_HISTORY)


async def _compute(history: History, job: Job, progress: Progress, standing: Standing, grounds: Grounds) -> bool:
    """Chunk by chunk; False as soon as other rules are in force: what was computed under them is not kept."""
    model = _model(job, standing.store)
    chunk, more = history.chunk(standing, span_of(job), progress.cursor), True
    async with Computing.open() as computing:
        while more:
            read, rows = await computing.run(count_differences, (chunk, model, job.job_id))
            async with progress.step() as connection:
                _, now = await _grounds_now(connection, history, job)
                if grounds.changed(now):
                    return False
                for at in range(0, len(rows), _WRITTEN_AT_ONCE):  # Webhooks are answered in between.
                    await DIFFS.upsert(connection, rows[at : at + _WRITTEN_AT_ONCE])
                progress.cursor = read.after
                progress.done += read.size
                if not read.more:
                    await _sum_up(connection, job, progress, model)
            chunk, more = replace(chunk, after=read.after), read.more
    return True


async def _sum_up(connection: Connection, job: Job, progress: Progress, model: str) -> None:
    summed = _summed(await sum_diff(connection, job.store_id, job.job_id))
    told = {"model": model, "dry_run": bool(job.parameters["dry_run"]), "orders": progress.done}
    progress.result = {**progress.result, **told, **summed}
    progress.cursor = ""


async def _apply(history: History, job: Job, progress: Progress) -> str:
    """Hands over exactly the orders of a diff that is kept; then looks whether all was decided so."""
    async with history.database.connection() as connection:
        source = await get_job(connection, int(job.parameters["diff_job"]))
    await _hand_over_diff(history, job, progress, source=source, counted=True)
    told = await _look(history, job, progress, source, progress.done)
    moved = progress.result["moved"]
    return f"{told}; {moved} of them had been decided anew since the diff was computed" if moved else told


async def _hand_over_diff(history: History, job: Job, progress: Progress, *, source: Job, counted: bool) -> None:
    """The orders of a diff, some at a time, as long as what it was computed under is in force."""
    while not looking(progress):
        async with progress.step() as connection:
            grounds = await check_grounds(connection, await _store(connection, history, job), source, progress.result)
            if counted and progress.total is None:
                progress.total = await count_diff(connection, job.store_id, source.job_id)
                moved = await decided_since(connection, job.store_id, source.job_id, grounds.position)
                progress.result = {**progress.result, "moved": moved}
            rows: Sequence[DiffRow] = await list_diff(connection, job.store_id, source.job_id, progress.cursor, HANDED)
            if rows:
                await hand_over(connection, history, job, [row.order_id for row in rows])
                progress.cursor = rows[-1].order_id
                progress.done += len(rows) if counted else 0
            if len(rows) < HANDED:
                begin_looking(progress)


async def _look(history: History, job: Job, progress: Progress, source: Job, orders: int) -> str:
    """See it through, as long as the same is in force: what is behind is handed over again by those rules alone."""

    async def check(connection: Connection) -> None:
        await check_grounds(connection, await _store(connection, history, job), source, progress.result)

    applied = Applied(job, span_of(source), orders, diff=source.job_id, check=check)
    return await look_until_settled(history, progress, applied)


async def check_grounds(
    connection: Connection, store: StoreConnection, source: Job, result: dict[str, Any] | None = None
) -> Grounds:
    """What a diff was computed under, as long as it is in force. Raises `ModelNotInForce` and `RulesChanged`.

    `result`: of the job that applies it, where it may be the very job that computed it.
    """
    told = result if result is not None and _UNDER in result else source.result
    known = read_plain(told.get(_UNDER))
    model = str(told["model"])
    if model != store.settings.attribution_model:
        raise _not_in_force(model, store)
    if known is None:
        raise RulesChanged(f"the diff of job {source.job_id} does not say what it was computed under: compute it again")
    _, now = await read_grounds(connection, store, model)
    if changed := known.changed(now):
        raise RulesChanged(
            f"the diff of job {source.job_id} was computed under other rules: {'; '.join(changed)}; compute it again"
        )
    return known


async def _grounds_now(connection: Connection, history: History, job: Job) -> tuple[Standing, Grounds]:
    store = await _store(connection, history, job)
    model = _model(job, store)
    if not job.parameters["dry_run"] and model != store.settings.attribution_model:
        raise _not_in_force(model, store)
    return await read_grounds(connection, store, model)


async def _store(connection: Connection, history: History, job: Job) -> StoreConnection:
    return await StoreRepository(history.sealer).get(connection, job.store_id)


def _model(job: Job, store: StoreConnection) -> str:
    return str(job.parameters.get("model") or store.settings.attribution_model)


def check_in_force(shelf: Shelf, model: str) -> None:
    """Raises `ModelNotInForce`."""
    if model != shelf.view.store.settings.attribution_model:
        raise _not_in_force(model, shelf.view.store)


def _not_in_force(model: str, store: StoreConnection) -> ModelNotInForce:
    own = store.settings.attribution_model
    return ModelNotInForce(f"the store decides by {own}: set attribution_model to {model} before it is applied")


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

"""Attribution over a store's history: fitting models and setting them side by side.

Reading and deciding happen in a process of its own, chunk by chunk, so that webhooks are answered meanwhile. Memory
does not grow with the history; what a job keeps between two chunks is a value that the next process goes on from.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from kiki.commerce.attribution_models import put_fitted
from kiki.commerce.history import Span, count_orders
from kiki.commerce.stores import StoreRepository
from kiki.kit.clock import Clock
from kiki.kit.database import Database
from kiki.kit.errors import InvalidInput
from kiki.kit.sealing import Sealer
from kiki.orchestrator.attribution.registry import available_models
from kiki.orchestrator.workflows.reading import Standing, read_standing
from kiki.orchestrator.workflows.recalculating import SideBySide
from kiki.portal.jobs.chunks import (
    Chunk,
    Read,
    fit_study,
    set_side_by_side,
    sides_of,
    study_orders,
    study_visitors,
)
from kiki.portal.jobs.computing import Computing
from kiki.portal.jobs.repository import Job
from kiki.portal.jobs.runner import Progress, Work

PAGE = 200
"""Orders that are held in memory at a time."""
CHUNK = 2_000
"""Orders between two steps of progress."""
_VISITORS = 500
_FIT_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class History:
    """What work over a history needs."""

    database: Database
    sealer: Sealer
    clock: Clock

    async def standing(self, store_id: int) -> Standing:
        """The store with its models, as they stand."""
        async with self.database.connection() as connection:
            store = await StoreRepository(self.sealer).get(connection, store_id)
            return await read_standing(connection, store)

    def chunk(self, standing: Standing, span: Span, after: str = "") -> Chunk:
        """The chunk of orders behind a place."""
        return Chunk(
            dsn=self.database.dsn,
            standing=standing,
            span=span,
            now=self.clock.now(),
            page=PAGE,
            most=max(CHUNK, PAGE),
            after=after,
        )


def span_of(job: Job) -> Span:
    """Which orders a job is about."""
    placed = [job.parameters.get(name) for name in ("placed_from", "placed_to")]
    times = [None if text is None else dt.datetime.fromisoformat(text) for text in placed]
    return Span(job.store_id, *times)


async def begin(progress: Progress, span: Span) -> None:
    """Count what is to be done, once."""
    if progress.total is None:
        async with progress.step() as connection:
            progress.total = await count_orders(connection, span)


def compare_work(history: History) -> Work:
    """All models that can speak now over the same orders. Begins anew after an interruption: nothing is written."""

    async def work(job: Job, progress: Progress) -> str:
        standing, span = await history.standing(job.store_id), span_of(job)
        await begin(progress, span)
        progress.done = 0
        async with Computing.open() as computing:
            sides = await _folded(computing, set_side_by_side, history.chunk(standing, span), progress)
        models, settings = available_models(standing.fitted), standing.store.settings
        async with progress.step():
            progress.result = {
                "store_model": settings.attribution_model,
                "second_model": settings.attribution_shadow,
                "ab_share_ppm": settings.attribution_ab_share,
                "fee_rate": settings.fee_rate,
                "basis": settings.basis,
                "models": SideBySide(models, sides_of(sides)).plain(int(Decimal(settings.fee_rate) * 1_000_000)),
            }
        return f"{progress.done} orders decided by {len(models)} models"

    return work


def fit_work(history: History) -> Work:
    """The chain of all paths of a store: orders, and visitors who never ordered. Begins anew when interrupted."""

    async def work(job: Job, progress: Progress) -> str:
        standing, span = await history.standing(job.store_id), span_of(job)
        await begin(progress, span)
        progress.done = 0
        chunk = history.chunk(standing, span)
        async with Computing.open() as computing:
            study = await _folded(computing, study_orders, chunk, progress)
            study = await _visitors(computing, chunk, study, progress)
            given = (study, job.store_id, history.clock.now())
            row = await computing.run(fit_study, given, timeout_seconds=_FIT_SECONDS)
        if row is None:
            raise InvalidInput(
                "no order of the store has a click that names a campaign: there is nothing to fit", reason="NO_PATHS"
            )
        visitors = int(row.report["nulls"])
        async with progress.step() as connection:
            await put_fitted(connection, row)
            progress.result = {
                "model": row.name,
                "fingerprint": row.fingerprint,
                "orders": row.size,
                "visitors": visitors,
                "channels": row.report["channels"],
            }
        return f"markov is fitted on {row.size} orders and {visitors} visitors who did not order"

    return work


async def _visitors(computing: Computing, orders: Chunk, study: bytes, progress: Progress) -> bytes:
    chunk, more = replace(orders, page=_VISITORS, most=max(CHUNK, _VISITORS), after=""), True
    while more:
        read, study, nulls = await computing.run(study_visitors, (chunk, study))
        async with progress.step():
            progress.result = {"visitors": nulls}
        chunk, more = replace(chunk, after=read.after), read.more
    return study


async def _folded(
    computing: Computing,
    work: Callable[[tuple[Chunk, bytes]], tuple[Read, bytes]],
    chunk: Chunk,
    progress: Progress,
) -> bytes:
    """Chunk after chunk to the end; each goes on from what the one before it came to."""
    content, more = b"", True
    while more:
        read, content = await computing.run(work, (chunk, content))
        async with progress.step():
            progress.done += read.size
        chunk, more = replace(chunk, after=read.after), read.more
    return content

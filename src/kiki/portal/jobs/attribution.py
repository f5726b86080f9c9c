"""Attribution over a store's history: fitting models, setting them side by side, the diff of a recalculation.

Pages are read on the loop and decided in a thread, so that webhooks are answered meanwhile; memory does not grow with
the history.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from kiki.commerce.attribution_models import FittedRow, put_fitted
from kiki.commerce.history import Span, count_orders, page_of_visitors, visits_of
from kiki.commerce.stores import StoreRepository
from kiki.kit.clock import Clock
from kiki.kit.database import Database
from kiki.kit.errors import InvalidInput
from kiki.kit.sealing import Sealer
from kiki.orchestrator.attribution.crediting import OTHER
from kiki.orchestrator.attribution.registry import available_models
from kiki.orchestrator.workflows.batch import Batch
from kiki.orchestrator.workflows.reading import Page, Shelf, read_page, read_shelf
from kiki.orchestrator.workflows.recalculating import SideBySide, lost_path, paths_in
from kiki.portal.jobs.repository import Job
from kiki.portal.jobs.runner import Progress, Work

if TYPE_CHECKING:  # numpy is loaded where a fit wants it
    from kiki.orchestrator.attribution.path_report import PathStudy
    from kiki.orchestrator.attribution.paths import Channels, Path

PAGE = 200
"""Orders that are decided at a time."""
_VISITORS = 500
_MOST_CHANNELS = 1_000
_REST = f"{OTHER}(the rest)"
_SHOWN = 100
_FITTED_BY = ("markov", "shapley")


@dataclass(frozen=True, slots=True)
class History:
    """What work over a history needs."""

    database: Database
    sealer: Sealer
    clock: Clock

    async def shelf(self, store_id: int) -> Shelf:
        """The store with its models, as they stand."""
        async with self.database.connection() as connection:
            store = await StoreRepository(self.sealer).get(connection, store_id)
            return await read_shelf(connection, store)

    async def pages(self, shelf: Shelf, span: Span, after: str = "") -> AsyncIterator[Page]:
        """Every order of the span, page by page, by id."""
        while True:
            async with self.database.connection() as connection:
                page = await read_page(
                    connection, shelf, span, after=after, limit=PAGE, now=self.clock.now(), sealer=self.sealer
                )
            if page.orders:
                yield page
                after = page.orders[-1].order_id
            if len(page.orders) < PAGE:
                return


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
        shelf, span = await history.shelf(job.store_id), span_of(job)
        await begin(progress, span)
        found, progress.done = SideBySide(available_models(shelf.fitted)), 0
        async for page in history.pages(shelf, span):
            await asyncio.to_thread(found.add, page, shelf.view)
            async with progress.step():
                progress.done += len(page.orders)
        settings = shelf.view.store.settings
        async with progress.step():
            progress.result = {
                "store_model": settings.attribution_model,
                "second_model": settings.attribution_shadow,
                "ab_share_ppm": settings.attribution_ab_share,
                "fee_rate": settings.fee_rate,
                "basis": settings.basis,
                "models": found.plain(int(Decimal(settings.fee_rate) * 1_000_000)),
            }
        return f"{progress.done} orders decided by {len(found.models)} models"

    return work


def fit_work(history: History) -> Work:
    """The chain of all paths of a store: orders, and visitors who never ordered. Begins anew when interrupted."""

    async def work(job: Job, progress: Progress) -> str:
        shelf, span = await history.shelf(job.store_id), span_of(job)
        await begin(progress, span)
        study, progress.done = await asyncio.to_thread(_study), 0
        async for page in history.pages(shelf, span):
            await asyncio.to_thread(_add, study, page, shelf)
            async with progress.step():
                progress.done += len(page.orders)
        async for page in _visitors(history, job.store_id):
            await asyncio.to_thread(_add_lost, study, page, shelf)
            async with progress.step():
                progress.result = {"visitors": int(study.nulls)}
        if not study.conversions:
            raise InvalidInput(
                "no order of the store has a click that names a campaign: there is nothing to fit", reason="NO_PATHS"
            )
        row = await asyncio.to_thread(_fitted, study, job.store_id, history.clock.now())
        async with progress.step() as connection:
            await put_fitted(connection, row)
            progress.result = {
                "model": row.name,
                "fingerprint": row.fingerprint,
                "orders": row.size,
                "visitors": int(study.nulls),
                "channels": len(study.channels),
            }
        return f"markov is fitted on {row.size} orders and {int(study.nulls)} visitors who did not order"

    return work


async def _visitors(history: History, store_id: int) -> AsyncIterator[Page]:
    """Contacts of people who never ordered, some people at a time."""
    after, more = "", True
    while more:
        async with history.database.connection() as connection:
            keys = await page_of_visitors(connection, store_id, after, _VISITORS)
            visits = await visits_of(connection, store_id, keys)
        batch = Batch(now=history.clock.now(), sealer=history.sealer, new_key=str)
        batch.touches = {(store_id, key): rows for key, rows in visits.items()}
        yield Page([], batch)
        more = len(keys) == _VISITORS
        after = keys[-1] if keys else ""


def _study() -> PathStudy:
    """An empty study; numpy and scipy are loaded on the way, which takes a while."""
    from kiki.orchestrator.attribution.path_report import PathStudy

    return PathStudy.of(_FITTED_BY)


def _add_lost(study: PathStudy, page: Page, shelf: Shelf) -> None:
    found = (lost_path(shelf.view, rows, page) for rows in page.batch.touches.values())
    _put(study, [path for path in found if path is not None])


def _add(study: PathStudy, page: Page, shelf: Shelf) -> None:
    _put(study, paths_in(page, shelf.view))


def _put(study: PathStudy, paths: Sequence[Path]) -> None:
    """Add paths; of channels that are not ours, those beyond the first thousand count as one."""
    from kiki.orchestrator.attribution.paths import columns

    if paths:
        study.add(columns([_within(path, study.channels) for path in paths], study.channels))


def _within(path: Path, channels: Channels) -> Path:
    if len(channels) < _MOST_CHANNELS:
        return path
    names = tuple(
        name if channels.find(name) is not None or not name.startswith(OTHER) else _REST for name in path.channels
    )
    return replace(path, channels=names)


def _fitted(study: PathStudy, store_id: int, now: dt.datetime) -> FittedRow:
    from kiki.orchestrator.attribution.markov import fit_markov
    from kiki.orchestrator.attribution.path_report import report

    parameters = fit_markov(study.transitions, study.channels)
    told = report(study, _FITTED_BY)
    for figures in told["models"].values():
        rows = sorted(figures["channels"], key=lambda row: (-row["conversions"], row["channel"]))
        figures["channels"] = rows[:_SHOWN]
        for table in [name for name, value in figures.items() if isinstance(value, dict)]:
            del figures[table]
    return FittedRow(
        store_id=store_id,
        name="markov",
        fingerprint=parameters.fingerprint,
        fitted_at=now,
        source="history",
        size=int(study.conversions),
        parameters=parameters.to_plain(),
        report=told,
    )

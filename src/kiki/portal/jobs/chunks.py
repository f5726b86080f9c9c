"""What the computing process of an attribution job does: it reads a chunk of a store's history and decides it.

It reads the database by itself, page by page, so that neither rows nor people cross the border of the process: in go a
place in the history and the store's rules, out come ids, figures and sums. It has no keys; what is sealed stays sealed.
Every function is pure over what the database holds: done again, it answers the same.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from kiki.commerce.attribution_models import FittedRow, diff_values
from kiki.commerce.history import Span, orders_by_key, page_of_visitors, visits_of
from kiki.kit.database import Connection, Database
from kiki.kit.sealing import Keyring, Sealer
from kiki.orchestrator.attribution.crediting import OTHER
from kiki.orchestrator.attribution.registry import available_models
from kiki.orchestrator.workflows.batch import Batch
from kiki.orchestrator.workflows.reading import Page, Shelf, Standing, read_around, read_page, shelf_of
from kiki.orchestrator.workflows.recalculating import (
    Side,
    SideBySide,
    differences,
    lost_path,
    outdated,
    paths_in,
    speakers_of,
)
from kiki.orchestrator.workflows.trails import Trail

if TYPE_CHECKING:  # numpy is loaded where a fit wants it
    from kiki.orchestrator.attribution.path_report import PathStudy
    from kiki.orchestrator.attribution.paths import Channels, Path

_MOST_CHANNELS = 1_000
_REST = f"{OTHER}(the rest)"
_SHOWN = 100
_FITTED_BY = ("markov", "shapley")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Where to read on, and how the store stood when the job began."""

    dsn: str = field(repr=False)
    standing: Standing
    span: Span
    now: dt.datetime
    page: int
    """Orders, or visitors, that are held in memory at a time."""
    most: int
    """Orders, or visitors, of the chunk."""
    after: str = ""


class Read(NamedTuple):
    """How far a chunk came."""

    after: str
    size: int
    """Orders, or visitors, that were read."""
    more: bool
    """Whether there may be something behind it."""


def count_differences(given: tuple[Chunk, str, int]) -> tuple[Read, list[tuple[Any, ...]]]:
    """Rows of the diff of a job by a model, as `diff_values` gives them: (chunk, model, job id) goes in."""
    chunk, model, job_id = given
    shelf = shelf_of(chunk.standing)
    spoken, rows = speakers_of(shelf, model), list[tuple[Any, ...]]()

    def add(page: Page) -> None:
        rows.extend(diff_values(row) for row in differences(page, shelf.view, spoken, job_id))

    return asyncio.run(_read_orders(chunk, shelf, add)), rows


def find_outdated(given: tuple[Chunk, Sequence[str], bool]) -> list[str]:
    """Of these orders, those of which the store's models would say something else now, exactly or as in a diff."""
    chunk, order_ids, exact = given
    shelf, found = shelf_of(chunk.standing), list[str]()

    def add(page: Page) -> None:
        found.extend(outdated(page, shelf.view, exact=exact))

    asyncio.run(_read_named(chunk, shelf, order_ids, add))
    return found


def set_side_by_side(given: tuple[Chunk, bytes]) -> tuple[Read, bytes]:
    """All models that can speak, over one more chunk; (chunk, `sides_of` what came before) goes in, empty at first."""
    chunk, before = given
    shelf = shelf_of(chunk.standing)
    found = SideBySide(available_models(shelf.fitted), sides_of(before))
    read = asyncio.run(_read_orders(chunk, shelf, lambda page: found.add(page, shelf.view)))
    return read, pickle.dumps(found.sides)


def sides_of(content: bytes) -> dict[tuple[str, str, str], Side]:
    """What `set_side_by_side` answered; nothing yet for empty bytes."""
    sides: dict[tuple[str, str, str], Side] = pickle.loads(content) if content else {}  # noqa: S301  # Ours.
    return sides


def study_orders(given: tuple[Chunk, bytes]) -> tuple[Read, bytes]:
    """The study of what came before (empty at first), and the paths of one more chunk of orders."""
    chunk, before = given
    shelf, study = shelf_of(chunk.standing), _study(before)
    read = asyncio.run(_read_orders(chunk, shelf, lambda page: _add(study, paths_in(page, shelf.view))))
    return read, pickle.dumps(study)


def study_visitors(given: tuple[Chunk, bytes]) -> tuple[Read, bytes, int]:
    """The same over people who never ordered; and how many paths the study has that did not convert."""
    chunk, before = given
    shelf, study = shelf_of(chunk.standing), _study(before)

    def add(page: Page) -> None:
        lost = (lost_path(shelf.view, trail.rows, page) for trail in page.batch.touches.values())
        _add(study, [path for path in lost if path is not None])

    read = asyncio.run(_read_visitors(chunk, add))
    return read, pickle.dumps(study), int(study.nulls)


def fit_study(given: tuple[bytes, int, dt.datetime]) -> FittedRow | None:
    """The chain and its report; None where no path converted. (study, store, time) goes in."""
    content, store_id, now = given
    study = _study(content)
    if not study.conversions:
        return None
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


async def _read_orders(chunk: Chunk, shelf: Shelf, use: Callable[[Page], None]) -> Read:
    async with _opened(chunk) as (connection, sealer):

        async def page_after(after: str, limit: int) -> tuple[list[str], Page]:
            page = await read_page(
                connection, shelf, chunk.span, after=after, limit=limit, now=chunk.now, sealer=sealer
            )
            return [order.order_id for order in page.orders], page

        return await _page_by_page(chunk, page_after, use)


async def _read_visitors(chunk: Chunk, use: Callable[[Page], None]) -> Read:
    """Contacts of people who never ordered, some people at a time."""
    store_id = chunk.span.store_id
    async with _opened(chunk) as (connection, sealer):

        async def page_after(after: str, limit: int) -> tuple[list[str], Page]:
            keys = await page_of_visitors(connection, store_id, after, limit)
            batch = Batch(now=chunk.now, sealer=sealer, new_key=str)
            visits = await visits_of(connection, store_id, keys)
            batch.touches = {(store_id, key): Trail(rows) for key, rows in visits.items()}
            return keys, Page([], batch)

        return await _page_by_page(chunk, page_after, use)


async def _page_by_page(
    chunk: Chunk, page_after: Callable[[str, int], Awaitable[tuple[list[str], Page]]], use: Callable[[Page], None]
) -> Read:
    after, count = chunk.after, 0
    while count < chunk.most:
        limit = min(chunk.page, chunk.most - count)
        keys, page = await page_after(after, limit)
        if keys:
            use(page)
            after, count = keys[-1], count + len(keys)
        if len(keys) < limit:
            return Read(after, count, more=False)
    return Read(after, count, more=True)


async def _read_named(chunk: Chunk, shelf: Shelf, order_ids: Sequence[str], use: Callable[[Page], None]) -> None:
    async with _opened(chunk) as (connection, sealer):
        for at in range(0, len(order_ids), chunk.page):
            keys = [(chunk.span.store_id, name) for name in order_ids[at : at + chunk.page]]
            orders = list((await orders_by_key(connection, sorted(keys))).values())
            use(await read_around(connection, shelf, orders, now=chunk.now, sealer=sealer))


@asynccontextmanager
async def _opened(chunk: Chunk) -> AsyncIterator[tuple[Connection, Sealer]]:
    """A connection, and a sealer over a key of its own: pages ask for one and never use it."""
    sealer = Sealer(Keyring.parse(Keyring.generate()))
    async with (
        Database.open(chunk.dsn, application_name="kiki-computing", min_size=0, max_size=1) as database,
        database.connection() as connection,
    ):
        yield connection, sealer


def _study(content: bytes) -> PathStudy:
    # Before numpy is loaded: on small matrices threads only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from kiki.orchestrator.attribution.path_report import PathStudy

    if not content:
        return PathStudy.of(_FITTED_BY)
    known: PathStudy = pickle.loads(content)  # noqa: S301  # A process of this job wrote it.
    return known


def _add(study: PathStudy, paths: Iterable[Path]) -> None:
    """Add paths; of channels that are not ours, those beyond the first thousand count as one."""
    from kiki.orchestrator.attribution.paths import columns

    found = [_within(path, study.channels) for path in paths]
    if found:
        study.add(columns(found, study.channels))


def _within(path: Path, channels: Channels) -> Path:
    if len(channels) < _MOST_CHANNELS:
        return path
    names = tuple(
        name if channels.find(name) is not None or not name.startswith(OTHER) else _REST for name in path.channels
    )
    return replace(path, channels=names)

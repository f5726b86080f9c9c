"""Jobs of attribution compute in a process of their own: the same results, whatever becomes of the process."""

from __future__ import annotations

import asyncio
import datetime as dt
import multiprocessing
import os
import pickle
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from integration.orchestrator.workflows.ruling import rules
from integration.orchestrator.workflows.shop import NOW, Shop, order, visit
from kiki.commerce.attribution_models import DiffRow, diff_values, list_diff, list_fitted
from kiki.commerce.events import OrderTouch
from kiki.commerce.history import Span
from kiki.commerce.stores import StoreRepository
from kiki.kit.clock import FixedClock
from kiki.kit.database import Database
from kiki.kit.errors import Unavailable
from kiki.kit.sealing import Keyring, Sealer
from kiki.kit.workers import Workers
from kiki.orchestrator.attribution.markov import fit_markov
from kiki.orchestrator.attribution.path_report import PathStudy
from kiki.orchestrator.attribution.paths import columns
from kiki.orchestrator.attribution.registry import available_models
from kiki.orchestrator.workflows.reading import Page, Shelf, read_page, read_shelf
from kiki.orchestrator.workflows.recalculating import SideBySide, differences, paths_in, speakers_of
from kiki.portal.jobs import attribution, runner
from kiki.portal.jobs.attribution import History, compare_work, fit_work
from kiki.portal.jobs.chunks import find_outdated
from kiki.portal.jobs.computing import Computing
from kiki.portal.jobs.recalculation import recalculation_work
from kiki.portal.jobs.repository import Job, get_job
from kiki.portal.jobs.runner import JobRunner

pytestmark = pytest.mark.slow

KEY = bytes(range(32))
ORDERS = 23
KINDS = {"fit": fit_work, "compare": compare_work, "diff": recalculation_work}
Run = Callable[..., Awaitable[Any]]


@pytest.fixture
async def shop(migrated_dsn: str) -> AsyncIterator[Shop]:
    """Orders by people who came through campaigns and other channels, decided by the default rule."""
    async with Database.open(migrated_dsn, application_name="test", max_size=6) as database:
        shop = Shop(database, Sealer(Keyring({1: KEY})))
        await shop.connect()
        await shop.register(products=["p1"])
        await rules(shop, attribution_shadow="linear")  # Keeps the visits of other channels.
        for number in range(ORDERS):
            at = NOW - dt.timedelta(days=3, minutes=number)
            touches = (
                visit("autumn", at - dt.timedelta(days=1)),
                OrderTouch(utm_source=f"news-{number % 4}", utm_medium="email", at=at - dt.timedelta(hours=5)),
                None,
            )
            product = f"p{number % 2}"
            buyer: dict[str, Any] = {"email": f"ada{number % 9}@example.com", "customer_id": f"secret-{number % 9}"}
            told = order(str(number), placed_at=at, touch=touches[number % 3], product_id=product, **buyer)
            await shop.tell(told)
        yield shop


@pytest.fixture(autouse=True)
def _small_and_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attribution, "PAGE", 3)
    monkeypatch.setattr(attribution, "CHUNK", 7)
    monkeypatch.setattr(runner, "_POLL_SECONDS", 0.02)
    monkeypatch.setattr(runner, "_RETRY_SECONDS", 0.02)


def history(shop: Shop) -> History:
    return History(shop.database, shop.sealer, FixedClock(NOW))


@asynccontextmanager
async def running(shop: Shop) -> AsyncIterator[JobRunner]:
    jobs = JobRunner(shop.database, {kind: work(history(shop)) for kind, work in KINDS.items()})
    task = asyncio.create_task(jobs.run())
    try:
        yield jobs
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def added(shop: Shop, jobs: JobRunner, kind: str) -> Job:
    parameters = {"model": "linear", "dry_run": True} if kind == "diff" else {}
    return await jobs.add(store_id=shop.store_id, kind=kind, parameters=parameters, requested_by="test")


async def ended(shop: Shop, job: Job) -> Job:
    async with asyncio.timeout(60):
        while job.status not in ("succeeded", "failed"):
            await asyncio.sleep(0.02)
            job = await look(shop, job)
    return job


async def look(shop: Shop, job: Job) -> Job:
    async with shop.database.connection() as connection:
        return await get_job(connection, job.job_id)


async def done(shop: Shop, kind: str) -> Job:
    async with running(shop) as jobs:
        return await ended(shop, await added(shop, jobs, kind))


async def in_process(shop: Shop) -> tuple[Shelf, list[Page]]:
    """The whole history here, page by page."""
    pages, after = list[Page](), ""
    async with shop.database.connection() as connection:
        shelf = await read_shelf(connection, await StoreRepository(shop.sealer).get(connection, shop.store_id))
        while True:
            page = await read_page(
                connection, shelf, Span(shop.store_id), after=after, limit=3, now=NOW, sealer=shop.sealer
            )
            if not page.orders:
                return shelf, pages
            pages.append(page)
            after = page.orders[-1].order_id


async def check(shop: Shop, kind: str, job: Job) -> None:
    """What the job came to is what this process comes to by itself."""
    shelf, pages = await in_process(shop)
    assert (job.status, job.done) == ("succeeded", ORDERS), job
    async with shop.database.connection() as connection:
        if kind == "diff":
            spoken = speakers_of(shelf, "linear")
            here = [row for page in pages for row in differences(page, shelf.view, spoken, job.job_id)]
            kept = await list_diff(connection, shop.store_id, job.job_id, "", 1000)
            assert kept == [DiffRow(*diff_values(row)) for row in here]
            assert len(kept) > 5
        elif kind == "compare":
            found = SideBySide(available_models(shelf.fitted))
            for page in pages:
                found.add(page, shelf.view)
            assert job.result["models"] == found.plain(200_000)
        else:
            study = PathStudy.of(("markov", "shapley"))
            for page in pages:
                if paths := paths_in(page, shelf.view):
                    study.add(columns(paths, study.channels))
            (fit,) = await list_fitted(connection, shop.store_id)
            assert fit.fingerprint == fit_markov(study.transitions, study.channels).fingerprint
            assert (job.result["fingerprint"], job.result["channels"]) == (fit.fingerprint, len(study.channels))
            assert fit.report["channels"] == len(study.channels) > 2


def intercept(monkeypatch: pytest.MonkeyPatch, around: Callable[[int, Run], Awaitable[Any]]) -> None:
    """Have `around(number of the call, the call itself)` stand where work is given to a process."""
    original, calls = Workers.run, iter(range(1, 1000))

    async def run(self: Workers, work: Any, given: Any, *, timeout_seconds: float) -> Any:
        return await around(next(calls), lambda: original(self, work, given, timeout_seconds=timeout_seconds))

    monkeypatch.setattr(Workers, "run", run)


async def a_process(killed: Collection[int] = ()) -> int:
    """One that works; those that were killed may still be listed."""
    while not (found := [each.pid for each in multiprocessing.active_children() if each.pid not in killed]):
        await asyncio.sleep(0.005)
    assert found[0] is not None
    return found[0]


async def nobody_works() -> None:
    async with asyncio.timeout(20):
        while multiprocessing.active_children():
            await asyncio.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
async def test_results_are_those_of_one_process_and_the_worker_ends_with_the_job(shop: Shop, kind: str) -> None:
    await check(shop, kind, await done(shop, kind))
    await nobody_works()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
async def test_a_worker_killed_over_its_work_is_replaced_and_the_result_is_the_same(
    shop: Shop, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = list[int]()

    async def around(number: int, call: Run) -> Any:
        if number not in (2, 4):
            return await call()
        worker = await a_process(killed)
        os.kill(worker, signal.SIGSTOP)  # It has the work, and cannot end it.
        under_way = asyncio.ensure_future(call())
        await asyncio.sleep(0.1)
        os.kill(worker, signal.SIGKILL)
        killed.append(worker)
        return await under_way

    intercept(monkeypatch, around)
    await check(shop, kind, await done(shop, kind))
    assert len(set(killed)) == 2


async def test_work_that_kills_every_process_fails_the_job_with_its_reason(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = list[int]()

    async def around(_number: int, call: Run) -> Any:
        under_way = asyncio.ensure_future(call())
        killed.append(await a_process(killed))
        os.kill(killed[-1], signal.SIGKILL)
        return await under_way

    intercept(monkeypatch, around)
    job = await done(shop, "fit")
    assert (job.status, job.reason) == ("failed", "COMPUTING_ENDED")
    assert "ended 3 times" in job.message
    assert len(killed) == 3
    await nobody_works()


@pytest.mark.slow
async def test_a_portal_that_stops_ends_the_worker_and_the_job_goes_on_elsewhere(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = asyncio.Event()

    async def around(number: int, call: Run) -> Any:
        if number == 3:
            os.kill(await a_process(), signal.SIGSTOP)
            reached.set()
        return await call()

    intercept(monkeypatch, around)
    async with running(shop) as jobs:
        job = await added(shop, jobs, "diff")
        await reached.wait()
        await asyncio.sleep(0.1)
    await nobody_works()
    job = await look(shop, job)
    assert (job.status, job.done) == ("queued", 14), "two chunks are written"
    async with running(shop):
        await check(shop, "diff", await ended(shop, job))


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_of_a_person_and_no_key_crosses_to_the_worker_or_back(
    shop: Shop, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crossed = []
    original = Workers.run

    async def run(self: Workers, work: Any, given: Any, *, timeout_seconds: float) -> Any:
        answer = await original(self, work, given, timeout_seconds=timeout_seconds)
        crossed.append(pickle.dumps((work, given)) + pickle.dumps(answer))
        return answer

    monkeypatch.setattr(Workers, "run", run)
    await check(shop, kind, await done(shop, kind))
    people = await shop.rows("customers")
    secret = [KEY, b"@example.com", b"Ada", b"secret-"]
    secret += [row["customer_key"].encode() for row in people]
    secret += [row["email_sealed"] for row in people]
    secret += [row["value"] for row in await shop.rows("identities")]
    secret += [row["touchpoint_id"].encode() for row in await shop.rows("touchpoints")]
    together = b"".join(crossed)
    assert b"autumn" in together, "the store's campaigns do"
    assert [each for each in secret if each in together] == []


async def test_a_database_that_is_away_is_told_as_such_and_without_its_password(shop: Shop) -> None:
    past = history(shop)
    chunk = past.chunk(await past.standing(shop.store_id), Span(shop.store_id))
    away = replace(chunk, dsn="postgresql://kiki:hush@127.0.0.1:1/none")
    async with Computing.open() as computing:
        with pytest.raises(Unavailable) as caught:
            await computing.run(find_outdated, (away, ["1"], True))
    assert caught.value.reason == "DATABASE_UNAVAILABLE"
    assert "hush" not in f"{caught.value} {away!r}"

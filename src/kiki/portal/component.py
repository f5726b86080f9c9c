"""Builds the portal: databases, caches, group commit, jobs, the application and its server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from kiki.clients.council import CouncilClients
from kiki.commerce.stores import StoreRepository
from kiki.kit.clock import Clock, monotonic
from kiki.kit.component import Readiness
from kiki.kit.database import Database
from kiki.kit.errors import InvariantBroken
from kiki.kit.http import OutboundHttp, OutboundPolicy
from kiki.kit.sealing import Keyring, Sealer
from kiki.kit.telemetry import Metrics
from kiki.orchestrator.calls.intents import CallIntent, enqueue
from kiki.orchestrator.gauges import Gauges
from kiki.orchestrator.inbox.deliveries import NewDelivery
from kiki.platforms.protocol import Platform
from kiki.portal.app import build_app
from kiki.portal.collector.component import build_collector, build_commit
from kiki.portal.intake.bell import Bell
from kiki.portal.intake.body import ReadingBudget
from kiki.portal.intake.disk import DiskGuard
from kiki.portal.intake.edge import WebhookDoor
from kiki.portal.intake.group_commit import GroupCommit
from kiki.portal.intake.metrics import IntakeMetrics
from kiki.portal.intake.refusals import Enqueue, Refusals
from kiki.portal.intake.rules import Intake, Limits
from kiki.portal.intake.stores import StoreCache
from kiki.portal.intake.writer import IntakeDatabase
from kiki.portal.jobs.kinds import READING, job_kinds
from kiki.portal.jobs.runner import JobRunner
from kiki.portal.reports.pdf import PdfPrinter
from kiki.portal.server import HttpServer
from kiki.portal.services import Services
from kiki.portal.settings import PortalSettings

_MAX_BATCH_BYTES = 4 * 2**20
_INTAKE_CONNECTIONS = 6
"""One writes webhooks, one beacons, one wakes the workers, the rest look stores up."""


class PortalComponent:
    """The HTTP edge as `runtime` starts it."""

    name = "portal"

    def __init__(
        self,
        server: HttpServer,
        commits: Sequence[GroupCommit[NewDelivery]],
        bell: Bell,
        refusals: Refusals,
        jobs: JobRunner,
        drain_seconds: float,
    ) -> None:
        self._server = server
        self._commits = commits
        self._bell = bell
        self._refusals = refusals
        self._jobs = jobs
        self._drain_seconds = drain_seconds

    @property
    def port(self) -> int | None:
        """The bound port, once it runs."""
        return self._server.port

    def ready(self) -> Readiness:
        if self._server.started and not self._server.should_exit:
            return Readiness(ok=True)
        return Readiness(ok=False, reason="the HTTP server does not listen")

    async def run(self) -> None:
        """Serve until cancelled; then requests under way are answered before their group commit goes."""
        background = asyncio.create_task(self._background())
        serving = asyncio.create_task(self._server.listen())
        try:
            await asyncio.wait({background, serving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._server.stop(serving, self._drain_seconds)
            background.cancel()
            await asyncio.gather(background, serving, return_exceptions=True)
        for task in (serving, background):
            if not task.cancelled():
                task.result()
        raise InvariantBroken("the portal stopped by itself")

    async def _background(self) -> None:
        async with asyncio.TaskGroup() as group:
            for commit in self._commits:
                group.create_task(commit.run())
            group.create_task(self._bell.run())
            group.create_task(self._refusals.run())
            group.create_task(self._jobs.run())


@asynccontextmanager
async def open_component(
    *,
    dsn: str,
    keyring: Keyring,
    clients: CouncilClients,
    platforms: Mapping[str, Platform],
    settings: PortalSettings,
    clock: Clock,
    metrics: Metrics | None = None,
) -> AsyncIterator[PortalComponent]:
    """The portal, built over a database that is migrated already; `run()` serves."""
    sealer = Sealer(keyring)
    metrics = metrics or Metrics()
    policy = OutboundPolicy(allow_private=settings.allow_private_addresses, max_answer_bytes=32 * 2**20)
    async with (
        Database.open(dsn, application_name="kiki-portal", max_size=settings.database_connections) as database,
        Database.open(
            dsn,
            application_name="kiki-intake",
            max_size=_INTAKE_CONNECTIONS,
            statement_timeout_ms=1000,
            lock_timeout_ms=1000,
        ) as intake_database,
        _intake_doors(intake_database, sealer, settings) as (door, beacon_door, bell),
        OutboundHttp.open(policy) as http,
        PdfPrinter.open() as printer,
    ):
        store_cache = StoreCache(door.find_store, settings.app_secrets, monotonic)
        commit: GroupCommit[NewDelivery] = GroupCommit(
            door.write,
            deadline_seconds=settings.answer_deadline_seconds,
            max_waiting_bytes=settings.max_waiting_bytes,
            max_batch=settings.max_batch,
            max_batch_bytes=_MAX_BATCH_BYTES,
            pace_seconds=settings.commit_pace_seconds,
        )
        refusals = Refusals(_enqueue_with(database, sealer), clock, settings.refusal_flush_seconds)
        kinds = job_kinds(database=database, sealer=sealer, http=http, clients=clients, clock=clock)
        jobs = JobRunner(database, kinds, READING)
        beacons = build_commit(beacon_door.write, settings)
        services = Services(
            database=database,
            sealer=sealer,
            stores=StoreRepository(sealer),
            store_cache=store_cache,
            clients=clients,
            platforms=dict(platforms),
            collector=build_collector(
                commit=beacons, database=database, sealer=sealer, settings=settings, metrics=metrics, clock=clock
            ),
            jobs=jobs,
            printer=printer,
            settings=settings,
            metrics=metrics,
            backlog=Gauges(database, metrics, settings.disk_path),
            clock=clock,
        )
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="intake-hmac") as hashing:
            intake_metrics = IntakeMetrics(metrics, lambda: commit.waiting_bytes, lambda: commit.flushes)
            limits = Limits(settings.max_body_bytes, settings.body_timeout_seconds, settings.answer_deadline_seconds)
            intake = Intake(
                platforms=platforms,
                stores=store_cache,
                commit=commit,
                refusals=refusals,
                metrics=intake_metrics,
                disk=DiskGuard(settings.disk_path, settings.disk_free_floor, monotonic),
                hashing=hashing,
                limits=limits,
                clock=clock,
            )
            server = HttpServer(
                build_app(services, partial(refusals.add, "portal", 0, "WRONG_INTERNAL_KEY")),
                WebhookDoor(intake, intake_metrics, limits, ReadingBudget(settings.max_waiting_bytes)),
                host=settings.host,
                port=settings.port,
                shutdown_seconds=settings.shutdown_seconds,
            )
            yield PortalComponent(server, (commit, beacons), bell, refusals, jobs, settings.shutdown_seconds)


@asynccontextmanager
async def _intake_doors(
    database: Database, sealer: Sealer, settings: PortalSettings
) -> AsyncIterator[tuple[IntakeDatabase, IntakeDatabase, Bell]]:
    """One for webhooks and one for beacons, which never wait for each other."""
    bell, seconds = Bell(database), settings.answer_deadline_seconds
    async with (
        IntakeDatabase.open(database, sealer, bell, seconds) as door,
        IntakeDatabase.open(database, sealer, bell, seconds) as beacon_door,
    ):
        yield door, beacon_door, bell


def _enqueue_with(database: Database, sealer: Sealer) -> Enqueue:
    async def write(intents: Sequence[CallIntent]) -> None:
        async with database.transaction() as connection:
            await enqueue(connection, sealer, intents)

    return write

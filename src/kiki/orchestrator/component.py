"""The worker: inbox lanes, dispatchers, schedules, outbound events, built from what `runtime` hands in."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from kiki.kit.clock import Clock
from kiki.kit.component import Readiness
from kiki.kit.database import LOOK_UPS_BY_INDEX, Database
from kiki.kit.http import OutboundHttp, OutboundPolicy
from kiki.kit.sealing import Keyring, Sealer
from kiki.orchestrator.calls.dispatcher import AGENTS, Dispatcher, Flow, call_places
from kiki.orchestrator.calls.intents import wakeup_tag
from kiki.orchestrator.calls.protocol import BatchCaller
from kiki.orchestrator.closing.schedule import closing_jobs
from kiki.orchestrator.events.outbound import OutboundSender, outbound_place
from kiki.orchestrator.experiments.schedule import experiment_jobs
from kiki.orchestrator.inbox.decoding import Decoder
from kiki.orchestrator.inbox.floor import Floors
from kiki.orchestrator.inbox.leases import Leases
from kiki.orchestrator.inbox.maintenance import maintain
from kiki.orchestrator.inbox.protocol import Decider
from kiki.orchestrator.inbox.stores import CachedStoreContexts, StoreContexts
from kiki.orchestrator.inbox.wakeups import Wakeups
from kiki.orchestrator.inbox.worker import LaneWorker, Pressure, inbox_places
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.schedules import Guard, Job, Schedule, job_places
from kiki.orchestrator.settings import OrchestratorSettings
from kiki.orchestrator.workflows.answers import events_of, follow_up
from kiki.orchestrator.workflows.decider import CommerceDecider
from kiki.orchestrator.workflows.jobs import periodic_jobs
from kiki.orchestrator.workflows.rates import rate_jobs
from kiki.platforms.protocol import Platform

_MAINTENANCE_SECONDS = 600.0


def _server_settings(settings: OrchestratorSettings) -> dict[str, str]:
    """What the worker's sessions ask of PostgreSQL."""
    return {
        # Batches look up keys; and a cached plan made while a queue was empty must not read all of it later.
        **LOOK_UPS_BY_INDEX,
        # A frozen worker's open transaction holds its leases: it is ended before they are missed for long.
        "idle_in_transaction_session_timeout": str(int(settings.lease_seconds * 1000 * 2 / 3)),
    }


class _Part(Protocol):
    async def run(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the engine is told by the decisions."""

    decider: Decider
    flow: Flow
    jobs: Sequence[Job] = ()


class WorkerComponent:
    """Everything that a worker runs."""

    name = "worker"

    def __init__(
        self,
        *,
        database: Database,
        leases_database: Database,
        http: OutboundHttp,
        sealer: Sealer,
        clients: BatchCaller,
        platforms: Mapping[str, Platform],
        decisions: Decisions,
        stores: StoreContexts,
        settings: OrchestratorSettings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        jobs = [Job("maintenance", _MAINTENANCE_SECONDS, self._maintain), *decisions.jobs]
        places = [*inbox_places(), *call_places(), outbound_place(), *job_places(jobs)]
        self.leases = Leases(leases_database, places, owner=self.owner, seconds=settings.lease_seconds)
        self._floors = Floors(leases_database, on_restart=self.leases.distrust)
        self._wakeups = Wakeups(database.dsn, on_lost=self.leases.distrust)
        self.lanes = self._build_lanes(sealer, platforms, decisions.decider, stores)
        self.dispatchers = self._build_dispatchers(sealer, clients, decisions.flow)
        self._schedules = [Schedule(job, database=database, leases=self.leases) for job in jobs]
        self._outbound = OutboundSender(
            database=database, sealer=sealer, leases=self.leases, http=http, settings=settings, clock=clock
        )
        self._running = False

    async def run(self) -> None:
        """Until cancelled; then batches under way are rolled back and the leases given back, within 5 s."""
        keeper = asyncio.create_task(self.leases.run())
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch(keeper))
                for part in self._parts():
                    group.create_task(part.run())
                self._running = True
        finally:
            self._running = False
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    def ready(self) -> Readiness:
        """Whether the loops run and the leases are kept up."""
        if not self._running:
            return Readiness(False, "the worker is not running")
        if not self.leases.current:
            return Readiness(False, "the leases could not be renewed: the database is away")
        return Readiness(True)

    def _parts(self) -> list[_Part]:
        parts: list[_Part] = [self._floors, self._wakeups, self._outbound]
        parts += self._schedules
        parts += self.lanes
        parts += self.dispatchers
        return parts

    @staticmethod
    async def _watch(keeper: asyncio.Task[None]) -> None:
        await asyncio.shield(keeper)

    async def _maintain(self, _guard: Guard) -> None:
        await maintain(self._database, self._settings, self._clock.now())

    def _build_lanes(
        self, sealer: Sealer, platforms: Mapping[str, Platform], decider: Decider, stores: StoreContexts
    ) -> list[LaneWorker]:
        pressure = Pressure()
        decoder = Decoder(sealer, platforms, decider)
        return [
            LaneWorker(
                lane,
                database=self._database,
                sealer=sealer,
                leases=self.leases,
                decoder=decoder,
                decider=decider,
                stores=stores,
                floor=self._floors.floors["inbox"],
                wakeup=self._wakeups.on("kiki_inbox", str(int(lane))),
                pressure=pressure,
                settings=self._settings,
                clock=self._clock,
            )
            for lane in Lane
        ]

    def _build_dispatchers(self, sealer: Sealer, clients: BatchCaller, flow: Flow) -> list[Dispatcher]:
        return [
            Dispatcher(
                agent,
                lane,
                database=self._database,
                sealer=sealer,
                leases=self.leases,
                caller=clients,
                flow=flow,
                floor=self._floors.floors["calls"],
                wakeup=self._wakeups.on("kiki_calls", wakeup_tag(agent, lane)),
                settings=self._settings,
                clock=self._clock,
            )
            for agent in AGENTS
            for lane in Lane
        ]


@asynccontextmanager
async def open_worker(
    *,
    dsn: str,
    keyring: Keyring,
    clients: BatchCaller,
    platforms: Mapping[str, Platform],
    decisions: Decisions,
    settings: OrchestratorSettings,
    clock: Clock,
    stores: StoreContexts | None = None,
) -> AsyncIterator[WorkerComponent]:
    """A worker around any decisions."""
    async with (
        Database.open(
            dsn,
            application_name="kiki-worker",
            max_size=settings.pool_size,
            relaxed=True,
            server_settings=_server_settings(settings),
        ) as database,
        Database.open(dsn, application_name="kiki-worker-leases", max_size=3) as leases_database,
        OutboundHttp.open(OutboundPolicy(allow_private=settings.outbound_allow_private)) as http,
    ):
        yield WorkerComponent(
            database=database,
            leases_database=leases_database,
            http=http,
            sealer=Sealer(keyring),
            clients=clients,
            platforms=platforms,
            decisions=decisions,
            stores=stores or CachedStoreContexts(),
            settings=settings,
            clock=clock,
        )


@asynccontextmanager
async def open_component(
    *,
    dsn: str,
    keyring: Keyring,
    clients: BatchCaller,
    platforms: Mapping[str, Platform],
    settings: OrchestratorSettings,
    clock: Clock,
) -> AsyncIterator[WorkerComponent]:
    """The worker with the product's decisions."""
    sealer = Sealer(keyring)
    decisions = Decisions(
        CommerceDecider(sealer),
        Flow(follow_up, events_of(clock)),
        [
            *periodic_jobs(sealer=sealer, clients=clients, clock=clock),
            *rate_jobs(
                sealer=sealer, clock=clock, url=settings.rates_url, allow_private=settings.outbound_allow_private
            ),
            *experiment_jobs(sealer=sealer, clock=clock),
            *closing_jobs(sealer=sealer, clients=clients, clock=clock, grace_days=settings.close_grace_days),
        ],
    )
    async with open_worker(
        dsn=dsn,
        keyring=keyring,
        clients=clients,
        platforms=platforms,
        decisions=decisions,
        settings=settings,
        clock=clock,
    ) as component:
        yield component

"""Builds SyncCreate: the gRPC server and the render worker, over one pool of connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kiki.council.synccreate.rendering.pictures import HttpPictures, NoPictures, Pictures
from kiki.council.synccreate.rendering.pool import PooledRenderer
from kiki.council.synccreate.rendering.worker import RenderWorker
from kiki.council.synccreate.repository import CreativeRepository
from kiki.council.synccreate.service import CreativeService
from kiki.council.synccreate.servicer import SyncCreateServicer
from kiki.council.synccreate.settings import SyncCreateSettings
from kiki.council.synccreate.writing import TemplateWriter
from kiki.kit.clock import Clock
from kiki.kit.component import Readiness
from kiki.kit.database import LOOK_UPS_BY_INDEX, Database
from kiki.kit.grpc.server import RpcServer
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.http import OutboundHttp, OutboundPolicy
from kiki.kit.receipts import Once
from kiki.kit.sealing import Keyring, Sealer
from kiki.rpc.v1.synccreate_pb2_grpc import add_SyncCreateServiceServicer_to_server

NAME = "synccreate"
SERVICE_NAME = "kiki.rpc.v1.SyncCreateService"


class SyncCreateComponent:
    """Serves SyncCreate and draws its pictures until cancelled."""

    name = NAME

    def __init__(self, *, servicer: SyncCreateServicer, worker: RenderWorker, rpc: RpcSettings) -> None:
        self._servicer = servicer
        self._worker = worker
        self._rpc = rpc
        self._serving = False
        self.port = 0

    async def run(self) -> None:
        """Serve and draw; stops within five seconds when cancelled."""
        server = RpcServer(self._rpc)
        server.add(add_SyncCreateServiceServicer_to_server, self._servicer, SERVICE_NAME)
        self.port = await server.start()
        self._serving = True
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._worker.run())
                tasks.create_task(asyncio.Event().wait())
        finally:
            self._serving = False
            await server.stop(grace_seconds=4)

    def ready(self) -> Readiness:
        """Serving or not."""
        return Readiness(self._serving, "" if self._serving else "not serving yet")


@asynccontextmanager
async def open_component(
    *, dsn: str, keyring: Keyring, rpc: RpcSettings, settings: SyncCreateSettings, clock: Clock
) -> AsyncIterator[SyncCreateComponent]:
    """The component with its pool, for the time of the block."""
    policy = OutboundPolicy(
        allow_private=settings.fetch_allow_private, max_answer_bytes=settings.fetch_max_bytes, max_connections=4
    )
    async with (
        Database.open(
            dsn,
            application_name="kiki-synccreate",
            max_size=settings.store_pool_size,
            relaxed=True,
            server_settings=LOOK_UPS_BY_INDEX,
        ) as database,
        OutboundHttp.open(policy) as http,
    ):
        once, repository = Once(database, NAME), CreativeRepository()
        pictures: Pictures = NoPictures()
        if settings.fetch_pictures:
            pictures = HttpPictures(http, settings.fetch_timeout_seconds)
        worker = RenderWorker(
            database=database,
            repository=repository,
            renderer=PooledRenderer(
                processes=max(1, settings.render_processes),
                niceness=settings.render_niceness,
                timeout_seconds=settings.render_timeout_seconds,
            ),
            pictures=pictures,
            settings=settings,
            clock=clock,
        )
        creatives = CreativeService(
            database=database,
            once=once,
            sealer=Sealer(keyring),
            repository=repository,
            writer=TemplateWriter(),
            asset_path=settings.asset_path,
            clock=clock,
            wake=worker.wake,
        )
        yield SyncCreateComponent(servicer=SyncCreateServicer(creatives=creatives, once=once), worker=worker, rpc=rpc)

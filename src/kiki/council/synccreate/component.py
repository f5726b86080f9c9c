"""Builds SyncCreate: the gRPC server and the render worker, over one pool of connections."""

from __future__ import annotations

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
from kiki.kit.database import LOOK_UPS_BY_INDEX, Database
from kiki.kit.grpc.component import RpcComponent
from kiki.kit.grpc.server import RpcServer
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.http import OutboundHttp, OutboundPolicy
from kiki.kit.receipts import Once
from kiki.kit.sealing import Keyring, Sealer
from kiki.rpc.v1.synccreate_pb2_grpc import add_SyncCreateServiceServicer_to_server

NAME = "synccreate"
SERVICE_NAME = "kiki.rpc.v1.SyncCreateService"


@asynccontextmanager
async def open_component(
    *, dsn: str, keyring: Keyring, rpc: RpcSettings, settings: SyncCreateSettings, clock: Clock
) -> AsyncIterator[RpcComponent]:
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
        server = RpcServer(rpc)
        servicer = SyncCreateServicer(creatives=creatives, once=once)
        server.add(add_SyncCreateServiceServicer_to_server, servicer, SERVICE_NAME)
        yield RpcComponent(NAME, server, worker.run)

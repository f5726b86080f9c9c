"""Builds SyncLedger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kiki.council.syncledger.reporting import Reporting
from kiki.council.syncledger.service import Recording
from kiki.council.syncledger.servicer import SyncLedgerServicer
from kiki.council.syncledger.settings import SyncLedgerSettings
from kiki.council.syncledger.statements_convert import MessageWriter
from kiki.kit.clock import Clock
from kiki.kit.component import Readiness
from kiki.kit.database import LOOK_UPS_BY_INDEX, Database
from kiki.kit.grpc.server import RpcServer
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.receipts import Once
from kiki.kit.sealing import Keyring
from kiki.rpc.v1.syncledger_pb2_grpc import add_SyncLedgerServiceServicer_to_server

NAME = "syncledger"
SERVICE = "kiki.rpc.v1.SyncLedgerService"
_GRACE_SECONDS = 4.0


class SyncLedgerComponent:
    """The running agent."""

    name = NAME

    def __init__(self, server: RpcServer) -> None:
        self._server = server
        self._port: int | None = None

    @property
    def port(self) -> int:
        """The bound port; known once the component is ready."""
        if self._port is None:
            raise RuntimeError("SyncLedger is not listening yet")
        return self._port

    async def run(self) -> None:
        """Serve until cancelled."""
        self._port = await self._server.start()
        try:
            await asyncio.Event().wait()
        finally:
            self._port = None
            await asyncio.shield(self._server.stop(_GRACE_SECONDS))

    def ready(self) -> Readiness:
        return Readiness(True) if self._port is not None else Readiness(False, "not listening")


@asynccontextmanager
async def open_component(
    *, dsn: str, keyring: Keyring, rpc: RpcSettings, settings: SyncLedgerSettings, clock: Clock
) -> AsyncIterator[SyncLedgerComponent]:
    """SyncLedger with its own pool. It holds no personal data, so the keyring is not used."""
    del keyring
    async with Database.open(
        dsn,
        application_name="kiki-syncledger",
        max_size=settings.pool_size,
        relaxed=True,
        server_settings=LOOK_UPS_BY_INDEX,
    ) as database:
        once = Once(database, NAME)
        recording = Recording(once=once, clock=clock)
        reporting = Reporting(database=database, once=once, writer=MessageWriter(), clock=clock)
        server = RpcServer(rpc)
        server.add(add_SyncLedgerServiceServicer_to_server, SyncLedgerServicer(recording, reporting), SERVICE)
        yield SyncLedgerComponent(server)

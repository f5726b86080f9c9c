"""Builds SyncLedger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kiki.council.syncledger.reporting import Reporting
from kiki.council.syncledger.service import Recording
from kiki.council.syncledger.servicer import SyncLedgerServicer
from kiki.council.syncledger.settings import SyncLedgerSettings
from kiki.council.syncledger.statements_convert import MessageWriter
from kiki.kit.clock import Clock
from kiki.kit.database import LOOK_UPS_BY_INDEX, Database
from kiki.kit.grpc.component import RpcComponent
from kiki.kit.grpc.server import RpcServer
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.receipts import Once
from kiki.kit.sealing import Keyring
from kiki.rpc.v1.syncledger_pb2_grpc import add_SyncLedgerServiceServicer_to_server

NAME = "syncledger"
SERVICE = "kiki.rpc.v1.SyncLedgerService"


@asynccontextmanager
async def open_component(
    *, dsn: str, keyring: Keyring, rpc: RpcSettings, settings: SyncLedgerSettings, clock: Clock
) -> AsyncIterator[RpcComponent]:
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
        yield RpcComponent(NAME, server)

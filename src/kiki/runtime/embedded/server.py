"""The embedded server as the program sees it: ready after `open`, watched by `run`, stopped at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from kiki.kit.logging import get_logger
from kiki.runtime.data_folder import filling
from kiki.runtime.embedded import process
from kiki.runtime.embedded.account import check_reachable, choose_account
from kiki.runtime.embedded.binaries import find_binaries
from kiki.runtime.embedded.cluster import Cluster, Passwords, prepare, socket_folder

_WATCH_SECONDS = 0.1
_DATA = "postgres"
_log = get_logger("runtime.embedded")


class EmbeddedPostgres:
    """One machine's PostgreSQL, kept alive."""

    def __init__(self, cluster: Cluster, server: process.ServerProcess, *, created: bool) -> None:
        self._cluster = cluster
        self._server = server
        self.dsn = cluster.dsn
        self.created = created
        self.adopted = server.adopted

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, passwords: Passwords, user: str | None = None) -> AsyncIterator[EmbeddedPostgres]:
        """A ready server for the time of the block. The caller holds the folder's lock."""
        with filling(folder):
            cluster = await asyncio.to_thread(plan, folder, passwords, user)
            created = await asyncio.to_thread(prepare, cluster)
        opened = cls(cluster, await asyncio.to_thread(process.start, cluster), created=created)
        try:
            yield opened
        finally:
            await asyncio.shield(asyncio.to_thread(opened._server.stop))

    async def run(self, on_restart: Callable[[int], None] = lambda _: None) -> None:
        """Start the server again whenever it dies, until cancelled. Everyone else reconnects."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if not self._server.alive():
                _log.warning("database_died", pid=self._server.pid)
                again = asyncio.to_thread(process.start, self._cluster, process.RESTART_SECONDS)
                self._server = await asyncio.shield(again)
                _log.warning("database_restarted", pid=self._server.pid)
                on_restart(self._server.pid)

    @property
    def pid(self) -> int:
        """Of the server that runs now."""
        return self._server.pid


def plan(folder: Path, passwords: Passwords, user: str | None = None, *, durable: bool = True) -> Cluster:
    """Where the cluster below a folder lives, who runs it and with which programs; nothing is made but the copy."""
    data = folder / _DATA
    account = choose_account(user, data)
    check_reachable(folder, account)
    return Cluster(
        data=data,
        sockets=socket_folder(data),
        account=account,
        binaries=find_binaries(account, folder),
        passwords=passwords,
        durable=durable,
    )


@contextmanager
def throwaway_server(folder: Path) -> Iterator[str]:
    """A server for one test session, without durability. Gives the superuser's DSN."""
    folder.chmod(0o711)
    cluster = plan(folder, Passwords(role="role", admin="admin"), durable=False)
    prepare(cluster)
    server = process.start(cluster)
    try:
        yield cluster.admin_dsn
    finally:
        server.stop()

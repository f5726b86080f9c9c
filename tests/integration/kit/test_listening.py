"""A connection that only listens is found dead although nobody says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from kiki.kit.listening import until_ended


class Wire:
    """Carries what two sides say to each other; cut through, it swallows everything, and neither side is told."""

    def __init__(self, dsn: str) -> None:
        self._parts = urlsplit(dsn)
        self._query = parse_qs(self._parts.query)
        self.whole = True
        self.dsn = ""

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[Wire]:
        server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        access = self._parts.netloc.rpartition("@")[0]
        self.dsn = f"postgresql://{access}@127.0.0.1:{port}{self._parts.path}?sslmode=disable"
        self._tasks: set[asyncio.Task[None]] = set()
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = self._query.get("host", [self._parts.hostname or "localhost"])[0]
        port = self._parts.port or 5432
        far_reader, far_writer = await (
            asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
            if host.startswith("/")
            else asyncio.open_connection(host, port)
        )
        self._tasks |= {
            asyncio.create_task(self._carry(reader, far_writer)),
            asyncio.create_task(self._carry(far_reader, writer)),
        }

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            try:
                while data := await reader.read(65536):
                    if self.whole:
                        writer.write(data)
            finally:
                writer.transport.abort()


async def test_a_connection_whose_way_is_gone_is_found_dead(postgres_dsn: str) -> None:
    async with Wire(postgres_dsn).laid() as wire:
        connection = await asyncpg.connect(wire.dsn)
        try:
            listening = asyncio.create_task(until_ended(connection, probe_seconds=0.3))
            await asyncio.sleep(1)
            assert not listening.done(), "it is asked now and then, and answers"
            wire.whole = False
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(60):
                    await listening
        finally:
            connection.terminate()


async def test_a_connection_that_is_ended_needs_no_asking(postgres_dsn: str) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    other = await asyncpg.connect(postgres_dsn)
    try:
        listening = asyncio.create_task(until_ended(connection))
        await other.execute("SELECT pg_terminate_backend($1)", connection.get_server_pid())
        async with asyncio.timeout(60):
            await listening
    finally:
        connection.terminate()
        await other.close()

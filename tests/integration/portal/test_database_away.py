"""The database goes away, hangs, and comes back: 503 within a second, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from integration.portal.running import Portal, running_portal, woo_headers

PATH = "/webhooks/woocommerce/order.created"


class Wire:
    """A TCP relay before PostgreSQL, which listens on TCP or on a socket file, that can be cut or frozen."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.is_cut = False

    def cut(self) -> None:
        self.is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def freeze(self) -> None:
        self._flowing.clear()

    def mend(self) -> None:
        self.is_cut = False
        self._flowing.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        far_reader, far_writer = await self._connect()
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._host.startswith("/"):
            return await asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._port}")
        return await asyncio.open_connection(self._host, self._port)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def wired_portal(dsn: str) -> AsyncIterator[tuple[Portal, Wire]]:
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    host = query.pop("host", [parts.hostname or "127.0.0.1"])[0]
    wire = Wire(host, int(query.pop("port", [parts.port or 5432])[0]))
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    who = parts.netloc.rpartition("@")[0]
    through = urlunsplit(parts._replace(netloc=f"{who}@127.0.0.1:{port}", query=urlencode(query, doseq=True)))
    try:
        async with running_portal(through, database_dsn=dsn) as portal:
            yield portal, wire
            wire.mend()
    finally:
        wire.cut()
        server.close()


async def _post(portal: Portal, number: int) -> tuple[int, float, str]:
    body = b'{"id":%d}' % number
    started = time.monotonic()
    answer = await portal.http.post(PATH, content=body, headers=woo_headers(body))
    return answer.status_code, time.monotonic() - started, answer.headers.get("retry-after", "")


async def test_a_database_that_is_gone_is_503_at_once_and_met_again(portal_dsn: str) -> None:
    async with wired_portal(portal_dsn) as (portal, wire):
        await portal.add_store()
        assert (await _post(portal, 1))[0] == 200
        wire.cut()
        for number in (2, 3):
            status, seconds, retry_after = await _post(portal, number)
            assert (status, bool(retry_after)) == (503, True)
            assert seconds < 1.5
        assert (await portal.http.get("/readyz")).status_code == 503
        assert (await portal.http.get("/healthz")).status_code == 200
        wire.mend()
        assert (await _post(portal, 2))[0] == 200
        assert sorted(await portal.bodies()) == [b'{"id":1}', b'{"id":2}']


async def test_a_database_that_hangs_is_503_within_a_second(portal_dsn: str) -> None:
    async with wired_portal(portal_dsn) as (portal, wire):
        await portal.add_store()
        assert (await _post(portal, 1))[0] == 200
        wire.freeze()
        answers = await asyncio.gather(*(_post(portal, number) for number in range(2, 12)))
        assert {status for status, _, _ in answers} == {503}
        assert max(seconds for _, seconds, _ in answers) < 1.5
        wire.mend()
        for _ in range(40):
            if (await _post(portal, 2))[0] == 200:
                break
            await asyncio.sleep(0.1)
        bodies = await portal.bodies()
        assert len(bodies) == len(set(bodies))
        assert b'{"id":2}' in bodies


async def test_an_unknown_store_cannot_be_refused_while_the_database_is_away(portal_dsn: str) -> None:
    async with wired_portal(portal_dsn) as (portal, wire):
        wire.cut()
        assert (await _post(portal, 1))[0] == 503

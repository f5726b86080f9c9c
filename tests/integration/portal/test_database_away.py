"""The database goes away, hangs, and comes back: 503 within a second, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest

from integration.portal.running import KEYRING, SECRET, Portal, running_portal, woo_headers
from kiki.commerce.stores import IntakeStore
from kiki.kit.database import Database
from kiki.kit.errors import Unavailable
from kiki.kit.sealing import Sealer
from kiki.portal.intake.bell import Bell
from kiki.portal.intake.stores import StoreName
from kiki.portal.intake.writer import IntakeDatabase

PATH = "/webhooks/woocommerce/order.created"
OTHER_SITE = "https://other.example.com"


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
async def wired(dsn: str) -> AsyncIterator[tuple[str, Wire]]:
    """The DSN of the way through the wire."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    host = query.pop("host", [parts.hostname or "127.0.0.1"])[0]
    wire = Wire(host, int(query.pop("port", [parts.port or 5432])[0]))
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    who = parts.netloc.rpartition("@")[0]
    through = urlunsplit(parts._replace(netloc=f"{who}@127.0.0.1:{port}", query=urlencode(query, doseq=True)))
    try:
        yield through, wire
    finally:
        wire.cut()
        server.close()


@asynccontextmanager
async def wired_portal(dsn: str) -> AsyncIterator[tuple[Portal, Wire]]:
    async with wired(dsn) as (through, wire), running_portal(through, database_dsn=dsn) as portal:
        try:
            yield portal, wire
        finally:
            wire.mend()


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


@asynccontextmanager
async def _locked(database: Database, table: str) -> AsyncIterator[None]:
    """No statement on the table ends in here."""
    async with database.transaction() as connection:
        await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.mark.parametrize(
    "secret", [SECRET, "a newer one"], ids=["then_the_commit_hangs", "then_a_second_look_up_hangs"]
)
async def test_what_waited_for_its_store_has_less_time_for_the_rest(portal_dsn: str, secret: str) -> None:
    """It is answered before what came after it and waited for its commit alone."""
    async with (
        running_portal(portal_dsn) as portal,
        Database.open(portal_dsn, application_name="test-locks") as database,
        AsyncExitStack() as hanging,
        asyncio.TaskGroup() as group,
    ):
        await portal.add_store()
        await portal.add_store(store_key="other.example.com")
        assert (await _post(portal, 1))[0] == 200
        answered: list[tuple[str, int]] = []

        async def post(name: str, headers: dict[str, str]) -> None:
            answer = await portal.http.post(PATH, content=name, headers=headers)
            answered.append((name, answer.status_code))

        async def waiting(count: int) -> None:
            query = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            while len(await portal.rows(query)) < count and not answered:
                await asyncio.sleep(0.01)

        async with _locked(database, "commerce.store_connections"):
            headers = woo_headers(b"first", secret=secret, x_wc_webhook_source=OTHER_SITE)
            first = group.create_task(post("first", headers))
            await waiting(1)
            await hanging.enter_async_context(_locked(database, "inbox.delivery_keys"))
            again = group.create_task(hanging.enter_async_context(_locked(database, "commerce.store_connections")))
            await waiting(2)
            await asyncio.sleep(0.3)
            second = group.create_task(post("second", woo_headers(b"second")))
            await waiting(3)
        await asyncio.gather(first, second, again)
        assert answered == [("first", 503), ("second", 503)]


async def test_a_look_up_that_hangs_is_answered_in_its_turn(portal_dsn: str) -> None:
    async with wired_portal(portal_dsn) as (portal, wire):
        await portal.add_store()
        assert (await _post(portal, 1))[0] == 200
        looked_up = await portal.http.post(PATH, headers=woo_headers(b"", x_wc_webhook_source=OTHER_SITE))
        assert looked_up.status_code == 401
        wire.freeze()
        headers = woo_headers(b"", x_wc_webhook_source="https://third.example.com")
        looking = asyncio.create_task(portal.http.post(PATH, headers=headers))
        await asyncio.sleep(0.3)
        assert (await _post(portal, 2))[0] == 503
        assert looking.done()
        assert (await looking).status_code == 503


async def test_a_look_up_does_not_wait_for_a_server_that_hangs_to_cancel_it(portal_dsn: str) -> None:
    async with (
        wired(portal_dsn) as (through, wire),
        Database.open(through, application_name="test-look-ups", max_size=1) as database,
        IntakeDatabase.open(database, Sealer(KEYRING), Bell(database), deadline_seconds=0.1) as door,
    ):
        name = StoreName("woocommerce", None, "example.com")
        assert await _found_at_last(door, name) is None
        wire.freeze()
        try:
            looking = asyncio.create_task(door.find_store(name))
            await asyncio.wait([looking], timeout=5)
            assert looking.done()
            assert isinstance(looking.exception(), Unavailable)
        finally:
            wire.mend()
        assert await _found_at_last(door, name) is None


async def _found_at_last(door: IntakeDatabase, name: StoreName) -> IntakeStore | None:
    """Its deadline is short, and a busy machine may need longer for a connection."""
    while True:
        try:
            return await door.find_store(name)
        except Unavailable:
            await asyncio.sleep(0.05)


async def test_an_unknown_store_cannot_be_refused_while_the_database_is_away(portal_dsn: str) -> None:
    async with wired_portal(portal_dsn) as (portal, wire):
        wire.cut()
        assert (await _post(portal, 1))[0] == 503

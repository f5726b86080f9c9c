"""The webhooks' own HTTP edge, byte by byte over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from integration.portal.running import SITE, Portal, running_portal, sign, woo_headers

PATH = "/webhooks/woocommerce/product.updated"
BODY = b'{"id":456}'


class Wire:
    """A bare connection to the portal."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer; a connection that ends instead raises `IncompleteReadError`."""
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
            content = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(lines[0].split()[1]), headers, content

    async def status(self) -> int:
        return (await self.answer())[0]

    async def ended(self) -> bool:
        async with asyncio.timeout(10):
            try:
                return await self.reader.read(1) == b""
            except ConnectionResetError:
                return True


@asynccontextmanager
async def wire_to(portal: Portal) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", portal.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


def request(
    body: bytes = BODY, *, path: str = PATH, method: str = "POST", secret: str | None = None, **more: str
) -> bytes:
    headers = woo_headers(body) if secret is None else woo_headers(body, secret=secret)
    headers |= {"host": "portal", "content-length": str(len(body))}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def chunked(body: bytes, size: int, *, signed: bytes | None = None) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    head = (
        f"POST {PATH} HTTP/1.1\r\nhost: portal\r\ntransfer-encoding: chunked\r\nx-wc-webhook-source: {SITE}\r\n"
        f"x-wc-webhook-signature: {sign(body if signed is None else signed)}\r\n\r\n"
    )
    return head.encode() + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


async def test_an_answer_is_short_dated_and_keeps_the_connection(portal: Portal) -> None:
    await portal.add_store()
    async with wire_to(portal) as wire:
        for number in range(3):
            wire.send(request(b'{"id":%d}' % number))
            status, headers, content = await wire.answer()
            assert (status, content, headers["content-length"]) == (200, b"", "0")
            assert set(headers) == {"date", "content-length"}
    assert len(await portal.bodies()) == 3


async def test_pipelined_requests_are_answered_in_their_order(portal: Portal) -> None:
    await portal.add_store()
    async with wire_to(portal) as wire:
        bodies = [b'{"id":%d}' % number for number in range(40)]
        sent = b""
        for number, body in enumerate(bodies):
            sent += request(body, secret="wrong" if number % 3 == 1 else None)
        wire.send(sent)
        statuses = [await wire.status() for _ in bodies]
    assert statuses == [401 if number % 3 == 1 else 200 for number in range(40)]
    assert len(await portal.bodies()) == statuses.count(200)


async def test_a_request_may_be_split_at_every_byte(portal: Portal) -> None:
    await portal.add_store()
    data = request(b'{"id":1}')
    async with wire_to(portal) as wire:
        for at in range(1, len(data), 3):
            wire.send(data[:at])
            await asyncio.sleep(0.001)
            wire.send(data[at:])
            assert await wire.status() == 200
        for at in range(len(data)):
            wire.send(data[at : at + 1])
            await asyncio.sleep(0)
        assert await wire.status() == 200
    assert await portal.bodies() == [b'{"id":1}']


@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
async def test_a_chunked_body_is_put_together(portal: Portal, size: int) -> None:
    await portal.add_store()
    body = b'{"text":"' + b"x" * (200 if size < 10 else 150_000) + b'"}'
    async with wire_to(portal) as wire:
        for _ in range(2):
            wire.send(chunked(body, size))
            assert await wire.status() == 200
    assert await portal.bodies() == [body]


async def test_a_connection_is_used_again_after_401_and_413(portal_dsn: str) -> None:
    async with running_portal(portal_dsn, max_body_bytes=2000) as portal:
        await portal.add_store()
        async with wire_to(portal) as wire:
            wire.send(request(secret="wrong"))
            assert await wire.status() == 401
            wire.send(request(b"x" * 3000))
            assert await wire.status() == 413
            wire.send(chunked(b"x" * 500_000, 5000))
            assert await wire.status() == 413
            wire.send(request(path="/webhooks/unheard-of/x"))
            assert await wire.status() == 404
            wire.send(request(method="GET"))
            assert await wire.status() == 405
            wire.send(request())
            assert await wire.status() == 200


async def test_413_comes_before_the_body_is_read(portal_dsn: str) -> None:
    async with running_portal(portal_dsn, max_body_bytes=2000) as portal:
        await portal.add_store()
        async with wire_to(portal) as wire:
            wire.send(request(b"x" * 3000)[:-3000])
            assert await wire.status() == 413


async def test_an_unknown_store_is_refused_unread_and_its_connection_ends(portal: Portal) -> None:
    async with wire_to(portal) as wire:
        data = request(b"x" * 500_000, x_wc_webhook_source="https://elsewhere.example")
        wire.send(data)
        status, headers, _ = await wire.answer()
        assert (status, headers["connection"]) == (401, "close")
        assert await wire.ended()


async def test_who_waits_for_100_continue_and_is_refused_does_not_get_out_of_step(portal: Portal) -> None:
    async with wire_to(portal) as wire:
        wire.send(request(expect="100-continue", path="/webhooks/unheard-of/x")[: -len(BODY)])
        status, headers, _ = await wire.answer()
        assert (status, headers["connection"]) == (404, "close")


@pytest.mark.parametrize(
    ("case", "data", "status"),
    [
        ("asked to close", request(connection="close"), 200),
        ("http 1.0", request().replace(b"HTTP/1.1", b"HTTP/1.0"), 200),
        ("not http", b"\x16\x03\x01 hello\r\n\r\n", 400),
        ("two lengths", request(content_length="10\r\ncontent-length: 11"), 400),
        ("broken chunk", chunked(BODY, 4).replace(b"4\r\n", b"zz\r\n", 1), 400),
        ("endless head", b"POST " + PATH.encode() + b" HTTP/1.1\r\n" + b"a: b\r\n" * 90_000, 431),
    ],
)
async def test_connections_that_end_after_the_answer(portal: Portal, case: str, data: bytes, status: int) -> None:
    await portal.add_store()
    async with wire_to(portal) as wire:
        wire.send(data)
        got, headers, _ = await wire.answer()
        assert (got, headers["connection"]) == (status, "close"), case
        assert await wire.ended()


async def test_a_broken_request_behind_good_ones_does_not_take_their_answers(portal: Portal) -> None:
    await portal.add_store()
    async with wire_to(portal) as wire:
        wire.send(request(b"1") + request(b"2") + b"nonsense\r\n\r\n")
        assert [await wire.status(), await wire.status()] == [200, 200]
        assert await wire.ended()


async def test_a_sender_that_closed_its_own_direction_gets_its_answers(portal: Portal) -> None:
    await portal.add_store()
    async with wire_to(portal) as wire:
        wire.send(request(b"1") + request(b"2"))
        wire.writer.write_eof()
        assert [await wire.status(), await wire.status()] == [200, 200]
        assert await wire.ended()


async def test_a_sender_that_stops_in_the_middle_is_let_go(portal: Portal) -> None:
    await portal.add_store()
    async with wire_to(portal) as wire:
        wire.send(request()[:-3])
        await asyncio.sleep(0.05)
        wire.writer.write_eof()
        assert await wire.ended()
    assert await portal.bodies() == []
    assert 'outcome="sender_gone"' in (await portal.http.get("/metrics")).text


async def test_both_sides_of_the_edge_share_a_connection(portal: Portal) -> None:
    await portal.add_store()
    other = b"GET /healthz HTTP/1.1\r\nhost: portal\r\n\r\n"
    async with wire_to(portal) as wire:
        for data in (other, request(b"1"), other, request(b"2")):
            wire.send(data)
            assert await wire.status() == 200
    for data in (request(b"3") + other, other + request(b"4")):
        async with wire_to(portal) as wire:
            wire.send(data)
            assert await wire.status() == 200
            assert await wire.ended()
    assert await portal.bodies() == [b"1", b"2", b"3"]


@asynccontextmanager
async def locked(portal: Portal) -> AsyncIterator[None]:
    """No group commit ends in here."""
    async with portal.database.transaction() as connection:
        await connection.execute("LOCK TABLE inbox.delivery_keys IN ACCESS EXCLUSIVE MODE")
        yield


async def test_a_connection_that_is_lost_while_the_commit_is_under_way_keeps_its_delivery(portal_dsn: str) -> None:
    async with running_portal(portal_dsn, answer_deadline_seconds=5) as portal:
        await portal.add_store()
        async with wire_to(portal) as patient:
            patient.send(request(b"0"))
            assert await patient.status() == 200
            async with locked(portal):
                async with wire_to(portal) as wire:
                    wire.send(request(b"1"))
                    await asyncio.sleep(0.1)
                patient.send(request(b"2"))
                await asyncio.sleep(0.1)
            assert await patient.status() == 200
        assert sorted(await portal.bodies()) == [b"0", b"1", b"2"]


async def test_idle_and_slow_connections_are_ended(portal_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kiki.portal.server._KEEP_ALIVE_SECONDS", 0.3)
    async with running_portal(portal_dsn) as portal:
        await portal.add_store()
        async with wire_to(portal) as silent, wire_to(portal) as answered, wire_to(portal) as halting:
            answered.send(request())
            assert await answered.status() == 200
            halting.send(request()[:20])
            assert [await wire.ended() for wire in (silent, answered, halting)] == [True] * 3


async def test_what_is_under_way_is_answered_when_the_portal_stops(portal_dsn: str) -> None:
    async with running_portal(portal_dsn) as portal:
        await portal.add_store()
        async with wire_to(portal) as first:
            first.send(request(b"0"))
            await first.status()
        reader, writer = await asyncio.open_connection("127.0.0.1", portal.port)
        wire = Wire(reader, writer)
        wire.send(request(b"1")[:-1])
        idle = Wire(*await asyncio.open_connection("127.0.0.1", portal.port))
        await asyncio.sleep(0.1)

        async def last_byte() -> None:
            await asyncio.sleep(0.3)
            wire.send(b"1")

        ending = asyncio.create_task(last_byte())
    await ending
    status, headers, _ = await wire.answer()
    assert (status, headers["connection"]) == (200, "close")
    assert await wire.ended()
    assert await idle.ended()
    for each in (wire, idle):
        each.writer.transport.abort()

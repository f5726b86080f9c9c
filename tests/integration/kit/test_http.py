"""The outbound client stays out of private networks and within its bounds."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from kiki.kit.errors import DeadlineExceeded, InvalidInput, ResourceExhausted, Unavailable
from kiki.kit.http import OutboundHttp, OutboundPolicy


class Peer:
    """Answers as the path asks."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[bytes] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head)
        path = head.split()[1]
        if path == b"/slow":
            await reader.read()
        elif path == b"/big":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + b"x" * 100_000)
        elif path == b"/redirect":
            writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n")
        elif path == b"/json":
            writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{"a":1}')
        writer.close()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    server = await asyncio.start_server(peer.answer, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    yield peer
    server.close()


@pytest.fixture
async def http() -> AsyncIterator[OutboundHttp]:
    async with OutboundHttp.open(OutboundPolicy(allow_private=True, max_answer_bytes=50_000)) as http:
        yield http


async def test_an_answer_is_read(http: OutboundHttp, peer: Peer) -> None:
    answer = await http.request("POST", f"http://127.0.0.1:{peer.port}/json", json={"b": 2})
    assert answer.ok
    assert answer.json() == {"a": 1}


async def test_redirects_are_not_followed(http: OutboundHttp, peer: Peer) -> None:
    assert (await http.request("GET", f"http://127.0.0.1:{peer.port}/redirect")).status == 302
    assert len(peer.requests) == 1


async def test_a_large_answer_is_cut_off(http: OutboundHttp, peer: Peer) -> None:
    with pytest.raises(ResourceExhausted):
        await http.request("GET", f"http://127.0.0.1:{peer.port}/big")


async def test_silence_is_a_deadline(http: OutboundHttp, peer: Peer) -> None:
    with pytest.raises(DeadlineExceeded):
        await http.request("GET", f"http://127.0.0.1:{peer.port}/slow", timeout_seconds=0.1)


async def test_a_broken_connection_leaves_the_outcome_unknown(http: OutboundHttp, peer: Peer) -> None:
    with pytest.raises(DeadlineExceeded):
        await http.request("GET", f"http://127.0.0.1:{peer.port}/hangup")


async def test_a_closed_port_is_unavailable(http: OutboundHttp) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(Unavailable) as caught:
        await http.request("GET", f"http://127.0.0.1:{port}/")
    assert caught.value.reason == "HTTP_UNREACHABLE"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://[::1]/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:127.0.0.1]/",
        "http://0.0.0.0/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://",
    ],
)
async def test_private_addresses_and_other_schemes_are_refused(url: str) -> None:
    async with OutboundHttp.open() as http:
        with pytest.raises(InvalidInput):
            await http.request("GET", url)

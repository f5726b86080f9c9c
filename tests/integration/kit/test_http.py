"""The outbound client stays out of private networks and within its bounds."""

import asyncio
import gzip
import socket
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from kiki.kit import http_guard
from kiki.kit.errors import DeadlineExceeded, InvalidInput, ResourceExhausted, Unavailable
from kiki.kit.http import OutboundHttp, OutboundPolicy
from kiki.kit.http_guard import is_public


class Peer:
    """Answers as the path asks."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[bytes] = []
        self.connections = 0
        self.coded: dict[bytes, bytes] = {}

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.answer(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

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
        elif path == b"/stay":
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await self.answer(reader, writer)
        elif path in self.coded:
            content = self.coded[path]
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(content))
            writer.write(content)
        elif path == b"/json":
            writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{"a":1}')
        writer.close()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    server = await asyncio.start_server(peer.connected, "127.0.0.1", 0)
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


async def test_what_is_packed_is_unpacked(http: OutboundHttp, peer: Peer) -> None:
    peer.coded[b"/packed"] = gzip.compress(b"a" * 40_000)
    assert (await http.request("GET", f"http://127.0.0.1:{peer.port}/packed")).body == b"a" * 40_000


async def test_a_small_answer_that_unpacks_to_a_large_one_is_cut_off_before_it_fills_the_memory(
    http: OutboundHttp, peer: Peer
) -> None:
    peer.coded[b"/bomb"] = gzip.compress(bytes(64 * 2**20))
    tracemalloc.start()
    try:
        with pytest.raises(ResourceExhausted):
            await http.request("GET", f"http://127.0.0.1:{peer.port}/bomb")
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()
    assert b"accept-encoding: gzip\r\n" in peer.requests[0].lower(), "codings that cannot be bounded are not asked for"


@pytest.mark.parametrize(
    "content", [b"no gzip at all", gzip.compress(b"a" * 1000, mtime=0)[:-9]], ids=["no gzip", "cut off"]
)
async def test_what_cannot_be_unpacked_is_a_broken_answer(http: OutboundHttp, peer: Peer, content: bytes) -> None:
    peer.coded[b"/broken"] = content
    with pytest.raises(DeadlineExceeded) as caught:
        await http.request("GET", f"http://127.0.0.1:{peer.port}/broken")
    assert caught.value.reason == "HTTP_BROKEN"


class Names:
    """What names resolve to; loopback counts as public, so that a test can be a guarded client's peer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.known: dict[str, list[str]] = {}
        monkeypatch.setattr(http_guard, "is_public", lambda address: address.startswith("127."))
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self._resolve)

    async def _resolve(self, host: str, port: int, **_how: object) -> list[tuple[object, ...]]:
        self.asked.append(host)
        found = self.known[host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


async def test_hosts_behind_one_address_share_no_connection(peer: Peer, names: Names) -> None:
    """Else the second would be trusted by the first one's certificate."""
    names.known = {"a.example": ["127.0.0.1"], "b.example": ["127.0.0.1"]}
    async with OutboundHttp.open() as http:
        for host in ("a.example", "a.example", "b.example"):
            assert (await http.request("GET", f"http://{host}:{peer.port}/stay")).status == 204
    assert peer.connections == 2
    assert [request.split(b"host: ")[1].split(b":")[0] for request in map(bytes.lower, peer.requests)] == [
        b"a.example", b"a.example", b"b.example"
    ]  # fmt: skip


async def test_the_next_address_is_tried_where_one_does_not_answer(peer: Peer, names: Names) -> None:
    names.known = {"a.example": ["127.0.0.2", "127.0.0.1"]}
    async with OutboundHttp.open() as http:
        assert (await http.request("GET", f"http://a.example:{peer.port}/json")).ok


async def test_a_name_is_resolved_once_and_refused_for_one_private_address(peer: Peer, names: Names) -> None:
    names.known = {"a.example": ["127.0.0.1"], "b.example": ["127.0.0.1", "10.0.0.1"]}
    async with OutboundHttp.open() as http:
        assert (await http.request("GET", f"http://a.example:{peer.port}/json")).ok
        with pytest.raises(InvalidInput) as caught:
            await http.request("GET", f"http://b.example:{peer.port}/json")
    assert caught.value.reason == "PRIVATE_ADDRESS"
    assert names.asked == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("64:ff9b::808:808", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::808:808", False),
        ("::7f00:1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:7f00:1::", False),
        ("2001:0:4136:e378::", False),
        ("fec0::1", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("192.0.0.192", False),
        ("168.63.129.16", False),
        ("::ffff:168.63.129.16", False),
        ("3fff::1", False),
    ],
)
def test_addresses_that_carry_a_private_one_are_not_public(address: str, public: bool) -> None:
    assert is_public(address) is public

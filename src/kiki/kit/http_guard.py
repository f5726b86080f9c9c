"""Where outbound connections may lead, and how an answer is read without growing past its bound."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpcore
import httpx

from kiki.kit.errors import InvalidInput, ResourceExhausted, Unavailable

ACCEPTED_CODING = "gzip"
"""The one that is asked for and undone: zlib stops at a bound, httpx's own decoders do not."""
_GZIP = 16 + zlib.MAX_WBITS
_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_RESERVED = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "168.63.129.16/32", "3fff::/20")))
"""What Python's tables take for public: protocol assignments, Azure's host (and Oracle's metadata among the former),
and documentation."""


class GuardedTransport(httpx.AsyncHTTPTransport):
    """Connects to public addresses alone. Its pool keeps connections by host name: hosts behind one address, as at
    every CDN, share none, so that each has shown its own certificate."""

    def __init__(self, authorities: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(verify=authorities, limits=limits, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=authorities,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_PublicNetwork(),
        )


class _PublicNetwork(httpcore.AsyncNetworkBackend):
    """Resolves, checks, and connects to what it checked, so that no second look-up answers differently."""

    def __init__(self) -> None:
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """The first address that can be reached, in the system's order."""
        refused: Exception | None = None
        for address in await public_addresses(host, port):
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                refused = error
        raise refused or httpcore.ConnectError("no address")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


async def public_addresses(host: str, port: int) -> list[str]:
    """All addresses of a host. Raises `InvalidInput` when one is not public, `Unavailable` when there is none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unavailable("the host's name does not resolve", reason="HTTP_UNREACHABLE") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses or not all(map(is_public, addresses)):
        raise InvalidInput("the URL leads to an address that is not public", reason="PRIVATE_ADDRESS")
    return addresses


def is_public(address: str) -> bool:
    """Whether an address is on the internet. What carries an IPv4 address (mapped, 6to4, NAT64) is judged by that."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        carried = parsed.ipv4_mapped or parsed.sixtofour
        if parsed in _NAT64:
            carried = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if carried is None:
            return parsed in _UNICAST and _is_global(parsed)
        parsed = carried
    return _is_global(parsed) and not parsed.is_multicast


def _is_global(parsed: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return parsed.is_global and not any(parsed in network for network in _RESERVED)


async def read_bounded(answer: httpx.Response, max_bytes: int) -> bytes:
    """The content, its coding undone. Raises `ResourceExhausted` before more than `max_bytes` are in memory."""
    body = bytearray()
    async for part in _content(answer, max_bytes + 1):
        body += part
        if len(body) > max_bytes:
            raise ResourceExhausted(f"the answer is larger than {max_bytes} bytes", reason="ANSWER_TOO_LARGE")
    return bytes(body)


async def _content(answer: httpx.Response, most: int) -> AsyncIterator[bytes]:
    """Parts of at most `most` bytes; what has another coding than the one that was asked for comes as it was sent.

    An answer that its transport has read and decoded already comes whole.
    """
    if answer.is_stream_consumed:
        yield answer.content
        return
    coded = answer.headers.get("content-encoding", "").strip().lower() in (ACCEPTED_CODING, "x-gzip")
    decoder, begun = zlib.decompressobj(_GZIP), False
    async for raw in answer.aiter_raw():
        begun = True
        try:
            yield decoder.decompress(raw, most) if coded else raw
        except zlib.error:
            raise httpx.DecodingError("the answer's content cannot be read") from None
    if coded and begun and not decoder.eof:
        raise httpx.DecodingError("the answer's content is not complete")

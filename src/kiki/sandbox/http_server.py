"""A small HTTP/1.1 server for simulated peers: keep-alive, bounded requests, and hanging up without an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from kiki.sandbox.connections import serve_connections

_MAX_HEAD_BYTES = 64 * 1024
_MAX_BODY_BYTES = 16 * 1024 * 1024
_IDLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names in lower case, the path without its query and decoded."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False
    """Close the connection without a byte."""

    @classmethod
    def json(cls, value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        return cls(status, msgspec.json.encode(value), {"Content-Type": "application/json", **(headers or {})})


Handler = Callable[[Request], Awaitable[Answer]]


class _BadRequest(Exception):
    """The request cannot be read."""


@asynccontextmanager
async def serve_http(handler: Handler, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """Serve for the time of the block; gives the bound port."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _converse(handler, reader, writer)

    async with serve_connections(converse, host=host, port=port, max_line_bytes=_MAX_HEAD_BYTES) as bound:
        yield bound


async def _converse(handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        try:
            request = await asyncio.wait_for(_read(reader), _IDLE_SECONDS)
        except _BadRequest:
            writer.write(_encode(Answer(400), close=True))
            await writer.drain()
            return
        if request is None:
            return
        answer = await handler(request)
        if answer.hang_up:
            writer.transport.abort()
            return
        close = request.headers.get("connection", "").lower() == "close"
        writer.write(_encode(answer, close=close))
        await writer.drain()
        if close:
            return


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    lines = head.decode("latin-1").split("\r\n")
    method, _, rest = lines[0].partition(" ")
    target, _, version = rest.partition(" ")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    length = headers.get("content-length", "0")
    if not version.startswith("HTTP/1.") or not length.isdecimal() or int(length) > _MAX_BODY_BYTES:
        raise _BadRequest
    body = await reader.readexactly(int(length)) if length != "0" else b""
    parts = urlsplit(target)
    return Request(method, unquote(parts.path), dict(parse_qsl(parts.query)), headers, body)


def _encode(answer: Answer, *, close: bool) -> bytes:
    phrase = HTTPStatus(answer.status).phrase
    lines = [f"HTTP/1.1 {answer.status} {phrase}", f"Content-Length: {len(answer.body)}"]
    lines.extend(f"{name}: {value}" for name, value in answer.headers.items())
    lines.append(f"Connection: {'close' if close else 'keep-alive'}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + answer.body

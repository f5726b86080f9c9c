"""HTTP to the outside: deadlines, bounded answers, no redirects, and no way into private networks unless allowed.

`http_guard.py` resolves a host itself, refuses addresses that are not public, and connects to the address that it
checked, so that a second look-up cannot answer differently (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import msgspec

from kiki.kit.errors import DeadlineExceeded, InvalidInput, ResourceExhausted, Unavailable
from kiki.kit.http_guard import ACCEPTED_CODING, GuardedTransport, read_bounded

_UNWANTED_SECONDS = 0.5
_UNWANTED_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class OutboundPolicy:
    """Where requests may go and how large an answer may be."""

    allow_private: bool = False
    max_answer_bytes: int = 8 * 2**20
    max_connections: int = 100
    user_agent: str = "KIKI-SyncPortal"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer, whatever its status; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON; `InvalidInput` when it is not."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise InvalidInput("the peer's answer is not JSON", reason="BAD_ANSWER") from error


@cache
def authorities() -> ssl.SSLContext:
    """Verifies peers by certifi's authorities, which are read once per process: it takes 40 ms."""
    return httpx.create_ssl_context(trust_env=False)


class OutboundHttp:
    """A client for requests to addresses that users configured."""

    def __init__(self, client: httpx.AsyncClient, policy: OutboundPolicy) -> None:
        self._client = client
        self._policy = policy

    @classmethod
    @asynccontextmanager
    async def open(cls, policy: OutboundPolicy | None = None) -> AsyncIterator[OutboundHttp]:
        """A client with a pool of its own for the time of the block."""
        chosen = policy or OutboundPolicy()
        limits = httpx.Limits(max_connections=chosen.max_connections, max_keepalive_connections=chosen.max_connections)
        headers = {"user-agent": chosen.user_agent, "accept-encoding": ACCEPTED_CODING}
        transport = None if chosen.allow_private else GuardedTransport(authorities(), limits)
        async with httpx.AsyncClient(
            verify=authorities(),
            limits=limits,
            follow_redirects=False,
            trust_env=False,
            headers=headers,
            transport=transport,
        ) as client:
            yield cls(client, chosen)

    async def request(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 10,
        body_wanted: bool = True,
    ) -> HttpAnswer:
        """Send and read the whole answer; unless its body is wanted, the status decides and the body is left out.

        Raises `InvalidInput` for a URL that may not be called, `Unavailable` when nothing was reached,
        `DeadlineExceeded` when the outcome is unknown for lack of an answer, `ResourceExhausted` when it is too large.
        """
        sent = dict(headers or {})
        if json is not None:
            content = msgspec.json.encode(json)
            sent.setdefault("content-type", "application/json")
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._send(method, httpx.URL(url), content, sent, timeout_seconds, body_wanted)
        except httpx.InvalidURL:
            raise InvalidInput("the URL cannot be read", reason="BAD_URL") from None
        except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout) as error:
            raise DeadlineExceeded(f"no answer within {timeout_seconds:g} s", reason="HTTP_TIMEOUT") from error
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unavailable("the peer cannot be reached", reason="HTTP_UNREACHABLE") from error
        except httpx.HTTPError as error:
            raise DeadlineExceeded(
                f"the connection broke before the answer ({type(error).__name__})", reason="HTTP_BROKEN"
            ) from error

    async def _send(
        self,
        method: str,
        url: httpx.URL,
        content: bytes | None,
        headers: dict[str, str],
        timeout_seconds: float,
        body_wanted: bool,
    ) -> HttpAnswer:
        if url.scheme not in ("http", "https") or not url.host:
            raise InvalidInput("a URL starts with http:// or https:// and names a host", reason="BAD_URL")
        request = self._client.build_request(method, url, content=content, headers=headers, timeout=timeout_seconds)
        answer = await self._client.send(request, stream=True)
        try:
            body = (
                await read_bounded(answer, self._policy.max_answer_bytes) if body_wanted else await _pass_over(answer)
            )
        finally:
            await answer.aclose()
        return HttpAnswer(answer.status_code, {key.lower(): value for key, value in answer.headers.items()}, body)


async def _pass_over(answer: httpx.Response) -> bytes:
    """A short body is read, so that the connection can be used again; a long, slow or broken one ends it."""
    with suppress(ResourceExhausted, TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_UNWANTED_SECONDS):
            await read_bounded(answer, _UNWANTED_BYTES)
    return b""

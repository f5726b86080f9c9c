"""Sends deliveries to a portal over HTTP, as fast as told, and counts the answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass, field
from zlib import crc32

import httpx

from kiki.kit.clock import monotonic
from kiki.sandbox.shop import Delivery

_TRY_AGAIN = frozenset([429, 500, 502, 503, 504])
_PAUSE_SECONDS = 0.25


@dataclass(slots=True)
class Answers:
    """How deliveries were answered."""

    acknowledged: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    """Status → how often, for deliveries that were given up."""
    unanswered: int = 0
    retries: int = 0


class Sender:
    """Posts to `/webhooks/{platform}/…`; `tokens` maps a platform to the token of its delivery URL."""

    def __init__(
        self,
        portal_url: str,
        *,
        tokens: dict[str, str] | None = None,
        concurrency: int = 8,
        attempts: int = 1,
        timeout_seconds: float = 10.0,
    ) -> None:
        self._base = portal_url.rstrip("/")
        self._tokens = tokens or {}
        self._concurrency, self._attempts, self._timeout_seconds = concurrency, attempts, timeout_seconds
        self.answers = Answers()

    async def send_all(self, deliveries: Iterable[Delivery], *, rate: float | None = None) -> Answers:
        """Send everything, at most `rate` per second; deliveries about one thing keep their order."""

        async def given() -> AsyncIterable[Delivery]:
            for delivery in deliveries:
                yield delivery

        return await self.stream(given(), rate=rate)

    async def stream(self, deliveries: AsyncIterable[Delivery], *, rate: float | None = None) -> Answers:
        """Send as they come. Each subject has a lane of its own, so that what is about one thing arrives in order."""
        queues: list[asyncio.Queue[Delivery | None]] = [asyncio.Queue(maxsize=4) for _ in range(self._concurrency)]
        limits = httpx.Limits(max_connections=self._concurrency)
        async with (
            httpx.AsyncClient(timeout=self._timeout_seconds, limits=limits) as client,
            asyncio.TaskGroup() as group,
        ):
            for queue in queues:
                group.create_task(self._work(client, queue))
            began, number = monotonic(), 0
            async for delivery in deliveries:
                if rate and (wait := began + number / rate - monotonic()) > 0:
                    await asyncio.sleep(wait)
                await queues[crc32(delivery.subject.encode()) % self._concurrency].put(delivery)
                number += 1
            for queue in queues:
                await queue.put(None)
        return self.answers

    async def _work(self, client: httpx.AsyncClient, queue: asyncio.Queue[Delivery | None]) -> None:
        while (delivery := await queue.get()) is not None:
            await self.send(client, delivery)

    async def send(self, client: httpx.AsyncClient, delivery: Delivery) -> int | None:
        """Send one, again on 5xx and on silence while attempts are left; the last status, None for silence."""
        status: int | None = None
        for attempt in range(self._attempts):
            if attempt:
                self.answers.retries += 1
                await asyncio.sleep(_PAUSE_SECONDS * attempt)
            try:
                answer = await client.post(self.url(delivery), content=delivery.body, headers=dict(delivery.headers))
            except httpx.HTTPError:
                status = None
                continue
            status = answer.status_code
            if status not in _TRY_AGAIN:
                break
        if status == 200:
            self.answers.acknowledged += 1
        elif status is None:
            self.answers.unanswered += 1
        else:
            self.answers.refused[status] += 1
        return status

    def url(self, delivery: Delivery) -> str:
        """Where this delivery is posted."""
        token = self._tokens.get(delivery.platform)
        middle = f"s/{token}/" if token else ""
        return f"{self._base}/webhooks/{delivery.platform}/{middle}{delivery.topic}"

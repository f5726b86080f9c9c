"""LISTEN on a connection of its own; whoever waits for a channel also polls, so a lost notification only costs time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import asyncpg

from kiki.kit.database import UNREACHABLE
from kiki.kit.listening import until_ended
from kiki.kit.logging import get_logger

_log = get_logger(__name__)


class Wakeups:
    """Turns notifications into asyncio events."""

    def __init__(self, dsn: str, *, on_lost: Callable[[], None] = lambda: None) -> None:
        """`on_lost` is called whenever the connection broke: the server may have crashed."""
        self._dsn = dsn
        self._on_lost = on_lost
        self._events: dict[str, list[tuple[str, asyncio.Event]]] = defaultdict(list)

    def on(self, channel: str, tag: str = "") -> asyncio.Event:
        """An event that is set whenever the channel is notified for the tag; the caller clears it. Ask before `run`.

        A notification names the tags that it is for, with spaces between; without any it is for all.
        """
        event = asyncio.Event()
        self._events[channel].append((tag, event))
        return event

    async def run(self) -> None:
        """Listen until cancelled, reconnecting."""
        while True:
            try:
                await self._listen()
            except (*UNREACHABLE, asyncpg.PostgresError, TimeoutError) as error:
                _log.info("wakeups_disconnected", error=type(error).__name__)
            await asyncio.sleep(0.5)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=5, server_settings={"application_name": "kiki-wakeups"})
        try:
            for channel in self._events:
                await connection.add_listener(channel, self._notified)
            self._all()
            try:
                await until_ended(connection)
            finally:
                self._on_lost()
        finally:
            connection.terminate()

    def _notified(self, _connection: Any, _pid: int, channel: str, payload: Any) -> None:
        tags = str(payload).split()
        for tag, event in self._events[channel]:
            if not tags or tag in tags:
                event.set()

    def _all(self) -> None:
        for events in self._events.values():
            for _, event in events:
                event.set()


async def wait_for(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set or the time is over; clears it."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
    event.clear()

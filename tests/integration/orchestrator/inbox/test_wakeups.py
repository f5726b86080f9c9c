"""Whoever waits for a channel hears of it again after any break of the connection."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from integration.orchestrator.rig import Rig
from kiki.orchestrator.inbox.wakeups import Wakeups


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(
            asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"),
            id="told-of-its-end-while-it-begins-to-listen",
        ),
        pytest.param(asyncpg.InterfaceError("connection is closed"), id="closed"),
        pytest.param(asyncpg.AdminShutdownError("terminating connection"), id="ended-by-the-server"),
        pytest.param(ConnectionResetError(), id="reset"),
        pytest.param(TimeoutError(), id="nobody-answers"),
    ],
)
async def test_connection_that_breaks_as_it_begins_to_listen_is_made_anew(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    listen, refused = asyncpg.Connection.add_listener, asyncio.Event()

    async def breaks_once(self: Any, channel: str, callback: Any) -> None:
        if not refused.is_set():
            refused.set()
            raise error
        await listen(self, channel, callback)

    monkeypatch.setattr(asyncpg.Connection, "add_listener", breaks_once)
    wakeups = Wakeups(rig.dsn)
    rung = wakeups.on("kiki_inbox", "1")
    listening = asyncio.create_task(wakeups.run())
    try:
        async with asyncio.timeout(20):
            await refused.wait()
            await rung.wait()  # Set as soon as it listens: what came meanwhile was not heard.
            rung.clear()
            await rig.value("SELECT pg_notify('kiki_inbox', '1')")
            await rung.wait()
        assert not listening.done()
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

"""A notification wakes a resting dispatcher; its poll is only for notifications that were lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from integration.orchestrator.rig import Rig, intent
from kiki.orchestrator.calls.dispatcher import Dispatcher
from kiki.orchestrator.lanes import Lane

_NEVER = 86_400.0


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[Dispatcher]:
    """Each dispatcher of SyncValue's live lane whenever it lies down; from then on its poll is a day away."""
    told: asyncio.Queue[Dispatcher] = asyncio.Queue()
    rest = Dispatcher._rest

    async def watched(self: Dispatcher) -> None:
        if (self.agent, self.lane) == ("syncvalue", Lane.LIVE):
            self._poll_seconds = _NEVER
            told.put_nowait(self)
        await rest(self)

    monkeypatch.setattr(Dispatcher, "_rest", watched)
    return told


async def _lies_down(rests: asyncio.Queue[Dispatcher]) -> Dispatcher:
    """Wait until the dispatcher rests and nothing stirs it any more."""
    async with asyncio.timeout(30):
        dispatcher = await rests.get()
        while True:
            try:
                async with asyncio.timeout(0.7):
                    dispatcher = await rests.get()
            except TimeoutError:
                if rests.empty():
                    return dispatcher


@pytest.mark.slow
async def test_a_notification_wakes_a_resting_dispatcher_without_the_poll(
    rig: Rig, rests: asyncio.Queue[Dispatcher]
) -> None:
    async with rig.worker():
        dispatcher = await _lies_down(rests)
        for number in range(1, 4):
            looked_at, made = dispatcher._looked_at, rig.agents.accepted.total()
            assert made == number - 1, "nothing is made before it was asked for"
            await rig.enqueue([intent(number)])
            await rig.until("SELECT count(*) FROM calls.history WHERE agent = 'syncvalue'", number, seconds=30)
            assert dispatcher._looked_at > looked_at, "it was woken and looked"
            assert await _lies_down(rests) is dispatcher
    assert rig.agents.order == [b"request-1", b"request-2", b"request-3"]


@pytest.mark.slow
async def test_without_a_notification_a_dispatcher_with_a_distant_poll_goes_on_resting(
    rig: Rig, rests: asyncio.Queue[Dispatcher]
) -> None:
    """What the test above rests on: it is the notification that wakes, and nothing else."""
    async with rig.worker():
        await _lies_down(rests)
        async with rig.database.transaction() as connection:
            await connection.execute("CREATE FUNCTION calls.pg_notify(text, text) RETURNS void LANGUAGE sql AS ''")
            await connection.execute("SET LOCAL search_path = calls, pg_catalog")
            await _enqueue_unheard(rig, connection)
        await asyncio.sleep(1.5)
        assert rig.agents.accepted.total() == 0
        await rig.enqueue([intent(2)])
        await rig.until("SELECT count(*) FROM calls.history WHERE agent = 'syncvalue'", 2, seconds=30)


async def _enqueue_unheard(rig: Rig, connection: Any) -> None:
    from integration.orchestrator.rig import SEALER
    from kiki.orchestrator.calls.intents import enqueue

    await enqueue(connection, SEALER, [intent(1)])

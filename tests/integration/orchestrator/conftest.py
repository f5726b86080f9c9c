"""The rig as a fixture."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from databases import tables_of
from integration.orchestrator.rig import Rig, open_rig
from kiki.orchestrator.calls import tables as calls
from kiki.orchestrator.events import tables as events
from kiki.orchestrator.inbox import tables as inbox

engine_dsn = tables_of(inbox.OWNER, calls.OWNER, events.OWNER)


@pytest.fixture
async def rig(engine_dsn: str) -> AsyncIterator[Rig]:
    """A fresh database with the engine's schemas only."""
    async with open_rig(engine_dsn) as made:
        yield made

"""The rig as a fixture."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from integration.orchestrator.rig import Rig, open_rig
from kiki.kit.migrations import upgrade
from kiki.orchestrator.calls import tables as calls
from kiki.orchestrator.events import tables as events
from kiki.orchestrator.inbox import tables as inbox


@pytest.fixture
async def rig(database_dsn: str) -> AsyncIterator[Rig]:
    """A fresh database with the engine's schemas only."""
    await upgrade(database_dsn, [inbox.OWNER, calls.OWNER, events.OWNER])
    async with open_rig(database_dsn) as made:
        yield made

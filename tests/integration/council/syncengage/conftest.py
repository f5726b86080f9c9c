"""SyncEngage over a fresh database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from integration.council.syncengage.harness import Engage, open_engage
from kiki.council.syncengage.tables import OWNER
from kiki.kit.migrations import upgrade


@pytest.fixture
async def engage_dsn(database_dsn: str) -> str:
    await upgrade(database_dsn, [OWNER])
    return database_dsn


@pytest.fixture
async def engage(engage_dsn: str) -> AsyncIterator[Engage]:
    async with open_engage(engage_dsn) as opened:
        yield opened

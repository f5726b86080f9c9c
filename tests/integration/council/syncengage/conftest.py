"""SyncEngage over a fresh database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from databases import tables_of
from integration.council.syncengage.harness import Engage, open_engage
from kiki.council.syncengage.tables import OWNER

engage_dsn = tables_of(OWNER)


@pytest.fixture
async def engage(engage_dsn: str) -> AsyncIterator[Engage]:
    async with open_engage(engage_dsn) as opened:
        yield opened

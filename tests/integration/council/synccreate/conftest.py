"""SyncCreate over a fresh database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from integration.council.synccreate.harness import Create, open_create
from kiki.council.synccreate.tables import OWNER
from kiki.kit.migrations import upgrade


@pytest.fixture
async def create_dsn(database_dsn: str) -> str:
    await upgrade(database_dsn, [OWNER])
    return database_dsn


@pytest.fixture
async def create(create_dsn: str) -> AsyncIterator[Create]:
    """Without rendering processes: copy and read models only."""
    async with open_create(create_dsn, render_processes=0) as opened:
        yield opened

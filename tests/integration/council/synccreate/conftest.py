"""SyncCreate over a fresh database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from databases import tables_of
from integration.council.synccreate.harness import Create, open_create
from kiki.council.synccreate.tables import OWNER

create_dsn = tables_of(OWNER)


@pytest.fixture
async def create(create_dsn: str) -> AsyncIterator[Create]:
    """Without rendering processes: copy and read models only."""
    async with open_create(create_dsn, render_processes=0) as opened:
        yield opened

"""A portal over a fresh database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from databases import tables_of
from integration.portal.mesh import LEDGER, VALUE
from integration.portal.running import OWNERS, Portal, running_portal

portal_dsn = tables_of(*OWNERS)
council_dsn = tables_of(*OWNERS, LEDGER, VALUE)


@pytest.fixture
async def portal(portal_dsn: str) -> AsyncIterator[Portal]:
    async with running_portal(portal_dsn) as running:
        yield running

"""A portal over a fresh database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from integration.portal.running import OWNERS, Portal, running_portal
from kiki.kit.migrations import upgrade


@pytest.fixture
async def portal_dsn(database_dsn: str) -> str:
    """A database with the tables that the portal works with."""
    await upgrade(database_dsn, OWNERS)
    return database_dsn


@pytest.fixture
async def portal(portal_dsn: str) -> AsyncIterator[Portal]:
    async with running_portal(portal_dsn) as running:
        yield running

"""A portal over a fresh database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from databases import tables_of
from integration.portal.experimenting import Rig, running_rig
from integration.portal.running import OWNERS, Portal, running_portal
from kiki.council.syncledger.tables import OWNER as LEDGER
from kiki.council.syncvalue.tables import OWNER as VALUE

portal_dsn = tables_of(*OWNERS)
council_dsn = tables_of(*OWNERS, LEDGER, VALUE)


@pytest.fixture
async def portal(portal_dsn: str) -> AsyncIterator[Portal]:
    async with running_portal(portal_dsn) as running:
        yield running


@pytest.fixture
async def rig(council_dsn: str) -> AsyncIterator[Rig]:
    """A shop that can run an experiment."""
    async with running_rig(council_dsn) as running:
        yield running

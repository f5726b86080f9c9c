from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from integration.orchestrator.workflows.shop import Shop
from kiki.kit.database import Database
from kiki.kit.sealing import Keyring, Sealer


@pytest.fixture
async def shop(migrated_dsn: str) -> AsyncIterator[Shop]:
    """A connected store without campaigns."""
    async with Database.open(migrated_dsn, application_name="test", max_size=4) as database:
        shop = Shop(database, Sealer(Keyring.parse(Keyring.generate())))
        await shop.connect()
        yield shop

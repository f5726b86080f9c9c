"""A shop's books and the worker that closes its months."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from integration.orchestrator.closing.rig import Rig, Temper, at
from integration.portal.mesh import running_council
from integration.portal.running import KEY, KEYRING
from kiki.clients.council import CouncilClients
from kiki.clients.methods import AGENTS
from kiki.kit.clock import FixedClock
from kiki.kit.database import Database
from kiki.kit.sealing import Sealer
from kiki.orchestrator.closing import schedule


@pytest.fixture
async def rig(migrated_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(schedule, "_EVERY_SECONDS", 0.1)
    clock = FixedClock(at(9, 11))
    async with (
        running_council(migrated_dsn, clock) as addresses,
        CouncilClients.open({**dict.fromkeys(AGENTS, "127.0.0.1:1"), **addresses}, api_key=KEY) as clients,
        Database.open(migrated_dsn, application_name="test", max_size=3) as database,
    ):
        yield Rig(migrated_dsn, clock, database, Sealer(KEYRING), Temper(clients))

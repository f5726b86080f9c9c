"""Who is driven next, and what happens beside what a reconciler does."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Sequence

import pytest

from kiki.council.syncflow.domain import CampaignDefinition, Hold
from kiki.council.syncflow.repository import campaigns, work
from kiki.council.syncflow.repository.work import BULK_LANE, LIVE_LANE, STOCK_LANE, Lease, NewWork
from kiki.council.syncflow.service.registry import Registry
from kiki.kit.clock import SystemClock
from kiki.kit.database import Connection, Database
from kiki.kit.money import Money
from kiki.kit.sealing import Keyring, Sealer

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    async with Database.open(dsn, application_name="test", max_size=3) as database:
        yield database


async def put(database: Database, store_id: int, count: int, lane: int, network: str = "google") -> None:
    async with database.transaction() as connection:
        names = (f"{network}-{lane}-{n}" for n in range(count))
        await work.enqueue(connection, [NewWork(store_id, name, network, lane) for name in names])


async def claim(database: Database, busy: dict[tuple[int, str], int], limit: int = 64) -> Sequence[Lease]:
    async with database.connection() as connection:
        leases, _ = await work.claim(
            connection, owner="a", busy=busy, places=8, unreserved=6, limit=limit, lease_seconds=30
        )
        return leases


@pytest.mark.parametrize("lane", [LIVE_LANE, BULK_LANE])
async def test_one_store_with_much_to_do_does_not_keep_the_others_waiting(database: Database, lane: int) -> None:
    await put(database, 1, 700, lane)
    await put(database, 2, 1, lane)
    busy: dict[tuple[int, str], int] = {}
    for _ in range(2):
        for lease in await claim(database, busy):
            busy[lease.store_id, lease.network] = busy.get((lease.store_id, lease.network), 0) + 1
    assert busy == {(1, "google"): 6, (2, "google"): 1}


async def test_a_hold_that_is_put_on_anew_while_the_old_one_ends_stays(
    database: Database, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep has found the old hold when the new one is written."""
    registry = Registry(database, Sealer(keyring), SystemClock())
    campaign = CampaignDefinition(
        campaign_id="c",
        network="google",
        external_id="x",
        name="",
        utm_campaign="",
        utm_id="",
        daily_budget=Money(1, "EUR"),
        bid=None,
        ended=False,
    )
    old = Hold(reason="launch", actor="user:7", held_at=NOW, expires_at=NOW)
    new = Hold(reason="launch goes on", actor="user:7", held_at=NOW, expires_at=NOW + dt.timedelta(hours=1))
    async with database.transaction() as connection:
        await registry.register(connection, 1, [campaign])
        await registry.hold(connection, 1, "c", old)
    find = campaigns.list_expired_holds

    async def find_and_hold(connection: Connection, now: dt.datetime, limit: int) -> list[NewWork]:
        found = await find(connection, now, limit)
        async with database.transaction() as other:
            await registry.hold(other, 1, "c", new)
        return found

    monkeypatch.setattr(campaigns, "list_expired_holds", find_and_hold)
    async with database.transaction() as connection:
        assert await registry.expire_holds(connection, NOW, 10) == 1
    async with database.connection() as connection:
        held = await campaigns.find_campaign(connection, 1, "c")
    assert held is not None
    assert held.hold == new


async def test_places_are_kept_for_stock(database: Database) -> None:
    await put(database, 1, 10, LIVE_LANE)
    await put(database, 1, 10, STOCK_LANE)
    leases = await claim(database, {(1, "google"): 5})
    assert [lease.lane for lease in leases] == [STOCK_LANE] * 3
    assert await claim(database, {(1, "google"): 8}) == []

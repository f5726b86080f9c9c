"""What the migrations make is what the tables in code say, for every owner, up and down."""

from __future__ import annotations

import asyncpg
import pytest

from kiki.kit.migrations import differences, downgrade, pending, upgrade
from kiki.runtime.owners import OWNER_NAMES, load_owner, load_owners

pytestmark = pytest.mark.slow


async def _tables(dsn: str, schema: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", schema)
    finally:
        await connection.close()
    return {row[0] for row in rows} - {"alembic_version"}


@pytest.mark.parametrize("name", OWNER_NAMES)
async def test_migrations_make_the_tables(migrated_dsn: str, name: str) -> None:
    assert await differences(migrated_dsn, load_owner(name)) == []


@pytest.mark.parametrize("name", OWNER_NAMES)
async def test_down_removes_what_up_made_and_up_makes_it_again(migrated_dsn: str, name: str) -> None:
    owner = load_owner(name)
    assert await _tables(migrated_dsn, name)
    await downgrade(migrated_dsn, owner, "base")
    assert await _tables(migrated_dsn, name) == set()
    await upgrade(migrated_dsn, [owner])
    assert await differences(migrated_dsn, owner) == []


async def test_nothing_is_pending_after_an_upgrade(migrated_dsn: str) -> None:
    assert await pending(migrated_dsn, load_owners()) == {}


@pytest.mark.parametrize("name", OWNER_NAMES)
def test_an_owner_keeps_to_its_own_schema(name: str) -> None:
    owner = load_owner(name)
    assert owner.schema == name
    assert {table.schema for table in owner.metadata.tables.values()} == {name}


@pytest.mark.parametrize("name", OWNER_NAMES)
def test_the_store_leads_every_key(name: str) -> None:
    """So that stores can be spread over databases one day; tables without a store are named here."""
    for table in load_owner(name).metadata.tables.values():
        if "store_id" in table.columns:
            first = next(iter(table.primary_key.columns)).name
            assert first == "store_id" or table.fullname in _STORE_IS_NOT_FIRST, f"{table.fullname} leads with {first}"


# Queues are read by partition (a hash of the store) and by agent; their rows live for milliseconds.
_STORE_IS_NOT_FIRST = frozenset({"inbox.queue", "calls.queue", "calls.parked"})

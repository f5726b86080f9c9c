"""Migrations beside those who work, interrupted ones, and ones over tables that hold data."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import sqlalchemy as sa

from kiki.kit import migrations
from kiki.kit.errors import FailedPrecondition
from kiki.kit.migrations import Owner, differences, pending, upgrade
from kiki.runtime import schema

_HEAD = (
    'from alembic import op\nrevision = "{name}"\ndown_revision = {before}\nbranch_labels = None\ndepends_on = None\n'
)
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
_SLEEPING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"

Write = Callable[..., None]


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    (tmp_path / "versions").mkdir()
    return Owner("shop", sa.MetaData(schema="shop"), tmp_path)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes one more migration: its name, and the statements that it is."""
    last = ["None"]

    def add(name: str, *statements: str) -> None:
        text = _HEAD.format(name=name, before=last[0]) + "def upgrade():\n"
        text += "".join(f"    op.execute({statement!r})\n" for statement in statements)
        (tmp_path / "versions" / f"{name}.py").write_text(text)
        last[0] = f'"{name}"'

    return add


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_a_migration_gives_way_to_those_who_work_and_tries_again(
    database_dsn: str, owner: Owner, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_LOCK_PAUSES_SECONDS", (0.5, 0.5, 0.5))
    write("first", "CREATE TABLE shop.things (n int)")
    await upgrade(database_dsn, [owner])
    write("second", "ALTER TABLE shop.things ADD COLUMN m int")
    reader, other = await asyncpg.connect(database_dsn), await asyncpg.connect(database_dsn)
    async with reader.transaction():
        await reader.fetch("SELECT * FROM shop.things")
        migrating = asyncio.create_task(upgrade(database_dsn, [owner]))

        async def waits() -> bool:
            return bool(await other.fetchval(_WAITING) == 1)

        async def gave_way() -> bool:
            return bool(await other.fetchval(_WAITING) == 0)

        await until(waits)
        await until(gave_way)
        assert not migrating.done()
    await migrating
    assert await pending(database_dsn, [owner]) == {}
    for connection in (reader, other):
        await connection.close()


@pytest.mark.slow
async def test_a_lock_that_is_never_free_is_told(
    database_dsn: str, owner: Owner, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_LOCK_PAUSES_SECONDS", ())
    monkeypatch.setattr(schema, "load_owners", lambda: [owner])
    write("first", "CREATE TABLE shop.things (n int)")
    await schema.upgrade(database_dsn)
    write("second", "ALTER TABLE shop.things ADD COLUMN m int")
    reader = await asyncpg.connect(database_dsn)
    async with reader.transaction():
        await reader.fetch("SELECT * FROM shop.things")
        with pytest.raises(FailedPrecondition, match="lock timeout"):
            await schema.upgrade(database_dsn)
    await reader.close()


async def test_a_migration_that_is_cut_off_leaves_nothing_and_can_be_repeated(
    database_dsn: str, owner: Owner, write: Write
) -> None:
    write("first", "CREATE TABLE shop.things (n int)", "INSERT INTO shop.things VALUES (1)")
    await upgrade(database_dsn, [owner])
    sleep = "SELECT pg_sleep(600) WHERE current_setting('a.b', true) IS NULL"
    write("second", "ALTER TABLE shop.things ADD COLUMN m int", sleep)
    other = await asyncpg.connect(database_dsn)
    migrating = asyncio.create_task(upgrade(database_dsn, [owner]))
    await until(lambda: other.fetchval(_SLEEPING))
    await other.execute("SELECT pg_terminate_backend($1)", await other.fetchval(_SLEEPING))
    with pytest.raises(sa.exc.DBAPIError):
        await migrating
    assert await pending(database_dsn, [owner]) == {"shop": ["second"]}
    assert await other.fetch("SELECT * FROM shop.things") == [(1,)]
    await other.execute(f"ALTER DATABASE \"{await other.fetchval('SELECT current_database()')}\" SET a.b = 'quick'")
    await upgrade(database_dsn, [owner])
    assert await other.fetch("SELECT * FROM shop.things") == [(1, None)]
    await other.close()


async def test_two_that_migrate_at_once_do_it_once(database_dsn: str, owner: Owner, write: Write) -> None:
    write("first", "CREATE TABLE shop.things (n int)")
    await asyncio.gather(*(upgrade(database_dsn, [owner]) for _ in range(3)))
    assert await pending(database_dsn, [owner]) == {}
    assert len(await differences(database_dsn, owner)) == 1, "the table that no metadata speaks of"


async def test_the_words_of_libpq_in_an_address_are_understood(database_dsn: str, owner: Owner, write: Write) -> None:
    write("first", "CREATE TABLE shop.things (n int)")
    dsn = f"{database_dsn}{'&' if '?' in database_dsn else '?'}sslmode=disable"
    await upgrade(dsn, [owner])
    assert await pending(dsn, [owner]) == {}


async def test_no_such_database_is_told_in_the_words_of_the_server(database_dsn: str) -> None:
    other = urlunsplit(urlsplit(database_dsn)._replace(path="/there_is_none"))
    with pytest.raises(FailedPrecondition, match='"there_is_none" does not exist; see DATABASE_URL') as refused:
        await schema.pending(other)
    assert refused.value.reason == "DATABASE_ACCESS"

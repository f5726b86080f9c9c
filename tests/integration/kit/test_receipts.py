"""A mutation happens once per event id, however often and from wherever it is sent."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from kiki.kit.bulk import Append
from kiki.kit.database import Connection, Database
from kiki.kit.errors import Conflict, InvalidInput
from kiki.kit.migrations import Owner, differences, downgrade, pending, upgrade
from kiki.kit.receipts import Done, Once, OnceItem, Outcome, receipts_table

MIGRATION = '''
"""Receipts and a counter."""
import sqlalchemy as sa
from alembic import op
from kiki.kit.receipts import create_receipts_table

revision, down_revision, branch_labels, depends_on = "2026_01_01_first", None, None, None

def upgrade() -> None:
    create_receipts_table("probe")
    op.create_table("effects", sa.Column("value", sa.Text, primary_key=True), schema="probe")

def downgrade() -> None:
    op.drop_table("effects", schema="probe")
    op.drop_table("receipts", schema="probe")
'''


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    (folder / "versions" / "2026_01_01_first.py").write_text(MIGRATION)
    metadata = sa.MetaData(schema="probe")
    receipts_table(metadata)
    sa.Table("effects", metadata, sa.Column("value", sa.Text, primary_key=True))
    return Owner("probe", metadata, folder)


@pytest.fixture
async def database(database_dsn: str, owner: Owner) -> AsyncIterator[Database]:
    await upgrade(database_dsn, [owner])
    async with Database.open(database_dsn, application_name="test", max_size=8) as database:
        yield database


def item(event_id: str, value: str, store_id: int = 1) -> OnceItem[str]:
    return OnceItem(store_id, event_id, value.encode(), value)


async def record(connection: Connection, items: Sequence[OnceItem[str]]) -> list[Outcome]:
    """Insert each value; "bad" is refused."""
    outcomes: list[Outcome] = []
    for one in items:
        if one.command == "bad":
            outcomes.append(InvalidInput("bad"))
            continue
        await connection.execute("INSERT INTO probe.effects VALUES ($1)", one.command)
        outcomes.append(f"did {one.command}".encode())
    return outcomes


async def test_a_repeat_gets_the_first_answer(database: Database) -> None:
    once = Once(database, "probe")
    first = await once.run("Do", [item("a", "1"), item("b", "2"), item("a", "1")], record)
    assert first == [b"did 1", b"did 2", b"did 1"]
    assert await once.run("Do", [item("b", "2"), item("c", "3")], record) == [b"did 2", b"did 3"]
    assert await once.count(1) == {"Do": 3}


async def test_other_content_under_a_used_event_id_is_refused(database: Database) -> None:
    once = Once(database, "probe")
    await once.run("Do", [item("a", "1")], record)
    outcome = (await once.run("Do", [item("a", "other")], record))[0]
    assert isinstance(outcome, Conflict)
    assert outcome.reason == "EVENT_ID_REUSED"


async def test_what_a_version_before_kept_is_the_same_content(database: Database) -> None:
    once = Once(database, "probe")
    await once.run("Do", [item("a", "1")], record)
    grown = OnceItem(1, "a", b"as it is told apart now", "1", (b"and in between", b"1"))
    other = OnceItem(1, "a", b"something else", "2", (b"2",))
    assert await once.run("Do", [grown], record) == [b"did 1"]
    assert isinstance((await once.run("Do", [other], record))[0], Conflict)


async def test_a_refused_item_leaves_no_receipt(database: Database) -> None:
    once = Once(database, "probe")
    outcomes = await once.run("Do", [item("a", "bad"), item("b", "2")], record)
    assert isinstance(outcomes[0], InvalidInput)
    assert outcomes[1] == b"did 2"
    assert await once.count(1) == {"Do": 1}


async def test_a_repeat_that_would_be_refused_now_gets_the_first_answer(database: Database) -> None:
    once = Once(database, "probe")
    await once.run("Do", [item("a", "1")], record)

    async def refuse(_connection: Connection, items: Sequence[OnceItem[str]]) -> list[Outcome]:
        return [InvalidInput("no longer") for _ in items]

    async def fail(_connection: Connection, _items: Sequence[OnceItem[str]]) -> list[Outcome]:
        raise InvalidInput("no longer")

    assert await once.run("Do", [item("a", "1")], refuse) == [b"did 1"]
    assert await once.run("Do", [item("a", "1")], fail) == [b"did 1"]
    with pytest.raises(InvalidInput):
        await once.run("Do", [item("b", "2")], fail)


async def test_rows_that_come_with_outcomes_are_written_once(database: Database) -> None:
    once = Once(database, "probe")
    effects = Append("probe", "effects", {"value": "text"})

    async def record_rows(_connection: Connection, items: Sequence[OnceItem[str]]) -> Done:
        return Done([one.command.encode() for one in items], [(effects, [(one.command,) for one in items])])

    first = [item(f"e{number}", f"v{number}") for number in range(300)]
    for _ in range(2):
        assert await once.run("Do", first, record_rows) == [one.command.encode() for one in first]
    mixed = [item("e1", "v1"), item("new", "v300")]
    assert await once.run("Do", mixed, record_rows) == [b"v1", b"v300"]
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM probe.effects") == 301


async def test_the_same_event_id_is_free_in_another_store(database: Database) -> None:
    once = Once(database, "probe")
    await once.run("Do", [item("a", "1"), item("a", "2", store_id=2)], record)
    assert await once.count(2) == {"Do": 1}


@pytest.mark.slow
async def test_writers_of_the_same_events_at_once_do_them_once(database: Database) -> None:
    once = Once(database, "probe")
    forward = [item(f"e{i}", f"v{i}") for i in range(40)]
    runs = [once.run("Do", forward if i % 2 else forward[::-1], record) for i in range(3)]
    answers = await asyncio.gather(*runs)
    assert {tuple(sorted(str(a) for a in answer)) for answer in answers} == {tuple(sorted(str(a) for a in answers[0]))}
    assert await once.count(1) == {"Do": 40}


async def test_an_owner_goes_up_and_down_and_equals_its_tables(database_dsn: str, owner: Owner) -> None:
    assert await pending(database_dsn, [owner]) == {"probe": ["2026_01_01_first"]}
    await upgrade(database_dsn, [owner])
    await upgrade(database_dsn, [owner])
    assert await pending(database_dsn, [owner]) == {}
    assert await differences(database_dsn, owner) == []
    await downgrade(database_dsn, owner, "base")
    assert await pending(database_dsn, [owner]) == {"probe": ["2026_01_01_first"]}
    await upgrade(database_dsn, [owner])


async def test_a_table_that_code_lacks_is_told(database_dsn: str, owner: Owner) -> None:
    await upgrade(database_dsn, [owner])
    async with Database.open(database_dsn, application_name="test") as database, database.transaction() as connection:
        await connection.execute("ALTER TABLE probe.effects ADD COLUMN extra bigint")
    assert "extra" in str(await differences(database_dsn, owner))

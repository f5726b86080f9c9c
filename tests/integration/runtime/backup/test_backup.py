"""A backup of a database in use is of one moment, and what is restored from it is proven to be it."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from integration.orchestrator.rig import KEYRING, SEALER, delivery
from kiki.council.syncshield.domain import AuditEntry, AuditKind
from kiki.council.syncshield.service.audit import AuditService
from kiki.kit.clock import SystemClock
from kiki.kit.database import Database
from kiki.kit.errors import Conflict, FailedPrecondition, InvalidInput, InvariantBroken
from kiki.kit.sealing import Keyring
from kiki.orchestrator.events.log import LogEvent, append
from kiki.orchestrator.inbox.bodies import open_body
from kiki.orchestrator.inbox.deliveries import store_deliveries
from kiki.runtime.backup import restoring, tools
from kiki.runtime.backup.aftermath import EVENTS_PASSED_OVER
from kiki.runtime.backup.manifest import DUMP, MANIFEST, Manifest, read_manifest
from kiki.runtime.backup.saving import save
from kiki.runtime.backup.tools import without_password

pytestmark = pytest.mark.slow

NOW = dt.datetime.now(dt.UTC)
_MESSAGE = """
INSERT INTO syncengage.messages (store_id, message_id, flow_id, customer_key, channel, template, marketing, status,
                                 send_at, expires_at)
VALUES (1, $1, 1, 'c', 1, 't', false, $2, $3, $3)
"""


async def value(dsn: str, query: str, *arguments: Any) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query, *arguments)
    finally:
        await connection.close()


async def store(database: Database, first: int, count: int) -> None:
    async with database.transaction() as connection:
        await store_deliveries(connection, SEALER, [delivery(1, n) for n in range(first, first + count)])


async def audit(database: Database, store_id: int, count: int) -> None:
    service = AuditService(database, SystemClock(), verify_page=10)
    entries = [
        AuditEntry(store_id=store_id, event_id=f"e{n}", kind=AuditKind.DATA_ACCESS, actor="user:1", action="read")
        for n in range(count)
    ]
    await service.append(entries)


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[Database]:
    async with Database.open(dsn, application_name="test", max_size=4) as database:
        yield database


async def restored(dsn: str, folder: Path, keyring: Keyring = KEYRING) -> restoring.Restored:
    return await restoring.restore(dsn, restoring.check(folder, keyring), folder)


async def test_a_backup_under_load_is_of_one_moment(migrated_dsn: str, database_dsn: str, tmp_path: Path) -> None:
    stop, stored = asyncio.Event(), 0

    async def load(database: Database) -> None:
        nonlocal stored
        while not stop.is_set():
            await store(database, stored, 20)
            stored += 20
            await asyncio.sleep(0)

    async with opened(migrated_dsn) as database:
        await audit(database, 1, 25)
        await store(database, 1_000_000, 20)
        loading = asyncio.create_task(load(database))
        while stored < 40:
            await asyncio.sleep(0.01)
        before = stored
        heard: list[tuple[int, int, str]] = []
        manifest = await save(migrated_dsn, KEYRING, tmp_path / "b", lambda *done: heard.append(done))
        stop.set()
        await loading
    assert stored > before, "nothing waits for a backup"
    done = await restored(database_dsn, tmp_path / "b")
    counts = {name: manifest.tables[f"inbox.{name}"] for name in ("deliveries", "delivery_keys", "queue")}
    assert len(set(counts.values())) == 1, counts
    assert 60 <= counts["queue"] < stored + 20
    assert await value(database_dsn, "SELECT count(*) FROM inbox.deliveries") == counts["queue"]
    assert (done.proven.audit_chains, done.proven.audit_links) == (1, 25)
    assert heard[-1][0] == heard[-1][1] == manifest.parts
    sealed = await value(database_dsn, "SELECT body FROM inbox.deliveries ORDER BY delivery_id LIMIT 1")
    assert msgspec.json.decode(open_body(SEALER, sealed, 1))["n"] == 1_000_000
    assert await value(database_dsn, "SELECT nextval('inbox.delivery_id_seq')") > counts["queue"]


async def test_a_backup_is_private_and_holds_no_key(migrated_dsn: str, tmp_path: Path) -> None:
    await save(migrated_dsn, KEYRING, tmp_path / "b")
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "b").iterdir()} == {
        DUMP: 0o600,
        MANIFEST: 0o600,
    }
    text = (tmp_path / "b" / MANIFEST).read_text()
    assert KEYRING.master(1).hex() not in text
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


async def test_nothing_is_written_over(migrated_dsn: str, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="exists already"):
        await save(migrated_dsn, KEYRING, tmp_path)
    await save(migrated_dsn, KEYRING, tmp_path / "b")
    with pytest.raises(Conflict) as refused:
        await restored(migrated_dsn, tmp_path / "b")
    assert refused.value.reason == "DATABASE_NOT_EMPTY"


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], None]:
    """Has a script run where `pg_dump` would."""

    def put(script: str) -> None:
        program = tmp_path_factory.mktemp("bin") / "pg_dump"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(tools, "bundled_program", lambda _name: str(program))

    return put


async def test_nothing_is_left_of_a_backup_that_fails(
    migrated_dsn: str, tmp_path: Path, instead: Callable[[str], None]
) -> None:
    instead("echo 'pg_dump: error: could not write to output file: No space left on device' >&2; exit 1")
    with pytest.raises(FailedPrecondition, match=r"pg_dump failed \(1\).*No space left on device") as failed:
        await save(migrated_dsn, KEYRING, tmp_path / "b")
    assert failed.value.reason == "BACKUP_FAILED"
    assert list(tmp_path.iterdir()) == []


async def test_an_interrupted_backup_leaves_nothing_and_ends_the_dump(
    migrated_dsn: str, tmp_path: Path, instead: Callable[[str], None]
) -> None:
    said = tmp_path / "pid"
    instead(f"echo $$ > {said}; exec sleep 600")
    saving = asyncio.create_task(save(migrated_dsn, KEYRING, tmp_path / "b"))
    async with asyncio.timeout(20):
        while not (said.exists() and said.read_text()):
            await asyncio.sleep(0.01)
    saving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saving
    assert list(tmp_path.iterdir()) == [said]
    with pytest.raises(ProcessLookupError):
        os.kill(int(said.read_text()), 0)


def test_the_password_is_not_among_the_arguments() -> None:
    dsn = "postgresql://kiki:p%40ss@/kiki?host=/run/kiki&sslmode=require"
    assert without_password(dsn) == ("postgresql://kiki@/kiki?host=/run/kiki&sslmode=require", "p@ss")
    assert without_password("postgresql://u@h:1/d?password=x%20y") == ("postgresql://u@h:1/d", "x y")
    assert without_password("postgres://h/d") == ("postgres://h/d", "")


async def test_an_empty_database_is_not_backed_up(database_dsn: str, tmp_path: Path) -> None:
    with pytest.raises(FailedPrecondition) as refused:
        await save(database_dsn, KEYRING, tmp_path / "b")
    assert refused.value.reason == "NOTHING_TO_BACK_UP"
    assert list(tmp_path.iterdir()) == []


async def test_a_damaged_backup_is_refused_before_anything_is_written(migrated_dsn: str, tmp_path: Path) -> None:
    await save(migrated_dsn, KEYRING, tmp_path / "b")
    dump = tmp_path / "b" / DUMP
    whole = dump.read_bytes()
    for broken in (whole[:-1], whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], b""):
        dump.write_bytes(broken)
        with pytest.raises(InvalidInput) as refused:
            restoring.check(tmp_path / "b", KEYRING)
        assert refused.value.reason == "BACKUP_DAMAGED"


async def test_other_keys_and_newer_tables_are_refused(migrated_dsn: str, tmp_path: Path) -> None:
    await save(migrated_dsn, KEYRING, tmp_path / "b")
    other = Keyring({1: os.urandom(32), 2: KEYRING.master(1)})
    for keyring in (None, other):
        with pytest.raises(FailedPrecondition) as refused:
            restoring.check(tmp_path / "b", keyring)
        assert refused.value.reason == "WRONG_SEALING_KEYS"
    rotated = Keyring({1: KEYRING.master(1), 2: os.urandom(32)})
    found = restoring.check(tmp_path / "b", rotated)
    newer = msgspec.structs.replace(found, revisions={**found.revisions, "inbox": "2099_01_01_wonder"})
    (tmp_path / "b" / MANIFEST).write_bytes(msgspec.json.encode(newer))
    with pytest.raises(FailedPrecondition, match="inbox at 2099_01_01_wonder") as refused:
        restoring.check(tmp_path / "b", KEYRING)
    assert refused.value.reason == "NEWER_TABLES"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}'])
def test_a_folder_that_is_no_backup_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(InvalidInput) as refused:
        read_manifest(tmp_path)
    assert refused.value.reason == "BAD_BACKUP"


async def test_a_restore_that_differs_is_told(migrated_dsn: str, database_dsn: str, tmp_path: Path) -> None:
    async with opened(migrated_dsn) as database:
        await store(database, 0, 3)
    manifest = await save(migrated_dsn, KEYRING, tmp_path / "b")
    said = {**manifest.tables, "inbox.queue": 4}
    with pytest.raises(InvariantBroken, match=r"inbox.queue had 4 rows and has 3") as told:
        await restoring.restore(database_dsn, msgspec.structs.replace(manifest, tables=said), tmp_path / "b")
    assert told.value.reason == "RESTORE_DIFFERS"


async def test_a_broken_audit_chain_is_told(migrated_dsn: str, database_dsn: str, tmp_path: Path) -> None:
    async with opened(migrated_dsn) as database:
        await audit(database, 1, 5)
        async with database.transaction() as connection:
            await connection.execute("ALTER TABLE syncshield.audit_events DISABLE TRIGGER USER")
            await connection.execute("UPDATE syncshield.audit_events SET actor = 'x' WHERE index = 2")
    await save(migrated_dsn, KEYRING, tmp_path / "b")
    with pytest.raises(InvariantBroken, match=r"audit chain of store 1.*at 2"):
        await restored(database_dsn, tmp_path / "b")


async def test_what_the_world_may_have_seen_already_is_not_told_again(
    migrated_dsn: str, database_dsn: str, tmp_path: Path
) -> None:
    async with opened(migrated_dsn) as database, database.transaction() as connection:
        await append(connection, [LogEvent(1, "t", "s", b"", NOW)])
        await connection.execute(_MESSAGE, 1, 1, NOW - dt.timedelta(hours=1))
        await connection.execute(_MESSAGE, 2, 1, NOW + dt.timedelta(days=1))
        await connection.execute(_MESSAGE, 3, 3, NOW - dt.timedelta(hours=1))
        used = await connection.fetchval("SELECT nextval('syncengage.identifiers')")
    await save(migrated_dsn, KEYRING, tmp_path / "b")
    done = await restored(database_dsn, tmp_path / "b")
    assert done.aftermath.messages_cancelled == 1
    states = "SELECT string_agg(status || reason, ' ' ORDER BY message_id) FROM syncengage.messages"
    assert await value(database_dsn, states) == "7RESTORED 1 3"
    async with opened(database_dsn) as database, database.transaction() as connection:
        await append(connection, [LogEvent(1, "t", "s", b"", NOW)])
    assert await value(database_dsn, "SELECT max(seq) FROM events.log") == 2 + EVENTS_PASSED_OVER
    assert await value(database_dsn, "SELECT nextval('syncengage.identifiers')") > used + 500_000


def test_a_server_that_is_too_old_to_be_restored_into_is_told() -> None:
    restoring.check_server(170_000, "17.0")
    with pytest.raises(FailedPrecondition, match=r"17 or newer, this is 16\.9") as refused:
        restoring.check_server(160_009, "16.9")
    assert refused.value.reason == "OLD_DATABASE"


def test_a_manifest_says_how_many_rows_there_are() -> None:
    one = Manifest(
        format=1, made_at="", version="", server="", revisions={}, tables={"a.b": 2, "a.c": 3}, parts=2,
        audit_heads={}, keys={}, bytes=0, sha256="",
    )  # fmt: skip
    assert one.rows == 5

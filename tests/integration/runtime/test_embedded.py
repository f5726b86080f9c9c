"""The embedded PostgreSQL: made, adopted, restarted, stopped, and refused when it is another version's."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from kiki.kit.errors import FailedPrecondition
from kiki.runtime.embedded import process
from kiki.runtime.embedded.account import Account, check_reachable
from kiki.runtime.embedded.cluster import Passwords, check_version, prepare, socket_folder, told_failure
from kiki.runtime.embedded.server import EmbeddedPostgres, plan

pytestmark = pytest.mark.slow

_PASSWORDS = Passwords(role="role's password", admin="admin")


@pytest.fixture
def folder() -> Iterator[Path]:
    with _folder() as empty:
        yield empty


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A folder with a data folder that was made once, and has never been served from: for copies."""
    with _folder() as folder:
        prepare(plan(folder, _PASSWORDS))
        yield folder


@pytest.fixture
def served(folder: Path, made: Path) -> Path:
    """A folder as a program leaves it that made its data folder and ended: a copy, owners and all."""
    source = made / "postgres"
    shutil.copytree(source, folder / "postgres")
    for name in (source, *source.rglob("*")):
        owner = name.stat()
        os.chown(folder / name.relative_to(made), owner.st_uid, owner.st_gid)
    return folder


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kiki-embedded-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


async def _ask(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_the_role_of_the_program_is_no_superuser(folder: Path) -> None:
    async with EmbeddedPostgres.open(folder, _PASSWORDS) as server:
        assert server.created
        assert await _ask(server.dsn, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        assert await _ask(server.dsn, "SHOW listen_addresses") == ""
        assert await _ask(server.dsn, "SHOW synchronous_commit") == "on"
        locale = "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = current_database()"
        assert await _ask(server.dsn, locale) == "bC.UTF-8"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await _ask(server.dsn.replace("password", "guess"), "SELECT 1")


async def test_data_and_socket_are_private(made: Path, served: Path) -> None:
    assert stat.S_IMODE((made / "postgres").stat().st_mode) == 0o700
    async with EmbeddedPostgres.open(served, _PASSWORDS) as server:
        assert stat.S_IMODE(socket_folder(served / "postgres").stat().st_mode) == 0o700
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0


async def test_data_outlives_the_server(served: Path) -> None:
    async with EmbeddedPostgres.open(served, _PASSWORDS) as server:
        await _ask(server.dsn, "CREATE TABLE kept (n int)")
    async with EmbeddedPostgres.open(served, _PASSWORDS) as server:
        assert not server.created
        assert await _ask(server.dsn, "SELECT count(*) FROM kept") == 0


async def test_a_killed_server_is_started_again(served: Path) -> None:
    async with EmbeddedPostgres.open(served, _PASSWORDS) as server:
        watching = asyncio.create_task(server.run())
        before = server.pid
        os.kill(before, signal.SIGKILL)
        async with asyncio.timeout(20):
            while server.pid == before:
                await asyncio.sleep(0.05)
        assert await _ask(server.dsn, "SELECT 1") == 1
        watching.cancel()


async def test_a_server_that_was_left_behind_is_adopted_and_stopped(served: Path) -> None:
    cluster = plan(served, _PASSWORDS)
    prepare(cluster)
    left = process.start(cluster)
    async with EmbeddedPostgres.open(served, _PASSWORDS) as server:
        assert server.adopted
        assert server.pid == left.pid
        assert await _ask(server.dsn, "SELECT 1") == 1
        assert left.alive()
    async with asyncio.timeout(20):  # Its memory, and with it its name, goes a moment before it can be reaped.
        while left.alive():
            await asyncio.sleep(0.05)


def test_another_major_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("17\n")
    with pytest.raises(FailedPrecondition, match=r"PostgreSQL 17.*pg_upgrade"):
        check_version(tmp_path)


def test_a_long_path_gets_a_short_socket_folder(tmp_path: Path) -> None:
    folder = socket_folder(tmp_path / ("deep" * 30) / "postgres")
    assert len(os.fsencode(folder / ".s.PGSQL.5432")) <= 107


def test_a_folder_that_is_closed_to_the_user_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    stranger = Account(name="stranger", uid=54321, gid=54321, switch=True)
    with pytest.raises(FailedPrecondition, match=r"closed to user stranger.*KIKI_DATA_DIR"):
        check_reachable(tmp_path / "inside", stranger)


def test_a_program_that_failed_is_told_by_what_failed() -> None:
    full = "No space left on device"
    text = f"ERROR:  could not write to file: {full}\nPANIC:  cannot abort\ninitdb: removing data directory"
    assert told_failure(text) == f"ERROR:  could not write to file: {full}"
    assert told_failure(f"creating\ninitdb: error: could not write: {full}\nremoving").endswith(full)
    assert told_failure("first\nlast\n") == "last"
    assert told_failure("") == "no output"

"""The pool outlives connections; failures have a kind."""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg
import pytest
from asyncpg.types import ServerVersion

from kiki.kit.database import Database, check_server, connecting_failure
from kiki.kit.errors import FailedPrecondition, InvalidInput, KikiError, Unavailable
from kiki.orchestrator.inbox.failures import database_away


@dataclass(frozen=True)
class Answering:
    """As much of a connection as is asked for its server's version."""

    version: ServerVersion

    def get_server_version(self) -> ServerVersion:
        return self.version


def _unaccepted(why: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = why
    return error


async def test_a_block_that_raises_rolls_back(database_dsn: str) -> None:
    async with Database.open(database_dsn, application_name="test") as database:
        async with database.connection() as connection:
            await connection.execute("CREATE TABLE t (n int)")
        with pytest.raises(ValueError, match="stop"):
            await _insert_and_stop(database)
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM t") == 0


async def test_a_killed_connection_is_unavailable_and_the_next_one_works(database_dsn: str) -> None:
    async with Database.open(database_dsn, application_name="test", max_size=2) as database:
        with pytest.raises(Unavailable):
            await _lose_the_connection(database)
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_json_goes_in_and_out_as_values(database_dsn: str) -> None:
    async with Database.open(database_dsn, application_name="test") as database, database.connection() as connection:
        assert await connection.fetchval("SELECT $1::jsonb", {"emoji": "🛒", "n": [1, None]}) == {
            "emoji": "🛒",
            "n": [1, None],
        }


async def test_a_relaxed_pool_waits_for_the_disk_where_it_is_told_to(database_dsn: str) -> None:
    async with Database.open(database_dsn, application_name="test", relaxed=True) as database:
        async with database.transaction() as connection:
            assert await connection.fetchval("SHOW synchronous_commit") == "off"
        async with database.transaction(durable=True) as connection:
            assert await connection.fetchval("SHOW synchronous_commit") == "on"
        async with database.transaction() as connection:
            assert await connection.fetchval("SHOW synchronous_commit") == "off"


async def _insert_and_stop(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO t VALUES (1)")
        raise ValueError("stop")


async def _lose_the_connection(database: Database) -> None:
    async with database.transaction() as connection:
        await _terminate(database.dsn, await connection.fetchval("SELECT pg_backend_pid()"))
        await connection.execute("SELECT 1")


async def _terminate(dsn: str, pid: int) -> None:
    other = await asyncpg.connect(dsn)
    await other.execute("SELECT pg_terminate_backend($1)", pid)
    await other.close()


async def test_a_server_that_is_away_at_first_is_waited_for(database_dsn: str) -> None:
    port = _free_port()
    opening = asyncio.create_task(_name_of(_through(port, database_dsn), patience_seconds=30))
    await asyncio.sleep(0.3)
    assert not opening.done()
    async with await asyncio.start_server(_forward_to(database_dsn), "127.0.0.1", port):
        assert await opening == urlsplit(database_dsn).path.removeprefix("/")


async def test_patience_ends_with_a_reason(database_dsn: str) -> None:
    with pytest.raises(Unavailable, match="cannot be reached: ") as raised:
        await _name_of(_through(_free_port(), database_dsn), patience_seconds=0.2)
    assert raised.value.reason == "DATABASE_UNAVAILABLE"


async def test_what_waiting_cannot_mend_is_raised_at_once(database_dsn: str) -> None:
    other = urlunsplit(urlsplit(database_dsn)._replace(path="/there_is_none"))
    with pytest.raises(FailedPrecondition, match='database "there_is_none" does not exist; see DATABASE_URL') as raised:
        await _name_of(other, patience_seconds=600)
    assert raised.value.reason == "DATABASE_ACCESS"


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        pytest.param(
            ConnectionRefusedError(111, "Connect call failed"), Unavailable, "reached: Connect call", id="port"
        ),
        pytest.param(TimeoutError(), Unavailable, "no answer in time", id="silent"),
        pytest.param(ConnectionError("server rejected SSL upgrade"), Unavailable, "rejected SSL upgrade", id="no-tls"),
        pytest.param(
            _unaccepted("certificate has expired"), Unavailable, "accepted: certificate has expired", id="tls"
        ),
        pytest.param(asyncpg.TooManyConnectionsError("no slot"), Unavailable, "reached: no slot", id="full"),
        pytest.param(asyncpg.InvalidPasswordError("wrong"), FailedPrecondition, "refuses: wrong", id="password"),
        pytest.param(asyncpg.InsufficientPrivilegeError("not you"), FailedPrecondition, "refuses: not", id="privilege"),
        pytest.param(
            asyncpg.exceptions.ClientConfigurationError("no root.crt\nHINT"),
            InvalidInput,
            "used: no root.crt$",
            id="url",
        ),
        pytest.param(
            ValueError("invalid literal: 'hunter2'"), InvalidInput, "cannot be read; postgresql://", id="junk"
        ),
    ],
)
def test_why_a_connection_failed_is_told_in_words(error: Exception, kind: type[KikiError], says: str) -> None:
    failure = connecting_failure(error)
    assert type(failure) is kind
    assert re.search(says, failure.message)
    assert "hunter2" not in failure.message


@pytest.mark.parametrize(("version", "fits"), [((15, 20), False), ((16, 0), True), ((18, 4), True)])
def test_a_server_that_is_too_old_is_refused(version: tuple[int, int], fits: bool) -> None:
    answering = Answering(ServerVersion(version[0], 0, micro=version[1], releaselevel="final", serial=0))
    if fits:
        check_server(answering)
        return
    with pytest.raises(FailedPrecondition, match=r"PostgreSQL 15\.20 answers at DATABASE_URL; 16 or newer") as refused:
        check_server(answering)
    assert refused.value.reason == "OLD_DATABASE"


async def _name_of(dsn: str, *, patience_seconds: float) -> str:
    async with (
        Database.open(dsn, application_name="test", patience_seconds=patience_seconds) as database,
        database.connection() as connection,
    ):
        return str(await connection.fetchval("SELECT current_database()"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _through(port: int, dsn: str) -> str:
    parts = urlsplit(dsn)
    credentials = f"{parts.username or 'postgres'}" + (f":{parts.password}" if parts.password else "")
    return urlunsplit(parts._replace(netloc=f"{credentials}@127.0.0.1:{port}", query=""))


def _forward_to(dsn: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    parts = urlsplit(dsn)
    folder = parse_qs(parts.query).get("host", [""])[0]

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if folder.startswith("/"):
            port = parse_qs(parts.query).get("port", [str(parts.port or 5432)])[0]
            theirs = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{port}")
        else:
            theirs = await asyncio.open_connection(parts.hostname, parts.port)
        await asyncio.gather(_copy(reader, theirs[1]), _copy(theirs[0], writer))

    return forward


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.mark.parametrize("code", [pytest.param("53100", id="disk full"), pytest.param("25006", id="a standby")])
async def test_a_server_that_cannot_write_is_no_fault_of_the_work(database_dsn: str, code: str) -> None:
    statement = f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END $$"
    async with Database.open(database_dsn, application_name="test") as database:
        with pytest.raises(Unavailable) as told:
            await _execute(database, statement)
    assert told.value.reason == "DATABASE_UNAVAILABLE"
    assert database_away(told.value)


async def _execute(database: Database, statement: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(statement)


async def test_a_full_disk_is_waited_for_at_the_start(database_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create, tried = asyncpg.create_pool, 0

    async def at_first_full(*arguments: object, **settings: object) -> object:
        nonlocal tried
        tried += 1
        if tried < 3:
            raise asyncpg.DiskFullError("could not write init file: No space left on device")
        return await create(*arguments, **settings)  # type: ignore[misc, call-overload]

    monkeypatch.setattr(asyncpg, "create_pool", at_first_full)
    async with Database.open(database_dsn, application_name="test") as database, database.connection() as connection:
        assert await connection.fetchval("SELECT 1") == 1
    assert tried == 3

"""PostgreSQL: one pool per process, explicit transactions, plain SQL with numbered parameters.

Tables are declared with SQLAlchemy Core (one definition, for migrations and their check); statements are SQL text
run by asyncpg, set-based, on the transaction that the use case opened.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import msgspec

from kiki.kit.arrays import take_lists_for_arrays
from kiki.kit.clock import monotonic
from kiki.kit.errors import FailedPrecondition, InvalidInput, KikiError, Unavailable
from kiki.kit.logging import get_logger

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    Record: TypeAlias = asyncpg.Record
    _Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:
    Connection = Any
    Record = Any
    _Pool = Any

_log = get_logger(__name__)

_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 2.0

LOOK_UPS_BY_INDEX = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}
"""Server settings for pools whose batches look up a few hundred keys: left alone, the planner hashes whole tables."""

UNREACHABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.DiskFullError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
)
"""What asyncpg raises when the server is away, going away, or unable to write, because its disk is full or it is a
standby that is not promoted yet. The work can be tried again on a new connection.

The last one comes from a connection that was told of its end and has not been closed yet.
"""

CONNECTING = (*UNREACHABLE, asyncpg.PostgresError, ValueError)
"""What asyncpg raises when it cannot connect; `connecting_failure` says it in words."""

OLDEST_MAJOR_VERSION = 16
NO_ACCESS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)
"""Who asks is not let in, there is no such database, it may not be used: waiting mends none of it."""


class Database:
    """A pool of connections to one PostgreSQL."""

    def __init__(self, pool: _Pool, dsn: str, *, relaxed: bool = False) -> None:
        self._pool = pool
        self._relaxed = relaxed
        self.dsn = dsn

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        dsn: str,
        *,
        application_name: str,
        max_size: int = 10,
        min_size: int = 1,
        statement_timeout_ms: int = 30_000,
        lock_timeout_ms: int = 10_000,
        relaxed: bool = False,
        server_settings: dict[str, str] | None = None,
        patience_seconds: float = 30.0,
    ) -> AsyncIterator[Database]:
        """A pool for the time of the block. Connections come and go; a server that restarts is met again.

        A server that is away at first, or still starting, is waited for; raises `Unavailable` after `patience_seconds`,
        and at once what `connecting_failure` makes of an error that waiting does not mend, such as a wrong password.

        `relaxed` transactions do not wait for their WAL to reach the disk (`synchronous_commit = off`): a crash of the
        server may take back the newest of them, and then everything later as well, since WAL is one sequence. It is for
        work that an earlier, flushed row makes happen again (docs/decisions/0004-flush-what-was-promised.md).
        """
        settings = {
            "application_name": application_name,
            "statement_timeout": str(statement_timeout_ms),
            "lock_timeout": str(lock_timeout_ms),
            "idle_in_transaction_session_timeout": "60000",
            "timezone": "UTC",
            "jit": "off",
            **({"synchronous_commit": "off"} if relaxed else {}),
            **(server_settings or {}),
        }

        async def create() -> _Pool:
            return await asyncpg.create_pool(
                dsn,
                min_size=min_size,
                max_size=max_size,
                server_settings=settings,
                init=_prepare,
                reset=_as_it_is,
                command_timeout=60,
            )

        take_lists_for_arrays()
        pool = await _patiently(create, application_name, patience_seconds)
        try:
            yield cls(pool, dsn, relaxed=relaxed)
        finally:
            await _close(pool)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection outside a transaction. Raises `Unavailable` when the server cannot be reached."""
        async with self._acquired() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self, *, durable: bool = False) -> AsyncIterator[Connection]:
        """One transaction: commits at the end of the block, rolls back when it raises.

        `durable` waits for the disk even on a relaxed pool: for what is about to have an effect elsewhere.
        Raises `Unavailable` when the server cannot be reached; a commit whose answer was lost also raises it,
        so what runs in here can run twice without harm.
        """
        async with self._acquired() as connection, connection.transaction():
            if durable and self._relaxed:
                await connection.execute("SET LOCAL synchronous_commit TO on")
            yield connection

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.acquire(timeout=10) as connection:
                yield connection
        except TimeoutError as error:
            raise Unavailable("no database connection became free in time", reason="DATABASE_BUSY") from error
        except UNREACHABLE as error:
            raise Unavailable(
                f"the database cannot be reached ({type(error).__name__})", reason="DATABASE_UNAVAILABLE"
            ) from error


async def _patiently(create: Callable[[], Awaitable[_Pool]], application_name: str, patience_seconds: float) -> _Pool:
    """The pool as soon as the server takes connections; what waiting does not mend is raised at once."""
    give_up_at, pause = monotonic() + patience_seconds, _FIRST_WAIT_SECONDS
    while True:
        try:
            return await create()
        except CONNECTING as error:
            failure = connecting_failure(error)
            if not isinstance(failure, Unavailable) or monotonic() + pause > give_up_at:
                raise failure from error
            _log.warning(
                "waiting_for_database",
                connection=application_name,
                error=type(error).__name__,
                why=failure.message,
                retry_seconds=pause,
            )
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_WAIT_SECONDS)


def connecting_failure(error: Exception) -> KikiError:
    """What a connection failed of, in the words of who refused it. They never hold the password."""
    if isinstance(error, NO_ACCESS):
        return FailedPrecondition(f"the database refuses: {_words(error)}; see DATABASE_URL", reason="DATABASE_ACCESS")
    if isinstance(error, ssl.SSLCertVerificationError):
        told = f"the database's certificate is not accepted: {error.verify_message}"
        return Unavailable(f"{told}; see sslmode and sslrootcert in DATABASE_URL", reason="DATABASE_UNAVAILABLE")
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        return InvalidInput(f"DATABASE_URL cannot be used: {_words(error)}", reason="BAD_SETTINGS")
    if isinstance(error, ValueError):  # Its words may hold what stands where an address should.
        wanted = "postgresql://user:password@host:port/database"
        return InvalidInput(f"DATABASE_URL cannot be read; {wanted} is wanted", reason="BAD_SETTINGS")
    return Unavailable(f"the database cannot be reached: {_words(error)}", reason="DATABASE_UNAVAILABLE")


def check_server(connection: Connection) -> None:
    """Raise `FailedPrecondition` (`OLD_DATABASE`) for a server that is too old."""
    version = connection.get_server_version()
    if version.major < OLDEST_MAJOR_VERSION:
        raise FailedPrecondition(
            f"PostgreSQL {version.major}.{version.micro} answers at DATABASE_URL; {OLDEST_MAJOR_VERSION} or newer is"
            " wanted",
            reason="OLD_DATABASE",
        )


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return text.partition("\n")[0] or type(error).__name__


async def _as_it_is(_connection: Connection) -> None:
    """No reset between uses: nobody here changes a session's state outside a transaction, and it costs a round trip."""


async def _prepare(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_encode_json, decoder=msgspec.json.decode, format="text"
    )


def _encode_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


async def _close(pool: _Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), timeout=5)
    except (TimeoutError, *UNREACHABLE):
        pool.terminate()

"""Idempotency of agents: each mutation is done once per `event_id`, and its first answer is given again.

A receipt is written in the same transaction as the effect. The same `event_id` with other content is refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import asyncpg
import msgspec

from kiki.kit.bulk import Append, Rows, append_rows
from kiki.kit.database import Connection, Database
from kiki.kit.errors import Conflict, KikiError, Unavailable

if TYPE_CHECKING:
    import sqlalchemy as sa

T = TypeVar("T")
Outcome = bytes | KikiError
_ATTEMPTS = 8
_COLUMNS = {"store_id": "bigint", "event_id": "text", "method": "text", "digest": "bytea", "response": "bytea"}
_RACES = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)


class OnceItem(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """One mutation: its key, the digest of its declared fields, and the command itself."""

    store_id: int
    event_id: str
    digest: bytes
    command: T
    former: tuple[bytes, ...] = ()
    """Digests that versions before this one gave the same command (`grown_digests`): their receipts stand."""


class Done(msgspec.Struct, frozen=True, gc=False):
    """Outcomes of items, and rows that belong to them; these are written in one statement with the receipts."""

    outcomes: Sequence[Outcome]
    rows: Sequence[tuple[Append, Rows]] = ()


Work = Callable[[Connection, Sequence[OnceItem[T]]], Awaitable[Sequence[Outcome] | Done]]


class Part(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """Mutations of one method, among others in one transaction."""

    method: str
    items: Sequence[OnceItem[T]]
    work: Work[T]


def receipts_table(metadata: sa.MetaData) -> sa.Table:
    """The table `receipts` in the metadata's schema."""
    import sqlalchemy as sa

    return sa.Table("receipts", metadata, *_table())


def create_receipts_table(schema: str) -> None:
    """The same table inside a migration."""
    from alembic import op

    op.create_table("receipts", *_table(), schema=schema)


def _table() -> list[sa.schema.SchemaItem]:
    """Imported here and not above: a process that only serves pays neither time nor memory for it."""
    import sqlalchemy as sa

    return [
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("store_id", "event_id", name="receipts_pkey"),
    ]


class _Known(Exception):
    """A batch that was taken for new may hold events that are known: it starts over and looks them up."""


class Once:
    """Runs batches of mutations of one agent, each item at most once."""

    def __init__(self, database: Database, schema: str) -> None:
        self._database = database
        self._schema = schema
        self._receipts = Append(schema, "receipts", _COLUMNS)
        self._find = (
            f"SELECT r.store_id, r.event_id, r.digest, r.response FROM unnest($1::bigint[], $2::text[]) AS k(s, e)"
            f' JOIN "{schema}".receipts r ON r.store_id = k.s AND r.event_id = k.e'
        )
        self._count = (
            f'SELECT method, count(*) FROM "{schema}".receipts WHERE store_id = $1 GROUP BY method ORDER BY method'
        )

    async def run(
        self, method: str, items: Sequence[OnceItem[T]], work: Work[T], *, durable: bool = False
    ) -> list[Outcome]:
        """An outcome per item, in order. `work` sees only items whose event id is new, each once.

        It runs in one transaction; what it returns as bytes is the item's answer for ever, what it returns as an
        error is not kept. `durable` is for calls that nothing would make happen again. Two writers of one event id at
        the same moment: the later one starts over and finds it.

        A batch is first taken for new, which it nearly always is, and its receipts prove it: a repeat breaks their key,
        the whole attempt is rolled back and made again with the known events looked up. So `work` may run more than
        once, and only its last run counts.
        """
        if not items:
            return []
        try:
            return (await self._all_new([Part(method, items, work)], durable=durable))[0]
        except (_Known, *_RACES):
            return await self._looked_up(method, items, work, durable=durable)

    async def _looked_up(
        self, method: str, items: Sequence[OnceItem[T]], work: Work[T], *, durable: bool
    ) -> list[Outcome]:
        for attempt in range(1, _ATTEMPTS):
            try:
                return await self._attempt(method, items, work, alone=attempt > 1, durable=durable)
            except (_Known, *_RACES):
                continue
        raise Unavailable("the same events are being written elsewhere, try again", reason="EVENT_RACE")

    async def run_parts(self, parts: Sequence[Part[Any]]) -> list[list[Outcome]]:
        """`run` for several methods, one after another in one transaction; an outcome per item of each part.

        When one holds a known event or fails, each is run alone, in the same order.
        """
        try:
            return await self._all_new(parts, durable=False)
        except (_Known, *_RACES):
            return [await self._looked_up(part.method, part.items, part.work, durable=False) for part in parts]

    async def count(self, store_id: int) -> dict[str, int]:
        """Effects per method."""
        async with self._database.connection() as connection:
            return {row[0]: row[1] for row in await connection.fetch(self._count, store_id)}

    async def _all_new(self, parts: Sequence[Part[Any]], *, durable: bool) -> list[list[Outcome]]:
        """Without a look-up. An error is no proof of anything, since a repeat may well be refused: also `_Known`."""
        keys = [(item.store_id, item.event_id) for part in parts for item in part.items]
        if len(set(keys)) < len(keys):
            raise _Known
        done = []
        async with self._database.transaction(durable=durable) as connection:
            try:
                for part in parts:
                    done.append(await self._work(connection, part))
                    if any(isinstance(outcome, KikiError) for outcome in done[-1].outcomes):
                        raise _Known
                await self._keep(connection, parts, done)
            except (KikiError, asyncpg.IntegrityConstraintViolationError):
                raise _Known from None
        return [list(one.outcomes) for one in done]

    async def _attempt(
        self, method: str, items: Sequence[OnceItem[T]], work: Work[T], *, alone: bool, durable: bool
    ) -> list[Outcome]:
        async with self._database.transaction(durable=durable) as connection:
            if alone:  # who lost a race queues up, so that the losers do not race each other again
                await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", self._schema)
            known = await self._known(connection, items)
            fresh: dict[tuple[int, str], OnceItem[T]] = {}
            for item in items:
                key = (item.store_id, item.event_id)
                if key not in known:
                    fresh.setdefault(key, item)
            if fresh:
                outcomes = await self._do(connection, method, list(fresh.values()), work)
                for (key, item), outcome in zip(fresh.items(), outcomes, strict=True):
                    known[key] = (item.digest, outcome)
        return [_answer(item, known[item.store_id, item.event_id]) for item in items]

    async def _do(
        self, connection: Connection, method: str, fresh: Sequence[OnceItem[T]], work: Work[T]
    ) -> Sequence[Outcome]:
        """Work, then what belongs to it and the receipts of what was done."""
        part = Part(method, fresh, work)
        done = await self._work(connection, part)
        await self._keep(connection, [part], [done])
        return done.outcomes

    @staticmethod
    async def _work(connection: Connection, part: Part[Any]) -> Done:
        answer = await part.work(connection, part.items)
        done = answer if isinstance(answer, Done) else Done(answer)
        if len(done.outcomes) != len(part.items):
            raise RuntimeError(f"{part.method} answered {len(done.outcomes)} of {len(part.items)} items")
        return done

    async def _keep(self, connection: Connection, parts: Sequence[Part[Any]], done: Sequence[Done]) -> None:
        """Append the rows of all parts, those of a table together, and the receipts in key order."""
        rows: dict[Append, list[Sequence[object]]] = {}
        for one in done:
            for into, more in one.rows:
                rows.setdefault(into, []).extend(more)
        receipts = [
            (item.store_id, item.event_id, part.method, item.digest, outcome)
            for part, one in zip(parts, done, strict=True)
            for item, outcome in zip(part.items, one.outcomes, strict=True)
            if isinstance(outcome, bytes)
        ]
        receipts.sort()
        await append_rows(connection, [*rows.items(), (self._receipts, receipts)])

    async def _known(
        self, connection: Connection, items: Sequence[OnceItem[T]]
    ) -> dict[tuple[int, str], tuple[bytes, Outcome]]:
        rows = await connection.fetch(self._find, [item.store_id for item in items], [item.event_id for item in items])
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def _answer(item: OnceItem[T], first: tuple[bytes, Outcome]) -> Outcome:
    digest, outcome = first
    if digest == item.digest or digest in item.former:
        return outcome
    return Conflict("this event_id was used before with other content", reason="EVENT_ID_REUSED")

"""Idempotency of agents: each mutation is done once per `event_id`, and its first answer is given again.

A receipt is written in the same transaction as the effect. The same `event_id` with other content is refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import asyncpg
import sqlalchemy as sa
from alembic import op

from kiki.kit.database import Connection, Database
from kiki.kit.errors import Conflict, KikiError, Unavailable

T = TypeVar("T")
Outcome = bytes | KikiError
_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class OnceItem(Generic[T]):
    """One mutation: its key, the digest of its declared fields, and the command itself."""

    store_id: int
    event_id: str
    digest: bytes
    command: T


Work = Callable[[Connection, Sequence[OnceItem[T]]], Awaitable[Sequence[Outcome]]]


def receipts_table(metadata: sa.MetaData) -> sa.Table:
    """The table `receipts` in the metadata's schema."""
    return sa.Table("receipts", metadata, *_columns())


def create_receipts_table(schema: str) -> None:
    """The same table inside a migration."""
    op.create_table("receipts", *_columns(), schema=schema)


def _columns() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("store_id", "event_id", name="receipts_pkey"),
    ]


class Once:
    """Runs batches of mutations of one agent, each item at most once."""

    def __init__(self, database: Database, schema: str) -> None:
        self._database = database
        self._schema = schema
        self._find = (
            f"SELECT r.store_id, r.event_id, r.digest, r.response FROM unnest($1::bigint[], $2::text[]) AS k(s, e)"
            f' JOIN "{schema}".receipts r ON r.store_id = k.s AND r.event_id = k.e'
        )
        self._add = (
            f'INSERT INTO "{schema}".receipts (store_id, event_id, method, digest, response)'
            f" SELECT s, e, $3, d, r FROM unnest($1::bigint[], $2::text[], $4::bytea[], $5::bytea[]) AS u(s, e, d, r)"
        )
        self._count = (
            f'SELECT method, count(*) FROM "{schema}".receipts WHERE store_id = $1 GROUP BY method ORDER BY method'
        )

    async def run(
        self, method: str, items: Sequence[OnceItem[T]], work: Work[T], *, durable: bool = False
    ) -> list[Outcome]:
        """An outcome per item, in order. `work` sees only items whose event id is new, each once.

        It runs in one transaction; what it returns as bytes is the item's answer for ever, what it returns as an
        error is not kept. `durable` is for calls that nothing would make happen again.
        Two writers of one event id at the same moment: the later one starts over and finds it.
        """
        if not items:
            return []
        for attempt in range(_ATTEMPTS):
            try:
                return await self._attempt(method, items, work, alone=attempt > 0, durable=durable)
            except (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                continue
        raise Unavailable("the same events are being written elsewhere, try again", reason="EVENT_RACE")

    async def count(self, store_id: int) -> dict[str, int]:
        """Effects per method."""
        async with self._database.connection() as connection:
            return {row[0]: row[1] for row in await connection.fetch(self._count, store_id)}

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
                await self._do(connection, method, list(fresh.values()), known, work)
        return [_answer(item, known[item.store_id, item.event_id]) for item in items]

    async def _do(
        self,
        connection: Connection,
        method: str,
        fresh: list[OnceItem[T]],
        known: dict[tuple[int, str], tuple[bytes, Outcome]],
        work: Work[T],
    ) -> None:
        outcomes = await work(connection, fresh)
        if len(outcomes) != len(fresh):
            raise RuntimeError(f"{method} answered {len(outcomes)} of {len(fresh)} items")
        done: list[tuple[int, str, bytes, bytes]] = []
        for item, outcome in zip(fresh, outcomes, strict=True):
            known[item.store_id, item.event_id] = (item.digest, outcome)
            if isinstance(outcome, bytes):
                done.append((item.store_id, item.event_id, item.digest, outcome))
        if done:
            done.sort(key=lambda row: row[:2])
            stores, events, digests, responses = (list(column) for column in zip(*done, strict=True))
            await connection.execute(self._add, stores, events, method, digests, responses)

    async def _known(
        self, connection: Connection, items: Sequence[OnceItem[T]]
    ) -> dict[tuple[int, str], tuple[bytes, Outcome]]:
        rows = await connection.fetch(self._find, [item.store_id for item in items], [item.event_id for item in items])
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def _answer(item: OnceItem[T], first: tuple[bytes, Outcome]) -> Outcome:
    digest, outcome = first
    if digest == item.digest:
        return outcome
    return Conflict("this event_id was used before with other content", reason="EVENT_ID_REUSED")

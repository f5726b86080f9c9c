"""Addresses that mail servers refused as such, by store and blind index."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from kiki.kit.database import Connection


class NewBounce(msgspec.Struct, frozen=True, gc=False):
    """One refusal; `certain` when the server said that there is no such mailbox."""

    store_id: int
    email_index: bytes
    reason: str
    certain: bool


class BounceRow(msgspec.Struct, frozen=True, gc=False):
    """A refused address, with a person who has it, empty when nobody has it any more."""

    email_index: bytes
    refused_at: dt.datetime
    reason: str
    refusals: int
    suppressed: bool
    customer_key: str


class BounceRepository:
    """Reads and writes refusals."""

    async def note(self, connection: Connection, bounces: Sequence[NewBounce], now: dt.datetime) -> None:
        """Count refusals. What is not certain counts from the second one on."""
        folded = {(item.store_id, item.email_index): item for item in bounces}
        ordered = [folded[key] for key in sorted(folded)]
        if ordered:
            await connection.execute(
                "INSERT INTO syncengage.bounces AS b (store_id, email_index, refused_at, reason, refusals, suppressed)"
                " SELECT s, e, $5, r, 1, c FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::boolean[])"
                " AS u(s, e, r, c) ON CONFLICT (store_id, email_index) DO UPDATE SET refused_at = excluded.refused_at,"
                " reason = excluded.reason, refusals = b.refusals + 1, suppressed = true",
                [item.store_id for item in ordered],
                [item.email_index for item in ordered],
                [item.reason for item in ordered],
                [item.certain for item in ordered],
                now,
            )

    async def lift(self, connection: Connection, addresses: Sequence[tuple[int, bytes]]) -> int:
        """Forget refusals of these (store, blind index); how many there were."""
        ordered = sorted(set(addresses))
        done = await connection.execute(
            "DELETE FROM syncengage.bounces b USING unnest($1::bigint[], $2::bytea[]) AS u(s, e)"
            " WHERE b.store_id = u.s AND b.email_index = u.e",
            [store_id for store_id, _ in ordered],
            [index for _, index in ordered],
        )
        return int(done.rpartition(" ")[2])

    async def lift_store(self, connection: Connection, store_id: int) -> None:
        """Forget all of a store."""
        await connection.execute("DELETE FROM syncengage.bounces WHERE store_id = $1", store_id)

    async def bounced_at(self, connection: Connection, store_id: int, index: bytes | None) -> dt.datetime | None:
        """When an address was refused for good; None when marketing may go there."""
        found: dt.datetime | None = await connection.fetchval(
            "SELECT refused_at FROM syncengage.bounces WHERE store_id = $1 AND email_index = $2 AND suppressed",
            store_id,
            index,
        )
        return found

    async def list(
        self, connection: Connection, store_id: int, before: tuple[dt.datetime, bytes] | None, limit: int
    ) -> list[BounceRow]:
        """Newest first, after a place."""
        rows = await connection.fetch(
            "SELECT b.email_index, b.refused_at, b.reason, b.refusals, b.suppressed, coalesce((SELECT"
            "  min(c.customer_key) FROM syncengage.contacts c"
            "  WHERE c.store_id = b.store_id AND c.email_index = b.email_index), '')"
            " FROM syncengage.bounces b WHERE b.store_id = $1"
            " AND ($2::timestamptz IS NULL OR (b.refused_at, b.email_index) < ($2, $3::bytea))"
            " ORDER BY b.refused_at DESC, b.email_index DESC LIMIT $4",
            store_id,
            before[0] if before else None,
            before[1] if before else None,
            limit,
        )
        return [BounceRow(*row) for row in rows]

"""The only SQL of SyncCreate. Every function runs on the transaction of its caller."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kiki.council.synccreate.domain import (
    AdNetwork,
    Asset,
    Copy,
    Creative,
    CreativeType,
    Format,
    Product,
    RenderStatus,
)
from kiki.council.synccreate.rendering.job import Rendered
from kiki.kit.database import Connection, Record


@dataclass(slots=True)
class Head:
    """A creative and its newest version."""

    store_id: int
    creative_id: str
    product_id: str
    creative_type: CreativeType
    network: AdNetwork
    locale: str
    version: int
    copy: Copy | None = None
    product: Product | None = None


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to be written, with its pictures."""

    head: Head
    version: int
    copy: Copy
    product: Product
    cause: str
    writer: str
    assets: tuple[tuple[str, Format], ...]
    """(asset key, format), in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Job:
    """A version to be drawn."""

    store_id: int
    creative_id: str
    version: int
    attempts: int
    creative_type: CreativeType
    network: AdNetwork
    locale: str
    copy: Copy
    product: Product


_HEAD = (
    "c.store_id, c.creative_id, c.product_id, c.creative_type, c.ad_network, c.locale, c.version,"
    " v.headline, v.description, v.action, v.action_text, v.product"
)
_JOIN = "synccreate.creatives c JOIN synccreate.versions v USING (store_id, creative_id, version)"
_CREATIVE = (
    "c.store_id, c.creative_id, c.product_id, c.creative_type, c.ad_network, v.version, v.headline, v.description,"
    " v.action,"
    " v.action_text, v.status, v.failure, v.cause, v.writer, v.product->>'title', v.created_at, c.updated_at"
)


class CreativeRepository:
    """Reads and writes creatives, versions, pictures and jobs."""

    async def lock(self, connection: Connection, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Head]:
        """The creatives that exist, locked in key order."""
        ordered = sorted(set(keys))
        rows = await connection.fetch(
            f"SELECT {_HEAD} FROM {_JOIN} WHERE (c.store_id, c.creative_id) IN (SELECT * FROM unnest($1::bigint[],"
            f" $2::text[]))"
            " ORDER BY c.store_id, c.creative_id FOR UPDATE OF c",
            [key[0] for key in ordered],
            [key[1] for key in ordered],
        )
        return {(row[0], row[1]): _head(row) for row in rows}

    async def lock_by_product(
        self, connection: Connection, keys: Sequence[tuple[int, str]]
    ) -> dict[tuple[int, str], list[Head]]:
        """All creatives of products, locked in key order, by (store, product)."""
        ordered = sorted(set(keys))
        found: dict[tuple[int, str], list[Head]] = {key: [] for key in ordered}
        rows = await connection.fetch(
            f"SELECT {_HEAD} FROM {_JOIN} WHERE (c.store_id, c.product_id) IN (SELECT * FROM unnest($1::bigint[],"
            f" $2::text[]))"
            " ORDER BY c.store_id, c.creative_id FOR UPDATE OF c",
            [key[0] for key in ordered],
            [key[1] for key in ordered],
        )
        for row in rows:
            found[row[0], row[2]].append(_head(row))
        return found

    async def insert(self, connection: Connection, versions: Sequence[NewVersion], now: dt.datetime) -> None:
        """Write versions with their pictures and jobs. Older ones that still wait are superseded."""
        ordered = sorted(versions, key=lambda item: (item.head.store_id, item.head.creative_id, item.version))
        newest = {(item.head.store_id, item.head.creative_id): item for item in ordered}
        await self._supersede(connection, list(newest))
        await self._insert_heads(connection, list(newest.values()), now)
        current = set(map(id, newest.values()))
        await connection.execute(
            "INSERT INTO synccreate.versions (store_id, creative_id, version, headline, description, action,"
            " action_text,"
            " product, cause, writer, status, created_at) SELECT s, c, v, h, d, a, t, p::jsonb, k, w, st, $12"
            " FROM unnest($1::bigint[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[],"
            " $8::text[],"
            " $9::text[], $10::text[], $11::smallint[]) AS u(s, c, v, h, d, a, t, p, k, w, st)",
            [item.head.store_id for item in ordered],
            [item.head.creative_id for item in ordered],
            [item.version for item in ordered],
            [item.copy.headline for item in ordered],
            [item.copy.description for item in ordered],
            [item.copy.action for item in ordered],
            [item.copy.action_text for item in ordered],
            [msgspec.json.encode(item.product).decode() for item in ordered],
            [item.cause for item in ordered],
            [item.writer for item in ordered],
            [RenderStatus.PENDING if id(item) in current else RenderStatus.SUPERSEDED for item in ordered],
            now,
        )
        await self._insert_assets(connection, ordered)
        await connection.execute(
            "INSERT INTO synccreate.jobs (store_id, creative_id, version, run_at)"
            " SELECT s, c, v, $4 FROM unnest($1::bigint[], $2::text[], $3::int[]) AS u(s, c, v)",
            [item.head.store_id for item in newest.values()],
            [item.head.creative_id for item in newest.values()],
            [item.version for item in newest.values()],
            now,
        )

    async def take_job(
        self, connection: Connection, *, token: int, now: dt.datetime, lease: dt.timedelta
    ) -> Job | None:
        """Lease the job that waits longest."""
        row = await connection.fetchrow(
            "UPDATE synccreate.jobs SET lease_token = $1, run_at = $2, attempts = attempts + 1"
            " WHERE (store_id, creative_id, version) = (SELECT store_id, creative_id, version FROM synccreate.jobs"
            "  WHERE run_at <= $3 ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
            " RETURNING store_id, creative_id, version, attempts",
            token,
            now + lease,
            now,
        )
        if row is None:
            return None
        known = await connection.fetchrow(
            "SELECT c.creative_type, c.ad_network, c.locale, v.headline, v.description, v.action, v.action_text,"
            " v.product"
            " FROM synccreate.creatives c JOIN synccreate.versions v USING (store_id, creative_id)"
            " WHERE c.store_id = $1 AND c.creative_id = $2 AND v.version = $3",
            *row[:3],
        )
        assert known is not None, "a job is written with its version"
        return Job(
            store_id=row[0],
            creative_id=row[1],
            version=row[2],
            attempts=row[3],
            creative_type=CreativeType(known[0]),
            network=AdNetwork(known[1]),
            locale=known[2],
            copy=Copy(*known[3:7]),
            product=_product(known[7]),
        )

    async def finish_job(
        self, connection: Connection, job: Job, rendered: Sequence[Rendered], *, token: int, now: dt.datetime
    ) -> bool:
        """Store the pictures; False (and nothing stored) when the lease was lost or a newer version came."""
        if not await self._end_job(connection, job, token):
            return False
        await connection.execute(
            "UPDATE synccreate.assets a SET content = u.c, sha256 = u.h, rendered_at = $6"
            " FROM unnest($4::text[], $5::bytea[], $7::bytea[]) AS u(slot, c, h)"
            " WHERE a.store_id = $1 AND a.creative_id = $2 AND a.version = $3 AND a.slot = u.slot AND a.content IS"
            " NULL",
            job.store_id,
            job.creative_id,
            job.version,
            [item.slot for item in rendered],
            [item.content for item in rendered],
            now,
            [hashlib.sha256(item.content).digest() for item in rendered],
        )
        await self._set_status(connection, job, RenderStatus.READY, "")
        return True

    async def fail_job(
        self, connection: Connection, job: Job, *, token: int, reason: str, retry_at: dt.datetime | None
    ) -> None:
        """Try again later, or give up where everybody sees it."""
        if retry_at is None:
            if await self._end_job(connection, job, token):
                await self._set_status(connection, job, RenderStatus.FAILED, reason)
            return
        answer = await connection.execute(
            "UPDATE synccreate.jobs SET run_at = $5, lease_token = NULL"
            " WHERE store_id = $1 AND creative_id = $2 AND version = $3 AND lease_token = $4",
            job.store_id,
            job.creative_id,
            job.version,
            token,
            retry_at,
        )
        if answer.endswith(" 1"):
            await self._set_status(connection, job, RenderStatus.PENDING, reason)

    async def find(self, connection: Connection, store_id: int, creative_id: str, version: int) -> Creative | None:
        """One creative in a version, 0 for the newest, with its pictures."""
        row = await connection.fetchrow(
            f"SELECT {_CREATIVE} FROM synccreate.creatives c JOIN synccreate.versions v USING (store_id, creative_id)"
            " WHERE c.store_id = $1 AND c.creative_id = $2 AND v.version = CASE WHEN $3 = 0 THEN c.version ELSE $3 END",
            store_id,
            creative_id,
            version,
        )
        return (await self._with_assets(connection, [row]))[0] if row else None

    async def list_page(
        self,
        connection: Connection,
        store_id: int,
        *,
        product_id: str,
        network: int,
        status: int,
        before: tuple[dt.datetime, str] | None,
        limit: int,
    ) -> list[tuple[Creative, dt.datetime]]:
        """Newest change first, each with the time of that change; `before` is the last one of the page before."""
        rows = await connection.fetch(
            f"SELECT {_CREATIVE} FROM {_JOIN} WHERE c.store_id = $1 AND ($2 = '' OR c.product_id = $2)"
            " AND ($3 = 0 OR c.ad_network = $3) AND ($4 = 0 OR v.status = $4)"
            " AND ($5::timestamptz IS NULL OR (c.updated_at, c.creative_id) < ($5, $6::text))"
            " ORDER BY c.updated_at DESC, c.creative_id DESC LIMIT $7",
            store_id,
            product_id,
            network,
            status,
            before[0] if before else None,
            before[1] if before else "",
            limit,
        )
        creatives = await self._with_assets(connection, rows)
        return [(creative, row[16]) for creative, row in zip(creatives, rows, strict=True)]

    async def find_asset(
        self, connection: Connection, store_id: int, asset_key: str
    ) -> tuple[bytes, str, bytes, dt.datetime] | None:
        """Content, media type, hash and time of a rendered picture."""
        row = await connection.fetchrow(
            "SELECT content, content_type, sha256, rendered_at FROM synccreate.assets"
            " WHERE store_id = $1 AND asset_key = $2 AND content IS NOT NULL",
            store_id,
            asset_key,
        )
        return (row[0], row[1], row[2], row[3]) if row else None

    async def _with_assets(self, connection: Connection, rows: Sequence[Record]) -> list[Creative]:
        assets = await connection.fetch(
            "SELECT a.store_id, a.creative_id, a.version, a.asset_key, a.slot, a.width, a.height, a.content_type,"
            " coalesce(length(a.content), 0), coalesce(a.sha256, ''::bytea) FROM synccreate.assets a"
            " JOIN unnest($1::bigint[], $2::text[], $3::int[]) AS k(s, c, v)"
            " ON a.store_id = k.s AND a.creative_id = k.c AND a.version = k.v ORDER BY a.place",
            [row[0] for row in rows],
            [row[1] for row in rows],
            [row[5] for row in rows],
        )
        found: dict[tuple[Any, ...], list[Asset]] = {}
        for row in assets:
            found.setdefault(tuple(row[:3]), []).append(Asset(f"{row[0]}-{row[3]}", *row[4:]))
        return [_creative(row, found.get((row[0], row[1], row[5]), [])) for row in rows]

    async def _supersede(self, connection: Connection, keys: Sequence[tuple[int, str]]) -> None:
        await connection.execute(
            "WITH gone AS (DELETE FROM synccreate.jobs WHERE (store_id, creative_id) IN"
            "  (SELECT * FROM unnest($1::bigint[], $2::text[])) RETURNING store_id, creative_id, version)"
            " UPDATE synccreate.versions v SET status = 4 FROM gone WHERE v.store_id = gone.store_id"
            " AND v.creative_id = gone.creative_id AND v.version = gone.version",
            [key[0] for key in keys],
            [key[1] for key in keys],
        )

    async def _insert_heads(self, connection: Connection, versions: Sequence[NewVersion], now: dt.datetime) -> None:
        await connection.execute(
            "INSERT INTO synccreate.creatives"
            " (store_id, creative_id, product_id, creative_type, ad_network, locale, version, updated_at)"
            " SELECT s, c, p, t, n, l, v, $8 FROM unnest($1::bigint[], $2::text[], $3::text[], $4::smallint[],"
            " $5::smallint[],"
            " $6::text[], $7::int[]) AS u(s, c, p, t, n, l, v) ON CONFLICT (store_id, creative_id)"
            " DO UPDATE SET version = excluded.version, locale = excluded.locale, updated_at = excluded.updated_at",
            [item.head.store_id for item in versions],
            [item.head.creative_id for item in versions],
            [item.head.product_id for item in versions],
            [item.head.creative_type for item in versions],
            [item.head.network for item in versions],
            [item.head.locale for item in versions],
            [item.version for item in versions],
            now,
        )

    async def _insert_assets(self, connection: Connection, versions: Sequence[NewVersion]) -> None:
        rows = sorted(
            (item.head.store_id, key, item.head.creative_id, item.version, place, form)
            for item in versions
            for place, (key, form) in enumerate(item.assets)
        )
        await connection.execute(
            "INSERT INTO synccreate.assets"
            " (store_id, asset_key, creative_id, version, place, slot, width, height, content_type)"
            " SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::int[], $5::smallint[], $6::text[],"
            " $7::int[],"
            " $8::int[], $9::text[])",
            *([row[column] for row in rows] for column in range(5)),
            [row[5].slot for row in rows],
            [row[5].width for row in rows],
            [row[5].height for row in rows],
            [row[5].content_type for row in rows],
        )

    async def _end_job(self, connection: Connection, job: Job, token: int) -> bool:
        answer = await connection.execute(
            "DELETE FROM synccreate.jobs WHERE store_id = $1 AND creative_id = $2 AND version = $3 AND lease_token"
            " = $4",
            job.store_id,
            job.creative_id,
            job.version,
            token,
        )
        return bool(answer.endswith(" 1"))

    async def _set_status(self, connection: Connection, job: Job, status: RenderStatus, failure: str) -> None:
        await connection.execute(
            "UPDATE synccreate.versions SET status = $4, failure = $5"
            " WHERE store_id = $1 AND creative_id = $2 AND version = $3",
            job.store_id,
            job.creative_id,
            job.version,
            int(status),
            failure,
        )


def _product(value: object) -> Product:
    return msgspec.convert(value, Product)


def _head(row: Record) -> Head:
    return Head(
        row[0], row[1], row[2], CreativeType(row[3]), AdNetwork(row[4]), row[5], row[6], Copy(*row[7:11]),
        _product(row[11]),
    )  # fmt: skip


def _creative(row: Record, assets: Sequence[Asset]) -> Creative:
    return Creative(
        store_id=row[0],
        creative_id=row[1],
        product_id=row[2],
        creative_type=CreativeType(row[3]),
        network=AdNetwork(row[4]),
        version=row[5],
        copy=Copy(*row[6:10]),
        status=RenderStatus(row[10]),
        failure=row[11],
        cause=row[12],
        writer=row[13],
        product_title=row[14],
        created_at=row[15],
        assets=tuple(assets),
    )

"""The projection of SyncFlow's registry, touchpoints, attributions and reviews as rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any

import msgspec

from kiki.commerce import tables
from kiki.commerce.rows import columns_of, shape_of
from kiki.kit.database import Connection
from kiki.kit.reads import Read

CAMPAIGNS = shape_of(tables.campaigns)
FORMER_KEYS = shape_of(tables.campaign_former_keys)
CAMPAIGN_PRODUCTS = shape_of(tables.campaign_products)
TOUCHPOINTS = shape_of(tables.touchpoints)
ATTRIBUTIONS = shape_of(tables.attributions)
REVIEWS = shape_of(tables.reviews)
DATA_REQUESTS = shape_of(tables.data_requests)

EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""A time from before anything that is kept."""


_PROJECT = f"""{CAMPAIGNS.insert_sql}
ON CONFLICT (store_id, campaign_id) DO UPDATE SET
    network = excluded.network, name = excluded.name, utm_campaign = excluded.utm_campaign, utm_id = excluded.utm_id,
    status = excluded.status, active = excluded.active, since_at = excluded.since_at,
    ended_at = CASE WHEN excluded.active THEN NULL ELSE coalesce(campaigns.ended_at, excluded.ended_at) END"""

_END_PROMOTIONS = """
UPDATE commerce.campaign_products p SET to_at = least($7, c.ended_at)
FROM unnest($1::bigint[], $2::text[]) AS changed(store_id, campaign_id)
JOIN commerce.campaigns c ON c.store_id = changed.store_id AND c.campaign_id = changed.campaign_id
WHERE p.store_id = changed.store_id AND p.campaign_id = changed.campaign_id
    AND (p.to_at IS NULL OR p.to_at > least($7, c.ended_at))
    AND NOT EXISTS (
        SELECT FROM unnest($3::bigint[], $4::text[], $5::text[], $6::timestamptz[])
            AS told(store_id, campaign_id, product_id, from_at)
        WHERE told.store_id = p.store_id AND told.campaign_id = p.campaign_id AND told.product_id = p.product_id
            AND told.from_at = p.from_at)"""

_PROMOTIONS = """
SELECT p.store_id, p.product_id, p.campaign_id, p.from_at, least(p.to_at, c.ended_at), p.since_at
FROM unnest($1::bigint[], $2::text[]) AS wanted(store_id, product_id)
JOIN commerce.campaign_products p ON p.store_id = wanted.store_id AND p.product_id = wanted.product_id
JOIN commerce.campaigns c ON c.store_id = p.store_id AND c.campaign_id = p.campaign_id
ORDER BY p.store_id, p.product_id, p.campaign_id, p.from_at"""


_PROMOTED = """
SELECT p.store_id, p.product_id, p.campaign_id, p.from_at, p.to_at, p.since_at
FROM unnest($1::bigint[], $2::text[]) AS wanted(store_id, campaign_id)
JOIN commerce.campaign_products p ON p.store_id = wanted.store_id AND p.campaign_id = wanted.campaign_id
ORDER BY p.store_id, p.campaign_id, p.product_id, p.from_at"""

_TOUCHPOINTS = """
SELECT t.* FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[])
    AS wanted(store_id, customer_key, since, until)
CROSS JOIN LATERAL (
    SELECT * FROM commerce.touchpoints t
    WHERE t.store_id = wanted.store_id AND t.customer_key = wanted.customer_key
        AND t.at >= wanted.since AND t.at <= wanted.until
    ORDER BY t.at
) t
ORDER BY t.at, t.touchpoint_id"""
"""Ordered inside as well: only the index of a person's contacts gives that order. Before the table was analysed, the
primary key, by which all contacts of the store are read, looks as good."""
_KNOWN = """
SELECT t.store_id, t.touchpoint_id FROM unnest($1::bigint[], $2::text[]) AS wanted(store_id, touchpoint_id)
JOIN commerce.touchpoints t ON t.store_id = wanted.store_id AND t.touchpoint_id = wanted.touchpoint_id"""
_EVIDENCE = """
SELECT a.store_id, a.order_id, a.model, a.evidence::text
FROM unnest($1::bigint[], $2::text[], $3::int[]) AS wanted(store_id, order_id, revision)
JOIN commerce.attributions a
    ON a.store_id = wanted.store_id AND a.order_id = wanted.order_id AND a.revision = wanted.revision"""

_KEPT_DAYS = """coalesce((settings->>'attribution_window_days')::int, 30)
    + coalesce((settings->>'touchpoint_margin_days')::int, 400)"""
_SHORTEST_KEPT = f"SELECT min({_KEPT_DAYS}) FROM commerce.store_connections"
_EXPIRE = f"""
DELETE FROM commerce.touchpoints WHERE ctid = ANY(ARRAY(
    SELECT old.place
    FROM (SELECT ctid AS place, store_id, at FROM commerce.touchpoints WHERE at < $2 OFFSET 0) old
    JOIN commerce.store_connections s ON s.store_id = old.store_id
    WHERE old.at < $1::timestamptz - make_interval(days => {_KEPT_DAYS})
    LIMIT $3))
RETURNING store_id, customer_key"""
"""$2 is the time before which touchpoints of some store expire: an index knows what is older."""

_FORGET_VISITORS = """
DELETE FROM commerce.identities i USING unnest($1::bigint[], $2::text[]) AS gone(store_id, customer_key)
WHERE i.store_id = gone.store_id AND i.customer_key = gone.customer_key
    AND NOT EXISTS (SELECT FROM commerce.touchpoints t
        WHERE t.store_id = i.store_id AND t.customer_key = i.customer_key)
    AND NOT EXISTS (SELECT FROM commerce.customers c
        WHERE c.store_id = i.store_id AND c.customer_key = i.customer_key)
    AND NOT EXISTS (SELECT FROM commerce.identities k
        WHERE k.store_id = i.store_id AND k.customer_key = i.customer_key AND k.kind < 4)"""


@dataclass(slots=True)
class CampaignRow:
    """A registered campaign."""

    store_id: int
    campaign_id: str
    network: str
    name: str
    utm_campaign: str
    utm_id: str
    status: str
    active: bool
    registered_at: dt.datetime
    ended_at: dt.datetime | None
    since_at: dt.datetime = EVER
    """Its keys count for orders that came in since."""


@dataclass(frozen=True, slots=True)
class FormerKeys:
    """What a campaign's links said from when to when, before its keys were changed."""

    store_id: int
    campaign_id: str
    until_at: dt.datetime
    since_at: dt.datetime
    utm_campaign: str
    utm_id: str


@dataclass(frozen=True, slots=True)
class PromotionRow:
    """A product in a campaign, from when to when."""

    store_id: int
    product_id: str
    campaign_id: str
    from_at: dt.datetime
    to_at: dt.datetime | None
    since_at: dt.datetime = EVER
    """It counts for orders that came in since."""


@dataclass(slots=True)
class TouchpointRow:
    """A contact with a campaign."""

    store_id: int
    touchpoint_id: str
    customer_key: str
    at: dt.datetime
    kind: str
    source: str
    campaign_id: str | None
    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    utm_id: str | None
    order_id: str | None
    recorded_at: dt.datetime
    landing: str | None = None
    """The path of the page, without any query."""
    referrer: str | None = None
    """The host that the visitor came from."""
    consent: str | None = None
    """What allowed the collector to keep it; None where another server told it."""


@dataclass(slots=True)
class ReviewRow:
    """A doubtful order that waits for a person, or what the person said."""

    store_id: int
    order_id: str
    status: str
    revision: int
    confidence: Decimal
    opened_at: dt.datetime
    decided_at: dt.datetime | None = None
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """What stands behind an order's newest decision."""

    model: str
    evidence: dict[str, Any]


campaign_values = attrgetter(*CampaignRow.__slots__)
former_values = attrgetter(*FormerKeys.__slots__)
promotion_values = attrgetter(*PromotionRow.__slots__)
touchpoint_values = attrgetter(*TouchpointRow.__slots__)
review_values = attrgetter(*ReviewRow.__slots__)


async def find_campaigns(connection: Connection, store_ids: Sequence[int]) -> dict[int, list[CampaignRow]]:
    """All campaigns of these stores."""
    found: dict[int, list[CampaignRow]] = {store_id: [] for store_id in store_ids}
    rows = await connection.fetch(
        "SELECT * FROM commerce.campaigns WHERE store_id = ANY($1::bigint[])", list(store_ids)
    )
    for row in rows:
        found[row[0]].append(CampaignRow(*row))
    return found


async def find_former_keys(connection: Connection, store_ids: Sequence[int]) -> dict[int, list[FormerKeys]]:
    """Keys that these stores' campaigns had before, in the order in which they were given up."""
    found: dict[int, list[FormerKeys]] = {store_id: [] for store_id in store_ids}
    rows = await connection.fetch(
        """SELECT * FROM commerce.campaign_former_keys WHERE store_id = ANY($1::bigint[])
        ORDER BY store_id, until_at, campaign_id""",
        list(store_ids),
    )
    for row in rows:
        found[row[0]].append(FormerKeys(*row))
    return found


async def find_promoted(
    connection: Connection, campaigns: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], list[PromotionRow]]:
    """What these campaigns promote, or promoted, as it was registered, the oldest first."""
    found: dict[tuple[int, str], list[PromotionRow]] = {}
    rows = await connection.fetch(_PROMOTED, *(list(column) for column in zip(*campaigns, strict=True)))
    for row in rows:
        found.setdefault((row[0], row[2]), []).append(PromotionRow(*row))
    return found


def promotions_of(products: Collection[tuple[int, str]]) -> Read[dict[tuple[int, str], list[PromotionRow]]]:
    """Which campaigns promote, or promoted, these products."""

    def make(rows: Sequence[Sequence[Any]]) -> dict[tuple[int, str], list[PromotionRow]]:
        found: dict[tuple[int, str], list[PromotionRow]] = {}
        for row in rows:
            found.setdefault((row[0], row[1]), []).append(PromotionRow(*row))
        return found

    return Read(_PROMOTIONS, columns_of(products, 2), make)


async def find_promotions(
    connection: Connection, products: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], list[PromotionRow]]:
    """Which campaigns promote, or promoted, these products."""
    return await promotions_of(products).fetch(connection) if products else {}


def touchpoints_of(
    spans: Collection[tuple[int, str, dt.datetime, dt.datetime]],
) -> Read[dict[tuple[int, str], list[TouchpointRow]]]:
    """Contacts by (store, customer key, from, to), both ends included; spans of one person do not overlap."""

    def make(rows: Sequence[Sequence[Any]]) -> dict[tuple[int, str], list[TouchpointRow]]:
        found: dict[tuple[int, str], list[TouchpointRow]] = {}
        for row in rows:
            found.setdefault((row[0], row[2]), []).append(TouchpointRow(*row))
        return found

    return Read(_TOUCHPOINTS, columns_of(spans, 4), make)


async def find_touchpoints(
    connection: Connection, spans: Collection[tuple[int, str, dt.datetime, dt.datetime]]
) -> dict[tuple[int, str], list[TouchpointRow]]:
    """Contacts by (store, customer key, from, to), both ends included; spans of one person do not overlap."""
    return await touchpoints_of(spans).fetch(connection) if spans else {}


async def known_touchpoints(connection: Connection, keys: Sequence[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of the touchpoints (store, id) that are stored already."""
    rows = await connection.fetch(_KNOWN, *columns_of(keys, 2))
    return {(row[0], row[1]) for row in rows}


async def expire_touchpoints(connection: Connection, now: dt.datetime, limit: int) -> int:
    """Delete touchpoints older than their store's window and margin, at most `limit`; how many went.

    Who was known by nothing but a visitor or click id, and has no touchpoint left, is forgotten with them.
    """
    days = await connection.fetchval(_SHORTEST_KEPT)
    if days is None:
        return 0
    gone = await connection.fetch(_EXPIRE, now, now - dt.timedelta(days=days), limit)
    people = sorted({(row[0], row[1]) for row in gone})
    if people:
        await connection.execute(_FORGET_VISITORS, *(list(column) for column in zip(*people, strict=True)))
    return len(gone)


def evidence_of(revisions: Collection[tuple[int, str, int]]) -> Read[dict[tuple[int, str], DecisionRow]]:
    """What stands behind these revisions of orders' attributions."""
    return Read(_EVIDENCE, columns_of(revisions, 3), _decisions)


async def find_evidence(
    connection: Connection, revisions: Sequence[tuple[int, str, int]]
) -> dict[tuple[int, str], DecisionRow]:
    """What stands behind these revisions of orders' attributions."""
    return await evidence_of(revisions).fetch(connection) if revisions else {}


def _decisions(rows: Sequence[Sequence[Any]]) -> dict[tuple[int, str], DecisionRow]:
    return {(row[0], row[1]): DecisionRow(row[2], msgspec.json.decode(row[3])) for row in rows}


async def find_reviews(connection: Connection, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], ReviewRow]:
    """Reviews of these orders."""
    return {(row[0], row[1]): ReviewRow(*row) for row in await REVIEWS.lock(connection, keys)}


async def project_campaigns(
    connection: Connection,
    rows: Sequence[CampaignRow],
    promotions: Sequence[PromotionRow],
    former: Sequence[FormerKeys],
    now: dt.datetime,
) -> None:
    """Write campaigns as SyncFlow has them now. What they promote no longer, they did until now or their end."""
    await connection.execute(
        _END_PROMOTIONS,
        [row.store_id for row in rows],
        [row.campaign_id for row in rows],
        [row.store_id for row in promotions],
        [row.campaign_id for row in promotions],
        [row.product_id for row in promotions],
        [row.from_at for row in promotions],
        now,
    )
    await connection.execute(_PROJECT, *(list(column) for column in zip(*map(campaign_values, rows), strict=True)))
    await CAMPAIGN_PRODUCTS.upsert(connection, [promotion_values(row) for row in promotions])
    await FORMER_KEYS.insert_missing(connection, [former_values(row) for row in former])
    await bump_campaigns_revision(connection, sorted({row.store_id for row in rows}))


async def bump_campaigns_revision(connection: Connection, store_ids: Sequence[int]) -> None:
    """Tell readers that keep campaigns in memory to read them again."""
    await connection.execute(
        """UPDATE commerce.store_connections SET campaigns_revision = campaigns_revision + 1
        WHERE store_id = ANY($1::bigint[])""",
        sorted(store_ids),
    )

"""Rows of campaigns and of what they promote."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from kiki.council.syncflow.domain import (
    Campaign,
    CampaignDefinition,
    Hold,
    KeptIn,
    PromotedIn,
    Promotion,
    Standing,
)
from kiki.council.syncflow.repository.work import NewWork
from kiki.kit.database import Connection, Record
from kiki.kit.money import Money

Key = tuple[int, str]
_RUNNING = "(m.starts_at IS NULL OR m.starts_at <= $3) AND (m.ends_at IS NULL OR m.ends_at > $3)"
_UPSERT = (
    "INSERT INTO syncflow.campaigns AS c (store_id, campaign_id, network, external_id, name, utm_campaign, utm_id,"
    " currency, daily_budget_minor, bid_minor, ended, standing, doubtful, updated_at)"
    " SELECT $1, i, n, x, t, g, d, m, b, p, e, '{}'::jsonb, false, $12 FROM unnest($2::text[], $3::text[], $4::text[],"
    " $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::bool[])"
    " AS u(i, n, x, t, g, d, m, b, p, e) ON CONFLICT (store_id, campaign_id) DO UPDATE SET"
    " standing = CASE WHEN (c.network, c.external_id) = (excluded.network, excluded.external_id) THEN c.standing"
    " ELSE '{}'::jsonb END, network = excluded.network, external_id = excluded.external_id, name = excluded.name,"
    " utm_campaign = excluded.utm_campaign, utm_id = excluded.utm_id, currency = excluded.currency,"
    " daily_budget_minor = excluded.daily_budget_minor, bid_minor = excluded.bid_minor, ended = excluded.ended,"
    " updated_at = excluded.updated_at RETURNING (xmax = 0) AS added"
)
_PROMOTING = (
    "SELECT m.store_id, m.product_id, m.campaign_id, c.network, m.weight, c.currency, c.daily_budget_minor,"
    " c.bid_minor,"
    " c.held_at IS NOT NULL AS held, c.standing, (SELECT sum(o.weight) FROM syncflow.promotions o"
    " WHERE o.store_id = m.store_id AND o.campaign_id = m.campaign_id"
    f" AND {_RUNNING.replace('m.', 'o.')}) AS total_weight FROM unnest($1::bigint[], $2::text[]) AS u(s, p)"
    " JOIN syncflow.promotions m ON m.store_id = u.s AND m.product_id = u.p"
    " JOIN syncflow.campaigns c ON c.store_id = m.store_id AND c.campaign_id = m.campaign_id"
    f" WHERE NOT c.ended AND {_RUNNING} ORDER BY m.store_id, m.product_id, m.campaign_id"
)


_KEEPING = """
SELECT c.store_id, o.key AS product_id, c.campaign_id, c.network, c.currency
FROM syncflow.campaigns c
CROSS JOIN LATERAL (
    SELECT key FROM jsonb_each_text(c.standing -> 'product_owners') WHERE value = 'ours'
    UNION SELECT jsonb_object_keys(c.standing -> 'products')
        WHERE c.standing ->> 'owner' = 'ours' AND c.standing ->> 'status' = 'paused'
) o
JOIN unnest($1::bigint[], $2::text[]) AS u(s, p) ON u.s = c.store_id AND u.p = o.key
WHERE c.store_id = ANY($1::bigint[]) AND NOT c.ended
    AND (c.standing -> 'product_owners' <> '{}'::jsonb OR c.standing ->> 'owner' = 'ours')
    AND NOT EXISTS (
        SELECT FROM syncflow.promotions m
        WHERE m.store_id = c.store_id AND m.campaign_id = c.campaign_id AND m.product_id = o.key
            AND (m.starts_at IS NULL OR m.starts_at <= $3) AND (m.ends_at IS NULL OR m.ends_at > $3))
ORDER BY c.store_id, o.key, c.campaign_id"""
_TURNING = """
SELECT DISTINCT c.store_id, c.campaign_id, c.network, 2
FROM syncflow.promotions m JOIN syncflow.campaigns c USING (store_id, campaign_id)
WHERE NOT c.ended
    AND (m.starts_at > c.observed_at AND m.starts_at <= $1 OR m.ends_at > c.observed_at AND m.ends_at <= $1)
    AND (m.starts_at IS NOT NULL OR m.ends_at IS NOT NULL)
    AND NOT EXISTS (
        SELECT FROM syncflow.work w WHERE w.store_id = c.store_id AND w.campaign_id = c.campaign_id)
LIMIT $2"""


async def put_campaigns(
    connection: Connection, store_id: int, definitions: Sequence[CampaignDefinition], now: dt.datetime
) -> tuple[int, int]:
    """Add or replace definitions with their promotions; how many were added and replaced. Work rows are locked."""
    rows = await connection.fetch(
        _UPSERT,
        store_id,
        [item.campaign_id for item in definitions],
        [item.network for item in definitions],
        [item.external_id for item in definitions],
        [item.name for item in definitions],
        [item.utm_campaign for item in definitions],
        [item.utm_id for item in definitions],
        [item.daily_budget.currency for item in definitions],
        [item.daily_budget.minor for item in definitions],
        [item.bid.minor if item.bid else None for item in definitions],
        [item.ended for item in definitions],
        now,
    )
    await _put_promotions(connection, store_id, definitions)
    added = sum(row["added"] for row in rows)
    return added, len(rows) - added


async def find_taken(connection: Connection, store_id: int, definitions: Sequence[CampaignDefinition]) -> list[str]:
    """External ids among the definitions' that another campaign of the store stands for."""
    rows = await connection.fetch(
        "SELECT c.external_id FROM unnest($2::text[], $3::text[], $4::text[]) AS u(i, n, x)"
        " JOIN syncflow.campaigns c ON c.store_id = $1 AND c.network = u.n AND c.external_id = u.x"
        " WHERE c.campaign_id <> u.i",
        store_id,
        [item.campaign_id for item in definitions],
        [item.network for item in definitions],
        [item.external_id for item in definitions],
    )
    return [row[0] for row in rows]


async def list_promoting(connection: Connection, products: Sequence[Key], now: dt.datetime) -> list[PromotedIn]:
    """Where these products are promoted now, in campaigns that have not ended."""
    rows = await connection.fetch(_PROMOTING, [key[0] for key in products], [key[1] for key in products], now)
    return [
        PromotedIn(
            store_id=row["store_id"],
            product_id=row["product_id"],
            campaign_id=row["campaign_id"],
            network=row["network"],
            weight=row["weight"],
            total_weight=row["total_weight"],
            daily_budget=Money(row["daily_budget_minor"], row["currency"]),
            registered_bid_minor=row["bid_minor"],
            held=row["held"],
            standing=msgspec.convert(row["standing"], Standing),
        )
        for row in rows
    ]


async def list_keeping(connection: Connection, products: Sequence[Key], now: dt.datetime) -> list[KeptIn]:
    """Where ads of these products stand still by our doing, though the campaign does not promote them any more."""
    rows = await connection.fetch(_KEEPING, [key[0] for key in products], [key[1] for key in products], now)
    return [KeptIn(**dict(row)) for row in rows]


async def list_turning(connection: Connection, now: dt.datetime, limit: int) -> list[NewWork]:
    """Campaigns of which a promotion began or ended since they were read last, and that wait for nothing."""
    return [NewWork(*row) for row in await connection.fetch(_TURNING, now, limit)]


async def find_campaign(connection: Connection, store_id: int, campaign_id: str) -> Campaign | None:
    """One campaign with its promotions."""
    rows = await connection.fetch(
        "SELECT * FROM syncflow.campaigns WHERE store_id = $1 AND campaign_id = $2", store_id, campaign_id
    )
    found = await _with_promotions(connection, rows)
    return found[0] if found else None


async def list_campaigns(
    connection: Connection,
    *,
    store_id: int | None,
    updated_after: dt.datetime | None,
    after: tuple[dt.datetime, int, str] | None,
    limit: int,
) -> list[Campaign]:
    """A page by (updated_at, store, campaign)."""
    at, store, campaign = after or (None, None, None)
    rows = await connection.fetch(
        "SELECT * FROM syncflow.campaigns WHERE ($1::bigint IS NULL OR store_id = $1)"
        " AND ($2::timestamptz IS NULL OR updated_at > $2)"
        " AND ($3::timestamptz IS NULL OR (updated_at, store_id, campaign_id) > ($3, $4::bigint, $5::text))"
        " ORDER BY updated_at, store_id, campaign_id LIMIT $6",
        store_id,
        updated_after,
        at,
        store,
        campaign,
        limit,
    )
    return await _with_promotions(connection, rows)


async def write_standing(
    connection: Connection,
    campaign: Campaign,
    standing: Standing,
    *,
    doubtful: bool,
    observed_at: dt.datetime | None,
    updated_at: dt.datetime,
) -> None:
    """Store how a campaign stands; its work row is locked."""
    await connection.execute(
        "UPDATE syncflow.campaigns SET standing = $3, doubtful = $4, observed_at = $5, updated_at = $6"
        " WHERE store_id = $1 AND campaign_id = $2",
        campaign.store_id,
        campaign.definition.campaign_id,
        msgspec.to_builtins(standing),
        doubtful,
        observed_at,
        updated_at,
    )


async def write_hold(
    connection: Connection, store_id: int, campaign_id: str, hold: Hold | None, now: dt.datetime
) -> None:
    """Put a person's hand on a campaign, or take it off; its work row is locked."""
    await connection.execute(
        "UPDATE syncflow.campaigns SET hold_reason = $3, hold_actor = $4, held_at = $5, hold_until = $6, updated_at ="
        " $7"
        " WHERE store_id = $1 AND campaign_id = $2",
        store_id,
        campaign_id,
        hold.reason if hold else None,
        hold.actor if hold else None,
        hold.held_at if hold else None,
        hold.expires_at if hold else None,
        now,
    )


async def end_expired_hold(connection: Connection, store_id: int, campaign_id: str, now: dt.datetime) -> None:
    """Take a hand off whose time is over; one that was put on anew meanwhile stays. Its work row is locked."""
    await connection.execute(
        "UPDATE syncflow.campaigns SET hold_reason = NULL, hold_actor = NULL, held_at = NULL, hold_until = NULL,"
        " updated_at = $3 WHERE store_id = $1 AND campaign_id = $2 AND hold_until <= $3",
        store_id,
        campaign_id,
        now,
    )


async def list_expired_holds(connection: Connection, now: dt.datetime, limit: int) -> list[NewWork]:
    """Campaigns where the time of a hold is over."""
    rows = await connection.fetch(
        "SELECT store_id, campaign_id, network, 2 FROM syncflow.campaigns WHERE hold_until <= $1 LIMIT $2", now, limit
    )
    return [NewWork(*row) for row in rows]


async def list_unread(connection: Connection, before: dt.datetime, limit: int) -> list[NewWork]:
    """Campaigns that were not read since, and wait for nothing."""
    rows = await connection.fetch(
        "SELECT c.store_id, c.campaign_id, c.network, 3 FROM syncflow.campaigns c WHERE NOT c.ended AND c.observed_at"
        " < $1"
        " AND NOT EXISTS (SELECT 1 FROM syncflow.work w WHERE w.store_id = c.store_id AND w.campaign_id ="
        " c.campaign_id)"
        " ORDER BY c.observed_at LIMIT $2",
        before,
        limit,
    )
    return [NewWork(*row) for row in rows]


async def list_of_network(connection: Connection, store_id: int, network: str) -> list[NewWork]:
    """Every campaign of a store at a network."""
    rows = await connection.fetch(
        "SELECT store_id, campaign_id, network, 2 FROM syncflow.campaigns"
        " WHERE store_id = $1 AND network = $2 AND NOT ended",
        store_id,
        network,
    )
    return [NewWork(*row) for row in rows]


async def _put_promotions(connection: Connection, store_id: int, definitions: Sequence[CampaignDefinition]) -> None:
    ids = [item.campaign_id for item in definitions]
    await connection.execute(
        "DELETE FROM syncflow.promotions WHERE store_id = $1 AND campaign_id = ANY($2::text[])", store_id, ids
    )
    rows = [(item.campaign_id, promotion) for item in definitions for promotion in item.promotions]
    await connection.execute(
        "INSERT INTO syncflow.promotions (store_id, campaign_id, product_id, starts_at, ends_at, weight)"
        " SELECT $1, c, p, s, e, w FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::int[])"
        " AS u(c, p, s, e, w)",
        store_id,
        [campaign_id for campaign_id, _ in rows],
        [promotion.product_id for _, promotion in rows],
        [promotion.starts_at for _, promotion in rows],
        [promotion.ends_at for _, promotion in rows],
        [promotion.weight for _, promotion in rows],
    )


async def _with_promotions(connection: Connection, rows: Sequence[Record]) -> list[Campaign]:
    if not rows:
        return []
    promotions: dict[Key, list[Promotion]] = {}
    for row in await connection.fetch(
        "SELECT m.* FROM unnest($1::bigint[], $2::text[]) AS u(s, c)"
        " JOIN syncflow.promotions m ON m.store_id = u.s AND m.campaign_id = u.c ORDER BY m.product_id",
        [row["store_id"] for row in rows],
        [row["campaign_id"] for row in rows],
    ):
        promotion = Promotion(
            product_id=row["product_id"], starts_at=row["starts_at"], ends_at=row["ends_at"], weight=row["weight"]
        )
        promotions.setdefault((row["store_id"], row["campaign_id"]), []).append(promotion)
    return [_campaign(row, promotions.get((row["store_id"], row["campaign_id"]), [])) for row in rows]


def _campaign(row: Record, promotions: Sequence[Promotion]) -> Campaign:
    currency = row["currency"]
    definition = CampaignDefinition(
        campaign_id=row["campaign_id"],
        network=row["network"],
        external_id=row["external_id"],
        name=row["name"],
        utm_campaign=row["utm_campaign"],
        utm_id=row["utm_id"],
        daily_budget=Money(row["daily_budget_minor"], currency),
        bid=None if row["bid_minor"] is None else Money(row["bid_minor"], currency),
        ended=row["ended"],
        promotions=tuple(promotions),
    )
    hold = None
    if row["held_at"] is not None:
        hold = Hold(
            reason=row["hold_reason"], actor=row["hold_actor"], held_at=row["held_at"], expires_at=row["hold_until"]
        )
    return Campaign(
        store_id=row["store_id"],
        definition=definition,
        hold=hold,
        standing=msgspec.convert(row["standing"], Standing),
        doubtful=row["doubtful"],
        observed_at=row["observed_at"],
        updated_at=row["updated_at"],
    )

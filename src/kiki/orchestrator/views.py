"""Reading what was decided, across rooms: one line per store for a live view, and the projected campaigns.

Lists of orders, products and reviews are the portal's own queries. Nothing here writes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from kiki.commerce.stores import StoreConnection, read_store
from kiki.kit.database import Connection
from kiki.kit.money import Money

_OVERVIEW = """
SELECT s.store_id, s.platform, s.store_key, s.display_name, s.currency, s.timezone, s.status, s.connected_at,
    s.settings, coalesce(o.orders, 0) AS orders, coalesce(o.touched, 0) AS touched,
    coalesce(o.incremental, 0) AS incremental, coalesce(o.fee_minor, 0) AS fee_minor,
    coalesce(p.paused, 0) AS paused, coalesce(r.reviews, 0) AS reviews, coalesce(c.campaigns, 0) AS campaigns
FROM commerce.store_connections s
LEFT JOIN LATERAL (
    SELECT count(*) AS orders, count(*) FILTER (WHERE verdict = 'touched') AS touched,
        count(*) FILTER (WHERE verdict = 'incremental') AS incremental,
        sum(fee_minor) FILTER (
            WHERE fee_currency = coalesce(nullif(s.settings->>'settlement_currency', ''), s.currency)
        ) AS fee_minor
    FROM commerce.orders WHERE store_id = s.store_id AND placed_at >= $1
) o ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS paused FROM commerce.product_states WHERE store_id = s.store_id AND ads = 'paused'
) p ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS reviews FROM commerce.reviews WHERE store_id = s.store_id AND status = 'open'
) r ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS campaigns FROM commerce.campaigns WHERE store_id = s.store_id AND active
) c ON true
ORDER BY s.store_id LIMIT $2
"""

_CAMPAIGNS = """
SELECT c.campaign_id, c.network, c.name, c.status, c.active, c.registered_at,
    (SELECT count(*) FROM commerce.campaign_products p
     WHERE p.store_id = c.store_id AND p.campaign_id = c.campaign_id AND (p.to_at IS NULL OR p.to_at > now())
    ) AS products
FROM commerce.campaigns c WHERE c.store_id = $1 AND c.campaign_id > $2 ORDER BY c.campaign_id LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class StoreOverview:
    """A store in figures."""

    store: StoreConnection
    orders: int
    touched: int
    incremental: int
    """Orders that we caused: those that are attributed and billed once they are paid."""
    fee: Money
    """Fees accrued so far on these orders, reversals taken off; a month's statement has the last word."""
    products_paused: int
    open_reviews: int
    campaigns: int


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A registered campaign, as attribution knows it."""

    campaign_id: str
    network: str
    name: str
    status: str
    active: bool
    registered_at: dt.datetime
    products: int
    """Products that it promotes now."""


async def store_overviews(connection: Connection, *, since: dt.datetime, limit: int = 100) -> Sequence[StoreOverview]:
    """Every store's figures over the orders placed since a time."""
    found = []
    for row in await connection.fetch(_OVERVIEW, since, limit):
        store = read_store(row)
        currency = store.settings.settlement_currency or store.currency
        found.append(
            StoreOverview(
                store=store,
                orders=row["orders"],
                touched=row["touched"],
                incremental=row["incremental"],
                fee=Money(int(row["fee_minor"]), currency),
                products_paused=row["paused"],
                open_reviews=row["reviews"],
                campaigns=row["campaigns"],
            )
        )
    return found


async def list_campaigns(
    connection: Connection, store_id: int, *, after: str = "", limit: int = 100
) -> Sequence[CampaignView]:
    """A store's projected campaigns by id, a page at a time."""
    return [CampaignView(*row) for row in await connection.fetch(_CAMPAIGNS, store_id, after, limit)]

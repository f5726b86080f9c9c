"""Reading across rooms: what of a store is still to be worked off, and the projected campaigns.

Lists of orders, products and reviews are the portal's own queries. Nothing here writes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from kiki.kit.database import Connection
from kiki.orchestrator.lanes import Lane, partition_of

_OPEN = """
SELECT (SELECT count(*) FROM inbox.queue WHERE partition = $2 AND lane = $3 AND store_id = $1)
     + (SELECT count(*) FROM inbox.parked WHERE partition = $2 AND lane = $3 AND store_id = $1),
       (SELECT count(*) FROM calls.queue WHERE agent = ANY($4::text[]) AND lane = $3 AND store_id = $1)
     + (SELECT count(*) FROM calls.parked WHERE agent = ANY($4::text[]) AND lane = $3 AND store_id = $1)
"""
_CAMPAIGNS = """
SELECT c.campaign_id, c.network, c.name, c.status, c.active, c.registered_at,
    (SELECT count(*) FROM commerce.campaign_products p
     WHERE p.store_id = c.store_id AND p.campaign_id = c.campaign_id AND (p.to_at IS NULL OR p.to_at > now())
    ) AS products
FROM commerce.campaigns c WHERE c.store_id = $1 AND c.campaign_id > $2 ORDER BY c.campaign_id LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class OpenWork:
    """What of a store waits in a lane."""

    deliveries: int
    """Not decided yet."""
    calls: int
    """Not answered yet, of the agents that were asked about."""

    def __bool__(self) -> bool:
        return bool(self.deliveries or self.calls)


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


async def open_work(connection: Connection, store_id: int, lane: Lane, agents: Sequence[str]) -> OpenWork:
    """One look at inbox and calls: what a decision asks for is seen in one of them, or is answered."""
    row = await connection.fetchrow(_OPEN, store_id, partition_of(store_id), int(lane), list(agents))
    assert row is not None, "a statement without conditions"
    return OpenWork(row[0], row[1])


async def list_campaigns(
    connection: Connection, store_id: int, *, after: str = "", limit: int = 100
) -> Sequence[CampaignView]:
    """A store's projected campaigns by id, a page at a time."""
    return [CampaignView(*row) for row in await connection.fetch(_CAMPAIGNS, store_id, after, limit)]

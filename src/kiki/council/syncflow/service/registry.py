"""The registry: campaigns, ad network connections, people's holds, and what operators read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from msgspec.structs import replace

from kiki.council.syncflow import plan
from kiki.council.syncflow.domain import (
    Action,
    AdNetworkConnection,
    Campaign,
    CampaignDefinition,
    Hold,
    ProductState,
)
from kiki.council.syncflow.errors import CampaignNotFound, ExternalIdTaken
from kiki.council.syncflow.repository import actions as action_rows
from kiki.council.syncflow.repository import campaigns as rows
from kiki.council.syncflow.repository import networks as network_rows
from kiki.council.syncflow.repository import products as product_rows
from kiki.council.syncflow.repository import work as work_rows
from kiki.council.syncflow.repository.actions import ActionQuery
from kiki.council.syncflow.repository.work import NewWork
from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Database
from kiki.kit.sealing import Sealer


class Registry:
    """Use cases about campaigns as such. Mutations run on the caller's transaction."""

    def __init__(self, database: Database, sealer: Sealer, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock

    async def put_network(self, connection: Connection, given: AdNetworkConnection) -> AdNetworkConnection:
        """Store how a network is reached; its campaigns are driven anew."""
        items = await rows.list_of_network(connection, given.store_id, given.network)
        if items:
            await work_rows.enqueue(connection, items)
        await network_rows.put_network(connection, self._sealer, given)
        return replace(given, token="")

    async def register(
        self, connection: Connection, store_id: int, definitions: Sequence[CampaignDefinition]
    ) -> tuple[int, int]:
        """Add or replace campaigns; how many were added and replaced. They are read and driven at once."""
        taken = await rows.find_taken(connection, store_id, definitions)
        if taken:
            raise ExternalIdTaken(f"{len(taken)} of the external ids belong to other campaigns of the store")
        items = [
            NewWork(store_id, item.campaign_id, item.network, work_rows.LIVE_LANE)
            for item in definitions
            if not item.ended
        ]
        if items:
            await work_rows.enqueue(connection, items)
        return await rows.put_campaigns(connection, store_id, definitions, self._clock.now())

    async def hold(self, connection: Connection, store_id: int, campaign_id: str, hold: Hold) -> Campaign:
        """Put a person's hand on a campaign."""
        campaign = await self._locked(connection, store_id, campaign_id)
        await rows.write_hold(connection, store_id, campaign_id, hold, self._clock.now())
        return replace(campaign, hold=hold, updated_at=self._clock.now())

    async def release(self, connection: Connection, store_id: int, campaign_id: str) -> tuple[Campaign, bool]:
        """Take the hand off, and the doubt with it: the desired state is applied again. Whether there was a hold."""
        campaign = await self._locked(connection, store_id, campaign_id)
        now = self._clock.now()
        await rows.write_hold(connection, store_id, campaign_id, None, now)
        standing = plan.released(campaign.standing)
        await rows.write_standing(
            connection, campaign, standing, doubtful=False, observed_at=campaign.observed_at, updated_at=now
        )
        cleared = replace(campaign, hold=None, standing=standing, doubtful=False, updated_at=now)
        return cleared, campaign.hold is not None

    async def expire_holds(self, connection: Connection, now: dt.datetime, limit: int) -> int:
        """End holds whose time is over; how many."""
        items = await rows.list_expired_holds(connection, now, limit)
        if items:
            await work_rows.enqueue(connection, items)
        for item in items:
            await rows.end_expired_hold(connection, item.store_id, item.campaign_id, now)
        return len(items)

    async def list_networks(self, store_id: int) -> list[AdNetworkConnection]:
        """A store's connections without tokens."""
        async with self._database.connection() as connection:
            return await network_rows.list_networks(connection, store_id)

    async def list_campaigns(
        self,
        *,
        store_id: int | None,
        updated_after: dt.datetime | None,
        after: tuple[dt.datetime, int, str] | None,
        limit: int,
    ) -> list[Campaign]:
        """A page by last change, each campaign with what is wanted of it."""
        async with self._database.connection() as connection:
            page = await rows.list_campaigns(
                connection, store_id=store_id, updated_after=updated_after, after=after, limit=limit
            )
            return await self._with_wishes(connection, page)

    async def list_actions(self, query: ActionQuery) -> list[Action]:
        """A page of actions, newest first."""
        async with self._database.connection() as connection:
            return await action_rows.list_actions(connection, query)

    async def get_product(self, store_id: int, product_id: str) -> tuple[ProductState, list[str]]:
        """A product's state, its first one when nothing was ever said, and the campaigns that promote it now."""
        async with self._database.connection() as connection:
            state = await product_rows.find_product(connection, store_id, product_id)
            places = await rows.list_promoting(connection, [(store_id, product_id)], self._clock.now())
        return state or ProductState(store_id=store_id, product_id=product_id), [item.campaign_id for item in places]

    async def _locked(self, connection: Connection, store_id: int, campaign_id: str) -> Campaign:
        """The campaign with its work row locked, so that no reconciler writes meanwhile."""
        campaign = await rows.find_campaign(connection, store_id, campaign_id)
        if campaign is None:
            raise CampaignNotFound("the store has no such campaign")
        item = NewWork(store_id, campaign_id, campaign.definition.network, work_rows.LIVE_LANE)
        await work_rows.enqueue(connection, [item])
        return await rows.find_campaign(connection, store_id, campaign_id) or campaign

    async def _with_wishes(self, connection: Connection, page: Sequence[Campaign]) -> list[Campaign]:
        keys = [(item.store_id, item.definition.campaign_id) for item in page]
        states = await product_rows.list_promoted(connection, keys, self._clock.now())
        shown: list[Campaign] = []
        for item, key in zip(page, keys, strict=True):
            want = plan.wanted(states[key], item.standing.products)
            paused = tuple(sorted(name for name, status in want.products.items() if status == plan.PAUSED))
            shown.append(replace(item, paused_product_ids=paused, wanted_paused=want.paused))
        return shown

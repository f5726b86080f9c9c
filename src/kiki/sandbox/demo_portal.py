"""What the demo asks of a portal, over HTTP: connect the stores, register the campaigns, read the figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx

from kiki.kit.errors import FailedPrecondition
from kiki.sandbox.goods import decimal_text
from kiki.sandbox.shop import Shop
from kiki.sandbox.world import World

_CONFLICT = 409
_STORE_PAGE = 100


@dataclass(frozen=True, slots=True)
class ConnectedStore:
    """A store as the portal knows it."""

    store_id: int
    delivery_token: str
    connected_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Figures:
    """The open month of one store."""

    fee: str
    attributed_orders: int
    incremental_revenue: str


class DemoPortal:
    """The internal API, as far as the demo needs it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(cls, portal_url: str, api_key: str) -> AsyncIterator[DemoPortal]:
        headers = {"x-internal-api-key": api_key}
        async with httpx.AsyncClient(base_url=portal_url, headers=headers, timeout=15.0) as client:
            yield cls(client)

    async def connect(self, shop: Shop, name: str) -> ConnectedStore:
        """Connect a shop; one from an earlier run gets this run's secret and a new delivery URL."""
        body = {
            "platform": shop.platform,
            "store_key": shop.store_key,
            "display_name": name,
            "currency": shop.currency,
            "timezone": "Europe/Berlin",
            "webhook_secret": shop.secret,
            "settings": {"resume_damping_seconds": 3},
        }
        answer = await self._client.post("/internal/stores", json=body)
        if answer.status_code != _CONFLICT:
            store = _checked(answer)
            return _connected(store, store["delivery_token"])
        store = await self._find(shop.platform, name)
        path = f"/internal/stores/{store['store_id']}"
        await self._post(f"{path}/rotate-secret", {"webhook_secret": shop.secret})
        rotated = await self._post(f"{path}/rotate-token", None)
        return _connected(store, rotated["delivery_token"])

    async def keep_credentials(self, store: ConnectedStore, credentials: Mapping[str, str]) -> None:
        """Say where the shop's own API is and what opens it, for `kiki stores sync`."""
        answer = await self._client.put(f"/internal/stores/{store.store_id}/credentials", json=dict(credentials))
        _checked(answer)

    async def register(self, store: ConnectedStore, world: World, *, network_url: str, network_token: str) -> None:
        """Say where the ad network is, then which campaigns are ours."""
        network = {"base_url": network_url, "token": network_token}
        answer = await self._client.put(f"/internal/ad-networks/{store.store_id}/google", json=network)
        _checked(answer)
        currency = world.shop.currency
        campaigns = [
            {
                "campaign_id": campaign.campaign_id,
                "network": "google",
                "external_id": campaign.campaign_id,
                "name": campaign.name,
                "utm_campaign": campaign.utm_campaign,
                "promotions": [{"product_id": str(product_id)} for product_id in campaign.product_ids],
                "daily_budget": {"amount": decimal_text(campaign.daily_budget_minor), "currency": currency},
                "bid": {"amount": decimal_text(campaign.bid_minor), "currency": currency},
            }
            for campaign in world.campaigns
        ]
        await self._post(f"/internal/campaigns/{store.store_id}", {"campaigns": campaigns})

    async def add_clicks(self, store: ConnectedStore, clicks: Iterable[tuple[str, str]], at: dt.datetime) -> None:
        """Tell clicks of buyers, as (e-mail, campaign), from a server."""
        touchpoints = [
            {
                "touchpoint_id": sha256(f"{email}/{int(at.timestamp())}".encode()).hexdigest()[:32],
                "at": at.isoformat(),
                "kind": "click",
                "email": email,
                "campaign_id": campaign_id,
            }
            for email, campaign_id in clicks
        ]
        if touchpoints:
            await self._post(f"/internal/touchpoints/{store.store_id}", {"touchpoints": touchpoints})

    async def figures(self, store: ConnectedStore, now: dt.datetime) -> Figures | None:
        """The open month so far; None while it cannot be read."""
        query = {"year": now.year, "month": now.month}
        try:
            answer = await self._client.get(f"/reports/oaas/monthly/{store.store_id}", params=query)
        except httpx.HTTPError:
            return None
        if answer.is_error:
            return None
        statement = answer.json()["statement"]
        return Figures(
            fee=_shown(statement.get("accrued_fee") or statement.get("fee")),
            attributed_orders=int(statement.get("attributed_orders") or 0),
            incremental_revenue=_shown(statement.get("incremental_revenue")),
        )

    async def _find(self, platform: str, name: str) -> dict[str, Any]:
        answer = await self._client.get("/internal/stores", params={"limit": _STORE_PAGE})
        stores: list[dict[str, Any]] = _checked(answer)["stores"]
        for store in stores:
            if store["platform"] == platform and store["display_name"] == name:
                return store
        raise FailedPrecondition(f"a {platform} store has the demo's address, but none is named {name}")

    async def _post(self, path: str, body: object) -> Any:
        answer = await self._client.post(path, json=body if body is not None else {})
        return _checked(answer)


def _connected(store: Mapping[str, Any], token: str) -> ConnectedStore:
    return ConnectedStore(int(store["store_id"]), token, dt.datetime.fromisoformat(store["connected_at"]))


def _checked(answer: httpx.Response) -> Any:
    """The body of a good answer. Raises `FailedPrecondition` with the portal's own words."""
    if answer.is_error:
        asked = f"{answer.request.method} {answer.request.url.path}"
        raise FailedPrecondition(
            f"the demo needs {asked}, which was answered {answer.status_code}: {answer.text[:500]}",
            reason="DEMO_REFUSED",
        )
    return answer.json() if answer.content else {}


def _shown(money: dict[str, str] | None) -> str:
    return f"{money['amount']} {money['currency']}" if money else ""

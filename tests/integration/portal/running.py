"""A portal over a real PostgreSQL, served by a real uvicorn on a free port; its answers are held to its document."""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from integration.portal.conforming import check_answer
from kiki.clients.council import CouncilClients
from kiki.clients.methods import AGENTS
from kiki.commerce.stores import NewStore, StoreRepository
from kiki.commerce.tables import OWNER as COMMERCE
from kiki.kit.clock import Clock, SystemClock
from kiki.kit.database import Database
from kiki.kit.sealing import Keyring, Sealer
from kiki.orchestrator.calls.tables import OWNER as CALLS
from kiki.orchestrator.closing.tables import OWNER as CLOSING
from kiki.orchestrator.events.tables import OWNER as EVENTS
from kiki.orchestrator.experiments.tables import OWNER as EXPERIMENTS
from kiki.orchestrator.inbox.bodies import BODY_PURPOSE
from kiki.orchestrator.inbox.tables import OWNER as INBOX
from kiki.platforms.shopify.platform import Shopify
from kiki.platforms.woocommerce.platform import WooCommerce
from kiki.portal.component import open_component
from kiki.portal.settings import PortalSettings
from kiki.portal.tables import OWNER as PORTAL

KEY = "test-internal-key"
SHOP = "example.myshopify.com"
SITE = "https://example.com"
SECRET = "acceptance-secret"
KEYRING = Keyring.parse(Keyring.generate())
OWNERS = [COMMERCE, INBOX, CALLS, EVENTS, EXPERIMENTS, CLOSING, PORTAL]


@dataclass(frozen=True)
class Shop:
    """A connected store and its delivery token."""

    store_id: int
    token: str


@dataclass(frozen=True)
class Portal:
    """A running portal: a client for it, and its database."""

    http: httpx.AsyncClient
    port: int
    database: Database
    sealer: Sealer

    async def add_store(
        self, platform: str = "woocommerce", store_key: str = "example.com", secret: str = SECRET
    ) -> Shop:
        new = NewStore(
            platform=platform,
            store_key=store_key,
            display_name="Example",
            currency="EUR",
            timezone="Europe/Berlin",
            webhook_secret=secret,
        )
        async with self.database.transaction() as connection:
            store, token = await StoreRepository(self.sealer).add(connection, new)
        return Shop(store.store_id, token)

    async def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(query, *arguments)]

    async def bodies(self) -> list[bytes]:
        rows = await self.rows("SELECT store_id, body FROM inbox.deliveries ORDER BY delivery_id")
        return [self.sealer.open_body(row["body"], store_id=row["store_id"], purpose=BODY_PURPOSE) for row in rows]


def sign(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def woo_headers(body: bytes, *, secret: str = SECRET, **more: str) -> dict[str, str]:
    headers = {"x-wc-webhook-signature": sign(body, secret), "x-wc-webhook-source": SITE}
    return headers | {name.replace("_", "-"): value for name, value in more.items()}


@asynccontextmanager
async def running_portal(
    dsn: str,
    database_dsn: str | None = None,
    addresses: dict[str, str] | None = None,
    clock: Clock | None = None,
    **settings: Any,
) -> AsyncIterator[Portal]:
    """`dsn` is the portal's way to the database, `database_dsn` the test's own where they differ."""
    given = {"internal_api_key": KEY, "refusal_flush_seconds": 60, "allow_private_addresses": True, **settings}
    chosen = PortalSettings(port=0, **given)
    agents = {**dict.fromkeys(AGENTS, "127.0.0.1:1"), **(addresses or {})}
    platforms = {"shopify": Shopify(), "woocommerce": WooCommerce()}
    async with (
        CouncilClients.open(agents, api_key=KEY) as clients,
        open_component(
            dsn=dsn,
            keyring=KEYRING,
            clients=clients,
            platforms=platforms,
            settings=chosen,
            clock=clock or SystemClock(),
        ) as component,
        Database.open(database_dsn or dsn, application_name="test", max_size=3) as database,
    ):
        task = asyncio.create_task(component.run())
        while not component.ready().ok and not task.done():
            await asyncio.sleep(0.01)
        try:
            hooks = {"response": [check_answer]}
            base = f"http://127.0.0.1:{component.port}"
            async with httpx.AsyncClient(base_url=base, timeout=15, event_hooks=hooks) as http:
                assert component.port is not None
                yield Portal(http=http, port=component.port, database=database, sealer=Sealer(KEYRING))
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

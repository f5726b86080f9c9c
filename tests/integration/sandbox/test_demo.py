"""The demo against a portal that only answers: stores are connected, campaigns registered, and traffic flows."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from kiki.kit.errors import FailedPrecondition
from kiki.sandbox.demo import agent_settings, run_demo
from kiki.sandbox.demo_portal import ConnectedStore, DemoPortal
from kiki.sandbox.http_server import Answer, Request, serve_http

KEY = "internal-key"
CONNECTED = "2026-11-20T10:00:00Z"
ZERO = {"amount": "12.30", "currency": "EUR"}


class FakePortal:
    """Answers the routes that the demo uses and pauses what it is told is sold out, as SyncFlow would."""

    def __init__(self, *, known: bool = False) -> None:
        self.known = known
        self.webhooks: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.tokens: set[str] = set()
        self._network: dict[str, Any] = {}

    async def handle(self, request: Request) -> Answer:
        if request.path.startswith("/webhooks/"):
            return await self._webhook(request)
        if request.headers.get("x-internal-api-key") != KEY:
            return Answer(403)
        self.calls[f"{request.method} {'/'.join(request.path.split('/')[:3])}"] += 1
        body = json.loads(request.body) if request.body else {}
        match request.method, request.path.strip("/").split("/"):
            case "POST", ["internal", "stores"]:
                return self._connect(body)
            case "GET", ["internal", "stores"]:
                names = {1: ("shopify", "Demo shop (Shopify)"), 2: ("woocommerce", "Demo shop (WooCommerce)")}
                stores = [
                    {"store_id": n, "platform": p, "display_name": d, "connected_at": CONNECTED}
                    for n, (p, d) in names.items()
                ]
                return Answer.json({"stores": stores})
            case "POST", ["internal", "stores", number, "rotate-token"]:
                return Answer.json({"store_id": int(number), "delivery_token": f"again-{number}"})
            case "PUT", ["internal", "ad-networks", number, "google"]:
                self._network[number] = body
            case "POST", ["internal", "campaigns", number]:
                self._network[number]["campaigns"] = body["campaigns"]
                await self._pause_one(self._network[number])
            case "GET", ["reports", "oaas", "monthly", _]:
                statement = {"accrued_fee": ZERO, "incremental_revenue": ZERO, "attributed_orders": "3"}
                return Answer.json({"statement": statement})
        return Answer.json({})

    def _connect(self, body: dict[str, Any]) -> Answer:
        if self.known:
            return Answer.json({"reason": "STORE_EXISTS"}, 409)
        number = 1 if body["platform"] == "shopify" else 2
        known = {"store_id": number, "delivery_token": f"token-{number}", "connected_at": CONNECTED}
        return Answer.json(known, 201)

    async def _webhook(self, request: Request) -> Answer:
        _, _, platform, _, token, topic = request.path.split("/", 5)
        self.webhooks[f"{platform} {topic}"] += 1
        self.tokens.add(token)
        return Answer.json({})

    async def _pause_one(self, network: dict[str, Any]) -> None:
        campaign = network["campaigns"][-1]
        path = f"/v1/campaigns/{campaign['external_id']}/products/{campaign['promotions'][0]['product_id']}"
        async with httpx.AsyncClient(base_url=network["base_url"]) as http:
            answer = await http.patch(
                path, json={"status": "paused"}, headers={"Authorization": f"Bearer {network['token']}"}
            )
            answer.raise_for_status()


@pytest.mark.slow
@pytest.mark.parametrize("known", [pytest.param(False, id="first-run"), pytest.param(True, id="later-run")])
async def test_the_demo_sets_up_sends_and_tells(known: bool) -> None:
    portal = FakePortal(known=known)
    states: list[Mapping[str, Any]] = []
    async with serve_http(portal.handle) as port:
        progress = await run_demo(
            f"http://127.0.0.1:{port}",
            KEY,
            states.append,
            rate=200,
            seconds=4,
            ad_network_port=0,
            mailbox_port=0,
        )
    assert portal.calls["PUT /internal/ad-networks"] == portal.calls["POST /internal/campaigns"] == 2
    assert portal.calls["PUT /internal/stores"] == 2, "the shops' own APIs are told"
    assert portal.tokens == ({"again-1", "again-2"} if known else {"token-1", "token-2"})
    assert portal.webhooks["shopify orders/create"] > 5
    assert portal.webhooks["woocommerce order.created"] > 5
    assert progress.webhooks_acknowledged > 100
    assert progress.ads_paused == 2
    assert progress.orders_attributed == 6
    assert progress.fee == "12.30 EUR + 12.30 EUR"
    assert [row["store"] for row in states[-1]["stores"]] == ["Demo shop (Shopify)", "Demo shop (WooCommerce)"]
    assert any("stand still" in line for line in states[-1]["feed"])
    json.dumps(states[-1])


def ignore(state: Mapping[str, Any]) -> None:
    """Nobody watches."""


async def test_a_portal_that_refuses_ends_the_demo() -> None:
    portal = FakePortal()
    async with serve_http(portal.handle) as port:
        with pytest.raises(FailedPrecondition, match="403"):
            await run_demo(f"http://127.0.0.1:{port}", "wrong", ignore, ad_network_port=0, mailbox_port=0)


async def test_an_id_of_a_click_names_nobody() -> None:
    """The portal keeps the ids of touchpoints as they are told, and the audit shows them."""
    told: list[dict[str, Any]] = []

    async def handle(request: Request) -> Answer:
        told.extend(json.loads(request.body)["touchpoints"])
        return Answer.json({})

    at = dt.datetime(2026, 11, 20, 10, tzinfo=dt.UTC)
    store = ConnectedStore(1, "token", at)
    clicks = [("ada@sandbox.example", "c-1"), ("bob@sandbox.example", "c-1")]
    async with serve_http(handle) as port, DemoPortal.open(f"http://127.0.0.1:{port}", KEY) as portal:
        for _ in range(2):
            await portal.add_clicks(store, clicks, at)
    ids = [one["touchpoint_id"] for one in told]
    assert ids[:2] == ids[2:]
    assert len(set(ids)) == 2
    assert not any("sandbox" in one or "ada" in one for one in ids)


def test_agents_are_told_where_the_mailbox_is() -> None:
    assert agent_settings()["SYNCENGAGE_SMTP_HOST"] == "127.0.0.1"

"""An agent that is away delays its own calls and nothing else."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import signal

import pytest

from e2e.mesh import AGENTS, Mesh, Shop, until
from e2e.payloads import campaign, woo_order, woo_product

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

EFFECTS = {
    "syncvalue": "UpdateCustomerLTV",
    "syncflow": "PauseProductCampaigns",
    "syncledger": "RecordIncrementalRevenue",
    "synccreate": "GenerateProductCreative",
    "syncengage": "TriggerPostPurchaseFlow",
    "syncshield": "LogWebhookEvent",
}
SENT = 3
COUNTS = {"syncshield": SENT, "synccreate": 4}
"""Two new products are advertised on two networks each; everything else happens once."""


@pytest.mark.parametrize("killed", [False, True], ids=["frozen", "killed"])
@pytest.mark.parametrize("agent", AGENTS)
async def test_an_agent_may_be_away_for_a_while(mesh: Mesh, agent: str, killed: bool) -> None:
    shop, campaign_id = await promoted(mesh)
    began = dt.datetime.now(dt.UTC)
    pid = mesh.kill(agent, signal.SIGSTOP)
    away = mesh.neighbours(agent)
    try:
        await everything_is_answered(shop, campaign_id)
        await decided(mesh, shop, agent)
        await others_are_called(mesh, shop, away)
        assert await waiting(mesh, shop, [agent]) > 0, f"calls of {agent} wait"
    finally:
        os.kill(pid, signal.SIGKILL if killed else signal.SIGCONT)
    await mesh.settled()
    assert await mesh.rows("SELECT agent, method, reason, detail FROM calls.dead WHERE died_at > $1", began) == []
    for each, method in EFFECTS.items():
        await until(mesh.clients[each].healthy, what=f"{each} is back")
        assert (await mesh.effects(each, shop.store_id)).get(method) == COUNTS.get(each, 1), each


async def promoted(mesh: Mesh) -> tuple[Shop, str]:
    """A shop with a campaign of ours, known to all."""
    shop = await mesh.add_store("woocommerce")
    campaign_id = f"c-{secrets.token_hex(4)}"
    await mesh.send("POST", f"/internal/campaigns/{shop.store_id}", {"campaigns": [campaign(campaign_id, 11, 12)]})
    await mesh.settled()
    return shop, campaign_id


async def everything_is_answered(shop: Shop, campaign_id: str) -> None:
    """A paid order of ours, a new product, and one that is sold out: work for all six."""
    visit = [
        {"id": 1, "key": "_wc_order_attribution_utm_source", "value": "google"},
        {"id": 2, "key": "_wc_order_attribution_utm_campaign", "value": campaign_id},
    ]
    order = woo_order(100, product_id=11, meta_data=visit)
    sold_out = woo_product(12, stock_status="outofstock")
    deliveries = [("order.created", order), ("product.created", woo_product(11)), ("product.updated", sold_out)]
    assert len(deliveries) == SENT
    for topic, payload in deliveries:
        assert (await shop.deliver(topic, payload)).status_code == 200


async def decided(mesh: Mesh, shop: Shop, agent: str) -> None:
    async def nothing_waits() -> bool:
        return bool(await mesh.sql("SELECT count(*) = 0 FROM inbox.queue WHERE store_id = $1", shop.store_id))

    await until(nothing_waits, what=f"deliveries are decided without {agent}")


async def others_are_called(mesh: Mesh, shop: Shop, away: set[str]) -> None:
    async def nothing_waits() -> bool:
        return await waiting(mesh, shop, sorted(set(AGENTS) - away)) == 0

    await until(nothing_waits, what=f"the others are called while {sorted(away)} are away")


async def waiting(mesh: Mesh, shop: Shop, agents: list[str]) -> int:
    """Calls that wait; audits are of the whole installation, which has the number 0."""
    statement = "SELECT count(*) FROM calls.queue WHERE store_id IN (0, $1) AND agent = ANY($2::text[])"
    return int(await mesh.sql(statement, shop.store_id, agents))

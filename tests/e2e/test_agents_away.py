"""An agent that is away delays its own calls and nothing else."""

from __future__ import annotations

import os
import signal

import pytest

from e2e.mesh import AGENTS, Mesh, running_mesh, until
from e2e.payloads import woo_order, woo_product

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_each_agent_may_be_away_for_a_while() -> None:
    async with running_mesh("each") as mesh:
        for number, agent in enumerate(AGENTS):
            await _one_agent_away(mesh, agent, number)


async def _one_agent_away(mesh: Mesh, agent: str, number: int) -> None:
    shop = await mesh.add_store("woocommerce")
    await mesh.settled()
    pid = mesh.kill(agent, signal.SIGSTOP)
    try:
        order = woo_order(100 + number, email=f"c{number}@customer.example")
        answer = await shop.deliver("order.created", order)
        assert answer.status_code == 200
        assert (await shop.deliver("product.created", woo_product(11))).status_code == 200

        async def decided() -> bool:
            waiting = "SELECT count(*) FROM inbox.queue WHERE store_id = $1"
            return await mesh.sql(waiting, shop.store_id) == 0

        await until(decided, what=f"deliveries are decided without {agent}")

        async def others_called() -> bool:
            waiting = "SELECT count(*) FROM calls.queue WHERE store_id = $1 AND agent <> $2"
            return await mesh.sql(waiting, shop.store_id, agent) == 0

        await until(others_called, what=f"the others are called while {agent} is away")
        kept = await mesh.sql(
            "SELECT count(*) FROM calls.queue WHERE store_id = $1 AND agent = $2", shop.store_id, agent
        )
        dead = await mesh.sql("SELECT count(*) FROM calls.dead WHERE store_id = $1", shop.store_id)
        assert dead == 0
        if agent in ("syncvalue", "syncengage", "syncshield"):
            assert kept > 0, f"calls of {agent} wait"
    finally:
        os.kill(pid, signal.SIGCONT)
    await mesh.settled()
    assert await mesh.sql("SELECT count(*) FROM calls.dead WHERE store_id = $1", shop.store_id) == 0

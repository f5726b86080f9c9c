"""What the reconciler does when the ad network, or SyncFlow itself, fails."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import grpc
import pytest

from kiki.council.syncflow.settings import SyncFlowSettings
from kiki.council.syncflow.tables import OWNER
from kiki.kit.migrations import differences, downgrade, pending
from kiki.kit.sealing import Keyring
from kiki.rpc.v1 import syncflow_pb2 as pb
from kiki.sandbox.ad_network import Campaign, Faults, ProductAds

from .conftest import running

Flow = Any


async def test_a_network_that_was_down_is_driven_to_the_newest_wish(flow: Flow) -> None:
    flow.faults.offline = True
    await flow.pause()
    await flow.resume()
    await flow.pause()

    async def failed() -> bool:
        return any(action.last_error for action in await flow.actions())

    await flow.until(failed)
    assert len(flow.running()) == 2
    flow.faults.offline = False
    await flow.settled()
    assert flow.running() == []
    states = [action.state for action in await flow.actions(campaign_id="c-hats")]
    assert states[0] == pb.ACTION_STATE_APPLIED
    assert set(states[1:]) <= {pb.ACTION_STATE_SUPERSEDED, pb.ACTION_STATE_UNCHANGED}


async def test_a_change_whose_answer_was_lost_is_read_back_and_ours(flow: Flow) -> None:
    flow.faults.lost_answer_rate = 1.0
    await flow.pause()
    await flow.settled()
    assert flow.running() == []
    assert {action.state for action in await flow.actions()} == {pb.ACTION_STATE_APPLIED}
    flow.faults.lost_answer_rate = 0.0
    await flow.resume()
    await flow.settled()
    assert len(flow.running()) == 2
    assert len(flow.network.changes) == 4


async def test_a_change_that_takes_effect_when_nobody_waits_for_it_any_more_is_undone(flow: Flow) -> None:
    flow.faults.latency_seconds = (2.0, 2.0)
    asked = flow.network.requests
    await flow.pause("900")

    async def on_its_way() -> bool:
        return bool(flow.network.requests > asked)

    await flow.until(on_its_way)
    flow.faults.latency_seconds = (0.0, 0.0)
    await flow.resume("900")
    await flow.rested()
    await flow.network.wait_until(lambda network: network.get("x-c-other").status == "paused")
    await flow.network.wait_until(lambda network: network.get("x-c-other").status == "active")
    assert not (await flow.campaign("c-other")).doubtful


async def test_under_every_fault_at_once_it_converges_and_undoes_all_of_its_own(flow: Flow) -> None:
    bad = Faults(seed=7, hang_up_rate=0.15, error_rate=0.15, lost_answer_rate=0.4)
    for name in ("hang_up_rate", "error_rate", "lost_answer_rate", "seed"):
        setattr(flow.faults, name, getattr(bad, name))
    for turn in range(6):
        products = ("101", "102", "900")
        await asyncio.gather(*(flow.pause(p, decision_seq=2 * turn + 1) for p in products))
        await asyncio.sleep(0.03 * turn)
        await asyncio.gather(*(flow.resume(p, decision_seq=2 * turn + 2) for p in products))
    await flow.rested()
    assert [len(flow.running(product)) for product in ("101", "102", "900")] == [2, 1, 1]
    assert not any(item.doubtful for item in [await flow.campaign(name) for name in ("c-hats", "c-shoes", "c-other")])


async def test_two_processes_share_the_work_and_never_send_twice(
    flow: Flow, keyring: Keyring, settings: SyncFlowSettings
) -> None:
    async with running(flow.dsn, keyring, settings):
        for _ in range(10):
            await flow.pause()
            await flow.settled()
            await flow.resume()
            await flow.settled()
    assert len(flow.network.changes) == 40
    assert len(flow.running()) == 2


async def test_a_campaign_that_the_network_removed_is_shown_so(flow: Flow) -> None:
    await flow.network.change("x-c-hats", status="removed")
    await flow.pause()
    await flow.rested()
    assert (await flow.campaign("c-hats")).status == pb.CAMPAIGN_STATUS_REMOVED
    assert [a.state for a in await flow.actions(campaign_id="c-hats")] == [pb.ACTION_STATE_REFUSED]
    assert flow.running() == []


async def test_a_bid_that_the_network_refuses_does_not_keep_ads_for_what_is_sold_out(flow: Flow) -> None:
    flow.network.least_bid_minor = 100
    await flow.bids(2)
    await flow.settled()
    (bid,) = await flow.actions(campaign_id="c-hats")
    assert (bid.state, bid.last_error.split(":")[0]) == (pb.ACTION_STATE_REFUSED, "REFUSED_BY_NETWORK")
    await flow.pause()
    await flow.rested()
    assert flow.running() == []
    assert (await flow.actions(campaign_id="c-hats"))[0].state == pb.ACTION_STATE_APPLIED
    await flow.resume()
    await flow.rested()
    assert len(flow.running()) == 2


async def test_a_network_that_answers_and_does_nothing_is_left_alone_for_a_while(flow: Flow) -> None:
    flow.faults.ignored_rate = 1.0
    before = flow.network.requests
    await flow.pause("900")

    async def told() -> bool:
        return any("NO_CONVERGENCE" in action.last_error for action in await flow.actions())

    await flow.until(told)
    assert flow.network.requests - before < 20
    flow.faults.ignored_rate = 0.0
    await flow.settled()
    assert flow.running("900") == []


async def test_an_answer_about_the_campaign_that_stood_here_before_says_nothing_about_the_new_one(flow: Flow) -> None:
    new = Campaign("x-c-new", "c-other", "EUR", 120, 5_000, [ProductAds("900")], revision=7)
    flow.network.put(new)
    flow.faults.latency_seconds = (0.2, 0.2)
    await flow.pause("900")
    await asyncio.sleep(0.1)
    request = pb.RegisterCampaignsRequest(store_id=1, event_id="moved")
    campaign = request.campaigns.add(campaign_id="c-other", network="google", external_id="x-c-new")
    campaign.daily_budget.currency_code = "EUR"
    campaign.promotions.add(product_id="900")
    await flow.stub.RegisterCampaigns(request)
    await flow.rested()
    assert (new.status, (await flow.campaign("c-other")).doubtful) == ("paused", False)
    await flow.resume("900")
    await flow.rested()
    assert new.status == "active"


async def test_a_campaign_registered_for_a_sold_out_product_is_paused(flow: Flow) -> None:
    await flow.pause("900")
    await flow.rested()
    await flow.register({"c-other": ["900", "901"]})
    await flow.rested()
    assert flow.at_network("c-other").products[0].status == "active"
    assert flow.at_network("c-other").status == "paused"


async def test_an_external_id_has_one_campaign(flow: Flow) -> None:
    assert (await flow.register({"c-hats": ["101"]})).replaced == 1
    request = pb.RegisterCampaignsRequest(store_id=1, event_id="twin")
    twin = request.campaigns.add(campaign_id="c-twin", network="google", external_id="x-c-hats")
    twin.daily_budget.currency_code = "EUR"
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await flow.stub.RegisterCampaigns(request)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_work_waits_for_a_connection_to_its_network(flow: Flow) -> None:
    request = pb.RegisterCampaignsRequest(store_id=1, event_id="meta")
    campaign = request.campaigns.add(campaign_id="c-meta", network="meta", external_id="x-c-other")
    campaign.daily_budget.currency_code = "EUR"
    campaign.promotions.add(product_id="900")
    await flow.stub.RegisterCampaigns(request)
    await flow.pause("900")

    async def told() -> bool:
        return any("NO_AD_NETWORK" in action.last_error for action in await flow.actions(campaign_id="c-meta"))

    await flow.until(told)
    await flow.connect("meta")
    await flow.settled()


async def test_campaigns_are_listed_by_last_change_in_pages(flow: Flow) -> None:
    seen: list[str] = []
    token = ""
    for _ in range(3):
        page = await flow.stub.ListCampaigns(pb.ListCampaignsRequest(page_size=1, page_token=token))
        seen += [item.definition.campaign_id for item in page.campaigns]
        token = page.next_page_token
    assert (sorted(seen), token) == (["c-hats", "c-other", "c-shoes"], "")
    newest = max([(await flow.campaign(name)).updated_at.ToNanoseconds() for name in seen])
    after = pb.ListCampaignsRequest(store_id=1)
    after.updated_after.FromNanoseconds(newest)
    assert not (await flow.stub.ListCampaigns(after)).campaigns
    await flow.pause("900")
    await flow.settled()
    changed = (await flow.stub.ListCampaigns(after)).campaigns
    assert [(item.definition.campaign_id, list(item.paused_product_ids)) for item in changed] == [("c-other", ["900"])]


async def test_the_token_is_sealed_and_never_shown(flow: Flow) -> None:
    shown = await flow.stub.ListAdNetworks(pb.ListAdNetworksRequest(store_id=1))
    assert [item.network for item in shown.connections] == ["google"]
    connection = await asyncpg.connect(flow.dsn)
    for table in ("ad_networks", "receipts", "actions"):
        for row in await connection.fetch(f"SELECT t::text FROM syncflow.{table} t"):
            assert b"network-token".hex() not in row[0]
            assert "network-token" not in row[0]
    await connection.close()


async def test_migrations_give_the_tables_and_go_down_again(dsn: str) -> None:
    assert await differences(dsn, OWNER) == []
    await downgrade(dsn, OWNER, "base")
    assert await pending(dsn, [OWNER]) == {"syncflow": ["2026_11_23_initial"]}

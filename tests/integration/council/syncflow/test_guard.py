"""Pausing, resuming and bidding at a simulated ad network: real gRPC, PostgreSQL and HTTP."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from kiki.rpc.v1 import common_pb2
from kiki.rpc.v1 import syncflow_pb2 as pb
from kiki.sandbox.ad_network import Campaign, ProductAds

Flow = Any


async def test_a_product_loses_its_ads_and_a_campaign_stops_whole_with_its_last_product(flow: Flow) -> None:
    answer = await flow.pause()
    assert (list(answer.campaign_ids), answer.count) == (["c-hats", "c-shoes"], 2)
    saved = answer.estimated_daily_spend_saved
    assert (saved.units, saved.currency_code) == (75, "EUR")
    await flow.settled()
    assert flow.running("101") == []
    assert flow.running("102") == ["x-c-shoes"]
    assert flow.running("900") == ["x-c-other"]
    assert (flow.at_network("c-hats").status, flow.at_network("c-shoes").status) == ("paused", "active")
    await flow.pause("102")
    await flow.settled()
    assert flow.at_network("c-shoes").status == "paused"
    await flow.resume("102")
    await flow.settled()
    assert (flow.running("101"), flow.running("102")) == ([], ["x-c-shoes"])
    answer = await flow.resume("101")
    assert answer.count == 2
    await flow.settled()
    assert flow.running("101") == ["x-c-hats", "x-c-shoes"]


async def test_actions_tell_what_was_done_why_and_when(flow: Flow) -> None:
    await flow.pause(sku="SKU-1", actor="stock-guard", decision_seq=4)
    await flow.settled()
    actions = await flow.actions(campaign_id="c-hats")
    assert [(a.kind, a.state, a.product_id) for a in actions] == [
        (pb.ACTION_KIND_PAUSE, pb.ACTION_STATE_APPLIED, "101")
    ]
    assert list(actions[0].reasons) == [pb.PAUSE_REASON_OUT_OF_STOCK]
    assert (actions[0].actor, actions[0].decision_seq, actions[0].attempts) == ("stock-guard", 4, 1)
    assert actions[0].applied_at.ToNanoseconds() >= actions[0].requested_at.ToNanoseconds()
    assert [change.actor for change in flow.network.changes] == ["api", "api"]


async def test_a_repeated_event_is_answered_alike_and_other_content_is_refused(flow: Flow) -> None:
    first = await flow.pause(event_id="stock-1", decision_seq=1)
    again = await flow.pause(event_id="stock-1", decision_seq=7, lane=common_pb2.LANE_BULK)
    assert again == first
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await flow.pause(event_id="stock-1", reason=pb.PAUSE_REASON_PRODUCT_DELETED)
    assert refused.value.code() is grpc.StatusCode.ALREADY_EXISTS
    counts = await flow.stub.CountEffects(common_pb2.CountEffectsRequest(store_id=1))
    assert {c.method: c.count for c in counts.counts}["PauseProductCampaigns"] == 1


async def test_a_late_pause_never_beats_a_newer_resume(flow: Flow) -> None:
    await flow.pause(decision_seq=1)
    await flow.resume(decision_seq=3)
    late = await flow.pause(decision_seq=2)
    assert (late.superseded, late.count) == (True, 0)
    await flow.settled()
    await flow.rested()
    assert flow.running() == ["x-c-hats", "x-c-shoes"]


async def test_reasons_are_a_set_and_the_last_one_to_go_resumes(flow: Flow) -> None:
    await flow.pause()
    paused = await flow.margins({"101": 0.1, "102": 0.6})
    assert (paused.updated, list(paused.paused_product_ids)) == (2, [])
    answer = await flow.resume()
    assert (answer.count, list(answer.remaining_reasons)) == (0, [pb.PAUSE_REASON_LOW_MARGIN])
    await flow.rested()
    assert flow.running() == []
    resumed = await flow.margins({"101": 0.3})
    assert list(resumed.resumed_product_ids) == ["101"]
    await flow.settled()
    assert flow.running() == ["x-c-hats", "x-c-shoes"]


async def test_low_stock_halves_the_original_bid_and_restores_it(flow: Flow) -> None:
    answer = await flow.bids(3)
    change = answer.changes[0]
    assert (change.old_bid.units, change.old_bid.nanos, change.new_bid.nanos) == (1, 200_000_000, 600_000_000)
    await flow.settled()
    assert flow.at_network("c-hats").bid_minor == 60
    await flow.bids(2, factor="0.25")
    await flow.settled()
    assert flow.at_network("c-hats").bid_minor == 30
    await flow.bids(50)
    await flow.settled()
    assert {flow.at_network(name).bid_minor for name in ("c-hats", "c-shoes", "c-other")} == {120}


async def test_what_a_person_paused_before_us_stays_paused(flow: Flow) -> None:
    await flow.network.change("x-c-hats", status="paused")
    await flow.pause()
    await flow.settled()
    await flow.resume()
    await flow.rested()
    assert flow.running() == ["x-c-shoes"]
    assert flow.at_network("c-hats").changed_by == "person"


async def test_what_a_person_touched_after_us_is_flagged_and_left_until_released(flow: Flow) -> None:
    await flow.pause()
    await flow.settled()
    await flow.network.change("x-c-hats", status="active")
    await flow.network.change("x-c-hats", status="paused")
    await flow.resume()
    await flow.rested()
    assert flow.running() == ["x-c-shoes"]
    assert (await flow.campaign("c-hats")).doubtful
    actions = await flow.actions(campaign_id="c-hats", state=pb.ACTION_STATE_DOUBTFUL)
    assert [action.kind for action in actions] == [pb.ACTION_KIND_RESUME]
    order = {"reasons": [pb.PAUSE_REASON_MANUAL], "actor": "user:7", "note": "checked"}
    await flow.resume(**order)
    await flow.rested()
    assert flow.running() == ["x-c-hats", "x-c-shoes"]
    assert not (await flow.campaign("c-hats")).doubtful


async def test_a_change_elsewhere_in_the_campaign_does_not_cost_us_the_resume(flow: Flow) -> None:
    await flow.pause()
    await flow.settled()
    await flow.network.change("x-c-hats", bid_minor=150)
    await flow.resume()
    await flow.settled()
    assert "x-c-hats" in flow.running()
    assert flow.at_network("c-hats").bid_minor == 150


async def test_ads_that_a_person_resumed_are_not_paused_again(flow: Flow) -> None:
    await flow.pause()
    await flow.settled()
    await flow.network.change("x-c-hats", status="active")
    await flow.pause(reason=pb.PAUSE_REASON_PRODUCT_DELETED)
    await flow.bids(1, "101")
    await flow.rested()
    assert flow.at_network("c-hats").status == "active"


async def test_a_bid_that_a_person_set_is_not_restored_over(flow: Flow) -> None:
    await flow.bids(1)
    await flow.settled()
    await flow.network.change("x-c-hats", bid_minor=200)
    await flow.bids(99)
    await flow.rested()
    assert (flow.at_network("c-hats").bid_minor, flow.at_network("c-shoes").bid_minor) == (200, 120)


@pytest.mark.slow
async def test_a_hold_keeps_the_guard_away_until_it_is_released_or_expires(flow: Flow) -> None:
    hold = pb.HoldCampaignRequest(
        store_id=1, event_id="hold-1", campaign_id="c-hats", reason="launch day", actor="user:7"
    )
    held = await flow.stub.HoldCampaign(hold)
    assert (held.campaign.hold.reason, held.campaign.hold.actor) == ("launch day", "user:7")
    answer = await flow.pause()
    assert (list(answer.campaign_ids), list(answer.held_campaign_ids)) == (["c-shoes"], ["c-hats"])
    await flow.rested()
    assert flow.running() == ["x-c-hats"]
    assert [a.campaign_id for a in await flow.actions(state=pb.ACTION_STATE_HELD)] == ["c-hats"]
    release = pb.ReleaseHoldRequest(store_id=1, event_id="free-1", campaign_id="c-hats", actor="user:7")
    assert (await flow.stub.ReleaseHold(release)).released
    await flow.rested()
    assert flow.running() == []
    soon = Timestamp()
    soon.GetCurrentTime()
    hold.event_id, hold.campaign_id = "hold-2", "c-shoes"
    hold.expires_at.CopyFrom(Timestamp(seconds=soon.seconds + 1, nanos=soon.nanos))
    await flow.stub.HoldCampaign(hold)
    await flow.resume()

    async def resumed() -> bool:
        return "x-c-shoes" in flow.running()

    await asyncio.sleep(0.3)
    assert not await resumed()
    await flow.until(resumed)


async def test_a_person_pauses_and_orders_to_run_above_the_stock(flow: Flow) -> None:
    by_hand = {"actor": "user:7", "note": "price error"}
    await flow.pause(reason=pb.PAUSE_REASON_MANUAL, **by_hand)
    await flow.rested()
    answer = await flow.resume()
    assert list(answer.remaining_reasons) == [pb.PAUSE_REASON_MANUAL]
    await flow.rested()
    assert flow.running() == []
    await flow.resume(reasons=[pb.PAUSE_REASON_MANUAL], **by_hand)
    await flow.rested()
    assert len(flow.running()) == 2
    await flow.resume(reasons=[pb.PAUSE_REASON_MANUAL], **by_hand)
    answer = await flow.pause()
    assert (answer.count, len(answer.held_campaign_ids)) == (0, 2)
    await flow.rested()
    assert len(flow.running()) == 2
    state = await flow.stub.GetProductState(pb.GetProductStateRequest(store_id=1, product_id="101"))
    assert (state.ordered_to_run, list(state.reasons)) == (True, [pb.PAUSE_REASON_OUT_OF_STOCK])
    over = Timestamp(seconds=state.hand_expires_at.seconds + 1)
    await flow.resume(reasons=[pb.PAUSE_REASON_MANUAL], expires_at=over, **by_hand)
    await flow.rested()
    assert flow.running() == [], "an order that is over leaves the ads to their reasons"


async def test_a_batch_gives_a_result_per_item_and_bad_items_fail_alone(flow: Flow) -> None:
    requests = [
        pb.PauseProductCampaignsRequest(store_id=1, event_id=f"b-{n}", product_id=p, reason=reason)
        for n, (p, reason) in enumerate([("101", 1), ("", 1), ("102", 0), ("102", 2), ("101", 2)])
    ]
    answer = await flow.stub.BatchPauseProductCampaigns(pb.BatchPauseProductCampaignsRequest(requests=requests))
    assert [r.WhichOneof("outcome") for r in answer.results] == ["response", "error", "error", "response", "response"]
    assert [r.response.count for r in answer.results] == [2, 0, 0, 1, 0]
    await flow.settled()
    assert flow.running("101") == flow.running("102") == []


async def test_ads_of_a_product_that_is_promoted_no_longer_run_again_when_it_can_be_bought(flow: Flow) -> None:
    await flow.pause("101")
    await flow.rested()
    await flow.register({"c-shoes": ["102"], "c-hats": []})
    await flow.rested()
    assert flow.running("101") == [], "it is sold out still"
    assert flow.running("102") == ["x-c-shoes"]
    assert list((await flow.resume("101")).campaign_ids) == ["c-hats", "c-shoes"]
    await flow.rested()
    assert flow.running("101") == ["x-c-hats", "x-c-shoes"]
    assert await flow.actions(state=pb.ACTION_STATE_PENDING) == []
    await flow.pause("101")
    await flow.rested()
    assert flow.running("101") == ["x-c-hats", "x-c-shoes"], "it is nothing of ours any more"


async def test_a_product_that_a_campaign_takes_in_is_judged_at_once(flow: Flow) -> None:
    await flow.pause("102")
    await flow.bids(2, "900")
    await flow.rested()
    flow.at_network("c-hats").products.append(ProductAds("102"))
    await flow.register({"c-hats": ["101", "102"], "c-other": ["900"], "c-shoes": ["101"]})
    await flow.rested()
    assert flow.running("102") == []
    assert flow.running("101") == ["x-c-hats", "x-c-shoes"]
    assert flow.at_network("c-other").bid_minor == 60


async def test_a_promotion_that_begins_by_its_date_is_judged_then(flow: Flow) -> None:
    await flow.pause("101")
    await flow.rested()
    later, sooner = Timestamp(), Timestamp()
    later.FromDatetime(dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
    await flow.register({"c-new": []})
    flow.network.put(Campaign("x-c-new", "c-new", "EUR", 120, 5_000, [ProductAds("101"), ProductAds("102")]))
    await flow.register({"c-new": ["102"]}, more=[pb.Promotion(product_id="101", starts_at=later)])
    await flow.rested()
    assert "x-c-new" in flow.running("101"), "not promoted yet"
    sooner.FromDatetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1))
    await flow.register({"c-new": ["102"]}, more=[pb.Promotion(product_id="101", starts_at=sooner)])
    await flow.rested()

    async def paused() -> bool:
        return "x-c-new" not in flow.running("101")

    await flow.until(paused)

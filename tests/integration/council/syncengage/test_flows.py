"""Flows over real gRPC and PostgreSQL: what is planned, withheld, repeated and refused."""

from __future__ import annotations

import datetime as dt

import asyncpg
import grpc
import pytest

from integration.council.syncengage.harness import (
    NOON,
    Engage,
    availability,
    churn,
    customer,
    open_engage,
    order,
    upsell,
)
from kiki.kit.grpc.times import time_from_proto, time_to_proto
from kiki.rpc.v1 import common_pb2 as common
from kiki.rpc.v1 import syncengage_pb2 as pb


async def test_an_order_schedules_a_thank_you_and_a_marketing_mail(engage: Engage) -> None:
    answer = await engage.call("TriggerPostPurchaseFlow", order())
    assert answer.status == pb.FLOW_STATUS_SCHEDULED
    assert [mail.template for mail in answer.scheduled_emails] == ["order_thanks", "order_tips"]
    assert [mail.marketing for mail in answer.scheduled_emails] == [False, True]
    assert time_from_proto(answer.scheduled_emails[0].send_at) == NOON + dt.timedelta(minutes=15)
    assert [(item.template, item.reason) for item in answer.suppressed] == [("order_tips_sms", "no_sms_provider")]


async def test_a_repeated_event_gets_the_first_answer_and_other_content_is_refused(engage: Engage) -> None:
    first = await engage.call("TriggerPostPurchaseFlow", order())
    engage.clock.advance(dt.timedelta(hours=1))
    assert await engage.call("TriggerPostPurchaseFlow", order()) == first
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await engage.call("TriggerPostPurchaseFlow", order(order_number="#2"))
    assert refused.value.code() is grpc.StatusCode.ALREADY_EXISTS
    counts = await engage.call("CountEffects", common.CountEffectsRequest(store_id=1))
    assert [(count.method, count.count) for count in counts.counts] == [("TriggerPostPurchaseFlow", 1)]


@pytest.mark.parametrize(
    ("name", "fields", "reasons"),
    [
        ("no consent", {"customer": customer(accepts_email_marketing=False)}, {"order_tips": "no_consent"}),
        ("no address", {"customer": customer(email="")}, {"order_thanks": "no_address", "order_tips": "no_address"}),
        (
            "too old",
            {"placed_at": NOON - dt.timedelta(hours=49)},
            {"order_thanks": "order_too_old", "order_tips": "order_too_old"},
        ),
    ],
)
async def test_a_suppression_keeps_its_reason(
    engage: Engage, name: str, fields: dict[str, object], reasons: dict[str, str]
) -> None:
    answer = await engage.call("TriggerPostPurchaseFlow", order(**fields))
    told = {item.template: item.reason for item in answer.suppressed if item.channel == pb.CHANNEL_EMAIL}
    assert told == reasons, name
    kept = await engage.call("GetFlow", pb.GetFlowRequest(store_id=1, flow_id=answer.flow_id))
    assert {item.template: item.reason for item in kept.flow.suppressed if item.channel == pb.CHANNEL_EMAIL} == reasons


async def test_one_bad_request_of_a_batch_fails_alone(engage: Engage) -> None:
    requests = [order(1), order(2, customer=customer(key="")), order(3, customer=customer("c3"))]
    answer = await engage.call(
        "BatchTriggerPostPurchaseFlows", pb.BatchTriggerPostPurchaseFlowsRequest(requests=requests)
    )
    assert [result.WhichOneof("outcome") for result in answer.results] == ["response", "error", "response"]
    assert answer.results[1].error.reason == "BAD_FIELD"


async def test_the_held_out_get_the_transactional_mail_only(engage_dsn: str) -> None:
    async with open_engage(engage_dsn, holdout_share=0.5) as engage:
        requests = [order(number, customer=customer(f"c{number}")) for number in range(60)]
        answer = await engage.call(
            "BatchTriggerPostPurchaseFlows", pb.BatchTriggerPostPurchaseFlowsRequest(requests=requests)
        )
        held = [r.response for r in answer.results if r.response.status == pb.FLOW_STATUS_HELD_OUT]
        assert 15 <= len(held) <= 45
        assert {tuple(mail.template for mail in flow.scheduled_emails) for flow in held} == {("order_thanks",)}
        counts = await engage.call("GetFlowStatistics", pb.GetFlowStatisticsRequest(store_id=1))
        assert sum(count.count for count in counts.flows if count.held_out) == len(held)


async def test_a_win_back_waits_for_its_code_and_sends_nothing_without(engage: Engage) -> None:
    answer = await engage.call("TriggerChurnPrevention", churn())
    assert answer.status == pb.FLOW_STATUS_WAITING_FOR_CODE
    assert (answer.discount_code, answer.discount_percent) == ("", 10)
    assert not answer.HasField("discount_expires_at")
    again = await engage.call("TriggerChurnPrevention", churn(2))
    assert {item.reason for item in again.suppressed} == {"flow_repeated"}
    code = pb.PutDiscountCodeRequest(
        store_id=1,
        event_id="code-1",
        flow_id=answer.flow_id,
        code="BACK10",
        expires_at=time_to_proto(NOON + dt.timedelta(days=14)),
    )
    released = await engage.call("PutDiscountCode", code)
    assert released.status == pb.FLOW_STATUS_SCHEDULED
    assert [mail.template for mail in released.scheduled_emails] == ["winback"]
    code.event_id = "code-2"
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await engage.call("PutDiscountCode", code)
    assert refused.value.code() is grpc.StatusCode.ALREADY_EXISTS


async def test_a_win_back_whose_code_never_comes_is_cancelled(engage: Engage) -> None:
    answer = await engage.call("TriggerChurnPrevention", churn())
    engage.clock.advance(dt.timedelta(days=8))
    await engage.keep_house()
    flow = (await engage.call("GetFlow", pb.GetFlowRequest(store_id=1, flow_id=answer.flow_id))).flow
    assert flow.status == pb.FLOW_STATUS_CANCELLED
    assert [item.reason for item in flow.suppressed if item.channel == pb.CHANNEL_EMAIL] == ["no_code"]


async def test_upsell_recommends_what_is_bought_together(engage: Engage) -> None:
    await engage.call("TriggerPostPurchaseFlow", order(1))
    other = [common.OrderLineItem(product_id="p3", title="Shade", quantity=1)]
    await engage.call("TriggerPostPurchaseFlow", order(2, items=other))
    assert await engage.keep_house() == 2
    answer = await engage.call("TriggerUpsellFlow", upsell())
    assert [(item.product_id, item.bought_together) for item in answer.recommended_products] == [("p2", 1), ("p3", 0)]
    assert answer.recommended_products[0].title == "Bulb"
    assert answer.campaign_id == "syncengage-upsell-2026-11"
    assert [mail.template for mail in answer.scheduled_emails] == ["upsell"]


async def test_what_cannot_be_bought_is_not_recommended(engage: Engage) -> None:
    await engage.call("TriggerPostPurchaseFlow", order())
    assert await engage.keep_house() == 1
    assert [p.product_id for p in (await engage.call("TriggerUpsellFlow", upsell(1))).recommended_products] == ["p2"]
    assert (await engage.call("PutProductAvailability", availability(2, p2=False))).applied == 1
    gone = await engage.call("TriggerUpsellFlow", upsell(2))
    assert (list(gone.recommended_products), gone.status) == ([], pb.FLOW_STATUS_SUPPRESSED)
    assert (await engage.call("PutProductAvailability", availability(1, p2=True))).applied == 0, "an older word"
    assert list((await engage.call("TriggerUpsellFlow", upsell(3))).recommended_products) == []
    assert (await engage.call("PutProductAvailability", availability(3, p2=True))).applied == 1
    assert (await engage.call("PutProductAvailability", availability(3, p2=True))).applied == 1, "the first answer"
    assert [p.product_id for p in (await engage.call("TriggerUpsellFlow", upsell(4))).recommended_products] == ["p2"]


@pytest.mark.parametrize(
    "products",
    [
        pytest.param([pb.ProductAvailability(product_id="p1")] * 2, id="twice"),
        pytest.param([pb.ProductAvailability()], id="no-product"),
        pytest.param([pb.ProductAvailability(product_id=str(n)) for n in range(301)], id="too-many"),
    ],
)
async def test_availability_that_cannot_be_read_is_refused(
    engage: Engage, products: list[pb.ProductAvailability]
) -> None:
    request = pb.PutProductAvailabilityRequest(store_id=1, event_id="e", products=products)
    with pytest.raises(Exception, match="INVALID_ARGUMENT"):
        await engage.call("PutProductAvailability", request)


async def test_upsell_without_anything_to_recommend_is_suppressed(engage: Engage) -> None:
    answer = await engage.call("TriggerUpsellFlow", upsell())
    assert answer.status == pb.FLOW_STATUS_SUPPRESSED
    assert [item.reason for item in answer.suppressed] == ["no_recommendation"]


async def test_flows_and_messages_come_in_pages(engage: Engage) -> None:
    for number in range(5):
        await engage.call("TriggerPostPurchaseFlow", order(number, customer=customer(f"c{number}")))
    first = await engage.call("ListFlows", pb.ListFlowsRequest(store_id=1, page_size=3))
    rest = await engage.call(
        "ListFlows", pb.ListFlowsRequest(store_id=1, page_size=3, page_token=first.next_page_token)
    )
    subjects = [flow.subject for flow in [*first.flows, *rest.flows]]
    assert subjects == ["1004", "1003", "1002", "1001", "1000"]
    assert rest.next_page_token == ""
    messages = await engage.call("ListMessages", pb.ListMessagesRequest(store_id=1, customer_key="c2"))
    assert {message.customer_key for message in messages.messages} == {"c2"}


async def test_nothing_personal_stands_in_clear(engage: Engage) -> None:
    person = customer("key-1", email="secret.person@example.com", phone="+4915112345678", first_name="Zerlina")
    await engage.call("TriggerPostPurchaseFlow", order(customer=person))
    connection = await asyncpg.connect(engage.dsn)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'syncengage'")
        dump = ""
        for (name,) in tables:
            dump += str(await connection.fetch(f"SELECT * FROM syncengage.{name}"))
    finally:
        await connection.close()
    assert [word for word in ("secret.person", "Zerlina", "15112345678") if word in dump] == []

"""Requests of several kinds in one batch, over real gRPC and PostgreSQL."""

from __future__ import annotations

import datetime as dt
from typing import Any

import asyncpg
import grpc
import pytest

from integration.council.syncengage.harness import NOON, Engage, churn, contact, customer, order, upsell
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import common_pb2 as common
from kiki.rpc.v1 import syncengage_pb2 as pb

YES = pb.Consent(state=pb.CONSENT_STATE_GRANTED, given_at=time_to_proto(NOON), source="shop_profile")
NO = pb.Consent(state=pb.CONSENT_STATE_DENIED, given_at=time_to_proto(NOON), source="shop_profile")


def batch(*requests: Any) -> pb.BatchEngageRequest:
    fields = {
        pb.PutContactRequest: "put_contact",
        pb.TriggerPostPurchaseFlowRequest: "post_purchase",
        pb.TriggerChurnPreventionRequest: "churn_prevention",
        pb.TriggerUpsellFlowRequest: "upsell",
    }
    return pb.BatchEngageRequest(
        requests=[pb.EngageRequest(**{fields[type(request)]: request}) for request in requests]
    )


async def effects(engage: Engage) -> dict[str, int]:
    counts = await engage.call("CountEffects", common.CountEffectsRequest(store_id=1))
    return {count.method: count.count for count in counts.counts}


async def test_each_kind_does_what_its_own_method_does(engage: Engage) -> None:
    at_risk = churn(customer=customer("c2"))
    answer = await engage.call("BatchEngage", batch(upsell(), contact(email_consent=YES), order(), at_risk))
    kinds = [result.response.WhichOneof("response") for result in answer.results]
    assert kinds == ["upsell", "put_contact", "post_purchase", "churn_prevention"]
    assert answer.results[1].response.put_contact.email_marketing_allowed
    thanks = answer.results[2].response.post_purchase
    assert [mail.template for mail in thanks.scheduled_emails] == ["order_thanks", "order_tips"]
    assert answer.results[3].response.churn_prevention.status == pb.FLOW_STATUS_WAITING_FOR_CODE
    assert await effects(engage) == {
        "PutContact": 1,
        "TriggerChurnPrevention": 1,
        "TriggerPostPurchaseFlow": 1,
        "TriggerUpsellFlow": 1,
    }


async def test_it_is_one_transaction(engage: Engage, engage_dsn: str) -> None:
    requests = [contact(n, f"c{n}") for n in range(1, 9)] + [order(n, customer=customer(f"c{n}")) for n in range(1, 9)]
    await engage.call("BatchEngage", batch(*requests))
    connection = await asyncpg.connect(engage_dsn)
    try:
        assert await connection.fetchval("SELECT count(DISTINCT xmin::text) FROM syncengage.receipts") == 1
        assert await connection.fetchval("SELECT count(*) FROM syncengage.receipts") == 16
    finally:
        await connection.close()


async def test_requests_for_one_contact_are_done_in_their_order(engage: Engage) -> None:
    answer = await engage.call(
        "BatchEngage",
        batch(
            contact(1, email_consent=YES),
            order(1),
            contact(2, email_consent=NO, customer=customer(accepts_email_marketing=False)),
            order(2, customer=customer(accepts_email_marketing=False)),
        ),
    )
    first, second = (answer.results[n].response.post_purchase for n in (1, 3))
    assert [mail.template for mail in first.scheduled_emails] == ["order_thanks", "order_tips"]
    assert [mail.template for mail in second.scheduled_emails] == ["order_thanks"]


async def test_a_bad_request_fails_alone_and_an_empty_one_is_refused(engage: Engage) -> None:
    requests = batch(order(1), order(2, customer=customer(key="")), contact(1))
    requests.requests.append(pb.EngageRequest())
    answer = await engage.call("BatchEngage", requests)
    assert [result.WhichOneof("outcome") for result in answer.results] == ["response", "error", "response", "error"]
    assert [answer.results[n].error.reason for n in (1, 3)] == ["BAD_FIELD", "MISSING_FIELD"]
    too_many = batch(*[contact(n, f"c{n}") for n in range(301)])
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await engage.call("BatchEngage", too_many)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_repeats_get_the_first_answers_whichever_way_they_come(engage: Engage) -> None:
    single = await engage.call("TriggerPostPurchaseFlow", order(1))
    first = await engage.call("BatchEngage", batch(order(1), contact(1), upsell(1)))
    engage.clock.advance(dt.timedelta(hours=1))
    again = await engage.call("BatchEngage", batch(order(1), contact(1), upsell(1)))
    assert first == again
    assert first.results[0].response.post_purchase == single
    changed = await engage.call("BatchEngage", batch(order(1, order_number="#9"), contact(2)))
    assert changed.results[0].error.reason == "EVENT_ID_REUSED"
    assert changed.results[1].WhichOneof("outcome") == "response"
    assert await effects(engage) == {"PutContact": 2, "TriggerPostPurchaseFlow": 1, "TriggerUpsellFlow": 1}


async def test_an_older_statement_in_the_batch_changes_nothing(engage: Engage) -> None:
    late = contact(3, observed_at=time_to_proto(NOON - dt.timedelta(days=1)))
    answer = await engage.call("BatchEngage", batch(contact(2), late))
    assert [result.response.put_contact.applied for result in answer.results] == [True, False]

"""What flows back from agents' answers."""

from __future__ import annotations

from google.protobuf.message import Message

from kiki.kit.clock import SystemClock
from kiki.kit.grpc.money import money_to_proto
from kiki.kit.money import Money
from kiki.orchestrator.calls.intents import CallIntent
from kiki.orchestrator.calls.protocol import AnsweredCall
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.workflows.answers import events_of, follow_up
from kiki.rpc.v1 import events_pb2, syncflow_pb2, syncledger_pb2, syncvalue_pb2

FEE = money_to_proto(Money(2000, "EUR"))


def answered(
    method: str, response: Message, *, store_id: int = 1, lane: Lane = Lane.LIVE, request: Message | None = None
) -> AnsweredCall:
    body = b"" if request is None else request.SerializeToString()
    intent = CallIntent(store_id, "agent", method, lane, "e", "order:1", "event", body)
    return AnsweredCall(intent, response.SerializeToString())


def valued(order_id: str, *, applied: bool = True) -> syncvalue_pb2.UpdateCustomerLTVResponse:
    return syncvalue_pb2.UpdateCustomerLTVResponse(
        order_id=order_id,
        customer_key="k",
        predicted_ltv=FEE,
        confidence=0.5,
        churn_risk=0.25,
        segment=syncvalue_pb2.CustomerSegment.CUSTOMER_SEGMENT_HIGH,
        applied=applied,
    )


def test_a_chunk_of_values_is_one_fact_per_store_and_lane() -> None:
    calls = [
        answered("UpdateCustomerLTV", valued("1")),
        answered("UpdateCustomerLTV", valued("2")),
        answered("UpdateCustomerLTV", valued("3"), store_id=2),
        answered("UpdateCustomerLTV", valued("4"), lane=Lane.BULK),
        answered("UpdateCustomerLTV", valued("5", applied=False)),
    ]
    facts = follow_up(calls)
    assert [(fact.store_id, fact.lane, len(fact.fact.body["customers"])) for fact in facts] == [
        (1, Lane.LIVE, 2),
        (2, Lane.LIVE, 1),
        (1, Lane.BULK, 1),
    ]
    entry = facts[0].fact.body["customers"][0]
    assert (entry["ltv_minor"], entry["ltv_currency"], entry["segment"]) == (2000, "EUR", "high")


def test_revenue_that_was_counted_is_told_with_its_fee() -> None:
    response = syncledger_pb2.RecordIncrementalRevenueResponse(order_id="1", counted=True, fee=FEE, entry_id="e1")
    calls = [answered("RecordIncrementalRevenue", response)]
    (fact,) = follow_up(calls)
    assert fact.fact.body == {"orders": [{"order_id": "1", "fee_minor": 2000, "fee_currency": "EUR"}]}
    (event,) = events_of(SystemClock())(calls)
    assert (event.type, event.subject) == ("RevenueRecordedEvent", "order:1")
    assert events_pb2.RevenueRecordedEvent.FromString(event.payload).entry_id == "e1"


def test_revenue_that_was_not_counted_is_no_event() -> None:
    calls = [answered("RecordIncrementalRevenue", syncledger_pb2.RecordIncrementalRevenueResponse(order_id="1"))]
    assert not follow_up(calls)
    assert not events_of(SystemClock())(calls)


def test_a_pause_that_took_effect_is_an_event() -> None:
    request = syncflow_pb2.PauseProductCampaignsRequest(
        product_id="p", reason=syncflow_pb2.PauseReason.PAUSE_REASON_OUT_OF_STOCK
    )
    response = syncflow_pb2.PauseProductCampaignsResponse(campaign_ids=["k"], count=1)
    (event,) = events_of(SystemClock())([answered("PauseProductCampaigns", response, request=request)])
    message = events_pb2.CampaignsPausedEvent.FromString(event.payload)
    assert (message.product_id, message.reason, list(message.campaign_ids)) == ("p", "out_of_stock", ["k"])
    nothing = syncflow_pb2.PauseProductCampaignsResponse(superseded=True, campaign_ids=["k"])
    assert not events_of(SystemClock())([answered("PauseProductCampaigns", nothing, request=request)])


def test_a_page_of_campaigns_becomes_a_projection() -> None:
    campaign = syncflow_pb2.Campaign(
        store_id=1,
        definition=syncflow_pb2.CampaignDefinition(
            campaign_id="k", network="google", promotions=[syncflow_pb2.Promotion(product_id="p")]
        ),
    )
    page = syncflow_pb2.ListCampaignsResponse(campaigns=[campaign], next_page_token="more")
    (fact,) = follow_up([answered("ListCampaigns", page)])
    assert fact.fact.body["next_page_token"] == "more"
    assert fact.fact.body["campaigns"][0]["promotions"] == [{"product_id": "p", "from_at": None, "to_at": None}]


def test_a_baseline_comes_back_with_what_it_was_asked_under() -> None:
    baseline = syncvalue_pb2.Baseline(
        revenue=money_to_proto(Money(120_000, "EUR")),
        monthly_average=money_to_proto(Money(10_000, "EUR")),
        months_available=11,
        basis=syncvalue_pb2.RevenueBasis.REVENUE_BASIS_TOTAL,
    )
    response = syncvalue_pb2.UpdateBaselineMetricsResponse(baseline=baseline)
    (fact,) = follow_up([answered("UpdateBaselineMetrics", response, lane=Lane.BULK)])
    assert (fact.lane, fact.fact.kind) == (Lane.BULK, "baseline_computed")
    assert fact.fact.body["baselines"] == [
        {
            "asked": "event",
            "revenue_minor": 120_000,
            "monthly_minor": 10_000,
            "currency": "EUR",
            "months_available": 11,
            "basis": "total",
        }
    ]

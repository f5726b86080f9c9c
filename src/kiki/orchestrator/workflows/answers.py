"""What flows back from agents' answers: facts to decide on, and events of what took effect.

The answers of one chunk make one fact per store, lane and kind, so that a chunk of 300 lifetime values is one delivery.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from google.type.money_pb2 import Money as MoneyMessage

from kiki.kit.clock import Clock
from kiki.kit.grpc.money import money_from_proto
from kiki.orchestrator.calls.protocol import AnsweredCall, InternalFactFor
from kiki.orchestrator.events.log import LogEvent
from kiki.orchestrator.inbox.protocol import InternalFact
from kiki.orchestrator.lanes import Lane
from kiki.rpc.v1 import events_pb2, syncflow_pb2, syncledger_pb2, syncshield_pb2, syncvalue_pb2

_SEGMENTS = {
    syncvalue_pb2.CustomerSegment.CUSTOMER_SEGMENT_HIGH: "high",
    syncvalue_pb2.CustomerSegment.CUSTOMER_SEGMENT_MEDIUM: "medium",
    syncvalue_pb2.CustomerSegment.CUSTOMER_SEGMENT_LOW: "low",
}
_SUBJECT_KINDS = {
    syncshield_pb2.SubjectRequestKind.SUBJECT_REQUEST_KIND_ACCESS: "access",
    syncshield_pb2.SubjectRequestKind.SUBJECT_REQUEST_KIND_ERASURE: "erase_customer",
    syncshield_pb2.SubjectRequestKind.SUBJECT_REQUEST_KIND_STORE_ERASURE: "erase_store",
}
_BASES = {
    syncvalue_pb2.RevenueBasis.REVENUE_BASIS_NET_SALES: "net_sales",
    syncvalue_pb2.RevenueBasis.REVENUE_BASIS_TOTAL: "total",
}
_STATUSES = {
    syncflow_pb2.CampaignStatus.CAMPAIGN_STATUS_ACTIVE: "active",
    syncflow_pb2.CampaignStatus.CAMPAIGN_STATUS_PAUSED: "paused",
    syncflow_pb2.CampaignStatus.CAMPAIGN_STATUS_REMOVED: "removed",
}
_Entry = dict[str, Any]


def follow_up(answered: Sequence[AnsweredCall]) -> Sequence[InternalFactFor]:
    """Facts that the decisions want to know of."""
    found: dict[tuple[int, Lane, str, str], list[_Entry]] = {}
    facts: list[InternalFactFor] = []
    for call in answered:
        method = call.intent.method
        if method == "ListCampaigns":
            facts.append(_campaigns_listed(call))
            continue
        reader = _READERS.get(method)
        entry = reader[2](call) if reader is not None else None
        if reader is not None and entry is not None:
            key = (call.intent.store_id, call.intent.lane, reader[0], reader[1])
            found.setdefault(key, []).append(entry)
    for (store_id, lane, kind, name), entries in found.items():
        facts.append(InternalFactFor(store_id, lane, InternalFact(kind, {name: entries})))
    return facts


def events_of(clock: Clock) -> Callable[[Sequence[AnsweredCall]], Sequence[LogEvent]]:
    """The function that makes log events of answers, at the clock's time."""

    def events(answered: Sequence[AnsweredCall]) -> Sequence[LogEvent]:
        now = clock.now()
        return [event for call in answered if (event := _event(call, now)) is not None]

    return events


def campaigns_fact(response: syncflow_pb2.ListCampaignsResponse) -> dict[int, InternalFact]:
    """A page of SyncFlow's registry as one fact per store."""
    stores: dict[int, list[_Entry]] = {}
    for campaign in response.campaigns:
        stores.setdefault(campaign.store_id, []).append(_campaign(campaign))
    return {store_id: InternalFact("campaigns_changed", {"campaigns": rows}) for store_id, rows in stores.items()}


def _valued(call: AnsweredCall) -> _Entry | None:
    response = syncvalue_pb2.UpdateCustomerLTVResponse.FromString(call.response)
    if not response.applied or not response.customer_key or not response.HasField("predicted_ltv"):
        return None
    ltv = money_from_proto(response.predicted_ltv)
    return {
        "customer_key": response.customer_key,
        "order_id": response.order_id,
        "ltv_minor": ltv.minor,
        "ltv_currency": ltv.currency,
        "confidence": response.confidence,
        "churn_risk": response.churn_risk,
        "segment": _SEGMENTS.get(response.segment, ""),
    }


def _recorded(call: AnsweredCall) -> _Entry | None:
    response = syncledger_pb2.RecordIncrementalRevenueResponse.FromString(call.response)
    if not response.counted or not response.entry_id:
        return None
    fee = money_from_proto(response.fee)
    reversed_fee = _minor(response.reversed_fee) if response.HasField("reversed_fee") else 0
    return {"order_id": response.order_id, "fee_minor": fee.minor - reversed_fee, "fee_currency": fee.currency}


def _refunded(call: AnsweredCall) -> _Entry | None:
    response = syncledger_pb2.RecordRefundResponse.FromString(call.response)
    if not response.entry_id:
        return None
    return {"order_id": response.order_id, "fee_minor": _minor(response.reversed_fee)}


def _reversed(call: AnsweredCall) -> _Entry | None:
    response = syncledger_pb2.ReverseOrderRevenueResponse.FromString(call.response)
    if not response.entry_id:
        return None
    return {"order_id": response.order_id, "fee_minor": _minor(response.reversed_fee)}


def _baseline(call: AnsweredCall) -> _Entry | None:
    baseline = syncvalue_pb2.UpdateBaselineMetricsResponse.FromString(call.response).baseline
    if not baseline.HasField("revenue") or not baseline.HasField("monthly_average"):
        return None
    revenue, monthly = money_from_proto(baseline.revenue), money_from_proto(baseline.monthly_average)
    return {
        "asked": call.intent.event_id,
        "revenue_minor": revenue.minor,
        "monthly_minor": monthly.minor,
        "currency": revenue.currency,
        "months_available": baseline.months_available,
        "basis": _BASES.get(baseline.basis, "net_sales"),
    }


def _request_opened(call: AnsweredCall) -> _Entry | None:
    opened = syncshield_pb2.OpenSubjectRequestResponse.FromString(call.response).subject_request
    return {"request_id": opened.request_id, "kind": _SUBJECT_KINDS.get(opened.kind, "access")}


_READERS: dict[str, tuple[str, str, Callable[[AnsweredCall], _Entry | None]]] = {
    "UpdateCustomerLTV": ("customer_valued", "customers", _valued),
    "RecordIncrementalRevenue": ("revenue_recorded", "orders", _recorded),
    "RecordRefund": ("revenue_reversed", "orders", _refunded),
    "ReverseOrderRevenue": ("revenue_reversed", "orders", _reversed),
    "UpdateBaselineMetrics": ("baseline_computed", "baselines", _baseline),
    "OpenSubjectRequest": ("subject_request_opened", "requests", _request_opened),
}
"""Method → (kind of fact, name of its list, how an entry is read)."""


def _campaigns_listed(call: AnsweredCall) -> InternalFactFor:
    response = syncflow_pb2.ListCampaignsResponse.FromString(call.response)
    fact = campaigns_fact(response).get(call.intent.store_id, InternalFact("campaigns_changed", {"campaigns": []}))
    body = {**fact.body, "next_page_token": response.next_page_token}
    return InternalFactFor(call.intent.store_id, call.intent.lane, InternalFact(fact.kind, body))


def _campaign(campaign: syncflow_pb2.Campaign) -> _Entry:
    definition = campaign.definition
    return {
        "campaign_id": definition.campaign_id,
        "network": definition.network,
        "name": definition.name,
        "utm_campaign": definition.utm_campaign,
        "utm_id": definition.utm_id,
        "status": _STATUSES.get(campaign.status, "unknown"),
        "ended": definition.ended,
        "promotions": [
            {
                "product_id": promotion.product_id,
                "from_at": _time(promotion, "starts_at"),
                "to_at": _time(promotion, "ends_at"),
            }
            for promotion in definition.promotions
        ],
    }


def _time(promotion: syncflow_pb2.Promotion, name: str) -> str | None:
    if not promotion.HasField(name):
        return None
    at: dt.datetime = getattr(promotion, name).ToDatetime(tzinfo=dt.UTC)
    return at.isoformat()


def _event(call: AnsweredCall, now: dt.datetime) -> LogEvent | None:
    reader = _EVENTS.get(call.intent.method)
    if reader is None:
        return None
    message = reader(call)
    if message is None:
        return None
    return LogEvent(
        store_id=call.intent.store_id,
        type=type(message).__name__,
        subject=call.intent.subject,
        payload=message.SerializeToString(),
        occurred_at=now,
    )


def _revenue_event(call: AnsweredCall) -> events_pb2.RevenueRecordedEvent | None:
    response = syncledger_pb2.RecordIncrementalRevenueResponse.FromString(call.response)
    if not response.counted or not response.entry_id:
        return None
    return events_pb2.RevenueRecordedEvent(
        store_id=call.intent.store_id,
        order_id=response.order_id,
        incremental_revenue=response.incremental_revenue,
        fee=response.fee,
        entry_id=response.entry_id,
    )


def _refund_event(call: AnsweredCall) -> events_pb2.RevenueReversedEvent | None:
    response = syncledger_pb2.RecordRefundResponse.FromString(call.response)
    if not response.entry_id:
        return None
    return events_pb2.RevenueReversedEvent(
        store_id=call.intent.store_id,
        order_id=response.order_id,
        refund_id=response.refund_id,
        reversed_revenue=response.reversed_revenue,
        reversed_fee=response.reversed_fee,
        entry_id=response.entry_id,
    )


def _reversal_event(call: AnsweredCall) -> events_pb2.RevenueReversedEvent | None:
    response = syncledger_pb2.ReverseOrderRevenueResponse.FromString(call.response)
    if not response.entry_id:
        return None
    return events_pb2.RevenueReversedEvent(
        store_id=call.intent.store_id,
        order_id=response.order_id,
        reversed_revenue=response.reversed_revenue,
        reversed_fee=response.reversed_fee,
        entry_id=response.entry_id,
    )


def _pause_event(call: AnsweredCall) -> events_pb2.CampaignsPausedEvent | None:
    response = syncflow_pb2.PauseProductCampaignsResponse.FromString(call.response)
    if response.superseded or not response.campaign_ids:
        return None
    request = syncflow_pb2.PauseProductCampaignsRequest.FromString(call.intent.request)
    return events_pb2.CampaignsPausedEvent(
        store_id=call.intent.store_id,
        product_id=request.product_id,
        campaign_ids=response.campaign_ids,
        reason=syncflow_pb2.PauseReason.Name(request.reason).removeprefix("PAUSE_REASON_").lower(),
        estimated_daily_spend_saved=response.estimated_daily_spend_saved,
    )


def _resume_event(call: AnsweredCall) -> events_pb2.CampaignsResumedEvent | None:
    response = syncflow_pb2.ResumeProductCampaignsResponse.FromString(call.response)
    if response.superseded or not response.campaign_ids:
        return None
    return events_pb2.CampaignsResumedEvent(
        store_id=call.intent.store_id,
        product_id=syncflow_pb2.ResumeProductCampaignsRequest.FromString(call.intent.request).product_id,
        campaign_ids=response.campaign_ids,
        estimated_daily_spend_restored=response.estimated_daily_spend_restored,
    )


def _bids_event(call: AnsweredCall) -> events_pb2.BidsAdjustedEvent | None:
    response = syncflow_pb2.AdjustBidsForInventoryResponse.FromString(call.response)
    if response.superseded or not response.campaign_ids:
        return None
    return events_pb2.BidsAdjustedEvent(
        store_id=call.intent.store_id,
        product_id=syncflow_pb2.AdjustBidsForInventoryRequest.FromString(call.intent.request).product_id,
        campaign_ids=response.campaign_ids,
    )


_EVENTS: dict[str, Callable[[AnsweredCall], Any]] = {
    "RecordIncrementalRevenue": _revenue_event,
    "RecordRefund": _refund_event,
    "ReverseOrderRevenue": _reversal_event,
    "PauseProductCampaigns": _pause_event,
    "ResumeProductCampaigns": _resume_event,
    "AdjustBidsForInventory": _bids_event,
}
"""Method → the event of what took effect, or None when nothing did."""


def _minor(message: MoneyMessage) -> int:
    return money_from_proto(message).minor if message.currency_code else 0

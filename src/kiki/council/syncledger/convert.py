"""Protobuf → SyncLedger's facts, and the answers to them. Plain attribute access: this is on the hot path."""

from __future__ import annotations

import datetime as dt

from google.type.date_pb2 import Date
from google.type.money_pb2 import Money as MoneyMessage

from kiki.council.syncledger.domain import (
    CANCELLATION,
    BaselineFigures,
    BaselineTold,
    Basis,
    RefundBooked,
    RefundTold,
    RevenueBooked,
    RevenueTold,
    ReversalBooked,
    ReversalTold,
    Rule,
    Terms,
    TermsAsked,
)
from kiki.council.syncledger.errors import BadRequest
from kiki.council.syncledger.fees import parse_rate, parse_share, rate_text
from kiki.council.syncledger.months import month_number, month_parts
from kiki.kit.digest import grown_digests, semantic_digest
from kiki.kit.grpc.money import minor_to_proto, money_from_proto
from kiki.kit.grpc.times import time_from_proto, time_to_proto
from kiki.kit.money import Money, check_currency
from kiki.kit.receipts import OnceItem
from kiki.rpc.v1 import syncledger_pb2

_LATER_TERMS = ("experiment_id", "ended_at")
"""Fields that `PutContract` got since its first version, in the order of their coming."""
_MAX_TEXT = 512
_MAX_TOUCHPOINTS = 100
_MAX_REFUNDS = 1_000
_MAX_MINOR = 10**15
_REASONS = {
    int(reason): reason
    for reason in (
        syncledger_pb2.NOT_COUNTED_REASON_UNSPECIFIED,
        syncledger_pb2.NOT_COUNTED_REASON_BEFORE_CONNECTION,
        syncledger_pb2.NOT_COUNTED_REASON_NOT_PAID,
        syncledger_pb2.NOT_COUNTED_REASON_TEST_ORDER,
        syncledger_pb2.NOT_COUNTED_REASON_NOTHING_INCREMENTAL,
        syncledger_pb2.NOT_COUNTED_REASON_SUPERSEDED,
    )
}


def revenue_item(request: syncledger_pb2.RecordIncrementalRevenueRequest) -> OnceItem[RevenueTold]:
    """The decision that a request tells. Raises `InvalidInput`."""
    store_id = store(request.store_id)
    charged = amount(request.order_amount, "order_amount")
    net = amount(request.net_sales, "net_sales") if request.HasField("net_sales") else charged
    own = amount(request.incremental_amount, "incremental_amount") if request.HasField("incremental_amount") else None
    if net.currency != charged.currency or (own is not None and own.currency != charged.currency):
        raise BadRequest("the amounts of an order have one currency", reason="CURRENCY_MISMATCH")
    confidence = request.confidence
    if not 0 <= confidence <= 1:
        raise BadRequest("a confidence lies between 0 and 1", reason="BAD_CONFIDENCE")
    if not request.HasField("ordered_at"):
        raise BadRequest("ordered_at is missing", reason="BAD_TIME")
    if len(request.touchpoints) > _MAX_TOUCHPOINTS:
        raise BadRequest(f"an order has at most {_MAX_TOUCHPOINTS} touchpoints", reason="TOO_MANY_TOUCHPOINTS")
    paid_at = time_from_proto(request.paid_at) if request.HasField("paid_at") else None
    told = RevenueTold(
        store_id,
        text(request.order_id, "order_id"),
        request.decision_seq,
        charged.currency,
        charged.minor,
        net.minor,
        parse_share(request.incremental_share) if request.incremental_share else None if own is None else own.minor,
        confidence,
        time_from_proto(request.ordered_at),
        paid_at,
        text(request.exchange_rate, "exchange_rate", empty=True),
        request.test_order,
        _evidence(request, paid_at),
    )
    standing = _standing(request, told) if request.HasField("standing") else None
    digest = semantic_digest("revenue", told[:-1], *(() if standing is None else (standing,)))
    shown = told._replace(evidence=told.evidence + _sources(request), standing=standing)
    return OnceItem(store_id, text(request.event_id, "event_id"), digest, shown)


def _standing(request: syncledger_pb2.RecordIncrementalRevenueRequest, told: RevenueTold) -> tuple[RefundTold, ...]:
    """The refunds that stand, and the cancellation as one without an amount."""
    standing = request.standing
    if len(standing.refunds) > _MAX_REFUNDS:
        raise BadRequest(f"an order has at most {_MAX_REFUNDS} refunds", reason="TOO_MANY_REFUNDS")
    found = tuple(_standing_refund(each, told) for each in standing.refunds)
    if len({refund.refund_id for refund in found}) < len(found):
        raise BadRequest("each refund of an order stands once", reason="REPEATED_REFUND")
    if not standing.cancelled:
        return found
    if any(refund.refund_id == CANCELLATION for refund in found):
        raise BadRequest("a cancellation stands beside the refunds, not among them", reason="REPEATED_REFUND")
    at = told.paid_at or told.ordered_at
    return (*found, RefundTold(told.store_id, told.order_id, CANCELLATION, 0, told.currency, True, at))


def _standing_refund(refund: syncledger_pb2.StandingRefund, told: RevenueTold) -> RefundTold:
    given = amount(refund.amount, "standing.refunds.amount")
    if given.currency != told.currency:
        raise BadRequest(f"the order is in {told.currency}, got {given.currency}", reason="CURRENCY_MISMATCH")
    if not refund.HasField("refunded_at"):
        raise BadRequest("refunded_at is missing", reason="BAD_TIME")
    refund_id, at = text(refund.refund_id, "refund_id"), time_from_proto(refund.refunded_at)
    return RefundTold(told.store_id, told.order_id, refund_id, given.minor, given.currency, False, at)


def _evidence(request: syncledger_pb2.RecordIncrementalRevenueRequest, paid_at: dt.datetime | None) -> bytes:
    """What the statement shows of the order beside what is booked: a statement line without its amounts."""
    line = syncledger_pb2.StatementLine(
        order_id=request.order_id,
        ordered_at=request.ordered_at,
        order_amount=request.order_amount,
        confidence=request.confidence,
        campaign_id=text(request.campaign_id, "campaign_id", empty=True),
        touchpoints=request.touchpoints,
        model=text(request.model, "model", empty=True),
    )
    if paid_at is not None:
        line.paid_at.CopyFrom(request.paid_at)
    if request.exchange_rate:
        line.exchange_rate = request.exchange_rate
        line.rate_source = text(request.rate_source, "rate_source", empty=True)
        if request.HasField("rate_date"):
            line.rate_date.CopyFrom(request.rate_date)
        elif paid_at is not None:
            line.rate_date.CopyFrom(Date(year=paid_at.year, month=paid_at.month, day=paid_at.day))
    return line.SerializeToString(deterministic=True)


def _sources(request: syncledger_pb2.RecordIncrementalRevenueRequest) -> bytes:
    """What the counted amount comes from, joined to the evidence; the digest has it as amounts already."""
    return syncledger_pb2.StatementLine(
        net_sales=request.net_sales if request.HasField("net_sales") else request.order_amount,
        incremental_share=request.incremental_share,
    ).SerializeToString(deterministic=True)


def revenue_answer(booked: RevenueBooked) -> bytes:
    """The serialized answer to a decision."""
    state = booked.state
    if not state.booking_id:
        return syncledger_pb2.RecordIncrementalRevenueResponse(
            order_id=booked.order_id, counted=False, reason=reason_message(booked.reason)
        ).SerializeToString()
    currency = state.settlement_currency
    return syncledger_pb2.RecordIncrementalRevenueResponse(
        order_id=booked.order_id,
        counted=True,
        reason=reason_message(booked.reason),
        fee=money(state.booked_fee, currency),
        entry_id=str(state.booking_id),
        incremental_revenue=money(state.booked_revenue, currency),
        billing_month=month_message(state.billing_month),
        moved_to_open_month=state.billing_month != state.paid_month,
        reversed_revenue=money(booked.reversed_revenue, currency),
        reversed_fee=money(booked.reversed_fee, currency),
    ).SerializeToString()


def refund_item(request: syncledger_pb2.RecordRefundRequest) -> OnceItem[RefundTold]:
    """The refund that a request tells. Raises `InvalidInput`."""
    store_id = store(request.store_id)
    cancellation = request.kind == syncledger_pb2.REFUND_KIND_CANCELLATION
    given = amount(request.amount, "amount") if request.HasField("amount") else None
    if given is None and not cancellation:
        raise BadRequest("a refund has an amount", reason="BAD_AMOUNT")
    if not request.HasField("refunded_at"):
        raise BadRequest("refunded_at is missing", reason="BAD_TIME")
    told = RefundTold(
        store_id,
        text(request.order_id, "order_id"),
        text(request.refund_id, "refund_id"),
        0 if given is None else given.minor,
        "" if given is None else given.currency,
        cancellation,
        time_from_proto(request.refunded_at),
    )
    return OnceItem(store_id, text(request.event_id, "event_id"), semantic_digest("refund", told), told)


def refund_answer(booked: RefundBooked) -> bytes:
    """The serialized answer to a refund."""
    answer = syncledger_pb2.RecordRefundResponse(
        order_id=booked.order_id,
        refund_id=booked.refund_id,
        pending=booked.pending,
        already_known=booked.already_known,
    )
    if booked.currency:
        answer.reversed_revenue.CopyFrom(money(booked.reversed_revenue, booked.currency))
        answer.reversed_fee.CopyFrom(money(booked.reversed_fee, booked.currency))
    if booked.entry_id:
        answer.entry_id = str(booked.entry_id)
        answer.billing_month.CopyFrom(month_message(booked.month))
    return answer.SerializeToString()


def reversal_item(request: syncledger_pb2.ReverseOrderRevenueRequest) -> OnceItem[ReversalTold]:
    """The reversal that a request tells. Raises `InvalidInput`."""
    told = ReversalTold(
        store(request.store_id),
        text(request.order_id, "order_id"),
        request.decision_seq,
        text(request.reason, "reason", empty=True),
    )
    return OnceItem(told.store_id, text(request.event_id, "event_id"), semantic_digest("reversal", told), told)


def reversal_answer(booked: ReversalBooked) -> bytes:
    """The serialized answer to a reversal."""
    answer = syncledger_pb2.ReverseOrderRevenueResponse(order_id=booked.order_id, applied=booked.applied)
    if booked.entry_id:
        answer.reversed_revenue.CopyFrom(money(booked.reversed_revenue, booked.currency))
        answer.reversed_fee.CopyFrom(money(booked.reversed_fee, booked.currency))
        answer.entry_id = str(booked.entry_id)
        answer.billing_month.CopyFrom(month_message(booked.month))
    return answer.SerializeToString()


def contract_item(request: syncledger_pb2.PutContractRequest) -> OnceItem[TermsAsked | BaselineTold]:
    """The contract, or the baseline alone, that a request tells. Raises `InvalidInput`."""
    contract = request.contract
    if contract.HasField("baseline") and not contract.fee_rate and not contract.HasField("connected_at"):
        return _baseline_item(request)
    if not contract.HasField("connected_at"):
        raise BadRequest("connected_at is missing", reason="BAD_TIME")
    currency = check_currency(contract.settlement_currency)
    asked: TermsAsked | BaselineTold = TermsAsked(
        store_id=store(request.store_id),
        fee_rate_ppm=parse_rate(contract.fee_rate),
        basis=Basis(contract.basis or Basis.NET_SALES),
        rule=Rule(contract.rule or Rule.ATTRIBUTED),
        currency=currency,
        time_zone=text(contract.time_zone, "time_zone"),
        connected_at=time_from_proto(contract.connected_at),
        baseline=_baseline(contract.baseline, currency) if contract.HasField("baseline") else None,
        effective_month=month_from(contract.effective_from) if contract.HasField("effective_from") else None,
        experiment_id=text(contract.experiment_id, "experiment_id", empty=True),
        ended_at=time_from_proto(contract.ended_at) if contract.HasField("ended_at") else None,
    )
    digest, former = grown_digests("contract", asked, _LATER_TERMS)
    return OnceItem(asked.store_id, text(request.event_id, "event_id"), digest, asked, former)


def _baseline_item(request: syncledger_pb2.PutContractRequest) -> OnceItem[TermsAsked | BaselineTold]:
    contract = request.contract
    currency = money_from_proto(contract.baseline.revenue).currency
    told: TermsAsked | BaselineTold = BaselineTold(
        store_id=store(request.store_id),
        baseline=_baseline(contract.baseline, currency),
        basis=Basis(contract.basis or Basis.NET_SALES),
        currency=currency,
        effective_month=month_from(contract.effective_from) if contract.HasField("effective_from") else None,
    )
    return OnceItem(told.store_id, text(request.event_id, "event_id"), semantic_digest("baseline", told), told)


def _baseline(message: syncledger_pb2.BaselineFigures, currency: str) -> BaselineFigures:
    revenue, monthly = money_from_proto(message.revenue), money_from_proto(message.monthly_average)
    if revenue.currency != currency or monthly.currency != currency:
        raise BadRequest(f"the baseline is in {currency}", reason="CURRENCY_MISMATCH")
    return BaselineFigures(revenue.minor, monthly.minor, max(message.months_available, 0))


def contract_answer(terms: Terms) -> bytes:
    """The serialized answer to a contract."""
    return syncledger_pb2.PutContractResponse(contract=contract_message(terms)).SerializeToString()


_BASES = {Basis.NET_SALES: syncledger_pb2.FEE_BASIS_NET_SALES, Basis.TOTAL: syncledger_pb2.FEE_BASIS_TOTAL}
_RULES = {
    Rule.ATTRIBUTED: syncledger_pb2.FEE_RULE_ATTRIBUTED,
    Rule.UPLIFT: syncledger_pb2.FEE_RULE_UPLIFT,
    Rule.LESSER_OF: syncledger_pb2.FEE_RULE_LESSER_OF,
    Rule.EXPERIMENT_ESTIMATE: syncledger_pb2.FEE_RULE_EXPERIMENT_ESTIMATE,
    Rule.EXPERIMENT_LOWER_BOUND: syncledger_pb2.FEE_RULE_EXPERIMENT_LOWER_BOUND,
    Rule.ENDED: syncledger_pb2.FEE_RULE_ENDED,
}


def contract_message(terms: Terms, superseded_by: int = 0) -> syncledger_pb2.Contract:
    """A version of a contract."""
    message = syncledger_pb2.Contract(
        version=terms.version,
        fee_rate=rate_text(terms.fee_rate_ppm),
        basis=_BASES[terms.basis],
        rule=_RULES[terms.rule],
        settlement_currency=terms.currency,
        time_zone=terms.time_zone,
        connected_at=time_to_proto(terms.connected_at),
        effective_from=month_message(terms.effective_month),
        experiment_id=terms.experiment_id,
        ended_at=None if terms.ended_at is None else time_to_proto(terms.ended_at),
        superseded_by=superseded_by,
    )
    if terms.baseline is not None:
        message.baseline.revenue.CopyFrom(money(terms.baseline.revenue_minor, terms.currency))
        message.baseline.monthly_average.CopyFrom(money(terms.baseline.monthly_minor, terms.currency))
        message.baseline.months_available = terms.baseline.months
    return message


def reason_message(number: int) -> syncledger_pb2.NotCountedReason:
    """Why an order does not count; the numbers are those of the contract."""
    return _REASONS[number]


def month_message(number: int) -> syncledger_pb2.BillingMonth:
    """A calendar month."""
    year, month = month_parts(number)
    return syncledger_pb2.BillingMonth(year=year, month=month)


def month_from(message: syncledger_pb2.BillingMonth) -> int:
    """The number of a calendar month."""
    return month_number(message.year, message.month)


def amount(message: MoneyMessage, field: str) -> Money:
    """An amount that is not negative and sane."""
    value = money_from_proto(message)
    if not 0 <= value.minor <= _MAX_MINOR:
        raise BadRequest(f"{field} is not negative and below 10^15 minor units", reason="BAD_AMOUNT")
    return value


def money(minor: int, currency: str) -> MoneyMessage:
    """An amount."""
    return minor_to_proto(minor, currency)


def optional_money(minor: int | None, currency: str) -> MoneyMessage | None:
    """An amount that may be unknown."""
    return None if minor is None else money(minor, currency)


def store(store_id: int) -> int:
    """A store's number."""
    if store_id <= 0:
        raise BadRequest(f"store_id is a positive number, got {store_id}", reason="BAD_STORE")
    return store_id


def text(value: str, field: str, *, empty: bool = False) -> str:
    """Bounded text without NUL."""
    if (not value and not empty) or len(value) > _MAX_TEXT or "\0" in value:
        raise BadRequest(f"{field} has 1 to {_MAX_TEXT} characters and no NUL, got {len(value)}", reason="BAD_TEXT")
    return value

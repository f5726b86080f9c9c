"""Protobuf ↔ what experiments show and what months bill on it."""

from __future__ import annotations

from google.type.money_pb2 import Money as MoneyMessage

from kiki.council.syncledger.convert import money, month_from, month_message, store, text
from kiki.council.syncledger.domain import ReadingTold
from kiki.council.syncledger.errors import BadRequest
from kiki.council.syncledger.experiments import Bill, Credit, Refusal
from kiki.council.syncledger.late_refunds import LateCredit
from kiki.kit.digest import semantic_digest
from kiki.kit.grpc.money import money_from_proto
from kiki.kit.grpc.times import time_from_proto, time_to_proto
from kiki.kit.money import Money
from kiki.kit.receipts import OnceItem
from kiki.rpc.v1 import syncledger_pb2

_MAX_MINOR = 10**15
_REFUSALS = {
    Refusal.TAKEN: syncledger_pb2.READING_REFUSAL_UNSPECIFIED,
    Refusal.SUPERSEDED: syncledger_pb2.READING_REFUSAL_SUPERSEDED,
    Refusal.MONTH_CLOSED: syncledger_pb2.READING_REFUSAL_MONTH_CLOSED,
}


def reading_item(request: syncledger_pb2.RecordExperimentReadingRequest) -> OnceItem[ReadingTold]:
    """The reading that a request tells. Raises `InvalidInput`."""
    estimate, bound = _amount(request.estimate, "estimate"), _amount(request.lower_bound, "lower_bound")
    if estimate.currency != bound.currency:
        raise BadRequest("the amounts of a reading have one currency", reason="CURRENCY_MISMATCH")
    if bound.minor > estimate.minor:
        raise BadRequest("a lower bound is not over the estimate", reason="BAD_READING")
    if request.revision < 1 or request.users < 0:
        raise BadRequest("a revision counts from 1 and users from 0", reason="BAD_READING")
    if not (request.HasField("started_at") and request.HasField("as_of") and request.HasField("month")):
        raise BadRequest("month, started_at and as_of are wanted", reason="BAD_TIME")
    told = ReadingTold(
        store(request.store_id),
        text(request.experiment_id, "experiment_id"),
        month_from(request.month),
        request.revision,
        estimate.currency,
        estimate.minor,
        bound.minor,
        time_from_proto(request.started_at),
        time_from_proto(request.as_of),
        request.users,
        request.final,
        text(request.plan_digest, "plan_digest", empty=True),
    )
    digest = semantic_digest("experiment_reading", told)
    return OnceItem(told.store_id, text(request.event_id, "event_id"), digest, told)


def reading_answer(told: ReadingTold, refusal: Refusal) -> bytes:
    """The serialized answer to a reading."""
    return syncledger_pb2.RecordExperimentReadingResponse(
        experiment_id=told.experiment_id,
        month=month_message(told.month),
        applied=refusal is Refusal.TAKEN,
        refusal=_REFUSALS[refusal],
    ).SerializeToString()


def bill_message(bill: Bill | None, reading: ReadingTold | None, currency: str) -> syncledger_pb2.ExperimentBill | None:
    """What a month bills on an experiment, with the reading that it stands on."""
    if bill is None or reading is None:
        return None
    return syncledger_pb2.ExperimentBill(
        experiment_id=bill.experiment_id,
        estimate=money(reading.estimate_minor, currency),
        lower_bound=money(reading.lower_bound_minor, currency),
        target=money(bill.target, currency),
        target_before=money(bill.target_before, currency),
        carry_before=money(bill.carry_before, currency),
        billed_revenue=money(bill.billed, currency),
        carry=money(bill.carry, currency),
        as_of=time_to_proto(reading.as_of),
        users=reading.users,
        plan_digest=reading.plan_digest,
    )


def credit_message(credit: Credit | None, currency: str) -> syncledger_pb2.ExperimentCredit | None:
    """What a month gives back of a carry."""
    if credit is None:
        return None
    return syncledger_pb2.ExperimentCredit(
        experiment_id=credit.experiment_id,
        carry_before=money(credit.carry_before, currency),
        credited_revenue=money(credit.credited, currency),
        fee=money(credit.fee, currency),
        carry=money(credit.carry, currency),
    )


def late_message(credit: LateCredit, currency: str) -> syncledger_pb2.ExperimentRefundCredit:
    """What a month gives back for refunds that no reading counts."""
    return syncledger_pb2.ExperimentRefundCredit(
        experiment_id=credit.experiment_id,
        first_month=month_message(credit.first_month),
        last_reading=month_message(credit.read_month),
        billed_revenue=money(credit.billed, currency),
        attributed_revenue=money(credit.attributed, currency),
        given_back_revenue=money(credit.given_back, currency),
        credited_revenue=money(credit.credited, currency),
        fee=money(credit.fee, currency),
    )


def _amount(message: MoneyMessage, field: str) -> Money:
    value = money_from_proto(message)
    if abs(value.minor) > _MAX_MINOR:
        raise BadRequest(f"{field} lies within 10^15 minor units", reason="BAD_AMOUNT")
    return value

"""What a decision's request becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from kiki.council.syncledger.convert import contract_item, revenue_item
from kiki.council.syncledger.errors import BadRequest
from kiki.kit.digest import semantic_digest
from kiki.kit.grpc.money import minor_to_proto
from kiki.rpc.v1 import syncledger_pb2 as pb


def test_what_the_statement_shows_beside_the_evidence_leaves_the_digest_as_it_was() -> None:
    """A request that was answered before the statement showed it is the same request when it is repeated."""
    request = pb.RecordIncrementalRevenueRequest(
        store_id=1,
        event_id="e",
        order_id="1",
        order_amount=minor_to_proto(11_900, "EUR"),
        net_sales=minor_to_proto(10_000, "EUR"),
        incremental_share="0.5",
        campaign_id="autumn",
        touchpoints=[pb.Touchpoint(signal="click", weight=0.5)],
        ordered_at=Timestamp(seconds=1),
        paid_at=Timestamp(seconds=2),
        exchange_rate="1.1",
    )
    item = revenue_item(request)
    shown = pb.StatementLine.FromString(item.command.evidence)
    assert (shown.net_sales, shown.incremental_share) == (request.net_sales, "0.5")
    assert (shown.touchpoints[0].signal, shown.exchange_rate) == ("click", "1.1")
    for name in ("net_sales", "incremental_share"):
        shown.ClearField(name)
    before = item.command._replace(evidence=shown.SerializeToString(deterministic=True))
    assert item.digest == semantic_digest("revenue", before[:-1]), "what stands is told beside it"


def restated(
    *refunds: pb.StandingRefund, cancelled: bool = False, told: bool = True
) -> pb.RecordIncrementalRevenueRequest:
    return pb.RecordIncrementalRevenueRequest(
        store_id=1,
        event_id="e",
        order_id="1",
        order_amount=minor_to_proto(11_900, "EUR"),
        ordered_at=Timestamp(seconds=1),
        standing=pb.StandingRefunds(refunds=refunds, cancelled=cancelled) if told else None,
    )


def given_back(name: str = "r", currency: str = "EUR", **more: Any) -> pb.StandingRefund:
    return pb.StandingRefund(
        **{
            "refund_id": name,
            "amount": minor_to_proto(500, currency),
            "refunded_at": Timestamp(seconds=3),
            **more,
        }
    )


def test_what_stands_is_part_of_what_a_request_says() -> None:
    asked = [
        restated(told=False),
        restated(),
        restated(cancelled=True),
        restated(given_back()),
        restated(given_back("s")),
        restated(given_back(), cancelled=True),
    ]
    assert len({revenue_item(each).digest for each in asked}) == len(asked)
    assert [revenue_item(each).command.standing for each in asked[:2]] == [None, ()]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        pytest.param(restated(given_back(currency="USD")), "CURRENCY_MISMATCH", id="currency"),
        pytest.param(restated(given_back(), given_back()), "REPEATED_REFUND", id="twice"),
        pytest.param(restated(given_back("cancellation"), cancelled=True), "REPEATED_REFUND", id="cancellation"),
        pytest.param(restated(given_back(refunded_at=None)), "BAD_TIME", id="time"),
        pytest.param(restated(*(given_back(str(n)) for n in range(1_001))), "TOO_MANY_REFUNDS", id="many"),
    ],
)
def test_refunds_that_cannot_stand_are_refused(request_: pb.RecordIncrementalRevenueRequest, reason: str) -> None:
    with pytest.raises(BadRequest) as refused:
        revenue_item(request_)
    assert refused.value.reason == reason


@dataclass(frozen=True, slots=True)
class FirstTerms:
    """What a contract's first version declared."""

    store_id: int
    fee_rate_ppm: int
    basis: Any
    rule: Any
    currency: str
    time_zone: str
    connected_at: Any
    baseline: Any
    effective_month: int | None


@dataclass(frozen=True, slots=True)
class ExperimentTerms(FirstTerms):
    """And the version that knew experiments."""

    experiment_id: str = ""


def put_contract(**terms: Any) -> pb.PutContractRequest:
    plain = {"fee_rate": "0.2", "settlement_currency": "EUR", "time_zone": "UTC", "connected_at": Timestamp(seconds=9)}
    return pb.PutContractRequest(store_id=1, event_id="e", contract=pb.Contract(**{**plain, **terms}))


@pytest.mark.parametrize(
    ("terms", "known_to"),
    [
        pytest.param({}, [FirstTerms, ExperimentTerms], id="plain"),
        pytest.param(
            {"effective_from": pb.BillingMonth(year=2026, month=3)}, [FirstTerms, ExperimentTerms], id="month"
        ),
        pytest.param({"experiment_id": "e1"}, [ExperimentTerms], id="experiment"),
        pytest.param({"ended_at": Timestamp(seconds=99)}, [], id="end"),
    ],
)
def test_a_contract_told_before_an_upgrade_is_the_same_when_it_is_told_again(
    terms: dict[str, Any], known_to: list[type[FirstTerms]]
) -> None:
    item = contract_item(put_contract(**terms))
    found = {item.digest, *item.former}
    asked = item.command
    assert semantic_digest("contract", asked) in found, "as the last version that left nothing out had it"
    for version in (FirstTerms, ExperimentTerms):
        names = [name for kind in version.__mro__[::-1] for name in getattr(kind, "__annotations__", ())]
        known = semantic_digest("contract", version(**{name: getattr(asked, name) for name in names}))
        assert (known in found) is (version in known_to)

"""What a decision's request becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from kiki.council.syncledger.convert import contract_item, revenue_item
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
    assert item.digest == semantic_digest("revenue", before)


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

"""A 12-month baseline told by itself: a version of the contract that changes nothing else."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from kiki.kit.grpc.status import from_rpc_error
from kiki.rpc.v1 import syncledger_pb2 as pb

from .test_ledger import contract, eur


def baseline(months: int = 12, currency: str = "EUR", basis: pb.FeeBasis = pb.FEE_BASIS_NET_SALES) -> pb.Contract:
    """A contract that holds a baseline and nothing else."""
    figures = pb.BaselineFigures(
        revenue=eur(1_200_000, currency), monthly_average=eur(100_000, currency), months_available=months
    )
    return pb.Contract(basis=basis, baseline=figures)


def told(event: str, contract_: pb.Contract) -> pb.PutContractRequest:
    return pb.PutContractRequest(store_id=1, event_id=event, contract=contract_)


async def versions(agent: Any) -> list[pb.Contract]:
    return list((await agent.call("GetContract", pb.GetContractRequest(store_id=1))).versions)


async def test_a_baseline_alone_leaves_the_other_terms_as_they_are(agent: Any) -> None:
    await agent.call("PutContract", contract(fee_rate="0.15"))
    answer = await agent.call("PutContract", told("b1", baseline()))
    assert (answer.contract.version, answer.contract.fee_rate) == (2, "0.15")
    assert answer.contract.baseline.revenue == eur(1_200_000)
    repeated = await agent.call("PutContract", told("b1", baseline()))
    same = await agent.call("PutContract", told("b2", baseline()))
    assert repeated == answer == same
    assert len(await versions(agent)) == 2, "a baseline that differs in nothing is no new version"


async def test_a_baseline_goes_on_with_the_next_version_while_the_basis_stays(agent: Any) -> None:
    await agent.call("PutContract", contract())
    with pytest.raises(grpc.RpcError) as refused:
        await agent.call("PutContract", contract(event="c2", rule=pb.FEE_RULE_UPLIFT))
    assert from_rpc_error(refused.value).reason == "BASELINE_INCOMPLETE"
    await agent.call("PutContract", told("b1", baseline()))
    uplift = await agent.call("PutContract", contract(event="c3", rule=pb.FEE_RULE_UPLIFT))
    assert uplift.contract.baseline.months_available == 12
    with pytest.raises(grpc.RpcError) as other:
        await agent.call("PutContract", contract(event="c4", rule=pb.FEE_RULE_UPLIFT, basis=pb.FEE_BASIS_TOTAL))
    assert from_rpc_error(other.value).reason == "BASELINE_INCOMPLETE"
    plain = await agent.call("PutContract", contract(event="c5", basis=pb.FEE_BASIS_TOTAL))
    assert not plain.contract.HasField("baseline")


@pytest.mark.parametrize(
    ("first", "alone", "reason"),
    [
        pytest.param(None, baseline(), "NO_CONTRACT", id="no-contract"),
        pytest.param(contract(basis=pb.FEE_BASIS_TOTAL), baseline(), "BASELINE_BASIS_DIFFERS", id="basis"),
        pytest.param(contract(), baseline(currency="USD"), "CURRENCY_FROZEN", id="currency"),
    ],
)
async def test_a_baseline_that_does_not_fit_is_refused(
    agent: Any, first: pb.PutContractRequest | None, alone: pb.Contract, reason: str
) -> None:
    if first is not None:
        await agent.call("PutContract", first)
    with pytest.raises(grpc.RpcError) as refused:
        await agent.call("PutContract", told("b1", alone))
    assert from_rpc_error(refused.value).reason == reason


async def test_a_shrunken_baseline_does_not_get_under_the_uplift_rule(agent: Any) -> None:
    await agent.call("PutContract", contract())
    await agent.call("PutContract", told("b1", baseline()))
    await agent.call("PutContract", contract(event="c2", rule=pb.FEE_RULE_UPLIFT))
    with pytest.raises(grpc.RpcError) as refused:
        await agent.call("PutContract", told("b2", baseline(months=11)))
    assert from_rpc_error(refused.value).reason == "BASELINE_INCOMPLETE"

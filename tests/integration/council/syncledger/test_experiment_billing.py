"""Statements that bill on an experiment, over gRPC on PostgreSQL."""

from __future__ import annotations

import datetime as dt
from typing import Any

import asyncpg
import grpc
import pytest

from integration.council.syncledger.test_ledger import CONNECTED, contract, eur, refund, revenue, verified
from kiki.kit.clock import FixedClock
from kiki.kit.grpc.status import from_rpc_error
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import common_pb2
from kiki.rpc.v1 import syncledger_pb2 as pb

STARTED = CONNECTED + dt.timedelta(days=1)
ENDS = {
    9: dt.datetime(2026, 9, 30, 22, tzinfo=dt.UTC),
    10: dt.datetime(2026, 10, 31, 23, tzinfo=dt.UTC),
    11: dt.datetime(2026, 11, 30, 23, tzinfo=dt.UTC),
}
ON_IT = {"rule": pb.FEE_RULE_EXPERIMENT_ESTIMATE, "experiment_id": "autumn"}


def reading(month: int, estimate: int, event: str = "", /, **more: Any) -> pb.RecordExperimentReadingRequest:
    return pb.RecordExperimentReadingRequest(
        **{
            "store_id": 1,
            "event_id": event or f"reading-{month}-{more.get('revision', 1)}",
            "experiment_id": "autumn",
            "month": pb.BillingMonth(year=2026, month=month),
            "revision": 1,
            "estimate": eur(estimate),
            "lower_bound": eur(estimate - 50_000),
            "started_at": time_to_proto(STARTED),
            "as_of": time_to_proto(ENDS[month]),
            "users": 1_000,
            "plan_digest": "ab" * 32,
            **more,
        }
    )


async def statement(agent: Any, month: int) -> pb.Statement:
    answer = await agent.call("GetMonthlyStatement", pb.GetMonthlyStatementRequest(store_id=1, year=2026, month=month))
    return answer.statement


async def close(agent: Any, month: int, event: str = "") -> pb.Statement:
    request = pb.CloseMonthRequest(store_id=1, event_id=event or f"close-{month}", year=2026, month=month)
    return (await agent.call("CloseMonth", request)).statement


async def refused(agent: Any, method: str, request: object) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        await agent.call(method, request)
    return from_rpc_error(caught.value).reason


async def test_accruals_are_trued_up_to_what_the_experiment_bills(agent: Any) -> None:
    await agent.call("PutContract", contract(**ON_IT))
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1", paid_at=time_to_proto(STARTED)))
    assert (await statement(agent, 9)).problem == "READING_MISSING"
    answer = await agent.call("RecordExperimentReading", reading(9, 4_003))
    assert answer.applied
    assert (await agent.call("RecordExperimentReading", reading(9, 4_003))) == answer
    counts = await agent.call("CountEffects", common_pb2.CountEffectsRequest(store_id=1))
    assert {one.method: one.count for one in counts.counts}["RecordExperimentReading"] == 1
    frozen = await close(agent, 9)
    assert (frozen.fee, frozen.fee_revenue, frozen.accrued_fee) == (eur(801), eur(4_003), eur(2_000))
    assert frozen.true_up == eur(-1_199)
    assert frozen.experiment.plan_digest == "ab" * 32
    await verified(agent)
    entries = await agent.call(
        "ListEntries", pb.ListEntriesRequest(store_id=1, month=pb.BillingMonth(year=2026, month=9))
    )
    billed = [entry for entry in entries.entries if entry.kind == pb.ENTRY_KIND_BILLING]
    assert [side.amount for side in billed[0].postings] == [eur(801), eur(-801)]
    period = pb.CalculateSuccessFeeRequest(store_id=1, period=frozen.period)
    fee = await agent.call("CalculateSuccessFee", period)
    assert (fee.fee, fee.problem) == (eur(801), "")
    period.period.end.seconds += 1
    assert (await agent.call("CalculateSuccessFee", period)).problem == "NOT_A_MONTH"


async def test_a_fall_is_carried_and_made_good_before_anything_is_billed(agent: Any) -> None:
    await agent.call("PutContract", contract(**ON_IT))
    await agent.call("RecordExperimentReading", reading(9, -3_000))
    first = await close(agent, 9)
    assert (first.fee, first.experiment.carry) == (eur(0), eur(-3_000))
    await agent.call("RecordExperimentReading", reading(10, 2_000))
    second = await close(agent, 10)
    assert (second.experiment.carry_before, second.experiment.billed_revenue) == (eur(-3_000), eur(2_000))
    assert second.fee == eur(400)
    await verified(agent)


async def test_a_turn_to_the_lower_bound_leaves_the_billed_month_and_bills_only_what_is_over_it(agent: Any) -> None:
    await agent.call("PutContract", contract(**ON_IT))
    bound = {**ON_IT, "rule": pb.FEE_RULE_EXPERIMENT_LOWER_BOUND}
    october = pb.BillingMonth(year=2026, month=10)
    await agent.call("PutContract", contract(event="c2", **bound, effective_from=october))
    await agent.call("RecordExperimentReading", reading(9, 100_000))
    assert (await close(agent, 9)).fee == eur(20_000)
    await agent.call("RecordExperimentReading", reading(10, 130_000))
    turned = await close(agent, 10)
    assert (turned.fee, turned.experiment.carry) == (eur(0), eur(-20_000)), "the bound is 80,000 of 100,000 billed"
    await verified(agent)


async def test_the_lower_bound_is_billed_where_the_contract_says_so(agent: Any) -> None:
    await agent.call("PutContract", contract(**{**ON_IT, "rule": pb.FEE_RULE_EXPERIMENT_LOWER_BOUND}))
    await agent.call("RecordExperimentReading", reading(9, 80_000))
    found = await statement(agent, 9)
    assert (found.experiment.target, found.fee) == (eur(30_000), eur(6_000))


async def test_the_first_terms_hold_from_the_connection_on(agent: Any) -> None:
    """Whatever month they name: else the connection's month would be billed on them and could not be closed."""
    answer = await agent.call("PutContract", contract(**ON_IT, effective_from=pb.BillingMonth(year=2026, month=10)))
    assert answer.contract.effective_from == pb.BillingMonth(year=2026, month=9)
    await agent.call("RecordExperimentReading", reading(9, 1_000))
    assert (await close(agent, 9)).fee == eur(200)


async def test_a_newer_reading_replaces_until_the_month_is_closed(agent: Any) -> None:
    await agent.call("PutContract", contract(**ON_IT))
    await agent.call("RecordExperimentReading", reading(9, 1_000, revision=2))
    older = await agent.call("RecordExperimentReading", reading(9, 9_000, revision=1))
    assert (older.applied, older.refusal) == (False, pb.READING_REFUSAL_SUPERSEDED)
    await agent.call("RecordExperimentReading", reading(9, 2_000, revision=3))
    frozen = await close(agent, 9)
    assert frozen.fee_revenue == eur(2_000)
    late = await agent.call("RecordExperimentReading", reading(9, 5_000, revision=4))
    assert (late.applied, late.refusal) == (False, pb.READING_REFUSAL_MONTH_CLOSED)
    assert await statement(agent, 9) == frozen


async def test_a_month_is_not_closed_on_a_reading_from_before_its_end(agent: Any) -> None:
    await agent.call("PutContract", contract(**ON_IT))
    request = pb.CloseMonthRequest(store_id=1, event_id="close", year=2026, month=9)
    assert await refused(agent, "CloseMonth", request) == "READING_MISSING"
    before = time_to_proto(ENDS[9] - dt.timedelta(seconds=1))
    await agent.call("RecordExperimentReading", reading(9, 1_000, as_of=before))
    assert (await statement(agent, 9)).problem == ""
    assert await refused(agent, "CloseMonth", request) == "READING_EARLY"
    await agent.call("RecordExperimentReading", reading(9, 1_000, revision=2))
    assert (await close(agent, 9, "close")).closed


async def test_a_refund_of_a_month_billed_on_the_experiment_is_not_taken_off_twice(agent: Any) -> None:
    """The order's accrual is reversed, and the fee is what the reading says: it counts the refund itself."""
    await agent.call("PutContract", contract(**ON_IT))
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1", paid_at=time_to_proto(STARTED)))
    await agent.call("RecordExperimentReading", reading(9, 10_000))
    await close(agent, 9)
    await agent.call("RecordRefund", refund("1", "r1", "f1"))
    await agent.call("RecordExperimentReading", reading(10, 15_000))
    found = await close(agent, 10)
    assert (found.corrected_revenue, found.corrections_by_reading) == (eur(-5_000), eur(-5_000))
    assert (found.fee_revenue, found.fee, found.accrued_fee) == (eur(5_000), eur(1_000), eur(-1_000))
    await verified(agent)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lower_bound": eur(1_001)}, "BAD_READING"),
        ({"revision": 0}, "BAD_READING"),
        ({"estimate": eur(1_000, "USD"), "lower_bound": eur(1_000, "USD")}, "CURRENCY_MISMATCH"),
        ({"experiment_id": ""}, "BAD_TEXT"),
        ({"month": pb.BillingMonth(year=2026, month=13)}, "BAD_MONTH"),
    ],
    ids=["bound over estimate", "no revision", "another currency", "no experiment", "no such month"],
)
async def test_a_reading_that_cannot_be_is_refused(agent: Any, change: dict[str, Any], reason: str) -> None:
    await agent.call("PutContract", contract(**ON_IT))
    assert await refused(agent, "RecordExperimentReading", reading(9, 1_000, "e", **change)) == reason


async def test_the_same_event_with_another_estimate_is_refused(agent: Any) -> None:
    await agent.call("PutContract", contract(**ON_IT))
    await agent.call("RecordExperimentReading", reading(9, 1_000, "e"))
    assert await refused(agent, "RecordExperimentReading", reading(9, 1_001, "e")) == "EVENT_ID_REUSED"


async def test_a_store_without_a_contract_has_to_wait(agent: Any) -> None:
    assert await refused(agent, "RecordExperimentReading", reading(9, 1_000)) == "NO_CONTRACT"


async def test_readings_and_bills_are_append_only(agent: Any) -> None:
    await agent.call("PutContract", contract(**ON_IT))
    await agent.call("RecordExperimentReading", reading(9, 1_000))
    await close(agent, 9)
    connection = await asyncpg.connect(agent.dsn)
    try:
        for table in ("experiment_readings", "experiment_bills"):
            with pytest.raises(asyncpg.PostgresError, match="facts are appended"):
                await connection.execute(f"DELETE FROM syncledger.{table}")
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                "INSERT INTO syncledger.experiment_bills SELECT store_id, month + 1, experiment_id, revision,"
                " target_before_minor, target_minor, carry_before_minor, billed_minor + 1, carry_minor, closed_at"
                " FROM syncledger.experiment_bills"
            )
        await connection.execute(
            "INSERT INTO syncledger.experiment_bills VALUES (1, 99999, 'autumn', 1, 0, 0, -5, 0, -5, now())"
        )
    finally:
        await connection.close()
    proof = await agent.call("VerifyLedger", pb.VerifyLedgerRequest(store_id=1))
    assert [problem.kind for problem in proof.problems] == ["EXPERIMENT_DIFFERS"]


async def test_a_baseline_leaves_the_experiment_in_the_contract(agent: Any) -> None:
    await agent.call("PutContract", contract(**ON_IT))
    figures = pb.BaselineFigures(revenue=eur(120_000), monthly_average=eur(10_000), months_available=12)
    alone = pb.PutContractRequest(store_id=1, event_id="b", contract=pb.Contract(baseline=figures))
    answer = await agent.call("PutContract", alone)
    assert (answer.contract.rule, answer.contract.experiment_id) == (ON_IT["rule"], "autumn")


async def leave(agent: Any, rule: int, month: int) -> None:
    """From a month on, the contract bills on no experiment."""
    request = contract(1, "leave", rule=rule, effective_from=pb.BillingMonth(year=2026, month=month))
    await agent.call("PutContract", request)


async def entries(agent: Any, month: int) -> list[pb.Entry]:
    request = pb.ListEntriesRequest(store_id=1, month=pb.BillingMonth(year=2026, month=month))
    return list((await agent.call("ListEntries", request)).entries)


async def carried_on_leaving(agent: Any, clock: FixedClock, rule: int) -> pb.Statement:
    """September bills 10,000, October falls to 4,003 and is carried, from November on another rule is in force."""
    clock.advance(dt.datetime(2026, 12, 2, tzinfo=dt.UTC) - clock.now())
    await agent.call("PutContract", contract(**ON_IT))
    await leave(agent, rule, 11)
    await agent.call("RecordExperimentReading", reading(9, 10_000))
    await agent.call("RecordExperimentReading", reading(10, 4_003))
    assert (await close(agent, 9)).fee == eur(2_000)
    october = await close(agent, 10)
    assert (october.fee, october.experiment.carry) == (eur(0), eur(-5_997))
    assert not october.HasField("experiment_credit")
    return await statement(agent, 11)


async def test_a_carry_is_credited_when_the_contract_ends(agent: Any, clock: FixedClock) -> None:
    """Of 10,000 billed, 4,003 remain: the fee on the rest goes back, by an entry of its own that balances."""
    shown = await carried_on_leaving(agent, clock, pb.FEE_RULE_ENDED)
    in_november = time_to_proto(dt.datetime(2026, 11, 5, tzinfo=dt.UTC))
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1", paid_at=in_november))
    frozen = await close(agent, 11)
    credit = frozen.experiment_credit
    assert shown.experiment_credit == credit
    assert (credit.experiment_id, credit.carry_before, credit.carry) == ("autumn", eur(-5_997), eur(0))
    assert (credit.credited_revenue, credit.fee) == (eur(5_997), eur(1_199))
    assert (frozen.fee_revenue, frozen.fee, frozen.accrued_fee) == (eur(-5_997), eur(-1_199), eur(801))
    assert frozen.true_up == eur(-2_000), "what the order accrued after the end is no fee"
    booked = {entry.kind: [side.amount for side in entry.postings] for entry in await entries(agent, 11)}
    assert booked[pb.ENTRY_KIND_EXPERIMENT_CREDIT] == [eur(-1_199), eur(1_199)]
    assert booked[pb.ENTRY_KIND_BILLING] == [eur(-1_199), eur(1_199)]
    await verified(agent)
    clock.advance(dt.timedelta(days=31))
    december = await close(agent, 12)
    assert (december.fee, december.HasField("experiment_credit")) == (eur(0), False)
    await verified(agent)


async def test_a_carry_is_credited_in_the_first_month_under_another_rule(agent: Any, clock: FixedClock) -> None:
    await carried_on_leaving(agent, clock, pb.FEE_RULE_ATTRIBUTED)
    in_november = time_to_proto(dt.datetime(2026, 11, 5, tzinfo=dt.UTC))
    await agent.call("RecordIncrementalRevenue", revenue("1", "e1", paid_at=in_november))
    frozen = await close(agent, 11)
    assert (frozen.fee_revenue, frozen.fee, frozen.true_up) == (eur(10_000 - 5_997), eur(2_000 - 1_199), eur(0))
    await verified(agent)


async def test_a_final_reading_that_fell_is_credited_in_its_month(agent: Any) -> None:
    await agent.call("PutContract", contract(**ON_IT))
    await agent.call("RecordExperimentReading", reading(9, 10_000))
    await close(agent, 9)
    await agent.call("RecordExperimentReading", reading(10, -2_000, final=True))
    frozen = await close(agent, 10)
    assert (frozen.experiment.billed_revenue, frozen.experiment.carry) == (eur(0), eur(-12_000))
    assert (frozen.experiment_credit.credited_revenue, frozen.experiment_credit.carry) == (eur(10_000), eur(-2_000))
    assert frozen.fee == eur(-2_000), "all that was billed, and no more"
    await verified(agent)


async def test_a_credit_without_its_entry_is_found(agent: Any) -> None:
    await agent.call("PutContract", contract(**ON_IT))
    await agent.call("RecordExperimentReading", reading(9, 500))
    await close(agent, 9)
    connection = await asyncpg.connect(agent.dsn)
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                "INSERT INTO syncledger.experiment_credits VALUES (1, 99999, 'autumn', -800, 700, 0, 1, now())"
            )
        await connection.execute(
            "INSERT INTO syncledger.experiment_credits VALUES (1, 99999, 'autumn', -800, 700, -100, 140, now())"
        )
        with pytest.raises(asyncpg.PostgresError, match="facts are appended"):
            await connection.execute("DELETE FROM syncledger.experiment_credits")
    finally:
        await connection.close()
    proof = await agent.call("VerifyLedger", pb.VerifyLedgerRequest(store_id=1))
    assert [problem.kind for problem in proof.problems] == ["EXPERIMENT_DIFFERS"] * 3

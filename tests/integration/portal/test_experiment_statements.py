"""Statements and contracts that bill on an experiment: its revenue from month to month, and the carry given back."""

from __future__ import annotations

from typing import Any

import pytest

from integration.portal.experimenting import (
    BUYERS,
    HEADERS,
    ID,
    Rig,
    at,
    bill_on_it,
    cents,
    cents_of,
    incremental,
    register,
    started,
)
from kiki.rpc.v1 import syncledger_pb2 as ledger


@pytest.mark.slow
async def test_a_statement_bills_what_the_experiment_shows_and_a_fall_is_made_good_first(rig: Rig) -> None:
    treated, held_out = await started(rig)
    await bill_on_it(rig)
    plan = (await rig.send("GET", f"/internal/experiments/{rig.store_id}/{ID}"))["plan"]

    await rig.go(at(9, 10))
    for buyer in treated[:10]:
        await rig.buy(buyer, 10_000)
    await rig.buy(held_out[0], 5_000)
    await rig.buy(treated[10], 8_000, refunded=4_000)
    await rig.settled()
    await rig.go(at(10, 2))
    assert (await rig.statement(9))["problem"] == "READING_MISSING"
    first = await rig.post("readings", {"month": "2026-09"})
    september = incremental(rig, plan, at(10, 1))
    assert cents(first["incremental_revenue"]["estimate"]) == september > 50_000
    await rig.settled()
    shown = await rig.statement(9)
    assert (shown["problem"], cents(shown["fee_revenue"])) == ("", september)
    assert cents(shown["experiment"]["target"]) == september
    assert cents(shown["fee"]) == (september + 2) // 5
    again = await rig.post("readings", {"month": "2026-09"})
    assert (again["new"], again["revision"]) == (False, 1)
    await rig.settled()
    frozen = await rig.close(9)
    assert cents_of(frozen.fee) == (september + 2) // 5
    assert frozen.experiment.users == BUYERS
    path = f"/reports/oaas/monthly/{rig.store_id}?year=2026&month=9&format="
    printed = await rig.portal.http.get(path + "pdf", headers=HEADERS)
    assert (printed.status_code, printed.content[:4]) == (200, b"%PDF"), printed.text
    figures = await rig.portal.http.get(path + "csv&part=figures", headers=HEADERS)
    assert f"experiment.billed_revenue.amount,{september / 100:.2f}" in figures.text

    await rig.go(at(10, 10))
    for buyer in held_out[:8]:
        await rig.buy(buyer, 9_000)
    await rig.settled()
    await rig.go(at(11, 2))
    await rig.post("readings", {"month": "2026-10"})
    await rig.settled()
    october = incremental(rig, plan, at(11, 1))
    assert october < september
    fallen = await rig.statement(10)
    assert (cents(fallen["fee"]), cents(fallen["experiment"]["carry"])) == (0, october - september)
    await rig.close(10)

    await rig.go(at(11, 10))
    for buyer in treated[:12]:
        await rig.buy(buyer, 11_000)
    await rig.settled()
    await rig.go(at(12, 2))
    await rig.post("readings", {"month": "2026-11"})
    await rig.settled()
    november = incremental(rig, plan, at(12, 1))
    risen = await rig.statement(11)
    assert cents(risen["experiment"]["carry_before"]) == october - september
    assert cents(risen["experiment"]["billed_revenue"]) == november - september > 0
    closed = await rig.close(11)
    assert cents_of(closed.experiment.billed_revenue) == november - september
    proof = await rig.clients.syncledger.call(
        "VerifyLedger", ledger.VerifyLedgerRequest(store_id=rig.store_id), ledger.VerifyLedgerResponse
    )
    assert proof.ok, proof.problems


@pytest.mark.slow
async def test_a_contract_that_ends_gives_the_carry_back_on_its_statement(rig: Rig) -> None:
    treated, held_out = await started(rig)
    await bill_on_it(rig)
    await rig.go(at(9, 10))
    for buyer in treated[:10]:
        await rig.buy(buyer, 10_000)
    await rig.settled()
    await rig.go(at(10, 2))
    await rig.post("readings", {"month": "2026-09"})
    await rig.settled()
    september = await rig.close(9)
    await rig.go(at(10, 10))
    for buyer in held_out[:4]:
        await rig.buy(buyer, 9_000)
    await rig.settled()
    await rig.go(at(11, 2))
    await rig.post("readings", {"month": "2026-10"})
    await rig.settled()
    october = await rig.close(10)
    carried = cents_of(october.experiment.carry)
    assert carried < 0
    body = {"fee_rate": "0.20", "rule": "ended", "effective_from": "2026-11"}
    ended = await rig.send("PUT", f"/internal/contracts/{rig.store_id}", body)
    assert (ended["contract"]["rule"], ended["contract"]["experiment_id"]) == ("ended", "")
    await rig.go(at(12, 2))
    shown = await rig.statement(11)
    assert (shown["problem"], cents(shown["experiment_credit"]["credited_revenue"])) == ("", -carried)
    assert cents(shown["fee"]) == -cents(shown["experiment_credit"]["fee"]) < 0
    printed = await rig.portal.http.get(
        f"/reports/oaas/monthly/{rig.store_id}?year=2026&month=11&format=pdf", headers=HEADERS
    )
    assert (printed.status_code, printed.content[:4]) == (200, b"%PDF"), printed.text
    frozen = await rig.close(11)
    due = cents_of(september.fee) + cents_of(october.fee) + cents_of(frozen.fee)
    assert due == pytest.approx(cents_of(october.experiment.estimate) * 0.2, abs=1)
    proof = await rig.clients.syncledger.call(
        "VerifyLedger", ledger.VerifyLedgerRequest(store_id=rig.store_id), ledger.VerifyLedgerResponse
    )
    assert proof.ok, proof.problems


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"rule": "experiment_estimate"}, 404, "UNKNOWN_EXPERIMENT"),
        ({"rule": "experiment_estimate", "experiment_id": ID}, 409, "NOT_BILLABLE"),
        ({"rule": "attributed", "experiment_id": ID}, 422, "EXPERIMENT_MISMATCH"),
    ],
    ids=["none named", "on another metric", "rule without one"],
)
async def test_a_contract_names_an_experiment_that_it_can_bill_on(
    rig: Rig, body: dict[str, Any], status: int, reason: str
) -> None:
    await register(rig, metric="order_rate", minimum_effect="0.1", expected_mean=None, expected_deviation=None)
    path = f"/internal/contracts/{rig.store_id}"
    assert (await rig.send("PUT", path, {"fee_rate": "0.2", **body}, status))["reason"] == reason


async def test_the_shops_rules_carry_the_experiment_into_the_contract(rig: Rig) -> None:
    await register(rig)
    path = f"/internal/stores/{rig.store_id}/settings"
    await rig.send("PATCH", path, {"rule": "experiment_lower_bound", "experiment_id": ID})
    await rig.settled()
    shown = await rig.send("GET", f"/internal/contracts/{rig.store_id}")
    assert [(one["rule"], one["experiment_id"]) for one in shown["versions"]] == [("experiment_lower_bound", ID)]
    await rig.go(at(9, 3))
    await rig.send("PATCH", path, {"rule": "attributed"})
    await rig.settled()
    shown = await rig.send("GET", f"/internal/contracts/{rig.store_id}")
    assert [(one["rule"], one["experiment_id"]) for one in shown["versions"]][-1] == ("attributed", "")

"""An experiment from its registration to its readings: its plan, who was dealt where, what counts, what is recorded."""

from __future__ import annotations

import random
from typing import Any

import pytest

from integration.portal.experimenting import BUYERS, ID, Rig, at, bill_on_it, cents, register, started
from integration.portal.running import Portal
from kiki.orchestrator.experiments.assignment import holdout_split
from kiki.orchestrator.experiments.plans import default_salt
from kiki.orchestrator.experiments.schedule import experiment_jobs
from kiki.sandbox.catalogue import make_buyer


async def test_a_plan_is_frozen_by_the_start(rig: Rig) -> None:
    first = await register(rig, starts_at=at(9, 3).isoformat())
    assert first["power"]["enough"] is False
    assert first["power"]["minimum_effect"] > 5
    changed = await register(rig, starts_at=at(9, 3).isoformat(), window_days=60)
    assert (changed["plan"]["window_days"], changed["digest"] == first["digest"]) == (60, False)
    await rig.post("start")
    refused = await register(rig, 409, starts_at=at(9, 3).isoformat(), window_days=90)
    assert refused["reason"] == "REGISTRATION_FROZEN"
    same = await register(rig, starts_at=at(9, 3).isoformat(), window_days=60)
    assert (same["digest"], same["status"]) == (changed["digest"], "running")
    early = await rig.post("assign", {"subjects": ["a-visitor"]}, 409)
    assert early["reason"] == "NOT_ASSIGNING"
    await rig.go(at(9, 4))
    await rig.post("assign", {"subjects": ["a-visitor"]})
    await rig.post("readings")
    assert (await rig.post("cancel", status=409))["reason"] == "ALREADY_READ"
    assert (await rig.post("end"))["status"] == "ended"
    assert (await rig.post("assign", {"subjects": ["another"]}, 409))["reason"] == "NOT_ASSIGNING"
    known = (await rig.post("assign", {"subjects": ["a-visitor"]}))["assignments"][0]
    assert known["new"] is False
    audited = await rig.portal.rows("SELECT count(*) AS n FROM calls.queue WHERE subject = $1", f"experiment:{ID}")
    parked = await rig.portal.rows("SELECT count(*) AS n FROM calls.parked WHERE subject = $1", f"experiment:{ID}")
    assert audited[0]["n"] + parked[0]["n"] >= 5


async def test_an_assignment_is_logged_once_and_never_moved(rig: Rig) -> None:
    await register(rig)
    await rig.post("start")
    visitors = [f"visitor-{number}" for number in range(50)]
    first = (await rig.post("assign", {"subjects": visitors}))["assignments"]
    await rig.go(at(9, 5))
    second = (await rig.post("assign", {"subjects": [*visitors, "late"]}))["assignments"]
    assert [(one["arm"], one["logged_at"], one["new"]) for one in second[:-1]] == [
        (one["arm"], one["logged_at"], False) for one in first
    ]
    assert second[-1]["new"] is True
    split = holdout_split(default_salt(rig.store_id, ID), 500_000)
    assert [one["arm"] for one in first] == [split.assign(visitor).arm for visitor in visitors]
    kept = await rig.portal.rows("SELECT subject FROM experiments.assignments")
    assert not {row["subject"] for row in kept} & {*visitors, "late"}, "a visitor is kept as a blind index"
    async with rig.portal.database.connection() as connection:
        for change in ("UPDATE experiments.assignments SET arm = 'treated'", "DELETE FROM experiments.readings"):
            with pytest.raises(Exception, match="what was logged stays"):
                await connection.execute(change)


async def test_an_order_before_the_assignment_does_not_count(rig: Rig) -> None:
    await register(rig)
    await rig.post("start")
    await rig.open_accounts(BUYERS)
    early, *others = rig.buyers
    await rig.buy(early, 9_900)
    await rig.settled()
    await rig.go(at(9, 4))
    await rig.post("assign", {"kind": "customer", "subjects": list(rig.keys.values())})
    await rig.go(at(9, 5))
    await rig.buy(others[0], 5_000)
    await rig.settled()
    await rig.go(at(9, 6))
    found = await rig.send("GET", f"/internal/experiments/{rig.store_id}/{ID}/reading")
    assert sum(arm["orders"] for arm in found["arms"].values()) == 1
    assert found["not_counted"]["before_assignment"] == 1
    assert found["same_before"] is not None
    assert (found["is_final"], found["interval_kind"]) == (False, "always_valid")
    assert found["net_revenue_per_user"]["p_value"] is None


async def test_a_visitor_who_turns_out_to_be_a_buyer_counts(rig: Rig) -> None:
    """The visitor id on an order leads to the person; two ids of one person are one subject."""
    await register(rig)
    await rig.post("start")
    visitors = [f"{number:032x}" for number in range(12)]
    await rig.post("assign", {"subjects": visitors})
    await rig.go(at(9, 5))
    buyer = make_buyer(random.Random(3), 900, rig.clock.now(), guest=False)
    await rig.buy(buyer, 7_000)
    await rig.settled()
    rows = await rig.portal.rows("SELECT customer_key FROM commerce.customers")
    async with rig.portal.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO commerce.identities (store_id, kind, value, customer_key) SELECT store_id, 4,"
            " decode(subject, 'hex'), $1 FROM experiments.assignments ORDER BY subject LIMIT 2",
            rows[0]["customer_key"],
        )
    await rig.go(at(9, 6))
    found = await rig.send("GET", f"/internal/experiments/{rig.store_id}/{ID}/reading")
    arms = found["arms"].values()
    assert sum(arm["users"] for arm in arms) == 11
    assert sum(arm["buyers"] for arm in arms) == 1


@pytest.mark.slow
async def test_the_worker_records_every_month_that_is_over_once(rig: Rig) -> None:
    treated, _ = await started(rig)
    await rig.go(at(9, 10))
    for buyer in treated[:2]:  # so few that their lower bound is under zero, however the buyers were dealt
        await rig.buy(buyer, 4_000)
    await rig.settled()
    await rig.go(at(11, 3))
    await bill_on_it(rig, "experiment_lower_bound")
    job, _ = experiment_jobs(sealer=rig.portal.sealer, clock=rig.clock)
    for _ in range(2):
        await job.run(_Unguarded(rig.portal))
    shown = await rig.send("GET", f"/internal/experiments/{rig.store_id}/{ID}")
    assert [(row["month"], row["revision"], row["told"]) for row in shown["readings"]] == [
        ("2026-10", 1, True),
        ("2026-09", 1, True),
    ]
    await rig.settled()
    statement = await rig.statement(9)
    assert statement["problem"] == ""
    bill = statement["experiment"]
    assert cents(bill["target"]) == cents(bill["lower_bound"]) == cents(bill["carry"]) < 0
    assert cents(statement["fee"]) == 0


class _Unguarded:
    """The job's way to the database, without a lease."""

    def __init__(self, portal: Portal) -> None:
        self.database = portal.database

    async def lock(self, connection: Any) -> None:
        """Nobody else runs it."""

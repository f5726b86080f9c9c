"""Fitted models over gRPC on PostgreSQL: orders in, a refit in a process of its own, predictions and accuracy out."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest
import pytest_asyncio

from integration.council.syncvalue.served import NOW, YOUNG, Served, key, minor, order, serving, store
from kiki.council.syncvalue.domain import Customer
from kiki.council.syncvalue.models.estimate import FittedModel
from kiki.council.syncvalue.models.histories import Histories, Spend
from kiki.council.syncvalue.models.prediction import Terms, predict
from kiki.council.syncvalue.models.purchases import observe
from kiki.council.syncvalue.refit.job import FitJob
from kiki.council.syncvalue.refit.worker import FitWorker
from kiki.council.syncvalue.repository import histories
from kiki.kit.database import Database
from kiki.kit.errors import FailedPrecondition
from kiki.kit.grpc.status import from_rpc_error
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import syncvalue_pb2 as pb

pytestmark = pytest.mark.slow


@pytest_asyncio.fixture
async def served(agent_dsn: str) -> AsyncIterator[Served]:
    async with serving(agent_dsn) as agent:
        yield agent


def of_answer(answer: Any) -> tuple[FittedModel, FittedModel]:
    """The models as served, from their parameters."""
    told = answer.model
    names = {"pareto": ("r", "alpha", "s", "beta")}.get(told.name, ("r", "alpha", "a", "b"))
    flat = tuple(tuple(0.0 for _ in range(4)) for _ in range(4))
    parameters = {name: told.parameters[name] for name in names}
    transactions = FittedModel(told.name, 1, "days", parameters, 0.0, flat, 1, 1)
    worth = {name: told.spend_parameters[name] for name in ("p", "q", "v")}
    return transactions, FittedModel("gammagamma", 1, "days", worth, 0.0, flat, 1, 1)


@pytest.mark.slow
async def test_customers_are_worth_what_the_fitted_model_predicts(served: Served) -> None:
    of = store()
    await served.tell(of)
    before = await served.customer(key(3))
    assert (before.model_version, before.model) == (0, "prior-1")
    assert 0 <= minor(before.interval_low) <= minor(before.interval_high)
    assert minor(before.predicted_ltv) < minor(before.lifetime_value)
    assert await served.component.refits.fit(1) == 1
    transactions, spend = of_answer(await served.call("GetAccuracy", pb.GetAccuracyRequest(store_id=1)))
    seen = observe(of, NOW.toordinal(), "days")
    want = predict(transactions, seen.histories, terms=Terms(), spend_model=spend, spend=seen.spend)
    for place in range(0, of.customers, 37):
        found = await served.customer(key(place))
        assert minor(found.predicted_ltv) == pytest.approx(want.value[place], rel=2e-3, abs=1)
        assert minor(found.lifetime_value) == pytest.approx(want.lifetime_value[place], rel=2e-3, abs=1)
        assert found.p_alive == pytest.approx(want.p_alive[place], rel=1e-9)
        assert found.churn_risk == pytest.approx(1 - want.p_alive[place], abs=1e-9)
        assert found.expected_orders == pytest.approx(want.purchases[place], rel=2e-3)
        assert 0 <= minor(found.interval_low) <= minor(found.interval_high)
        assert (found.model_version, found.model) == (1, f"{transactions.name}-1")


async def test_an_order_moves_its_customer_in_the_same_batch(served: Served) -> None:
    of = store()
    await served.tell(of)
    await served.component.refits.fit(1)
    before = await served.customer(key(5))
    told = await served.call("UpdateCustomerLTV", order("new", key(5), NOW, 90_000))
    assert told.p_alive > before.p_alive
    assert minor(told.predicted_ltv) > minor(before.predicted_ltv)
    assert told.model_version == 1
    after = await served.customer(key(5))
    assert (after.predicted_ltv, after.interval_high) == (told.predicted_ltv, told.interval_high)
    refunded = await served.call("UpdateCustomerLTV", order("new", key(5), NOW, 0, revision=2))
    assert minor(refunded.predicted_ltv) < minor(told.predicted_ltv)
    assert refunded.p_alive == told.p_alive


async def test_segments_are_the_stores_own_quantiles(served: Served) -> None:
    of = store()
    await served.tell(of)
    await served.component.refits.fit(1)
    segments = [(await served.customer(key(place))).segment for place in range(0, of.customers, 4)]
    high = segments.count(pb.CUSTOMER_SEGMENT_HIGH) / len(segments)
    low = segments.count(pb.CUSTOMER_SEGMENT_LOW) / len(segments)
    assert 0.1 < high < 0.3
    assert 0.4 < low < 0.6


@pytest.mark.slow
async def test_what_was_thought_then(served: Served) -> None:
    """Before the first model a typical shop's speaks, then the one that served; the history is that of the day."""
    await served.tell(store())
    await served.component.refits.fit(1)
    later = NOW + dt.timedelta(days=30)
    served.clock.advance(dt.timedelta(days=30))
    told = await served.call("UpdateCustomerLTV", order("new", key(5), later, 90_000))
    assert await served.component.refits.fit(1) == 2
    then = await served.customer(key(5), as_of=NOW)
    assert (then.model_version, then.order_count) == (1, told.order_count - 1)
    assert then.valued_at == time_to_proto(NOW)
    now = await served.customer(key(5))
    assert (now.model_version, now.order_count) == (2, told.order_count)
    early = await served.customer(key(5), as_of=NOW - dt.timedelta(seconds=1))
    assert (early.model_version, early.model) == (0, "prior-1")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await served.customer(key(5), as_of=NOW - dt.timedelta(days=2_000))
    assert from_rpc_error(refused.value).reason == "CUSTOMER_UNKNOWN"


@pytest.mark.slow
async def test_merged_customers_and_guests(served: Served) -> None:
    await served.tell(store())
    await served.component.refits.fit(1)
    guest = await served.call("UpdateCustomerLTV", order("g1", "", NOW, 5_000))
    assert (guest.HasField("predicted_ltv"), guest.HasField("p_alive"), guest.model_version) == (False, False, 0)
    first, last = NOW - dt.timedelta(days=90), NOW - dt.timedelta(days=3)
    await served.call("UpdateCustomerLTV", order("m1", "ann", first, 4_000))
    await served.call("UpdateCustomerLTV", order("m2", "guest-ann", last, 6_000))
    request = pb.MergeCustomersRequest(
        store_id=1, event_id="m", kept_customer_key="ann", merged_customer_key="guest-ann"
    )
    assert (await served.call("MergeCustomers", request)).orders_moved == 1
    merged = await served.customer("guest-ann")
    transactions, spend = of_answer(await served.call("GetAccuracy", pb.GetAccuracyRequest(store_id=1)))
    history = Histories(np.array([1.0]), np.array([87.0]), np.array([90.0]))
    worth = Spend(np.array([1.0]), np.array([6_000.0]))
    want = predict(transactions, history, terms=Terms(), spend_model=spend, spend=worth)
    assert (merged.customer_key, merged.order_count, merged.model_version) == ("ann", 2, 1)
    assert minor(merged.predicted_ltv) == pytest.approx(want.value[0], rel=2e-3, abs=1)


@pytest.mark.slow
async def test_young_stores_borrow_and_say_so(served: Served) -> None:
    for number in range(1, 4):
        await served.tell(store(seed=number), number)
        await served.component.refits.fit(number)
    await served.tell(store(YOUNG, seed=9), 9)
    await served.component.refits.fit(9)
    young = (await served.call("GetAccuracy", pb.GetAccuracyRequest(store_id=9))).model
    grown = (await served.call("GetAccuracy", pb.GetAccuracyRequest(store_id=1))).model
    assert (young.choice, grown.choice) == (pb.MODEL_CHOICE_PRIOR, pb.MODEL_CHOICE_BACK_TEST)
    assert young.prior_stores >= 3
    assert "40 customers" in young.reason
    assert 0 < young.own_weight < 0.9 < grown.own_weight <= 1
    at = NOW - dt.timedelta(days=10)
    new = [await served.call("UpdateCustomerLTV", order("n", "new", at, 5_000, store_id=number)) for number in (1, 9)]
    assert new[1].confidence < new[0].confidence


async def test_a_store_of_one_customer_who_never_came_back_is_served(served: Served) -> None:
    told = await served.call("UpdateCustomerLTV", order("1", "ann", NOW - dt.timedelta(days=5), 5_000))
    assert await served.component.refits.fit(1) == 1
    found = await served.customer("ann")
    assert found.model_version == 1
    assert minor(found.predicted_ltv) > 0
    assert found.confidence < told.confidence + 0.1
    answer = await served.call("GetAccuracy", pb.GetAccuracyRequest(store_id=1))
    assert not answer.HasField("accuracy")
    assert (answer.model.own_weight < 0.5, len(answer.back_test)) == (True, 0)


@pytest.mark.slow
async def test_accuracy_is_served_as_the_refit_found_it(served: Served) -> None:
    of = store()
    await served.tell(of)
    await served.component.refits.fit(1)
    answer = await served.call("GetAccuracy", pb.GetAccuracyRequest(store_id=1))
    accuracy = answer.accuracy
    assert {trial.name for trial in answer.back_test} == {"bgnbd", "mbgnbd", "pareto"}
    assert sum(part.customers for part in accuracy.purchase_deciles) == accuracy.customers
    held = observe(of, NOW.toordinal() - accuracy.horizon_days, "days")
    assert accuracy.customers == len(held.histories)
    bought = (of.day > held.until) & np.isin(of.customer, held.customer)
    assert accuracy.purchases.actual_total == bought.sum()
    assert accuracy.spend.actual_total == pytest.approx(of.amount[bought].sum())
    assert accuracy.purchases.expected_total == pytest.approx(accuracy.purchases.actual_total, rel=0.3)
    assert abs(accuracy.interval.covered - 0.9) < 0.07
    assert accuracy.interval.served_of_exact_covered == pytest.approx(accuracy.interval.exact_covered, abs=0.02)
    assert sum(entry.actual for entry in accuracy.counts) == accuracy.customers
    assert sum(accuracy.p_alive_bins) == of.customers == answer.model.customers
    assert answer.model.purchases == len(of.day)


async def test_models_are_listed_in_pages_and_kept_over_a_restart(agent_dsn: str) -> None:
    async with serving(agent_dsn) as agent:
        await agent.tell(store(YOUNG))
        for version in (1, 2, 3):
            assert await agent.component.refits.fit(1) == version
        before = await agent.customer(key(2))
    async with serving(agent_dsn) as agent:
        assert await agent.customer(key(2)) == before
        page = await agent.call("ListModels", pb.ListModelsRequest(store_id=1, page_size=2))
        assert [model.version for model in page.models] == [3, 2]
        request = pb.ListModelsRequest(store_id=1, page_size=2, page_token=page.next_page_token)
        rest = await agent.call("ListModels", request)
        assert ([model.version for model in rest.models], rest.next_page_token) == ([1], "")
        for method, bad, reason in [
            ("ListModels", pb.ListModelsRequest(store_id=1, page_token="x"), "BAD_CURSOR"),
            ("GetAccuracy", pb.GetAccuracyRequest(store_id=1, version=9), "MODEL_UNKNOWN"),
            ("GetAccuracy", pb.GetAccuracyRequest(store_id=2), "MODEL_UNKNOWN"),
        ]:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await agent.call(method, bad)
            assert from_rpc_error(refused.value).reason == reason


async def test_a_fit_that_fails_keeps_the_last_model(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    await served.tell(store(YOUNG))
    await served.component.refits.fit(1)
    before = await served.customer(key(2))

    async def fails(_self: FitWorker, _job: FitJob) -> Any:
        raise FailedPrecondition("no", reason="NO_LUCK")

    monkeypatch.setattr(FitWorker, "fit", fails)
    assert await served.component.refits.fit(1) is None
    assert await served.customer(key(2)) == before


async def test_one_stores_unreadable_rows_leave_the_others_their_models(agent_dsn: str) -> None:
    settings = {"refresh_check_seconds": 0.05, "refresh_young_seconds": 0.001, "fit_check_seconds": 3600}
    async with (
        serving(agent_dsn, **settings) as agent,
        Database.open(agent_dsn, application_name="test", max_size=1) as database,
        database.connection() as connection,
    ):
        for store_id in (1, 2):
            await agent.tell(store(YOUNG), store_id=store_id)
        async with asyncio.timeout(60):
            while await connection.fetchval("SELECT count(*) FROM syncvalue.stores WHERE customers > 0") < 2:
                await asyncio.sleep(0.05)
        await connection.execute(
            "UPDATE syncvalue.orders SET ordered_at = '-infinity' WHERE store_id = 1 AND order_id = '0'"
        )
        assert await agent.component.refits.fit_due() == 1
        assert [(await agent.customer(key(2), store_id=number)).model_version for number in (1, 2)] == [0, 1]
        assert await agent.component.refits.fit_due() == 0
        failed = await connection.fetchval("SELECT fit_problem FROM syncvalue.stores WHERE store_id = 1")
        assert failed == "FeatureNotSupportedError"


@pytest.mark.slow
async def test_stores_that_are_due_are_fitted_in_the_background(agent_dsn: str) -> None:
    settings = {"refresh_check_seconds": 0.05, "fit_check_seconds": 0.2, "refresh_young_seconds": 0.001}
    async with serving(agent_dsn, **settings) as agent:
        await agent.tell(store(YOUNG))
        async with asyncio.timeout(60):
            while not (await agent.customer(key(2))).model_version:
                await asyncio.sleep(0.05)
        agent.clock.advance(dt.timedelta(seconds=1))
        assert await agent.component.refits.fit_due() == 0
        agent.clock.advance(dt.timedelta(days=8))
        assert await agent.component.refits.fit_due() == 1


async def test_purchase_days_equal_a_recount_whatever_the_order_of_telling(served: Served, agent_dsn: str) -> None:
    ten = [NOW - dt.timedelta(days=days, hours=hours) for days, hours in
           [(50, 0), (20, 0), (20, 3), (35, 0), (90, 0), (90, 1), (35, 2), (5, 0), (50, 1), (1, 0)]]  # fmt: skip
    for number, at in enumerate(ten):
        await served.call("UpdateCustomerLTV", order(f"d{number}", "ann", at, 1_000 + number))
    await served.call("UpdateCustomerLTV", order("d4", "ann", ten[4], 7, revision=2))
    async with (
        Database.open(agent_dsn, application_name="test", max_size=1) as database,
        database.connection() as link,
    ):
        kept = (await histories.find_customers(link, [(1, "ann")]))[1, "ann"]
        counted = (await histories.recount(link, {(1, "ann"): "EUR"}))[1, "ann"]
    assert kept == counted
    assert isinstance(kept, Customer)
    assert (kept.purchase_days, kept.first_day_minor) == (6, 7 + 1_005)

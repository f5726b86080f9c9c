"""Which of the shop's orders an experiment counts, and with how much: on PostgreSQL, a case a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from databases import tables_of
from kiki.commerce.tables import OWNER as COMMERCE
from kiki.kit.database import Database
from kiki.orchestrator.experiments import outcomes, repository
from kiki.orchestrator.experiments.outcomes import ArmMoments, Question
from kiki.orchestrator.experiments.plans import Expected, Experiment, Status
from kiki.orchestrator.experiments.registration import Metric, Registration
from kiki.orchestrator.experiments.repository import CUSTOMER
from kiki.orchestrator.experiments.tables import OWNER as EXPERIMENTS

START = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
AS_OF = START + 20 * DAY
PLAN = Registration(
    name="autumn",
    salt="salt",
    metric=Metric.NET_REVENUE,
    holdout_ppm=500_000,
    starts_at=START,
    ends_at=START + 30 * DAY,
    window_days=10,
    alpha=Decimal("0.05"),
    power=Decimal("0.8"),
    minimum_effect=Decimal(1),
    planned_users=100,
)
EXPERIMENT = Experiment(1, "autumn", PLAN, Expected(), Status.RUNNING, START, "user:1", started_at=START)
_ORDER = """
INSERT INTO commerce.orders (store_id, order_id, number, status, customer_key, placed_at, paid_at, cancelled_at,
    deleted_at, updated_at, currency, total_minor, net_minor, settlement_currency, exchange_rate, is_test, live,
    lines_digest)
VALUES ($1, $2, '', '', $3, $4, $5, $6, $7, $4, $8, $9, $10, $11, $12, $13, $14, '')
"""


dsn = tables_of(COMMERCE, EXPERIMENTS)


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    async with Database.open(dsn, application_name="test", max_size=2) as opened:
        async with opened.transaction() as connection:
            await repository.put(connection, EXPERIMENT)
            await person(connection, "somebody")
            await repository.log(connection, EXPERIMENT, CUSTOMER, [("somebody", "treated")], START + DAY)
        yield opened


async def person(connection: Any, key: str, merged_into: str | None = None) -> None:
    await connection.execute(
        "INSERT INTO commerce.customers (store_id, customer_key, profile_digest, merged_into) VALUES (1, $1, '', $2)",
        key,
        merged_into,
    )


async def order(connection: Any, **more: Any) -> None:
    """An order of 119.00 with net sales of 100.00, placed and paid on the second day after the assignment."""
    placed = more.pop("placed_at", START + 3 * DAY)
    values: dict[str, Any] = {
        "store_id": 1,
        "order_id": "1",
        "customer_key": "somebody",
        "placed_at": placed,
        "paid_at": placed,
        "cancelled_at": None,
        "deleted_at": None,
        "currency": "EUR",
        "total_minor": 11_900,
        "net_minor": 10_000,
        "settlement_currency": None,
        "exchange_rate": None,
        "is_test": False,
        "live": True,
    }
    assert set(more) <= set(values), more
    await connection.execute(_ORDER, *{**values, **more}.values())


async def moments(database: Database, *, net_sales: bool = True, currency: str = "EUR") -> dict[str, ArmMoments]:
    async with database.transaction() as connection:
        found = await outcomes.find(connection, Question(EXPERIMENT, AS_OF, currency, net_sales))
    return {row.arm: row for row in found.moments}


@pytest.mark.parametrize(
    ("given", "net", "orders"),
    [
        ({}, 10_000, 1),
        ({"paid_at": None}, 0, 0),
        ({"paid_at": AS_OF}, 0, 0),
        ({"is_test": True}, 0, 0),
        ({"live": False}, 0, 0),
        ({"store_id": 2}, 0, 0),
        ({"cancelled_at": START + 4 * DAY}, 0, 1),
        ({"cancelled_at": AS_OF + DAY}, 10_000, 1),
        ({"deleted_at": START + 4 * DAY}, 0, 0),
        ({"deleted_at": AS_OF + DAY}, 10_000, 1),
        ({"placed_at": START + DAY}, 10_000, 1),
        ({"placed_at": START + DAY - dt.timedelta(microseconds=1)}, 0, 0),
        ({"placed_at": START + 11 * DAY}, 10_000, 1),
        ({"placed_at": START + 11 * DAY + dt.timedelta(microseconds=1)}, 0, 0),
        ({"currency": "USD", "settlement_currency": "EUR", "exchange_rate": "0.9"}, 9_000, 1),
        ({"currency": "JPY", "settlement_currency": "EUR", "exchange_rate": "0.006"}, 6_000, 1),
        ({"currency": "USD"}, 0, 1),
        ({"currency": "USD", "settlement_currency": "GBP", "exchange_rate": "0.8"}, 0, 1),
    ],
    ids=[
        "paid",
        "not paid",
        "paid later",
        "test",
        "history",
        "another store",
        "cancelled",
        "cancelled later",
        "deleted",
        "deleted later",
        "at the assignment",
        "just before it",
        "at the window's end",
        "just after it",
        "converted",
        "converted without decimals",
        "no rate",
        "another rate",
    ],
)
async def test_what_counts(database: Database, given: dict[str, Any], net: int, orders: int) -> None:
    async with database.transaction() as connection:
        await order(connection, **given)
    found = (await moments(database))["treated"]
    assert (found.users, found.orders, found.net_mean) == (1, orders, pytest.approx(net))
    assert found.buyers == (net > 0 or found.unpriced > 0)


@pytest.mark.parametrize(
    ("refunds", "net"),
    [
        ([(5_950, START + 5 * DAY)], 5_000),
        ([(5_950, START + 5 * DAY), (5_950, START + 6 * DAY)], 0),
        ([(99_999, START + 5 * DAY)], 0),
        ([(5_950, AS_OF)], 10_000),
    ],
    ids=["half", "twice half", "more than was paid", "later"],
)
async def test_refunds_count_in_proportion_as_they_were_known(
    database: Database, refunds: list[tuple[int, dt.datetime]], net: int
) -> None:
    async with database.transaction() as connection:
        await order(connection)
        for number, (amount, at) in enumerate(refunds):
            await connection.execute(
                "INSERT INTO commerce.order_refunds VALUES (1, '1', $1, $2, 'EUR', $3, $3, false)",
                str(number),
                amount,
                at,
            )
    found = (await moments(database))["treated"]
    assert (found.net_mean, found.gross_mean) == (pytest.approx(net), 10_000)


async def test_the_contracts_basis_is_counted(database: Database) -> None:
    async with database.transaction() as connection:
        await order(connection)
    assert (await moments(database, net_sales=False))["treated"].gross_mean == 11_900


async def test_a_merged_customer_counts_once_in_the_arm_that_was_logged_first(database: Database) -> None:
    """Merged twice over; the orders stand with the one who is left."""
    async with database.transaction() as connection:
        await person(connection, "left")
        await person(connection, "between", merged_into="left")
        await connection.execute(
            "UPDATE commerce.customers SET merged_into = 'between' WHERE customer_key = 'somebody'"
        )
        await repository.log(connection, EXPERIMENT, CUSTOMER, [("left", "holdout")], START + 2 * DAY)
        await order(connection, customer_key="left")
    found = await moments(database)
    assert set(found) == {"treated"}
    assert (found["treated"].users, found["treated"].buyers, found["treated"].in_two_arms) == (1, 1, 1)


async def test_orders_before_the_assignment_are_told_apart(database: Database) -> None:
    async with database.transaction() as connection:
        await order(connection, placed_at=START + DAY / 2)
        await order(connection, order_id="2", placed_at=START - 2 * DAY, live=False)
        await order(connection, order_id="3", placed_at=START - 20 * DAY, live=False)
    found = (await moments(database))["treated"]
    assert (found.before_assignment, found.earlier_mean, found.net_mean) == (1, 20_000, 0)


async def test_variances_are_those_of_people_with_zeros(database: Database) -> None:
    async with database.transaction() as connection:
        for name in ("b", "c"):
            await person(connection, name)
            await repository.log(connection, EXPERIMENT, CUSTOMER, [(name, "treated")], START + DAY)
        await order(connection)
        await order(connection, order_id="2")
        await order(connection, order_id="3", customer_key="b")
    found = (await moments(database))["treated"]
    assert (found.users, found.buyers, found.orders, found.net_mean) == (3, 2, 3, 10_000)
    assert found.net_variance == pytest.approx(10_000**2)


async def test_a_log_of_the_same_subject_keeps_the_first(database: Database) -> None:
    async with database.transaction() as connection:
        await repository.log(connection, EXPERIMENT, CUSTOMER, [("somebody", "holdout")], START + 5 * DAY)
        (kept,) = await repository.find_logged(connection, EXPERIMENT, CUSTOMER, ["somebody"])
    assert (kept.arm, kept.logged_at) == ("treated", START + DAY)
    with pytest.raises(asyncpg.PostgresError, match="what was logged stays"):
        async with database.transaction() as connection:
            await connection.execute("TRUNCATE experiments.assignments")

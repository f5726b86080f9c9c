"""A simulated shop's experiment in PostgreSQL: people in arms, contacts and orders, and the truth that no shop sees."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from kiki.kit.database import Connection
from kiki.orchestrator.experiments import repository
from kiki.orchestrator.experiments.assignment import HOLDOUT, TREATED
from kiki.orchestrator.experiments.plans import Expected, Experiment, Status
from kiki.orchestrator.experiments.registration import Metric, Registration
from kiki.orchestrator.experiments.repository import CUSTOMER
from kiki.sandbox.visitors import Visitors, World, simulate_visitors

START = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
AS_OF = START + 45 * DAY
CAMPAIGN = "camp-1"
_COLUMNS = {
    "customers": ("store_id", "customer_key", "profile_digest", "first_order_id", "first_order_at"),
    "touchpoints": ("store_id", "touchpoint_id", "customer_key", "at", "kind", "source", "utm_campaign", "recorded_at"),
    "orders": (
        *("store_id", "order_id", "number", "status", "customer_key", "placed_at", "paid_at", "updated_at", "currency"),
        *("total_minor", "net_minor", "is_test", "live", "lines_digest"),
    ),
}


def plan(holdout_ppm: int, **more: Any) -> Registration:
    given: dict[str, Any] = {
        "name": "autumn",
        "salt": "salt",
        "metric": Metric.NET_REVENUE,
        "holdout_ppm": holdout_ppm,
        "starts_at": START,
        "ends_at": START + 15 * DAY,
        "window_days": 20,
        "alpha": Decimal("0.05"),
        "power": Decimal("0.8"),
        "minimum_effect": Decimal(1),
        "planned_users": 20_000,
    }
    return Registration(**{**given, **more})


def experiment(store_id: int, registered: Registration) -> Experiment:
    return Experiment(store_id, "autumn", registered, Expected(), Status.RUNNING, START, "user:1", started_at=START)


@dataclass(frozen=True)
class Taught:
    """What was put into the database, and what only the simulator knows."""

    experiment: Experiment
    visitors: Visitors

    def person(self, at: int) -> str:
        return f"person-{at:06d}"


async def teach(connection: Connection, world: World, *, store_id: int = 1, seed: int = 5, leaks: int = 0) -> Taught:
    """Deal, expose and let buy. Of the held out so many are exposed all the same; others see somebody else's ads."""
    visitors = simulate_visitors(world, seed)
    held_out = round(world.holdout_share * 1_000_000)
    made = Taught(experiment(store_id, plan(held_out)), visitors)
    draw = np.random.default_rng(seed)
    people = range(world.users)
    await repository.put(connection, made.experiment)
    await connection.execute(
        "INSERT INTO commerce.campaigns (store_id, campaign_id, network, name, utm_campaign, utm_id, status, active,"
        " registered_at, ended_at)"
        " VALUES ($1, $2, 'meta', 'Autumn', 'Autumn Sale', '77', 'active', true, $3, NULL)",
        store_id,
        CAMPAIGN,
        START - 90 * DAY,
    )
    since = draw.integers(40, 300, world.users).tolist()
    customers = [
        (store_id, made.person(at), b"", "before" if visitors.returning[at] else None,
         START - since[at] * DAY if visitors.returning[at] else None)
        for at in people
    ]  # fmt: skip
    dealt = [(made.person(at), HOLDOUT if visitors.holdout[at] else TREATED) for at in people]
    leaky = set(np.flatnonzero(visitors.holdout)[:leaks].tolist())
    touchpoints = []
    for at in people:
        ours = bool(visitors.exposed[at]) or at in leaky
        link = " autumn sale" if ours else "somebody else"
        for number in range(max(1, int(visitors.clicks[at])) if ours else 1):
            seen = START + DAY * (1 + number / 10)
            kind = "click" if visitors.clicks[at] else "view"
            touchpoints.append((store_id, f"t-{at}-{number}", made.person(at), seen, kind, "server", link, seen))
    orders = [
        (store_id, f"o-{at}", "", "", made.person(at), bought, bought, bought, "EUR",
         int(visitors.amount_minor[at]), int(visitors.amount_minor[at]), False, True, b"")
        for at in np.flatnonzero(visitors.ordered).tolist()
        for bought in [START + 4 * DAY]
    ]  # fmt: skip
    for table, rows in (("customers", customers), ("touchpoints", touchpoints), ("orders", orders)):
        await connection.copy_records_to_table(
            table, schema_name="commerce", records=rows, columns=_COLUMNS[table], timeout=60
        )
    await repository.log(connection, made.experiment, CUSTOMER, dealt, START)
    return made

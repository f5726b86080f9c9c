"""What is registered before the start cannot be changed after it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from kiki.kit.errors import Conflict, InvalidInput
from kiki.orchestrator.experiments.registration import Metric, Phase, Registration

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
PLAN = Registration(
    name="spring",
    salt="spring-2026",
    metric=Metric.NET_REVENUE,
    holdout_ppm=100_000,
    starts_at=START,
    ends_at=START + dt.timedelta(days=28),
    window_days=30,
    alpha=Decimal("0.05"),
    power=Decimal("0.8"),
    minimum_effect=Decimal("1.50"),
    planned_users=40_000,
)
OTHER: list[dict[str, Any]] = [
    {"name": "summer"},
    {"salt": "other"},
    {"metric": Metric.ORDER_RATE},
    {"holdout_ppm": 200_000},
    {"starts_at": START + dt.timedelta(days=1)},
    {"ends_at": START + dt.timedelta(days=29)},
    {"window_days": 14},
    {"alpha": Decimal("0.1")},
    {"power": Decimal("0.9")},
    {"minimum_effect": Decimal(1)},
    {"planned_users": 20_000},
    {"version": 2},
]


@pytest.mark.parametrize("fields", OTHER, ids=lambda fields: next(iter(fields)))
def test_every_field_is_in_the_digest_and_frozen_at_the_start(fields: dict[str, Any]) -> None:
    changed = replace(PLAN, **fields)
    assert changed.digest() != PLAN.digest()
    assert changed.changed(PLAN, START - dt.timedelta(seconds=1)) is changed
    with pytest.raises(Conflict, match=next(iter(fields))) as caught:
        changed.changed(PLAN, START)
    assert caught.value.reason == "REGISTRATION_FROZEN"


def test_the_table_of_changes_names_every_field() -> None:
    assert {name for fields in OTHER for name in fields} == set(Registration.__slots__)


def test_the_same_plan_written_otherwise_has_the_same_digest() -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    same = replace(PLAN, starts_at=START.astimezone(zone), minimum_effect=Decimal("1.5"))
    assert same.digest() == PLAN.digest()
    assert same.changed(PLAN, START + dt.timedelta(days=1)) is same


@pytest.mark.parametrize(
    ("days", "phase"),
    [(-1, Phase.PLANNED), (0, Phase.RUNNING), (27, Phase.RUNNING), (28, Phase.RIPENING), (58, Phase.COMPLETE)],
)
def test_an_experiment_is_final_when_the_last_window_has_closed(days: int, phase: Phase) -> None:
    assert PLAN.phase(START + dt.timedelta(days=days)) is phase


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"name": " "}, id="name"),
        pytest.param({"starts_at": START.replace(tzinfo=None)}, id="no-zone"),
        pytest.param({"ends_at": START}, id="no-time"),
        pytest.param({"window_days": 0}, id="window"),
        pytest.param({"alpha": Decimal(0)}, id="alpha"),
        pytest.param({"alpha": Decimal("0.5")}, id="alpha-large"),
        pytest.param({"power": Decimal(1)}, id="power"),
        pytest.param({"minimum_effect": Decimal(0)}, id="effect"),
        pytest.param({"planned_users": 1}, id="users"),
        pytest.param({"holdout_ppm": 0}, id="share"),
        pytest.param({"salt": ""}, id="salt"),
    ],
)
def test_what_is_no_plan_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        replace(PLAN, **fields)


def test_the_plan_deals_its_own_split() -> None:
    assert PLAN.split().share_of("holdout") == 0.1

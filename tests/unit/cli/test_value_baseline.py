"""`kiki value baseline` prints for people and for programs."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from kiki.cli.value_baseline import register_baseline
from kiki.kit.errors import InvalidInput


@pytest.fixture
def app() -> typer.Typer:
    group = typer.Typer()
    group.callback()(lambda: None)
    register_baseline(group)
    return group


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    first = dt.date(2022, 1, 1)
    rows = [f"{first + dt.timedelta(days=k)},{100 + 3 * (k % 7)}" for k in range(365 * 2 + 90)]
    path = tmp_path / "orders.csv"
    path.write_text("\n".join(["date,amount", *rows]), encoding="utf-8")
    return path


def test_people_get_tables(app: typer.Typer, orders: Path) -> None:
    shown = CliRunner().invoke(app, ["baseline", "--input", str(orders)], catch_exceptions=False)
    assert shown.exit_code == 0
    assert "Seasonal forecast of the next twelve months, 90% interval" in shown.output
    assert "2024-04" in shown.output
    assert "Back-test (median absolute errors)" in shown.output


def test_programs_get_one_document(app: typer.Typer, orders: Path) -> None:
    asked = ["baseline", "--input", str(orders), "--until", "2023-06-30", "--months", "18", "--json"]
    told = json.loads(CliRunner().invoke(app, asked, catch_exceptions=False).stdout)
    assert (told["model"], told["history"]["last_day"], len(told["seasonal"]["months"])) == (
        "seasonal-2",
        "2023-06-30",
        18,
    )
    assert told["back_test"] is None


def test_a_day_that_is_none_is_refused(app: typer.Typer, orders: Path) -> None:
    with pytest.raises(InvalidInput, match="2026-03-31"):
        CliRunner().invoke(app, ["baseline", "--input", str(orders), "--until", "June"], catch_exceptions=False)

"""Values as people read them, and the demo's view."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from kiki.cli.campaigns import _campaign
from kiki.cli.demo_view import figures, render
from kiki.cli.output import cell
from kiki.cli.touchpoints import _touchpoint


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        pytest.param(None, "-", id="nothing"),
        pytest.param(True, "yes", id="true"),
        pytest.param({"amount": "12.50", "currency": "EUR"}, "12.50 EUR", id="money"),
        pytest.param(["a", None], "a, -", id="list"),
        pytest.param([], "-", id="empty-list"),
        pytest.param(0, "0", id="zero"),
    ],
)
def test_a_value_reads_well(value: object, wanted: str) -> None:
    assert cell(value) == wanted


def test_a_spreadsheets_campaign_becomes_the_apis() -> None:
    row = {"campaign_id": "c1", "daily_budget": "50", "currency": "eur", "products": "101 102"}
    assert _campaign(row) == {
        "campaign_id": "c1",
        "daily_budget": {"amount": "50", "currency": "EUR"},
        "promotions": [{"product_id": "101"}, {"product_id": "102"}],
    }


def test_a_campaign_in_the_apis_form_stays_as_it_is() -> None:
    campaign = {"campaign_id": "c1", "bid": {"amount": "0.80", "currency": "EUR"}, "promotions": []}
    assert _campaign(campaign) == campaign


def test_click_ids_may_stand_in_columns_of_their_own() -> None:
    point = _touchpoint({"touchpoint_id": "t1", "gclid": "x"})
    assert point == {"touchpoint_id": "t1", "click_ids": {"gclid": "x"}}


def test_the_demos_view_shows_figures_stores_and_feed() -> None:
    state = {
        "orders_attributed": 12,
        "fee_so_far": {"amount": "3.20", "currency": "EUR"},
        "stores": [{"store": "Nordlicht", "webhooks": 40}],
        "feed": ["order 1001 was caused by campaign c1"],
    }
    assert set(figures(state)) == {"orders_attributed", "fee_so_far"}
    out = Console(file=io.StringIO(), width=120)
    out.print(render(state, "http://127.0.0.1:8060"))
    text = out.file.getvalue()  # type: ignore[attr-defined]
    for wanted in ("3.20 EUR", "Nordlicht", "order 1001", "http://127.0.0.1:8060/docs"):
        assert wanted in text

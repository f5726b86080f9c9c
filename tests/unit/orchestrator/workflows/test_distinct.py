"""One visit that is told twice is one contact."""

from __future__ import annotations

import datetime as dt

import pytest

from kiki.commerce.campaigns import TouchpointRow
from kiki.orchestrator.workflows.attributing import distinct

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
WINDOW = 30 * DAY


def row(source: str, at: dt.datetime, campaign: str = "autumn") -> TouchpointRow:
    return TouchpointRow(
        store_id=1,
        touchpoint_id=f"{source}:{at.isoformat()}",
        customer_key="k",
        at=at,
        kind="click",
        source=source,
        campaign_id=None,
        utm_source="google",
        utm_medium=None,
        utm_campaign=campaign,
        utm_id=None,
        order_id=None,
        recorded_at=NOW,
    )


@pytest.mark.parametrize(
    ("told", "is_same"),
    [
        pytest.param(row("pixel", NOW - DAY), True, id="the shop gave the time of the order"),
        pytest.param(row("pixel", NOW + 10 * MINUTE), True, id="consent took ten minutes"),
        pytest.param(row("pixel", NOW + DAY), False, id="came back a day later"),
        pytest.param(row("pixel", NOW - 31 * DAY), False, id="before the window"),
        pytest.param(row("pixel", NOW - DAY, "spring"), False, id="another campaign"),
        pytest.param(row("server", NOW - DAY), False, id="another server's word"),
    ],
)
def test_the_orders_own_word_gives_way_to_the_collectors_on_the_same_visit(told: TouchpointRow, is_same: bool) -> None:
    own = row("order", NOW)
    assert distinct([own, told], WINDOW) == ([told] if is_same else [own, told])


def test_what_the_collector_told_is_all_kept() -> None:
    rows = [row("pixel", NOW), row("pixel", NOW + MINUTE)]
    assert distinct(rows, WINDOW) == rows
    assert distinct([], WINDOW) == []

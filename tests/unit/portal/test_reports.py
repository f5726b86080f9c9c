"""Statement tables and documents."""

from __future__ import annotations

import datetime as dt

import msgspec
from google.type.money_pb2 import Money

from kiki.portal.convert import message_json
from kiki.portal.reports import spreadsheet
from kiki.portal.reports.pdf import typeset
from kiki.rpc.v1 import syncledger_pb2 as ledger
from kiki.rpc.v1 import syncvalue_pb2 as value

LINE = ledger.StatementLine(
    order_id="#strong[1]",
    kind=ledger.ENTRY_KIND_REVENUE,
    confidence=0.8,
    campaign_id="=HYPERLINK(1)",
    fee=Money(currency_code="EUR", units=20),
    incremental_revenue=Money(currency_code="EUR", units=100),
    touchpoints=[ledger.Touchpoint(signal="click", weight=0.5)],
)


def test_messages_become_plain_values() -> None:
    line = message_json(LINE)
    assert line["kind"] == "revenue"
    assert line["fee"] == {"amount": "20.00", "currency": "EUR"}
    assert line["paid_at"] is None


def test_text_of_a_shop_is_no_formula() -> None:
    row = spreadsheet.lines([message_json(LINE)])
    assert ",'=HYPERLINK(1)," in row
    assert "click:0.5" in row


def test_text_of_a_shop_is_no_markup_and_the_same_input_gives_the_same_document() -> None:
    document = {
        "store": {"store_id": 1, "display_name": "Müller #panic()", "platform": "shopify"},
        "statement": message_json(ledger.Statement(store_id=1, year=2026, month=1)),
        "orders": [message_json(LINE)] * 60,
        "next_page_token": "",
        "digest": "",
    }
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    first, second = (typeset((msgspec.json.encode(document).decode(), at)) for _ in range(2))
    assert first.startswith(b"%PDF")
    assert first == second


def euros(units: int) -> Money:
    return Money(currency_code="EUR", units=units)


BASELINE = value.Baseline(
    revenue=euros(1200),
    monthly_average=euros(100),
    months_available=12,
    complete=True,
    method=value.BASELINE_METHOD_PLAIN_AVERAGE,
    seasonal=value.SeasonalBaseline(
        model="seasonal-1",
        month=value.ExpectedRevenue(expected=euros(140), lower=euros(120), upper=euros(165)),
        interval_level=0.9,
        history_months=30,
        yearly_season=True,
        back_test=value.BaselineBackTest(origins=2, error=0.031, plain_error=0.18),
        recommended=value.BASELINE_METHOD_SEASONAL,
    ),
)


def document(baseline: value.Baseline | None) -> str:
    fields = {
        "store": {"store_id": 1, "display_name": "Shop", "platform": "shopify"},
        "statement": message_json(ledger.Statement(store_id=1, year=2026, month=1)),
        "baseline": None if baseline is None else message_json(baseline),
        "orders": [],
        "next_page_token": "",
        "digest": "",
    }
    return msgspec.json.encode(fields).decode()


def test_the_figures_tell_which_baseline_was_used_and_how_good_it_proved() -> None:
    table = spreadsheet.summary(message_json(ledger.Statement()), message_json(BASELINE))
    rows = dict(line.split(",", 1) for line in table.splitlines())
    assert rows["baseline_12_months.method"] == "plain_average"
    assert rows["baseline_12_months.seasonal.month.lower.amount"] == "120.00"
    assert rows["baseline_12_months.seasonal.back_test.plain_error"] == "0.18"
    assert rows["baseline_12_months.seasonal.recommended"] == "seasonal"


def test_every_kind_of_baseline_can_be_printed() -> None:
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    untested = value.Baseline()
    untested.CopyFrom(BASELINE)
    untested.complete = False
    untested.seasonal.ClearField("back_test")
    untested.seasonal.ClearField("month")
    untested.seasonal.yearly_season = False
    failed = value.Baseline(
        method=value.BASELINE_METHOD_PLAIN_AVERAGE, seasonal=value.SeasonalBaseline(problem="TOO_SHORT")
    )
    kinds = (None, value.Baseline(), BASELINE, untested, failed)
    printed = [typeset((document(kind), at)) for kind in kinds]
    assert all(page.startswith(b"%PDF") for page in printed)
    assert len(set(printed)) == len(kinds)

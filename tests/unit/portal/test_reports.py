"""Statement tables and documents."""

from __future__ import annotations

import datetime as dt

import msgspec
from google.type.money_pb2 import Money

from kiki.portal.convert import message_json
from kiki.portal.reports import spreadsheet
from kiki.portal.reports.pdf import typeset
from kiki.rpc.v1 import syncledger_pb2 as ledger

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
    first, second = (typeset(msgspec.json.encode(document).decode(), at) for _ in range(2))
    assert first.startswith(b"%PDF")
    assert first == second

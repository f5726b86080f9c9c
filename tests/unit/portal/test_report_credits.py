"""What a printed statement says of experiments' credits."""

from __future__ import annotations

import datetime as dt

import msgspec
from google.type.money_pb2 import Money

from kiki.portal.convert import message_json
from kiki.portal.reports.pdf import typeset
from kiki.rpc.v1 import syncledger_pb2 as ledger


def printed(statement: ledger.Statement) -> bytes:
    document = {
        "store": {"store_id": 1, "display_name": "Müller", "platform": "shopify"},
        "statement": message_json(statement),
        "orders": [],
        "next_page_token": "",
        "digest": "",
    }
    return typeset((msgspec.json.encode(document).decode(), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)))


def euros(units: int) -> Money:
    return Money(currency_code="EUR", units=units)


def test_a_credit_for_late_refunds_is_printed() -> None:
    plain = ledger.Statement(store_id=1, year=2026, month=1)
    credited = ledger.Statement(store_id=1, year=2026, month=1)
    credited.experiment_refunds.add(
        experiment_id="autumn",
        first_month=ledger.BillingMonth(year=2025, month=10),
        last_reading=ledger.BillingMonth(year=2025, month=12),
        billed_revenue=euros(100),
        attributed_revenue=euros(400),
        given_back_revenue=euros(40),
        credited_revenue=euros(10),
        fee=euros(2),
    )
    shown = message_json(credited)["experiment_refunds"]
    assert [(one["experiment_id"], one["credited_revenue"]["amount"]) for one in shown] == [("autumn", "10.00")]
    assert len(printed(credited)) > len(printed(plain))

"""When a decision is news about an order."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

from kiki.commerce.campaigns import TouchpointRow
from kiki.commerce.orders import OrderRow
from kiki.orchestrator.attribution.model import WHOLE, Decision, Verdict
from kiki.orchestrator.workflows.attributing import channel_of, differs, share_told

AT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
ORDER = OrderRow(
    store_id=1,
    order_id="1",
    number="#1",
    status="paid",
    customer_key="c",
    placed_at=AT,
    paid_at=AT,
    cancelled_at=None,
    deleted_at=None,
    updated_at=AT,
    triggered_at="",
    currency="EUR",
    total_minor=11_900,
    net_minor=10_000,
    refunded_minor=0,
    settlement_currency=None,
    exchange_rate=None,
    is_test=False,
    live=True,
    lines_digest=b"",
    verdict="incremental",
    confidence=Decimal("0.800"),
    campaign_id="k1",
)
SAID = Decision("default", "1", Verdict.INCREMENTAL, Decimal("0.8"), "k1", (), False)


def test_the_same_words_of_another_model_are_no_news() -> None:
    assert not differs(ORDER, WHOLE, SAID)
    assert not differs(ORDER, WHOLE, replace(SAID, model="linear", version="2"))


def test_another_part_of_the_order_is_news() -> None:
    part = replace(SAID, model="learned", billed_share=Decimal("0.8"))
    assert differs(ORDER, WHOLE, part)
    assert not differs(ORDER, Decimal("0.800"), part)
    assert differs(ORDER, Decimal("0.8"), SAID)
    touched = replace(part, verdict=Verdict.TOUCHED)
    order = replace(ORDER, verdict="touched")
    assert not differs(order, WHOLE, touched), "of what is not billed there is no part"


def test_verdict_confidence_and_campaign_are_news() -> None:
    assert differs(ORDER, WHOLE, replace(SAID, verdict=Verdict.TOUCHED))
    assert differs(ORDER, WHOLE, replace(SAID, confidence=Decimal("0.801")))
    assert differs(ORDER, WHOLE, replace(SAID, campaign_id="k2"))


def test_evidence_that_says_nothing_means_all() -> None:
    assert share_told({"signals": []}) == WHOLE
    assert share_told({"billed_share": "0.297"}) == Decimal("0.297")


def test_a_channel_is_named_by_its_link_or_the_host_before() -> None:
    row = TouchpointRow(1, "t", "c", AT, "click", "pixel", None, "News ", "EMail", None, None, None, AT)
    assert channel_of(row) == "news/email"
    assert channel_of(replace(row, utm_medium=None)) == "news"
    assert channel_of(replace(row, utm_source=None, referrer="Search.example")) == "search.example"
    assert channel_of(replace(row, utm_source=None)) == ""

"""What Shopify payloads must hold to be believed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kiki.commerce.events import OrderObserved
from kiki.kit.errors import InvalidInput
from kiki.platforms.protocol import StoreContext
from kiki.platforms.shopify.events import read_events

STORE = StoreContext(store_id=1, currency="USD", timezone="America/New_York")
MOST = "92233720368547758.07"


def order(**changes: Any) -> OrderObserved:
    payload: dict[str, Any] = {
        "id": 7,
        "created_at": "2026-01-31T23:30:00-05:00",
        "currency": "USD",
        "financial_status": "paid",
        "total_price": "25.00",
        "line_items": [{"id": 11, "quantity": 1, "price": "25.00"}],
    }
    (event,) = read_events("orders/updated", json.dumps(payload | changes).encode(), STORE)
    assert isinstance(event, OrderObserved)
    return event


def gives_back(*transactions: dict[str, Any]) -> list[dict[str, Any]]:
    told = [{"kind": "refund", "status": "success", **each} for each in transactions]
    return [{"id": 71, "order_id": 7, "created_at": "2026-02-02T00:00:00Z", "transactions": told}]


SHIPPING_BACK = [each | {"order_adjustments": [{"kind": "shipping_refund"}]} for each in gives_back({"amount": "0.01"})]


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"line_items": [{"id": 1, "quantity": 2, "price": MOST}]}, "line_items.price"),
        ({"line_items": [{"id": 1, "quantity": 1, "price": MOST}] * 2}, "line_items.price"),
        ({"refunds": gives_back({"amount": MOST}, {"amount": MOST})}, "refunds.transactions.amount"),
        ({"total_price": MOST, "current_total_price": MOST, "refunds": SHIPPING_BACK}, "total_price"),
    ],
    ids=["units", "lines", "refund", "total"],
)
def test_amounts_that_add_up_to_too_much_are_refused(told: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        order(**told)
    assert (refused.value.reason, refused.value.data) == ("BAD_AMOUNT", {"field": field})


def test_the_largest_amount_is_read() -> None:
    event = order(total_price=MOST, line_items=[{"id": 1, "quantity": 1, "price": MOST}])
    assert event.total.minor == event.net_sales.minor == 2**63 - 1


def test_a_ratio_that_makes_too_much_of_a_refund_is_refused() -> None:
    cash = {"presentment_money": {"amount": "0.01", "currency_code": "EUR"}}
    back = gives_back({"amount": "900000000000000.00", "currency": "EUR"})
    with pytest.raises(InvalidInput) as refused:
        order(total_price="90000000000000000.00", total_price_set=cash, refunds=back)
    assert (refused.value.reason, refused.value.data) == ("BAD_AMOUNT", {"field": "refunds.transactions.amount"})


def test_a_refund_of_an_order_that_does_not_say_what_its_customer_paid_is_not_left_out() -> None:
    cash = {"presentment_money": {"currency_code": "EUR"}}
    with pytest.raises(InvalidInput) as refused:
        order(total_price_set=cash, refunds=gives_back({"amount": "5.00", "currency": "EUR"}))
    assert refused.value.data == {"field": "total_price_set.presentment_money.amount"}


@pytest.mark.parametrize("told", [{}, {"tracked": None}], ids=["absent", "null"])
def test_an_item_that_does_not_say_whether_it_is_counted_is_not_taken_for_uncounted(told: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_events("inventory_items/update", json.dumps({"id": 5, "cost": "3.00", **told}).encode(), STORE)
    assert (refused.value.reason, refused.value.data) == ("MISSING_FIELD", {"field": "tracked"})

"""What Shopify's orders and refunds mean."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.commerce.events import OrderObserved, RefundObserved
from kiki.kit.errors import InvalidInput
from kiki.kit.money import Money, proportion
from kiki.platforms.protocol import StoreContext
from kiki.platforms.shopify.events import read_events
from recorded.deliveries import sample

STORE = StoreContext(store_id=1, currency="USD", timezone="America/New_York")


def line(**changes: Any) -> dict[str, Any]:
    base = {"id": 11, "product_id": 21, "variant_id": 31, "sku": "S", "title": "Shirt", "quantity": 2, "price": "10.00"}
    return base | changes


def order(topic: str = "orders/create", store: StoreContext = STORE, **changes: Any) -> OrderObserved:
    payload: dict[str, Any] = {
        "id": 9007199254740993,
        "name": "#1001",
        "created_at": "2026-01-31T23:30:00-05:00",
        "updated_at": "2026-01-31T23:31:00-05:00",
        "currency": "USD",
        "financial_status": "paid",
        "total_price": "25.00",
        "line_items": [line()],
        "customer": None,
    }
    (event,) = read_events(topic, json.dumps(payload | changes).encode(), store)
    assert isinstance(event, OrderObserved)
    return event


def refund(amount: str = "5.00", status: str = "success", **changes: Any) -> dict[str, Any]:
    transaction = {"kind": "refund", "status": status, "amount": amount, "currency": "USD"}
    base = {"id": 71, "order_id": 7, "created_at": "2026-02-02T00:00:00Z", "transactions": [transaction]}
    return base | changes


def one(topic: str, payload: object) -> Any:
    (event,) = read_events(topic, json.dumps(payload).encode(), STORE)
    return event


def test_an_order_that_arrives_paid_was_paid_when_it_was_placed() -> None:
    event = order()
    assert event.order_id == "9007199254740993"
    assert event.placed_at == dt.datetime(2026, 2, 1, 4, 30, tzinfo=dt.UTC)
    assert event.paid_at == event.placed_at
    assert event.net_sales == Money(2000, "USD")


def test_an_order_paid_later_was_paid_at_that_update() -> None:
    assert order("orders/paid").paid_at == dt.datetime(2026, 2, 1, 4, 31, tzinfo=dt.UTC)


@pytest.mark.parametrize("status", ["paid", "partially_refunded", "refunded"])
@pytest.mark.parametrize(
    ("connected", "touched", "at_placement"),
    [(60, 200, True), (60, 31, False), (60, 32, True), (0, 200, False), (None, 200, False)],
    ids=["touched-long-after", "soon-after", "a-day-later", "not-history", "connection-unknown"],
)
def test_history_that_was_touched_long_after_was_paid_when_it_was_placed(
    status: str, connected: int | None, touched: int, at_placement: bool
) -> None:
    """A tag, a refund or an app moves `updated_at` of an old order: its sale stays in the month of the baseline."""
    placed = dt.datetime(2026, 2, 1, 4, 30, tzinfo=dt.UTC)
    connected_at = None if connected is None else placed + dt.timedelta(days=connected)
    store = StoreContext(store_id=1, currency="USD", timezone="UTC", connected_at=connected_at)
    updated = placed + dt.timedelta(days=touched)
    event = order("orders/updated", store=store, financial_status=status, updated_at=updated.isoformat())
    assert event.paid_at == (placed if at_placement else updated)


@pytest.mark.parametrize("status", ["pending", "authorized", "partially_paid", "voided", "expired", "", None])
def test_an_order_without_the_money_is_not_paid(status: str | None) -> None:
    assert order(financial_status=status).paid_at is None


def test_net_sales_leave_out_discounts_tax_and_gift_cards() -> None:
    lines = [
        line(
            discount_allocations=[{"amount": "1.50"}, {"amount": "0.50"}],
            tax_lines=[{"price": "1.00"}, {"price": 0.505}],
        ),
        line(id=12, gift_card=True, quantity=1, price="50.00"),
    ]
    included = order(line_items=lines, taxes_included=True)
    assert [each.net_total.minor for each in included.lines] == [1649, 5000]
    assert included.net_sales == Money(1649, "USD")
    assert order(line_items=lines, taxes_included=False).net_sales == Money(1800, "USD")


def test_refunded_units_stay_sold_and_edited_ones_do_not() -> None:
    returned = refund(refund_line_items=[{"line_item_id": 11, "quantity": 1}])
    removed = {"id": 72, "transactions": [], "refund_line_items": [{"line_item_id": 11, "quantity": 1}]}
    sold = order(line_items=[line(current_quantity=1)], refunds=[returned], current_total_price="20.00")
    assert (sold.lines[0].quantity, sold.net_sales.minor, sold.total.minor) == (2, 2000, 2500)
    edited = order(line_items=[line(current_quantity=1)], refunds=[removed], current_total_price="15.00")
    assert (edited.lines[0].quantity, edited.net_sales.minor, edited.total.minor) == (1, 1000, 1500)
    assert edited.refunds == ()


def test_an_order_edited_upwards_is_charged_what_it_is_worth_now() -> None:
    assert order(current_total_price="31.00").total == Money(3100, "USD")


def goods(quantity: int, subtotal: float, tax: float = 0, **changes: Any) -> dict[str, Any]:
    """Units of the first line inside a refund; Shopify writes these amounts as numbers."""
    return {"line_item_id": 11, "quantity": quantity, "subtotal": subtotal, "total_tax": tax} | changes


def test_units_that_an_edit_took_away_are_not_sold_although_no_refund_tells_of_them() -> None:
    edited = order(line_items=[line(current_quantity=0)], refunds=[], current_total_price="5.00")
    assert (edited.lines[0].quantity, edited.net_sales.minor, edited.total.minor) == (0, 0, 500)


@pytest.mark.parametrize(
    ("told", "now"),
    [
        (refund("4.00"), "25.00"),
        (refund("4.00", order_adjustments=[{"kind": "refund_discrepancy", "amount": "-4.00"}]), "21.00"),
        (refund("12.00", refund_line_items=[goods(1, 10.0)]), "15.00"),
        (refund("15.00", refund_line_items=[goods(1, 10.0)], refund_shipping_lines=[{"id": 1}]), "10.00"),
        (refund("5.00", order_adjustments=[{"kind": "shipping_refund", "amount": "-5.00"}]), "20.00"),
    ],
    ids=["amount", "amount-told-as-adjustment", "more-than-the-goods", "goods-and-shipping", "shipping"],
)
def test_a_refund_however_it_was_made_charges_nobody(told: dict[str, Any], now: str) -> None:
    event = order(refunds=[told], current_total_price=now)
    assert (event.total.minor, event.net_sales.minor) == (2500, 2000)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 900), st.booleans()), max_size=4),
    st.sampled_from(["goods", "money"]),
)
def test_refunds_of_every_kind_leave_what_was_charged(parts: list[tuple[int, int, bool]], leaves: str) -> None:
    """Whether the shop's current total follows goods or money: the order stays what it was, its refunds are told."""
    refunds, now, left = [], 2500, 2
    for number, (units, cents, pending) in enumerate(parts):
        units = min(units, left)
        left -= units
        told = refund(f"{cents / 100:.2f}", "pending" if pending else "success", id=71 + number)
        told["refund_line_items"] = [goods(units, units * 10.0)] if units else []
        now -= units * 1000 if leaves == "goods" else cents
        refunds.append(told)
    event = order(
        line_items=[line(current_quantity=left)], refunds=refunds, current_total_price=f"{max(0, now) / 100:.2f}"
    )
    assert (event.total.minor, event.net_sales.minor) == (2500, 2000)
    assert [each.amount.minor for each in event.refunds] == [cents for _, cents, pending in parts if not pending]


@pytest.mark.parametrize("now", ["45.00", "39.00"], ids=["of-goods", "of-money"])
@pytest.mark.parametrize("tax", [0, 2])
def test_goodwill_on_an_order_that_was_edited_upwards_leaves_what_was_charged(now: str, tax: int) -> None:
    """The first subtotal says what was added, whichever way the current total is counted."""
    taxed = [{"price": f"{tax}.00"}]
    lines = [line(tax_lines=taxed), line(id=12, quantity=1, price="20.00", tax_lines=taxed)]
    event = order(
        line_items=lines,
        subtotal_price="20.00",
        total_tax=f"{tax}.00",
        total_price=f"{25 + tax}.00",
        current_total_price=f"{float(now) + 2 * tax:.2f}",
        refunds=[refund("6.00")],
    )
    assert (event.total.minor, event.net_sales.minor) == (4500 + 200 * tax, 4000)


def test_rounding_is_no_edit() -> None:
    event = order(subtotal_price="19.98", total_tax="0.00", refunds=[refund("6.00")], current_total_price="25.00")
    assert event.total.minor == 2500


def test_an_order_edited_upwards_was_charged_what_came_back_as_well() -> None:
    more = [line(current_quantity=1), line(id=12, quantity=1, price="20.00")]
    event = order(
        line_items=more,
        refunds=[refund("10.00", refund_line_items=[goods(1, 10.0)])],
        current_total_price="35.00",
    )
    assert (event.total.minor, event.net_sales.minor) == (4500, 4000)


def exchange(price: int, *, returned: int = 1, rate: int = 0, **changes: Any) -> OrderObserved:
    """Two shirts at 10.00, taxed; some come back for another of this price, and money where they were worth more."""
    tax, its_tax = 10 * rate, price * rate // 100
    taxed = 1000 + tax
    back = returned * taxed - price - its_tax
    told = refund(f"{back / 100:.2f}") if back > 0 else {"id": 71, "created_at": "2026-02-02T00:00:00Z"}
    told["transactions"] = told.get("transactions", [])
    told["refund_line_items"] = [goods(returned, returned * 10.0, returned * tax / 100)]
    put_in = line(id=12, quantity=1, price=f"{price / 100:.2f}", tax_lines=[{"price": f"{its_tax / 100:.2f}"}])
    first = line(current_quantity=2 - returned, tax_lines=[{"price": f"{2 * tax / 100:.2f}"}])
    given: dict[str, Any] = {
        "line_items": [first, put_in],
        "subtotal_price": "20.00",
        "total_tax": f"{2 * tax / 100:.2f}",
        "total_price": f"{20 + 2 * tax / 100:.2f}",
        "current_total_price": f"{((2 - returned) * taxed + price + its_tax) / 100:.2f}",
        "refunds": [told],
        "financial_status": "partially_refunded" if back > 0 else "paid",
    }
    return order(**{**given, **changes})


@given(st.integers(1, 40), st.integers(1, 2), st.sampled_from([0, 20]))
def test_what_came_back_for_something_else_is_not_sold_beside_it(dollars: int, returned: int, rate: int) -> None:
    """Dearer, equal or cheaper: in the end net sales are what the customer kept, however the difference was settled."""
    event = exchange(dollars * 100, returned=returned, rate=rate)
    kept = (2 - returned) * 1000 + dollars * 100
    given_back = sum(refund.amount.minor for refund in event.refunds)
    left = event.net_sales.minor - proportion(event.net_sales.minor, given_back, event.total.minor)
    assert abs(left - kept) <= 2, (event.net_sales, event.total, given_back)
    assert event.total.minor - given_back == kept + kept * rate // 100


def test_an_exchange_whose_refund_is_pending_waits_for_it() -> None:
    waiting = refund("4.00", "pending", refund_line_items=[goods(1, 10.0)])
    event = exchange(600, refunds=[waiting])
    assert (event.refunds, event.total.minor - event.net_sales.minor) == ((), 0)


@pytest.mark.parametrize(
    ("outstanding", "total", "net"),
    [("20.00", 2500, 2222), ("0.00", 4500, 4000), ("-5.00", 4500, 4000), (None, 4500, 4000), ("45.00", 4500, 4000)],
    ids=["added-unpaid", "nothing", "owed-to-the-buyer", "unknown", "nothing-paid"],
)
def test_what_was_added_to_a_paid_order_counts_once_it_is_paid(outstanding: str | None, total: int, net: int) -> None:
    event = order(
        line_items=[line(), line(id=12, quantity=1, price="20.00")],
        refunds=[],
        current_total_price="45.00",
        financial_status="partially_paid",
        total_outstanding=outstanding,
    )
    assert (event.paid_at, event.total.minor, event.net_sales.minor) == (None, total, net)


@pytest.mark.parametrize("status", ["pending", "authorized", "paid", "partially_refunded"])
def test_an_order_that_is_not_paid_in_part_counts_whole(status: str) -> None:
    assert order(financial_status=status, total_outstanding="5.00").total == Money(2500, "USD")


@pytest.mark.parametrize(
    ("back", "total", "net", "quantity"),
    [("10.00", 2500, 2000, 2), ("4.00", 1900, 1400, 1), ("13.00", 2500, 2000, 2)],
    ids=["all-of-it", "a-part", "more"],
)
def test_removed_units_were_sold_as_far_as_their_money_went_back(
    back: str, total: int, net: int, quantity: int
) -> None:
    """A paid order is edited, then the difference is sent back: a second refund, of an amount alone."""
    removal = {"id": 72, "transactions": [], "refund_line_items": [goods(1, 9.0, 1.0)]}
    event = order(
        line_items=[line(current_quantity=1)],
        refunds=[removal, refund(back)],
        current_total_price="15.00",
        financial_status="partially_refunded",
    )
    assert (event.total.minor, event.net_sales.minor, event.lines[0].quantity) == (total, net, quantity)


def test_goodwill_pays_for_no_unit_that_an_edit_put_in_and_took_away_again() -> None:
    """The order never fell below its first total: there is no balance that the refund could be."""
    removal = {"id": 72, "transactions": [], "refund_line_items": [goods(1, 20.0) | {"line_item_id": 12}]}
    lines = [line(current_quantity=2), line(id=12, quantity=1, price="20.00", current_quantity=0)]
    event = order(line_items=lines, refunds=[removal, refund("20.00")], current_total_price="25.00")
    assert (event.total.minor, event.net_sales.minor) == (2500, 2000)


@pytest.mark.parametrize("gateway", ["shopify_payments", None])
def test_a_tip_is_no_sale(gateway: str | None) -> None:
    """Shopify lists a tip among the lines, as the only kind that names a tip's gateway (which may be null)."""
    tip = {"id": 12, "product_id": None, "title": "Tip", "quantity": 1, "price": "3.00"}
    event = order(line_items=[line(), tip | {"tip_payment_gateway": gateway}], total_price="28.00")
    assert (event.net_sales.minor, event.total.minor) == (2000, 2800)
    assert [each.title for each in event.lines] == ["Shirt"]


def test_refunds_are_the_successful_transactions() -> None:
    failed = {"kind": "refund", "status": "failure", "amount": "9.00"}
    both = refund()
    both["transactions"] = [*both["transactions"], failed, {"kind": "sale", "status": "success", "amount": "25.00"}]
    (told,) = order(refunds=[both, {"id": 73, "transactions": []}]).refunds
    assert (told.refund_id, told.amount, told.refunded_at) == (
        "71",
        Money(500, "USD"),
        dt.datetime(2026, 2, 2, tzinfo=dt.UTC),
    )


def test_a_refund_waits_until_no_transaction_is_pending() -> None:
    waiting = refund()
    waiting["transactions"] = [*waiting["transactions"], {"kind": "refund", "status": "pending", "amount": "3.00"}]
    assert order(refunds=[waiting]).refunds == ()
    assert read_events("refunds/create", json.dumps(waiting).encode(), STORE) == ()


def test_a_refund_on_its_own_is_the_same_fact() -> None:
    event = one("refunds/create", refund())
    assert isinstance(event, RefundObserved)
    assert event.order_id == "7"
    assert event.refund == order(refunds=[refund()]).refunds[0]


def test_a_refund_in_the_customers_currency_is_converted_at_the_orders_ratio() -> None:
    foreign = refund()
    foreign["transactions"][0] |= {"currency": "EUR", "amount": "10.00"}
    prices = {"shop_money": {"amount": "25.00", "currency_code": "USD"}}
    prices["presentment_money"] = {"amount": "20.00", "currency_code": "EUR"}
    assert order(refunds=[foreign], total_price_set=prices).refunds[0].amount == Money(1250, "USD")
    assert read_events("refunds/create", json.dumps(foreign).encode(), STORE) == ()


def test_landing_page_and_cart_attributes_become_a_touch() -> None:
    event = order(
        landing_site="/products/x?utm_source=meta&utm_campaign=spring%20sale&fbclid=F1&foo=bar",
        referring_site="https://facebook.com/",
        note_attributes=[{"name": "kiki_visitor", "value": "v-1"}, {"name": "gift note", "value": "utm"}],
    )
    assert event.touch is not None
    assert (event.touch.utm_source, event.touch.utm_campaign) == ("meta", "spring sale")
    assert event.touch.click_ids == (("fbclid", "F1"),)
    assert event.touch.first_party_id == "v-1"
    assert order(landing_site=None).touch is None


def test_cart_attributes_of_the_pixel_and_of_other_apps_rank_before_the_landing_page() -> None:
    touch = order(
        landing_site="/?utm_campaign=landing&ScCid=S1&gbraid=B1",
        note_attributes=[
            {"name": "_kiki_visitor", "value": "0f" * 16},
            {"name": "utm_campaign", "value": "cart"},
            {"name": "_twclid", "value": "T1"},
            {"name": "gclid", "value": 7},
        ],
    ).touch
    assert touch is not None
    assert (touch.first_party_id, touch.utm_campaign) == ("0f" * 16, "cart")
    assert touch.click_ids == (("gbraid", "B1"), ("gclid", "7"), ("sccid", "S1"), ("twclid", "T1"))


def test_the_buyer_is_a_stub() -> None:
    consent = {"state": "subscribed"}
    customer = {"id": 5, "email": "a@example.test", "first_name": "A", "email_marketing_consent": consent}
    event = order(customer=customer, customer_locale="de-DE")
    assert event.customer is not None
    assert (event.customer.customer_id, event.customer.accepts_email_marketing) == ("5", True)
    guest = order(customer=None, email="g@example.test", buyer_accepts_marketing=False).customer
    assert guest is not None
    assert (guest.customer_id, guest.email, guest.accepts_email_marketing) == (None, "g@example.test", False)
    assert order(customer=None, email="").customer is None


@pytest.mark.parametrize("name", ["order_hkd_no_discount.json", "order_hkd_null_customer_unicode.json"])
def test_captured_orders_add_up(name: str) -> None:
    payload = sample(f"shopify/{name}")
    (event,) = read_events("orders/create", json.dumps(payload).encode(), STORE)
    assert isinstance(event, OrderObserved)
    assert event.currency == "HKD"
    assert event.net_sales == Money.parse(payload["current_subtotal_price"], "HKD")
    assert event.total == Money.parse(payload["total_price"], "HKD")


def test_a_zero_decimal_currency() -> None:
    event = order(currency="JPY", total_price="23600", line_items=[line(price="11800")])
    assert event.total == Money(23600, "JPY")
    assert event.net_sales == Money(23600, "JPY")


@pytest.mark.parametrize("name", ["id", "created_at", "total_price"])
def test_a_missing_field_is_named(name: str) -> None:
    without: dict[str, Any] = {name: None}
    with pytest.raises(InvalidInput) as refused:
        order(**without)
    assert refused.value.reason == "MISSING_FIELD"
    assert refused.value.data == {"field": name}

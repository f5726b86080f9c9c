"""What WooCommerce payloads mean where running shops were not recorded."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from kiki.commerce.events import (
    UNDATED,
    OrderObserved,
    ProductObserved,
    ProductStatus,
    StockStatus,
    VariantDeleted,
    VariantObserved,
)
from kiki.kit.errors import InvalidInput
from kiki.kit.money import Money
from kiki.platforms.protocol import StoreContext
from kiki.platforms.woocommerce.events import read_events
from recorded.deliveries import recorded, sample

STORE = StoreContext(store_id=1, currency="EUR", timezone="Europe/Berlin")


def order(**changes: Any) -> OrderObserved:
    payload = json.loads(recorded("deliveries/021-order.created.json").body)
    payload.update(changes)
    (event,) = read_events("order.updated", json.dumps(payload).encode(), STORE)
    assert isinstance(event, OrderObserved)
    return event


def product(payload: dict[str, Any], topic: str = "product.updated") -> Any:
    (event,) = read_events(topic, json.dumps(payload).encode(), STORE)
    return event


def test_a_stock_status_alone_is_enough() -> None:
    event = product({"id": 456, "stock_status": "outofstock"})
    assert isinstance(event, ProductObserved)
    assert (event.product_id, event.updated_at, event.partial) == ("456", UNDATED, True)
    assert event.unsaid == {"status", "title", "description", "vendor", "category", "page_url", "image_urls"}
    assert not event.variants_complete
    (variant,) = event.variants
    assert (variant.variant_id, variant.status, variant.quantity) == ("456", StockStatus.OUT_OF_STOCK, None)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("publish", ProductStatus.ACTIVE),
        ("draft", ProductStatus.DRAFT),
        ("private", ProductStatus.DRAFT),
        ("trash", ProductStatus.ARCHIVED),
        ("plugin-made", ProductStatus.DRAFT),
    ],
)
def test_only_a_published_product_is_offered(status: str, expected: ProductStatus) -> None:
    assert product({"id": 1, "status": status}).status is expected


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [(3, 3), ("4", 4), ("4.0000", 4), (2.7, 2), (-1.5, -2), ("", None), (None, None)],
    ids=["number", "text", "decimal-text", "fraction", "below-zero", "empty", "null"],
)
def test_stock_is_read_however_php_writes_it(quantity: object, expected: int | None) -> None:
    (variant,) = product({"id": 1, "type": "simple", "manage_stock": True, "stock_quantity": quantity}).variants
    assert variant.quantity == expected


def test_a_variation_that_leaves_its_stock_to_the_parent_says_neither() -> None:
    event = product({"id": 5, "type": "variation", "parent_id": 4, "manage_stock": "parent", "stock_status": "instock"})
    assert isinstance(event, VariantObserved)
    assert event.variant.tracked is None
    assert event.variant.status is StockStatus.IN_STOCK


def test_a_trashed_variation_is_deleted() -> None:
    event = product({"id": 5, "type": "variation", "parent_id": 4, "status": "trash"})
    assert event == VariantDeleted(product_id="4", variant_id="5")


def test_a_variable_product_lists_its_variations_and_speaks_for_them_only_when_it_knows() -> None:
    base: dict[str, Any] = {"id": 4, "type": "variable", "variations": [5, "6"], "manage_stock": False}
    in_stock = product({**base, "stock_status": "instock"})
    assert [(v.variant_id, v.status) for v in in_stock.variants] == [("5", None), ("6", None)]
    assert in_stock.variants_complete
    sold_out = product({**base, "stock_status": "outofstock"})
    assert {v.status for v in sold_out.variants} == {StockStatus.OUT_OF_STOCK}
    shared = product({**base, "manage_stock": True, "stock_quantity": 7, "stock_status": "instock"})
    assert {(v.tracked, v.quantity, v.status) for v in shared.variants} == {(True, 7, StockStatus.IN_STOCK)}


@pytest.mark.parametrize("managed", [True, 1, "1", "yes", "true"], ids=repr)
def test_a_parent_counts_the_stock_of_all_however_php_writes_it(managed: object) -> None:
    told = {"id": 4, "type": "variable", "variations": [5], "manage_stock": managed, "stock_quantity": 0}
    assert [(v.tracked, v.quantity) for v in product(told).variants] == [(True, 0)]


def test_a_product_from_which_a_plugin_took_something_is_read() -> None:
    event = product(
        {
            "id": 4,
            "type": "variable",
            "stock_status": "outofstock",
            "variations": {"0": 5, "2": 6},
            "images": {"1": {"src": "https://shop.example/a.png"}},
            "categories": {"1": {"name": "Tea"}},
            "brands": {"3": {"name": "Acme"}},
        }
    )
    assert [(v.variant_id, v.status) for v in event.variants] == [
        ("5", StockStatus.OUT_OF_STOCK),
        ("6", StockStatus.OUT_OF_STOCK),
    ]
    assert event.variants_complete
    assert (event.image_urls, event.category, event.vendor) == (("https://shop.example/a.png",), "Tea", "Acme")


@pytest.mark.parametrize("price", ["12,50", "1,234.50", "on request", "<b>5</b>", [], "1e30"], ids=repr)
def test_a_price_that_an_importer_garbled_costs_no_stock(price: object) -> None:
    told = {"id": 4, "type": "simple", "price": price, "regular_price": price, "stock_status": "outofstock"}
    (variant,) = product({**told, "cost_of_goods_sold": {"total_value": price}}).variants
    assert (variant.status, variant.price) == (StockStatus.OUT_OF_STOCK, None)
    assert (variant.compare_at_price, variant.cost) == (None, None)


def test_sample_products_are_read() -> None:
    assert product(sample("woocommerce/product_simple.json")).title == "Book the Green Room"
    assert product(sample("woocommerce/webhook_product_created.json")["body"]).variants[0].price == Money(15000, "EUR")
    for variation in sample("woocommerce/product_variations_list.json"):
        assert product({**variation, "type": "variation", "parent_id": 846}).variant.variant_id == str(variation["id"])
    for stock in sample("woocommerce/product_stock.json"):
        assert product(stock).variants[0].status is StockStatus.OUT_OF_STOCK


@pytest.mark.parametrize("name", ["order.json", "order_line_item_attributes.json", "order_partially_refunded.json"])
def test_sample_orders_are_read(name: str) -> None:
    payload = sample(f"woocommerce/{name}")
    (event,) = read_events("order.created", json.dumps(payload).encode(), STORE)
    assert isinstance(event, OrderObserved)
    assert event.currency == "USD"
    assert event.total == Money.parse(payload["total"], "USD")
    sold = [line for line in payload["line_items"] if "wc_gc_giftcard_amount" not in str(line.get("meta_data"))]
    assert event.net_sales.minor == sum(Money.parse(line["total"], "USD").minor for line in sold)
    assert len(event.refunds) == len(payload.get("refunds", []))


def test_an_order_with_empty_objects_written_as_lists_is_read() -> None:
    event = order(billing=[], meta_data=[], customer_id="0", refunds=[])
    assert event.customer is None


def test_meta_data_with_a_hole_in_its_numbering_is_read() -> None:
    meta = {"3": {"id": 1, "key": "_wc_order_attribution_utm_campaign", "value": "spring"}}
    touch = order(meta_data=meta).touch
    assert touch is not None
    assert touch.utm_campaign == "spring"


def test_lists_from_which_a_plugin_took_something_are_read() -> None:
    event = order(
        line_items={"1": {"id": 1, "product_id": 2, "quantity": 1, "total": "40.00"}},
        fee_lines={"2": {"total": "-10.00"}},
        refunds={"1": {"id": 9, "total": "-5.00"}},
    )
    assert (event.net_sales, [each.refund_id for each in event.refunds]) == (Money(3000, "EUR"), ["9"])


def test_order_attribution_becomes_a_touch() -> None:
    values = {
        "source_type": "utm",
        "utm_source": "google",
        "utm_medium": "cpc",
        "utm_campaign": "c-1",
        "utm_content": "(none)",
        "session_entry": "https://shop.example/p/1?gclid=G1&utm_campaign=other",
        "session_start_time": "2026-11-22 20:00:00",
        "referrer": "https://www.google.com/",
        "session_pages": 3,
    }
    meta = [{"id": i, "key": f"_wc_order_attribution_{k}", "value": v} for i, (k, v) in enumerate(values.items())]
    meta.append({"id": 99, "key": "_kiki_visitor", "value": "v-77"})
    meta.append({"id": 98, "key": "_some_plugin", "value": {"deep": [1, {"er": "x"}]}})
    touch = order(meta_data=meta).touch
    assert touch is not None
    assert (touch.utm_source, touch.utm_campaign, touch.utm_content) == ("google", "c-1", None)
    assert touch.click_ids == (("gclid", "G1"),)
    assert touch.first_party_id == "v-77"
    assert touch.at == dt.datetime(2026, 11, 22, 20, 0, tzinfo=dt.UTC)
    assert touch.referrer == "https://www.google.com/"


def test_click_ids_of_plugins_and_of_the_first_page_are_read() -> None:
    meta = [
        {"key": "_wc_order_attribution_session_entry", "value": "https://shop.example/?epik=E1&rdt_cid=R1"},
        {"key": "_li_fat_id", "value": "L1"},
        {"key": "GCLID", "value": "G1"},
        {"key": "_gclid_history", "value": "G0"},
    ]
    touch = order(meta_data=meta).touch
    assert touch is not None
    assert touch.click_ids == (("epik", "E1"), ("gclid", "G1"), ("li_fat_id", "L1"), ("rdt_cid", "R1"))


def test_a_visit_that_began_after_the_order_has_no_time() -> None:
    meta = [
        {"key": "_wc_order_attribution_utm_source", "value": "x"},
        {"key": "_wc_order_attribution_session_start_time", "value": "2030-01-01 00:00:00"},
    ]
    touch = order(meta_data=meta).touch
    assert touch is not None
    assert touch.at is None


@pytest.mark.parametrize("began", ["yesterday", "0001-01-01 00:00:00", "9999-12-31T23:59:59-14:00", "\x00"])
def test_a_visit_whose_time_the_browser_garbled_has_none(began: str) -> None:
    meta = [
        {"key": "_wc_order_attribution_utm_campaign", "value": "spring"},
        {"key": "_wc_order_attribution_session_start_time", "value": began},
    ]
    touch = order(meta_data=meta).touch
    assert touch is not None
    assert (touch.utm_campaign, touch.at) == ("spring", None)


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00", "1899-12-31T23:59:59", "3000-01-01T00:00:00", "9999-12-31T23:59:59"]
)
def test_a_time_at_the_ends_of_the_calendar_is_refused(at: str) -> None:
    with pytest.raises(InvalidInput, match="a time of the years 1900 to 2999"):
        order(date_created_gmt=at)


def test_drafts_of_the_checkout_are_no_orders() -> None:
    payload = {"id": 3, "status": "checkout-draft"}
    assert read_events("order.created", json.dumps(payload).encode(), STORE) == ()


def test_a_cancelled_order_is_cancelled_at_its_change() -> None:
    event = order(status="cancelled", date_modified_gmt="2026-11-23T08:00:00")
    assert event.cancelled_at == dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)


def test_local_times_count_in_the_shops_zone_where_utc_is_missing() -> None:
    event = order(date_created_gmt=None, date_created="2026-07-01T12:00:00")
    assert event.placed_at == dt.datetime(2026, 7, 1, 10, tzinfo=dt.UTC)


def test_test_mode_orders_are_test_orders() -> None:
    assert order(meta_data=[{"key": "_wcpay_mode", "value": "test"}]).is_test
    assert order(meta_data=[{"key": "_ppec_environment", "value": "SANDBOX"}]).is_test
    assert not order(meta_data=[{"key": "_wcpay_mode", "value": "prod"}]).is_test


def test_zero_decimal_currencies_and_plugin_numbers() -> None:
    line = {"id": 1, "product_id": 2, "quantity": "2", "total": 23600, "name": "شاي 🍵"}
    event = order(currency="JPY", total="23600", line_items=[line])
    assert event.total == Money(23600, "JPY")
    assert event.lines[0].net_total == Money(23600, "JPY")
    assert event.lines[0].title == "شاي 🍵"


@pytest.mark.parametrize("status", ["pending", "on-hold", "failed", "wc-on-hold"])
def test_an_order_that_waits_for_money_is_not_paid_although_it_once_was(status: str) -> None:
    """WooCommerce never takes back the date of payment: a lost dispute leaves it on a failed order."""
    assert order(status=status, date_paid_gmt="2026-11-22T21:53:36").paid_at is None


@pytest.mark.parametrize("status", ["processing", "completed", "refunded", "cancelled", "shipped-by-plugin"])
def test_an_order_with_a_date_of_payment_is_paid(status: str) -> None:
    assert order(status=status).paid_at == dt.datetime(2026, 11, 22, 21, 53, 36, tzinfo=dt.UTC)


@pytest.mark.parametrize("zero", ["0000-00-00T00:00:00", "-0001-11-30T00:00:00", "", None])
def test_a_date_of_payment_that_php_writes_for_none_is_none(zero: str | None) -> None:
    assert order(date_paid_gmt=zero, date_paid=zero).paid_at is None


def test_an_order_that_failed_after_its_payment_is_reversed_and_one_that_never_was_paid_is_not() -> None:
    at = {"status": "failed", "date_modified_gmt": "2026-11-25T08:00:00"}
    lost = order(**at)
    assert lost.cancelled_at == dt.datetime(2026, 11, 25, 8, tzinfo=dt.UTC)
    assert order(**at, date_paid_gmt=None, date_paid=None).cancelled_at is None


def test_a_refunded_order_whose_refunds_do_not_add_up_to_it_is_reversed() -> None:
    changed = {"status": "refunded", "date_modified_gmt": "2026-11-25T08:00:00"}
    at = dt.datetime(2026, 11, 25, 8, tzinfo=dt.UTC)
    assert order(**changed, refunds=[]).cancelled_at == at
    assert order(**changed, refunds=[{"id": 1, "total": "-5.00"}]).cancelled_at == at
    assert order(**changed, refunds=[{"id": 1, "total": "-5.00"}, {"id": 2, "total": "-45.00"}]).cancelled_at is None


def test_a_line_below_zero_takes_off_the_others() -> None:
    lines = [
        {"id": 1, "product_id": 2, "quantity": 1, "total": "40.00"},
        {"id": 2, "product_id": 0, "quantity": 1, "total": "-15.00", "name": "Trade-in"},
    ]
    event = order(line_items=lines, fee_lines=[{"total": "-5.00"}])
    assert event.net_sales == Money(2000, "EUR")
    assert [each.net_total.minor for each in event.lines] == [4000, 0]


def test_a_negative_fee_is_a_discount_and_a_positive_one_no_sale() -> None:
    event = order(fee_lines=[{"total": "-10.00"}, {"total": "4.00"}])
    assert event.net_sales == Money(4000, "EUR")


@pytest.mark.parametrize("key", ["wc_gc_giftcard_to_multiple", "pw_gift_card_amount", "_ywgc_gift_card_code"])
def test_a_gift_card_that_was_bought_is_no_sale(key: str) -> None:
    lines = [
        {
            "id": 1,
            "product_id": 2,
            "quantity": 1,
            "total": "40.00",
            "meta_data": [{"id": 1, "key": "size", "value": 5}],
        },
        {"id": 2, "product_id": 3, "quantity": 1, "total": "25.00", "meta_data": [{"id": 2, "key": key, "value": "x"}]},
    ]
    event = order(line_items=lines, total="65.00")
    assert (event.net_sales.minor, event.total.minor) == (4000, 6500)
    assert [line.gift_card for line in event.lines] == [False, True]


@pytest.mark.parametrize(
    ("paid_with", "total"),
    [
        pytest.param({"gift_cards": [{"id": 1, "code": "X", "amount": 30}]}, 5000, id="gift card"),
        pytest.param({"pw_gift_cards_redeemed": [{"number": "X", "amount": "12.5"}]}, 3250, id="another plugin's"),
        pytest.param({"gift_cards": [{"amount": "20"}, {"amount": "10.00"}]}, 5000, id="two"),
        pytest.param({"gift_cards": []}, 2000, id="none"),
        pytest.param({"gift_cards": ["X-1"]}, 2000, id="codes alone"),
        pytest.param({"gift_cards": {"amount": "30"}}, 2000, id="no list"),
        pytest.param({"gift_cards": [{"amount": "thirty"}]}, 2000, id="no amount"),
    ],
)
def test_what_a_gift_card_paid_was_charged(paid_with: dict[str, Any], total: int) -> None:
    event = order(**paid_with, total="20.00")
    assert (event.total.minor, event.net_sales.minor) == (total, 5000)


def test_what_a_wallet_paid_is_no_discount() -> None:
    key = {"id": 9, "key": "_legacy_fee_key", "value": "_via_wallet_partial_payment"}
    fees = [{"total": "-10.00"}, {"total": "-15.00", "name": "Via wallet", "meta_data": [key]}]
    event = order(fee_lines=fees, total="25.00")
    assert (event.total.minor, event.net_sales.minor) == (4000, 4000)


def test_a_vendors_part_of_an_order_is_not_sold_twice() -> None:
    for made_by in ("dokan", "yith_wcmv_vendor_suborder", "", None):
        body = json.dumps({"id": 8, "parent_id": 7, "created_via": made_by, "status": "processing", "total": "5.00"})
        assert read_events("order.created", body.encode(), STORE) == ()
    assert order(parent_id=7, created_via="wc_deposits").net_sales.minor == 5000
    assert order(parent_id=0, created_via="checkout").net_sales.minor == 5000


def test_a_coupon_over_everything_leaves_nothing_to_bill() -> None:
    event = order(line_items=[{"id": 1, "product_id": 2, "quantity": 1, "total": "0.00"}], total="0.00")
    assert (event.net_sales.minor, event.total.minor, event.paid_at is None) == (0, 0, False)


def test_amounts_given_as_numbers_are_exact() -> None:
    body = json.dumps({"id": 1, "total": 0}).replace('"total": 0', '"total": 90071992547409.93')
    body = body.replace("}", ', "date_created_gmt": "2026-01-01T00:00:00"}')
    (event,) = read_events("order.created", body.encode(), STORE)
    assert isinstance(event, OrderObserved)
    assert event.total.minor == 9_007_199_254_740_993


def test_nul_characters_are_left_out() -> None:
    payload = json.dumps({"id": 1, "name": "a\x00b\\u0000c"}).encode()
    (event,) = read_events("product.created", payload, STORE)
    assert isinstance(event, ProductObserved)
    assert event.title == "ab\\u0000c"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"Tasse \ud83d", "Tasse \ufffd"),
        (r"\udf75 Tasse", "\ufffd Tasse"),
        (r"\uD83C\uDF75\ud83d\ud83c\udf75", "🍵\ufffd🍵"),
        (r"a \\ud83d \ud83d", "a \\ud83d \ufffd"),
        (r"a \\ud83d", "a \\ud83d"),
    ],
    ids=["first-half", "second-half", "between-whole-ones", "beside-plain-text", "plain-text"],
)
def test_half_an_emoji_costs_no_order(written: str, read: str) -> None:
    line = f'{{"id": 1, "product_id": 2, "quantity": 1, "total": "40.00", "name": "{written}"}}'
    body = f'{{"id": 1, "total": "40.00", "date_created_gmt": "2026-01-01T00:00:00", "line_items": [{line}]}}'
    (event,) = read_events("order.created", body.encode(), STORE)
    assert isinstance(event, OrderObserved)
    assert event.lines[0].title == read


def test_a_body_that_is_no_json_is_refused_with_half_an_emoji_as_well() -> None:
    with pytest.raises(InvalidInput, match="not valid UTF-8 JSON"):
        read_events("order.created", rb'{"id": 1, "note": "\ud83d"', STORE)


def test_a_refund_with_the_wrong_sign_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"refunds\.total"):
        order(refunds=[{"id": 1, "total": "5.00"}])


def test_amounts_that_add_up_to_too_much_are_refused() -> None:
    most = "92233720368547758.07"
    assert order(total=most).total.minor == 2**63 - 1
    with pytest.raises(InvalidInput) as refused:
        order(total=most, gift_cards=[{"amount": "0.01"}])
    assert (refused.value.reason, refused.value.data) == ("BAD_AMOUNT", {"field": "total"})
    lines = [{"id": number, "quantity": 1, "total": most} for number in (1, 2)]
    with pytest.raises(InvalidInput) as refused:
        order(line_items=lines)
    assert (refused.value.reason, refused.value.data) == ("BAD_AMOUNT", {"field": "line_items.total"})


def test_messages_repeat_no_value() -> None:
    with pytest.raises(InvalidInput) as refused:
        order(total="anna@example.test")
    assert "anna" not in refused.value.message

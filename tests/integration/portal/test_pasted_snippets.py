"""The pasted PHP and Liquid, run: what they write on orders and into pages, and that our collector understands it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from integration.portal.chromium import PROGRAM, Chromium
from integration.portal.pasting import (
    BLOCKS,
    CLASSIC,
    NODE,
    SECRET,
    calls_of,
    liquid,
    needs_liquid,
    needs_php,
    wordpress,
)
from integration.portal.running import woo_headers
from integration.portal.test_collected_visits import verdict_of, woo_order
from integration.portal.test_pixel_in_chromium import SHOP, agree, beacons, land, open_site
from kiki.portal.collector.proof import proof_of

VISITOR = "0f" * 16
HOSTILE = "'\"><script>alert(1)</script>\\'; DROP TABLE wp_options; --"
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed: what was printed cannot be run")
needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is in PATH: the page cannot be opened")


@needs_php
def test_both_checkouts_write_the_visitor_on_the_order() -> None:
    classic, blocks = wordpress(cookies={"kiki_visitor": VISITOR})["orders"]
    assert classic == {"meta": {"_kiki_visitor": VISITOR}, "saved": 0}, "the checkout saves a new order itself"
    assert blocks == {"meta": {"_kiki_visitor": VISITOR}, "saved": 1}


@needs_php
@pytest.mark.parametrize(
    "cookie",
    [
        pytest.param(HOSTILE, id="markup and quotes"),
        pytest.param(VISITOR + "\n", id="a line end behind it"),
        pytest.param([VISITOR], id="a list"),
        pytest.param({"a": {"b": VISITOR}}, id="nested"),
        pytest.param("f" * 5000, id="long"),
        pytest.param("f" * 15, id="short"),
        pytest.param("\u202e\U0001f6d2" * 12, id="emoji and right to left"),
        pytest.param("", id="empty"),
    ],
)
def test_a_cookie_that_is_no_visitor_id_is_not_written(cookie: Any) -> None:
    assert wordpress(cookies={"kiki_visitor": cookie})["orders"] == [{"meta": {}, "saved": 0}] * 2


@needs_php
def test_without_the_cookie_nothing_is_written_or_printed() -> None:
    found = wordpress()
    assert found == {"orders": [{"meta": {}, "saved": 0}] * 2, "footer": ""}


@needs_php
def test_code_that_was_pasted_twice_does_no_harm() -> None:
    (once,) = wordpress(cookies={"kiki_visitor": VISITOR}, orders=((BLOCKS, 77),), times=2)["orders"]
    assert once == {"meta": {"_kiki_visitor": VISITOR}, "saved": 1}


@needs_php
@needs_node
def test_woocommerce_says_who_is_logged_in() -> None:
    footer = wordpress(user=42)["footer"]
    assert calls_of(footer) == [["identify", {"customerId": "42", "proof": proof_of(SECRET, "42")}]]
    assert calls_of(footer, known=False) == [], "a page whose pixel was blocked throws nothing"


@needs_liquid
def test_shopify_says_who_is_logged_in() -> None:
    html = liquid({"customer": {"id": 6_940_095_564_032, "first_name": HOSTILE}})
    customer = "6940095564032"
    assert calls_of(html) == [["identify", {"customerId": customer, "proof": proof_of(SECRET, customer)}]]
    assert calls_of(html, known=False) == []
    assert liquid({"customer": None}) == liquid({}) == ""


@needs_liquid
@pytest.mark.parametrize(
    "name", [HOSTILE, "\u202e\U0001f6d2", "</script><script>alert(1)</script>", "{{ shop.secret }}"]
)
def test_an_id_that_is_no_id_stays_inside_its_quotes(name: str) -> None:
    ((what, who),) = calls_of(liquid({"customer": {"id": name}, "shop": {"secret": "s"}}))
    assert what == "identify"
    assert set(who) == {"customerId", "proof"}
    assert "<" not in who["customerId"]


@needs_php
@needs_chromium
@pytest.mark.slow
async def test_a_logged_in_buyer_of_woocommerce_is_recognised_by_the_collector(migrated_dsn: str) -> None:
    async with open_site(migrated_dsn, footer=lambda secret: wordpress(user=42, secret=secret)["footer"]) as site:

        def story(browser: Chromium) -> tuple[str, list[dict[str, Any]]]:
            land(browser)
            assert beacons(browser) == [], "nobody has agreed yet"
            visitor = agree(browser)
            browser.turns(0.3)
            return visitor, beacons(browser)

        visitor, told = await site.browse(story)
        assert {beacon["kind"] for beacon in told} == {"click", "identify"}
        assert {beacon.get("customer_id") for beacon in told} == {None, "42"}
        assert await site.outcomes() == {"stored": 2}
        await site.touchpoints(1)

        (order,) = wordpress(cookies={"kiki_visitor": visitor}, orders=((CLASSIC, 0),))["orders"]
        body = woo_order(1, order["meta"]["_kiki_visitor"])
        answer = await site.portal.http.post(
            "/webhooks/woocommerce/order.created", content=body, headers=woo_headers(body, x_wc_webhook_source=SHOP)
        )
        assert answer.status_code == 200
        assert (await verdict_of(site.portal, "1", "touched"))["campaign_id"] == "k1"


@needs_liquid
@needs_chromium
@pytest.mark.slow
async def test_a_logged_in_customer_of_shopify_is_recognised_by_the_collector(migrated_dsn: str) -> None:
    customer = {"customer": {"id": 6_940_095_564_032}}
    async with open_site(migrated_dsn, "shopify", footer=lambda secret: liquid(customer, secret)) as site:

        def story(browser: Chromium) -> list[dict[str, Any]]:
            land(browser)
            agree(browser)
            browser.turns(0.3)
            return beacons(browser)

        told = await site.browse(story)
        assert [b["customer_id"] for b in told if b["kind"] == "identify"] == ["6940095564032"]
        assert await site.outcomes() == {"stored": 2}
        assert json.dumps(told).count("6940095564032") == 1

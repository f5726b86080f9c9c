"""An error says what was got and what was wanted; a filter with a typing error is never an empty list."""

from __future__ import annotations

from typing import Any

import pytest

from integration.portal.running import KEY, Portal

HEADERS = {"x-internal-api-key": KEY}
NEW = {"platform": "woocommerce", "store_key": "https://shop.example", "currency": "EUR"}


async def told(portal: Portal, method: str, path: str, body: Any = None) -> tuple[int, str, str]:
    """Status, reason, and what a person reads."""
    answer = await portal.http.request(method, path, json=body, headers=HEADERS)
    document = answer.json()
    problems = document.get("data", {}).get("problems", ())
    text = " ".join([document["detail"], *(f"{each['where']}: {each['what']}" for each in problems)])
    return answer.status_code, document["reason"], text


@pytest.mark.parametrize(
    ("body", "reason", "got", "wanted"),
    [
        ({**NEW, "platform": "shopfy"}, "UNKNOWN_PLATFORM", "got 'shopfy'", "shopify, woocommerce"),
        ({**NEW, "timezone": "Europe/Berln"}, "BAD_TIMEZONE", "got 'Europe/Berln'", "Europe/Berlin"),
        (
            {**NEW, "platform": "shopify", "store_key": "not a shop"},
            "BAD_STORE_KEY",
            "got 'not a shop'",
            "example.myshopify.com",
        ),
        ({**NEW, "settings": {"basis": "gross"}}, "INVALID_INPUT", "got 'gross'", "'net_sales' or 'total'"),
        ({**NEW, "settings": {"attribution_window_days": 9999}}, "INVALID_INPUT", "got 9999", "365"),
    ],
    ids=["platform", "time zone", "address", "word", "number"],
)
async def test_a_new_store_is_refused_with_what_was_got(
    portal: Portal, body: dict[str, Any], reason: str, got: str, wanted: str
) -> None:
    status, told_reason, text = await told(portal, "POST", "/internal/stores", body)
    assert (status, told_reason) == (422, reason)
    assert got in text
    assert wanted in text


async def test_a_password_in_a_shop_address_is_not_repeated(portal: Portal) -> None:
    body = {**NEW, "platform": "shopify", "store_key": "https://me:hunter2@shop.example"}
    assert "hunter2" not in (await told(portal, "POST", "/internal/stores", body))[2]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/internal/dead-calls?agent=synclegder", "'syncledger'"),
        ("/internal/deliveries?status=deed", "'dead'"),
        ("/internal/months?state=opne", "'open'"),
        ("/internal/orders/{store}?verdict=billed", "'incremental'"),
        ("/internal/products/{store}?ads=stopped", "'paused'"),
        ("/internal/reviews/{store}?status=done", "'approved'"),
        ("/internal/deliveries?limit=many", "integer"),
        ("/internal/deliveries?received_from=yesterday", "datetime"),
    ],
)
async def test_a_filter_names_its_words(portal: Portal, path: str, wanted: str) -> None:
    store = (await portal.add_store()).store_id
    status, reason, text = await told(portal, "GET", path.format(store=store))
    assert (status, reason) == (422, "INVALID_INPUT")
    assert f"got '{path.partition('=')[2]}'" in text
    assert wanted in text


@pytest.mark.parametrize(
    "path",
    [
        "/internal/deliveries",
        "/internal/dead-letters",
        "/internal/dead-calls",
        "/internal/jobs",
        "/internal/months",
        "/internal/exchange-rates/missing",
    ],
)
async def test_a_filter_by_a_store_that_does_not_exist_finds_no_store(portal: Portal, path: str) -> None:
    store = (await portal.add_store()).store_id
    assert (await portal.http.get(path, params={"store_id": store}, headers=HEADERS)).status_code == 200
    status, reason, text = await told(portal, "GET", f"{path}?store_id={store + 1}")
    assert (status, reason) == (404, "STORE_NOT_FOUND")
    assert str(store + 1) in text


async def test_a_replay_for_a_store_that_does_not_exist_is_refused(portal: Portal) -> None:
    assert (await told(portal, "POST", "/internal/deliveries/replay", {"store_id": 7}))[:2] == (404, "STORE_NOT_FOUND")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, "none of"),
        ({"consumer_key": "ck_1"}, "consumer_key"),
        ({"consumer_secret": "cs_1"}, "consumer_secret"),
        ({"access_token": "shpat_1", "consumer_key": "ck_1"}, "consumer_key"),
    ],
    ids=["nothing", "key alone", "secret alone", "both kinds, one by half"],
)
async def test_half_of_a_credential_is_refused(portal: Portal, given: dict[str, str], wanted: str) -> None:
    store = (await portal.add_store()).store_id
    body = {"base_url": "https://shop.example", **given}
    status, reason, text = await told(portal, "PUT", f"/internal/stores/{store}/credentials", body)
    assert (status, reason) == (422, "INVALID_INPUT")
    assert wanted in text
    assert not [secret for secret in given.values() if secret in text]
    assert await portal.rows("SELECT 1 FROM portal.store_credentials") == []


async def test_personal_data_is_not_repeated(portal: Portal) -> None:
    store = (await portal.add_store()).store_id
    person = {"touchpoint_id": "a", "at": "2026-03-01T12:00:00Z", "email_sha256": "ada@customer.example"}
    for touchpoint in (person, {**person, "kind": "ada@customer.example"}):
        text = (await told(portal, "POST", f"/internal/touchpoints/{store}", {"touchpoints": [touchpoint]}))[2]
        assert "email_sha256" in text
        assert "ada@" not in text


async def test_a_hand_or_a_campaign_of_the_wrong_time_is_told_its_time(portal: Portal) -> None:
    store = (await portal.add_store()).store_id
    hand = {"reason": "why", "expires_at": "2020-01-01T00:00:00Z"}
    status, reason, text = await told(portal, "POST", f"/internal/products/{store}/1/ads/pause", hand)
    assert (status, reason) == (422, "EXPIRED")
    assert "got 2020-01-01T00:00:00+00:00" in text


@pytest.mark.parametrize(
    ("method", "path", "status", "wanted"),
    [
        ("GET", "/internal/store", 404, "/docs"),
        ("DELETE", "/internal/stores", 405, "GET, HEAD, POST"),
        ("GET", "/internal/deliveries?cursor=nonsense", 422, "got 'nonsense'"),
    ],
)
async def test_a_wrong_address_is_told_where_to_look(
    portal: Portal, method: str, path: str, status: int, wanted: str
) -> None:
    got, _, text = await told(portal, method, path)
    assert got == status
    assert wanted in text
    assert method in text or status == 422


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/internal/deliveries", "received"),
        ("/internal/orders/{store}", "placed"),
    ],
)
async def test_a_span_that_ends_before_it_begins_is_refused(portal: Portal, path: str, name: str) -> None:
    store = (await portal.add_store()).store_id
    place = path.format(store=store)
    query = f"?{name}_from=2026-03-02T00:00:00%2B02:00&{name}_to=2026-03-01T22:00:00Z"
    status, reason, text = await told(portal, "GET", place + query)
    assert (status, reason) == (422, "BAD_RANGE")
    assert "2026-03-01T22:00:00+00:00" in text, "both are the same moment"
    later = query.replace("22:00:00Z", "22:00:01Z")
    assert (await portal.http.get(place + later, headers=HEADERS)).status_code == 200


async def test_spans_of_a_replay_and_of_rates_are_looked_at_too(portal: Portal) -> None:
    body = {"received_from": "2026-03-02T00:00:00Z", "received_to": "2026-03-01T00:00:00Z"}
    assert (await told(portal, "POST", "/internal/deliveries/replay", body))[1] == "BAD_RANGE"
    assert (await told(portal, "GET", "/internal/exchange-rates?since=2026-03-02&until=2026-03-01"))[1] == "BAD_RANGE"
    same = await portal.http.get("/internal/exchange-rates?since=2026-03-02&until=2026-03-02", headers=HEADERS)
    assert same.status_code == 200, "the last day counts"


async def test_a_hand_on_a_product_that_nobody_told_of_says_so(portal: Portal) -> None:
    store = (await portal.add_store()).store_id
    await portal.rows(
        "INSERT INTO commerce.product_states (store_id, product_id, status, updated_at, content_digest, image_digest)"
        " VALUES ($1, '7', 'active', now(), '', '')",
        store,
    )
    for product, known in (("7", True), ("8", False)):
        place = f"/internal/products/{store}/{product}/ads/pause"
        answer = await portal.http.post(place, json={"reason": "recall"}, headers=HEADERS)
        assert (answer.status_code, answer.json()["in_catalogue"]) == (202, known)

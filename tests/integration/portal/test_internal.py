"""The internal API over real HTTP: access, problems, stores, deliveries, jobs."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import re
from typing import Any

import pytest

from integration.portal.running import KEY, SITE, Portal, running_portal, woo_headers
from kiki.commerce.catalogue import PRODUCT_STATES, ProductState, state_values
from kiki.orchestrator.inbox.protocol import InternalFact
from kiki.orchestrator.lanes import Lane

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
HEADERS = {"x-internal-api-key": KEY}
BODY = b'{"id":1}'
_HALF = b'{"base_url":"https://shop.example","access_token":"\\ud800"}'
NEW_STORE = {"platform": "woocommerce", "store_key": SITE + "/", "currency": "EUR", "timezone": "Europe/Berlin"}


async def deliver(portal: Portal, body: bytes = BODY, **more: str) -> None:
    headers = woo_headers(body, **more)
    answer = await portal.http.post("/webhooks/woocommerce/order.created", content=body, headers=headers)
    assert answer.status_code == 200


async def get(portal: Portal, path: str, expect: int = 200, **parameters: Any) -> Any:
    answer = await portal.http.get(path, headers=HEADERS, params=parameters)
    assert answer.status_code == expect, answer.text
    return answer.json()


@pytest.mark.parametrize("headers", [{}, {"x-internal-api-key": "wrong"}, {"x-internal-api-key": ""}])
@pytest.mark.parametrize("path", ["/internal/stores", "/internal/nothing", "/reports/oaas/monthly/1?year=2024&month=1"])
async def test_without_the_key_nothing_internal_answers(portal: Portal, path: str, headers: dict[str, str]) -> None:
    answer = await portal.http.get(path, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == "WRONG_INTERNAL_API_KEY"
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


async def test_each_of_several_keys_opens(portal_dsn: str) -> None:
    async with running_portal(portal_dsn, internal_api_key="first, second") as portal:
        for key in ("first", "second"):
            answer = await portal.http.get("/internal/stores", headers={"x-internal-api-key": key})
            assert answer.status_code == 200


async def test_health_readiness_metrics_and_documents_are_open(portal: Portal) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"):
        assert (await portal.http.get(path)).status_code == 200, path
    document = (await portal.http.get("/openapi.json")).json()
    assert "/webhooks/{platform}/{topic}" in document["paths"]
    assert "/reports/oaas/monthly/{store_id}" in document["paths"]


async def test_the_page_of_the_api_is_whole_without_the_internet(portal: Portal) -> None:
    """Its policy allows the style sheet that stands in it and nothing else, of any origin."""
    shown = await portal.http.get("/docs")
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    policy = shown.headers["content-security-policy"]
    style = re.findall("<style>(.*?)</style>", shown.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    assert (len(style), policy.partition("; ")[0]) == (1, "default-src 'none'")
    assert f"style-src 'sha256-{digest}';" in policy
    assert not re.search("<script|(src|href)=.?(https?:)?//", shown.text)
    assert "http://127.0.0.1:8060/internal/stores" in shown.text
    head = await portal.http.head("/docs")
    assert (head.status_code, head.headers["content-length"]) == (200, shown.headers["content-length"])


@pytest.mark.parametrize("headers", [{}, {"x-internal-api-key": "wrong"}, HEADERS])
async def test_who_opens_the_address_itself_finds_where_to_go_on(portal: Portal, headers: dict[str, str]) -> None:
    await portal.add_store()
    shown = await portal.http.get("/", headers=headers)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for path in re.findall(r'href="([^"]+)"', shown.text):
        assert (await portal.http.get(path)).status_code == 200, path
    assert {"/docs", "/healthz"} < set(re.findall(r'href="([^"]+)"', shown.text))
    assert "example.com" not in shown.text
    head = await portal.http.head("/", headers=headers)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == shown.headers["content-length"]
    refused = await portal.http.post("/")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_a_wrong_method_is_told_every_right_one(portal: Portal) -> None:
    for path, right in (("/internal/stores", "GET, HEAD, POST"), ("/internal/stores/1/credentials", "DELETE, PUT")):
        answer = await portal.http.request("TRACE", path, headers=HEADERS)
        assert (answer.status_code, answer.headers["allow"]) == (405, right)


async def test_an_amount_with_too_many_decimals_is_told_how_many_there_may_be(portal: Portal) -> None:
    shop = await portal.add_store()
    told = {"campaign_id": "a", "network": "google", "external_id": "a", "name": "A"}
    for amount, currency, places in (("12.505", "USD", 2), ("0.5", "JPY", 0)):
        campaign = {**told, "daily_budget": {"amount": amount, "currency": currency}}
        path = f"/internal/campaigns/{shop.store_id}"
        answer = await portal.http.post(path, headers=HEADERS, json={"campaigns": [campaign]})
        wanted = f"an amount in {currency} has at most {places} decimals, got {amount}"
        assert (answer.status_code, answer.json()["reason"], answer.json()["detail"]) == (422, "BAD_AMOUNT", wanted)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("GET", "/nowhere", None, 404, "UNKNOWN_ROUTE"),
        ("DELETE", "/healthz", None, 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/internal/stores/999", None, 404, "STORE_NOT_FOUND"),
        ("GET", "/internal/stores/zero", None, 422, "INVALID_INPUT"),
        ("GET", "/internal/stores?cursor=!!!", None, 422, "BAD_CURSOR"),
        ("POST", "/internal/stores", b"{", 400, "INVALID_JSON"),
        ("POST", "/internal/stores", b'{"platform":"woocommerce"}', 422, "INVALID_INPUT"),
        ("GET", "/internal/deliveries/1", None, 404, "UNKNOWN_DELIVERY"),
        ("GET", "/internal/jobs/1", None, 404, "UNKNOWN_JOB"),
        ("POST", "/internal/sync/products/999", None, 404, "STORE_NOT_FOUND"),
        ("GET", "/creatives/picture", None, 503, "UNAVAILABLE"),
        ("GET", "/internal/campaigns/999", None, 404, "STORE_NOT_FOUND"),
        ("GET", "/internal/campaigns/999/actions", None, 404, "STORE_NOT_FOUND"),
        ("GET", "/internal/ad-networks/999", None, 404, "STORE_NOT_FOUND"),
        ("GET", "/internal/products/999/x/ads", None, 404, "STORE_NOT_FOUND"),
        ("GET", "/internal/creatives/999", None, 404, "STORE_NOT_FOUND"),
        ("GET", "/internal/deliveries?received_from=9999-12-31T23:59:59-14:00", None, 422, "INVALID_INPUT"),
        ("GET", "/internal/deliveries?received_to=0001-01-01T00:00:00%2B14:00", None, 422, "INVALID_INPUT"),
        ("POST", "/internal/deliveries/replay", b'{"received_from":"0001-01-01T00:00:00+14:00"}', 422, "INVALID_INPUT"),
        ("PUT", "/internal/stores/1/credentials", _HALF, 422, "INVALID_INPUT"),
        ("GET", "/reports/oaas/monthly/999?year=2024&month=1", None, 404, "STORE_NOT_FOUND"),
        ("GET", "/reports/oaas/monthly/1?year=2024&month=13", None, 422, "INVALID_INPUT"),
    ],
)
async def test_failures_are_problem_documents(
    portal: Portal, method: str, path: str, body: bytes | None, status: int, reason: str
) -> None:
    headers = HEADERS | {"content-type": "application/json"}
    answer = await portal.http.request(method, path, headers=headers, content=body)
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if reason != "UNAVAILABLE":
        assert problem["reason"] == reason
    assert "Traceback" not in answer.text


async def test_validation_errors_never_repeat_what_was_sent(portal: Portal) -> None:
    secret = "very-secret-value"
    answer = await portal.http.post(
        "/internal/stores", headers=HEADERS, json={**NEW_STORE, "currency": secret, "webhook_secret": {"x": secret}}
    )
    assert answer.status_code == 422
    assert secret not in answer.text


async def test_a_store_is_connected_and_its_delivery_url_works(portal: Portal) -> None:
    answer = await portal.http.post("/internal/stores", headers=HEADERS, json=NEW_STORE)
    assert answer.status_code == 201, answer.text
    added = answer.json()
    assert added["store_key"] == "example.com"
    assert added["webhook_secret"]
    path = added["delivery_urls"]["order.created"].split("8060", 1)[1]
    headers = woo_headers(BODY, secret=added["webhook_secret"])
    del headers["x-wc-webhook-source"]
    assert (await portal.http.post(path, content=BODY, headers=headers)).status_code == 200
    shown = await get(portal, f"/internal/stores/{added['store_id']}")
    assert "secret" not in str(shown)
    calls = await portal.rows("SELECT agent, method FROM calls.queue ORDER BY seq")
    facts = await portal.rows("SELECT topic FROM inbox.deliveries WHERE origin = 'internal'")
    assert facts == [{"topic": "store_connected"}]
    assert {"agent": "syncshield", "method": "LogDataAccess"} in calls
    again = await portal.http.post("/internal/stores", headers=HEADERS, json=NEW_STORE)
    assert (again.status_code, again.json()["reason"]) == (409, "STORE_EXISTS")


async def test_a_store_added_after_its_first_refused_webhook_is_known_at_once(portal: Portal) -> None:
    headers = woo_headers(BODY)
    path = "/webhooks/woocommerce/order.created"
    assert (await portal.http.post(path, content=BODY, headers=headers)).status_code == 401
    body = {**NEW_STORE, "webhook_secret": "acceptance-secret"}
    assert (await portal.http.post("/internal/stores", headers=HEADERS, json=body)).status_code == 201
    assert (await portal.http.post(path, content=BODY, headers=headers)).status_code == 200


async def test_settings_change_one_by_one(portal: Portal) -> None:
    shop = await portal.add_store()
    path = f"/internal/stores/{shop.store_id}/settings"
    answer = await portal.http.patch(path, headers=HEADERS, json={"low_stock_threshold": 3, "fee_rate": "0.150"})
    assert answer.status_code == 200, answer.text
    settings = answer.json()["settings"]
    assert (settings["low_stock_threshold"], settings["fee_rate"], settings["basis"]) == (3, "0.15", "net_sales")
    wrong = await portal.http.patch(path, headers=HEADERS, json={"fee_rate": "1.5"})
    assert wrong.status_code == 422


@pytest.mark.parametrize(
    ("changed", "facts"),
    [
        ({"margin_floor": "0.2"}, [(Lane.BULK, 200, True), (Lane.BULK, 50, True)]),
        ({"low_stock_threshold": 3}, [(Lane.BULK, 200, False), (Lane.BULK, 50, False)]),
        ({"margin_floor": "0.00", "low_stock_threshold": 5, "resume_damping_seconds": 9}, []),
    ],
    ids=["floor", "threshold", "nothing of both"],
)
async def test_products_are_judged_by_a_changed_rule(
    portal: Portal, changed: dict[str, Any], facts: list[tuple[Lane, int, bool]]
) -> None:
    shop = await portal.add_store()
    async with portal.database.transaction() as connection:
        for number in range(251):
            state = ProductState(shop.store_id, f"p{number}", "active", number == 0, False, NOW, "", b"", b"")
            await PRODUCT_STATES.upsert(connection, [state_values(state)])
    answer = await portal.http.patch(f"/internal/stores/{shop.store_id}/settings", headers=HEADERS, json=changed)
    assert answer.status_code == 200, answer.text
    rows = await portal.rows("SELECT lane FROM inbox.deliveries WHERE topic = 'rules_changed' ORDER BY delivery_id")
    told = [InternalFact.decode("rules_changed", body).body for body in await portal.bodies()]
    found = [
        (Lane(row["lane"]), len(each["product_ids"]), each["margins"]) for row, each in zip(rows, told, strict=True)
    ]
    assert found == facts
    assert "p0" not in [name for each in told for name in each["product_ids"]], "it is deleted"


async def test_a_rotated_secret_signs_and_the_one_before_goes_on(portal: Portal) -> None:
    shop = await portal.add_store()
    answer = await portal.http.post(f"/internal/stores/{shop.store_id}/rotate-secret", headers=HEADERS, json={})
    made = answer.json()["webhook_secret"]
    for number, secret in enumerate(("acceptance-secret", made)):
        body = b'{"id":%d}' % number
        headers = woo_headers(body, secret=secret)
        assert (
            await portal.http.post("/webhooks/woocommerce/order.created", content=body, headers=headers)
        ).status_code == 200


async def test_deliveries_are_listed_in_pages_and_filtered(portal: Portal) -> None:
    shop = await portal.add_store()
    for number in range(5):
        await deliver(portal, b'{"id":1%d}' % number)
    await deliver(portal, x_wc_webhook_topic="product.updated")
    first = await get(portal, "/internal/deliveries", limit=4)
    second = await get(portal, "/internal/deliveries", limit=4, cursor=first["next_cursor"])
    ids = [row["delivery_id"] for row in first["deliveries"] + second["deliveries"]]
    assert len(ids) == 6
    assert ids == sorted(ids, reverse=True)
    assert second["next_cursor"] == ""
    queued = await get(portal, "/internal/deliveries", status="waiting", store_id=shop.store_id)
    assert len(queued["deliveries"]) == 5
    (dead,) = (await get(portal, "/internal/dead-letters"))["deliveries"]
    assert (dead["status"], dead["reason"]) == ("dead", "TOPIC_MISMATCH")
    assert (await get(portal, "/internal/deliveries", topic="nothing"))["deliveries"] == []


async def test_opening_a_body_is_audited(portal: Portal) -> None:
    await portal.add_store()
    await deliver(portal)
    (row,) = (await get(portal, "/internal/deliveries"))["deliveries"]
    path = f"/internal/deliveries/{row['delivery_id']}"
    assert "body" not in await get(portal, path)
    assert await portal.rows("SELECT 1 FROM calls.queue") == []
    assert (await get(portal, path, body="true"))["body"] == BODY.decode()
    (call,) = await portal.rows("SELECT method, subject FROM calls.queue")
    assert call == {"method": "LogDataAccess", "subject": f"delivery:{row['delivery_id']}"}


async def test_a_dead_letter_is_replayed_once_in_the_bulk_lane(portal: Portal) -> None:
    await portal.add_store()
    await deliver(portal, x_wc_webhook_topic="product.updated")
    (dead,) = (await get(portal, "/internal/dead-letters"))["deliveries"]
    path = f"/internal/deliveries/{dead['delivery_id']}/replay"
    first = await portal.http.post(path, headers=HEADERS)
    second = await portal.http.post("/internal/deliveries/replay", headers=HEADERS, json={"status": "dead"})
    assert (first.json(), second.json()) == ({"replayed": 1}, {"replayed": 0})
    assert await portal.rows("SELECT lane, run FROM inbox.queue") == [{"lane": 3, "run": 1}]
    assert (await get(portal, "/internal/dead-letters"))["deliveries"] == []
    shown = await get(portal, f"/internal/deliveries/{dead['delivery_id']}")
    assert shown["status"] == "waiting"
    assert [run["status"] for run in shown["runs"]] == ["dead"]
    nothing = await portal.http.post("/internal/deliveries/replay", headers=HEADERS, json={})
    assert nothing.status_code == 422


async def test_a_sync_without_credentials_fails_with_the_reason(portal: Portal) -> None:
    shop = await portal.add_store()
    answer = await portal.http.post(f"/internal/sync/products/{shop.store_id}", headers=HEADERS)
    assert answer.status_code == 202, answer.text
    job = await _finished(portal, answer.json()["job_id"])
    assert (job["status"], job["reason"]) == ("failed", "NO_SHOP_CREDENTIALS")


async def test_orders_products_and_reviews_are_lists(portal: Portal) -> None:
    shop = await portal.add_store()
    for name in ("orders", "products", "reviews"):
        assert (await get(portal, f"/internal/{name}/{shop.store_id}"))[name] == []
    await get(portal, f"/internal/orders/{shop.store_id}/1", expect=404)
    assert (await get(portal, f"/internal/events/{shop.store_id}")) == {"events": [], "last_seq": 0}


async def test_touchpoints_are_handed_over_without_personal_data(portal: Portal) -> None:
    shop = await portal.add_store()
    touch = {"touchpoint_id": "t1", "at": "2026-01-01T00:00:00Z", "email": "ada@example.com", "utm_id": "7"}
    path = f"/internal/touchpoints/{shop.store_id}"
    first = await portal.http.post(path, headers=HEADERS, json={"touchpoints": [touch]})
    again = await portal.http.post(path, headers=HEADERS, json={"touchpoints": [touch]})
    assert (first.status_code, first.json()["repeated"], again.json()["repeated"]) == (202, False, True), first.text
    (body,) = await portal.bodies()
    assert b"ada@" not in body
    del touch["email"]
    nobody = await portal.http.post(path, headers=HEADERS, json={"touchpoints": [touch]})
    assert (nobody.status_code, nobody.json()["reason"]) == (422, "NO_IDENTITY")
    assert "touchpoints[0]" in nobody.json()["detail"]


async def test_a_touchpoint_that_has_not_happened_is_refused_with_its_batch(portal: Portal) -> None:
    """It would count for orders of a month to come, and never expire."""
    shop = await portal.add_store()
    now = dt.datetime.now(dt.UTC)
    touch = {"email": "ada@example.com", "utm_id": "7"}
    batch = [
        {**touch, "touchpoint_id": f"t{days}", "at": (now + dt.timedelta(days=days)).isoformat()} for days in (-1, 20)
    ]
    path = f"/internal/touchpoints/{shop.store_id}"
    answer = await portal.http.post(path, headers=HEADERS, json={"touchpoints": batch})
    assert (answer.status_code, answer.json()["reason"]) == (422, "TOUCHPOINT_IN_FUTURE")
    assert "touchpoints[1]" in answer.json()["detail"]
    assert await portal.bodies() == []
    skewed = {**touch, "touchpoint_id": "skewed", "at": (now + dt.timedelta(minutes=10)).isoformat()}
    assert (await portal.http.post(path, headers=HEADERS, json={"touchpoints": [skewed]})).status_code == 202


async def _finished(portal: Portal, job_id: int) -> dict[str, Any]:
    for _ in range(200):
        job: dict[str, Any] = await get(portal, f"/internal/jobs/{job_id}")
        if job["status"] not in ("queued", "running"):
            return job
        await asyncio.sleep(0.05)
    raise AssertionError("the job did not end")


async def test_metrics_tell_what_waits_in_the_whole_installation(portal: Portal) -> None:
    text = (await portal.http.get("/metrics")).text
    for name in ('kiki_inbox_waiting{lane="live_stock"}', "kiki_inbox_dead_letters", "kiki_calls_dead"):
        assert name in text


async def test_a_dead_call_is_listed_and_queued_again_once(portal: Portal) -> None:
    store = (await portal.add_store()).store_id
    async with portal.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO calls.dead (store_id, call_id, agent, lane, event_id, method, entity, subject, request,"
            " queued_at, died_at, attempts, reason, detail)"
            " VALUES ($1, 7, 'syncledger', 2, 'e', 'RecordRefund', 'order:1', 'order:1', '', now(), now(), 1,"
            " 'BAD', '')",
            store,
        )
    listed = (await get(portal, "/internal/dead-calls", store_id=store))["calls"]
    assert [(call["call_id"], call["reason"]) for call in listed] == [(7, "BAD")]
    for replayed in (1, 0):
        answer = await portal.http.post(
            f"/internal/dead-calls/{store}/replay", json={}, headers={"x-internal-api-key": KEY}
        )
        assert (answer.status_code, answer.json()) == (202, {"replayed": replayed})
    assert (await get(portal, "/internal/dead-calls", store_id=store))["calls"] == []
    async with portal.database.connection() as connection:
        waiting = "SELECT count(*) FROM calls.queue WHERE store_id = $1 AND event_id = 'e'"
        assert await connection.fetchval(waiting, store) == 1


async def test_a_subscription_and_every_change_of_it_are_audited_and_its_types_checked(portal: Portal) -> None:
    shop = await portal.add_store()
    path = f"/internal/subscriptions/{shop.store_id}"
    wrong = {"url": "https://example.com/hook", "types": ["order.attributed"]}
    refused = await portal.http.post(path, headers=HEADERS, json=wrong)
    assert (refused.status_code, refused.json()["reason"]) == (422, "UNKNOWN_EVENT")
    made = await portal.http.post(path, headers=HEADERS, json={**wrong, "types": ["OrderAttributed"]})
    assert (made.status_code, made.json()["types"]) == (201, ["OrderAttributedEvent"]), made.text
    one = f"{path}/{made.json()['subscription_id']}"
    rotated = await portal.http.post(f"{one}/rotate-secret", headers=HEADERS)
    assert rotated.json()["secret"] != made.json()["secret"]
    for body, status in (({"after": 0}, 200), ({"after": 1}, 422), ({}, 422)):
        assert (await portal.http.post(f"{one}/move", headers=HEADERS, json=body)).status_code == status
    assert (await portal.http.post(f"{one}/enable", headers=HEADERS)).status_code == 200
    assert (await portal.http.delete(one, headers=HEADERS)).status_code == 204
    for change in ("move", "enable", "rotate-secret"):
        body = {"after": 0} if change == "move" else None
        assert (await portal.http.post(f"{one}/{change}", headers=HEADERS, json=body)).status_code == 404
    calls = await portal.rows("SELECT method, subject FROM calls.queue WHERE store_id = $1", shop.store_id)
    assert {call["method"] for call in calls} == {"LogDataAccess"}
    assert len(calls) == 5, "added, rotated, moved, enabled, deleted"

"""Beacons over real HTTP: what is stored, what is dropped, what is refused, and who may ask."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from integration.portal.running import KEY, Portal, running_portal
from kiki.commerce.people import IdentityKind
from kiki.orchestrator.workflows.identities import identities

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
ORIGIN = "https://example.com"
INTERNAL = {"x-internal-api-key": KEY}
CLICK: dict[str, Any] = {
    "event_id": "e" * 32,
    "kind": "click",
    "visitor": "v" * 32,
    "consent": "wp",
    "landing": "/p/1",
    "params": {"utm_campaign": "autumn"},
}


@dataclass(frozen=True)
class Page:
    """A page of a shop, with its store's key."""

    portal: Portal
    store_id: int
    key: str

    async def send(self, body: Any = None, **headers: str) -> httpx.Response:
        content = json.dumps(CLICK if body is None else body) if not isinstance(body, bytes) else body
        given = {"user-agent": CHROME, "origin": ORIGIN, "content-type": "text/plain;charset=UTF-8"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.portal.http.post(f"/collect?k={self.key}", content=content, headers=given)

    async def stored(self) -> int:
        rows = await self.portal.rows("SELECT count(*) FROM inbox.queue WHERE store_id = $1", self.store_id)
        return int(rows[0]["count"])


async def open_page(portal: Portal, **rules: Any) -> Page:
    shop = await portal.add_store()
    if rules:
        await portal.http.patch(f"/internal/stores/{shop.store_id}/settings", headers=INTERNAL, json=rules)
    shown = await portal.http.get(f"/internal/stores/{shop.store_id}/pixel", headers=INTERNAL)
    return Page(portal, shop.store_id, shown.json()["collector_key"])


@pytest.fixture
async def page(portal: Portal) -> Page:
    return await open_page(portal)


async def test_a_click_is_in_the_inbox_when_204_is_said(page: Page) -> None:
    answer = await page.send()
    assert (answer.status_code, answer.headers["x-kiki-collected"], answer.content) == (204, "stored", b"")
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    (body,) = await page.portal.bodies()
    (entry,) = json.loads(body)["touchpoints"]
    assert (entry["source"], entry["kind"], entry["utm_campaign"], entry["landing"]) == (
        "pixel",
        "click",
        "autumn",
        "/p/1",
    )
    (visitor,) = identities(page.portal.sealer, page.store_id, first_party_id="v" * 32)
    assert entry["identities"] == [{"kind": int(IdentityKind.FIRST_PARTY), "value": visitor[2].hex()}]
    assert b"v" * 32 not in body
    rows = await page.portal.rows("SELECT headers, platform, topic, origin FROM inbox.deliveries")
    assert rows == [{"headers": "{}", "platform": "internal", "topic": "touchpoints_added", "origin": "internal"}]


async def test_a_beacon_that_comes_twice_is_stored_once(page: Page) -> None:
    assert (await page.send()).headers["x-kiki-collected"] == "stored"
    again = await page.send({**CLICK, "age_ms": 5000})
    assert (again.status_code, again.headers["x-kiki-collected"]) == (204, "known")
    assert await page.stored() == 1


async def test_many_beacons_at_once_are_all_stored(page: Page) -> None:
    answers = await asyncio.gather(*(page.send({**CLICK, "event_id": f"{n:032d}"}) for n in range(40)))
    assert {answer.headers["x-kiki-collected"] for answer in answers} == {"stored"}
    assert await page.stored() == 40


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        pytest.param({"user_agent": "Googlebot/2.1"}, "bot", id="bot"),
        pytest.param({"sec_purpose": "prefetch"}, "bot", id="prefetch"),
        pytest.param({"sec_gpc": "1"}, "opted_out", id="global privacy control"),
        pytest.param({"dnt": "1"}, "opted_out", id="do not track"),
        pytest.param({"cookie": "kiki_optout=1"}, "opted_out", id="opt-out cookie"),
    ],
)
async def test_who_is_not_counted_is_answered_and_nothing_is_kept(
    page: Page, headers: dict[str, str], outcome: str
) -> None:
    answer = await page.send(**headers)
    assert (answer.status_code, answer.headers["x-kiki-collected"]) == (204, outcome)
    assert await page.portal.rows("SELECT 1 FROM inbox.deliveries") == []
    metrics = (await page.portal.http.get("/metrics")).text
    assert f'kiki_collector_beacons_total{{outcome="{outcome}"}} 1.0' in metrics


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        pytest.param(b"{", 400, "INVALID_JSON", id="not json"),
        pytest.param(b"", 400, "INVALID_JSON", id="empty"),
        pytest.param({**CLICK, "kind": "purchase"}, 422, "INVALID_INPUT", id="kind"),
        pytest.param({**CLICK, "visitor": None}, 422, "NO_IDENTITY", id="nobody"),
        pytest.param({**CLICK, "consent": ""}, 403, "NO_CONSENT", id="no consent"),
        pytest.param({**CLICK, "landing": "x" * 9000}, 413, "BODY_TOO_LARGE", id="large"),
    ],
)
async def test_what_cannot_be_used_is_a_problem_document(page: Page, body: Any, status: int, reason: str) -> None:
    answer = await page.send(body)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert answer.json()["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["access-control-allow-origin"] == ORIGIN, "a page may read why"
    assert await page.stored() == 0


async def test_an_unknown_key_and_a_foreign_page_are_refused(page: Page) -> None:
    foreign = await page.send(origin="https://evil.example")
    assert (foreign.status_code, foreign.json()["reason"]) == (403, "ORIGIN_NOT_ALLOWED")
    assert "access-control-allow-origin" not in foreign.headers
    unknown = await page.portal.http.post(f"/collect?k={'0' * 32}", headers={"user-agent": CHROME}, content=b"{}")
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "UNKNOWN_COLLECTOR_KEY")
    assert (await page.portal.http.post("/collect?k=x", content=b"{}")).status_code == 422
    assert await page.stored() == 0


async def test_a_preflight_allows_the_shops_pages_alone(page: Page) -> None:
    path = f"/collect?k={page.key}"
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    own = await page.portal.http.options(path, headers={"origin": ORIGIN, **asked})
    assert own.status_code == 204
    assert own.headers["access-control-allow-origin"] == ORIGIN
    assert own.headers["access-control-allow-methods"] == "POST"
    assert "access-control-allow-credentials" not in own.headers
    foreign = await page.portal.http.options(path, headers={"origin": "https://evil.example", **asked})
    assert foreign.status_code == 403
    assert "access-control-allow-origin" not in foreign.headers


async def test_a_domain_of_the_rules_is_allowed_at_once(page: Page) -> None:
    assert (await page.send(origin="https://lamps.example")).status_code == 403
    path = f"/internal/stores/{page.store_id}/settings"
    changed = await page.portal.http.patch(path, headers=INTERNAL, json={"shop_domains": ["lamps.example"]})
    assert changed.status_code == 200, changed.text
    assert (await page.send(origin="https://www.lamps.example")).status_code == 204


async def test_the_rule_opt_out_takes_beacons_that_nobody_was_asked_for(portal: Portal) -> None:
    page = await open_page(portal, pixel_consent="opt_out", pixel_honours_dnt=False)
    answer = await page.send({**CLICK, "consent": "none"}, dnt="1")
    assert answer.headers["x-kiki-collected"] == "stored"


async def test_too_many_of_one_address_wait_and_another_address_does_not(portal_dsn: str) -> None:
    how = {"collector_address_per_minute": 3, "collector_address_header": "x-forwarded-for"}
    async with running_portal(portal_dsn, **how) as portal:
        page = await open_page(portal)
        first = [await page.send(x_forwarded_for="spoofed, 203.0.113.1") for _ in range(4)]
        assert [answer.status_code for answer in first] == [204, 204, 204, 429]
        assert first[-1].json()["reason"] == "TOO_MANY_BEACONS"
        assert 0 < int(first[-1].headers["retry-after"]) <= 20
        assert (await page.send(x_forwarded_for="203.0.113.2")).status_code == 204


async def test_a_header_line_that_the_sender_wrote_hides_no_address(portal_dsn: str) -> None:
    """HAProxy adds a line of its own behind it."""
    how = {"collector_address_per_minute": 2, "collector_address_header": "x-forwarded-for"}
    async with running_portal(portal_dsn, **how) as portal:
        page = await open_page(portal)
        answers = []
        for n in range(3):
            written = [
                ("user-agent", CHROME),
                ("x-forwarded-for", f"198.51.100.{n}"),
                ("x-forwarded-for", "203.0.113.1"),
            ]
            answers.append(await portal.http.post(f"/collect?k={page.key}", content=json.dumps(CLICK), headers=written))
        assert [answer.status_code for answer in answers] == [204, 204, 429]


async def test_too_many_of_one_store_wait_and_another_store_does_not(portal_dsn: str) -> None:
    async with running_portal(portal_dsn, collector_store_per_second=0.1) as portal:
        page = await open_page(portal)
        other = await portal.add_store(store_key="example.org")
        assert [(await page.send()).status_code for _ in range(2)] == [204, 429]
        shown = await portal.http.get(f"/internal/stores/{other.store_id}/pixel", headers=INTERNAL)
        neighbour = Page(portal, other.store_id, shown.json()["collector_key"])
        assert (await neighbour.send(origin="https://example.org")).status_code == 204


async def test_a_store_that_left_takes_nothing(page: Page) -> None:
    async with page.portal.database.transaction() as connection:
        await connection.execute("UPDATE commerce.store_connections SET status = 'uninstalled'")
    assert (await page.send()).status_code == 404


async def test_the_script_is_served_small_and_cached(page: Page) -> None:
    path = f"/collect/{page.key}/pixel.js"
    script = await page.portal.http.get(path)
    assert script.status_code == 200
    assert script.headers["content-type"].startswith("text/javascript")
    assert len(script.content) < 4096
    assert "content-encoding" not in script.headers
    assert "set-cookie" not in script.headers
    assert f"/collect?k={page.key}" in script.text
    again = await page.portal.http.get(path, headers={"if-none-match": script.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await page.portal.http.get(f"/collect/{'0' * 32}/pixel.js")).status_code == 404


async def test_a_new_key_ends_the_old_one_at_once_and_is_audited(page: Page) -> None:
    assert (await page.send()).status_code == 204
    path = f"/internal/stores/{page.store_id}/rotate-collector-key"
    made = (await page.portal.http.post(path, headers=INTERNAL)).json()
    assert made["collector_key"] != page.key
    assert made["collector_key"] in made["snippet"]
    assert (await page.send()).status_code == 404
    renewed = Page(page.portal, page.store_id, made["collector_key"])
    assert (await renewed.send({**CLICK, "event_id": "f" * 32})).status_code == 204
    calls = await page.portal.rows("SELECT method FROM calls.queue WHERE store_id = $1", page.store_id)
    assert calls == [{"method": "LogDataAccess"}]


async def test_the_opt_out_page_changes_nothing_before_its_button(page: Page) -> None:
    asked = await page.portal.http.get("/collect/optout")
    assert (asked.status_code, "set-cookie" in asked.headers) == (200, False)
    done = await page.portal.http.post("/collect/optout")
    assert done.status_code == 200
    assert "kiki_optout=1" in done.headers["set-cookie"]
    assert "HttpOnly" in done.headers["set-cookie"]


async def test_opting_out_forgets_the_visitor_and_contacts_known_by_nothing_else(page: Page) -> None:
    portal, store_id = page.portal, page.store_id
    anonymous, customer = (identities(portal.sealer, store_id, first_party_id=letter * 32)[0] for letter in ("v", "w"))
    async with portal.database.transaction() as connection:
        await connection.executemany(
            "INSERT INTO commerce.identities VALUES ($1, $2, $3, $4)", [(*anonymous, "k1"), (*customer, "k2")]
        )
        await connection.execute(
            "INSERT INTO commerce.customers (store_id, customer_key, profile_digest) VALUES ($1, 'k2', '')", store_id
        )
        await connection.execute(
            """INSERT INTO commerce.touchpoints (store_id, touchpoint_id, customer_key, at, kind, source, recorded_at)
            SELECT $1, key, key, now(), 'click', 'pixel', now() FROM unnest('{k1,k2}'::text[]) AS key""",
            store_id,
        )
    for letter in ("v", "w", "x"):
        body = {"kind": "optout", "event_id": "o" * 32, "visitor": letter * 32}
        answer = await page.send(body, sec_gpc="1")
        assert (answer.status_code, answer.headers["x-kiki-collected"]) == (204, "forgotten")
    assert await portal.rows("SELECT 1 FROM commerce.identities") == []
    again = await portal.rows("SELECT count(*) AS n FROM inbox.deliveries WHERE topic = 'visitor_forgotten'")
    assert again == [{"n": 3}], "and once more behind beacons that wait to be decided"
    left = await portal.rows("SELECT customer_key FROM commerce.touchpoints")
    assert left == [{"customer_key": "k2"}], "what belongs to a customer of the shop stays the shop's record"

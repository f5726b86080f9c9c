"""The pixel in a real browser: a shop's pages on one host, the portal on another, and what the worker makes of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs

import pytest

from integration.portal.chromium import PROGRAM, Chromium, chromium
from integration.portal.running import Portal, woo_headers
from integration.portal.test_collected_visits import register, verdict_of, woo_order, working
from integration.portal.test_collector import INTERNAL
from kiki.commerce.collectors import get_collector_store
from kiki.commerce.people import IdentityKind
from kiki.orchestrator.workflows.identities import identities
from kiki.portal.collector.proof import identify_secret
from kiki.portal.collector.script import MAX_BYTES
from kiki.sandbox.http_server import Answer, Request, serve_http

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        PROGRAM is None, reason="no Chromium: none of chromium, chromium-browser, google-chrome is in PATH"
    ),
]

SHOP, PORTAL, FOREIGN, NEWS = "lamps.example", "portal.example", "copy.example", "news.example"
COLLECT = f"http://{PORTAL}/collect?"
LANDING = (
    f"http://{SHOP}/products/lamp?utm_source=google&utm_medium=cpc&utm_campaign=autumn&gclid=G-1&fbclid=F-1&colour=red"
)
_KEPT = ("kind", "source", "utm_source", "utm_medium", "utm_campaign", "landing", "referrer", "consent")
_GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
_POLICY = f"default-src 'self'; script-src 'unsafe-inline' http://{PORTAL}; connect-src 'self' http://{PORTAL}"
_LOOKS_AGAIN_SECONDS = 1.3
"""The pixel asks for consent anew every second."""
T = TypeVar("T")


@dataclass
class Site:
    """A shop with the pixel on its pages, its portal, and the worker behind it."""

    portal: Portal
    store_id: int
    port: int = 0
    snippet: str = ""
    policy: str = ""
    footer: str = ""
    """What the shop's own template printed at the end of each page."""
    carts: list[dict[str, list[str]]] = field(default_factory=list)
    """What was put on the cart, as forms."""

    async def page(self, request: Request) -> Answer:
        if request.path == "/cart/update.js":
            self.carts.append(parse_qs(request.body.decode()))
            return Answer.json({})
        if request.path == "/favicon.ico":
            return Answer(404)
        if request.headers["host"] == NEWS:
            html = f'<!doctype html><a id="ad" href="{LANDING.replace("&", "&amp;")}">Lamps</a>'
            return Answer(200, html.encode(), {"Content-Type": "text/html"})
        html = f"""<!doctype html><html><head><meta charset="utf-8"><title>Lamps</title>{self.snippet}</head><body>
            <button id="yes" onclick="kiki('consent', true)">Yes</button>
            <button id="no" onclick="kiki('consent', false)">No</button>
            <a id="next" href="/cart">Cart</a>{self.footer}</body></html>"""
        headers = {"Content-Type": "text/html; charset=utf-8"}
        return Answer(200, html.encode(), headers | ({"Content-Security-Policy": self.policy} if self.policy else {}))

    async def browse(self, story: Callable[[Chromium], T], **how: Any) -> T:
        """What a visitor does, in a browser of their own."""
        hosts = {**dict.fromkeys((SHOP, FOREIGN, NEWS), self.port), PORTAL: self.portal.port}

        def run() -> T:
            with chromium(hosts, **how) as browser:
                return story(browser)

        return await asyncio.to_thread(run)

    async def touchpoints(self, count: int) -> list[dict[str, Any]]:
        """What the worker made of the beacons, once there are so many."""
        rows: list[dict[str, Any]] = []
        async with asyncio.timeout(20):
            while len(rows) < count:
                rows = await self.portal.rows(
                    "SELECT * FROM commerce.touchpoints WHERE store_id = $1 ORDER BY recorded_at, at", self.store_id
                )
                await asyncio.sleep(0.05)
        assert len(rows) == count
        return rows

    async def people(self, visitor: str) -> set[str]:
        """Who the visitor is, by their first-party id."""
        (_, kind, value), *_ = identities(self.portal.sealer, self.store_id, first_party_id=visitor)
        assert kind == IdentityKind.FIRST_PARTY
        rows = await self.portal.rows(
            "SELECT customer_key FROM commerce.identities WHERE store_id = $1 AND kind = $2 AND value = $3",
            self.store_id,
            int(kind),
            value,
        )
        return {row["customer_key"] for row in rows}

    async def outcomes(self) -> dict[str, int]:
        """Beacons that reached the collector, by what became of them."""
        lines = (await self.portal.http.get("/metrics")).text.splitlines()
        found = [line for line in lines if line.startswith("kiki_collector_beacons_total{")]
        return {line.split('outcome="')[1].split('"')[0]: int(float(line.rsplit(" ", 1)[1])) for line in found}

    async def is_untold(self) -> bool:
        """Whether no beacon came, and nothing of one is kept."""
        kept = await self.portal.rows("SELECT 1 FROM inbox.deliveries UNION ALL SELECT 1 FROM commerce.touchpoints")
        return not kept and not await self.outcomes()


@asynccontextmanager
async def open_site(
    migrated_dsn: str, platform: str = "woocommerce", *, footer: Callable[[str], str] = lambda _: "", **rules: Any
) -> AsyncIterator[Site]:
    async with working(migrated_dsn, public_url=f"http://{PORTAL}") as portal:
        shop = await portal.add_store(platform, SHOP, "" if platform == "shopify" else "acceptance-secret")
        if rules:
            answer = await portal.http.patch(f"/internal/stores/{shop.store_id}/settings", headers=INTERNAL, json=rules)
            answer.raise_for_status()
        await register(portal, shop.store_id)
        async with portal.database.connection() as connection:
            store = await get_collector_store(connection, shop.store_id)
        site = Site(portal, shop.store_id, footer=footer(identify_secret(portal.sealer, store)))
        shown = await portal.http.get(f"/internal/stores/{shop.store_id}/pixel", headers=INTERNAL)
        site.snippet = shown.json()["snippet"]
        async with serve_http(site.page) as site.port:
            yield site


@pytest.fixture
async def site(migrated_dsn: str) -> AsyncIterator[Site]:
    async with open_site(migrated_dsn) as opened:
        yield opened


def land(browser: Chromium, url: str = LANDING) -> None:
    """Open a page, and wait for its pixel."""
    browser.visit(url)
    browser.until("window.kiki && kiki.on")


def agree(browser: Chromium) -> str:
    """Press yes; the visitor id."""
    browser.click("#yes")
    visitor: str = browser.run("kiki('id')")
    return visitor


def beacons(browser: Chromium) -> list[dict[str, Any]]:
    """What left for the collector."""
    return [json.loads(request["postData"]) for request in browser.requests(COLLECT)]


async def test_a_landing_is_told_becomes_a_touchpoint_and_speaks_for_the_order(site: Site) -> None:
    def story(browser: Chromium) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
        browser.visit(f"http://{NEWS}/today?reader=7")
        browser.click("#ad")
        browser.until(f"location.host == '{SHOP}' && window.kiki && kiki.on")
        assert beacons(browser) == [], "nobody has agreed yet"
        visitor = agree(browser)
        browser.turns(0.1)
        return visitor, beacons(browser), browser.cookies()

    visitor, (told,), cookies = await site.browse(story)
    assert (told["kind"], told["consent"], told["landing"]) == ("click", "call", "/products/lamp")
    assert told["referrer"] == NEWS
    assert told["params"] == {
        "utm_source": "google",
        "utm_medium": "cpc",
        "utm_campaign": "autumn",
        "gclid": "G-1",
        "fbclid": "F-1",
    }
    (cookie,) = cookies
    assert (cookie["name"], cookie["value"], cookie["domain"]) == ("kiki_visitor", visitor, SHOP)
    assert (cookie["sameSite"], cookie["path"], cookie["session"]) == ("Lax", "/", False)

    (row,) = await site.touchpoints(1)
    assert {name: row[name] for name in _KEPT} == {
        "kind": "click",
        "source": "pixel",
        "utm_source": "google",
        "utm_medium": "cpc",
        "utm_campaign": "autumn",
        "landing": "/products/lamp",
        "referrer": NEWS,
        "consent": "call",
    }
    assert await site.people(visitor) == {row["customer_key"]}

    body = woo_order(1, visitor)
    answer = await site.portal.http.post(
        "/webhooks/woocommerce/order.created", content=body, headers=woo_headers(body, x_wc_webhook_source=SHOP)
    )
    assert answer.status_code == 200
    decided = await verdict_of(site.portal, "1", "touched")
    assert (str(decided["confidence"]), decided["campaign_id"]) == ("0.500", "k1")


async def test_the_visitor_stays_the_same_over_pages_and_landings(site: Site) -> None:
    second = f"http://{SHOP}/?utm_source=meta&utm_campaign=autumn&fbclid=F-2"

    def story(browser: Chromium) -> tuple[list[str], list[dict[str, Any]], list[dict[str, Any]]]:
        land(browser)
        ids = [agree(browser)]
        browser.click("#next")
        browser.until("location.pathname == '/cart' && window.kiki && kiki.on")
        ids.append(agree(browser))
        land(browser, second)
        ids.append(agree(browser))
        browser.reload()
        browser.until("window.kiki && kiki.on")
        ids.append(agree(browser))
        browser.turns(0.1)
        return ids, beacons(browser), browser.cookies()

    ids, told, cookies = await site.browse(story)
    assert len(set(ids)) == 1
    assert [(each["landing"], each["visitor"]) for each in told] == [("/products/lamp", ids[0]), ("/", ids[0])]
    assert [cookie["domain"] for cookie in cookies] == [SHOP]
    rows = await site.touchpoints(2)
    assert len({row["customer_key"] for row in rows}) == 1
    assert await site.outcomes() == {"stored": 2}


def _press_no(browser: Chromium) -> None:
    browser.click("#no")


def _press_yes(browser: Chromium) -> None:
    browser.click("#yes")


def _wait(browser: Chromium) -> None:
    """The visitor says nothing."""


def _privacy_control(browser: Chromium) -> None:
    """As browsers and extensions with Global Privacy Control do it: a property, and a header on every request."""
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=_GPC)
    browser.call("Network.setExtraHTTPHeaders", headers={"Sec-GPC": "1"})


def _opt_out(browser: Chromium) -> None:
    browser.call("Network.setCookie", name="kiki_optout", value="1", url=f"http://{SHOP}/")


@pytest.mark.parametrize(
    ("before", "then", "how"),
    [
        pytest.param(_wait, _wait, {}, id="nobody asked"),
        pytest.param(_wait, _press_no, {}, id="refused"),
        pytest.param(_privacy_control, _press_yes, {}, id="global privacy control"),
        pytest.param(_wait, _press_yes, {"preferences": {"enable_do_not_track": True}}, id="do not track"),
        pytest.param(_opt_out, _press_yes, {}, id="opted out"),
        pytest.param(_wait, _press_yes, {"person": False}, id="driven by a program"),
    ],
)
async def test_who_does_not_agree_is_not_told_of_and_not_marked(
    site: Site, before: Callable[[Chromium], None], then: Callable[[Chromium], None], how: dict[str, Any]
) -> None:
    def story(browser: Chromium) -> tuple[list[dict[str, Any]], set[str], int]:
        before(browser)
        land(browser)
        then(browser)
        browser.turns(_LOOKS_AGAIN_SECONDS)
        names = {cookie["name"] for cookie in browser.cookies()} - {"kiki_optout"}
        return browser.requests(COLLECT), names, browser.run("sessionStorage.length + localStorage.length")

    assert await site.browse(story, **how) == ([], set(), 0)
    assert await site.is_untold()


async def test_a_refusal_that_only_the_request_tells_is_heard_by_the_collector(site: Site) -> None:
    def story(browser: Chromium) -> int:
        browser.call("Network.setExtraHTTPHeaders", headers={"Sec-GPC": "1"})
        land(browser)
        agree(browser)
        browser.turns(0.3)
        return len(beacons(browser))

    assert await site.browse(story) == 1
    assert await site.outcomes() == {"opted_out": 1}
    assert await site.portal.rows("SELECT 1 FROM inbox.deliveries") == []


async def test_opting_out_removes_the_visitor_here_and_there(site: Site) -> None:
    def story(browser: Chromium) -> tuple[str, list[str], dict[str, str]]:
        land(browser)
        visitor = agree(browser)
        browser.turns(0.5)
        browser.run("kiki('optout')")
        land(browser, f"http://{SHOP}/?gclid=G-2")
        agree(browser)
        browser.turns(0.3)
        told = [each["kind"] for each in beacons(browser)]
        return visitor, told, {cookie["name"]: cookie["domain"] for cookie in browser.cookies()}

    visitor, told, cookies = await site.browse(story)
    assert (told, cookies) == (["click", "optout"], {"kiki_optout": SHOP})
    assert await site.outcomes() == {"stored": 1, "forgotten": 1}
    while await site.portal.rows("SELECT 1 FROM inbox.queue"):
        await asyncio.sleep(0.02)
    assert await site.people(visitor) == set()


async def test_a_store_whose_law_asks_for_no_consent_is_told_until_somebody_refuses(migrated_dsn: str) -> None:
    def story(browser: Chromium) -> list[str]:
        land(browser)
        browser.turns(0.1)
        return [each["consent"] for each in beacons(browser)]

    async with open_site(migrated_dsn, pixel_consent="opt_out") as site:
        assert await site.browse(story) == ["none"]
        await site.touchpoints(1)


async def test_the_script_is_small_and_the_portal_marks_nobody(site: Site) -> None:
    def story(browser: Chromium) -> tuple[str, list[dict[str, Any]], set[str]]:
        land(browser)
        agree(browser)
        browser.turns(0.3)
        script = browser.body_of("/pixel.js")
        received = [each["params"] for each in browser.events if each["method"] == "Network.responseReceivedExtraInfo"]
        return script, received, {cookie["domain"] for cookie in browser.cookies()}

    script, received, domains = await site.browse(story)
    assert 0 < len(script.encode()) < MAX_BYTES
    assert received, "answers were looked at"
    assert not [each for each in received if "set-cookie" in {name.lower() for name in each["headers"]}]
    assert domains == {SHOP}


async def test_the_portals_own_cookie_comes_with_its_button_and_not_before(site: Site) -> None:
    def story(browser: Chromium) -> list[list[tuple[str, str, bool]]]:
        browser.visit(f"http://{PORTAL}/collect/optout")
        seen = [browser.cookies()]
        browser.click("button")
        browser.until("document.querySelector('h1').textContent == 'You are opted out'")
        seen.append(browser.cookies())
        return [[(each["name"], each["domain"], each["httpOnly"]) for each in cookies] for cookies in seen]

    assert await site.browse(story) == [[], [("kiki_optout", PORTAL, True)]]


async def test_a_visitor_who_leaves_at_once_is_told_of(site: Site) -> None:
    def story(browser: Chromium) -> None:
        land(browser)
        browser.run("kiki('consent', true), location.assign('/cart')")
        browser.until("location.pathname == '/cart' && document.readyState == 'complete'")

    await site.browse(story)
    (row,) = await site.touchpoints(1)
    assert row["landing"] == "/products/lamp"


@pytest.mark.parametrize(("rule", "outcome"), [("told", "stored"), ("signed", "no_proof")])
async def test_a_customer_who_is_named_is_told_by_the_hash_of_the_address(
    migrated_dsn: str, rule: str, outcome: str
) -> None:
    def story(browser: Chromium) -> list[dict[str, Any]]:
        land(browser, f"http://{SHOP}/")
        agree(browser)
        browser.run("kiki('identify', {customerId: 42, email: ' Ada@Example.com '})")
        browser.turns(0.3)
        return beacons(browser)

    async with open_site(migrated_dsn, pixel_identify=rule) as site:
        (told,) = await site.browse(story)
        assert (told["kind"], told["customer_id"]) == ("identify", "42")
        assert told["email_sha256"] == hashlib.sha256(b"ada@example.com").hexdigest()
        assert await site.outcomes() == {outcome: 1}


async def test_on_shopify_the_visitor_id_is_put_on_the_cart(migrated_dsn: str) -> None:
    def story(browser: Chromium) -> str:
        land(browser)
        visitor = agree(browser)
        browser.turns(0.3)
        return visitor

    async with open_site(migrated_dsn, "shopify") as site:
        visitor = await site.browse(story)
        assert site.carts == [{"attributes[_kiki_visitor]": [visitor]}]


async def test_a_page_with_a_content_security_policy_needs_the_portals_host_twice(site: Site) -> None:
    def story(browser: Chromium) -> int:
        land(browser)
        agree(browser)
        browser.turns(0.3)
        return len(beacons(browser))

    site.policy = _POLICY
    assert await site.browse(story) == 1
    await site.touchpoints(1)
    site.policy = _POLICY.replace(f"connect-src 'self' http://{PORTAL}", "connect-src 'self'")
    await site.browse(story)
    assert await site.outcomes() == {"stored": 1}


async def test_a_copy_of_the_page_on_another_host_is_refused(site: Site) -> None:
    def story(browser: Chromium) -> None:
        land(browser, LANDING.replace(SHOP, FOREIGN))
        agree(browser)
        browser.turns(0.5)

    await site.browse(story)
    assert await site.outcomes() == {"origin_not_allowed": 1}
    assert await site.portal.rows("SELECT 1 FROM inbox.deliveries") == []

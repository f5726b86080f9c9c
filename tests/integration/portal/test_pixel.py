"""The pixel as it is served, run by node over a page of its own: what it sends and stores, and when it keeps quiet."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kiki.commerce.collectors import CollectorStore
from kiki.commerce.stores import StoreSettings
from kiki.platforms.visits import CLICK_IDS, UTM
from kiki.portal.collector.schemas import read_beacon
from kiki.portal.collector.script import MAX_BYTES, collect_url, pixel_of

NODE = shutil.which("node")
PAGE = Path(__file__).with_name("pixel_page.js")
DOCUMENT = Path(__file__).parents[3] / "docs" / "collector.md"
URL = "https://collector.example"
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed: the pixel cannot be run")

LOAD: dict[str, Any] = {"load": True}
TICK: dict[str, Any] = {"tick": True}
LANDING = "https://shop.example/products/lamp?utm_source=google&UTM_Campaign=autumn&gclid=G-1&size=9&email=a@b.c"
YES: dict[str, Any] = {"call": ["consent", True]}
_ANALYTICS = "analyticsProcessingAllowed:()=>true"
NO: dict[str, Any] = {"call": ["consent", False]}


def store(platform: str = "woocommerce", **rules: Any) -> CollectorStore:
    return CollectorStore(7, platform, "shop.example", "0123456789abcdef" * 2, StoreSettings(**rules))


def browse(*steps: dict[str, Any], shop: CollectorStore | None = None, **page: Any) -> dict[str, Any]:
    """What a page saw after the steps."""
    script = pixel_of(shop or store(), URL).body.decode()
    given = json.dumps({"script": script, "page": {"url": LANDING, **page}, "steps": steps})
    assert NODE is not None
    done = subprocess.run([NODE, str(PAGE)], input=given, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def is_quiet(seen: dict[str, Any]) -> bool:
    return not (seen["beacons"] or seen["fetches"] or seen["cookies"] or seen["session"])


@pytest.mark.parametrize("platform", ["shopify", "woocommerce"])
@pytest.mark.parametrize(
    "address", [URL, "https://a-portal-with-a-rather-long-name.integrations.a-merchant-of-lamps.example.com"]
)
def test_it_is_smaller_than_four_kilobytes_as_served(platform: str, address: str) -> None:
    script = pixel_of(store(platform), address)
    assert len(script.body) < MAX_BYTES == 4096
    assert script.body.isascii()
    assert b"CONFIG" not in script.body


def test_its_name_for_caches_changes_with_the_rules() -> None:
    assert pixel_of(store(), URL).etag == pixel_of(store(), URL).etag
    assert pixel_of(store(), URL).etag != pixel_of(store(pixel_honours_dnt=False), URL).etag


@needs_node
def test_with_consent_it_sends_one_beacon_that_the_collector_reads() -> None:
    seen = browse(LOAD, YES, TICK, TICK, LOAD, referrer="https://www.google.com/search?q=lamps")
    (sent,) = seen["beacons"]
    assert sent["url"] == collect_url(store(), URL)
    beacon = read_beacon(json.dumps(sent["body"]).encode())
    assert (beacon.kind, beacon.consent) == ("click", "call")
    assert beacon.params == {"utm_source": "google", "utm_campaign": "autumn", "gclid": "G-1"}
    assert (beacon.landing, beacon.referrer) == ("/products/lamp", "www.google.com")
    assert beacon.visitor == seen["cookies"]["kiki_visitor"]
    assert beacon.event_id != beacon.visitor
    assert 0 <= beacon.age_ms < 30_000
    assert "email" not in json.dumps(sent)


@needs_node
def test_the_visitor_id_is_a_first_party_cookie_that_lasts_as_long_as_the_window() -> None:
    seen = browse(LOAD, YES, shop=store(attribution_window_days=14))
    assert seen["cookie_attributes"]["kiki_visitor"] == ["path=/", "SameSite=Lax", f"max-age={14 * 86400}", "Secure"]
    assert set(seen["cookies"]) == {"kiki_visitor"}


@needs_node
@pytest.mark.parametrize(
    ("before", "page"),
    [
        pytest.param([], {}, id="nobody asked"),
        pytest.param([NO], {}, id="refused"),
        pytest.param([YES], {"gpc": True}, id="global privacy control"),
        pytest.param([YES], {"dnt": "1"}, id="do not track"),
        pytest.param([YES], {"webdriver": True}, id="driven by a program"),
        pytest.param([{"run": "window.dataLayer=[['consent','default',{ad_storage:'denied'}]]"}], {}, id="gcm waits"),
        pytest.param([{"run": "window.dataLayer=[['consent','update',{ad_storage:'denied'}]]"}], {}, id="gcm refused"),
        pytest.param([{"run": "window.__tcfapi=()=>{}"}], {}, id="tcf has not answered"),
        pytest.param(
            [{"run": "window.wp_consent_type='optin';window.wp_has_consent=()=>false"}], {}, id="wp consent refused"
        ),
        pytest.param([{"run": "window.wp_has_consent=()=>true"}], {}, id="wp consent without a type asks nobody"),
        pytest.param(
            [{"run": f"window.Shopify={{customerPrivacy:{{marketingAllowed:()=>false,{_ANALYTICS}}}}}"}],
            {},
            id="shopify refused",
        ),
    ],
)
def test_without_consent_nothing_is_sent_and_nothing_is_stored(
    before: list[dict[str, Any]], page: dict[str, Any]
) -> None:
    calls = [step for step in before if "call" in step]
    assert is_quiet(browse(*(s for s in before if "run" in s), LOAD, *calls, TICK, TICK, **page))


@needs_node
def test_an_opted_out_visitor_stays_so() -> None:
    seen = browse(LOAD, YES, TICK, cookies={"kiki_optout": "1"})
    assert (seen["beacons"], seen["cookies"]) == ([], {"kiki_optout": "1"})


@needs_node
@pytest.mark.parametrize(
    ("before", "after", "basis"),
    [
        pytest.param(
            "window.Shopify={customerPrivacy:{marketingAllowed:()=>window.ok,analyticsProcessingAllowed:()=>true}}",
            [{"run": "window.ok=true"}, {"event": "visitorConsentCollected"}],
            "shopify",
            id="shopify",
        ),
        pytest.param(
            "window.Shopify={loadFeatures:(list,done)=>{window.loaded=done}}",
            [
                {
                    "run": "window.Shopify.customerPrivacy={marketingAllowed:()=>true,"
                    "analyticsProcessingAllowed:()=>true};window.loaded()"
                }
            ],
            "shopify",
            id="shopify loads it late",
        ),
        pytest.param(
            "window.wp_consent_type='optin';window.wp_has_consent=(what)=>!!window.ok&&what=='marketing'",
            [{"run": "window.ok=true"}, {"event": "wp_listen_for_consent_change"}],
            "wp",
            id="wp consent",
        ),
        pytest.param(
            "window.__tcfapi=(what,version,tell)=>{window.tell=tell}",
            [
                {"run": "window.tell({eventStatus:'cmpuishown',purpose:{consents:{1:true,7:true}}},true)"},
                {"run": "window.tell({eventStatus:'useractioncomplete',purpose:{consents:{1:true,7:true}}},true)"},
            ],
            "tcf",
            id="tcf",
        ),
        pytest.param(
            "window.__tcfapi=(what,version,tell)=>{window.tell=tell}",
            [{"run": "window.tell({eventStatus:'tcloaded',gdprApplies:false},true)"}],
            "tcf",
            id="tcf where the gdpr does not apply",
        ),
        pytest.param(
            "window.dataLayer=[['js',1],['consent','default',{ad_storage:'denied'}]]",
            [{"run": "window.dataLayer.push(['consent','update',{ad_storage:'granted'}])"}, TICK],
            "gcm",
            id="google consent mode",
        ),
    ],
)
def test_a_consent_given_later_sends_the_landing_once(before: str, after: list[dict[str, Any]], basis: str) -> None:
    assert is_quiet(browse({"run": before}, LOAD))
    seen = browse({"run": before}, LOAD, *after, TICK)
    assert [(each["body"]["kind"], each["body"]["consent"]) for each in seen["beacons"]] == [("click", basis)]


@needs_node
@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param([YES, NO], id="said"),
        pytest.param([{"run": "window.dataLayer=[['consent','update',{ad_storage:'denied'}]]"}, TICK], id="gcm"),
    ],
)
def test_a_consent_taken_back_removes_the_visitor_id(refusal: list[dict[str, Any]]) -> None:
    seen = browse(LOAD, *refusal, url="https://shop.example/", cookies={"kiki_visitor": "v" * 32})
    assert seen["cookies"] == {}


@needs_node
def test_a_consent_that_is_not_known_yet_leaves_the_visitor_id_alone() -> None:
    waiting = {"run": "window.dataLayer=[['consent','default',{ad_storage:'denied'}]]"}
    seen = browse(waiting, LOAD, TICK, url="https://shop.example/", cookies={"kiki_visitor": "v" * 32})
    assert seen["cookies"] == {"kiki_visitor": "v" * 32}
    assert seen["beacons"] == []


@needs_node
def test_where_the_rule_is_opt_out_it_runs_until_somebody_refuses() -> None:
    rules = store(pixel_consent="opt_out")
    (sent,) = browse(LOAD, shop=rules)["beacons"]
    assert sent["body"]["consent"] == "none"
    assert is_quiet(browse(LOAD, shop=rules, gpc=True))
    refused = {"run": "window.dataLayer=[['consent','update',{ad_storage:'denied'}]]"}
    assert is_quiet(browse(refused, LOAD, shop=rules))


@needs_node
def test_do_not_track_is_a_refusal_only_where_the_store_says_so() -> None:
    assert len(browse(LOAD, YES, dnt="1", shop=store(pixel_honours_dnt=False))["beacons"]) == 1


@needs_node
def test_a_page_inside_the_shop_tells_nothing() -> None:
    seen = browse(LOAD, YES, url="https://shop.example/cart?size=9", referrer="https://shop.example/products/lamp")
    assert seen["beacons"] == []


@needs_node
def test_another_site_that_leads_here_is_a_visit() -> None:
    seen = browse(LOAD, YES, url="https://shop.example/", referrer="https://news.example/a/b?secret=1")
    (sent,) = seen["beacons"]
    assert (sent["body"]["kind"], sent["body"]["referrer"], sent["body"]["params"]) == ("visit", "news.example", {})


@needs_node
def test_a_reload_of_the_landing_page_is_no_second_click() -> None:
    first = browse(LOAD, YES)
    again = browse(LOAD, YES, cookies=first["cookies"], session=first["session"])
    assert again["beacons"] == []
    assert again["cookies"] == first["cookies"], "the visitor stays the same"


@needs_node
def test_every_known_parameter_is_read_off_the_address() -> None:
    query = "&".join(f"{name}=x-{name}" for name in sorted(UTM | CLICK_IDS))
    (sent,) = browse(LOAD, YES, url=f"https://shop.example/?{query}")["beacons"]
    assert set(sent["body"]["params"]) == UTM | CLICK_IDS


@needs_node
def test_a_customer_who_is_named_is_told_once_with_the_address_hashed_as_networks_do() -> None:
    who = {"call": ["identify", {"customerId": 42, "email": " Ada@Example.com "}]}
    seen = browse(LOAD, YES, who, who, url="https://shop.example/")
    (sent,) = seen["beacons"]
    beacon = read_beacon(json.dumps(sent["body"]).encode())
    assert (beacon.kind, beacon.customer_id) == ("identify", "42")
    assert beacon.email_sha256 == hashlib.sha256(b"ada@example.com").hexdigest()
    assert beacon.visitor == seen["cookies"]["kiki_visitor"]
    assert "ada" not in json.dumps(seen["session"]).lower()
    assert is_quiet(browse(LOAD, who, url="https://shop.example/")), "who they are waits for consent as well"


@needs_node
def test_calls_before_the_script_is_there_are_not_lost() -> None:
    queue = "window.kiki=function(){(window.kiki.q=window.kiki.q||[]).push(arguments)};window.kiki('consent',true)"
    assert len(browse({"run": queue}, LOAD)["beacons"]) == 1


@needs_node
def test_on_shopify_the_visitor_id_goes_to_the_cart_once_per_cart() -> None:
    shop = store("shopify")
    seen = browse(LOAD, YES, TICK, shop=shop, cookies={"cart": "c1"})
    (call,) = seen["fetches"]
    assert (call["url"], call["method"]) == ("/cart/update.js", "POST")
    assert call["body"] == f"attributes%5B_kiki_visitor%5D={seen['cookies']['kiki_visitor']}"
    same = browse(LOAD, YES, shop=shop, cookies=seen["cookies"], session=seen["session"])
    assert same["fetches"] == []
    other = browse(LOAD, YES, shop=shop, cookies={**seen["cookies"], "cart": "c2"}, session=seen["session"])
    assert len(other["fetches"]) == 1
    assert browse(LOAD, YES)["fetches"] == [], "other shops read the cookie"


@needs_node
def test_opting_out_forgets_here_and_asks_the_collector_to_forget() -> None:
    seen = browse(LOAD, YES, {"call": ["optout"]}, {"call": ["id"]}, YES, {"call": ["identify", {"customerId": "1"}]})
    assert seen["cookies"] == {"kiki_optout": "1"}
    click, optout = seen["beacons"]
    assert (optout["body"]["kind"], optout["body"]["visitor"]) == ("optout", click["body"]["visitor"])
    back = browse(LOAD, YES, {"call": ["optin"]}, cookies=seen["cookies"])
    assert back["cookies"]["kiki_visitor"] != click["body"]["visitor"]


@needs_node
def test_without_send_beacon_it_fetches_and_lets_the_page_go() -> None:
    (call,) = browse(LOAD, YES, noBeacon=True)["fetches"]
    assert (call["url"], call["keepalive"], call["mode"]) == (collect_url(store(), URL), True, "no-cors")
    assert json.loads(call["body"])["kind"] == "click"


@needs_node
def test_a_page_that_is_rendered_in_advance_waits_until_it_is_shown() -> None:
    assert is_quiet(browse(LOAD, YES, prerendering=True))
    shown = {"run": "document.prerendering=false"}
    seen = browse(LOAD, YES, shown, {"event": "prerenderingchange"}, prerendering=True)
    assert len(seen["beacons"]) == 1


@needs_node
def test_the_custom_pixel_of_the_documentation_sends_what_the_collector_reads() -> None:
    code = DOCUMENT.read_text(encoding="utf-8").split("```js\n", 1)[1].split("```", 1)[0]
    setting = """
        const browser = { cookie: { get: async () => 'v'.repeat(32) } };
        const analytics = { subscribe: (name, tell) => tell({ data: { checkout: { email: ' Ada@example.com' } } }) };
        const fetch = (url, options) => console.log(JSON.stringify({ url, body: options.body }));
    """
    assert NODE is not None
    done = subprocess.run([NODE, "-e", setting + code], capture_output=True, text=True, timeout=30, check=True)
    sent = json.loads(done.stdout)
    beacon = read_beacon(sent["body"].encode())
    assert sent["url"] == "https://PORTAL/collect?k=KEY"
    assert (beacon.kind, beacon.visitor, beacon.consent) == ("identify", "v" * 32, "shopify")
    assert beacon.email_sha256 == hashlib.sha256(b"ada@example.com").hexdigest()

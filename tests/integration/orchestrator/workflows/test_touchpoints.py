"""Whose contact it was: visitors, customers, what a browser may say, and what is known too late."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from integration.orchestrator.workflows.shop import CONNECTED, NOW, Shop, order, visit
from kiki.commerce.events import (
    CustomersMerged,
    DataSubjectRequested,
    DataSubjectRequestKind,
    OrderTouch,
)
from kiki.kit.clock import FixedClock
from kiki.kit.database import Connection, Database
from kiki.orchestrator.inbox.bodies import open_body
from kiki.orchestrator.inbox.protocol import InternalFact, WorkItem
from kiki.orchestrator.workflows.caches import CampaignCache, ModelCache
from kiki.orchestrator.workflows.identities import identities
from kiki.orchestrator.workflows.jobs import periodic_jobs
from kiki.orchestrator.workflows.loading import load
from kiki.portal.collector.schemas import entry_of, read_beacon

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
ADA = hashlib.sha256(b"ada@example.com").hexdigest()
BOB = hashlib.sha256(b"bob@example.com").hexdigest()
VISITOR: dict[str, Any] = {"first_party_id": "v1"}


@dataclass
class Unguarded:
    """A lease that is always held."""

    database: Database

    async def lock(self, connection: Connection) -> None:
        return None


def entry(
    shop: Shop,
    who: dict[str, Any],
    *,
    name: str = "t1",
    at: dt.datetime = NOW - 2 * DAY,
    source: str = "pixel",
    kind: str = "click",
    campaign: str = "autumn",
) -> dict[str, Any]:
    found = identities(shop.sealer, shop.store_id, **who)
    return {
        "touchpoint_id": name,
        "at": at.isoformat(),
        "kind": kind,
        "source": source,
        "utm_campaign": campaign,
        "identities": [{"kind": identity[1], "value": identity[2].hex()} for identity in found],
    }


async def touch(shop: Shop, who: dict[str, Any], **how: Any) -> None:
    assert not await shop.fact("touchpoints_added", {"touchpoints": [entry(shop, who, **how)]})


async def login(shop: Shop, who: dict[str, Any], name: str = "login") -> None:
    """What the pixel tells when the page says who the visitor is."""
    await touch(shop, who, kind="identify", name=name, at=shop.now)


def with_visitor(visitor: str, order_id: str = "1", **how: Any) -> Any:
    return order(order_id, touch=OrderTouch(first_party_id=visitor), **how)


async def confidence(shop: Shop, order_id: str = "1") -> Decimal:
    row = await shop.row("orders", order_id=order_id)
    assert isinstance(row["confidence"], Decimal)
    return row["confidence"]


async def clicks(shop: Shop, order_id: str = "1") -> list[str]:
    """The touchpoints that the newest decision rests on."""
    rows = await shop.rows("attributions", order_id=order_id)
    if not rows:
        return []
    newest = max(rows, key=lambda row: row["revision"])
    return [name for signal in newest["evidence"]["signals"] for name in signal.get("touchpoint_ids", ())]


async def run_job(shop: Shop, name: str) -> int:
    """Run a periodic job and work on what it put into the inbox; how much that was."""
    jobs = {job.name: job for job in periodic_jobs(sealer=shop.sealer, clients=None, clock=FixedClock(shop.now))}  # type: ignore[arg-type]  # these jobs call nobody
    async with shop.database.connection() as connection:
        before = await connection.fetchval("SELECT coalesce(max(delivery_id), 0) FROM inbox.deliveries")
    await jobs[name].run(Unguarded(shop.database))  # type: ignore[arg-type]  # a lease that is always held
    async with shop.database.connection() as connection:
        rows = await connection.fetch("SELECT * FROM inbox.deliveries WHERE delivery_id > $1", before)
    for row in rows:
        body = open_body(shop.sealer, row["body"], shop.store_id)
        fact = InternalFact.decode(row["topic"], body)
        assert not await shop.fact(fact.kind, fact.body)
    return len(rows)


@pytest.fixture(autouse=True)
async def _campaign(shop: Shop) -> None:
    await shop.register(products=["p1"])


async def test_an_anonymous_click_counts_when_the_order_names_the_visitor(shop: Shop) -> None:
    await touch(shop, VISITOR)
    await shop.tell(with_visitor("v1"))
    assert (await confidence(shop), await clicks(shop)) == (Decimal("0.8"), ["t1"])
    assert len({row["customer_key"] for row in await shop.rows("identities")}) == 1


@pytest.mark.parametrize(
    ("who", "source"),
    [
        pytest.param({"first_party_id": "v1"}, "pixel", id="visitor id"),
        pytest.param({"click_ids": [("gclid", "G-1")]}, "server", id="click id"),
        pytest.param({"email_sha256": ADA, "first_party_id": "v9"}, "pixel", id="hashed e-mail"),
        pytest.param({"email": "Ada@Example.com "}, "server", id="e-mail"),
        pytest.param({"customer_id": "c1", "first_party_id": "v9"}, "pixel", id="customer id"),
        pytest.param({"customer_id": "c1"}, "server", id="customer id from a server"),
    ],
)
async def test_a_click_that_arrives_after_its_order_is_decided_on(shop: Shop, who: dict[str, Any], source: str) -> None:
    told = OrderTouch(first_party_id="v1", click_ids=(("gclid", "G-1"),))
    await shop.tell(order(touch=told))
    assert await confidence(shop) == Decimal("0.3")
    assert await shop.calls("RecordIncrementalRevenue") == []
    await touch(shop, who, source=source)
    assert (await confidence(shop), await clicks(shop)) == (Decimal("0.8"), ["t1"])
    (booked,) = await shop.calls("RecordIncrementalRevenue")
    assert booked.order_id == "1"
    await touch(shop, who, source=source)
    assert len(await shop.rows("attributions", order_id="1")) == 2, "told twice, decided once"


async def test_a_click_after_the_order_or_before_the_window_changes_nothing(shop: Shop) -> None:
    await shop.tell(with_visitor("v1"))
    await touch(shop, VISITOR, name="later", at=NOW)
    await touch(shop, VISITOR, name="long ago", at=NOW - 40 * DAY)
    assert await confidence(shop) == Decimal("0.3")


@pytest.mark.parametrize("order_first", [True, False])
async def test_click_and_order_in_one_batch_meet_in_either_order(shop: Shop, order_first: bool) -> None:
    fact = InternalFact("touchpoints_added", {"touchpoints": [entry(shop, VISITOR)]})
    items = [shop.item(with_visitor("v1")), shop.item(fact=fact)]
    await shop.decide(items if order_first else items[::-1])
    assert (await confidence(shop), await clicks(shop)) == (Decimal("0.8"), ["t1"])


async def test_two_devices_of_one_customer_count_together(shop: Shop) -> None:
    await touch(shop, {"first_party_id": "phone"}, name="t1")
    await touch(shop, {"first_party_id": "laptop"}, name="t2", at=NOW - DAY)
    await shop.tell(with_visitor("phone", placed_at=NOW - 12 * HOUR))
    assert await clicks(shop) == ["t1"]
    await shop.tell(with_visitor("laptop", "2"))
    assert set(await clicks(shop, "2")) == {"t1", "t2"}
    assert len({row["customer_key"] for row in await shop.rows("touchpoints")}) == 1
    assert await run_job(shop, "merges") == 1
    assert await clicks(shop) == ["t1", "t2"], "what is shown is what the decision rests on"
    booked = [call.order_id for call in await shop.calls("RecordIncrementalRevenue", "ReverseOrderRevenue")]
    assert sorted(booked) == ["1", "2"], "the same answer is not booked anew"


async def test_what_was_clicked_before_logging_in_counts_for_an_earlier_order(shop: Shop) -> None:
    await touch(shop, VISITOR)
    await shop.tell(order())
    assert await confidence(shop) == Decimal("0.3"), "nothing ties the visitor to the buyer yet"
    shop.now = NOW + HOUR
    await login(shop, {"customer_id": "c1", **VISITOR})
    assert await run_job(shop, "merges") == 1
    assert (await confidence(shop), await clicks(shop)) == (Decimal("0.8"), ["t1"])
    assert await run_job(shop, "merges") == 0, "a merge is followed once"


async def test_a_hashed_address_ties_a_visitor_to_a_guest(shop: Shop) -> None:
    await touch(shop, VISITOR)
    await shop.tell(order(customer_id=None))
    await login(shop, {"email_sha256": ADA, **VISITOR})
    await run_job(shop, "merges")
    assert await confidence(shop) == Decimal("0.8")


async def test_merged_customers_keep_their_contacts(shop: Shop) -> None:
    await touch(shop, {"customer_id": "c2"}, source="server")
    await shop.tell(order("1", customer_id="c1"))
    await shop.tell(order("2", customer_id="c2", email="b@example.com", placed_at=NOW - HOUR / 2))
    assert await clicks(shop, "1") == []
    await shop.tell(CustomersMerged(kept_customer_id="c1", merged_customer_id="c2"))
    assert {row["customer_key"] for row in await shop.rows("touchpoints")} == {
        (await shop.row("orders", order_id="1"))["customer_key"]
    }
    await run_job(shop, "merges")
    assert await clicks(shop, "1") == ["t1"]


async def test_a_shared_browser_does_not_make_two_customers_one(shop: Shop) -> None:
    await shop.tell(with_visitor("v1", "1", customer_id="c1"))
    await login(shop, {"customer_id": "c1", **VISITOR})
    await shop.tell(with_visitor("v1", "2", customer_id="c2", email="bob@example.com"))
    await login(shop, {"customer_id": "c2", **VISITOR}, name="login 2")
    assert len({row["customer_key"] for row in await shop.rows("orders")}) == 2
    assert await shop.rows("identity_merges") == []


async def test_a_link_that_is_passed_on_does_not_make_two_visitors_one(shop: Shop) -> None:
    link = {"click_ids": [("fbclid", "F-1")]}
    await touch(shop, {"first_party_id": "v2"}, name="t0", campaign="spring")
    await touch(shop, {**VISITOR, **link}, name="t1")
    await touch(shop, {"first_party_id": "v2", **link}, name="t2")
    assert await shop.rows("identity_merges") == []
    await shop.tell(with_visitor("v1"))
    assert await clicks(shop) == ["t1"]
    await shop.tell(with_visitor("v2", "2", customer_id="c2", email="bob@example.com"))
    assert await clicks(shop, "2") == ["t2"], "t0 led to nobody's campaign"


async def test_a_click_that_the_network_told_first_is_the_visitors(shop: Shop) -> None:
    link = {"click_ids": [("gclid", "G-1")]}
    await touch(shop, link, name="network", source="server")
    await touch(shop, {**VISITOR, **link}, name="landing", campaign="")
    await shop.tell(with_visitor("v1"))
    assert await clicks(shop) == ["network"]


async def test_a_browser_cannot_tie_an_address_to_a_customer(shop: Shop) -> None:
    """Otherwise anybody could make a stranger's guest orders a customer's, and read their mail."""
    await login(shop, {"customer_id": "c1", "email_sha256": BOB, **VISITOR})
    assert await shop.rows("identities") == [], "nobody is known by any of it: nothing is learned"
    await shop.tell(order("1", customer_id="c1"), order("2", customer_id=None, email="bob@example.com"))
    await login(shop, {"customer_id": "c1", "email_sha256": BOB, **VISITOR}, name="again")
    await touch(shop, {"email_sha256": BOB, "first_party_id": "v2"})
    await touch(shop, {"customer_id": "c1", "first_party_id": "v2"}, name="t2")
    assert len({row["customer_key"] for row in await shop.rows("orders")}) == 2
    assert await shop.rows("identity_merges") == []
    assert await confidence(shop, "2") == Decimal("0.8"), "the contact is his whom the beacon names"


async def test_the_orders_own_word_on_the_same_visit_is_no_second_contact(shop: Shop) -> None:
    told = OrderTouch(utm_campaign="autumn", first_party_id="v1")
    await touch(shop, VISITOR)
    await shop.tell(order(touch=told))
    assert await clicks(shop) == ["t1"]
    await shop.tell(order("2", placed_at=NOW - HOUR / 2, touch=OrderTouch(utm_campaign="Autumn", first_party_id="v1")))
    assert set(await clicks(shop, "2")) == {"t1", "order:2"}, "another link was another visit"


async def test_an_erased_customers_contacts_are_gone(shop: Shop) -> None:
    await touch(shop, VISITOR)
    await shop.tell(with_visitor("v1"))
    request = DataSubjectRequested(kind=DataSubjectRequestKind.ERASE_CUSTOMER, request_id="q1", customer_id="c1")
    fact = InternalFact("touchpoints_added", {"touchpoints": [entry(shop, VISITOR, name="same batch")]})
    await shop.decide([shop.item(fact=fact), shop.item(request)])
    assert await shop.rows("touchpoints") == []
    assert await shop.rows("identities") == []
    await touch(shop, VISITOR, name="afterwards")
    (left,) = await shop.rows("touchpoints")
    assert left["customer_key"] != (await shop.row("orders"))["customer_key"], "who comes back is a new person"


async def test_an_erased_store_has_no_contacts(shop: Shop) -> None:
    await touch(shop, VISITOR)
    await shop.tell(DataSubjectRequested(kind=DataSubjectRequestKind.ERASE_STORE, request_id="q2"))
    assert await shop.rows("touchpoints") == []
    assert await shop.rows("identities") == []


async def test_contacts_expire_after_window_and_margin_and_decisions_stay(shop: Shop) -> None:
    await touch(shop, VISITOR)
    await touch(shop, {"first_party_id": "never bought"}, name="t2")
    await shop.tell(order(touch=visit("autumn", NOW - 10 * DAY)))
    shop.now = NOW + 429 * DAY
    await touch(shop, {"first_party_id": "fresh"}, name="t3", at=shop.now)
    await run_job(shop, "touchpoints_expired")
    assert {row["touchpoint_id"] for row in await shop.rows("touchpoints")} == {"t3"}
    kinds = {row["kind"] for row in await shop.rows("identities")}
    assert kinds == {1, 2, 4}
    assert len([row for row in await shop.rows("identities") if row["kind"] == 4]) == 1, "visitors who never bought"
    await shop.fact("orders_reopened", {"order_ids": ["1"]})
    assert await confidence(shop) == Decimal("0.8"), "nobody decides anew on what has expired"


async def test_what_a_page_tells_is_kept_beside_the_contact(shop: Shop) -> None:
    told = {**entry(shop, VISITOR), "landing": "/p/1", "referrer": "www.google.com", "consent": "tcf"}
    await shop.fact("touchpoints_added", {"touchpoints": [told]})
    row = await shop.row("touchpoints")
    assert (row["landing"], row["referrer"], row["consent"], row["source"]) == (
        "/p/1",
        "www.google.com",
        "tcf",
        "pixel",
    )


async def test_a_beacon_as_a_browser_sends_it_is_evidence_for_an_order(shop: Shop) -> None:
    sent = {
        "event_id": "e" * 32,
        "kind": "click",
        "visitor": "v" * 32,
        "consent": "tcf",
        "age_ms": 3_600_000,
        "landing": "/p/1",
        "params": {"utm_source": "google", "utm_campaign": "Autumn", "gclid": "G-1"},
    }
    told = entry_of(read_beacon(json.dumps(sent).encode()), shop.sealer, shop.store_id, NOW - DAY)
    await shop.fact("touchpoints_added", {"touchpoints": [told]})
    await shop.tell(with_visitor("v" * 32))
    assert await clicks(shop) == ["pixel:" + "e" * 32]
    assert (await shop.row("touchpoints"))["at"] == NOW - DAY - HOUR
    await shop.tell(order("2", customer_id=None, email=None, touch=OrderTouch(click_ids=(("gclid", "G-1"),))))
    assert await clicks(shop, "2") == ["pixel:" + "e" * 32], "the click id leads to the same visitor"


@pytest.mark.parametrize("together", [True, False])
async def test_who_opts_out_is_forgotten_behind_beacons_that_waited(shop: Shop, together: bool) -> None:
    visitor = "v" * 32
    ((_, kind, value),) = identities(shop.sealer, shop.store_id, first_party_id=visitor)
    told = InternalFact("touchpoints_added", {"touchpoints": [entry(shop, {"first_party_id": visitor})]})
    gone = InternalFact("visitor_forgotten", {"identities": [{"kind": int(kind), "value": value.hex()}]})
    for items in [[told, gone]] if together else [[told], [gone]]:
        assert not await shop.decide([shop.item(fact=fact) for fact in items])
    assert await shop.rows("identities") == []
    assert await shop.rows("touchpoints") == []


async def test_the_same_visit_is_one_whatever_is_decided_with_the_order(shop: Shop) -> None:
    """A visit that began before the window of the second order, and that the first order tells of once more."""
    seen_at, first, second = NOW - 54 * DAY, NOW - 25 * DAY, NOW - HOUR
    await touch(shop, VISITOR, at=seen_at)
    told = OrderTouch(utm_campaign="autumn", first_party_id="v1")
    await shop.tell(order("1", placed_at=first, product_id="p9", touch=told))
    await shop.tell(order("2", placed_at=second, product_id="p9"))
    assert (await clicks(shop, "1"), await clicks(shop, "2")) == (["t1"], [])
    await shop.fact("orders_reopened", {"order_ids": ["1", "2"]})
    assert (await clicks(shop, "1"), await clicks(shop, "2")) == (["t1"], [])


async def test_contacts_are_read_around_the_orders_that_are_decided(shop: Shop) -> None:
    who = {"customer_id": "c1"}
    await shop.tell(order("1", placed_at=NOW - 20 * DAY, product_id="p9"))
    for days in (95, 85, 75, 45, 35, 25, 15, 5):
        await touch(shop, who, name=f"{days}", at=NOW - days * DAY, source="server")

    async def read(item: WorkItem) -> list[str]:
        async with shop.database.transaction() as connection:
            known, models = CampaignCache(), ModelCache()
            batch = await load(connection, shop.sealer, [item], now=NOW, new_key=str, campaigns=known, models=models)
        return [row.touchpoint_id for trail in batch.touches.values() for row in trail.rows]

    assert await read(shop.item(order("2", placed_at=NOW - DAY))) == ["45", "35", "25", "15", "5"]
    again = InternalFact("orders_reopened", {"order_ids": ["1"]})
    assert await read(shop.item(fact=again)) == ["75", "45", "35", "25"]
    assert await read(shop.item(order("3", placed_at=CONNECTED - DAY))) == [], "history is not decided"
    assert await read(shop.item(order("4", placed_at=NOW - DAY, is_test=True))) == []


@pytest.mark.parametrize("at", [pytest.param(NOW - 40 * DAY, id="other time"), pytest.param(NOW, id="other person")])
async def test_a_contact_that_is_told_again_otherwise_counts_as_it_was_told_first(shop: Shop, at: dt.datetime) -> None:
    """Decided on what was never stored, an order would be billed on evidence that nobody finds."""
    other = at == NOW
    await touch(shop, {"email": "bob@example.com" if other else "ada@example.com"}, source="server", at=at - DAY)
    await shop.tell(order("1", email="ada@example.com"))
    before = await confidence(shop)
    await touch(shop, {"email": "ada@example.com"}, source="server", at=NOW - DAY)
    assert await clicks(shop) == []
    assert await confidence(shop) == before
    assert len(await shop.rows("touchpoints")) == 1

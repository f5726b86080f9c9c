"""The simulated ad network over HTTP keeps what its description says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from kiki.sandbox.ad_network import AdNetwork, Campaign, Faults, ProductAds, serve_ad_network

TOKEN = "network-token"


def network() -> AdNetwork:
    ads = [ProductAds("101"), ProductAds("102")]
    return AdNetwork([Campaign(f"c-{n}", f"Campaign {n}", "EUR", 120, 5000, list(ads)) for n in (1, 2, 3)])


@asynccontextmanager
async def client(
    state: AdNetwork, faults: Faults | None = None, token: str = TOKEN
) -> AsyncIterator[httpx.AsyncClient]:
    async with serve_ad_network(state, token=TOKEN, faults=faults) as port:
        headers = {"Authorization": f"Bearer {token}", "X-Request-Id": "r-1"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1", headers=headers) as http:
            yield http


async def test_campaigns_are_listed_page_by_page() -> None:
    async with client(network()) as http:
        first = (await http.get("/campaigns", params={"limit": 2})).json()
        assert [campaign["id"] for campaign in first["campaigns"]] == ["c-1", "c-2"]
        rest = (await http.get("/campaigns", params={"limit": 2, "after": first["next_after"]})).json()
        assert [campaign["id"] for campaign in rest["campaigns"]] == ["c-3"]
        assert rest["next_after"] is None


async def test_a_change_is_read_back_and_logged_once() -> None:
    state = network()
    async with client(state) as http:
        wanted = {"status": "paused", "bid_minor": 60}
        changed = (await http.patch("/campaigns/c-1", json=wanted)).json()
        assert (await http.patch("/campaigns/c-1", json=wanted)).json() == changed
        assert (changed["status"], changed["bid_minor"], changed["changed_by"]) == ("paused", 60, "api")
        assert (await http.get("/campaigns/c-1")).json() == changed
        log = (await http.get("/changes", params={"after": 0})).json()
        assert [(c["field"], c["old"], c["new"], c["actor"], c["request_id"]) for c in log["changes"]] == [
            ("status", "active", "paused", "api", "r-1"),
            ("bid_minor", 120, 60, "api", "r-1"),
        ]
        assert log["last_seq"] == 2
        assert (await http.get("/changes", params={"after": 2})).json() == {"changes": [], "last_seq": 2}


async def test_a_products_ads_stop_alone() -> None:
    state = network()
    async with client(state) as http:
        waiting = asyncio.create_task(state.wait_until(lambda now: not now.is_running("c-1", "101")))
        answer = await http.patch("/campaigns/c-1/products/101", json={"status": "paused"})
        await waiting
        assert answer.json()["products"] == [
            {"product_id": "101", "status": "paused"},
            {"product_id": "102", "status": "active"},
        ]
        assert state.is_running("c-1", "102")


async def test_a_person_changes_things_too() -> None:
    state = network()
    async with client(state) as http:
        revision = (await http.get("/campaigns/c-1")).json()["revision"]
        await state.change("c-1", status="paused")
        stale = await http.patch("/campaigns/c-1", json={"status": "active"}, headers={"If-Match": str(revision)})
        assert (stale.status_code, stale.json()["error"]["code"]) == (412, "STALE")
        assert (await http.get("/campaigns/c-1")).json()["changed_by"] == "person"
        await state.change("c-1", status="removed")
        assert (await http.patch("/campaigns/c-1", json={"status": "active"})).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/campaigns/unknown", None, 404),
        ("GET", "/nothing", None, 404),
        ("PATCH", "/campaigns/c-1", {"status": "removed"}, 400),
        ("PATCH", "/campaigns/c-1", {"bid_minor": 0}, 400),
        ("PATCH", "/campaigns/c-1", {"bid_minor": 1.5}, 400),
        ("PATCH", "/campaigns/c-1", {"colour": "red"}, 400),
        ("PATCH", "/campaigns/c-1/products/999", {"status": "paused"}, 404),
        ("GET", "/changes?after=x", None, 400),
    ],
)
async def test_bad_requests_are_refused(method: str, path: str, body: object, status: int) -> None:
    async with client(network()) as http:
        answer = await http.request(method, path, json=body)
        assert answer.status_code == status
        assert answer.json()["error"]["code"]


async def test_a_wrong_token_is_refused() -> None:
    async with client(network(), token="another") as http:
        assert (await http.get("/campaigns")).status_code == 401


async def test_a_lost_answer_leaves_the_change_standing() -> None:
    state = network()
    async with client(state, Faults(seed=1, lost_answer_rate=1.0)) as http:
        with suppress(httpx.RemoteProtocolError):
            assert (await http.patch("/campaigns/c-1", json={"status": "paused"})).status_code == 500
        assert (await http.get("/campaigns/c-1")).json()["status"] == "paused"


async def test_failures_before_the_change_leave_it_undone() -> None:
    state = network()
    for faults, wanted in [
        (Faults(error_rate=1.0), 500),
        (Faults(offline=True), 503),
        (Faults(unavailable_rate=1.0), 503),
        (Faults(rate_limited_rate=1.0), 429),
    ]:
        async with client(state, faults) as http:
            assert (await http.patch("/campaigns/c-1", json={"status": "paused"})).status_code == wanted
    async with client(state, Faults(hang_up_rate=1.0)) as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.patch("/campaigns/c-1", json={"status": "paused"})
    assert state.changes == []


async def test_latency_is_waited_for() -> None:
    async with client(network(), Faults(latency_seconds=(5.0, 5.0))) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.get("/campaigns", timeout=0.05)

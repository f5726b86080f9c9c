"""Syncs of products and orders from simulated shops over real HTTP, decided by a real worker, to the baseline."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import httpx
import pytest

from integration.portal.mesh import running_council, running_mesh, running_worker
from integration.portal.running import Portal, running_portal
from integration.portal.scenes import BERLIN, HEADERS, connect, scene_of
from kiki.platforms.shopify.api import ShopifyReader
from kiki.platforms.woocommerce.api import WooCommerceReader
from kiki.portal.jobs import history, runner
from kiki.portal.jobs.sync import PAID_WITHIN
from kiki.sandbox.http_server import Answer
from kiki.sandbox.shelf import Trouble

PAGE = 30

each_platform = pytest.mark.parametrize("platform", ["shopify", "woocommerce"])


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pages, short waits."""
    monkeypatch.setattr(ShopifyReader, "page_size", PAGE)
    monkeypatch.setattr(WooCommerceReader, "page_size", PAGE)
    monkeypatch.setattr(runner, "_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(runner, "_POLL_SECONDS", 0.05)
    monkeypatch.setattr(history, "_LOOK_SECONDS", 0.1)


async def sync(portal: Portal, what: str, store_id: int, **query: int) -> dict[str, Any]:
    """Ask for a sync and follow it to its end."""
    asked = await portal.http.post(f"/internal/sync/{what}/{store_id}", headers=HEADERS, params=query)
    assert asked.status_code == 202, asked.text
    return await ended(portal, asked.json()["job_id"])


async def wish(portal: Portal, store_id: int, **rules: str) -> httpx.Response:
    """Change a store's rules."""
    return await portal.http.patch(f"/internal/stores/{store_id}/settings", headers=HEADERS, json=rules)


async def ended(portal: Portal, job_id: int, *, states: tuple[str, ...] = ("succeeded", "failed")) -> dict[str, Any]:
    job: dict[str, Any] = {}
    for _ in range(600):
        job = await get(portal, f"/internal/jobs/{job_id}")
        if job["status"] in states:
            return job
        await asyncio.sleep(0.1)
    raise AssertionError(f"the job did not end: {job}")


async def get(portal: Portal, path: str, **query: Any) -> dict[str, Any]:
    answer = await portal.http.get(path, headers=HEADERS, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def count(portal: Portal, table: str, where: str = "true") -> int:
    (row,) = await portal.rows(f"SELECT count(*) AS n FROM {table} WHERE {where}")
    return int(row["n"])


def amount(minor: int) -> dict[str, str]:
    return {"amount": f"{minor // 100}.{minor % 100:02d}", "currency": "EUR"}


@pytest.mark.slow
@each_platform
async def test_a_years_history_gives_the_baseline_and_bills_nobody(council_dsn: str, platform: str) -> None:
    async with scene_of(platform) as scene, running_mesh(council_dsn) as portal:
        store_id = await connect(portal, scene)
        products = await sync(portal, "products", store_id)
        assert (products["status"], products["done"], products["total"]) == ("succeeded", 12, 12), products
        job = await sync(portal, "orders", store_id)
        assert job["status"] == "succeeded", job
        begin, _ = scene.baseline()
        wanted = [order for order in scene.world.orders if order.placed_at >= begin - PAID_WITHIN]
        assert PAGE < len(wanted) < len(scene.world.orders)
        assert job["done"] == job["total"] == len(wanted) == job["result"]["new_deliveries"]

        assert await count(portal, "commerce.orders", "NOT live") == len(wanted)
        assert await count(portal, "inbox.deliveries", "origin = 'sync' AND lane <> 3") == 0
        assert await count(portal, "inbox.dead_letters") == 0
        real = sum(1 for order in wanted if not order.is_test)
        assert await count(portal, "calls.history", "method = 'UpdateCustomerLTV' AND status = 'answered'") == real
        for method in ("RecordIncrementalRevenue", "TriggerPostPurchaseFlow", "TriggerUpsellFlow"):
            for table in ("calls.queue", "calls.parked", "calls.history"):
                assert await count(portal, table, f"method = '{method}'") == 0, (method, table)

        earned = scene.baseline_minor()
        assert earned > 0
        baseline = job["result"]["baseline"]
        assert baseline["revenue"] == amount(earned)
        assert (baseline["months_available"], baseline["complete"], job["result"]["contract"]) == (12, True, "told")
        assert "complete" in job["message"]
        assert amount(earned)["amount"] in job["message"]
        now = dt.datetime.now(BERLIN)
        report = await get(portal, f"/reports/oaas/monthly/{store_id}", year=now.year, month=now.month)
        assert report["baseline"]["revenue"] == amount(earned)
        compared = report["statement"]
        assert (compared["whole_baseline_revenue"] or compared["baseline_revenue"]) == baseline["monthly_average"]
        shown = await get(portal, f"/internal/stores/{store_id}")
        assert shown["history"]["baseline"]["revenue"] == amount(earned)
        uplift = await portal.http.put(
            f"/internal/contracts/{store_id}", headers=HEADERS, json={"fee_rate": "0.20", "rule": "uplift"}
        )
        assert uplift.status_code == 200, uplift.text
        assert (await wish(portal, store_id, rule="uplift")).status_code == 200
        assert uplift.json()["contract"]["baseline"]["revenue"] == amount(earned)


@pytest.mark.slow
@each_platform
async def test_the_same_sync_again_adds_nothing(council_dsn: str, platform: str) -> None:
    async with scene_of(platform) as scene, running_mesh(council_dsn) as portal:
        store_id = await connect(portal, scene)
        first = await sync(portal, "orders", store_id)
        before = [await count(portal, t) for t in ("commerce.orders", "syncvalue.orders", "syncledger.contracts")]
        told = await count(portal, "calls.history", "method = 'UpdateCustomerLTV'")
        again = await sync(portal, "orders", store_id)
        assert (again["status"], again["done"]) == ("succeeded", first["done"])
        assert again["result"]["new_deliveries"] == 0
        assert [
            await count(portal, t) for t in ("commerce.orders", "syncvalue.orders", "syncledger.contracts")
        ] == before
        assert await count(portal, "calls.history", "method = 'UpdateCustomerLTV'") == told
        assert again["result"]["baseline"]["revenue"] == first["result"]["baseline"]["revenue"]

        # A shorter sync afterwards does not forget how far the history reaches.
        short = await sync(portal, "orders", store_id, days=30)
        assert short["done"] < first["done"]
        assert short["result"]["baseline"]["complete"] is True


@pytest.mark.slow
async def test_sixty_days_of_orders_are_no_baseline_for_uplift(council_dsn: str) -> None:
    """Without `read_all_orders` Shopify shows sixty days; what is asked for does not matter."""
    async with scene_of("shopify", scopes=("read_orders",)) as scene, running_mesh(council_dsn) as portal:
        store_id = await connect(portal, scene)
        job = await sync(portal, "orders", store_id, days=800)
        assert job["status"] == "succeeded", job
        assert 0 < job["done"] < 40
        baseline = job["result"]["baseline"]
        assert baseline["months_available"] in (0, 1)
        assert baseline["complete"] is False
        assert "incomplete" in job["message"]
        refused = await portal.http.put(
            f"/internal/contracts/{store_id}", headers=HEADERS, json={"fee_rate": "0.20", "rule": "uplift"}
        )
        assert refused.json()["reason"] == "BASELINE_INCOMPLETE"
        assert refused.status_code in (409, 422), refused.text
        assert (await wish(portal, store_id, rule="lesser_of")).json()["reason"] == "BASELINE_INCOMPLETE"


@pytest.mark.slow
async def test_a_shop_that_is_younger_than_a_year_has_no_year(council_dsn: str) -> None:
    """All of its orders are read, and the months before its first one are not counted as months without revenue."""
    young = dt.timedelta(days=130)
    async with scene_of("woocommerce", age=young) as scene, running_mesh(council_dsn) as portal:
        store_id = await connect(portal, scene)
        job = await sync(portal, "orders", store_id)
        assert job["done"] == len(scene.world.orders)
        baseline = job["result"]["baseline"]
        assert baseline["months_available"] in (4, 5)
        assert baseline["complete"] is False


async def test_a_shop_without_orders_has_no_year_either(council_dsn: str) -> None:
    """Twelve months of no revenue would be a complete baseline, and everything that follows growth that is billed."""
    async with scene_of("woocommerce", age=dt.timedelta(days=10)) as scene, running_mesh(council_dsn) as portal:
        scene.world.orders.clear()
        store_id = await connect(portal, scene)
        job = await sync(portal, "orders", store_id)
        assert (job["status"], job["done"]) == ("succeeded", 0), job
        assert (job["result"]["baseline"]["months_available"], job["result"]["baseline"]["complete"]) == (0, False)
        refused = await portal.http.put(
            f"/internal/contracts/{store_id}", headers=HEADERS, json={"fee_rate": "0.20", "rule": "uplift"}
        )
        assert refused.json()["reason"] == "BASELINE_INCOMPLETE"


@pytest.mark.slow
@each_platform
async def test_a_shop_that_limits_and_fails_is_read_all_the_same(council_dsn: str, platform: str) -> None:
    trouble = Trouble(seed=3, limited_share=0.2, broken_share=0.3, retry_after="0.1")
    async with scene_of(platform, trouble=trouble) as scene, running_mesh(council_dsn) as portal:
        store_id = await connect(portal, scene)
        job = await sync(portal, "orders", store_id, days=800)
        assert job["status"] == "succeeded", job
        assert job["done"] == job["total"] == len(scene.world.orders) == await count(portal, "commerce.orders")
        assert trouble.requests > len(scene.api.seen)


class Maintenance(Trouble):
    """Once, in the middle, a page for people in place of data, as of a shop under maintenance."""

    def strike(self) -> Answer | None:
        self.requests += 1
        page = Answer(200, b"<html>Back soon</html>", {"Content-Type": "text/html"})
        return page if self.requests == 4 else None


@pytest.mark.slow
@each_platform
async def test_a_page_for_people_in_the_middle_is_asked_for_again(council_dsn: str, platform: str) -> None:
    young, trouble = dt.timedelta(days=200), Maintenance()
    async with scene_of(platform, age=young, trouble=trouble) as scene, running_mesh(council_dsn) as portal:
        store_id = await connect(portal, scene)
        job = await sync(portal, "orders", store_id)
        assert (job["status"], job["done"]) == ("succeeded", job["total"]), job


class Collapse(Trouble):
    """Breaks for good after some requests."""

    after = 4

    def strike(self) -> Any:
        self.broken_share = 0.0 if self.requests < self.after else 1.0
        return super().strike()


@pytest.mark.slow
@each_platform
async def test_a_sync_that_was_cut_off_goes_on_where_it_stood(council_dsn: str, platform: str) -> None:
    trouble = Collapse()
    async with scene_of(platform, trouble=trouble) as scene, running_council(council_dsn) as addresses:
        async with running_portal(council_dsn, addresses=addresses) as portal:
            store_id = await connect(portal, scene)
            job = await sync(portal, "orders", store_id, days=800)
            assert (job["status"], job["reason"]) == ("failed", "SHOP_API_FAILED")
            assert 0 < job["done"] < job["total"]
            read = len(scene.api.seen)
            # As a portal leaves it that was killed in the middle of an attempt.
            await portal.rows(
                "UPDATE portal.jobs SET status = 'running', owner = 'gone', lease_until = now() - interval '1 second',"
                " attempts = 1, finished_at = NULL RETURNING job_id"
            )
            Collapse.after = 10_000
            try:
                async with running_worker(council_dsn, addresses):
                    job = await ended(portal, job["job_id"])
            finally:
                Collapse.after = 4
        assert job["status"] == "succeeded", job
        assert job["done"] == job["total"] == len(scene.world.orders) == job["result"]["new_deliveries"]
        pages = -(-len(scene.world.orders) // (PAGE - 1))
        assert len(scene.api.seen) - read <= pages, "pages that were read already were asked for again"


@each_platform
async def test_wrong_keys_fail_the_sync_at_once_and_are_not_shown(council_dsn: str, platform: str) -> None:
    async with scene_of(platform) as scene, running_mesh(council_dsn) as portal:
        wrong = {"access_token": "shpat_wrong"} if platform == "shopify" else {"consumer_secret": "cs_wrong"}
        store_id = await connect(portal, scene, **wrong)
        for what in ("products", "orders"):
            job = await sync(portal, what, store_id)
            assert (job["status"], job["reason"]) == ("failed", "SHOP_CREDENTIALS_REFUSED")
            assert "wrong" not in str(job)


@pytest.mark.slow
async def test_another_basis_gets_a_baseline_of_its_own(council_dsn: str) -> None:
    async with scene_of("woocommerce") as scene, running_mesh(council_dsn) as portal:
        store_id = await connect(portal, scene)
        job = await sync(portal, "orders", store_id)
        both = await wish(portal, store_id, basis="total", rule="uplift")
        assert both.json()["reason"] == "BASELINE_INCOMPLETE", "the baseline is on another basis"
        assert (await wish(portal, store_id, basis="total")).status_code == 200
        net = job["result"]["baseline"]["revenue"]
        contract: dict[str, Any] = {}
        for _ in range(200):
            contract = (await get(portal, f"/internal/contracts/{store_id}"))["versions"][-1]
            if contract["basis"] == "total" and contract["baseline"]:
                break
            await asyncio.sleep(0.1)
        assert contract["basis"] == "total"
        assert float(contract["baseline"]["revenue"]["amount"]) > float(net["amount"])

"""What is due by the clock, and what flows back from answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import pytest

from integration.orchestrator.workflows.shop import NOW, Shop, product
from kiki.kit.clock import FixedClock
from kiki.kit.database import Connection, Database
from kiki.kit.errors import KikiError
from kiki.orchestrator.inbox.bodies import open_body
from kiki.orchestrator.workflows import jobs as jobs_module
from kiki.orchestrator.workflows.jobs import periodic_jobs
from kiki.rpc.v1 import syncflow_pb2

MINUTE = dt.timedelta(minutes=1)


@dataclass
class Unguarded:
    """A lease that is always held."""

    database: Database

    async def lock(self, connection: Connection) -> None:
        return None


@dataclass
class Answer:
    response: bytes | None
    error: KikiError | None = None


class Registry:
    """SyncFlow's side of `ListCampaigns`."""

    def __init__(self, store_id: int) -> None:
        self.asked: list[syncflow_pb2.ListCampaignsRequest] = []
        self._store_id = store_id

    async def call_batch(self, agent: str, method: str, requests: Sequence[bytes]) -> Sequence[Answer]:
        request = syncflow_pb2.ListCampaignsRequest.FromString(requests[0])
        self.asked.append(request)
        campaign = syncflow_pb2.Campaign(
            store_id=self._store_id,
            definition=syncflow_pb2.CampaignDefinition(campaign_id="k1", network="google", utm_campaign="autumn"),
            updated_at=NOW,
        )
        page = syncflow_pb2.ListCampaignsResponse(campaigns=[campaign])
        return [Answer(page.SerializeToString())]


async def topics(shop: Shop) -> list[str]:
    async with shop.database.connection() as connection:
        return [row[0] for row in await connection.fetch("SELECT topic FROM inbox.deliveries ORDER BY delivery_id")]


async def test_a_due_resume_is_handed_to_the_inbox_once(shop: Shop) -> None:
    clock = FixedClock(NOW)
    jobs = {job.name: job for job in periodic_jobs(sealer=shop.sealer, clients=Registry(shop.store_id), clock=clock)}
    await shop.tell(product(quantity=0), origin="sync")
    await shop.tell(product(quantity=9, at=NOW + MINUTE))
    guard = Unguarded(shop.database)
    await jobs["resumes_due"].run(guard)  # type: ignore[arg-type]  # a lease that is always held
    assert await topics(shop) == []
    clock.advance(2 * MINUTE)
    await jobs["resumes_due"].run(guard)  # type: ignore[arg-type]  # a lease that is always held
    await jobs["resumes_due"].run(guard)  # type: ignore[arg-type]  # a lease that is always held
    await jobs["holds_expired"].run(guard)  # type: ignore[arg-type]  # a lease that is always held
    await jobs["customers_at_risk"].run(guard)  # type: ignore[arg-type]  # a lease that is always held
    assert await topics(shop) == ["resumes_due"]


async def test_products_under_a_hand_keep_no_other_product_from_its_resume(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "_MAX_DUE", 1)
    clock = FixedClock(NOW)
    jobs = {job.name: job for job in periodic_jobs(sealer=shop.sealer, clients=Registry(shop.store_id), clock=clock)}
    names = ("p1", "p2")
    await shop.tell(*(product(name, quantity=0) for name in names), origin="sync")
    await shop.tell(*(product(name, quantity=9, at=NOW + MINUTE) for name in names))
    hold = {"product_ids": ["p1"], "command": "hold", "actor": "user:7", "reason": "recall", "expires_at": None}
    await shop.fact("products_commanded", hold)
    clock.advance(2 * MINUTE)
    guard = Unguarded(shop.database)
    await jobs["resumes_due"].run(guard)  # type: ignore[arg-type]  # a lease that is always held
    async with shop.database.connection() as connection:
        (body,) = [bytes(row[0]) for row in await connection.fetch("SELECT body FROM inbox.deliveries")]
    told = open_body(shop.sealer, body, shop.store_id)
    assert msgspec.json.decode(told)["product_ids"] == ["p2"]


async def test_the_registry_is_followed_from_a_minute_before_the_newest_change(shop: Shop) -> None:
    registry = Registry(shop.store_id)
    jobs = {job.name: job for job in periodic_jobs(sealer=shop.sealer, clients=registry, clock=FixedClock(NOW))}
    for _ in range(2):
        await jobs["campaign_registry"].run(Unguarded(shop.database))  # type: ignore[arg-type]  # as above
    assert await topics(shop) == ["campaigns_changed"]
    assert registry.asked[0].HasField("updated_after") is False
    assert registry.asked[1].updated_after.ToDatetime(tzinfo=dt.UTC) == NOW - MINUTE


async def test_a_bare_change_asks_syncflow_for_its_campaigns(shop: Shop) -> None:
    await shop.fact("campaigns_changed", {})
    assert await shop.methods() == ["ListCampaigns"]


async def test_a_product_that_leaves_a_campaign_was_promoted_until_then(shop: Shop) -> None:
    await shop.register(products=["p1", "p2"])
    shop.now = NOW + MINUTE
    await shop.register(products=["p2"])
    rows = {row["product_id"]: row["to_at"] for row in await shop.rows("campaign_products")}
    assert rows == {"p1": NOW + MINUTE, "p2": None}
    await shop.register(products=["p2"], ended=True)
    shop.now = NOW + 2 * MINUTE
    await shop.register(products=["p2"], ended=True)
    assert (await shop.row("campaigns"))["ended_at"] == NOW + MINUTE

"""A diff rests on one set of rules: where others come into force, it is computed anew, or not applied."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from integration.orchestrator.workflows.ruling import rules
from integration.orchestrator.workflows.shop import NOW, Shop, order, visit
from integration.orchestrator.workflows.test_reopening import waiting, work
from kiki.commerce.attribution_models import DiffRow, FittedRow, list_diff, put_fitted
from kiki.commerce.events import OrderDeleted
from kiki.kit.clock import FixedClock
from kiki.kit.database import Connection, Database
from kiki.kit.errors import KikiError
from kiki.kit.sealing import Keyring, Sealer
from kiki.orchestrator.attribution.fitted import ChannelEffect, MarkovParameters
from kiki.orchestrator.workflows.identities import identities
from kiki.portal.jobs import attribution, recalculation, repository
from kiki.portal.jobs.attribution import History
from kiki.portal.jobs.computing import Computing
from kiki.portal.jobs.recalculation import ModelNotInForce, RulesChanged, recalculation_work
from kiki.portal.jobs.repository import Job
from kiki.portal.jobs.runner import NotYet, Progress

pytestmark = pytest.mark.slow

ORDERS = 8
DAY = dt.timedelta(days=1)
AGO = NOW - 3 * DAY
Change = Callable[[Shop], Awaitable[None]]


class Interrupted(Exception):
    """The portal is killed here."""


@pytest.fixture
async def shop(migrated_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """Orders with a click each, half of them of a promoted product: billed by `last`, half of them by `default`."""

    async def run(_self: Computing, work: Callable[[Any], Any], given: Any, **_: Any) -> Any:
        return await asyncio.to_thread(work, given)  # Processes have tests of their own.

    monkeypatch.setattr(Computing, "run", run)
    monkeypatch.setattr(attribution, "PAGE", 2)
    monkeypatch.setattr(attribution, "CHUNK", 2)
    monkeypatch.setattr(recalculation, "HANDED", 2)
    async with Database.open(migrated_dsn, application_name="test", max_size=6) as database:
        shop = Shop(database, Sealer(Keyring({1: bytes(range(32))})))
        await shop.connect()
        await shop.register(products=["p0"])
        for number in range(ORDERS):
            at = AGO + dt.timedelta(minutes=number)
            buyer: dict[str, Any] = {"email": f"u{number}@example.com", "customer_id": f"c{number}"}
            product = f"p{number % 2}"
            await shop.tell(order(str(number), placed_at=at, product_id=product, touch=visit("autumn", at), **buyer))
        yield shop


async def fit(shop: Shop, share: float) -> None:
    effect = ChannelEffect("k1", 0.5, 0.5, share, 1.0, 1.0)
    parameters = MarkovParameters(1, 1.0, 1.0, 1.0, 0.0, 0.0, (effect,))
    row = FittedRow(
        shop.store_id,
        "markov",
        parameters.fingerprint,
        NOW + share * DAY,
        "history",
        1,
        parameters.to_plain(),
        {},
    )
    async with shop.database.transaction() as connection:
        await put_fitted(connection, row)


def history(shop: Shop) -> History:
    return History(shop.database, shop.sealer, FixedClock(NOW))


async def added(shop: Shop, parameters: dict[str, Any]) -> Job:
    async with shop.database.transaction() as connection:
        return await repository.add_job(
            connection,
            store_id=shop.store_id,
            kind="recalculate_attribution",
            parameters=parameters,
            requested_by="test",
        )


async def look(shop: Shop, job: Job) -> Job:
    async with shop.database.connection() as connection:
        return await repository.get_job(connection, job.job_id)


async def rows(shop: Shop, job: Job) -> list[tuple[str, int, int]]:
    """The diff: order, billed then and now."""
    async with shop.database.connection() as connection:
        found: list[DiffRow] = await list_diff(connection, shop.store_id, job.job_id, "", 1000)
    return [(row.order_id, row.then_minor, row.now_minor) for row in found]


@dataclass(slots=True)
class Steps(Progress):
    """Progress after whose steps, by number, something happens."""

    happens: dict[int, Change] = field(default_factory=dict)
    shop: Shop | None = None
    taken: int = 0

    @asynccontextmanager
    async def step(self) -> AsyncIterator[Connection]:
        async with Progress.step(self) as connection:
            yield connection
        self.taken += 1
        if self.taken in self.happens:
            assert self.shop is not None
            await self.happens[self.taken](self.shop)


async def killed(_shop: Shop) -> None:
    raise Interrupted


async def attempt(shop: Shop, job: Job, happens: dict[int, Change] | None = None) -> Job:
    """One attempt of the job, as a portal makes it."""
    async with shop.database.transaction() as connection:
        await connection.execute("UPDATE portal.jobs SET lease_until = NULL WHERE job_id = $1", job.job_id)
        taken = await repository.claim_job(connection, "portal")
    assert taken is not None
    assert taken.job_id == job.job_id
    progress = Steps(
        shop.database,
        taken,
        "portal",
        done=taken.done,
        total=taken.total,
        cursor=taken.cursor,
        result=dict(taken.result),
        happens=happens or {},
        shop=shop,
    )
    status, reason, message = "succeeded", "", ""
    try:
        message = await recalculation_work(history(shop))(taken, progress)
    except (Interrupted, NotYet):
        async with shop.database.transaction() as connection:
            await repository.give_back(connection, taken, "portal")
        return await look(shop, job)
    except KikiError as error:
        status, reason, message = "failed", error.reason, error.message
    async with shop.database.transaction() as connection:
        await repository.finish_job(connection, taken, "portal", status=status, reason=reason, message=message)
    return await look(shop, job)


async def ended(shop: Shop, job: Job) -> Job:
    """Attempt after attempt, with the worker at work in between."""
    while job.status not in ("succeeded", "failed"):
        await work(shop)
        job = await attempt(shop, job)
    return job


async def stricter(shop: Shop) -> None:
    await rules(shop, attribution_threshold="0.9")


async def wider(shop: Shop) -> None:
    await rules(shop, attribution_window_days=60)


async def gross(shop: Shop) -> None:
    await rules(shop, basis="total")


async def dearer(shop: Shop) -> None:
    await rules(shop, fee_rate="0.25")


async def another_campaign(shop: Shop) -> None:
    await shop.register("k2")


async def promoted_no_more(shop: Shop) -> None:
    await shop.register(products=[])


async def fitted_anew(shop: Shop) -> None:
    await fit(shop, 0.9)


async def tested(shop: Shop) -> None:
    await rules(shop, attribution_shadow="linear", attribution_ab_share=500_000)


async def quieter(shop: Shop) -> None:
    """A rule that no decision asks for."""
    await rules(shop, resume_damping_seconds=5, attribution_shadow="linear")


CHANGES = [stricter, wider, gross, dearer, another_campaign, promoted_no_more, tested]


@pytest.mark.parametrize(("change", "interrupted"), [*((change, True) for change in CHANGES), (stricter, False)])
async def test_a_diff_never_mixes_two_sets_of_rules(shop: Shop, change: Change, interrupted: bool) -> None:
    """Other rules come into force after the first rows: the end is what a job of its own computes afterwards."""
    await rules(shop, attribution_model="last")
    job = await added(shop, {"model": "last", "dry_run": True})
    after_some_rows = 4
    if interrupted:
        job = await attempt(shop, job, {after_some_rows: killed})
        assert (job.status, job.done > 0) == ("queued", True)
        await change(shop)
        job = await attempt(shop, job)
    else:
        job = await attempt(shop, job, {after_some_rows: change})
    assert (job.status, job.done, job.total) == ("succeeded", ORDERS, ORDERS)
    assert job.result["computed_anew"] == 1
    fresh = await attempt(shop, await added(shop, {"model": "last", "dry_run": True}))
    assert await rows(shop, job) == await rows(shop, fresh)
    for name in ("changed", "months", "causes", "model"):
        assert job.result[name] == fresh.result[name], name
    assert job.result["computed_under"] == fresh.result["computed_under"]


async def test_a_new_fit_is_another_model(shop: Shop) -> None:
    await fit(shop, 0.5)
    job = await attempt(shop, await added(shop, {"model": "markov", "dry_run": True}), {4: killed})
    before = job.result["computed_under"]["models"]
    await fitted_anew(shop)
    job = await attempt(shop, job)
    assert (job.status, job.result["computed_anew"]) == ("succeeded", 1)
    assert job.result["computed_under"]["models"] not in (before, "markov")
    await rules(shop, attribution_model="markov")
    await fit(shop, 0.95)
    applied = await attempt(shop, await added(shop, {"diff_job": job.job_id, "model": "markov"}))
    assert (applied.status, applied.reason) == ("failed", "RULES_CHANGED")


async def test_a_diff_that_was_interrupted_is_read_again_where_history_went_on(shop: Shop) -> None:
    """An order whose row was written already is gone meanwhile."""
    job = await attempt(shop, await added(shop, {"model": "last", "dry_run": True}), {4: killed})
    assert await rows(shop, job) == [("1", 0, 10_000), ("3", 0, 10_000)]
    await shop.tell(OrderDeleted(order_id="1"))
    job = await attempt(shop, job)
    assert (job.status, job.result["computed_anew"]) == ("succeeded", 1)
    assert (await rows(shop, job))[:2] == [("1", 0, 0), ("3", 0, 10_000)]
    calm = await attempt(shop, await added(shop, {"model": "last", "dry_run": True}), {4: killed})
    calm = await attempt(shop, calm)
    assert (calm.status, calm.result["computed_anew"]) == ("succeeded", 0), "it goes on where it was"


async def test_a_history_that_never_rests_does_not_keep_a_diff_from_its_end(shop: Shop) -> None:
    job = await added(shop, {"model": "last", "dry_run": True})
    for number in range(1, 10):
        job = await attempt(shop, job, {4: killed})
        if job.status != "queued":
            break
        placed = AGO + number * dt.timedelta(hours=1)
        await shop.tell(order(f"new-{number}", placed_at=placed, customer_id=f"n{number}", email=None))
    assert (job.status, job.result["computed_anew"]) == ("succeeded", 3)


async def test_rules_that_change_all_the_while_end_it_with_a_word(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recalculation, "_MOST_ANEW", 2)
    days = iter(range(31, 60))

    async def change(shop: Shop) -> None:
        await rules(shop, attribution_window_days=next(days))

    job = await attempt(
        shop, await added(shop, {"model": "last", "dry_run": True}), dict.fromkeys(range(1, 40), change)
    )
    assert (job.status, job.reason) == ("failed", "RULES_CHANGED")
    assert "2 times" in job.message
    assert "attribution_window_days was" in job.message


@pytest.mark.parametrize("change", CHANGES)
async def test_a_diff_is_not_applied_under_other_rules(shop: Shop, change: Change) -> None:
    diff = await attempt(shop, await added(shop, {"model": "last", "dry_run": True}))
    assert diff.result["changed"] == ORDERS // 2
    await rules(shop, attribution_model="last")
    await change(shop)
    calls = len(await shop.methods())
    job = await ended(shop, await added(shop, {"diff_job": diff.job_id, "model": "last"}))
    assert (job.status, job.reason, job.done) == ("failed", "RULES_CHANGED", 0)
    assert job.message.startswith(f"the diff of job {diff.job_id} was computed under other rules: ")
    assert job.message.endswith("compute it again")
    assert len(await shop.methods()) == calls


async def test_a_diff_is_applied_where_only_rules_changed_that_no_decision_asks_for(shop: Shop) -> None:
    diff = await attempt(shop, await added(shop, {"model": "last", "dry_run": True}))
    await rules(shop, attribution_model="last")
    await quieter(shop)
    job = await ended(shop, await added(shop, {"diff_job": diff.job_id, "model": "last"}))
    assert (job.status, job.done, job.result["moved"]) == ("succeeded", ORDERS // 2, 0)
    assert {row["confidence"] for row in await shop.rows("orders") if row["order_id"] in "1357"} == {Decimal(1)}


@pytest.mark.parametrize("while_", ["handed over", "looked at"])
@pytest.mark.parametrize("at_once", [True, False], ids=["computed and applied", "kept and applied"])
async def test_what_is_left_is_not_handed_over_when_rules_change(shop: Shop, while_: str, at_once: bool) -> None:
    if at_once:
        await rules(shop, attribution_model="last")
        job = await added(shop, {"model": "last", "dry_run": False})
        steps = 8 if while_ == "handed over" else 10  # It is computed in seven.
    else:
        diff = await attempt(shop, await added(shop, {"model": "last", "dry_run": True}))
        await rules(shop, attribution_model="last")
        job = await added(shop, {"diff_job": diff.job_id, "model": "last"})
        steps = 1 if while_ == "handed over" else 3
    job = await attempt(shop, job, {steps: stricter})
    if while_ == "handed over":
        assert (job.status, job.reason) == ("failed", "RULES_CHANGED")
        assert len(await waiting(shop)) == 1, "the first two orders"
    job = await ended(shop, job)
    assert (job.status, job.reason) == ("failed", "RULES_CHANGED")
    assert "attribution_threshold was 0.7 and is 0.9" in job.message


async def test_a_diff_says_how_many_of_its_orders_were_decided_anew_since(shop: Shop) -> None:
    diff = await attempt(shop, await added(shop, {"model": "last", "dry_run": True}))
    found = identities(shop.sealer, shop.store_id, customer_id="c1")
    told = {"touchpoint_id": "late", "at": (AGO - DAY).isoformat(), "kind": "click", "source": "server"}
    named = {"campaign_id": "k1", "identities": [{"kind": each[1], "value": each[2].hex()} for each in found]}
    await shop.fact("touchpoints_added", {"touchpoints": [{**told, **named}]})
    await rules(shop, attribution_model="last")
    job = await ended(shop, await added(shop, {"diff_job": diff.job_id, "model": "last"}))
    assert (job.status, job.result["moved"]) == ("succeeded", 1)
    assert job.message.endswith("1 of them had been decided anew since the diff was computed")


async def test_a_diff_of_another_model_than_the_rules_name_is_refused_as_before(shop: Shop) -> None:
    diff = await attempt(shop, await added(shop, {"model": "last", "dry_run": True}))
    job = await attempt(shop, await added(shop, {"diff_job": diff.job_id, "model": "last"}))
    assert (job.status, job.reason) == ("failed", ModelNotInForce.reason)


async def test_a_diff_that_says_nothing_of_its_rules_is_computed_again(shop: Shop) -> None:
    diff = await attempt(shop, await added(shop, {"model": "last", "dry_run": True}))
    async with shop.database.transaction() as connection:
        await connection.execute("UPDATE portal.jobs SET result = result - 'computed_under'")
    await rules(shop, attribution_model="last")
    job = await attempt(shop, await added(shop, {"diff_job": diff.job_id, "model": "last"}))
    assert (job.status, job.reason) == ("failed", RulesChanged.reason)

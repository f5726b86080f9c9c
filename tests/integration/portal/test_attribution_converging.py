"""A recalculation in parts, interrupted and overtaken by new orders, ends where deciding everything at the end does."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from integration.orchestrator.workflows.ruling import rules
from integration.orchestrator.workflows.shop import NOW, Shop, order, visit
from kiki.kit.clock import FixedClock
from kiki.kit.database import Connection, Database
from kiki.kit.sealing import Keyring, Sealer
from kiki.orchestrator.inbox.bodies import open_body
from kiki.orchestrator.inbox.protocol import InternalFact
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.views import open_work
from kiki.orchestrator.workflows.identities import identities
from kiki.portal.jobs import attribution, converging, repository
from kiki.portal.jobs.attribution import History
from kiki.portal.jobs.computing import Computing
from kiki.portal.jobs.recalculation import recalculation_work
from kiki.portal.jobs.repository import Job
from kiki.portal.jobs.runner import NotYet, Progress
from properties import examples

START = NOW - dt.timedelta(days=9)
HOUR = dt.timedelta(hours=1)
MODELS = (("linear", "default"), ("last", "default"), ("default", "linear"), ("default", "last"))
WAYS = ("all", "diff", "diff at once")
ACTIONS = ("work", "work", "work all", "arrive", "touch", "interrupt", "interrupt", "go on", "go on")


@dataclass(frozen=True)
class Told:
    """One order of a script."""

    order_id: str
    buyer: int
    clicked: bool
    promoted: bool
    other: bool
    """Whether somebody else's mail brought the buyer as well."""


@dataclass(frozen=True)
class Script:
    """Orders in the order of their placing (their ids sort otherwise), and what happens to them."""

    orders: list[Told]
    known: int
    """How many of them are there before the recalculation."""
    models: tuple[str, str]
    """In force before it, and from then on."""
    way: str
    actions: list[str]

    @classmethod
    def of(cls, seed: int) -> Script:
        draw = random.Random(seed)
        names = [f"{number:02}" for number in range(draw.randint(3, 8))]
        draw.shuffle(names)
        orders = [Told(name, draw.randint(0, 1), *(draw.random() < 0.5 for _ in range(3))) for name in names]
        actions = draw.choices(ACTIONS, k=draw.randint(0, 40))
        return cls(orders, draw.randint(1, len(orders)), draw.choice(MODELS), draw.choice(WAYS), actions)


class Interrupted(Exception):
    """The portal is killed here."""


@dataclass
class Play:
    """A store, a job on it, and what happens between two steps of the job."""

    shop: Shop
    way: str
    waiting: list[Told]
    actions: list[str]
    hours: int = 0
    touched: int = 0
    interrupted: bool = False
    history: History = field(init=False)

    def __post_init__(self) -> None:
        self.history = History(self.shop.database, self.shop.sealer, FixedClock(NOW))

    async def arrive(self) -> None:
        """The next order, as its webhook brings it."""
        if not self.waiting:
            return
        told = self.waiting.pop(0)
        self.hours += 1
        at = START + self.hours * HOUR
        assert not await self.shop.tell(
            order(
                told.order_id,
                placed_at=at,
                touch=visit("autumn", at - HOUR / 2) if told.clicked else None,
                product_id="p1" if told.promoted else "p2",
                **_buyer(told.buyer),
            )
        )
        if told.other:
            await self._touch(told.buyer, at - HOUR / 4, {"utm_source": "news", "utm_medium": "email"})

    async def touch(self) -> None:
        """A click that is told late; every first order was placed before it."""
        await self._touch(self.hours % 2, START + self.hours * HOUR + HOUR / 3, {"utm_campaign": "autumn"})

    async def _touch(self, buyer: int, at: dt.datetime, link: dict[str, str]) -> None:
        self.touched += 1
        known = identities(self.shop.sealer, self.shop.store_id, customer_id=_buyer(buyer)["customer_id"])
        entry = {
            "touchpoint_id": f"t{self.touched}",
            "at": at.isoformat(),
            "kind": "click",
            "source": "server",
            "identities": [{"kind": each[1], "value": each[2].hex()} for each in known],
            **link,
        }
        assert not await self.shop.fact("touchpoints_added", {"touchpoints": [entry]})

    async def work(self, most: int) -> int:
        """The worker decides what was handed over, the oldest first; how much that was."""
        async with self.shop.database.connection() as connection:
            rows = await connection.fetch(
                """SELECT d.delivery_id, d.topic, d.body, q.lane FROM inbox.queue q JOIN inbox.deliveries d
                    ON d.delivery_id = q.delivery_id AND d.store_id = q.store_id
                WHERE q.store_id = $1 ORDER BY q.delivery_id LIMIT $2""",
                self.shop.store_id,
                most,
            )
        for row in rows:
            fact = InternalFact.decode(row["topic"], open_body(self.shop.sealer, row["body"], self.shop.store_id))
            assert not await self.shop.decide([self.shop.item(fact=fact, lane=Lane(row["lane"]))])
            async with self.shop.database.connection() as connection:
                await connection.execute("DELETE FROM inbox.queue WHERE delivery_id = $1", row["delivery_id"])
        return len(rows)

    async def between(self, *, written: bool) -> None:
        """What happens before a step is written, or after it. An interruption before it takes it back."""
        while self.actions and (action := self.actions.pop(0)) != "go on":
            if action == "interrupt":
                self.interrupted = True
                raise Interrupted
            if not written:
                continue  # The step's transaction is open; others meet it later.
            match action:
                case "work":
                    await self.work(1)
                case "work all":
                    await self.work(1000)
                case "arrive":
                    await self.arrive()
                case "touch":
                    await self.touch()

    async def recalculate(self, model: str) -> Job:
        if self.way == "all":
            return await self.job({})
        if self.way == "diff at once":
            return await self.job({"model": model, "dry_run": False})
        compared = await self.job({"model": model, "dry_run": True})
        return await self.job({"diff_job": compared.job_id, "model": model})

    async def job(self, parameters: dict[str, Any]) -> Job:
        """Run to the end, attempt after attempt."""
        async with self.shop.database.transaction() as connection:
            job = await repository.add_job(
                connection,
                store_id=self.shop.store_id,
                kind="recalculate_attribution",
                parameters=parameters,
                requested_by="test",
            )
        for number in range(100):
            async with self.shop.database.transaction() as connection:
                await connection.execute("UPDATE portal.jobs SET lease_until = NULL WHERE job_id = $1", job.job_id)
                taken = await repository.claim_job(connection, f"portal {number}")
            assert taken is not None
            assert taken.job_id == job.job_id
            if await self._attempt(taken, f"portal {number}"):
                async with self.shop.database.connection() as connection:
                    return await repository.get_job(connection, job.job_id)
        raise AssertionError("the job does not end")

    async def _attempt(self, job: Job, owner: str) -> bool:
        progress = Steps(
            self.shop.database,
            job,
            owner,
            done=job.done,
            total=job.total,
            cursor=job.cursor,
            result=dict(job.result),
            between=self.between,
        )
        try:
            message = await recalculation_work(self.history)(job, progress)
        except Interrupted:
            async with self.shop.database.transaction() as connection:
                await repository.give_back(connection, job, owner)
            return False
        except NotYet:
            async with self.shop.database.transaction() as connection:
                await repository.give_back(connection, job, owner)
            assert await self.work(2), "who waits, waits for something"
            return False
        async with self.shop.database.transaction() as connection:
            await repository.finish_job(connection, job, owner, status="succeeded", message=message)
        return True


@dataclass(slots=True)
class Steps(Progress):
    """Progress during whose steps something happens."""

    between: Callable[..., Any] = lambda **_: None

    @asynccontextmanager
    async def step(self) -> AsyncIterator[Connection]:
        async with Progress.step(self) as connection:
            yield connection
            await self.between(written=False)
        await self.between(written=True)


def _buyer(number: int) -> dict[str, Any]:
    return {"email": f"u{number}@example.com", "customer_id": f"c{number}"}


async def decided(shop: Shop) -> dict[str, tuple[Any, ...]]:
    """What stands about every order."""
    names = ("verdict", "confidence", "campaign_id", "booked_revision", "booking_reversed", "attribution_revision")
    rows = await shop.rows("orders", store_id=shop.store_id)
    return {row["order_id"]: tuple(row[name] for name in names) for row in rows}


async def played(shop: Shop, script: Script, key: str) -> str:
    """Play it, and hold the end against what deciding everything then would say; how it went."""
    await shop.connect(key=key)
    await shop.register(products=["p1"])
    await rules(shop, attribution_model=script.models[0])
    way, (_, model) = script.way, script.models
    play = Play(shop, way, list(script.orders), list(script.actions))
    for _ in range(script.known):
        await play.arrive()
    await rules(shop, attribution_model=model)
    job = await play.recalculate(model)
    async with shop.database.connection() as connection:
        left = await open_work(connection, shop.store_id, Lane.BULK, ())
    assert not left.deliveries, "a job ends when everything is decided"
    while play.waiting:
        await play.arrive()
    while await play.work(1000):  # What late contacts reopen, or the orders that came since.
        pass
    assert job.result.get("behind", 0) == 0
    before = await decided(shop)
    calls = len(await shop.methods())
    if way == "all":
        await shop.fact("orders_reopened", {"order_ids": sorted(before)})
        assert await decided(shop) == before
        assert len(await shop.methods()) == calls, "and nothing is booked anew"
    else:
        again = await Play(shop, way, [], []).job({"model": model, "dry_run": True})
        assert again.result["changed"] == 0, again.result
    return f"{way}, {job.result['round']} rounds{', interrupted' if play.interrupted else ''}"


@pytest.fixture
async def shop(migrated_dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    async def run(_self: Computing, work: Callable[[Any], Any], given: Any, **_: Any) -> Any:
        return await asyncio.to_thread(work, given)  # Processes have tests of their own.

    monkeypatch.setattr(Computing, "run", run)
    monkeypatch.setattr(attribution, "PAGE", 2)
    monkeypatch.setattr(attribution, "CHUNK", 2)
    monkeypatch.setattr("kiki.portal.jobs.recalculation.HANDED", 2)
    monkeypatch.setattr(converging, "HANDED", 1)
    monkeypatch.setattr(converging, "_LOOKED_AT", 2)
    async with Database.open(migrated_dsn, application_name="test", max_size=6) as database:
        yield Shop(database, Sealer(Keyring({1: bytes(range(32))})))


@pytest.mark.slow
async def test_a_recalculation_in_parts_ends_where_deciding_all_at_the_end_does(shop: Shop) -> None:
    loop, seen = asyncio.get_running_loop(), iter(range(10_000))

    def play(script: Script) -> str:
        playing = played(shop, script, f"shop-{next(seen)}.example.com")
        return asyncio.run_coroutine_threadsafe(playing, loop).result()

    @settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
    @given(seed=st.integers(0, 2**64 - 1))
    def run(seed: int) -> None:
        event(play(Script.of(seed)))

    await asyncio.to_thread(run)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("followed", [True, False], ids=["by the worker", "by the job"])
async def test_an_order_decided_before_the_one_that_it_rests_on_is_decided_once_more(
    shop: Shop, way: str, followed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The buyer's second order comes first by its id, and the first one becomes ours only afterwards.

    The worker follows that by itself; the job looks for what was not followed, whyever.
    """
    if not followed:
        monkeypatch.setattr("kiki.orchestrator.workflows.reopening.first_changed", lambda *_: None)
    first = Told("09", 0, clicked=True, promoted=True, other=True)
    others = [Told(f"0{number}", 1, clicked=True, promoted=False, other=False) for number in range(2, 5)]
    second = Told("01", 0, clicked=False, promoted=False, other=False)
    script = Script([first, *others, second], 5, ("linear", "default"), way, [])
    assert await played(shop, script, "lamps.example.com") == f"{way}, {1 if followed else 2} rounds"
    row = await shop.row("orders", order_id="01")
    assert (row["verdict"], row["confidence"]) == ("incremental", 1)

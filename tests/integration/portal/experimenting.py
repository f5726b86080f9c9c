"""A shop that runs an experiment: portal, worker and a real SyncLedger over gRPC, and a clock that is moved by hand.

The simulated shop's buyers are dealt into arms and buy.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from integration.portal.mesh import running_council, running_worker
from integration.portal.running import KEY, SECRET, Portal, running_portal
from kiki.clients.council import CouncilClients
from kiki.clients.methods import AGENTS
from kiki.commerce.stores import NewStore, StoreRepository
from kiki.kit.clock import FixedClock
from kiki.kit.database import Database
from kiki.orchestrator.experiments.assignment import HOLDOUT, TREATED
from kiki.orchestrator.experiments.plans import read_plan
from kiki.orchestrator.inbox.maintenance import PARTITIONED, make_partitions
from kiki.rpc.v1 import syncledger_pb2 as ledger
from kiki.sandbox.catalogue import make_buyer, make_product
from kiki.sandbox.goods import Buyer, GivenBack, Line, Order, Visit
from kiki.sandbox.shop import Delivery
from kiki.sandbox.woocommerce import WooCommerceShop
from unit.orchestrator.experiments.evaluation import Outcome, evaluate

HEADERS = {"x-internal-api-key": KEY}
CONNECTED = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
BUYERS = 40
ID = "autumn"


def at(month: int, day: int) -> dt.datetime:
    return dt.datetime(2026, month, day, 12, tzinfo=dt.UTC)


@dataclass
class Rig:
    """A simulated shop connected to a running portal, and a clock that stands until it is moved."""

    portal: Portal
    clients: CouncilClients
    clock: FixedClock
    store_id: int
    shop: WooCommerceShop
    buyers: list[Buyer] = field(default_factory=list)
    keys: dict[int, str] = field(default_factory=dict)
    """Buyer → our key."""
    outcomes: list[Outcome] = field(default_factory=list)
    orders: int = 0

    async def go(self, moment: dt.datetime) -> None:
        self.clock.advance(moment - self.clock.now())

    async def send(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        answer = await self.portal.http.request(method, path, headers=HEADERS, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def post(self, what: str, body: object = None, status: int = 200) -> Any:
        return await self.send("POST", f"/internal/experiments/{self.store_id}/{ID}/{what}", body, status)

    async def deliver(self, deliveries: Iterable[Delivery]) -> None:
        for one in deliveries:
            path = f"/webhooks/{one.platform}/{one.topic}"
            answer = await self.portal.http.post(path, content=one.body, headers=dict(one.headers))
            assert answer.status_code == 200, answer.text

    async def settled(self) -> None:
        """Everything decided, and SyncLedger told."""
        query = (
            "SELECT (SELECT count(*) FROM inbox.queue) + (SELECT count(*) FROM inbox.parked)"
            " + (SELECT count(*) FROM calls.queue WHERE agent = 'syncledger')"
            " + (SELECT count(*) FROM calls.parked WHERE agent = 'syncledger') AS waiting"
        )
        async with asyncio.timeout(30):
            while (await self.portal.rows(query))[0]["waiting"]:
                await asyncio.sleep(0.03)
        assert not await self.portal.rows("SELECT method, reason FROM calls.dead WHERE agent = 'syncledger'")

    async def open_accounts(self, count: int) -> None:
        rng = random.Random(7)
        self.buyers = [make_buyer(rng, 100 + number, self.clock.now(), guest=False) for number in range(count)]
        for buyer in self.buyers:
            await self.deliver(self.shop.customer_created(buyer, self.clock.now()))
        await self.settled()
        rows = await self.portal.rows("SELECT customer_id, customer_key FROM commerce.customers")
        self.keys = {int(row["customer_id"]): row["customer_key"] for row in rows}
        assert len(self.keys) == count

    async def buy(self, buyer: Buyer, cents: int, *, refunded: int = 0, visit: Visit | None = None) -> None:
        """A paid order, placed now; of what is refunded the outcome loses its part."""
        self.orders += 1
        now = self.clock.now()
        product = make_product(random.Random(1), [1, 2], now, several=False, single_id=True, stock={1: 1_000})
        product.items[0].price_minor = cents
        order = Order(
            order_id=self.orders,
            number=self.orders,
            currency="EUR",
            buyer=buyer,
            lines=[Line(self.orders * 10, product, product.items[0], 1)],
            placed_at=now,
            updated_at=now,
            paid_at=now,
            visit=visit,
        )
        await self.deliver(self.shop.purchased(order, now))
        if refunded:
            refund = GivenBack(self.orders * 100, refunded, now)
            order.refunds.append(refund)
            order.updated_at = now + dt.timedelta(seconds=1)
            await self.deliver(self.shop.refunded(order, refund, now))
        key = self.keys.get(buyer.customer_id or 0, "")
        self.outcomes.append(Outcome(key, now, cents - refunded))

    async def statement(self, month: int) -> dict[str, Any]:
        path = f"/reports/oaas/monthly/{self.store_id}?year=2026&month={month}"
        found: dict[str, Any] = (await self.send("GET", path))["statement"]
        return found

    async def close(self, month: int) -> ledger.Statement:
        request = ledger.CloseMonthRequest(store_id=self.store_id, event_id=f"close-{month}", year=2026, month=month)
        answer = await self.clients.syncledger.call("CloseMonth", request, ledger.CloseMonthResponse)
        return answer.statement


@asynccontextmanager
async def running_rig(dsn: str) -> AsyncIterator[Rig]:
    clock = FixedClock(at(9, 2))
    async with (
        running_council(dsn, clock) as addresses,
        _with_partitions(dsn),
        running_worker(dsn, addresses, clock),
        running_portal(dsn, addresses=addresses, clock=clock) as portal,
        CouncilClients.open({**dict.fromkeys(AGENTS, "127.0.0.1:1"), **addresses}, api_key=KEY) as clients,
    ):
        new = NewStore(
            platform="woocommerce",
            store_key="autumn.example",
            display_name="Autumn",
            currency="EUR",
            timezone="Europe/Berlin",
            webhook_secret=SECRET,
            connected_at=CONNECTED,
        )
        async with portal.database.transaction() as connection:
            store, _ = await StoreRepository(portal.sealer).add(connection, new)
        shop = WooCommerceShop(url="https://autumn.example/", secret=SECRET, currency="EUR")
        yield Rig(portal, clients, clock, store.store_id, shop)


@asynccontextmanager
async def _with_partitions(dsn: str) -> AsyncIterator[None]:
    """The days to which the tests go, made before anything is delivered: a clock that jumps outruns the worker."""
    days = [dt.date(2026, 9, day) for day in range(2, 18)] + [dt.date(2026, 10, 10), dt.date(2026, 11, 10)]
    async with Database.open(dsn, application_name="test", max_size=1) as database:
        for table in PARTITIONED:
            await make_partitions(database, table, days)
    yield


def registration(**more: Any) -> dict[str, Any]:
    return {
        "experiment_id": ID,
        "holdout": "0.5",
        "starts_at": at(9, 1).isoformat(),
        "ends_at": at(9, 30).isoformat(),
        "window_days": 120,
        "minimum_effect": "5",
        "planned_users": BUYERS,
        "expected_mean": 20.0,
        "expected_deviation": 40.0,
        **more,
    }


async def register(rig: Rig, status: int = 201, **more: Any) -> Any:
    path = f"/internal/experiments/{rig.store_id}"
    return await rig.send("POST", path, registration(**more), status)


async def started(rig: Rig) -> tuple[list[Buyer], list[Buyer]]:
    """A running experiment whose buyers are dealt; (treated, held out), as many of each.

    The keys of customers are random, and the deal is a hash of them: of more accounts, those are dealt that fit.
    """
    await register(rig)
    await rig.post("start")
    await rig.open_accounts(3 * BUYERS)
    plan = (await rig.send("GET", f"/internal/experiments/{rig.store_id}/{ID}"))["plan"]
    split = read_plan(plan)[0].split()
    of: dict[str, list[Buyer]] = {TREATED: [], HOLDOUT: []}
    for buyer in rig.buyers:
        arm = of[split.assign(rig.keys[buyer.customer_id or 0]).arm]
        if len(arm) < BUYERS // 2:
            arm.append(buyer)
    rig.buyers = [*of[TREATED], *of[HOLDOUT]]
    rig.keys = {buyer.customer_id or 0: rig.keys[buyer.customer_id or 0] for buyer in rig.buyers}
    dealt = await rig.post("assign", {"kind": "customer", "subjects": list(rig.keys.values())})
    arms = {one["subject"]: one["arm"] for one in dealt["assignments"]}
    assert all(one["new"] for one in dealt["assignments"])
    assert {arm: [b for b in rig.buyers if arms[rig.keys[b.customer_id or 0]] == arm] for arm in of} == of
    assert [len(buyers) for buyers in of.values()] == [BUYERS // 2, BUYERS // 2], "both arms are filled"
    return of[TREATED], of[HOLDOUT]


async def bill_on_it(rig: Rig, rule: str = "experiment_estimate") -> None:
    body = {"fee_rate": "0.20", "rule": rule, "experiment_id": ID}
    answer = await rig.send("PUT", f"/internal/contracts/{rig.store_id}", body)
    assert (answer["contract"]["rule"], answer["contract"]["experiment_id"]) == (rule, ID)


def incremental(rig: Rig, plan: dict[str, Any], now: dt.datetime) -> int:
    """The estimate by the pure rules, from what the simulated shop sold."""
    registered, _ = read_plan(plan)
    logged = dict.fromkeys(rig.keys.values(), at(9, 2))
    return round(evaluate(registered, logged, rig.outcomes, now).effect.incremental)


def cents(money: dict[str, str]) -> int:
    return round(float(money["amount"]) * 100)


def cents_of(money: Any) -> int:
    return round(money.units * 100 + money.nanos / 10**7)

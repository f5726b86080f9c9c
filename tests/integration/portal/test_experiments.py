"""An experiment from its registration to a statement that bills on it: portal, worker and a real SyncLedger over gRPC.

The simulated shop's buyers are dealt into arms and buy; the clock is moved from month to month.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from integration.portal.mesh import running_council, running_worker
from integration.portal.running import KEY, SECRET, Portal, running_portal
from kiki.clients.council import CouncilClients
from kiki.clients.methods import AGENTS
from kiki.commerce.stores import NewStore, StoreRepository
from kiki.kit.clock import FixedClock
from kiki.kit.database import Database
from kiki.orchestrator.experiments.assignment import HOLDOUT, TREATED, holdout_split
from kiki.orchestrator.experiments.evaluation import evaluate
from kiki.orchestrator.experiments.exposure import ExposureLog, Outcome
from kiki.orchestrator.experiments.plans import default_salt, read_plan
from kiki.orchestrator.experiments.schedule import experiment_jobs
from kiki.orchestrator.inbox.maintenance import PARTITIONED, make_partitions
from kiki.rpc.v1 import syncledger_pb2 as ledger
from kiki.sandbox.catalogue import make_buyer, make_product
from kiki.sandbox.goods import Buyer, GivenBack, Line, Order
from kiki.sandbox.shop import Delivery
from kiki.sandbox.woocommerce import WooCommerceShop

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

    async def buy(self, buyer: Buyer, cents: int, *, refunded: int = 0) -> None:
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


@pytest.fixture
async def rig(council_dsn: str) -> AsyncIterator[Rig]:
    async with running_rig(council_dsn) as running:
        yield running


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
    log = ExposureLog(registered.split(), dt.timedelta(days=registered.window_days))
    for key in rig.keys.values():
        log.record(registered.split().assign(key), at(9, 2))
    return round(evaluate(registered, log, rig.outcomes, now).effect.incremental)


def cents(money: dict[str, str]) -> int:
    return round(float(money["amount"]) * 100)


async def test_a_statement_bills_what_the_experiment_shows_and_a_fall_is_made_good_first(rig: Rig) -> None:
    treated, held_out = await started(rig)
    await bill_on_it(rig)
    plan = (await rig.send("GET", f"/internal/experiments/{rig.store_id}/{ID}"))["plan"]

    await rig.go(at(9, 10))
    for buyer in treated[:10]:
        await rig.buy(buyer, 10_000)
    await rig.buy(held_out[0], 5_000)
    await rig.buy(treated[10], 8_000, refunded=4_000)
    await rig.settled()
    await rig.go(at(10, 2))
    assert (await rig.statement(9))["problem"] == "READING_MISSING"
    first = await rig.post("readings", {"month": "2026-09"})
    september = incremental(rig, plan, at(10, 1))
    assert cents(first["incremental_revenue"]["estimate"]) == september > 50_000
    await rig.settled()
    shown = await rig.statement(9)
    assert (shown["problem"], cents(shown["fee_revenue"])) == ("", september)
    assert cents(shown["experiment"]["target"]) == september
    assert cents(shown["fee"]) == (september + 2) // 5
    again = await rig.post("readings", {"month": "2026-09"})
    assert (again["new"], again["revision"]) == (False, 1)
    await rig.settled()
    frozen = await rig.close(9)
    assert cents_of(frozen.fee) == (september + 2) // 5
    assert frozen.experiment.users == BUYERS
    path = f"/reports/oaas/monthly/{rig.store_id}?year=2026&month=9&format="
    printed = await rig.portal.http.get(path + "pdf", headers=HEADERS)
    assert (printed.status_code, printed.content[:4]) == (200, b"%PDF"), printed.text
    figures = await rig.portal.http.get(path + "csv&part=figures", headers=HEADERS)
    assert f"experiment.billed_revenue.amount,{september / 100:.2f}" in figures.text

    await rig.go(at(10, 10))
    for buyer in held_out[:8]:
        await rig.buy(buyer, 9_000)
    await rig.settled()
    await rig.go(at(11, 2))
    await rig.post("readings", {"month": "2026-10"})
    await rig.settled()
    october = incremental(rig, plan, at(11, 1))
    assert october < september
    fallen = await rig.statement(10)
    assert (cents(fallen["fee"]), cents(fallen["experiment"]["carry"])) == (0, october - september)
    await rig.close(10)

    await rig.go(at(11, 10))
    for buyer in treated[:12]:
        await rig.buy(buyer, 11_000)
    await rig.settled()
    await rig.go(at(12, 2))
    await rig.post("readings", {"month": "2026-11"})
    await rig.settled()
    november = incremental(rig, plan, at(12, 1))
    risen = await rig.statement(11)
    assert cents(risen["experiment"]["carry_before"]) == october - september
    assert cents(risen["experiment"]["billed_revenue"]) == november - september > 0
    closed = await rig.close(11)
    assert cents_of(closed.experiment.billed_revenue) == november - september
    proof = await rig.clients.syncledger.call(
        "VerifyLedger", ledger.VerifyLedgerRequest(store_id=rig.store_id), ledger.VerifyLedgerResponse
    )
    assert proof.ok, proof.problems


async def test_a_contract_that_ends_gives_the_carry_back_on_its_statement(rig: Rig) -> None:
    treated, held_out = await started(rig)
    await bill_on_it(rig)
    await rig.go(at(9, 10))
    for buyer in treated[:10]:
        await rig.buy(buyer, 10_000)
    await rig.settled()
    await rig.go(at(10, 2))
    await rig.post("readings", {"month": "2026-09"})
    await rig.settled()
    september = await rig.close(9)
    await rig.go(at(10, 10))
    for buyer in held_out[:4]:
        await rig.buy(buyer, 9_000)
    await rig.settled()
    await rig.go(at(11, 2))
    await rig.post("readings", {"month": "2026-10"})
    await rig.settled()
    october = await rig.close(10)
    carried = cents_of(october.experiment.carry)
    assert carried < 0
    body = {"fee_rate": "0.20", "rule": "ended", "effective_from": "2026-11"}
    ended = await rig.send("PUT", f"/internal/contracts/{rig.store_id}", body)
    assert (ended["contract"]["rule"], ended["contract"]["experiment_id"]) == ("ended", "")
    await rig.go(at(12, 2))
    shown = await rig.statement(11)
    assert (shown["problem"], cents(shown["experiment_credit"]["credited_revenue"])) == ("", -carried)
    assert cents(shown["fee"]) == -cents(shown["experiment_credit"]["fee"]) < 0
    printed = await rig.portal.http.get(
        f"/reports/oaas/monthly/{rig.store_id}?year=2026&month=11&format=pdf", headers=HEADERS
    )
    assert (printed.status_code, printed.content[:4]) == (200, b"%PDF"), printed.text
    frozen = await rig.close(11)
    due = cents_of(september.fee) + cents_of(october.fee) + cents_of(frozen.fee)
    assert due == pytest.approx(cents_of(october.experiment.estimate) * 0.2, abs=1)
    proof = await rig.clients.syncledger.call(
        "VerifyLedger", ledger.VerifyLedgerRequest(store_id=rig.store_id), ledger.VerifyLedgerResponse
    )
    assert proof.ok, proof.problems


def cents_of(money: Any) -> int:
    return round(money.units * 100 + money.nanos / 10**7)


async def test_a_plan_is_frozen_by_the_start(rig: Rig) -> None:
    first = await register(rig, starts_at=at(9, 3).isoformat())
    assert first["power"]["enough"] is False
    assert first["power"]["minimum_effect"] > 5
    changed = await register(rig, starts_at=at(9, 3).isoformat(), window_days=60)
    assert (changed["plan"]["window_days"], changed["digest"] == first["digest"]) == (60, False)
    await rig.post("start")
    refused = await register(rig, 409, starts_at=at(9, 3).isoformat(), window_days=90)
    assert refused["reason"] == "REGISTRATION_FROZEN"
    same = await register(rig, starts_at=at(9, 3).isoformat(), window_days=60)
    assert (same["digest"], same["status"]) == (changed["digest"], "running")
    early = await rig.post("assign", {"subjects": ["a-visitor"]}, 409)
    assert early["reason"] == "NOT_ASSIGNING"
    await rig.go(at(9, 4))
    await rig.post("assign", {"subjects": ["a-visitor"]})
    await rig.post("readings")
    assert (await rig.post("cancel", status=409))["reason"] == "ALREADY_READ"
    assert (await rig.post("end"))["status"] == "ended"
    assert (await rig.post("assign", {"subjects": ["another"]}, 409))["reason"] == "NOT_ASSIGNING"
    known = (await rig.post("assign", {"subjects": ["a-visitor"]}))["assignments"][0]
    assert known["new"] is False
    audited = await rig.portal.rows("SELECT count(*) AS n FROM calls.queue WHERE subject = $1", f"experiment:{ID}")
    parked = await rig.portal.rows("SELECT count(*) AS n FROM calls.parked WHERE subject = $1", f"experiment:{ID}")
    assert audited[0]["n"] + parked[0]["n"] >= 5


async def test_an_assignment_is_logged_once_and_never_moved(rig: Rig) -> None:
    await register(rig)
    await rig.post("start")
    visitors = [f"visitor-{number}" for number in range(50)]
    first = (await rig.post("assign", {"subjects": visitors}))["assignments"]
    await rig.go(at(9, 5))
    second = (await rig.post("assign", {"subjects": [*visitors, "late"]}))["assignments"]
    assert [(one["arm"], one["logged_at"], one["new"]) for one in second[:-1]] == [
        (one["arm"], one["logged_at"], False) for one in first
    ]
    assert second[-1]["new"] is True
    split = holdout_split(default_salt(rig.store_id, ID), 500_000)
    assert [one["arm"] for one in first] == [split.assign(visitor).arm for visitor in visitors]
    kept = await rig.portal.rows("SELECT subject FROM experiments.assignments")
    assert not {row["subject"] for row in kept} & {*visitors, "late"}, "a visitor is kept as a blind index"
    async with rig.portal.database.connection() as connection:
        for change in ("UPDATE experiments.assignments SET arm = 'treated'", "DELETE FROM experiments.readings"):
            with pytest.raises(Exception, match="what was logged stays"):
                await connection.execute(change)


async def test_an_order_before_the_assignment_does_not_count(rig: Rig) -> None:
    await register(rig)
    await rig.post("start")
    await rig.open_accounts(BUYERS)
    early, *others = rig.buyers
    await rig.buy(early, 9_900)
    await rig.settled()
    await rig.go(at(9, 4))
    await rig.post("assign", {"kind": "customer", "subjects": list(rig.keys.values())})
    await rig.go(at(9, 5))
    await rig.buy(others[0], 5_000)
    await rig.settled()
    await rig.go(at(9, 6))
    found = await rig.send("GET", f"/internal/experiments/{rig.store_id}/{ID}/reading")
    assert sum(arm["orders"] for arm in found["arms"].values()) == 1
    assert found["not_counted"]["before_assignment"] == 1
    assert found["same_before"] is not None
    assert (found["is_final"], found["interval_kind"]) == (False, "always_valid")
    assert found["net_revenue_per_user"]["p_value"] is None


async def test_a_visitor_who_turns_out_to_be_a_buyer_counts(rig: Rig) -> None:
    """The visitor id on an order leads to the person; two ids of one person are one subject."""
    await register(rig)
    await rig.post("start")
    visitors = [f"{number:032x}" for number in range(12)]
    await rig.post("assign", {"subjects": visitors})
    await rig.go(at(9, 5))
    buyer = make_buyer(random.Random(3), 900, rig.clock.now(), guest=False)
    await rig.buy(buyer, 7_000)
    await rig.settled()
    rows = await rig.portal.rows("SELECT customer_key FROM commerce.customers")
    async with rig.portal.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO commerce.identities (store_id, kind, value, customer_key) SELECT store_id, 4,"
            " decode(subject, 'hex'), $1 FROM experiments.assignments ORDER BY subject LIMIT 2",
            rows[0]["customer_key"],
        )
    await rig.go(at(9, 6))
    found = await rig.send("GET", f"/internal/experiments/{rig.store_id}/{ID}/reading")
    arms = found["arms"].values()
    assert sum(arm["users"] for arm in arms) == 11
    assert sum(arm["buyers"] for arm in arms) == 1


async def test_the_worker_records_every_month_that_is_over_once(rig: Rig) -> None:
    treated, _ = await started(rig)
    await rig.go(at(9, 10))
    for buyer in treated[:2]:  # so few that their lower bound is under zero, however the buyers were dealt
        await rig.buy(buyer, 4_000)
    await rig.settled()
    await rig.go(at(11, 3))
    await bill_on_it(rig, "experiment_lower_bound")
    job, _ = experiment_jobs(sealer=rig.portal.sealer, clock=rig.clock)
    for _ in range(2):
        await job.run(_Unguarded(rig.portal))
    shown = await rig.send("GET", f"/internal/experiments/{rig.store_id}/{ID}")
    assert [(row["month"], row["revision"], row["told"]) for row in shown["readings"]] == [
        ("2026-10", 1, True),
        ("2026-09", 1, True),
    ]
    await rig.settled()
    statement = await rig.statement(9)
    assert statement["problem"] == ""
    bill = statement["experiment"]
    assert cents(bill["target"]) == cents(bill["lower_bound"]) == cents(bill["carry"]) < 0
    assert cents(statement["fee"]) == 0


class _Unguarded:
    """The job's way to the database, without a lease."""

    def __init__(self, portal: Portal) -> None:
        self.database = portal.database

    async def lock(self, connection: Any) -> None:
        """Nobody else runs it."""


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"rule": "experiment_estimate"}, 404, "UNKNOWN_EXPERIMENT"),
        ({"rule": "experiment_estimate", "experiment_id": ID}, 409, "NOT_BILLABLE"),
        ({"rule": "attributed", "experiment_id": ID}, 422, "EXPERIMENT_MISMATCH"),
    ],
    ids=["none named", "on another metric", "rule without one"],
)
async def test_a_contract_names_an_experiment_that_it_can_bill_on(
    rig: Rig, body: dict[str, Any], status: int, reason: str
) -> None:
    await register(rig, metric="order_rate", minimum_effect="0.1", expected_mean=None, expected_deviation=None)
    path = f"/internal/contracts/{rig.store_id}"
    assert (await rig.send("PUT", path, {"fee_rate": "0.2", **body}, status))["reason"] == reason


async def test_the_shops_rules_carry_the_experiment_into_the_contract(rig: Rig) -> None:
    await register(rig)
    path = f"/internal/stores/{rig.store_id}/settings"
    await rig.send("PATCH", path, {"rule": "experiment_lower_bound", "experiment_id": ID})
    await rig.settled()
    shown = await rig.send("GET", f"/internal/contracts/{rig.store_id}")
    assert [(one["rule"], one["experiment_id"]) for one in shown["versions"]] == [("experiment_lower_bound", ID)]
    await rig.go(at(9, 3))
    await rig.send("PATCH", path, {"rule": "attributed"})
    await rig.settled()
    shown = await rig.send("GET", f"/internal/contracts/{rig.store_id}")
    assert [(one["rule"], one["experiment_id"]) for one in shown["versions"]][-1] == ("attributed", "")

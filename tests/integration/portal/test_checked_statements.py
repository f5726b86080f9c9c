"""The program of docs/statement.md recomputes real statements to the minor unit, and finds what was changed in them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.type.money_pb2 import Money

from integration.portal.experimenting import Rig, at
from integration.portal.mesh import running_council
from integration.portal.running import KEY, Portal, running_portal
from kiki.clients.council import AgentClient, CouncilClients
from kiki.clients.methods import AGENTS
from kiki.council.syncledger import corrections, statements_convert
from kiki.council.syncledger.domain import Rule, Terms
from kiki.council.syncledger.fees import Stated
from kiki.kit.clock import FixedClock
from kiki.kit.grpc.money import minor_to_proto
from kiki.kit.grpc.times import time_to_proto
from kiki.portal.facts import add_fact
from kiki.rpc.v1 import syncledger_pb2 as pb
from kiki.sandbox.goods import Visit

pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).parents[3] / "docs" / "statement.md"
GUARD = {"x-internal-api-key": KEY}
NOW = dt.datetime(2026, 12, 4, 12, tzinfo=dt.UTC)
CONNECTED = dt.datetime(2026, 9, 10, 7, 30, tzinfo=dt.UTC)
ENDS = {
    9: dt.datetime(2026, 9, 30, 22, tzinfo=dt.UTC),
    10: dt.datetime(2026, 10, 31, 23, tzinfo=dt.UTC),
    11: dt.datetime(2026, 11, 30, 23, tzinfo=dt.UTC),
}
Table = list[dict[str, str]]


def paid_in(month: int) -> dt.datetime:
    return dt.datetime(2026, month, 20, 12, tzinfo=dt.UTC)


def checked(program: Path, table: Table, report: dict[str, Any] | None = None) -> tuple[int, str]:
    """Runs the program as a stranger would; its exit code and what it says."""
    folder = program.parent
    with (folder / "statement.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, table[0])
        writer.writeheader()
        writer.writerows(table)
    files = ["statement.csv"]
    if report is not None:
        (folder / "statement.json").write_text(json.dumps(report))
        files.append("statement.json")
    command = [sys.executable, "-I", program.name, *files]
    done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@dataclass
class Shop:
    """A connected shop: its portal and its books."""

    portal: Portal
    ledger: AgentClient
    store_id: int
    program: Path
    told: int = 0

    async def tell(self, method: str, request: Any) -> Any:
        self.told += 1
        request.store_id, request.event_id = self.store_id, f"event-{self.told}"
        return await self.ledger.call(method, request, getattr(pb, f"{method}Response"))

    async def contract(self, rate: str, currency: str = "EUR", **terms: Any) -> None:
        terms = {"fee_rate": rate, "settlement_currency": currency, "time_zone": "Europe/Berlin", **terms}
        contract = pb.Contract(connected_at=time_to_proto(CONNECTED), **terms)
        await self.tell("PutContract", pb.PutContractRequest(contract=contract))

    async def order(
        self, name: str, charged: int, net: int, month: int = 9, currency: str = "EUR", seq: int = 1, **more: Any
    ) -> None:
        at = time_to_proto(paid_in(month))
        request = pb.RecordIncrementalRevenueRequest(
            decision_seq=seq,
            order_id=name,
            order_amount=minor_to_proto(charged, currency),
            net_sales=minor_to_proto(net, currency),
            confidence=0.8,
            campaign_id="autumn",
            touchpoints=[
                pb.Touchpoint(touchpoint_id="1", signal="click", weight=0.5),
                pb.Touchpoint(touchpoint_id="2", signal="click", weight=0.5),
                pb.Touchpoint(signal="promoted", weight=0.3),
            ],
            model="default",
            ordered_at=at,
            paid_at=at,
            **more,
        )
        await self.tell("RecordIncrementalRevenue", request)

    async def refund(
        self, name: str, number: str, minor: int, currency: str = "EUR", *, cancelled: bool = False
    ) -> None:
        kind = pb.REFUND_KIND_CANCELLATION if cancelled else pb.REFUND_KIND_REFUND
        amount = minor_to_proto(minor, currency)
        at = time_to_proto(paid_in(11))
        request = pb.RecordRefundRequest(order_id=name, refund_id=number, amount=amount, refunded_at=at, kind=kind)
        await self.tell("RecordRefund", request)

    async def close(self, month: int, revenue: Money | None = None) -> pb.Statement:
        figures = None if revenue is None else pb.RevenueFigures(current_revenue=revenue)
        return (await self.tell("CloseMonth", pb.CloseMonthRequest(year=2026, month=month, figures=figures))).statement

    async def read(self, month: int, estimate: int, bound: int, *, final: bool = False) -> None:
        request = pb.RecordExperimentReadingRequest(
            experiment_id="autumn",
            month=pb.BillingMonth(year=2026, month=month),
            revision=1,
            estimate=minor_to_proto(estimate, "EUR"),
            lower_bound=minor_to_proto(bound, "EUR"),
            started_at=time_to_proto(CONNECTED + dt.timedelta(days=1)),
            as_of=time_to_proto(ENDS[month]),
            users=1_000,
            plan_digest="ab" * 32,
            final=final,
        )
        await self.tell("RecordExperimentReading", request)

    async def statement(self, month: int) -> tuple[Table, dict[str, Any]]:
        """The lines with the last row, and the report, as the portal tells them."""
        path = f"/reports/oaas/monthly/{self.store_id}?year=2026&month={month}&format="
        table, report = [await self.portal.http.get(path + form, headers=GUARD) for form in ("csv", "json")]
        assert (table.status_code, report.status_code) == (200, 200), report.text
        return list(csv.DictReader(io.StringIO(table.text, newline=""))), report.json()

    def check(self, table: Table, report: dict[str, Any] | None = None) -> tuple[int, str]:
        return checked(self.program, table, report)

    async def adds_up(self, month: int) -> tuple[Table, dict[str, Any]]:
        table, report = await self.statement(month)
        said = f"everything adds up: {len(table) - 1} lines, 0 without what they come from\n"
        assert self.check(table, report) == (0, said)
        assert self.check(table) == (0, said)
        return table, report


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """As a reader saves it."""
    (found,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(found.splitlines()) <= 100
    saved = tmp_path / "check_statement.py"
    saved.write_text(found)
    return saved


@pytest.fixture
async def shop(migrated_dsn: str, program: Path) -> AsyncIterator[Shop]:
    clock = FixedClock(NOW)
    async with AsyncExitStack() as stack:
        addresses = await stack.enter_async_context(running_council(migrated_dsn, clock))
        portal = await stack.enter_async_context(running_portal(migrated_dsn, addresses=addresses, clock=clock))
        named = {**dict.fromkeys(AGENTS, "127.0.0.1:1"), **addresses}
        clients = await stack.enter_async_context(CouncilClients.open(named, api_key=KEY))
        store = await portal.add_store()
        yield Shop(portal, clients.syncledger, store.store_id, program)


async def trade(shop: Shop) -> None:
    """A September of everything: odd cents, parts, refunds, another currency, a decision that changed."""
    await shop.order("whole", 11_903, 10_003)
    await shop.order("part", 5_001, 4_203, incremental_share="0.333")
    await shop.order("thirds", 10_000, 8_403)
    for number in "abc":
        await shop.refund("thirds", number, 3_333)
    await shop.order("yen", 10_007, 9_001, currency="JPY", exchange_rate="0.0061")
    await shop.refund("yen", "a", 5_000, "JPY")
    await shop.order("anew", 7_777, 6_543)
    await shop.refund("anew", "a", 1_234)
    await shop.order("anew", 7_777, 6_543, seq=2, incremental_share="0.5")
    await shop.order("gone", 2_999, 2_521)
    await shop.refund("gone", "all", 0, cancelled=True)
    await shop.order("later", 4_711, 4_001)


async def correct(shop: Shop) -> None:
    """An October with its own orders, and corrections of September."""
    await shop.order("own", 3_333, 2_801, month=10)
    await shop.refund("later", "a", 1_111)
    await shop.refund("later", "b", 2_222)
    await shop.refund("yen", "b", 1_001, "JPY")
    await shop.order("late", 1_999, 1_681)
    await shop.refund("late", "a", 500)


async def test_a_month_of_orders_and_the_corrections_after_it_add_up(shop: Shop) -> None:
    await shop.contract("0.175")
    await trade(shop)
    await shop.adds_up(9)
    frozen = await shop.close(9)
    table, _ = await shop.adds_up(9)
    assert {row["kind"] for row in table} == {"revenue", "refund", "reversal", "statement"}
    assert frozen.true_up.nanos, "the cents that lines round away"
    await correct(shop)
    table, report = await shop.adds_up(10)
    assert {row["corrects"] for row in table} == {"", "2026-09"}
    assert [each["month"] for each in report["statement"]["corrections"]] == [{"year": 2026, "month": 9}]
    await shop.close(10)
    await shop.adds_up(10)


@pytest.mark.slow
async def test_every_changed_cent_and_every_missing_line_is_found(shop: Shop) -> None:
    await shop.contract("0.175")
    await trade(shop)
    await shop.close(9)
    await correct(shop)
    table, report = await shop.adds_up(10)
    lines = len(table) - 1
    for place in range(lines):
        changed = [dict(row) for row in table]
        changed[place]["fee"] = f"{float(table[place]['fee']) + 0.01:.2f}"
        code, said = shop.check(changed)
        assert code == 1
        assert said.startswith(f"order {table[place]['order_id']}, entry {table[place]['entry_id']}: fee is "), said
        code, said = shop.check([row for row in table if row is not table[place]])
        assert (code, ", recomputed " in said) == (1, True), said
    for column in ("fee", "incremental_revenue"):
        changed = [*table[:-1], table[-1] | {column: "999.99"}]
        assert shop.check(changed, report)[1].startswith(f"statement: {column} is 999.99, recomputed ")
    for figure in ("fee", "fee_revenue", "accrued_fee", "true_up", "corrected_revenue"):
        told = {**report, "statement": {**report["statement"], figure: {"amount": "7.77", "currency": "EUR"}}}
        assert shop.check(table, told)[0] == 1, figure


async def test_a_currency_without_decimals_adds_up(shop: Shop) -> None:
    await shop.contract("0.175", "JPY", basis=pb.FEE_BASIS_TOTAL)
    await shop.order("whole", 11_903, 10_003, currency="JPY")
    await shop.order("part", 5_001, 4_203, currency="JPY", incremental_share="0.333")
    await shop.order("euros", 10_050, 9_001, exchange_rate="163.93")
    await shop.refund("whole", "a", 5_951, "JPY")
    await shop.refund("euros", "a", 3_350)
    table, _ = await shop.adds_up(9)
    assert table[-1]["fee"].isdigit()
    await shop.close(9)
    await shop.refund("part", "a", 1_667, "JPY")
    await shop.adds_up(10)


@pytest.mark.parametrize("rule", [pb.FEE_RULE_UPLIFT, pb.FEE_RULE_LESSER_OF, pb.FEE_RULE_ENDED])
async def test_the_rules_that_compare_and_the_one_that_bills_nothing_add_up(shop: Shop, rule: pb.FeeRule) -> None:
    euros = {"revenue": minor_to_proto(400_000, "EUR"), "monthly_average": minor_to_proto(33_333, "EUR")}
    await shop.contract("0.2", rule=rule, baseline=pb.BaselineFigures(**euros, months_available=12))
    await trade(shop)
    september = await shop.close(9, minor_to_proto(42_001, "EUR"))
    assert september.whole_baseline_revenue.units == 333
    _, report = await shop.adds_up(9)
    figures = report["statement"]
    assert (figures["growth_percent"] is not None) == (figures["baseline_revenue"] is not None)
    await correct(shop)
    _, report = await shop.adds_up(10)
    assert report["statement"]["current_revenue"]["amount"] == "0.00"
    await shop.close(10, minor_to_proto(50_000, "EUR"))
    await shop.adds_up(10)
    await shop.order("found", 90_007, 80_003)
    _, report = await shop.adds_up(11)
    (found,) = report["statement"]["corrections"]
    assert found["revenue"]["amount"] == "800.03"
    assert float(found["counted_after"]["amount"]) <= 420.01, "no more than the shop is known to have taken"


def risen(terms: Terms, revenue: int, _: int, stated: Stated | None) -> int:
    """What a closed month counted before formats had numbers: its current revenue rose with its orders too."""
    if stated is None or stated.current is None or stated.baseline is None:
        return revenue
    uplift = max(0, stated.current + revenue - stated.revenue - stated.baseline)
    return uplift if terms.rule is Rule.UPLIFT else min(revenue, uplift)


@pytest.mark.parametrize("rule", [pb.FEE_RULE_UPLIFT, pb.FEE_RULE_LESSER_OF])
async def test_a_month_is_checked_by_the_format_that_it_was_frozen_with(
    shop: Shop, rule: pb.FeeRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    euros = {"revenue": minor_to_proto(400_000, "EUR"), "monthly_average": minor_to_proto(1_000, "EUR")}
    await shop.contract("0.2", rule=rule, baseline=pb.BaselineFigures(**euros, months_available=12))
    await shop.order("whole", 11_903, 10_003)
    await shop.close(9, minor_to_proto(5_001, "EUR"))
    _, report = await shop.adds_up(9)
    assert (report["statement"]["format"], report["statement"]["number"]) == (1, 1)
    await shop.order("found", 90_007, 80_003)
    with monkeypatch.context() as before:
        before.setattr(corrections, "_counted", risen)
        before.setattr(statements_convert, "FORMAT", 0)
        await shop.close(10, minor_to_proto(50_000, "EUR"))
    table, report = await shop.adds_up(10)
    (found,) = report["statement"]["corrections"]
    assert (report["statement"]["format"], found["counted_after"]["amount"]) == (0, "843.17"), "it rose by all of it"
    renumbered = {**report, "statement": {**report["statement"], "format": 1}}
    assert shop.check(table, renumbered) == (1, "statement: 2026-09 is 843.17, recomputed 43.14\n")
    del report["statement"]["format"]
    assert shop.check(table, report)[0] == 0, "a file from before the field"
    report["statement"]["corrections"] = []
    assert shop.check(table, report)[0] == 0, "the oldest do not say what they correct"
    newer = {**report, "statement": {**report["statement"], "format": 2}}
    assert shop.check(table, newer)[1].startswith("the statement has the format 2: ")
    await shop.refund("found", "a", 9_000)
    _, report = await shop.adds_up(11)
    assert (report["statement"]["format"], report["statement"]["number"]) == (1, 3)
    (found,) = report["statement"]["corrections"]
    assert (found["counted_before"]["amount"], found["counted_after"]["amount"]) == ("843.17", "43.14"), "given back"


EXAMPLE = re.findall(
    r"^\| `(\w+)` \| (-?\d+\.\d\d) \| (-?\d+\.\d\d) \| (-?\d+\.\d\d) \|$", DOCUMENT.read_text(), re.MULTILINE
)


@pytest.mark.parametrize(("rule", "fees"), [(row[0], row[1:]) for row in EXAMPLE], ids=[row[0] for row in EXAMPLE])
async def test_the_documents_example_of_what_is_found_late(shop: Shop, rule: str, fees: tuple[str, ...]) -> None:
    euros = {"revenue": minor_to_proto(1_200_000, "EUR"), "monthly_average": minor_to_proto(100_000, "EUR")}
    number = pb.FeeRule.Value(f"FEE_RULE_{rule.upper()}")
    await shop.contract("0.2", rule=number, baseline=pb.BaselineFigures(**euros, months_available=12))
    await shop.close(9, minor_to_proto(0, "EUR"))
    await shop.order("known", 50_000, 50_000, month=10)
    await shop.close(10, minor_to_proto(180_000, "EUR"))
    await shop.order("found", 40_000, 40_000, month=10)
    await shop.close(11, minor_to_proto(0, "EUR"))
    await shop.refund("known", "a", 10_000)
    reports = [(await shop.adds_up(month))[1]["statement"] for month in (10, 11, 12)]
    assert tuple(report["fee"]["amount"] for report in reports) == fees


def test_the_document_has_an_example_of_each_rule() -> None:
    assert [row[0] for row in EXAMPLE] == ["attributed", "uplift", "lesser_of"]


@pytest.mark.slow
@pytest.mark.parametrize("rule", [pb.FEE_RULE_EXPERIMENT_ESTIMATE, pb.FEE_RULE_EXPERIMENT_LOWER_BOUND])
async def test_an_experiment_and_what_it_gives_back_add_up(shop: Shop, rule: pb.FeeRule) -> None:
    await shop.contract("0.2", rule=rule, experiment_id="autumn")
    await trade(shop)
    await shop.adds_up(9)
    await shop.read(9, 40_003, 30_001)
    await shop.close(9)
    await shop.adds_up(9)
    await correct(shop)
    await shop.read(10, 20_001, 15_002)
    october = await shop.close(10)
    assert october.experiment.carry.units < 0
    _, report = await shop.adds_up(10)
    assert report["statement"]["corrections"][0]["fee"] is None, "left to the reading"
    await shop.contract("0.2", rule=pb.FEE_RULE_ENDED, effective_from=pb.BillingMonth(year=2026, month=11))
    _, report = await shop.adds_up(11)
    assert float(report["statement"]["experiment_credit"]["credited_revenue"]["amount"]) > 0
    await shop.refund("own", "late", 1_111)
    _, report = await shop.adds_up(11)
    (late,) = report["statement"]["experiment_refunds"]
    assert float(late["credited_revenue"]["amount"]) > 0
    changed = {**report["statement"], "experiment_credit": None}
    assert shop.check((await shop.statement(11))[0], {**report, "statement": changed})[0] == 1


async def test_a_version_in_the_running_month_shows_both_rates(shop: Shop) -> None:
    await shop.contract("0.2")
    await shop.order("before", 11_903, 10_003)
    await shop.contract("0.1", effective_from=pb.BillingMonth(year=2026, month=9))
    await shop.order("after", 11_903, 10_003)
    table, report = await shop.adds_up(9)
    assert [row["fee_rate"] for row in table] == ["0.20", "0.10", "0.10"]
    assert {row["paid_at"] for row in table} == {"2026-09-20T14:00:00+02:00", ""}, "by the clock of the store"
    assert (report["orders"][0]["paid_at"], report["time_zone"]) == ("2026-09-20T12:00:00Z", "Europe/Berlin")
    assert report["statement"]["true_up"]["amount"].startswith("-")


async def test_lines_from_before_their_sources_were_kept_are_counted_and_still_sum_up(shop: Shop) -> None:
    await shop.contract("0.175")
    await trade(shop)
    async with shop.portal.database.transaction() as connection:
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "UPDATE syncledger.transactions SET fee_rate_ppm = NULL, counted_minor = NULL, returned_minor = NULL"
        )
    table, report = await shop.statement(9)
    bare = sum(row["kind"] in ("revenue", "refund") for row in table)
    assert shop.check(table, report) == (
        0,
        f"everything adds up: {len(table) - 1} lines, {bare} without what they come from\n",
    )


def confidence(line: dict[str, Any]) -> float:
    """By the document: different signals' weights, once each."""
    weights = {touch["signal"]: touch["weight"] for touch in line["touchpoints"]}
    return min(1.0, round(sum(weights.values()), 3))


async def test_what_webhooks_tell_ends_in_a_statement_that_adds_up(rig: Rig, program: Path) -> None:
    """Orders of a simulated shop, decided by the worker by the default model."""
    await rig.send("PUT", f"/internal/contracts/{rig.store_id}", {"fee_rate": "0.175"})
    campaign = {
        "campaign_id": "autumn",
        "network": "meta",
        "name": "Autumn",
        "utm_campaign": "autumn",
        "utm_id": "",
        "status": "active",
        "ended": False,
        "promotions": [{"product_id": "1", "from_at": None, "to_at": None}],
    }
    told = {"store_id": rig.store_id, "kind": "campaigns_changed", "body": {"campaigns": [campaign]}}
    async with rig.portal.database.transaction() as connection:
        await add_fact(connection, rig.portal.sealer, now=rig.clock.now(), **told)
    await rig.open_accounts(3)
    await rig.go(at(9, 10))
    came = Visit("/", utm_source="meta", utm_medium="cpc", utm_campaign="autumn")
    for buyer, cents, refunded in zip(
        rig.buyers * 2, [10_003, 4_711, 2_999, 8_765, 4_321, 1], [0, 1_111, 2_999, 1, 0, 0], strict=True
    ):
        await rig.buy(buyer, cents, refunded=refunded, visit=came)
    await rig.settled()
    await rig.go(at(10, 2))
    path = f"/reports/oaas/monthly/{rig.store_id}?year=2026&month=9&format="
    for closed in (False, True):
        table, report = [await rig.portal.http.get(path + form, headers=GUARD) for form in ("csv", "json")]
        rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
        assert checked(program, rows, report.json())[1].startswith(f"everything adds up: {len(rows) - 1} lines, 0 ")
        assert report.json()["statement"]["closed"] == closed
        if not closed:
            await rig.close(9)
    lines = report.json()["orders"]
    assert len(lines) == len(rows) - 1 > 6, "bookings, and refunds of some"
    assert {line["model"] for line in lines} == {"default"}
    assert [line["confidence"] for line in lines] == [confidence(line) for line in lines]

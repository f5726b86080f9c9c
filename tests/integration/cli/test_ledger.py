"""`kiki ledger verify` against a running portal and a real SyncLedger: books that add up, and altered ones."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from integration.cli.connected import connect_autumn
from integration.council.syncledger.test_ledger import refund, revenue
from integration.portal.mesh import running_council
from integration.portal.running import KEY, Portal, running_portal
from integration.portal.test_audited import noted
from kiki.cli import exits
from kiki.cli.main import run
from kiki.clients.council import AgentClient, CouncilClients
from kiki.clients.methods import AGENTS
from kiki.kit.clock import FixedClock
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import syncledger_pb2 as pb

pytestmark = pytest.mark.slow

NOW = dt.datetime(2026, 10, 20, 12, tzinfo=dt.UTC)
IN_SEPTEMBER = time_to_proto(dt.datetime(2026, 9, 20, 12, tzinfo=dt.UTC))
_ENTRY_OF_A = "(SELECT transaction_id FROM syncledger.transactions WHERE order_id = 'A' AND kind = 1)"
SMALLER_FEE = f"UPDATE syncledger.postings SET amount_minor = -1 WHERE account = 4 AND transaction_id = {_ENTRY_OF_A}"
DOUBLED = f"UPDATE syncledger.postings SET amount_minor = 2 * amount_minor WHERE transaction_id = {_ENTRY_OF_A}"
SMALLER_ENTRY = "UPDATE syncledger.transactions SET fee_minor = 1, revenue_minor = 5 WHERE order_id = 'A' AND kind = 1"
KEPT_BALANCE = "UPDATE syncledger.balances SET amount_minor = 0 WHERE account = 5"
REMOVED = f"""
WITH sides AS (DELETE FROM syncledger.postings WHERE transaction_id = {_ENTRY_OF_A})
DELETE FROM syncledger.transactions WHERE transaction_id = {_ENTRY_OF_A}
"""
NO_REFUND = "DELETE FROM syncledger.refunds WHERE order_id = 'B'"
OTHER_STATEMENT = "UPDATE syncledger.statements SET body = body || '\\x00'::bytea"
NO_STATEMENT = "DELETE FROM syncledger.statements"


@pytest.fixture
async def portal(council_dsn: str, commands_ask: Callable[[Portal], None]) -> AsyncIterator[Portal]:
    """Store 1 has two orders of a closed September, half of the second refunded, and one of October."""
    clock = FixedClock(NOW)
    async with (
        running_council(council_dsn, clock) as addresses,
        running_portal(council_dsn, addresses=addresses, clock=clock) as running,
        CouncilClients.open({**dict.fromkeys(AGENTS, "127.0.0.1:1"), **addresses}, api_key=KEY) as clients,
    ):
        commands_ask(running)
        await connect_autumn(running)
        await _book(clients.syncledger)
        yield running


async def _book(ledger: AgentClient) -> None:
    in_september = {"ordered_at": IN_SEPTEMBER, "paid_at": IN_SEPTEMBER}
    for request in (
        revenue("A", "e1", **in_september),
        revenue("B", "e2", **in_september),
        revenue("C", "e3"),
    ):
        await ledger.call("RecordIncrementalRevenue", request, pb.RecordIncrementalRevenueResponse)
    await ledger.call("RecordRefund", refund("B", "r1", "e4", refunded_at=IN_SEPTEMBER), pb.RecordRefundResponse)
    month = pb.CloseMonthRequest(store_id=1, year=2026, month=9, event_id="m9")
    await ledger.call("CloseMonth", month, pb.CloseMonthResponse)


async def kiki(capsys: pytest.CaptureFixture[str], line: str, code: int = exits.OK) -> tuple[str, str]:
    """Run a command beside the portal's loop; what it printed on each stream."""
    capsys.readouterr()
    assert await asyncio.to_thread(run, line.split()) == code, capsys.readouterr()
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return printed.out, printed.err


async def altered(dsn: str, statement: str) -> None:
    """As who owns the server can: no trigger looks on."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("SET session_replication_role = replica")
    assert not (await connection.execute(statement)).endswith(" 0")
    await connection.close()


async def test_books_that_add_up_are_proved_for_people_and_for_programs(
    portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    shown, _ = await kiki(capsys, "ledger verify 1")
    assert "Store 1: the books add up; " in shown
    found = json.loads((await kiki(capsys, "ledger verify 1 --json"))[0])
    assert (found["store_id"], found["ok"], found["problems"]) == (1, True, [])
    kept = (await portal.rows("SELECT count(*) AS entries FROM syncledger.transactions"))[0]["entries"]
    sides = (await portal.rows("SELECT count(*) AS sides FROM syncledger.postings"))[0]["sides"]
    assert (found["entries"], found["postings"]) == (kept, sides)
    assert f"{kept} entries with {sides} postings were checked" in shown
    balances = {row["account"]: row["balance"]["amount"] for row in found["balances"]}
    assert (balances["incremental_revenue"], balances["fee_income"]) == ("-250.00", "-50.00")
    for account, amount in balances.items():
        assert any(line.split() == [account, amount, "EUR"] for line in shown.splitlines()), account


@pytest.mark.parametrize(
    ("alteration", "kinds", "subject"),
    [
        (SMALLER_FEE, {"UNBALANCED_ENTRY", "BALANCE_DIFFERS"}, _ENTRY_OF_A),
        (DOUBLED, {"UNBALANCED_ENTRY", "BALANCE_DIFFERS"}, _ENTRY_OF_A),
        (SMALLER_ENTRY, {"UNBALANCED_ENTRY", "ORDER_DIFFERS", "MONTH_DIFFERS"}, "'month 2026-09'"),
        (KEPT_BALANCE, {"BALANCE_DIFFERS"}, "'account billed_fees, month 2026-09'"),
        (REMOVED, {"BALANCE_DIFFERS", "ORDER_DIFFERS", "MONTH_DIFFERS"}, "'A'"),
        (NO_REFUND, {"ORDER_DIFFERS"}, "'B'"),
        (OTHER_STATEMENT, {"STATEMENT_DIFFERS"}, "'month 2026-09'"),
        (NO_STATEMENT, {"STATEMENT_DIFFERS"}, "'month 2026-09'"),
    ],
    ids=[
        "a posting",
        "all sides of an entry",
        "an entry",
        "a balance",
        "a booking removed",
        "a refund",
        "a statement",
        "a statement removed",
    ],
)
async def test_what_was_altered_behind_the_ledger_is_found_and_named(
    portal: Portal,
    council_dsn: str,
    capsys: pytest.CaptureFixture[str],
    alteration: str,
    kinds: set[str],
    subject: str,
) -> None:
    await kiki(capsys, "ledger verify 1")
    named = (await portal.rows(f"SELECT {subject} AS named"))[0]["named"]
    await altered(council_dsn, alteration)
    found = json.loads((await kiki(capsys, "ledger verify 1 --json", exits.FAILED))[0])
    assert (found["ok"], {problem["kind"] for problem in found["problems"]}) == (False, kinds)
    shown, _ = await kiki(capsys, "ledger verify 1", exits.FAILED)
    assert f"the books do NOT add up, differences: {len(found['problems'])};" in shown
    for problem in found["problems"]:
        assert any({problem["kind"], *problem["detail"].split()} <= set(line.split()) for line in shown.splitlines())
    assert str(named) in {problem["subject"] for problem in found["problems"]}


async def test_who_had_the_books_verified_and_what_was_found_is_audited(
    portal: Portal, council_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = len(await noted(portal))
    whole = json.loads((await kiki(capsys, "ledger verify 1 --json"))[0])
    await altered(council_dsn, KEPT_BALANCE)
    broken = json.loads((await kiki(capsys, "ledger verify 1 --json", exits.FAILED))[0])
    told: list[Any] = (await noted(portal))[before:]
    assert [deed[:4] for deed in told] == [(1, "cli", "ledger.verify", "ledger:1")] * 2
    entries = whole["entries"]
    assert [deed[4] for deed in told] == [
        f"entries={entries} problems=0",
        f"entries={entries} problems={len(broken['problems'])}",
    ]


async def test_another_stores_books_do_not_count(
    portal: Portal, council_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = (await portal.add_store()).store_id
    await altered(council_dsn, SMALLER_FEE)
    shown, _ = await kiki(capsys, f"ledger verify {other}")
    assert "the books add up; 0 entries with 0 postings were checked" in shown
    assert "Nothing is booked." in shown


@pytest.mark.usefixtures("portal")
async def test_a_store_that_there_is_not_has_no_books(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = await kiki(capsys, "ledger verify 99 --json", exits.NOT_FOUND)
    assert json.loads(told)["error"]["reason"] == "STORE_NOT_FOUND"


async def test_books_of_an_agent_that_is_away_are_not_called_broken(
    council_dsn: str, commands_ask: Callable[[Portal], None], capsys: pytest.CaptureFixture[str]
) -> None:
    async with running_portal(council_dsn) as portal:
        commands_ask(portal)
        await portal.add_store()
        printed, told = await kiki(capsys, "ledger verify 1 --json", exits.UNAVAILABLE)
        assert (printed, json.loads(told)["error"]["reason"]) == ("", "UNAVAILABLE")
        answer = await portal.http.get("/internal/ledger/1/verification", headers={"x-internal-api-key": KEY})
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        assert await noted(portal) == []

"""`kiki report` says how far the closing of the month is."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.cli.connected import connect_autumn
from integration.portal.mesh import running_council
from integration.portal.running import KEY, Portal, running_portal
from kiki.cli import exits
from kiki.cli.main import run
from kiki.clients.council import AgentClient, CouncilClients
from kiki.clients.methods import AGENTS
from kiki.kit.clock import FixedClock
from kiki.orchestrator.closing import repository
from kiki.orchestrator.closing.months import Month
from kiki.orchestrator.closing.repository import State
from kiki.rpc.v1 import syncledger_pb2

pytestmark = pytest.mark.slow

NOW = dt.datetime(2026, 10, 20, 12, tzinfo=dt.UTC)
SEPTEMBER = Month(2026, 9)
ENDS, CLOSES = dt.datetime(2026, 9, 30, 22, tzinfo=dt.UTC), dt.datetime(2026, 10, 3, 22, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Reported:
    """A portal, and its ledger."""

    portal: Portal
    ledger: AgentClient


@pytest.fixture
async def shop(migrated_dsn: str, commands_ask: Callable[[Portal], None]) -> AsyncIterator[Reported]:
    clock = FixedClock(NOW)
    async with (
        running_council(migrated_dsn, clock) as addresses,
        running_portal(migrated_dsn, addresses=addresses, clock=clock) as running,
        CouncilClients.open({**dict.fromkeys(AGENTS, "127.0.0.1:1"), **addresses}, api_key=KEY) as clients,
    ):
        commands_ask(running)
        await connect_autumn(running)
        yield Reported(running, clients.syncledger)


async def report(capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert await asyncio.to_thread(run, ["report", "1", "2026-09", *more]) == exits.OK
    return capsys.readouterr().out


async def follow(shop: Reported, state: State, reason: str = "") -> None:
    async with shop.portal.database.transaction() as connection:
        await repository.add_month(connection, 1, SEPTEMBER, ENDS, CLOSES)
        row = await repository.find_month(connection, 1, SEPTEMBER)
        assert row is not None
        assert await repository.move(connection, row, state, reason=reason, due_at=NOW, at=NOW)


@pytest.mark.parametrize(
    ("state", "reason", "title", "line"),
    [
        (State.OPEN, "", "2026-09, open", "It is closed after 2026-10-03T22:00:00Z."),
        (State.HELD, "READING_MISSING", "2026-09, held", "is held: READING_MISSING. It is tried again."),
        (State.ASKED, "", "2026-09, closing", "SyncLedger is asked to close it."),
        (State.ASKED, "NOT_YET", "2026-09, closing", "so far it refused: NOT_YET."),
    ],
)
async def test_it_says_when_the_month_is_closed_or_what_holds_it(
    shop: Reported, capsys: pytest.CaptureFixture[str], state: State, reason: str, title: str, line: str
) -> None:
    await follow(shop, state, reason)
    shown = await report(capsys)
    assert title in shown
    assert line in shown
    closing = json.loads(await report(capsys, "--json"))["closing"]
    assert (closing["state"], closing["reason"], closing["closes_at"]) == (state, reason, "2026-10-03T22:00:00Z")


async def test_a_month_that_nobody_follows_is_open(shop: Reported, capsys: pytest.CaptureFixture[str]) -> None:
    assert "2026-09, open" in await report(capsys)
    assert json.loads(await report(capsys, "--json"))["closing"]["closes_at"] is None


async def test_the_books_say_that_it_is_closed(shop: Reported, capsys: pytest.CaptureFixture[str]) -> None:
    await follow(shop, State.ASKED)
    request = syncledger_pb2.CloseMonthRequest(store_id=1, event_id="close", year=2026, month=9)
    await shop.ledger.call("CloseMonth", request, syncledger_pb2.CloseMonthResponse)
    shown = await report(capsys)
    assert "2026-09, closed" in shown
    assert "Closed at 2026-10-20T12:00:00" in shown


async def test_terms_are_shown_and_no_growth_without_a_baseline(
    shop: Reported, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = [line.split("  ", 1) for line in (await report(capsys)).splitlines() if "  " in line]
    values = {name: value.strip() for name, value in shown}
    terms = {"fee rate": "0.20", "basis": "net_sales", "rule": "attributed"}
    assert {name: values[name] for name in terms} == terms
    assert (values["growth percent"], values["mean confidence"]) == ("-", "0")
    assert "part 1" not in values


async def test_a_file_holds_what_was_asked_for_and_a_program_is_told_where(
    shop: Reported, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for form, begins in (("pdf", b"%PDF-"), ("csv", b"entry_id,"), ("table", b"{"), ("json", b"{")):
        file = tmp_path / f"[statement].{form}"
        told = json.loads(await report(capsys, "--format", form, "--output", str(file), "--json"))
        assert file.read_bytes().startswith(begins)
        assert told == {"file": str(file), "bytes": file.stat().st_size}
        assert str(file) in await report(capsys, "--format", form, "--output", str(file))


async def test_the_running_month_is_that_of_the_shops_time_zone(
    shop: Reported, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    turn = FixedClock(dt.datetime(2026, 9, 30, 22, 30, tzinfo=dt.UTC))
    monkeypatch.setattr("kiki.kit.clock.SystemClock", lambda: turn)
    assert await asyncio.to_thread(run, ["report", "1"]) == exits.OK
    assert "2026-10, open" in capsys.readouterr().out

"""`kiki months` closes a month before its grace is over."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from integration.cli.connected import GUARD, connect_autumn
from integration.portal.mesh import running_mesh
from integration.portal.running import Portal
from kiki.cli import exits
from kiki.cli.main import run
from kiki.kit.clock import FixedClock
from kiki.orchestrator.closing import repository, schedule
from kiki.orchestrator.closing.months import Month

pytestmark = pytest.mark.slow

NOW = dt.datetime(2026, 10, 2, 12, tzinfo=dt.UTC)
CLOSE = ("months", "close", "1", "2026-09", "--yes")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
async def portal(
    migrated_dsn: str, clock: FixedClock, commands_ask: Callable[[Portal], None], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Portal]:
    """A mesh with a worker whose grace lasts for years, and a store."""
    monkeypatch.setattr(schedule, "_EVERY_SECONDS", 0.1)
    async with running_mesh(migrated_dsn, clock) as running:
        commands_ask(running)
        await connect_autumn(running)
        await settled(running)
        yield running


async def settled(portal: Portal) -> None:
    """What connecting the store began is done, and its month is followed."""
    async with asyncio.timeout(20):
        while await portal.rows(
            "SELECT 1 FROM inbox.queue UNION ALL SELECT 1 FROM inbox.parked"
            " UNION ALL SELECT 1 FROM calls.queue WHERE agent = 'syncledger'"
            " UNION ALL SELECT 1 FROM calls.parked WHERE agent = 'syncledger'"
            " UNION ALL SELECT 1 WHERE NOT EXISTS (SELECT FROM closing.months)"
        ):
            await asyncio.sleep(0.03)


async def kiki(*arguments: str) -> int:
    return await asyncio.to_thread(run, list(arguments))


async def months(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What a command printed; the mesh logs to the same standard output."""
    capsys.readouterr()
    assert await kiki("months", *arguments, "--json") == exits.OK
    lines = capsys.readouterr().out.splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if line.rstrip() in ("{", "[", "[]"))
    return json.JSONDecoder().raw_decode("".join(lines[start:]))[0]


async def seen_closed(portal: Portal) -> None:
    """The worker has seen that the month is closed, and follows the next."""
    async with asyncio.timeout(20):
        while not await portal.rows("SELECT 1 FROM closing.months WHERE month = '2026-10'"):
            await asyncio.sleep(0.03)


async def test_it_closes_a_month_and_follows_it_to_the_end(portal: Portal, capsys: pytest.CaptureFixture[str]) -> None:
    assert await kiki(*CLOSE, "--reason", "audit of the year", "--wait") == exits.OK
    assert "2026-09: closed. Closed at 2026-10-02T12:00:00Z." in capsys.readouterr().out
    await seen_closed(portal)
    told = await months(capsys, "show", "1", "2026-09")
    assert (told["state"], told["by_hand"]["actor"], told["by_hand"]["why"]) == ("closed", "cli", "audit of the year")
    assert told["by_hand"]["settled_at"] is not None
    audits = await portal.rows(
        "SELECT subject FROM calls.queue WHERE method = 'LogDataAccess' AND subject LIKE 'month:%'"
        " UNION ALL SELECT subject FROM calls.parked WHERE method = 'LogDataAccess' AND subject LIKE 'month:%'"
    )
    assert [row["subject"] for row in audits] == ["month:2026-09"]
    listed = await months(capsys, "list", "--store", "1")
    assert [(row["month"], row["state"]) for row in listed] == [("2026-10", "open"), ("2026-09", "closed")]
    assert await months(capsys, "list", "--state", "held") == []


@pytest.mark.slow
async def test_a_closed_month_is_found_closed(portal: Portal, capsys: pytest.CaptureFixture[str]) -> None:
    assert await kiki(*CLOSE, "--wait") == exits.OK
    await seen_closed(portal)
    before = await portal.rows("SELECT asked_at, settled_at FROM closing.requests")
    assert await kiki(*CLOSE) == exits.OK
    assert "closed. Closed at" in capsys.readouterr().out
    assert await portal.rows("SELECT asked_at, settled_at FROM closing.requests") == before


@pytest.mark.parametrize(
    ("month", "code", "reason"),
    [
        ("2026-10", exits.REFUSED, "MONTH_NOT_OVER"),
        ("2026-08", exits.REFUSED, "BEFORE_CONNECTION"),
        ("2026-13", exits.REFUSED, "BAD_MONTH"),
    ],
)
async def test_what_cannot_be_closed_is_refused_with_the_reason(
    portal: Portal, capsys: pytest.CaptureFixture[str], month: str, code: int, reason: str
) -> None:
    assert await kiki("months", "close", "1", month, "--json") == code
    assert json.loads(capsys.readouterr().err)["error"]["reason"] == reason
    assert await portal.rows("SELECT 1 FROM closing.requests") == []


@pytest.mark.slow
async def test_months_close_one_after_another(
    portal: Portal, clock: FixedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.advance(dt.timedelta(days=40))
    assert await kiki("months", "close", "1", "2026-10", "--json") == exits.REFUSED
    told = json.loads(capsys.readouterr().err)["error"]
    assert (told["reason"], told["message"]) == ("EARLIER_MONTH_OPEN", "2026-09 has to be closed before 2026-10")
    for month in ("2026-09", "2026-10"):
        assert await kiki("months", "close", "1", month, "--yes", "--wait") == exits.OK


async def test_a_refusal_by_the_worker_ends_the_wait(portal: Portal, capsys: pytest.CaptureFixture[str]) -> None:
    """The books were right when it was asked, and the worker finds that they are not."""
    async with portal.database.transaction() as connection:
        await connection.execute("UPDATE closing.months SET ends_at = ends_at + interval '1 year'")
    assert await kiki(*CLOSE, "--wait", "--timeout", "30") == exits.REFUSED
    assert "MONTH_NOT_OVER" in capsys.readouterr().err


@pytest.mark.slow
async def test_who_waits_too_long_is_told_so_and_it_stays_asked_for(
    portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    await parked(portal)
    assert await kiki(*CLOSE, "--wait", "--timeout", "2") == exits.UNAVAILABLE
    assert "waiting for deliveries and calls from before" in capsys.readouterr().err
    told = await months(capsys, "show", "1", "2026-09")
    assert (told["state"], told["by_hand"]["reason"], told["by_hand"]["settled_at"]) == ("open", "WORK_WAITING", None)
    async with portal.database.transaction() as connection:
        await connection.execute("DELETE FROM calls.parked WHERE event_id = 'e'")
    assert await kiki(*CLOSE, "--wait") == exits.OK


@pytest.mark.slow
async def test_what_was_asked_for_is_taken_back_while_it_waits(
    portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    withdraw = ("months", "withdraw", "1", "2026-09")
    assert await kiki(*withdraw, "--json") == exits.NOT_FOUND
    assert json.loads(capsys.readouterr().err)["error"]["reason"] == "NOT_ASKED"
    await parked(portal)
    assert await kiki(*CLOSE, "--reason", "audit") == exits.OK
    assert await kiki(*withdraw, "--reason", "the wrong month") == exits.OK
    assert "WITHDRAWN" in capsys.readouterr().out
    told = await months(capsys, *withdraw[1:])
    assert (told["state"], told["by_hand"]["why"], told["by_hand"]["reason"]) == ("open", "audit", "WITHDRAWN")
    audits = await portal.rows(
        "SELECT subject FROM calls.queue WHERE method = 'LogDataAccess' AND subject LIKE 'month:%'"
        " UNION ALL SELECT subject FROM calls.parked WHERE method = 'LogDataAccess' AND subject LIKE 'month:%'"
    )
    assert [row["subject"] for row in audits] == ["month:2026-09"] * 2, "asked and taken back, once each"
    async with portal.database.transaction() as connection:
        await connection.execute("DELETE FROM calls.parked WHERE event_id = 'e'")
    assert await kiki(*CLOSE, "--wait") == exits.OK
    assert await kiki(*withdraw, "--json") == exits.REFUSED
    assert await kiki(*withdraw, "--reason", "ada@example.com asked") == exits.REFUSED


async def parked(portal: Portal) -> None:
    """Work from before that nobody does yet."""
    async with portal.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO calls.parked (agent, lane, seq, store_id, event_id, method, entity, subject, request,"
            " queued_at, attempts, retry_at, reason, detail)"
            " VALUES ('syncledger', 2, 1, 1, 'e', 'RecordRefund', 'order:9', 'order:9', '',"
            " '2026-09-30', 1, now() + interval '1 hour', 'LATER', '')"
        )


async def test_unknown_stores_and_reasons_that_name_people_are_refused(
    portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await kiki("months", "close", "99", "2026-09", "--json") == exits.NOT_FOUND
    assert await kiki(*CLOSE, "--reason", "ada@example.com asked") == exits.REFUSED
    assert await kiki("months", "list", "--state", "ajar") == exits.USAGE


async def test_pages_of_months_hold_each_once(portal: Portal) -> None:
    async with portal.database.transaction() as connection:
        for store_id in range(2, 6):
            await repository.add_month(connection, store_id, Month(2026, 9), NOW, NOW)
    cursor, seen = "", list[int]()
    while True:
        answer = await portal.http.get("/internal/months", headers=GUARD, params={"limit": 2, "cursor": cursor})
        seen += [row["store_id"] for row in answer.json()["months"] if row["month"] == "2026-09"]
        cursor = answer.json()["next_cursor"]
        if not cursor:
            break
    assert seen == [1, 2, 3, 4, 5]

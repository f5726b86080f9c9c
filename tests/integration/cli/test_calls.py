"""`kiki calls` against a running portal: what is shown, what is queued again, and the exit codes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from integration.portal.running import Portal, running_portal, woo_headers
from kiki.cli import exits
from kiki.cli.main import run

_DEAD = (
    "INSERT INTO calls.dead (store_id, call_id, agent, lane, event_id, method, entity, subject, request,"
    " queued_at, died_at, attempts, reason, detail)"
    " VALUES ($1, $2, $3, 2, 'e' || $2::bigint::text, 'RecordRefund', 'order:1', 'order:1', '', now(), now(), 3,"
    " 'BAD', 'why')"
)


@pytest.fixture
async def portal(portal_dsn: str, commands_ask: Callable[[Portal], None]) -> AsyncIterator[Portal]:
    async with running_portal(portal_dsn) as running:
        commands_ask(running)
        yield running


@pytest.fixture
async def store(portal: Portal) -> int:
    """A store with three dead calls: 7 and 9 of SyncLedger, 8 of SyncValue."""
    store_id = (await portal.add_store()).store_id
    async with portal.database.transaction() as connection:
        for call_id, agent in ((7, "syncledger"), (8, "syncvalue"), (9, "syncledger")):
            await connection.execute(_DEAD, store_id, call_id, agent)
    return store_id


async def kiki(line: str, capsys: pytest.CaptureFixture[str], code: int = exits.OK) -> str:
    """Run a command beside the portal's loop; what it printed."""
    assert await asyncio.to_thread(run, line.split()) == code
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return printed.err if code else printed.out


async def listed(line: str, capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [call["call_id"] for call in json.loads(await kiki(f"calls list {line} --json", capsys))]


async def test_calls_are_listed_newest_first_and_filtered(store: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert await listed("", capsys) == [9, 8, 7]
    assert await listed("--agent syncledger", capsys) == [9, 7]
    assert await listed(f"--store {store} --limit 1", capsys) == [9]
    await kiki(f"calls list --store {store + 1}", capsys, exits.NOT_FOUND)
    assert "RecordRefund" in await kiki("calls list", capsys)


async def test_a_call_is_shown_without_what_it_carried(store: int, capsys: pytest.CaptureFixture[str]) -> None:
    call = json.loads(await kiki("calls show 8 --json", capsys))
    assert (call["store_id"], call["agent"], call["reason"], call["detail"]) == (store, "syncvalue", "BAD", "why")
    assert "request" not in call
    assert "syncvalue" in await kiki("calls show 8", capsys)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("call_id", [6, 10, 2**63 - 2])
async def test_a_call_that_is_not_dead_is_not_found(call_id: int, capsys: pytest.CaptureFixture[str]) -> None:
    error = json.loads(await kiki(f"calls show {call_id} --json", capsys, exits.NOT_FOUND))["error"]
    assert error["reason"] == "UNKNOWN_CALL"


async def test_named_calls_are_queued_again_and_then_all(
    portal: Portal, store: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert json.loads(await kiki(f"calls replay {store} 7 --json", capsys)) == {"replayed": 1}
    assert await listed("", capsys) == [9, 8]
    assert "2" in await kiki(f"calls replay {store} --yes", capsys)
    assert await listed("", capsys) == []
    waiting = await portal.rows("SELECT event_id FROM calls.queue WHERE store_id = $1 AND event_id LIKE 'e_'", store)
    assert sorted(row["event_id"] for row in waiting) == ["e7", "e8", "e9"]


async def test_what_is_not_dead_is_told_and_the_rest_is_queued(store: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert "1 of 2 named calls are not dead" in await kiki(f"calls replay {store} 7 6", capsys, exits.NOT_FOUND)
    assert await listed("", capsys) == [9, 8]


@pytest.mark.usefixtures("portal")
async def test_a_delivery_that_does_not_exist_is_not_replayed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "77" in await kiki("deliveries replay 77", capsys, exits.NOT_FOUND)


async def test_a_delivery_that_waits_is_left_to_its_turn(portal: Portal, capsys: pytest.CaptureFixture[str]) -> None:
    await portal.add_store()
    body = b'{"id": 1}'
    sent = await portal.http.post("/webhooks/woocommerce/order.created", content=body, headers=woo_headers(body))
    assert sent.status_code == 200
    (waiting,) = json.loads(await kiki("deliveries list --json", capsys))
    assert json.loads(await kiki(f"deliveries replay {waiting['delivery_id']} --json", capsys)) == {"replayed": 0}


async def test_calls_of_an_unknown_store_are_not_replayed(store: int, capsys: pytest.CaptureFixture[str]) -> None:
    error = json.loads(await kiki(f"calls replay {store + 1} --json", capsys, exits.NOT_FOUND))["error"]
    assert error["reason"] == "STORE_NOT_FOUND"
    assert await listed("", capsys) == [9, 8, 7]


async def test_a_wrong_key_is_told_by_the_exit_code(
    portal: Portal, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIKI_INTERNAL_API_KEY", "wrong")
    await kiki("calls list", capsys, exits.NOT_ALLOWED)

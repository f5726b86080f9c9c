"""`kiki audit` against a running portal and a real SyncShield: who did what, and proof of it."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import msgspec
import pytest

from databases import tables_of
from integration.portal.running import KEY, KEYRING, OWNERS, Portal, running_portal
from kiki.cli import audit, exits
from kiki.cli.main import run
from kiki.clients.council import CouncilClients
from kiki.clients.methods import AGENTS
from kiki.council.syncshield.component import open_component
from kiki.council.syncshield.settings import SyncShieldSettings
from kiki.council.syncshield.tables import OWNER as SHIELD
from kiki.kit.clock import SystemClock
from kiki.kit.grpc.settings import RpcSettings
from kiki.rpc.v1 import syncshield_pb2 as pb

pytestmark = pytest.mark.slow

dsn = tables_of(*OWNERS, SHIELD)
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "audit.md"
HOSTILE = "orders/\x1b]0;owned\x07create"


@pytest.fixture
async def portal(dsn: str, commands_ask: Callable[[Portal], None]) -> AsyncIterator[Portal]:
    """Store 1 has five links: three accesses by two people, a webhook, and one that was refused."""
    rpc = RpcSettings(address="127.0.0.1:0", api_keys=(KEY,))
    async with open_component(
        dsn=dsn, keyring=KEYRING, rpc=rpc, settings=SyncShieldSettings(), clock=SystemClock()
    ) as shield:
        task = asyncio.create_task(shield.run())
        while not shield.ready().ok:
            await asyncio.sleep(0.01)
        addresses = dict.fromkeys(AGENTS, "127.0.0.1:1") | {"syncshield": f"127.0.0.1:{shield.port}"}
        async with (
            running_portal(dsn, addresses=addresses) as running,
            CouncilClients.open(addresses, api_key=KEY) as clients,
        ):
            await running.add_store()
            await _write(clients)
            commands_ask(running)
            yield running
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _write(clients: CouncilClients) -> None:
    deeds = [("user:7", "campaign.hold", "spring"), ("user:8", "campaign.hold", "spring"), ("user:7", "read", "9")]
    accesses = [
        pb.LogDataAccessRequest(
            store_id=1,
            event_id=f"a-{number}",
            actor=actor,
            action=action,
            resource_type="campaign" if action != "read" else "delivery",
            resource_id=about,
        )
        for number, (actor, action, about) in enumerate(deeds)
    ]
    webhooks = [
        pb.LogWebhookEventRequest(
            store_id=1, event_id=f"w-{topic}", platform="shopify", topic=topic, verified=topic != HOSTILE, count=3
        )
        for topic in ("orders/create", HOSTILE)
    ]
    shield = clients.syncshield
    await shield.call(
        "BatchLogDataAccess", pb.BatchLogDataAccessRequest(requests=accesses), pb.BatchLogDataAccessResponse
    )
    await shield.call(
        "BatchLogWebhookEvents", pb.BatchLogWebhookEventsRequest(requests=webhooks), pb.BatchLogWebhookEventsResponse
    )


async def kiki(line: str, capsys: pytest.CaptureFixture[str], code: int = exits.OK) -> str:
    """Run a command beside the portal's loop; what it printed."""
    assert await asyncio.to_thread(run, line.split()) == code, capsys.readouterr()
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return printed.out or printed.err


async def tampered(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    for table in ("audit_events", "audit_heads"):
        await connection.execute(f"ALTER TABLE syncshield.{table} DISABLE TRIGGER ALL")
    await connection.execute(statement)
    await connection.close()


async def listed(line: str, capsys: pytest.CaptureFixture[str]) -> Any:
    answer = json.loads(await kiki(f"audit list {line} --json", capsys))
    return [event["event_id"] for event in answer["events"]]


@pytest.mark.usefixtures("portal")
async def test_who_did_what_is_listed_by_filters_and_pages(capsys: pytest.CaptureFixture[str]) -> None:
    assert await listed("1 --actor user:7", capsys) == ["a-2", "a-0"]
    assert await listed("1 --resource campaign --oldest-first", capsys) == ["a-0", "a-1"]
    assert await listed("1 --resource campaign:spring --actor user:8", capsys) == ["a-1"]
    assert await listed("1 --kind webhook --limit 1", capsys) == [f"w-{HOSTILE}"]
    assert await listed("1 --until 1h", capsys) == []
    assert len(await listed("1 --since 1h", capsys)) == 5
    assert await listed("2", capsys) == []
    first = json.loads(await kiki("audit list 1 --limit 4 --json", capsys))
    rest = await listed(f"1 --cursor {first['next_cursor']}", capsys)
    assert [event["index"] for event in first["events"]] == [4, 3, 2, 1]
    assert rest == ["a-0"]


@pytest.mark.usefixtures("portal")
async def test_people_see_deeds_and_no_commands_for_their_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    shown = await kiki("audit list 1", capsys)
    assert "campaign.hold" in shown
    assert "shopify, not verified" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown


@pytest.mark.usefixtures("portal")
async def test_a_kind_that_is_none_is_a_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    await kiki("audit list 1 --kind gossip", capsys, exits.USAGE)


async def test_a_whole_log_is_verified_in_ranges_and_a_changed_one_names_its_first_bad_entry(
    portal: Portal, dsn: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LINKS_AT_ONCE", 2)
    installation, store = json.loads(await kiki("audit verify --json", capsys))
    assert (installation["store_id"], installation["ok"], installation["length"]) == (0, True, 0)
    assert (store["ok"], store["checked"], store["length"], store["first_bad_index"]) == (True, 5, 5, None)
    await tampered(dsn, "UPDATE syncshield.audit_events SET actor = 'user:9' WHERE index = 3")
    (broken,) = json.loads(await kiki("audit verify 1 --json", capsys, exits.FAILED))
    assert (broken["ok"], broken["reason"], broken["first_bad_index"]) == (False, "HASH_MISMATCH", 3)
    assert "HASH_MISMATCH" in await kiki("audit verify", capsys, exits.FAILED)


async def test_what_was_kept_finds_a_log_that_was_cut_off(
    portal: Portal, dsn: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text(await kiki("audit verify --json", capsys))
    assert "whole" in await kiki(f"audit verify --against {kept}", capsys)
    await tampered(
        dsn,
        "WITH gone AS (DELETE FROM syncshield.audit_events WHERE index >= 3 RETURNING 1) UPDATE syncshield.audit_heads"
        " SET length = 3, hash = (SELECT hash FROM syncshield.audit_events WHERE index = 2)",
    )
    assert "whole" in await kiki("audit verify", capsys)
    cut = json.loads(await kiki(f"audit verify 1 --against {kept} --json", capsys, exits.FAILED))[0]
    assert (cut["reason"], cut["first_bad_index"]) == ("TRUNCATED", 3)


async def test_a_copy_proves_the_log_without_the_installation(
    portal: Portal, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, kept = tmp_path / "log.jsonl", tmp_path / "kept.json"
    told = json.loads(await kiki(f"audit export 1 {copy} --json", capsys))
    kept.write_text(await kiki("audit verify 1 --json", capsys))
    assert (told["length"], told["head_hash"]) == (5, json.loads(kept.read_text())[0]["head_hash"])

    monkeypatch.setenv("KIKI_PORTAL_URL", "http://127.0.0.1:9")
    (found,) = json.loads(await kiki(f"audit verify --file {copy} --against {kept} --json", capsys))
    assert (found["ok"], found["length"], found["head_hash"]) == (True, 5, told["head_hash"])

    lines = copy.read_text().splitlines(keepends=True)
    copy.write_text("".join(lines[:4]))
    (cut,) = json.loads(await kiki(f"audit verify --file {copy} --against {kept} --json", capsys, exits.FAILED))
    assert (cut["reason"], cut["first_bad_index"]) == ("TRUNCATED", 4)
    copy.write_text("".join([*lines[:1], lines[1].replace("user:8", "user:7"), *lines[2:]]))
    (changed,) = json.loads(await kiki(f"audit verify --file {copy} --json", capsys, exits.FAILED))
    assert (changed["reason"], changed["first_bad_index"]) == ("HASH_MISMATCH", 1)


async def test_the_documented_program_computes_the_same_hashes(
    portal: Portal, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "log.jsonl"
    told = json.loads(await kiki(f"audit export 1 {copy} --json", capsys))
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    packing = ModuleType("msgpack")
    packing.packb = msgspec.msgpack.encode  # type: ignore[attr-defined]  # the one function that the program uses
    monkeypatch.setitem(sys.modules, "msgpack", packing)
    monkeypatch.setattr(sys, "argv", ["check", str(copy)])
    exec(compile(code, "docs/audit.md", "exec"), {})
    assert capsys.readouterr().out.split() == ["5", told["head_hash"]]


@pytest.mark.parametrize("text", ["no json", "[]", '{"store_id": 1}', '{"store_id": "1"}'])
def test_a_file_that_is_no_log_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(text)
    assert run(["audit", "verify", "--file", str(path), "--json"]) == exits.REFUSED
    assert "line 1" in json.loads(capsys.readouterr().err)["error"]["message"]


@pytest.mark.parametrize("text", ["[1]", '[{"store_id": 1}]', '[{"store_id": 1, "length": 2, "head_hash": "zz"}]'])
def test_what_was_not_kept_from_a_check_is_refused(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "kept.json"
    path.write_text(text)
    assert run(["audit", "verify", "--against", str(path), "--json"]) == exits.REFUSED
    assert str(path) in json.loads(capsys.readouterr().err)["error"]["message"]

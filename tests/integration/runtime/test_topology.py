"""Processes of ours: started, started again when they die, drained at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from databases import tables_of
from kiki.kit.errors import FailedPrecondition, InvalidInput
from kiki.kit.sealing import Keyring
from kiki.runtime import topology
from kiki.runtime.owners import load_owner
from kiki.runtime.topology import Mesh, ProcessEvent, groups


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


shield_dsn = tables_of(load_owner("syncshield"))


@pytest.fixture
async def environment(shield_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setitem(topology._TOPOLOGIES, "one-agent", (("syncshield",),))
    return {
        "DATABASE_URL": shield_dsn,
        "KIKI_DATA_DIR": str(tmp_path),
        "KIKI_INTERNAL_API_KEY": "a-key-for-this-test-alone",
        "KIKI_SEALING_KEYS": Keyring.generate(),
        "SYNCSHIELD_GRPC_URL": f"127.0.0.1:{_free_port()}",
    }


@asynccontextmanager
async def _running(environment: dict[str, str], events: list[ProcessEvent]) -> AsyncIterator[Mesh]:
    mesh = Mesh("one-agent", environment, events.append)
    await mesh.spawn()
    running = asyncio.create_task(mesh.run())
    try:
        async with asyncio.timeout(30):
            await mesh.ready()
        yield mesh
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _serving(address: str) -> bool:
    async with grpc.aio.insecure_channel(address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(), timeout=10, wait_for_ready=True
        )
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def _until(events: list[ProcessEvent], kind: str, count: int) -> list[ProcessEvent]:
    async with asyncio.timeout(30):
        while len(found := [event for event in events if event.kind == kind]) < count:
            await asyncio.sleep(0.02)
    return found


async def test_a_process_serves_and_is_gone_at_the_end(environment: dict[str, str]) -> None:
    events: list[ProcessEvent] = []
    async with _running(environment, events) as mesh:
        pid = mesh.children[0].pid
        assert await _serving(environment["SYNCSHIELD_GRPC_URL"])
    assert [event.kind for event in events] == ["started", "ready", "stopped"]
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.slow
async def test_a_killed_process_is_started_again(environment: dict[str, str]) -> None:
    events: list[ProcessEvent] = []
    async with _running(environment, events) as mesh:
        before = mesh.children[0].pid
        os.kill(before, signal.SIGKILL)
        assert (await _until(events, "died", 1))[0].pid == before
        again = (await _until(events, "ready", 2))[1]
        assert again.pid != before
        assert await _serving(environment["SYNCSHIELD_GRPC_URL"])


async def test_settings_that_cannot_be_used_end_the_mesh_with_the_reason(environment: dict[str, str]) -> None:
    mesh = Mesh("one-agent", environment | {"KIKI_SEALING_KEYS": "not a key"}, lambda _: None)
    await mesh.spawn()
    with pytest.raises(BaseExceptionGroup) as ended:
        async with asyncio.timeout(30):
            await mesh.run()
    assert ended.group_contains(FailedPrecondition, match="sealing keys are written as")


def test_an_unknown_topology_is_refused() -> None:
    with pytest.raises(InvalidInput, match="few, each, one"):
        groups("many")


def test_what_renders_is_not_where_pauses_are_made() -> None:
    assert not any({"syncflow", "synccreate"} <= set(names) for names in groups("few"))

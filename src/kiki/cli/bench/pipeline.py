"""Throughput of the whole path: load in over HTTP, effects counted at every agent."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kiki.cli.bench.effects import count_effects, expected_effects
from kiki.cli.bench.mesh import BenchMesh, progress, run_in_scratch
from kiki.cli.bench.processes import Usage, cpu_between, usage_of
from kiki.cli.bench.shops import add_shops
from kiki.kit.clock import monotonic
from kiki.kit.errors import Unavailable
from kiki.sandbox.load import LoadConfig, LoadReport
from kiki.sandbox.load_plan import LoadStore, Mix

_WARM_FIRST_ID = 1_000_000
_FIRST_ID = 100_000_000
_DRAIN_SECONDS = 600


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """One run."""

    seconds: float
    rate: float | None
    stores: int
    connections: int
    warm_up: float
    topology: str


def run_pipeline(options: PipelineOptions) -> dict[str, object]:
    """Start a mesh of its own, load it, wait until everything is done, and say what was measured."""
    return run_in_scratch(options.topology, lambda mesh: _measure(mesh, options))


async def _measure(mesh: BenchMesh, options: PipelineOptions) -> dict[str, object]:
    shops = await add_shops(mesh, options.stores)
    if options.warm_up:
        progress(f"filling tables for {options.warm_up:g} s")
        await send_load(mesh, shops, seconds=options.warm_up, first_id=_WARM_FIRST_ID, connections=options.connections)
    await mesh.settled(_DRAIN_SECONDS)
    known = await count_effects(mesh, shops)
    idle = usage_of(mesh.pids())
    progress(f"sending for {options.seconds:g} s")
    began = monotonic()
    report = await send_load(
        mesh,
        shops,
        seconds=options.seconds,
        first_id=_FIRST_ID,
        rate=options.rate,
        connections=options.connections,
    )
    backlog = await mesh.backlog()
    progress(f"{report.acknowledged} acknowledged, {backlog} wait")
    await mesh.settled(_DRAIN_SECONDS)
    finished_after = await mesh.last_effect_at() - report.first_sent_at
    busy = usage_of(mesh.pids())
    wanted = expected_effects(report.expected.values())
    held = await count_effects(mesh, shops)
    return {
        "seconds": round(monotonic() - began, 1),
        "webhooks": report.acknowledged,
        "acked_per_s": round(report.acked_per_s, 1),
        "finished_per_s": round(report.acknowledged / finished_after, 1),
        "ack_p50_ms": round(report.ack_p50_ms, 2),
        "ack_p99_ms": round(report.ack_p99_ms, 2),
        **await mesh.finish_latency(report.first_sent_at),
        "late_p99_ms": round(report.late_p99_ms, 2),
        "backlog_at_end_of_load": backlog,
        "backlog_at_end": await mesh.backlog(),
        "statuses": report.statuses,
        "connection_errors": report.connection_errors,
        **_processor(idle, busy, report),
        **_compare(wanted, held, known),
    }


async def send_load(
    mesh: BenchMesh,
    shops: Sequence[LoadStore],
    *,
    seconds: float,
    first_id: int,
    rate: float | None = None,
    connections: int = 64,
    purchases: int | None = None,
) -> LoadReport:
    """Run the load generator in a process of its own, so that its CPU is told apart."""
    config = LoadConfig(
        port=mesh.http_port,
        stores=tuple(shops),
        mix=Mix(first_id=first_id, seed=first_id),
        seconds=seconds,
        purchases=purchases,
        rate=rate,
        connections=connections,
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "kiki.sandbox.load",
        "--config",
        "-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        printed, _ = await process.communicate(msgspec.json.encode(config))
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise Unavailable("the load generator failed", reason="LOAD_FAILED")
    return msgspec.json.decode(printed, type=LoadReport)


def _processor(idle: Mapping[str, Usage], busy: Mapping[str, Usage], report: LoadReport) -> dict[str, object]:
    spent = {name: seconds * 1e6 / report.acknowledged for name, seconds in cpu_between(idle, busy).items()}
    return {
        "cpu_us_per_webhook": round(sum(spent.values()), 1),
        "cpu_us_per_webhook_by_process": {name: round(value, 1) for name, value in spent.items()},
        "load_generator_us_per_webhook": round(report.cpu_us_per_request, 1),
        "memory_mb": round(sum(usage.memory_bytes for usage in busy.values()) / 2**20, 1),
        "memory_mb_by_process": {name: round(usage.memory_bytes / 2**20, 1) for name, usage in busy.items()},
        "idle_memory_mb_without_postgresql": round(
            sum(usage.memory_bytes for name, usage in idle.items() if name != "postgresql") / 2**20, 1
        ),
    }


def _compare(wanted: Mapping[str, int], held: Mapping[str, int], known: Mapping[str, int]) -> dict[str, Any]:
    new = Counter({name: held.get(name, 0) - known.get(name, 0) for name in wanted})
    return {
        "effects": {name: f"{new[name]} of {count}" for name, count in wanted.items()},
        "effects_missing": sum(max(0, count - new[name]) for name, count in wanted.items()),
        "effects_doubled": sum(max(0, new[name] - count) for name, count in wanted.items()),
    }

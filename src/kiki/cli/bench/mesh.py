"""A mesh for one benchmark: started in a throwaway installation, watched, and looked into."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from kiki.cli.bench.scratch import scratch_installation
from kiki.cli.output import error_console
from kiki.clients.council import CouncilClients
from kiki.kit.clock import monotonic
from kiki.kit.errors import Unavailable
from kiki.kit.settings import read_variable
from kiki.runtime.topology import ProcessEvent
from kiki.runtime.up import Running, UpOptions, up
from kiki.sandbox.mailbox import Mailbox, serve_mailbox

_LOOK_SECONDS = 0.02
_FEW = 200
_WAITING = (
    "SELECT (SELECT count(*) FROM inbox.queue) + (SELECT count(*) FROM inbox.parked)"
    " + (SELECT count(*) FROM calls.queue) + (SELECT count(*) FROM calls.parked)"
)
_ANSWERS = """
CREATE TEMPORARY TABLE answers AS
SELECT store_id, queued_at, max(answered_at) AS answered_at FROM calls.history
WHERE answered_at >= to_timestamp($1) GROUP BY store_id, queued_at
"""
_FINISH = """
WITH latency AS (
    SELECT extract(epoch FROM greatest(o.finished_at, a.answered_at) - o.received_at) * 1000 AS ms
    FROM inbox.outcomes o JOIN inbox.deliveries d USING (store_id, delivery_id, received_at)
    LEFT JOIN LATERAL (
        SELECT answered_at FROM answers
        WHERE answers.store_id = o.store_id AND answers.queued_at BETWEEN o.received_at AND o.finished_at
        ORDER BY queued_at DESC LIMIT 1
    ) a ON true
    WHERE o.received_at >= to_timestamp($1) AND d.origin = 'webhook'
)
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) FROM latency
"""
_SETTLED = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), percentile_cont(0.99) WITHIN GROUP (ORDER BY ms)
FROM (SELECT extract(epoch FROM answered_at - queued_at) * 1000 AS ms FROM calls.history
      WHERE answered_at >= to_timestamp($1)) AS waited
"""


@dataclass
class BenchMesh:
    """What a benchmark asks of its mesh."""

    running: Running
    http: httpx.AsyncClient
    clients: CouncilClients
    database: asyncpg.Connection
    processes: dict[str, int]
    http_port: int
    mailbox: Mailbox
    store_ids: list[int] = field(default_factory=list)

    def pids(self) -> dict[str, int]:
        """Process id by short name."""
        return dict(self.processes)

    async def post(self, path: str, body: object, *, method: str = "POST") -> Any:
        """A guarded request that must succeed."""
        answer = await self.http.request(method, path, json=body)
        if not answer.is_success:
            raise Unavailable(f"{path} answered {answer.status_code}: {answer.text}", reason="BENCH_SETUP")
        return answer.json() if answer.content else None

    async def value(self, statement: str, *values: object) -> Any:
        """One value straight from the database."""
        return await self.database.fetchval(statement, *values)

    async def backlog(self) -> int:
        """Deliveries and calls that wait."""
        return int(await self.value(_WAITING))

    async def settled(self, longest_seconds: float) -> None:
        """Until nothing waits; several looks in a row, since an answer may bring follow-up work."""
        end, quiet, shown = monotonic() + longest_seconds, 0, monotonic()
        while quiet < 3:
            waiting = await self.backlog()
            quiet = quiet + 1 if waiting == 0 else 0
            if monotonic() > end:
                raise Unavailable(
                    f"{waiting} pieces of work still wait after {longest_seconds:g} s", reason="NOT_SETTLED"
                )
            if waiting and monotonic() - shown > 2:
                progress(f"{waiting} wait")
                shown = monotonic()
            await asyncio.sleep(0.05 if waiting < _FEW else 0.5)  # Counting many is load of its own.

    async def product_known(self, store_id: int, product_id: str) -> None:
        """Until the store's product is known as sellable."""
        known = "SELECT count(*) FROM commerce.product_states WHERE store_id = $1 AND product_id = $2"
        while not await self.value(known, store_id, product_id):  # noqa: ASYNC110  It happens in another process.
            await asyncio.sleep(_LOOK_SECONDS)

    @contextmanager
    def paused(self, process: str) -> Iterator[None]:
        """One of the mesh's processes stands still for the time of the block."""
        pid = next(pid for name, pid in self.processes.items() if name.startswith(process))
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    async def last_effect_at(self) -> float:
        """Unix time at which the last outcome or answer was written."""
        return float(
            await self.value(
                "SELECT extract(epoch FROM greatest((SELECT max(finished_at) FROM inbox.outcomes),"
                " (SELECT max(answered_at) FROM calls.history)))"
            )
        )

    async def finish_latency(self, since: float) -> dict[str, object]:
        """Received → decided and every call of its transaction answered, per webhook; and per call, asked → answered.

        An upper bound: a webhook is held to the last call of its store's whole batch. What flows back (a new lifetime
        value, and the upsell from it) is work of its own, counted in the effects and in `call_p99_ms`.
        """
        await self.database.execute(_ANSWERS.replace("$1", repr(float(since))), timeout=300)
        await self.database.execute("CREATE INDEX ON answers (store_id, queued_at)")
        finish = await self.database.fetchrow(_FINISH, since, timeout=300)
        waited = await self.database.fetchrow(_SETTLED, since, timeout=300)
        names = ("finish_p50_ms", "finish_p99_ms", "call_p50_ms", "call_p99_ms")
        values = [*(finish or ()), *(waited or ())]
        return {name: round(float(value or 0), 1) for name, value in zip(names, values, strict=False)}


Measure = Callable[[BenchMesh], Awaitable[dict[str, object]]]


def run_in_scratch(topology: str, measure: Measure, settings: dict[str, str] | None = None) -> dict[str, object]:
    """Start a mesh in a throwaway installation, measure, and take everything down again."""
    result: dict[str, object] = {}
    processes: dict[str, int] = {}

    def listen(event: ProcessEvent) -> None:
        if event.kind in ("started", "ready") and event.pid:
            processes[event.process] = event.pid
        if event.kind == "died":
            progress(f"{event.process} died: {event.detail}")

    async def work(running: Running) -> None:
        async with AsyncExitStack() as stack:
            mesh = await _look_into(stack, running, processes)
            result.update(await measure(mesh))

    chosen = {"SYNCFLOW_ALLOW_PRIVATE_NETWORKS": "true", "SYNCENGAGE_HOLDOUT_SHARE": "0", **(settings or {})}
    with scratch_installation(chosen):
        progress("starting a mesh of its own")
        up(UpOptions(topology=topology), listen=listen, work=work)
    return result


async def _look_into(stack: AsyncExitStack, running: Running, processes: dict[str, int]) -> BenchMesh:
    settings = running.installation.settings
    port = int(read_variable("SYNCPORTAL_PORT") or 0)
    key = settings.api_keys[0]
    http = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers={"x-internal-api-key": key}, timeout=30, trust_env=False
    )
    mailbox = Mailbox()
    await stack.enter_async_context(serve_mailbox(mailbox))
    return BenchMesh(
        running=running,
        http=await stack.enter_async_context(http),
        clients=await stack.enter_async_context(CouncilClients.open(settings.addresses, api_key=key)),
        database=await _connect(stack, running.dsn),
        processes=processes,
        http_port=port,
        mailbox=mailbox,
    )


async def _connect(stack: AsyncExitStack, dsn: str) -> Any:
    connection = await asyncpg.connect(dsn, command_timeout=300)
    stack.push_async_callback(connection.close)
    return connection


def progress(line: str) -> None:
    """Say on standard error what is under way."""
    error_console().print(f"… {line}", markup=False)

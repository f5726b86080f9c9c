"""A whole mesh in processes of its own, for tests that look at it from the outside."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from dotenv import dotenv_values

from kiki.clients.council import CouncilClients
from kiki.rpc.v1 import common_pb2
from kiki.runtime.embedded.cluster import Passwords
from kiki.runtime.embedded.server import plan
from kiki.sandbox.ad_network import AdNetwork, serve_ad_network
from kiki.sandbox.mailbox import Mailbox, serve_mailbox

AGENTS = ("syncvalue", "syncflow", "syncledger", "synccreate", "syncengage", "syncshield")
NETWORK_TOKEN = "a-token-of-the-simulated-network"
START_SECONDS = 60
_UP = ("-m", "kiki.cli.main", "up", "--json", "--processes")


@dataclass
class Shop:
    """A connected store, as its platform would send."""

    mesh: Mesh
    store_id: int
    platform: str
    secret: str
    key: str
    token: str
    sent: int = 0

    async def deliver(
        self, topic: str, payload: Any, *, headers: Mapping[str, str] | None = None, by_token: bool = False
    ) -> httpx.Response:
        """Send one really signed webhook."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.sent += 1
        path = f"/webhooks/{self.platform}/s/{self.token}/{topic}" if by_token else f"/webhooks/{self.platform}/{topic}"
        return await self.mesh.http.post(path, content=body, headers={**self.signed(topic, body), **(headers or {})})

    def signed(self, topic: str, body: bytes) -> dict[str, str]:
        """The headers of a delivery."""
        signature = base64.b64encode(hmac.digest(self.secret.encode(), body, hashlib.sha256)).decode()
        number = f"{self.sent:032x}"
        if self.platform == "shopify":
            return {
                "X-Shopify-Topic": topic,
                "X-Shopify-Shop-Domain": self.key,
                "X-Shopify-Hmac-Sha256": signature,
                "X-Shopify-API-Version": "2026-04",
                "X-Shopify-Webhook-Id": number,
                "X-Shopify-Event-Id": number,
                "Content-Type": "application/json",
            }
        return {
            "X-WC-Webhook-Source": f"https://{self.key}/",
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Signature": signature,
            "X-WC-Webhook-ID": "1",
            "X-WC-Webhook-Delivery-ID": number,
            "Content-Type": "application/json",
        }


@dataclass
class Mesh:
    """A running mesh, its simulated peers, and the ways to look at it."""

    http: httpx.AsyncClient
    clients: CouncilClients
    network: AdNetwork
    mailbox: Mailbox
    network_url: str
    api_key: str
    dsn: str
    folder: Path
    parent: asyncio.subprocess.Process
    environment: Mapping[str, str] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def guard(self) -> dict[str, str]:
        return {"x-internal-api-key": self.api_key}

    async def get(self, path: str, **parameters: Any) -> Any:
        """A guarded GET that must succeed."""
        answer = await self.http.get(path, params=parameters, headers=self.guard)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    async def send(self, method: str, path: str, body: Any = None) -> Any:
        """A guarded request that must succeed."""
        answer = await self.http.request(method, path, json=body, headers=self.guard)
        assert answer.is_success, (path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    async def add_store(self, platform: str, **more: Any) -> Shop:
        """Connect a store with an address of its own."""
        name = secrets.token_hex(6)
        key = f"{name}.myshopify.com" if platform == "shopify" else f"{name}.example"
        body = {
            "platform": platform,
            "store_key": key if platform == "shopify" else f"https://{key}",
            "currency": "EUR",
            "timezone": "UTC",
            "webhook_secret": f"secret-of-{name}",
            "connected_at": "2026-01-01T00:00:00Z",
            **more,
        }
        added = await self.send("POST", "/internal/stores", body)
        return Shop(self, added["store_id"], platform, f"secret-of-{name}", key, added["delivery_token"])

    async def settled(self, timeout_seconds: float = 30) -> None:
        """Until nothing waits, in the inbox or for an agent."""
        await until(self._idle, timeout_seconds=timeout_seconds, what="the backlog is worked off")

    async def _idle(self) -> bool:
        waiting = await self.sql(
            "SELECT (SELECT count(*) FROM inbox.queue) + (SELECT count(*) FROM inbox.parked)"
            " + (SELECT count(*) FROM calls.queue) + (SELECT count(*) FROM calls.parked)"
        )
        return bool(waiting == 0)

    async def sql(self, statement: str, *values: Any) -> Any:
        """One value, straight from the database: for what no interface shows."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetchval(statement, *values)
        finally:
            await connection.close()

    async def kept(self, store_id: int) -> int:
        """How many webhooks of a store are kept."""
        counted = "SELECT count(*) FROM inbox.deliveries WHERE store_id = $1 AND origin = 'webhook'"
        return int(await self.sql(counted, store_id))

    async def endings(self, store_id: int) -> list[tuple[str, str]]:
        """Status and reason of each run of a store's webhooks, in the order of their arrival."""
        ended = await self.rows(
            "SELECT o.status, o.reason FROM inbox.outcomes o JOIN inbox.deliveries d USING (store_id, delivery_id)"
            " WHERE o.store_id = $1 AND d.origin = 'webhook' ORDER BY o.delivery_id, o.run",
            store_id,
        )
        return [(row[0], row[1]) for row in ended]

    async def rows(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Rows, straight from the database."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def effects(self, agent: str, store_id: int) -> dict[str, int]:
        """How many effects of each method an agent holds for a store."""
        request = common_pb2.CountEffectsRequest(store_id=store_id)
        answer = await self.clients[agent].call("CountEffects", request, common_pb2.CountEffectsResponse)
        return {count.method: count.count for count in answer.counts}

    def kill(self, process: str, how: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to one process of the mesh, that of a component."""
        pid = next(pid for name, pid in self.pids.items() if process in name.split("+"))
        os.kill(pid, how)
        return pid

    def assert_runs(self) -> None:
        """Fail, with the last of its log, when the parent has ended by itself."""
        assert self.parent.returncode is None, f"`kiki up` ended ({self.parent.returncode}): {self.log()[-5000:]}"

    def log(self) -> str:
        """What the processes have written so far."""
        return (self.folder / "log").read_text(errors="replace")

    def neighbours(self, component: str) -> set[str]:
        """The components that share a process with one, itself included."""
        return next(set(name.split("+")) for name in self.pids if component in name.split("+"))

    @asynccontextmanager
    async def serving(self, component: str, name: str) -> AsyncIterator[None]:
        """One more process for a component, known as `name` and started again whenever it dies, as containers are."""

        async def keep() -> None:
            while True:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "kiki.cli.main", "serve", component, env=dict(self.environment),
                    cwd=self.folder,
                )  # fmt: skip
                self.pids[name] = process.pid
                try:
                    await process.wait()
                finally:
                    if process.returncode is None:
                        process.send_signal(signal.SIGCONT)
                        process.terminate()
                        await process.wait()
                await asyncio.sleep(0.2)

        keeping = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            self.pids.pop(name, None)


async def until(holds: Callable[[], Any], *, timeout_seconds: float = 30, what: str = "the condition holds") -> None:
    """Wait until an async condition holds; the message of the failure says what was waited for."""
    end = asyncio.get_running_loop().time() + timeout_seconds
    while True:
        try:
            if await holds():
                return
        except (OSError, httpx.HTTPError):
            pass
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"waited {timeout_seconds} s until {what}")
        await asyncio.sleep(0.05)


@asynccontextmanager
async def running_mesh(
    topology: str = "few", settings: Mapping[str, str] | None = None, *, python: Sequence[str] = (sys.executable,)
) -> AsyncIterator[Mesh]:
    """`kiki up` with its own data folder, database, ports and peers; everything is gone afterwards.

    `python` runs Python, for example as another user.
    """
    folder = Path(tempfile.mkdtemp(prefix="kiki-e2e-"))
    folder.chmod(0o777 if len(python) > 1 else 0o711)
    network, mailbox, key = AdNetwork(), Mailbox(), secrets.token_hex(24)
    ports = _free_ports(len(AGENTS) + 1)
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        network_port = await stack.enter_async_context(serve_ad_network(network, token=NETWORK_TOKEN))
        smtp_port = await stack.enter_async_context(serve_mailbox(mailbox))
        addresses = {
            f"{agent.upper()}_GRPC_URL": f"127.0.0.1:{port}" for agent, port in zip(AGENTS, ports, strict=False)
        }
        environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("KIKI_", "SYNC", "DATABASE_URL"))
            },
            **addresses,
            "KIKI_DATA_DIR": str(folder / "data"),
            "KIKI_INTERNAL_API_KEY": key,
            "KIKI_LOG_LEVEL": "INFO",
            "SYNCPORTAL_PORT": str(ports[-1]),
            "SYNCPORTAL_PUBLIC_URL": f"http://127.0.0.1:{ports[-1]}",
            "SYNCFLOW_ALLOW_PRIVATE_NETWORKS": "true",
            "SYNCWORKER_OUTBOUND_ALLOW_PRIVATE": "true",
            "SYNCENGAGE_SMTP_HOST": "127.0.0.1",
            "SYNCENGAGE_SMTP_PORT": str(smtp_port),
            "SYNCENGAGE_SMTP_TLS": "none",
            "SYNCENGAGE_HOLDOUT_SHARE": "0",
            "SYNCENGAGE_THANKS_DELAY_SECONDS": "0",
            "SYNCENGAGE_TIPS_DELAY_SECONDS": "0",
            "SYNCENGAGE_QUIET_FROM_HOUR": "0",
            "SYNCENGAGE_QUIET_UNTIL_HOUR": "0",
            "SYNCENGAGE_POLL_SECONDS": "0.5",
            **(settings or {}),
        }
        mesh = await _start(stack, [*python, *_UP, topology], environment, folder)
        mesh.network, mesh.mailbox, mesh.api_key, mesh.environment = network, mailbox, key, environment
        mesh.network_url = f"http://127.0.0.1:{network_port}"
        url = f"http://127.0.0.1:{ports[-1]}"
        mesh.http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=15, trust_env=False))
        dialled = dict(zip(AGENTS, (f"127.0.0.1:{port}" for port in ports), strict=False))
        mesh.clients = await stack.enter_async_context(CouncilClients.open(dialled, api_key=key))
        yield mesh


async def _start(stack: AsyncExitStack, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Mesh:
    log = stack.enter_context((folder / "log").open("wb"))
    parent = await asyncio.create_subprocess_exec(
        *command, env=dict(environment), stdout=asyncio.subprocess.PIPE, stderr=log, cwd=folder
    )
    mesh = Mesh(None, None, None, None, "", "", "", folder, parent)  # type: ignore[arg-type]  # filled by the caller
    ready = asyncio.Event()
    listener = asyncio.create_task(_listen(parent, mesh, ready))
    stack.push_async_callback(_stop, parent, listener)
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([waiting, listener], timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    assert ready.is_set(), f"the mesh did not start: {mesh.log()[-5000:]}"
    return mesh


async def _listen(parent: asyncio.subprocess.Process, mesh: Mesh, ready: asyncio.Event) -> None:
    assert parent.stdout is not None
    while line := await parent.stdout.readline():
        event = json.loads(line)
        mesh.events.append(event)
        if event.get("pid") and event.get("process") and event["event"] in ("started", "ready"):
            mesh.pids[event["process"]] = event["pid"]
        if event["event"] == "up":
            mesh.dsn = _dsn(Path(event["data_folder"]))
            ready.set()


def _dsn(folder: Path) -> str:
    kept = dotenv_values(folder / "secrets.env", interpolate=False)
    passwords = Passwords(role=kept["KIKI_POSTGRES_PASSWORD"] or "", admin=kept["KIKI_POSTGRES_ADMIN_PASSWORD"] or "")
    return plan(folder, passwords).dsn


async def _stop(parent: asyncio.subprocess.Process, listener: asyncio.Task[None]) -> None:
    if parent.returncode is None:
        parent.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(parent.wait(), 30)
        except TimeoutError:
            parent.kill()
            await parent.wait()
    listener.cancel()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()

"""What `kiki doctor` looks at. Each check says what it found; none changes anything."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kiki.kit.database import CONNECTING, check_server, connecting_failure
from kiki.kit.errors import KikiError
from kiki.kit.settings import load_settings
from kiki.runtime.data_folder import holder
from kiki.runtime.installation import (
    Installation,
    portal_address,
    read_installation,
    read_settings,
    running_database,
)
from kiki.runtime.preflight import about_unknown, check_settings, unknown_settings
from kiki.runtime.settings import RuntimeSettings

if TYPE_CHECKING:
    import httpx

    from kiki.commerce.exchange.repository import Fetch
    from kiki.commerce.exchange.watch import Watch
    from kiki.orchestrator.inbox.job_runs import JobRun

OK, WARNING, FAILED, SKIPPED = "ok", "warning", "failed", "skipped"
_FREE_FLOOR = 0.05
_RATES_WITHIN = dt.timedelta(days=3)
"""A weekend and some hours: then rates that are fetched daily are missing."""
_OF_TLS = ("handshake", "verification", "socket closed")
"""Words of gRPC where the two sides do not accept each other; the last where one of them simply hangs up."""
_LATE_TIMES, _LATE_SECONDS = 3, 600.0


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    check: str
    state: str
    detail: str


def examine() -> list[Finding]:
    """All checks, in the order in which things depend on each other."""
    findings = [_python(), _settings()]
    if findings[-1].state == FAILED:
        return findings
    settings = read_settings()
    findings += [_folder(settings), _disk(settings), _guarded("secrets", _secrets)]
    try:
        installation = read_installation()
    except KikiError:
        return findings
    return findings + asyncio.run(_over_the_wire(installation))


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return Finding("python", OK if good else FAILED, version if good else f"{version}; 3.11 or newer is needed")


def _settings() -> Finding:
    try:
        check_settings()
        mode = f"{read_settings().env} mode"
    except KikiError as error:
        return Finding("settings", FAILED, error.message)
    ignored = [f"{name} is ignored: {about_unknown(name)}" for name in unknown_settings()]
    return Finding("settings", WARNING if ignored else OK, "; ".join([mode, *ignored]))


def _secrets() -> str:
    read_installation()
    return "all present"


def _folder(settings: RuntimeSettings) -> Finding:
    folder = settings.folder
    if not folder.exists():
        return Finding("data folder", SKIPPED, f"{folder} does not exist yet; `kiki up` makes it")
    if not folder.is_dir():
        return Finding("data folder", FAILED, f"{folder} is not a folder; set KIKI_DATA_DIR to another")
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            "data folder",
            FAILED,
            f"{folder} cannot be written by this user; run as the user of its `kiki up`, make it writable, or set"
            " KIKI_DATA_DIR to another",
        )
    process = holder(folder)
    return Finding("data folder", OK, f"{folder}, " + (f"in use by process {process}" if process else "not in use"))


def _disk(settings: RuntimeSettings) -> Finding:
    folder = next(path for path in (settings.folder, *settings.folder.parents) if path.exists())
    usage = shutil.disk_usage(folder)
    share = usage.free / usage.total if usage.total else 1.0
    text = f"{share:.0%} free ({usage.free / 2**30:.1f} GiB)"
    if share < _FREE_FLOOR:
        return Finding("disk", FAILED, f"{text}; below {_FREE_FLOOR:.0%} webhooks are answered 503: make room")
    return Finding("disk", OK, text)


async def _over_the_wire(installation: Installation) -> list[Finding]:
    try:
        dsn = running_database(installation)
    except KikiError as error:
        return [Finding("database", SKIPPED, error.message)]
    findings = [await _awaited("database", lambda: _server(dsn))]
    if findings[0].state == OK:
        findings.append(await _awaited("tables", lambda: _tables(dsn)))
        if findings[1].state == OK:
            findings.append(await _awaited("sealing keys", lambda: _keys(dsn, installation)))
            findings += [await _jobs(dsn), await _rates(dsn)]
    return findings + await _agents(installation.settings) + [await _awaited("portal", _portal)]


async def _server(dsn: str) -> str:
    import asyncpg

    try:
        connection = await asyncpg.connect(dsn, timeout=5)
    except CONNECTING as error:
        raise connecting_failure(error) from None
    try:
        check_server(connection)
        return f"PostgreSQL {await connection.fetchval('SHOW server_version')}"
    finally:
        await connection.close()


async def _tables(dsn: str) -> str:
    from kiki.runtime.schema import pending

    missing = await pending(dsn)
    if missing:
        raise KikiError(f"not up to date: {', '.join(missing)}; run `kiki migrate upgrade`")
    return "up to date"


async def _keys(dsn: str, installation: Installation) -> str:
    from kiki.runtime.keys import check_keys

    await check_keys(dsn, installation.keyring)
    return "those of this database"


async def _jobs(dsn: str) -> Finding:
    import asyncpg

    from kiki.orchestrator.inbox.job_runs import list_runs

    try:
        connection = await asyncpg.connect(dsn, timeout=5)
        try:
            runs = await list_runs(connection)
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        return Finding("jobs", FAILED, f"cannot be read ({type(error).__name__})")
    return judge_jobs(runs)


def judge_jobs(runs: Sequence[JobRun]) -> Finding:
    """Warns of periodic jobs of the worker that fail, are late, or are held back since the clock made a jump."""
    held = [run for run in runs if run.held_until is not None]
    if held:
        names = ", ".join(run.job for run in held)
        until = max(run.held_until for run in held if run.held_until)
        return Finding(
            "jobs",
            WARNING,
            f"{names} wait until {until:%Y-%m-%d %H:%M} UTC: the clock made a jump, or no worker ran for a day. If the"
            " clock is right, `kiki doctor --trust-clock` lets them go on",
        )
    wrong = [f"{run.job} fails ({run.problem})" for run in runs if run.problem]
    wrong += [
        f"{run.job} last succeeded {run.age_seconds:.0f} s ago"
        for run in runs
        if not run.problem and (run.age_seconds or 0.0) > _LATE_TIMES * run.every_seconds + _LATE_SECONDS
    ]
    if wrong:
        return Finding("jobs", WARNING, "; ".join(wrong) + "; is a worker running?")
    return Finding("jobs", OK, f"{len(runs)} jobs of the worker on time" if runs else "no worker has run yet")


async def release_jobs(dsn: str) -> list[str]:
    """Lets jobs go on that are held back because the clock made a jump. Their names."""
    import asyncpg

    from kiki.orchestrator.inbox.job_runs import trust_clock

    try:
        connection = await asyncpg.connect(dsn, timeout=5)
        try:
            return await trust_clock(connection)
        finally:
            await connection.close()
    except CONNECTING as error:
        raise connecting_failure(error) from None


async def _rates(dsn: str) -> Finding:
    import asyncpg

    from kiki.commerce.exchange.repository import list_fetches
    from kiki.commerce.exchange.watch import watch
    from kiki.kit.clock import SystemClock
    from kiki.orchestrator.settings import OrchestratorSettings
    from kiki.orchestrator.workflows.rates import place_of

    try:
        url = load_settings(OrchestratorSettings).rates_url
        connection = await asyncpg.connect(dsn, timeout=5)
        try:
            seen, fetches = await watch(connection), await list_fetches(connection)
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError, KikiError) as error:
        return Finding("exchange rates", FAILED, f"cannot be read ({type(error).__name__})")
    place = place_of(url) if url else ""
    fetch = next((fetch for fetch in fetches if fetch.place == place), None)
    return judge_rates(seen, place, fetch, SystemClock().now())


def judge_rates(seen: Watch, place: str, fetch: Fetch | None, now: dt.datetime) -> Finding:
    """Warns of orders whose rate nobody knows, and of rates that are to be fetched from a place and are not."""
    wrong = []
    if seen.lacking:
        wrong.append(
            f"orders wait for rates that nobody knows: {seen.lacking} (rates: {seen.rates}); see `kiki rates missing`"
        )
    good = fetch.succeeded_at if fetch is not None else None
    if place and (good is None or now - good > _RATES_WITHIN):
        since = "have never been read" if good is None else f"were last read {good:%Y-%m-%d %H:%M} UTC"
        why = f" ({fetch.problem})" if fetch is not None and fetch.problem else ""
        wrong.append(f"rates of {place} {since}{why}; see `kiki rates fetches`")
    if wrong:
        return Finding("exchange rates", WARNING, "; ".join(wrong))
    newest = "none is kept" if seen.newest_day is None else f"newest of {seen.newest_day}"
    return Finding("exchange rates", OK, f"no order lacks one, {newest}")


async def _agents(settings: RuntimeSettings) -> list[Finding]:
    from kiki.clients.council import CouncilClients

    addresses = settings.addresses
    async with CouncilClients.open(addresses, api_key=settings.api_keys[0], tls=settings.tls) as clients:
        troubles = await asyncio.gather(*(clients[agent].trouble(timeout_seconds=2) for agent in addresses))
    return [
        judge_agent(agent, address, trouble)
        for (agent, address), trouble in zip(addresses.items(), troubles, strict=True)
    ]


def judge_agent(agent: str, address: str, trouble: str) -> Finding:
    """Says why an agent cannot be called, and what to do."""
    if not trouble:
        return Finding(agent, OK, f"{address} serving")
    if any(word in trouble.lower() for word in _OF_TLS):
        way_out = "see KIKI_TLS_CERTIFICATE, KIKI_TLS_PRIVATE_KEY and KIKI_TLS_AUTHORITY on both sides"
    else:
        way_out = f"start it (`kiki up`, `kiki serve {agent}`), or set {agent.upper()}_GRPC_URL to where it is"
    why = trouble.rpartition("last error: ")[2]
    return Finding(agent, FAILED, f"{address} cannot be called: {why}; {way_out}")


async def _portal() -> str:
    import httpx

    url = f"{portal_address()}/readyz"
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
            answer = await http.get(url)
    except httpx.HTTPError as error:
        raise KikiError(
            f"{url} cannot be reached ({error}); start it (`kiki up`, `kiki serve portal`), or set"
            " KIKI_PORTAL_URL to where it is"
        ) from None
    if not answer.is_success:
        raise KikiError(f"{url} answered {answer.status_code}, where 200 is wanted: {_why(answer)}")
    return f"{url} ready"


def _why(answer: httpx.Response) -> str:
    """What a portal says of itself; another program does not."""
    try:
        return str(answer.json()["reason"])
    except (ValueError, KeyError, TypeError):
        return "no portal of ours answers there; see SYNCPORTAL_PORT and KIKI_PORTAL_URL"


def _guarded(check: str, work: Callable[[], str]) -> Finding:
    try:
        return Finding(check, OK, work())
    except KikiError as error:
        return Finding(check, FAILED, error.message)


async def _awaited(check: str, work: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return Finding(check, OK, await work())
    except KikiError as error:
        return Finding(check, FAILED, error.message)

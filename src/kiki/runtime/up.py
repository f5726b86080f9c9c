"""`kiki up`: everything on one machine, from the data folder to the last process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import uvloop

from kiki.kit.clock import monotonic
from kiki.kit.errors import KikiError
from kiki.kit.logging import get_logger
from kiki.runtime.data_folder import hold, prepare_folder, was_killed
from kiki.runtime.embedded.server import EmbeddedPostgres
from kiki.runtime.installation import Installation, make_installation, read_settings
from kiki.runtime.preflight import (
    RELEASE_SECONDS,
    about_unknown,
    check_settings,
    free_addresses,
    listened_on,
    unknown_settings,
)
from kiki.runtime.serving import set_up_logging
from kiki.runtime.supervisor import stop_on_signals
from kiki.runtime.topology import FEW, Listener, Mesh, ProcessEvent, groups

_DATABASE = "postgresql"
_LOG_BYTES = 10 * 2**20
_log = get_logger("runtime.up")


@dataclass(frozen=True, slots=True)
class UpOptions:
    """How a mesh is run."""

    topology: str = FEW
    seconds: float | None = None
    """End by itself after so long, counted from readiness."""
    logs_to_files: bool = False
    """For when the terminal shows something else."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """More settings for the processes."""


@dataclass(frozen=True, slots=True)
class Running:
    """A mesh that is ready."""

    installation: Installation
    dsn: str
    started_in_seconds: float
    log_folder: Path


Work = Callable[[Running], Awaitable[None]]


def up(options: UpOptions, *, listen: Listener, work: Work) -> bool:
    """Start everything, run `work` beside it once all is ready, and stop in order: processes, then the database.

    Ends at a signal, after `options.seconds`, or when something cannot be kept alive (then it raises). False when a
    signal ended it before all was ready. What can be told beforehand is told before anything is made: settings that
    cannot be used, and, once the folder is held, addresses that somebody else listens on.
    """
    began = monotonic()
    groups(options.topology)
    folder = read_settings().folder
    check_settings()
    prepare_folder(folder)
    patience = RELEASE_SECONDS if was_killed(folder) else 0.0
    reached: list[Running] = []

    async def noted(running: Running) -> None:
        reached.append(running)
        await work(running)

    with hold(folder), suppress(KeyboardInterrupt):  # Until the loop listens to signals itself.
        installation = make_installation()
        set_up_logging(installation.settings, "up")
        for name in installation.made:
            listen(ProcessEvent("made", name, 0))
        for name in unknown_settings():
            listen(ProcessEvent("ignored", name, 0, about_unknown(name)))
        uvloop.run(_up(installation, options, listen, noted, began, patience))
    return bool(reached)


async def _up(
    installation: Installation, options: UpOptions, listen: Listener, work: Work, began: float, patience: float
) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)

    async def run(stack: AsyncExitStack) -> None:
        await free_addresses(listened_on(installation.settings), listen, patience)
        await _run(installation, options, listen, work, began, stack, stop)

    async with AsyncExitStack() as stack:
        main = asyncio.create_task(run(stack))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([main, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        main.cancel()
        try:
            await main
        except asyncio.CancelledError:
            pass
        except BaseExceptionGroup as group:
            raise _first_cause(group) from None


async def _run(
    installation: Installation,
    options: UpOptions,
    listen: Listener,
    work: Work,
    began: float,
    stack: AsyncExitStack,
    stop: asyncio.Event,
) -> None:
    folder = installation.settings.folder
    logs = _log_folder(folder)
    database: EmbeddedPostgres | None = None
    dsn = installation.settings.database_url.get_secret_value()
    if installation.embedded:
        user = installation.settings.postgres_user or None
        database = await stack.enter_async_context(EmbeddedPostgres.open(folder, installation.passwords, user))
        dsn = database.dsn
        listen(ProcessEvent("ready", _DATABASE, database.pid, _how(database)))
    environment = {"DATABASE_URL": dsn, **options.environment}
    if installation.embedded:
        environment |= {"SYNCPORTAL_DISK_PATH": str(folder)}
    mesh = Mesh(options.topology, environment, listen, logs if options.logs_to_files else None)
    stack.push_async_callback(mesh.abandon)
    await mesh.spawn()
    await mesh.migrate()
    async with asyncio.TaskGroup() as tasks:
        if database:
            again = partial(_restarted, listen)
            tasks.create_task(database.run(again), name=_DATABASE)
        tasks.create_task(mesh.run(), name="mesh")
        await mesh.ready()
        running = Running(installation, dsn, monotonic() - began, logs)
        tasks.create_task(_work(work, running, options.seconds, stop), name="work")


async def _work(work: Work, running: Running, seconds: float | None, stop: asyncio.Event) -> None:
    """Run the work; its end, or the end of its time, ends the program."""
    try:
        async with asyncio.timeout(seconds):
            await work(running)
    except TimeoutError:
        _log.info("time_is_up", seconds=seconds)
    stop.set()


def _restarted(listen: Listener, pid: int) -> None:
    listen(ProcessEvent("ready", _DATABASE, pid, "started again"))


def _how(database: EmbeddedPostgres) -> str:
    if database.created:
        return "made"
    return "adopted" if database.adopted else ""


async def until_stopped(_running: Running) -> None:
    """The work of a mesh that simply serves."""
    await asyncio.Event().wait()


def _log_folder(folder: Path) -> Path:
    """Where processes log when the terminal is taken; a long log of the last run is put aside first."""
    logs = folder / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    for path in logs.glob("*.log"):
        if path.stat().st_size > _LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
    return logs


def _first_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong, out of its groups; a failure of ours before anything else."""
    leaves: list[BaseException] = []
    waiting: list[BaseException] = [group]
    while waiting:
        error = waiting.pop()
        if isinstance(error, BaseExceptionGroup):
            waiting.extend(error.exceptions)
        else:
            leaves.append(error)
    return next((leaf for leaf in leaves if isinstance(leaf, KikiError)), leaves[0])

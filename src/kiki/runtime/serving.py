"""`kiki serve NAME…`: components in this process, by themselves or as a child of `kiki up`."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import uvloop

from kiki.kit.errors import RETRYABLE, KikiError
from kiki.kit.logging import configure_logging, get_logger
from kiki.runtime.composition import Ground, check_names, preload
from kiki.runtime.installation import read_installation, running_database
from kiki.runtime.revisions import check_tables
from kiki.runtime.settings import RuntimeSettings
from kiki.runtime.supervisor import run_components, stop_on_signals

if TYPE_CHECKING:
    from kiki.runtime.topology import ProcessEvent

GO = b"go\n"
_EXIT_GRACE_SECONDS = 10.0
_log = get_logger("runtime.serving")


def serve(names: Sequence[str], *, managed: bool = False) -> None:
    """Serve until a signal. Managed: wait for the parent's word on standard input, tell it what becomes of us on
    standard output, and drain when its end of the pipe closes."""
    check_names(tuple(names))
    installation = read_installation()
    installation.settings.check_tls()
    set_up_logging(installation.settings, "+".join(names))
    for name in names:
        preload(name)
    _spare_the_collector()
    uvloop.run(_serve(names, Ground(installation.settings, "", installation.keyring), managed=managed))


def _spare_the_collector() -> None:
    """What was imported lives as long as the process; batches make thousands of short-lived values without cycles.

    With the thresholds of the interpreter, walking over all of it costs a tenth of the processor under load.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def set_up_logging(settings: RuntimeSettings, process: str) -> None:
    """Readable lines on a terminal, JSON elsewhere."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    configure_logging(level=settings.log_level, json=as_json, component=process)


async def _serve(names: Sequence[str], ground: Ground, *, managed: bool) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    if managed:
        await _await_word(stop)
    if stop.is_set():
        return
    if not managed:
        _tell_ignored()
        await _check_addresses(names, ground.settings)
    ground = Ground(ground.settings, running_database(read_installation()), ground.keyring, ground.clock)
    if not managed:  # Who started us has looked before.
        from kiki.runtime.keys import admit_keys

        await check_tables(ground.dsn)
        await admit_keys(ground.dsn, ground.keyring)

    def on_ready() -> None:
        _log.info("ready", components=list(names))
        if managed:
            tell({"event": "ready"})

    watchdog = asyncio.create_task(_end_for_sure(stop, ground.settings.drain_seconds + _EXIT_GRACE_SECONDS))
    try:
        await run_components(names, ground, stop=stop, on_ready=on_ready)
    finally:
        watchdog.cancel()


def _tell_ignored() -> None:
    from kiki.runtime.preflight import about_unknown, unknown_settings

    for name in unknown_settings():
        _log.warning("setting_ignored", setting=name, why=about_unknown(name))


async def _check_addresses(names: Sequence[str], settings: RuntimeSettings) -> None:
    """Raises `FailedPrecondition` for what is taken; who starts a mesh has looked at all of its addresses before."""
    from kiki.runtime.preflight import free_addresses, listened_on

    def waiting(event: ProcessEvent) -> None:
        _log.warning("addresses_taken", addresses=event.process)

    addresses = {name: address for name, address in listened_on(settings).items() if name in names}
    await free_addresses(addresses, waiting, 0.0)


def tell(message: dict[str, object]) -> None:
    """One line for the parent; it may be gone."""
    try:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()
    except OSError:
        pass


def tell_failure(error: BaseException) -> None:
    """Why this process ends; the parent does not start it again when trying again cannot help."""
    message = error.message if isinstance(error, KikiError) else type(error).__name__
    final = isinstance(error, KikiError) and not isinstance(error, RETRYABLE) and error.reason.startswith("BAD_")
    reason = error.reason if isinstance(error, KikiError) else ""
    tell({"event": "failed", "message": message, "reason": reason, "final": final})


async def _await_word(stop: asyncio.Event) -> None:
    """Until the parent says go; afterwards its closing the pipe sets `stop`."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    if await reader.readline() != GO:
        stop.set()
        return

    async def watch() -> None:
        await reader.read()
        stop.set()

    _watches.add(asyncio.create_task(watch()))


_watches: set[asyncio.Task[None]] = set()


async def _end_for_sure(stop: asyncio.Event, seconds: float) -> None:
    """A drain that hangs somewhere below us still ends."""
    await stop.wait()
    await asyncio.sleep(seconds)
    _log.error("drain_hung", seconds=seconds)
    os._exit(1)

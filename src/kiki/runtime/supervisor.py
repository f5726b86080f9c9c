"""Components in one process: started together, ended together, with a bounded drain."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from kiki.kit.component import Component
from kiki.kit.errors import InvariantBroken, KikiError
from kiki.kit.logging import get_logger
from kiki.runtime.composition import Ground, open_component

_READY_POLL_SECONDS = 0.02
_log = get_logger("runtime.supervisor")


async def run_components(
    names: Sequence[str], ground: Ground, *, stop: asyncio.Event, on_ready: Callable[[], None] = lambda: None
) -> None:
    """Run until `stop` is set or a component dies; then drain within the bound.

    Raises what the first dead component raised. Work that does not drain in time is left to the database's leases.
    """
    async with AsyncExitStack() as stack:
        components = [await stack.enter_async_context(open_component(name, ground)) for name in names]
        tasks = [asyncio.create_task(component.run(), name=component.name) for component in components]
        announcing = asyncio.create_task(_announce(components, on_ready))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
            died = [task for task in tasks if task.done()]
        finally:
            announcing.cancel()
            stopping.cancel()
            await _drain(tasks, ground.settings.drain_seconds)
    for task in died:
        _raise_death(task)


def stop_on_signals(stop: asyncio.Event) -> None:
    """SIGTERM and SIGINT ask for a drain; a second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def ask(number: signal.Signals) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        _log.info("stop_asked", signal=number.name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask, number)


async def _announce(components: Sequence[Component], on_ready: Callable[[], None]) -> None:
    """Call once when every component has been ready."""
    waiting = list(components)
    while waiting:
        waiting = [component for component in waiting if not component.ready().ok]
        if waiting:
            await asyncio.sleep(_READY_POLL_SECONDS)
    on_ready()


async def _drain(tasks: Sequence[asyncio.Task[None]], seconds: float) -> None:
    for task in tasks:
        task.cancel()
    if not tasks:
        return
    _, pending = await asyncio.wait(tasks, timeout=seconds)
    for task in pending:
        _log.error("drain_timed_out", component=task.get_name(), seconds=seconds)
        task.cancel()


def _raise_death(task: asyncio.Task[None]) -> None:
    name = task.get_name()
    if task.cancelled():
        raise InvariantBroken(f"component {name} ended without being asked to", reason="COMPONENT_DIED")
    error = task.exception()
    if error is None:
        raise InvariantBroken(f"component {name} ended without being asked to", reason="COMPONENT_DIED")
    _log.error("component_died", component=name, exc_info=error)
    why = error.message if isinstance(error, KikiError) else type(error).__name__
    raise InvariantBroken(f"component {name} died: {why}", reason="COMPONENT_DIED") from error

"""The processes of one machine: which components share one, and how they are started, watched and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kiki.kit.clock import monotonic
from kiki.kit.errors import FailedPrecondition, InvalidInput, Unavailable
from kiki.kit.settings import child_environment
from kiki.runtime.composition import COMPONENTS
from kiki.runtime.serving import GO

FEW, EACH, ONE = "few", "each", "one"
_TOPOLOGIES: dict[str, tuple[tuple[str, ...], ...]] = {
    # SyncFlow stays out of the process that renders: a pause must not wait for a picture.
    FEW: (
        ("portal",),
        ("worker",),
        ("syncvalue", "syncflow", "syncledger", "syncshield"),
        ("synccreate", "syncengage"),
    ),
    EACH: tuple((name,) for name in COMPONENTS),
    ONE: (COMPONENTS,),
}
_BACKOFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_STABLE_SECONDS = 30.0
_FAILED_STARTS = 6
_KILL_GRACE_SECONDS = 12.0
_HOPELESS = ("NEWER_TABLES", "OLD_DATABASE", "WRONG_SEALING_KEYS", "DATABASE_ACCESS", "BAD_SETTINGS", "BAD_SECRETS")
"""Why a database cannot be brought up to date, where another try ends the same way."""


@dataclass(frozen=True, slots=True)
class ProcessEvent:
    """Something that happened to a process: `started`, `ready`, `died` or `stopped`."""

    kind: str
    process: str
    pid: int
    detail: str = ""


Listener = Callable[[ProcessEvent], None]


def groups(topology: str) -> tuple[tuple[str, ...], ...]:
    """Which components share a process."""
    try:
        return _TOPOLOGIES[topology]
    except KeyError:
        raise InvalidInput(
            f"--processes is one of {', '.join(_TOPOLOGIES)}, got {topology!r}", reason="UNKNOWN_TOPOLOGY"
        ) from None


@dataclass(slots=True)
class Restarts:
    """When a process that died starts again, and when that is hopeless.

    Only what was never ready is given up, after six starts in a row: it is set up wrongly. What has worked before is
    tried for as long as we run, at most every 5 s; a process that dies young all the time is not a reason to end the
    others.
    """

    _was_ready: bool = False
    _failures: int = 0

    def pause_seconds(self, *, ready: bool, lived_seconds: float, final: bool) -> float | None:
        """How long to wait after a death; None when another start cannot help.

        `ready` says whether the dead process had become ready, `final` that it said itself that trying is in vain.
        """
        self._was_ready |= ready
        self._failures = 0 if ready and lived_seconds > _STABLE_SECONDS else self._failures + 1
        if final or (not self._was_ready and self._failures >= _FAILED_STARTS):
            return None
        return _BACKOFF_SECONDS[min(self._failures, len(_BACKOFF_SECONDS) - 1)]


class ChildProcess:
    """One process of ours, started again when it dies."""

    def __init__(
        self, components: Sequence[str], environment: Mapping[str, str], listen: Listener, log_folder: Path | None
    ) -> None:
        self.name = "+".join(components)
        self.ready = asyncio.Event()
        self._components = tuple(components)
        self._environment = environment
        self._listen = listen
        self._log_folder = log_folder
        self._process: asyncio.subprocess.Process | None = None
        self._failure: dict[str, object] = {}

    @property
    def pid(self) -> int:
        """Of the process that runs now, 0 between two."""
        return self._process.pid if self._process and self._process.returncode is None else 0

    async def spawn(self) -> None:
        """Start it; it imports its code and waits for the word."""
        command = [sys.executable, "-m", "kiki.runtime.child", *self._components]
        with self._log() as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=child_environment(self._environment),
                start_new_session=True,
            )
        self._listen(ProcessEvent("started", self.name, self._process.pid))

    async def run(self) -> None:
        """Give the word, and keep one such process alive until cancelled; then let it drain."""
        restarts = Restarts()
        try:
            while True:
                began = monotonic()
                await self._live()
                pause = restarts.pause_seconds(
                    ready=self.ready.is_set(), lived_seconds=monotonic() - began, final=bool(self._failure.get("final"))
                )
                self.ready.clear()
                if pause is None:
                    why = self._failure.get("message") or "see its log"
                    # What may be better later is told as such: who starts us again by the exit code tries on.
                    kind = FailedPrecondition if self._failure.get("final") else Unavailable
                    raise kind(f"{self.name} does not start: {why}", reason="NO_START")
                await asyncio.sleep(pause)
                await self.spawn()
        finally:
            await asyncio.shield(self.stop())

    async def _live(self) -> None:
        process = self._process
        assert process is not None, "spawned before it runs"
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError, RuntimeError):  # uvloop raises the latter when the pipe is closed already.
            process.stdin.write(GO)
            await process.stdin.drain()
        self._failure = {}
        while line := await process.stdout.readline():
            self._hear(line, process.pid)
        code = await process.wait()
        detail = str(self._failure.get("message") or f"exit code {code}")
        self._listen(ProcessEvent("died", self.name, process.pid, detail))

    def _hear(self, line: bytes, pid: int) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            return
        if message.get("event") == "ready":
            self.ready.set()
            self._listen(ProcessEvent("ready", self.name, pid))
        elif message.get("event") == "failed":
            self._failure = message

    async def stop(self) -> None:
        """Ask for a drain; end it when the drain takes too long."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        if process.stdin:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _KILL_GRACE_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        self._listen(ProcessEvent("stopped", self.name, process.pid))

    @contextlib.contextmanager
    def _log(self) -> Iterator[IO[bytes] | None]:
        if self._log_folder is None:
            yield None
            return
        path = self._log_folder / f"{self._components[0]}.log"
        with path.open("ab") as file:
            yield file


class Mesh:
    """All processes of a topology."""

    def __init__(
        self, topology: str, environment: Mapping[str, str], listen: Listener, log_folder: Path | None = None
    ) -> None:
        self._environment = environment
        self.children = [ChildProcess(names, environment, listen, log_folder) for names in groups(topology)]

    async def spawn(self) -> None:
        """Start every process; none does anything before `run`."""
        for child in self.children:
            await child.spawn()

    async def run(self) -> None:
        """Let them work, and keep them alive until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for child in self.children:
                tasks.create_task(child.run(), name=child.name)

    async def ready(self) -> None:
        """Until every process has been ready."""
        for child in self.children:
            await child.ready.wait()

    async def abandon(self) -> None:
        """Stop what was spawned and never ran."""
        await asyncio.gather(*(child.stop() for child in self.children))

    async def migrate(self) -> None:
        """Bring the database up to date in a process of its own, so that ours never pays for what it imports."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "kiki.runtime.child",
            "migrate",
            stdout=asyncio.subprocess.PIPE,
            env=child_environment(self._environment),
            start_new_session=True,  # Ctrl-C is for us, who end it.
        )
        try:
            told, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode:
            message, reason = _failure(told)
            text = f"the database cannot be brought up to date: {message}"
            if reason in _HOPELESS:
                raise FailedPrecondition(text, reason=reason)
            raise Unavailable(text, reason="MIGRATION_FAILED")


def _failure(told: bytes) -> tuple[str, str]:
    """Message and reason."""
    try:
        failure = json.loads(told.strip().splitlines()[-1])
        return str(failure["message"]), str(failure["reason"])
    except (ValueError, IndexError, KeyError):
        return "see the lines above", ""

"""Work that holds the processor, in spawned processes of low priority: started when needed, ended at once when told.

Each process is met over a socket of its own. There are no threads and no named semaphores, as the standard library's
executor has them: a process may be ended at any moment, and nothing hangs or is left behind when the program ends.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from kiki.kit.errors import DeadlineExceeded, Unavailable

A = TypeVar("A")
T = TypeVar("T")
_LENGTH = struct.Struct("!Q")
_SPAWN = multiprocessing.get_context("spawn")


class WorkerDied(Unavailable):
    """The process ended while it worked; the next piece of work gets a new one."""

    reason = "WORKER_DIED"


class WorkerTimeout(DeadlineExceeded):
    """The work took too long; its process was ended."""

    reason = "WORKER_TIMEOUT"


class Workers:
    """At most so many processes; who comes while all are busy waits."""

    def __init__(self, *, processes: int, niceness: int, jobs_per_process: int = 1000) -> None:
        self._places = asyncio.Semaphore(processes)
        self._niceness = niceness
        self._jobs_per_process = jobs_per_process
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()

    async def run(self, work: Callable[[A], T], given: A, *, timeout_seconds: float) -> T:
        """`work(given)` in a process; both must pickle, and so must the answer.

        Raises what the work raised, `WorkerDied` or `WorkerTimeout` (the time for starting counts, waiting for a place
        does not). Cancelled, it ends the process.
        """
        async with self._places:
            worker = self._idle.pop() if self._idle else await _Worker.start(self._niceness)
            self._busy.add(worker)
            try:
                async with asyncio.timeout(timeout_seconds):
                    outcome = await worker.do(work, given)
            except TimeoutError as error:
                worker.end()
                raise WorkerTimeout(f"the work was not done within {timeout_seconds:g} s") from error
            except (asyncio.IncompleteReadError, OSError) as error:
                worker.end()
                raise WorkerDied("the process ended while it worked") from error
            except BaseException:
                worker.end()
                raise
            finally:
                self._busy.discard(worker)
            self._keep(worker)
        if isinstance(outcome, BaseException):
            raise outcome
        done: T = outcome
        return done

    def close(self) -> None:
        """End all processes at once; the next piece of work starts a new one."""
        for worker in (*self._idle, *self._busy):
            worker.end()
        self._idle.clear()

    def _keep(self, worker: _Worker) -> None:
        if worker.jobs < self._jobs_per_process and worker.alive:
            self._idle.append(worker)
        else:
            worker.end()


class _Worker:
    """One process and our end of its socket."""

    def __init__(self, process: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self.jobs = 0

    @classmethod
    async def start(cls, niceness: int) -> _Worker:
        multiprocessing.active_children()  # Takes note of those that ended, so that none stays a zombie.
        ours, theirs = socket.socketpair()
        with theirs:
            process = _SPAWN.Process(target=_serve, args=(theirs, niceness, os.getpid()), daemon=True)
            process.start()
        reader, writer = await asyncio.open_connection(sock=ours)
        return cls(process, reader, writer)

    @property
    def alive(self) -> bool:
        return not self._writer.is_closing() and self._process.exitcode is None

    async def do(self, work: Callable[[Any], Any], given: Any) -> Any:
        """The answer, or the exception that the work raised."""
        self.jobs += 1
        self._writer.write(_framed(pickle.dumps((work, given))))
        await self._writer.drain()
        (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
        return pickle.loads(await self._reader.readexactly(length))  # noqa: S301  # Our own process wrote it.

    def end(self) -> None:
        self._writer.transport.abort()
        self._process.kill()


def _framed(content: bytes) -> bytes:
    return _LENGTH.pack(len(content)) + content


def _serve(connection: socket.socket, niceness: int, parent: int) -> None:
    """In the new process: step back, leave signals to the parent, work until it hangs up, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(niceness)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    with connection, connection.makefile("rb") as incoming:
        while len(head := incoming.read(_LENGTH.size)) == _LENGTH.size:
            connection.sendall(_framed(_outcome(incoming.read(_LENGTH.unpack(head)[0]))))


def _outcome(asked: bytes) -> bytes:
    try:
        work, given = pickle.loads(asked)  # noqa: S301  # The parent wrote it.
        return pickle.dumps(work(given))
    except Exception as error:  # noqa: BLE001  # A job attempt: what it raises is raised where it was asked for.
        return _pickled_error(error)


def _pickled_error(error: Exception) -> bytes:
    try:
        content = pickle.dumps(error)
        pickle.loads(content)  # noqa: S301  # Some exceptions pickle and cannot be made again.
    except Exception:  # noqa: BLE001  # Whatever stands in the way, its name can be told.
        return pickle.dumps(RuntimeError(type(error).__name__))
    return content


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)

"""The statement as PDF/A, typeset by typst in a process of its own: never on the event loop, nor in its process."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec

from kiki.kit.errors import DeadlineExceeded, Unavailable

_TEMPLATE = Path(__file__).parent / "statement.typ"
_SECONDS = 60
_NICENESS = 10
_MAX_WAITING = 8


class PdfPrinter:
    """One lazily started worker with low priority; a few documents may wait for it."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._waiting = 0

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[PdfPrinter]:
        """A printer; its worker ends with the block."""
        printer = cls()
        try:
            yield printer
        finally:
            printer._drop()

    async def print(self, document: Mapping[str, Any], printed_at: dt.datetime) -> bytes:
        """The PDF. Raises `Unavailable` when too many wait or the worker died, `DeadlineExceeded` after a minute."""
        if self._waiting >= _MAX_WAITING:
            raise Unavailable("too many documents are being printed", reason="PRINTER_BUSY")
        self._waiting += 1
        try:
            async with asyncio.timeout(_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(
                    self._worker(), typeset, msgspec.json.encode(document).decode(), printed_at
                )
        except TimeoutError as error:
            self._drop()
            raise DeadlineExceeded("the document was not printed in time", reason="PRINTER_TIMEOUT") from error
        except BrokenProcessPool as error:
            self._drop()
            raise Unavailable("the printing process ended", reason="PRINTER_GONE") from error
        finally:
            self._waiting -= 1

    def _worker(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_workers=1, mp_context=get_context("spawn"), initializer=_lower_priority
            )
        return self._pool

    def _drop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            processes = list((getattr(pool, "_processes", None) or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()


def typeset(document: str, printed_at: dt.datetime) -> bytes:
    """Runs in the worker: the document reaches the template as data, so that no text of a shop becomes markup."""
    import typst

    printed: bytes = typst.compile(
        _TEMPLATE.read_bytes(),
        sys_inputs={"document": document},
        pdf_standards="a-2b",
        timestamp=printed_at.replace(microsecond=0),
        ignore_system_fonts=True,
    )
    return printed


def _lower_priority() -> None:
    os.nice(_NICENESS)

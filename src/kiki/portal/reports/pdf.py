"""The statement as PDF/A, typeset by typst in a process of its own: never on the event loop, nor in its process."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from kiki.kit.errors import DeadlineExceeded, Unavailable
from kiki.kit.workers import WorkerDied, Workers, WorkerTimeout

_TEMPLATE = Path(__file__).parent / "statement.typ"
_SECONDS = 60
_NICENESS = 10
_MAX_WAITING = 8


class PdfPrinter:
    """One lazily started worker with low priority; a few documents may wait for it."""

    def __init__(self) -> None:
        self._workers = Workers(processes=1, niceness=_NICENESS)
        self._waiting = 0

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[PdfPrinter]:
        """A printer; its worker ends with the block."""
        printer = cls()
        try:
            yield printer
        finally:
            printer._workers.close()

    async def print(self, document: Mapping[str, Any], printed_at: dt.datetime) -> bytes:
        """The PDF. Raises `Unavailable` when too many wait or the worker died, `DeadlineExceeded` after a minute."""
        if self._waiting >= _MAX_WAITING:
            raise Unavailable("too many documents are being printed", reason="PRINTER_BUSY")
        self._waiting += 1
        given = (msgspec.json.encode(document).decode(), printed_at)
        try:
            return await self._workers.run(typeset, given, timeout_seconds=_SECONDS)
        except WorkerTimeout as error:
            raise DeadlineExceeded("the document was not printed in time", reason="PRINTER_TIMEOUT") from error
        except WorkerDied as error:
            raise Unavailable("the printing process ended", reason="PRINTER_GONE") from error
        finally:
            self._waiting -= 1


def typeset(given: tuple[str, dt.datetime]) -> bytes:
    """Runs in the worker: the document reaches the template as data, so that no text of a shop becomes markup."""
    import typst

    document, printed_at = given
    printed: bytes = typst.compile(
        _TEMPLATE.read_bytes(),
        sys_inputs={"document": document},
        pdf_standards="a-2b",
        timestamp=printed_at.replace(microsecond=0),
        ignore_system_fonts=True,
    )
    return printed

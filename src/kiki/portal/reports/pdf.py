"""The statement as PDF/A, typeset by typst in a process of its own: never on the event loop, nor in its process."""

from __future__ import annotations

import datetime as dt
import re
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
_UNSEEN = re.compile(r'the text `"(.+?)"` could not be displayed')
_ESCAPED = re.compile(r"\\u\{([0-9a-f]{1,6})\}")
_CONTROLS = [chr(code) for code in range(0x20) if chr(code) not in "\t\n\r"]


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
    """Runs in the worker: the document reaches the template as data, so that no text of a shop becomes markup.

    PDF/A wants a glyph for every character; what the fonts have none for stands there as U+FFFD.
    """
    import typst

    document, printed_at = given
    try:
        return _compile(document, printed_at)
    except typst.TypstError as error:
        unseen = "".join(_UNSEEN.findall(error.diagnostic))
        if not unseen:
            raise
    replaced = {character: "\ufffd" for character in _ESCAPED.sub(_character, unseen) if not character.isascii()}
    replaced |= dict.fromkeys(_CONTROLS, "\ufffd")
    shown = _translated(msgspec.json.decode(document), str.maketrans(replaced))
    return _compile(msgspec.json.encode(shown).decode(), printed_at)


def _compile(document: str, printed_at: dt.datetime) -> bytes:
    import typst

    printed: bytes = typst.compile(
        _TEMPLATE.read_bytes(),
        sys_inputs={"document": document},
        pdf_standards="a-2b",
        timestamp=printed_at.replace(microsecond=0),
        ignore_system_fonts=True,
    )
    return printed


def _character(escaped: re.Match[str]) -> str:
    return chr(int(escaped[1], 16))


def _translated(value: Any, table: dict[int, str]) -> Any:
    """A JSON value with the characters of its texts replaced."""
    if isinstance(value, str):
        return value.translate(table)
    if isinstance(value, list):
        return [_translated(each, table) for each in value]
    if isinstance(value, dict):
        return {name: _translated(each, table) for name, each in value.items()}
    return value

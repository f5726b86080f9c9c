"""Text files as programs save them: UTF-8 or UTF-16, plain or gzip, or standard input. What is not text is said."""

from __future__ import annotations

import csv
import gzip
import io
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from kiki.kit.errors import InvalidInput

STANDARD_INPUT = "-"
_DELIMITERS = ",;\t|"
_LOOKED_AT = 4096
_IN_BRACKETS = re.compile(r"[(\[].*?[)\]]")
_FIELD_LIMIT = 10_000_000
_SAYS = re.compile(r"sep=(.)")
_GZIP, _ZIP, _OLD_EXCEL, _PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1"
_NOT_TEXT = {_ZIP: "a ZIP archive or an Excel workbook", _OLD_EXCEL: "an Excel workbook", _PARQUET: "a Parquet file"}
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)


class BadFile(InvalidInput):
    """The file cannot be used; the message says what was got and what was wanted, and names the line where it can."""

    reason = "BAD_FILE"


@dataclass(frozen=True, slots=True)
class TextFile:
    """An open file: its text, and how far it has been read."""

    text: TextIO
    size: int | None
    """In bytes; None where nobody knows."""
    _raw: io.BufferedReader

    def position(self) -> int:
        """Bytes read so far."""
        return self._raw.tell() if self.size is not None else 0


@dataclass(frozen=True, slots=True)
class Header:
    """The names of a file's columns."""

    names: list[str]
    delimiter: str
    line: int
    """The line it stands on, from 1."""

    def repeated(self) -> str | None:
        """A name that stands in the header more than once."""
        return next((name for at, name in enumerate(self.names) if name and name in self.names[:at]), None)

    def places(self, known: Mapping[str, Sequence[str]]) -> dict[str, int]:
        """Where each known column stands: of its names, written as `key_of` writes them, the first that is there.

        Raises `BadFile` where that name stands twice.
        """
        found = [key_of(name) for name in self.names]
        places = {}
        for column, names in known.items():
            name = next((name for name in names if name in found), None)
            if name is not None:
                if found.count(name) > 1:
                    raise BadFile(f"the header names {self.names[found.index(name)]!r} twice")
                places[column] = found.index(name)
        return places


@contextmanager
def open_text(path: Path) -> Iterator[TextFile]:
    """The file as text; `-` is standard input. Line ends are left as they are.

    A byte order mark tells UTF-8, UTF-16 and UTF-32 apart, without one it is UTF-8; gzip is told by its first bytes.
    Raises `BadFile` for what cannot be opened or is no text, also while it is being read within the context.
    """
    try:
        with _bytes_of(path) as raw:
            size = path.stat().st_size if path.is_file() and str(path) != STANDARD_INPUT else None
            plain = raw
            if raw.peek(_LOOKED_AT).startswith(_GZIP):
                plain = io.BufferedReader(gzip.GzipFile(fileobj=raw))
            encoding = _encoding(path, plain.peek(_LOOKED_AT)[:_LOOKED_AT])
            text = io.TextIOWrapper(plain, encoding=encoding, newline="")
            try:
                yield TextFile(text, size, raw)
            finally:
                text.detach()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadFile(f"{path} is not whole: it cannot be unpacked ({error})") from None
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise BadFile(f"{path} is not {error.encoding.upper()} text: {_shown(error)}; save it as UTF-8") from None


def header_of(lines: Iterator[str]) -> Header:
    """Reads to the first line with text and takes it as the header. Raises `BadFile` for a file without one.

    Columns are parted by comma, semicolon, tab or bar, what comes most often; a line `sep=;` before it says so itself.
    """
    said, number = "", 0
    for number, line in enumerate(lines, start=1):
        if found := _SAYS.fullmatch(line.strip().strip('"')):
            said = found[1]
        elif line.strip().strip("".join(_DELIMITERS)):
            return _header(line, said, number)
    raise BadFile("the file is empty, wanted a header and rows" if not said else "the file has no header")


def _header(line: str, said: str, number: int) -> Header:
    bare = "".join(line.split('"')[::2]) if line.count('"') % 2 == 0 else line
    delimiter = said or max(_DELIMITERS, key=bare.count)
    try:
        return Header([name.strip() for name in next(csv.reader([line], delimiter=delimiter))], delimiter, number)
    except csv.Error as error:
        raise BadFile(f"line {number}: the header cannot be read: {error}") from None


def key_of(name: str) -> str:
    """A column's name without what people write differently: case, spaces, hyphens, dots, a unit in brackets."""
    bare = _IN_BRACKETS.sub("", name).strip() or name
    kept = "".join(sign if sign.isalnum() else "_" for sign in bare.casefold())
    return "_".join(part for part in kept.split("_") if part)


def rows_of(
    lines: Iterator[str], header: Header, told: Callable[[str], None] | None = None
) -> Iterator[tuple[int, list[str]]]:
    """The rows below the header that are not blank, each with the line it begins on and a cell per column.

    A row that is shorter or longer than the header has its cells under wrong names: raises `BadFile`, or leaves it out
    and has it `told`.
    """
    csv.field_size_limit(_FIELD_LIMIT)
    reader = csv.reader(lines, delimiter=header.delimiter, strict=True)
    width, before = len(header.names), header.line
    line = before + 1
    try:
        for row in reader:
            if len(row) != width or not row[0]:
                if not any(cell.strip() for cell in row):
                    line = before + reader.line_num + 1
                    continue
                if len(row) < width or any(row[width:]):
                    problem = f"line {line} has {len(row)} columns, the header has {width}"
                    problem += f"; a cell with {header.delimiter!r} in it is quoted" if len(row) > width else ""
                    if told is None:
                        raise BadFile(problem)
                    told(problem)
                    line = before + reader.line_num + 1
                    continue
            yield line, row
            line = before + reader.line_num + 1
    except csv.Error as error:
        raise BadFile(f"line {line} cannot be read: {error}") from None


@contextmanager
def _bytes_of(path: Path) -> Iterator[io.BufferedReader]:
    if str(path) != STANDARD_INPUT:
        with path.open("rb") as raw:
            yield raw
        return
    given = getattr(sys.stdin, "buffer", None)
    if isinstance(given, io.BufferedReader):
        yield given
    else:
        yield io.BufferedReader(io.BytesIO(sys.stdin.read().encode()))


def _encoding(path: Path, head: bytes) -> str:
    for mark, what in _NOT_TEXT.items():
        if head.startswith(mark):
            raise BadFile(f"{path} is {what}, wanted text; save it as CSV")
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if b"\x00" in head:
        raise BadFile(f"{path} holds bytes that are no text, wanted UTF-8 (UTF-16 has a byte order mark)")
    return "utf-8"


def _shown(error: UnicodeDecodeError) -> str:
    return f"got the byte 0x{error.object[error.start]:02x}" if error.start < len(error.object) else error.reason

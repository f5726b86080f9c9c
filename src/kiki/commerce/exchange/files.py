"""Files of exchange rates: the European Central Bank's reference rates (CSV, XML, or zipped), and a plain CSV.

The bank publishes `eurofxref` (one day) and `eurofxref-hist` (every day since 1999): so much of each currency for one
euro. In CSV the currencies are columns; a plain CSV has the columns date, base, quote and rate.
XML is read by expat without document types, so that nothing in it can expand or fetch anything.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.parsers import expat

from kiki.commerce.exchange.rates import COMMON, ECB, FILE, Rate, checked
from kiki.kit.errors import InvalidInput
from kiki.kit.textfile import STANDARD_INPUT, BadFile, Header, header_of, open_text, rows_of

MAX_BYTES = 64 * 2**20
_ZIP = b"PK\x03\x04"
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATED = re.compile(r"(\d{1,2}) ([A-Za-z]{3,9}) (\d{4})", re.ASCII)
_CODE = re.compile(r"[A-Za-z]{3}")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PLAIN: Mapping[str, tuple[str, ...]] = {
    "day": ("date", "day"),
    "base": ("base", "from", "base_currency"),
    "quote": ("quote", "to", "quote_currency"),
    "rate": ("rate",),
}
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
    LookupError,
    EOFError,
    OSError,
)
"""What reading a garbled archive raises."""
_ABSENT = ("", "N/A", "-")


def read_file(path: Path) -> list[Rate]:
    """The rates of a file, or of standard input. Raises `BadFile`, with the line where there is one."""
    return read_hashed(path)[0]


def read_hashed(path: Path) -> tuple[list[Rate], str]:
    """`read_file`, and the file's SHA-256 in hexadecimal; of standard input that of its text in UTF-8."""
    if str(path) != STANDARD_INPUT and _is_zip(path):
        return read_bytes(_zipped(path)), _digest(path)
    text = _text(path)
    rates = read_text(text)
    named = str(path) != STANDARD_INPUT and path.is_file()
    return rates, _digest(path) if named else hashlib.sha256(text.encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as raw:
        return hashlib.file_digest(raw, "sha256").hexdigest()


def _text(path: Path) -> str:
    with open_text(path) as file:
        text = file.text.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise BadFile(f"{path} is too large: rates of many years have less than {MAX_BYTES // 2**20} MB")
    return text


def read_bytes(data: bytes) -> list[Rate]:
    """The rates of a document as it was fetched: text, or a ZIP archive of one. Raises `BadFile`."""
    if data.startswith(_ZIP):
        data = _unzipped(io.BytesIO(data))
    try:
        return read_text(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadFile(f"the document is not UTF-8 text: byte {error.start}") from None


def read_text(text: str) -> list[Rate]:
    """The rates of a document: XML is told by its first character, the kinds of CSV by their header."""
    rates = _of_xml(text) if text.lstrip("\ufeff \t\r\n").startswith("<") else _of_csv(text)
    return _distinct(rates)


def _distinct(rates: Iterable[Rate]) -> list[Rate]:
    found: dict[tuple[dt.date, str, str], Rate] = {}
    for rate in rates:
        known = found.setdefault((rate.day, rate.base, rate.quote), rate)
        if known.rate != rate.rate:
            raise BadFile(f"{rate.base} to {rate.quote} of {rate.day} stands there twice: {known.rate} and {rate.rate}")
    if not found:
        raise BadFile("the document holds no exchange rate")
    return list(found.values())


def _of_csv(text: str) -> Iterator[Rate]:
    lines = iter(io.StringIO(text, newline=""))
    header = header_of(lines)
    places = header.places(_PLAIN)
    if len(places) == len(_PLAIN):
        return _of_plain(lines, header, places)
    if "day" in places and all(not name or _CODE.fullmatch(name) or at == places["day"] for at, name in _named(header)):
        return _of_table(lines, header, places["day"])
    raise BadFile(
        "wanted the columns date, base, quote and rate, or a date and a column per currency as the European Central"
        f" Bank has them; got {', '.join(header.names)[:200]}"
    )


def _named(header: Header) -> Iterator[tuple[int, str]]:
    return enumerate(header.names)


def _of_plain(lines: Iterator[str], header: Header, places: Mapping[str, int]) -> Iterator[Rate]:
    for number, cells in rows_of(lines, header):
        told = {name: cells[at].strip() for name, at in places.items()}
        with _Line(number):
            yield checked(told["base"], told["quote"], read_day(told["day"]), told["rate"], FILE)


def _of_table(lines: Iterator[str], header: Header, day_at: int) -> Iterator[Rate]:
    """A row per day, a column per currency: so much of it for one euro."""
    columns = [(at, name.upper()) for at, name in _named(header) if name and at != day_at]
    for number, cells in rows_of(lines, header):
        with _Line(number):
            day = read_day(cells[day_at].strip())
            for at, code in columns:
                text = cells[at].strip()
                if text not in _ABSENT:
                    yield checked(COMMON, code, day, text, ECB)


class _Line:
    """Says on which line something is wrong."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, InvalidInput):
            raise BadFile(f"line {self._number}: {error.message}") from None


def read_day(text: str) -> dt.date:
    """A day as `2026-11-20`, or as the bank writes it, `20 November 2026`. Raises `BadFile`."""
    dated = _DATED.fullmatch(text)
    try:
        if dated is None:
            if not _ISO.fullmatch(text):
                raise ValueError(text)
            return dt.date.fromisoformat(text)
        return dt.date(int(dated[3]), _MONTHS.index(dated[2][:3].lower()) + 1, int(dated[1]))
    except ValueError:
        raise BadFile(f"a day is written 2026-11-20 or 20 November 2026, got {text[:40]!r}") from None


class _Envelope:
    """The bank's XML: `Cube` elements with a `time` that hold such with `currency` and `rate`."""

    def __init__(self) -> None:
        self.rates: list[Rate] = []
        self._day: dt.date | None = None
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.StartDoctypeDeclHandler = self._refuse

    def read(self, text: str) -> list[Rate]:
        try:
            self._parser.Parse(text, True)
        except expat.ExpatError as error:
            raise BadFile(f"line {error.lineno}: this is not XML: {expat.errors.messages[error.code]}") from None
        return self.rates

    def _refuse(self, *_: object) -> None:
        raise BadFile("XML with a document type is not read; the bank's reference rates have none")

    def _start(self, name: str, attributes: dict[str, Any]) -> None:
        if name.rpartition(":")[2] != "Cube":
            return
        with _Line(self._parser.CurrentLineNumber):
            if "time" in attributes:
                self._day = read_day(attributes["time"])
            elif "currency" in attributes or "rate" in attributes:
                self._tell(attributes)

    def _tell(self, attributes: dict[str, Any]) -> None:
        if self._day is None:
            raise BadFile("a rate stands before the day that it is of")
        currency, rate = attributes.get("currency", ""), attributes.get("rate", "")
        if rate not in _ABSENT:
            self.rates.append(checked(COMMON, currency, self._day, rate, ECB))


def _of_xml(text: str) -> list[Rate]:
    return _Envelope().read(text.lstrip("\ufeff \t\r\n"))


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as raw:
            return raw.read(len(_ZIP)) == _ZIP
    except OSError:
        return False  # Said where it is opened as text.


def _zipped(path: Path) -> bytes:
    with path.open("rb") as raw:
        return _unzipped(raw)


def _unzipped(raw: Any) -> bytes:
    """The one document of an archive, bounded."""
    try:
        with zipfile.ZipFile(raw) as archive:
            names = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
            if len(names) != 1:
                raise BadFile(f"wanted a ZIP archive of one document, got {len(names)}")
            with archive.open(names[0]) as file:
                data = file.read(MAX_BYTES + 1)
    except _BROKEN as error:
        raise BadFile(f"the ZIP archive cannot be read: {error}") from None
    if len(data) > MAX_BYTES:
        raise BadFile(f"the archive's document is larger than {MAX_BYTES // 2**20} MB")
    return data

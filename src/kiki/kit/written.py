"""Numbers and dates as people and programs write them: decimal commas, currency signs, days before months or after.

One text alone may not say what it means (`1,234`, `01/02/2026`); the others of its column do. So a way of writing is
found over a column first, and read by afterwards. Where the column does not say either, that is an error: nothing is
guessed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

Mark = Literal[".", ","]
Order = Literal["dmy", "mdy"]

MOST = 1e15
"""What is more than this either way is no count and no amount; sums of less stay exact enough."""
_SIGNS = "$¢£¤¥฿₠-⃏﷼"
_CURRENCY = rf"(?:[A-Z]{{3}}|[A-Za-z]{{0,3}}[{_SIGNS}]|[kK]r\.?|zł|Kč|Ft|Fr\.|Rs\.?)"
_DIGITS = r"(?P<digits>\d[\d.,'’ \u00a0\u2009\u202f]*|[.,]\d+)"
_AMOUNT = re.compile(
    rf"(?P<open>\()?\s*(?P<minus>[-+−])?\s*{_CURRENCY}?\s*(?P<later>[-+−])?\s*{_DIGITS}\s*{_CURRENCY}?\s*"
    rf"(?P<behind>-)?\s*(?P<close>\))?"
)
_GROUPING = re.compile(r"['’ \u00a0\u2009\u202f]")
_GROUPED = {mark: re.compile(rf"\d{{1,3}}(?:\{mark}\d{{2,3}})*\{mark}\d{{3}}") for mark in ".,"}
_EITHER = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_PARTS = re.compile(r"(\d{1,2})([/.\-])(\d{1,2})\2(\d{4}|\d{2})(?:(?:,?\s+|T)(\S.*))?")
_NAMED = re.compile(
    r"(?:[A-Za-z]{3,9}\.?,?\s+)?(?:(\d{1,2})[\s\-]+([A-Za-z]{3,9})\.?|([A-Za-z]{3,9})\.?\s+(\d{1,2}))"
    r",?[\s\-]+(\d{4})(?:(?:,?\s+|T)(\S.*))?"
)
_MAIL = re.compile(r"[A-Za-z]{3}, \d")
_TIME = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([AaPp]\.?[Mm]\.?)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?", re.IGNORECASE
)
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:(?:\s+|T)(\S.*))?")
_COMMA_FIRST: tuple[Mark, Mark] = (",", ".")
_POINT_FIRST: tuple[Mark, Mark] = (".", ",")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_COMPACT_DAY = len("20260131")
_COMPACT_TIME = re.compile(r"\d{14}")
_SECONDS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e8, 1.0))
"""A Unix time of so much at least is counted in so many parts of a second."""
_LAST_SECOND = 1e10
_CENTURY_ENDS = 70


class Unclear(ValueError):
    """A column's texts do not say, or say both, how they are to be read. Names the text that shows it."""

    def __init__(self, message: str, text: str) -> None:
        super().__init__(message)
        self.text = text


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How a column writes numbers."""

    decimal: Mark = "."

    def read(self, text: str) -> float:
        """The number; raises `ValueError`. A minus may stand in front or behind, brackets are a minus too."""
        text = text.strip()
        if self.decimal == "." or not ("." in text or "," in text):
            try:
                return float(text)
            except ValueError:
                pass
        found = _AMOUNT.fullmatch(text)
        if found is None or (found["open"] is None) != (found["close"] is None):
            raise ValueError(text)
        number = float(_plain(found["digits"], self.decimal))
        negative = sum(found[part] in ("-", "−", "(") for part in ("open", "minus", "later", "behind"))
        if negative > 1:
            raise ValueError(text)
        return -number if negative else number


def number_style(texts: Iterable[str], *, counts: bool = False) -> NumberStyle:
    """How these numbers are written. Raises `Unclear` when they contradict each other, or may mean either.

    A mark that comes once before anything but three digits is the decimal mark; one that comes several times, or
    before the other, parts thousands. `1.234` alone is taken as it stands; `1,234` alone is unclear, and a thousand
    where the column holds `counts`.
    """
    shown: dict[str, str] = {}
    unclear: str | None = None
    for text in texts:
        decimal = _decimal_of(text) if "," in text or "." in text else None
        if decimal is not None:
            shown.setdefault(decimal, text)
        elif "," in text:
            unclear = unclear or text
        if len(shown) == 2:
            raise Unclear(f"got {shown['.']!r} with a decimal point and {shown[',']!r} with a decimal comma", text)
    if shown:
        return NumberStyle("," if "," in shown else ".")
    if unclear is not None and not counts:
        said = f"{unclear!r} may be a thousand or a decimal comma, and no other number of the column says"
        raise Unclear(f"{said}; wanted no comma, or a point", unclear)
    return NumberStyle()


def _decimal_of(text: str) -> Mark | None:
    """The decimal mark that this text shows; None: either."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        return None
    digits = _GROUPING.sub("", found["digits"])
    if "." in digits and "," in digits:
        return "," if digits.rindex(",") > digits.rindex(".") else "."
    mark, other = _COMMA_FIRST if "," in digits else _POINT_FIRST
    if digits.count(mark) > 1:
        return other
    return mark if mark in digits and not _EITHER.fullmatch(digits) else None


def _plain(digits: str, decimal: Mark) -> str:
    """Digits as `float` takes them; raises `ValueError` for groups that are none."""
    thousands = "," if decimal == "." else "."
    whole, _, part = _GROUPING.sub("", digits.strip()).partition(decimal)
    if thousands in whole:
        if not _GROUPED[thousands].fullmatch(whole):
            raise ValueError(digits)
        whole = whole.replace(thousands, "")
    if not (whole + part).isdigit():
        raise ValueError(digits)
    return f"{whole or 0}.{part or 0}"


@dataclass(frozen=True, slots=True)
class DateStyle:
    """How a column writes dates."""

    order: Order | None = None
    """Of day and month before the year; None: no date of the column has them so."""

    def read(self, text: str) -> dt.datetime:
        """The time, with its zone if it names one; a day is its midnight. Raises `ValueError`.

        ISO 8601 and its usual variants, `yyyymmdd`, Unix times, days and months in `order`, English names of months.
        """
        text = text.strip()
        if text[:1].isdigit() and len(text) != _COMPACT_DAY and text.replace(".", "", 1).isdecimal():
            return _counted(text)
        try:
            return dt.datetime.fromisoformat(text)
        except ValueError:
            pass
        if found := _ISO.fullmatch(text):
            return _at(int(found[1]), int(found[2]), int(found[3]), found[4])
        if found := _PARTS.fullmatch(text):
            first, second = int(found[1]), int(found[3])
            day, month = (second, first) if self._order_of(found[2]) == "mdy" else (first, second)
            return _at(_year(found[4]), month, day, found[5])
        if found := _NAMED.fullmatch(text):
            month = _month(found[2] or found[3])
            return _at(int(found[5]), month, int(found[1] or found[4]), found[6])
        if _MAIL.match(text):
            return parsedate_to_datetime(text)
        raise ValueError(text)

    def _order_of(self, mark: str) -> Order:
        if mark == ".":
            return "dmy"
        if self.order is None:
            raise ValueError("day and month may be either way round")
        return self.order


def date_style(texts: Iterable[str]) -> DateStyle:
    """How these dates are written. Raises `Unclear` when day and month contradict each other, or may be either."""
    shown: dict[str, str] = {}
    unclear: str | None = None
    for text in texts:
        found = _PARTS.fullmatch(text.strip())
        if found is None or found[2] == ".":
            continue
        first, second = int(found[1]), int(found[3])
        if first <= 12 < second:
            shown.setdefault("mdy", text)
        elif second <= 12 < first:
            shown.setdefault("dmy", text)
        elif first <= 12:
            unclear = unclear or text
        if len(shown) == 2:
            raise Unclear(f"got {shown['dmy']!r} with the day first and {shown['mdy']!r} with the month first", text)
    if shown:
        return DateStyle("dmy" if "dmy" in shown else "mdy")
    if unclear is not None:
        raise Unclear(f"{unclear!r} may be day/month or month/day, and no other date of the column says", unclear)
    return DateStyle()


def _at(year: int, month: int, day: int, time: str | None) -> dt.datetime:
    date = dt.datetime(year, month, day)  # noqa: DTZ001 - the text names no zone
    if time is None:
        return date
    found = _TIME.fullmatch(time.strip())
    if found is None:
        raise ValueError(time)
    hour = int(found[1])
    if found[4]:
        if not 1 <= hour <= 12:
            raise ValueError(time)
        hour = hour % 12 + (12 if found[4][0] in "pP" else 0)
    date = date.replace(hour=hour, minute=int(found[2]), second=int(found[3] or 0))
    return date.replace(tzinfo=_zone(found[5])) if found[5] else date


def _zone(text: str) -> dt.timezone:
    if text[0] not in "+-":
        return dt.UTC
    digits = text[1:].replace(":", "")
    ahead = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return dt.timezone(-ahead if text[0] == "-" else ahead)


def _year(text: str) -> int:
    year = int(text)
    return year if len(text) == 4 else year + (2000 if year < _CENTURY_ENDS else 1900)


def _month(name: str) -> int:
    return _MONTHS.index(name[:3].lower()) + 1


def _counted(text: str) -> dt.datetime:
    """A Unix time, or yyyymmddHHMMSS."""
    if _COMPACT_TIME.fullmatch(text):
        return dt.datetime.strptime(text, "%Y%m%d%H%M%S")  # noqa: DTZ007 - the text names no zone
    number = float(text)
    for least, parts in _SECONDS:
        if least <= number < _LAST_SECOND * parts:
            return dt.datetime.fromtimestamp(number / parts, dt.UTC)
    raise ValueError(text)

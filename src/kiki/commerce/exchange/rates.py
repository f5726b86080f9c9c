"""Exchange rates as values: a rate of a day, and which one counts for a payment. Pure and exact.

What is looked up is kept as fractions; only the rate that comes out is rounded, once, to `DIGITS` significant digits
and at most `PLACES` decimals, halves away from zero. A rate that was told for the pair itself is taken as it was told.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from kiki.kit.errors import InvalidInput
from kiki.kit.money import check_currency

DIGITS, PLACES = 12, 18
LOOK_BACK = dt.timedelta(days=7)
"""How much older than the payment a rate may be: banks publish on business days."""
MANUAL, ECB, FILE, PLATFORM = "manual", "ecb", "file", "platform"
"""Where rates come from: a person, the European Central Bank, another file; an order's may be its platform's."""
COMMON = "EUR"
"""Between two currencies that share more than one, the one that is gone through."""
_TEXT = re.compile(r"(?=[0-9])0*[0-9]{1,12}(\.[0-9]{1,18})?")
_DAYS = (dt.date(1900, 1, 1), dt.date(2999, 12, 31))
_ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rate:
    """So much of `quote` for one unit of `base`."""

    base: str
    quote: str
    day: dt.date
    rate: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class Found:
    """The rate that counts, of which day, and where it comes from: `ecb`, or `ecb via EUR` for a cross rate."""

    rate: Decimal
    day: dt.date
    source: str

    @property
    def text(self) -> str:
        """Plain decimal text."""
        return plain(self.rate)


def read_rate(text: str) -> Decimal:
    """A rate from decimal text. Raises `InvalidInput`: it is positive, below 10^12 and has at most 18 decimals."""
    rate = Decimal(text) if _TEXT.fullmatch(text) else Decimal(0)
    if not rate:
        raise InvalidInput(
            f"a rate is positive decimal text below 10^12 with at most {PLACES} decimals, got {text[:40]!r}",
            reason="BAD_RATE",
        )
    return rate


def checked(base: str, quote: str, day: dt.date, rate: str, source: str) -> Rate:
    """A rate of two currencies on a sane day. Raises `InvalidInput`."""
    base, quote = check_currency(base), check_currency(quote)
    if base == quote:
        raise InvalidInput(f"a rate has two currencies, got {base} twice", reason="SAME_CURRENCY")
    if not _DAYS[0] <= day <= _DAYS[1]:
        raise InvalidInput(f"a rate's day lies in the years 1900 to 2999, got {day}", reason="BAD_DAY")
    return Rate(base, quote, day, read_rate(rate), source)


def plain(rate: Decimal) -> str:
    """Decimal text without an exponent and without zeros at the end."""
    text = f"{rate:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(exact: Fraction) -> Decimal:
    """A positive rate to `DIGITS` significant digits, at most `PLACES` decimals, half up."""
    magnitude = len(str(exact.numerator)) - len(str(exact.denominator))
    while exact >= Fraction(10) ** magnitude:
        magnitude += 1
    while exact < Fraction(10) ** (magnitude - 1):
        magnitude -= 1
    places = max(0, min(PLACES, DIGITS - magnitude))
    scaled = exact * 10**places
    return Decimal((2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)).scaleb(-places)


@dataclass(slots=True)
class RateTable:
    """Some days' rates, and the search for the one that counts."""

    _days: dict[dt.date, dict[tuple[str, str], tuple[Decimal, str]]] = field(default_factory=dict)

    def __init__(self, rates: Iterable[Rate] = ()) -> None:
        self._days = {}
        for told in rates:
            self._days.setdefault(told.day, {})[told.base, told.quote] = (told.rate, told.source)

    def find(self, base: str, quote: str, day: dt.date, today: dt.date) -> Found | None:
        """What counts for a payment on a day, seen from today (both UTC).

        The day's own rate, else the newest of the days before it, `LOOK_BACK` at most; an older one counts only once
        the day is over, because until then its own may still come. None: not known, or not yet.
        """
        found = self.newest(base, quote, day)
        return None if found is not None and found.day < day and day >= today else found

    def newest(self, base: str, quote: str, day: dt.date) -> Found | None:
        """The newest rate of the day or the days before it, whether or not a newer one may still come."""
        for at in _back(day):
            known = self._days.get(at)
            found = None if known is None else _on(known, base, quote)
            if found is not None:
                return Found(found[0], at, found[1])
        return None


def _back(day: dt.date) -> Iterator[dt.date]:
    at = day
    while at >= day - LOOK_BACK:
        yield at
        at -= _ONE_DAY


def _on(known: dict[tuple[str, str], tuple[Decimal, str]], base: str, quote: str) -> tuple[Decimal, str] | None:
    """Told for the pair, told the other way round, or through a currency that both are told against, in this order."""
    told = known.get((base, quote))
    if told is not None:
        return told
    turned = known.get((quote, base))
    if turned is not None:
        return rounded(1 / Fraction(turned[0])), turned[1]
    for via in _between(known, base, quote):
        first, second = _leg(known, base, via), _leg(known, via, quote)
        if first is not None and second is not None:
            sources = sorted({first[1], second[1]})
            return rounded(first[0] * second[0]), f"{'+'.join(sources)} via {via}"
    return None


def _between(known: Iterable[tuple[str, str]], base: str, quote: str) -> list[str]:
    """Currencies that are told against both, the common one first, then by their codes."""
    beside: dict[str, set[str]] = {base: set(), quote: set()}
    for one, other in known:
        if one in beside:
            beside[one].add(other)
        if other in beside:
            beside[other].add(one)
    return sorted(beside[base] & beside[quote], key=lambda code: (code != COMMON, code))


def _leg(known: dict[tuple[str, str], tuple[Decimal, str]], base: str, quote: str) -> tuple[Fraction, str] | None:
    told = known.get((base, quote))
    if told is not None:
        return Fraction(told[0]), told[1]
    turned = known.get((quote, base))
    return None if turned is None else (1 / Fraction(turned[0]), turned[1])

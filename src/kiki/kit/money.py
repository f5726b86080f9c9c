"""Money as whole minor units of a currency. Never a float; rounding stands where it happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext

from kiki.kit.errors import InvalidInput

_ZERO_DECIMAL = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
_THREE_DECIMAL = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
_FOUR_DECIMAL = frozenset(["CLF", "UYW"])
_MAX_MINOR = 2**63 - 1


def exponent(currency: str) -> int:
    """How many decimals a currency has (ISO 4217); two where the code is not a known exception."""
    if currency in _ZERO_DECIMAL:
        return 0
    if currency in _THREE_DECIMAL:
        return 3
    return 4 if currency in _FOUR_DECIMAL else 2


def _scale(currency: str) -> Decimal:
    return _SCALES[exponent(currency)]


_SCALES = {places: Decimal(10) ** places for places in (0, 2, 3, 4)}


def rounded(numerator: int, denominator: int) -> int:
    """A quotient, halves away from zero; the denominator is positive."""
    whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    return whole if numerator >= 0 else -whole


def proportion(minor: int, part: int, whole: int) -> int:
    """As much of an amount as `part` is of `whole`: exact, halves away from zero, at least nothing and at most all.

    Any part of nothing is all. Whoever takes back in proportion takes this off, and keeps the rest.
    """
    if part <= 0:
        return 0
    return minor if part >= whole else rounded(minor * part, whole)


def exchanged(minor: int, currency: str, into: str, rate: Decimal) -> int:
    """An amount in minor units of another currency, half up; the rate is `into` per unit of `currency`.

    Raises `InvalidInput` when it does not fit 64 bits.
    """
    with localcontext(prec=60):
        exact = Decimal(minor) * rate * Decimal(10) ** (exponent(into) - exponent(currency))
        if exact.adjusted() > 18 or abs(found := int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))) > _MAX_MINOR:
            raise InvalidInput("an amount fits 64 bits of minor units", reason="BAD_AMOUNT")
        return found


def check_currency(currency: object) -> str:
    """The code, if it is three upper-case letters; otherwise `InvalidInput`."""
    if isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isalpha():
        return currency.upper()
    raise InvalidInput(f"a currency is a three-letter ISO 4217 code, got {_shown(currency)}", reason="BAD_CURRENCY")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 24 else f"{text[:20]}… ({type(value).__name__})"


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount: `minor` whole minor units (cents, yen, fils) of `currency`."""

    minor: int
    currency: str

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(0, currency)

    @classmethod
    def parse(cls, value: str | float | Decimal | None, currency: str, *, rounding: str = ROUND_HALF_UP) -> Money:
        """From a platform's major-unit amount ("12.50", 12.5, 12); digits past the minor unit round half up.

        Raises `InvalidInput` when the value is not a finite number or does not fit 64 bits.
        """
        if value is None or isinstance(value, bool):
            raise InvalidInput(f"an amount is a decimal number, got {_shown(value)}", reason="BAD_AMOUNT")
        try:
            number = Decimal(value if isinstance(value, (int, Decimal)) else str(value).strip())
        except InvalidOperation:
            raise InvalidInput(f"an amount is a decimal number, got {_shown(value)}", reason="BAD_AMOUNT") from None
        return cls.of(number, currency, rounding=rounding)

    @classmethod
    def of(cls, amount: Decimal, currency: str, *, rounding: str = ROUND_HALF_UP) -> Money:
        """From a `Decimal` in major units, rounded to the minor unit."""
        if not amount.is_finite():
            raise InvalidInput("an amount is a finite number", reason="BAD_AMOUNT")
        if amount.adjusted() > 18:
            raise InvalidInput("an amount fits 64 bits of minor units", reason="BAD_AMOUNT")
        minor = int((amount * _scale(currency)).quantize(Decimal(1), rounding=rounding))
        if abs(minor) > _MAX_MINOR:
            raise InvalidInput("an amount fits 64 bits of minor units", reason="BAD_AMOUNT")
        return cls(minor, currency)

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
        return f"{self.amount:.{exponent(self.currency)}f} {self.currency}"

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise InvalidInput(
                f"amounts of one currency add up, got {self.currency} and {other.currency}", reason="CURRENCY_MISMATCH"
            )
        return other.minor

    def share(self, fraction: Decimal, *, rounding: str = ROUND_HALF_UP) -> Money:
        """This amount times a fraction, rounded to the minor unit as named."""
        return Money(int((self.minor * fraction).quantize(Decimal(1), rounding=rounding)), self.currency)

    def ratio(self, numerator: int, denominator: int, *, rounding: str = ROUND_HALF_UP) -> Money:
        """This amount times numerator/denominator, computed exactly, then rounded to the minor unit."""
        return Money(
            int((Decimal(self.minor * numerator) / Decimal(denominator)).quantize(Decimal(1), rounding=rounding)),
            self.currency,
        )

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Shares in proportion to non-negative weights; they sum to this amount exactly.

        What is left over goes to the largest remainders, then in order.
        """
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise InvalidInput("weights are non-negative and not all zero", reason="BAD_WEIGHTS")
        sign = -1 if self.minor < 0 else 1
        whole = abs(self.minor)
        shares = [whole * weight // total for weight in weights]
        order = sorted(range(len(weights)), key=lambda i: (-(whole * weights[i] % total), i))
        for index in order[: whole - sum(shares)]:
            shares[index] += 1
        return [Money(sign * share, self.currency) for share in shares]

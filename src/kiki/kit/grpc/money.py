"""`Money` ↔ `google.type.Money` (units and nanos), without loss."""

from __future__ import annotations

from functools import lru_cache

from google.type.money_pb2 import Money as MoneyMessage

from kiki.kit.errors import InvalidInput
from kiki.kit.money import Money, check_currency, exponent

_NANOS = 1_000_000_000
_UNITS = {places: 10**places for places in (0, 2, 3, 4)}


def money_to_proto(money: Money) -> MoneyMessage:
    """Units and nanos carry the same sign, as google.type.Money asks."""
    return minor_to_proto(money.minor, money.currency)


def minor_to_proto(minor: int, currency: str) -> MoneyMessage:
    """`money_to_proto` of an amount that is already two plain values, for hot paths."""
    scale, step = _scale(currency)
    if minor >= 0:
        return MoneyMessage(currency_code=currency, units=minor // scale, nanos=minor % scale * step)
    return MoneyMessage(currency_code=currency, units=-(-minor // scale), nanos=-(-minor % scale) * step)


def money_from_proto(message: MoneyMessage) -> Money:
    """Raises `InvalidInput` when the amount is finer than the currency's minor unit, or signs disagree."""
    return Money(*minor_from_proto(message))


def minor_from_proto(message: MoneyMessage) -> tuple[int, str]:
    """`money_from_proto` as plain minor units and currency, for hot paths."""
    currency = _checked(message.currency_code)
    scale, step = _scale(currency)
    units, nanos = message.units, message.nanos
    if not nanos:
        return units * scale, currency
    rest, finer = divmod(abs(nanos), step)
    if finer or rest >= scale:
        raise InvalidInput(f"an amount in {currency} has at most {exponent(currency)} decimals", reason="BAD_AMOUNT")
    if (units > 0 and nanos < 0) or (units < 0 and nanos > 0):
        raise InvalidInput("units and nanos of an amount have the same sign", reason="BAD_AMOUNT")
    return units * scale + (-rest if nanos < 0 else rest), currency


@lru_cache(maxsize=512)
def _scale(currency: str) -> tuple[int, int]:
    """Minor units per unit, and nanos per minor unit."""
    scale = _UNITS[exponent(currency)]
    return scale, _NANOS // scale


_checked = lru_cache(maxsize=512)(check_currency)

"""`Money` ↔ `google.type.Money` (units and nanos), without loss."""

from __future__ import annotations

from google.type.money_pb2 import Money as MoneyMessage

from kiki.kit.errors import InvalidInput
from kiki.kit.money import Money, check_currency, exponent

_NANOS = 1_000_000_000
_UNITS = {places: 10**places for places in (0, 2, 3, 4)}


def money_to_proto(money: Money) -> MoneyMessage:
    """Units and nanos carry the same sign, as google.type.Money asks."""
    scale = _UNITS[exponent(money.currency)]
    sign = -1 if money.minor < 0 else 1
    units, rest = divmod(abs(money.minor), scale)
    return MoneyMessage(currency_code=money.currency, units=sign * units, nanos=sign * rest * (_NANOS // scale))


def money_from_proto(message: MoneyMessage) -> Money:
    """Raises `InvalidInput` when the amount is finer than the currency's minor unit, or signs disagree."""
    currency = check_currency(message.currency_code)
    scale = _UNITS[exponent(currency)]
    units, nanos = message.units, message.nanos
    rest, finer = divmod(abs(nanos), _NANOS // scale)
    if finer or abs(nanos) >= _NANOS:
        raise InvalidInput(f"an amount in {currency} has at most {exponent(currency)} decimals", reason="BAD_AMOUNT")
    if (units > 0 and nanos < 0) or (units < 0 and nanos > 0):
        raise InvalidInput("units and nanos of an amount have the same sign", reason="BAD_AMOUNT")
    return Money(units * scale + (-rest if nanos < 0 else rest), currency)

"""What every platform's `events` reads with: payload → struct, amounts, times, identifiers, plain text.

Platforms mix numbers, strings and nulls: fields are declared loosely (`Text`, `Amount`, `Ident`), and read here
strictly. Everything raises `InvalidInput` alone, and no message repeats a value from the payload.
"""

from __future__ import annotations

import datetime as dt
import html
import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from kiki.kit.errors import InvalidInput
from kiki.kit.money import Money, exponent

Text: TypeAlias = str | int | float | bool | None
"""Text that a sender may also write as a number, `false` or null."""
Ident: TypeAlias = int | str | None
"""An identifier: exact above 2^53."""
Amount: TypeAlias = Any
"""Decimal text, or a JSON number (an exact `Decimal` or `int`, by the decoder's float hook), or null."""

T = TypeVar("T")

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""An escape of JSON; half of a pair that is written in two is a group."""
_TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE)
_MAX_TEXT = 10_000
_MAX_IDENT = 128
_MAX_COUNT = 2**31 - 1
_MAX_INT = 2**64
_AMOUNT_BITS = 64
_YEARS = range(1900, 3000)
"""No shop sold outside them; at the ends of the calendar, windows and zones leave it."""


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """A decoder for payloads of one shape: lenient about numbers in strings, exact about fractions."""
    return msgspec.json.Decoder(kind, strict=False, float_hook=Decimal)


def decode(reader: msgspec.json.Decoder[T], body: bytes) -> T:
    """Read a payload. NUL characters are left out: PostgreSQL text cannot hold them.

    A program that cut a text in the middle of an emoji left half a character: it is shown as U+FFFD.
    """
    if b"\\u0000" in body:
        body = _NUL.sub(rb"\1", body)
    try:
        try:
            return reader.decode(body)
        except msgspec.DecodeError as error:
            if isinstance(error, msgspec.ValidationError) or (mended := _ESCAPE.sub(_whole, body)) == body:
                raise
            return reader.decode(mended)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"the payload has an unexpected shape: {error}", reason="UNREADABLE_PAYLOAD") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise InvalidInput("the payload is not valid UTF-8 JSON", reason="UNREADABLE_PAYLOAD") from None
    except RecursionError:
        raise InvalidInput("the payload is nested too deeply", reason="UNREADABLE_PAYLOAD") from None


def _whole(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape[1] else escape[0]


def missing(name: str) -> InvalidInput:
    """The failure of a payload without a field that it must have."""
    return InvalidInput(f"the payload has no `{name}`", reason="MISSING_FIELD", data={"field": name})


def bad(name: str, wanted: str) -> InvalidInput:
    """The failure of a field whose value cannot be used."""
    return InvalidInput(f"`{name}` is {wanted}", reason="BAD_FIELD", data={"field": name})


def ident(value: Ident, name: str) -> str:
    """An identifier as text; raises when it is absent, zero or empty."""
    found = find_ident(value, name)
    if found is None:
        raise missing(name)
    return found


def find_ident(value: Ident, name: str) -> str | None:
    """An identifier as text; None when it is absent, zero or empty (platforms write 0 for "none")."""
    if not value or value == "0":
        return None
    written = str(value) if isinstance(value, int) and abs(value) < 2**64 else value
    if not isinstance(written, str) or len(written) > _MAX_IDENT:
        raise bad(name, "an identifier of 64 bits or a short text")
    return written


def text(value: Text) -> str:
    """Trimmed text; empty when absent or `false`."""
    if isinstance(value, str):
        return value.strip()[:_MAX_TEXT]
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) > _MAX_INT):
        return ""
    return str(value)


def find_text(value: Text) -> str | None:
    """Trimmed text; None when there is none."""
    return text(value) or None


def plain_text(markup: Text) -> str:
    """Markup as plain text: without tags, entities decoded, white space folded, bounded."""
    source = text(markup)
    if "<" in source:
        source = _TAG.sub(" ", source)
    if "&" in source:
        source = html.unescape(source).replace("\x00", "")
    return " ".join(source.split())


def money(value: Amount, currency: str, name: str) -> Money:
    """An amount that must be there."""
    return Money(minor(value, currency, name), currency)


def find_money(value: Amount, currency: str, name: str) -> Money | None:
    """An amount, or None when it is absent or empty."""
    return None if value is None or value == "" else money(value, currency, name)


def minor(value: Amount, currency: str, name: str) -> int:
    """An amount in minor units; the usual form `123.45` of a two-decimal currency takes a short way."""
    if value.__class__ is str and value[-3:-2] == "." and len(value) < 18:
        digits = value[:-3] + value[-2:]
        if digits.isdecimal() and exponent(currency) == 2:
            return int(digits)
    if value is None or value == "":
        raise missing(name)
    try:
        return Money.parse(
            value if isinstance(value, (str, int, Decimal)) else str(type(value)),
            currency,
        ).minor
    except (InvalidInput, ArithmeticError):
        raise _bad_amount(name) from None


def summed(amount_minor: int, currency: str, name: str) -> Money:
    """What amounts come to that were read one by one: refused like them when it does not fit."""
    if amount_minor.bit_length() >= _AMOUNT_BITS:
        raise _bad_amount(name)
    return Money(amount_minor, currency)


def _bad_amount(name: str) -> InvalidInput:
    return InvalidInput(
        f"`{name}` is a decimal amount that fits 64 bits of minor units", reason="BAD_AMOUNT", data={"field": name}
    )


def decimal(value: Amount, name: str) -> Decimal:
    """A finite number; zero when absent."""
    if value is None or value == "":
        return Decimal(0)
    try:
        number = Decimal(value)
    except (ArithmeticError, TypeError, ValueError):
        raise bad(name, "a decimal number") from None
    if not number.is_finite() or number.adjusted() > 18:
        raise bad(name, "a decimal number of ordinary size")
    return number


def whole(value: Amount, name: str) -> int:
    """A whole number of 32 bits, fractions cut towards minus infinity; raises when absent."""
    found = find_whole(value, name)
    if found is None:
        raise missing(name)
    return found


def find_whole(value: Amount, name: str) -> int | None:
    """A whole number of 32 bits, None when absent; plugins write stock as text or with a fraction."""
    if value.__class__ is int and -_MAX_COUNT <= value <= _MAX_COUNT:
        return int(value)
    if value is None or value == "":
        return None
    number = decimal(value, name)
    if abs(number) > _MAX_COUNT:
        raise bad(name, "a whole number of 32 bits")
    return int(number // 1) if number == int(number) or number > 0 else int(number) - 1


def time(value: Text, name: str, zone: str = "UTC") -> dt.datetime:
    """A time in UTC; one without an offset is local to `zone`. Raises when absent."""
    found = find_time(value, name, zone)
    if found is None:
        raise missing(name)
    return found


def find_time(value: Text, name: str, zone: str = "UTC") -> dt.datetime | None:
    """A time in UTC, None when absent or written as zeros, which PHP counts down to the year -1."""
    if not value:
        return None
    if not isinstance(value, str):
        raise bad(name, "an ISO 8601 time")
    if value.startswith(("0000-", "-0001-")):
        return None
    try:
        at = _read_time(value, zone)
    except (ValueError, OverflowError):
        raise bad(name, "an ISO 8601 time") from None
    if at.year not in _YEARS:
        raise bad(name, f"a time of the years {_YEARS.start} to {_YEARS.stop - 1}")
    return at


@lru_cache(maxsize=4096)
def _read_time(value: str, zone: str) -> dt.datetime:
    """Kept for a while: a payload repeats its times, and deliveries of one second share them."""
    at = dt.datetime.fromisoformat(value)
    if at.tzinfo is None:
        return at.replace(tzinfo=dt.UTC) if zone == "UTC" else at.replace(tzinfo=_zone(zone)).astimezone(dt.UTC)
    return at.astimezone(dt.UTC)


def _zone(name: str) -> dt.tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return dt.UTC

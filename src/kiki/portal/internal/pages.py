"""Cursor pages: opaque tokens over the sort key of the last row, so that a list stays stable while it grows."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from typing import Annotated, Any

import msgspec
from fastapi import Path, Query

from kiki.kit.errors import InvalidInput

MAX_LIMIT = 500
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows of a page.")]
_BIGINT = range(-(2**63), 2**63)
Cursor = Annotated[str, Query(max_length=400, description="`next_cursor` of the page before; empty for the first.")]
StoreFilter = Annotated[int | None, Query(ge=1, lt=2**63, description="Only of this store.")]
StoreId = Annotated[int, Path(ge=1, lt=2**63)]


def check_range(name: str, start: dt.datetime | None, end: dt.datetime | None) -> None:
    """Of a span from `name`_from to `name`_to: nothing lies in it when it ends before it begins."""
    if start is not None and end is not None and start >= end:
        raise InvalidInput(
            f"{name}_from lies before {name}_to, got {start.isoformat()} and {end.isoformat()}", reason="BAD_RANGE"
        )


def encode_cursor(*key: str | int) -> str:
    """The sort key of a page's last row as one word."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str, kinds: tuple[type, ...]) -> list[Any] | None:
    """The sort key, None for the empty cursor. Raises `InvalidInput` for anything that we did not make."""
    if not cursor:
        return None
    try:
        key = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=list[str | int])
    except (ValueError, binascii.Error, msgspec.DecodeError):
        key = []
    if len(key) != len(kinds) or not all(map(_is_storable, key, kinds)):
        raise bad_cursor(cursor)
    return list(key)


def bad_cursor(cursor: str) -> InvalidInput:
    """A cursor that no answer of this list gave."""
    message = f"a cursor is the `next_cursor` of an earlier answer of this list, got {cursor[:40]!r}"
    return InvalidInput(message, reason="BAD_CURSOR")


def _is_storable(part: str | int, kind: type) -> bool:
    """Whether a part is of its kind, and a value that a column can hold."""
    return type(part) is kind and (part in _BIGINT if isinstance(part, int) else "\x00" not in part)

"""What every WooCommerce resource has in common: an id, or the REST error that a vanished one leaves behind."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from kiki.commerce.events import CommerceEvent
from kiki.kit.errors import InvalidInput
from kiki.platforms.protocol import StoreContext
from kiki.platforms.reading import Ident, Text, decode, decoder, find_time, ident

_ERROR_CODE = re.compile(r"[a-z0-9_]{1,80}")


class Resource(msgspec.Struct):
    """Fields of any resource; PHP writes {} as [], numbers as strings, and plugins add what they like."""

    id: Ident = None
    code: Any = None
    date_created: Text = None
    date_created_gmt: Text = None
    date_modified: Text = None
    date_modified_gmt: Text = None


R = TypeVar("R", bound=Resource)
T = TypeVar("T")

_resource = decoder(Resource)


def read(reader: msgspec.json.Decoder[R], body: bytes) -> tuple[R, str]:
    """A resource and its id. Raises `REST_ERROR_PAYLOAD` when the shop rendered an error instead of it."""
    found = decode(reader, body)
    if not found.id and isinstance(found.code, str) and _ERROR_CODE.fullmatch(found.code):
        raise InvalidInput(
            f"the shop rendered a REST error in place of the resource: {found.code}",
            reason="REST_ERROR_PAYLOAD",
        )
    return found, ident(found.id, "id")


def read_id(body: bytes) -> str:
    """The id alone, all that a deleted resource leaves."""
    return read(_resource, body)[1]


def acknowledged(_topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """Readable, and nothing follows."""
    read_id(body)
    return ()


def listed(parts: list[T] | dict[str, T] | msgspec.UnsetType | None) -> list[T]:
    """PHP writes a list with a hole in its numbering, from which a plugin took something, as an object."""
    if isinstance(parts, dict):
        return list(parts.values())
    return parts if isinstance(parts, list) else []


def both_times(gmt: Text, local: Text, name: str, store: StoreContext) -> dt.datetime | None:
    """A time told twice: in UTC, else in the shop's own zone; neither has an offset."""
    return find_time(gmt, f"{name}_gmt") or find_time(local, name, store.timezone)


def created_at(found: Resource, store: StoreContext) -> dt.datetime | None:
    """When the resource was made, None when it does not say."""
    return both_times(found.date_created_gmt, found.date_created, "date_created", store)


def modified_at(found: Resource, store: StoreContext) -> dt.datetime | None:
    """When the resource last changed, None when it does not say."""
    return both_times(found.date_modified_gmt, found.date_modified, "date_modified", store)

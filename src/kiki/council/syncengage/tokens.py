"""Unsubscribe tokens: sealed, so that they can neither be made up nor read."""

from __future__ import annotations

import base64
import binascii

import msgspec

from kiki.council.syncengage.domain import Channel
from kiki.council.syncengage.errors import BadToken
from kiki.kit.errors import KikiError
from kiki.kit.sealing import Sealer

_PURPOSE = "unsubscribe"
_MAX_CHARS = 1024


class Subscription(msgspec.Struct, frozen=True, array_like=True):
    """What a token names."""

    customer_key: str
    channel: int


def make_token(sealer: Sealer, store_id: int, customer_key: str, channel: Channel) -> str:
    """A token that takes this contact off this channel. It has no end: a link in an old mail must work."""
    sealed = sealer.seal(
        msgspec.msgpack.encode(Subscription(customer_key, channel)), store_id=store_id, purpose=_PURPOSE
    )
    return f"{store_id}.{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}"


def read_token(sealer: Sealer, token: str) -> tuple[int, str, Channel]:
    """(store, customer key, channel). Raises `BadToken` when it is not ours."""
    store, separator, encoded = token.partition(".")
    if not separator or len(token) > _MAX_CHARS or not (store.isascii() and store.isdecimal() and len(store) < 19):
        raise BadToken("the unsubscribe link is not complete")
    try:
        sealed = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        opened = sealer.open(sealed, store_id=int(store), purpose=_PURPOSE)
        named = msgspec.msgpack.decode(opened, type=Subscription)
        return int(store), named.customer_key, Channel(named.channel)
    except (binascii.Error, ValueError, KikiError):
        raise BadToken("the unsubscribe link is not one of ours") from None

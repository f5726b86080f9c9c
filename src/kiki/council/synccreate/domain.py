"""Values of SyncCreate: products as they are advertised, copy, picture formats. No I/O."""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
from typing import Protocol

import msgspec


class CreativeType(enum.IntEnum):
    """What kind of creative; numbers as in the contract."""

    IMAGE = 1
    CAROUSEL = 2
    VIDEO = 3


class AdNetwork(enum.IntEnum):
    """Where a creative runs."""

    GOOGLE = 1
    META = 2
    TIKTOK = 3


class RenderStatus(enum.IntEnum):
    """How far rendering is."""

    PENDING = 1
    READY = 2
    FAILED = 3
    SUPERSEDED = 4


class Product(msgspec.Struct, frozen=True):
    """A product as it is advertised; public facts of the shop."""

    product_id: str
    title: str
    description: str
    vendor: str
    category: str
    price_minor: int | None
    compare_at_minor: int | None
    currency: str
    image_url: str

    @property
    def is_reduced(self) -> bool:
        """Whether there is a higher price before."""
        return self.price_minor is not None and (self.compare_at_minor or 0) > self.price_minor


class Brief(msgspec.Struct, frozen=True):
    """What a creative is wanted for."""

    product: Product
    creative_type: CreativeType
    network: AdNetwork
    locale: str


class Refresh(msgspec.Struct, frozen=True):
    """A product that changed."""

    product: Product
    reason: str
    locale: str


class Copy(msgspec.Struct, frozen=True):
    """The words of a creative."""

    headline: str
    description: str
    action: str
    """As the network calls it."""
    action_text: str


class Format(msgspec.Struct, frozen=True):
    """One picture of a creative."""

    slot: str
    width: int
    height: int
    animated: bool = False
    card: int = 0
    """Which card of a carousel, from 1."""

    @property
    def content_type(self) -> str:
        return "image/webp" if self.animated else "image/jpeg"


class Asset(msgspec.Struct, frozen=True):
    """A picture as read models show it."""

    asset_id: str
    slot: str
    width: int
    height: int
    content_type: str
    size_bytes: int
    sha256: bytes


class Creative(msgspec.Struct, frozen=True):
    """A creative in one version."""

    store_id: int
    creative_id: str
    product_id: str
    creative_type: CreativeType
    network: AdNetwork
    version: int
    copy: Copy
    status: RenderStatus
    failure: str
    cause: str
    writer: str
    product_title: str
    created_at: dt.datetime
    assets: tuple[Asset, ...] = ()


class Writer(Protocol):
    """Makes the words of a creative within its network's limits. Pure and fast: it runs while the caller waits."""

    @property
    def name(self) -> str:
        """Name and revision, kept with each version."""
        ...

    def write(self, brief: Brief) -> Copy: ...


def creative_id(store_id: int, product_id: str, creative_type: CreativeType, network: AdNetwork) -> str:
    """The same for all versions of one product, type and network."""
    text = f"{store_id}\x1f{product_id}\x1f{int(creative_type)}\x1f{int(network)}"
    return "cr_" + hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

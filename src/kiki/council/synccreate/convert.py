"""Protobuf ↔ values of SyncCreate. Requests are checked here, one by one, so that a bad one fails alone."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from kiki.council.synccreate.domain import (
    AdNetwork,
    Asset,
    Brief,
    Creative,
    CreativeType,
    Product,
    Refresh,
    RenderStatus,
)
from kiki.council.synccreate.service import Made, Refreshed
from kiki.kit.digest import semantic_digest
from kiki.kit.errors import InvalidInput
from kiki.kit.grpc.money import money_from_proto
from kiki.kit.grpc.times import time_to_proto
from kiki.kit.receipts import OnceItem
from kiki.rpc.v1 import common_pb2 as common
from kiki.rpc.v1 import synccreate_pb2 as pb

_T = TypeVar("_T")
_MAX_KEY = 256
_REASONS = {
    pb.REFRESH_REASON_PRICE_CHANGE: "price_change",
    pb.REFRESH_REASON_IMAGE_UPDATE: "image_update",
    pb.REFRESH_REASON_DESCRIPTION_UPDATE: "description_update",
}
_TYPES: dict[CreativeType, Any] = {kind: pb.CreativeType.Value(f"CREATIVE_TYPE_{kind.name}") for kind in CreativeType}
_NETWORKS: dict[AdNetwork, Any] = {network: pb.AdNetwork.Value(f"AD_NETWORK_{network.name}") for network in AdNetwork}
_STATUSES: dict[RenderStatus, Any] = {
    status: pb.RenderStatus.Value(f"RENDER_STATUS_{status.name}") for status in RenderStatus
}


class _Keyed(Protocol):
    store_id: int
    event_id: str


def brief(request: pb.GenerateProductCreativeRequest) -> OnceItem[Brief]:
    """Raises `InvalidInput` when product, type or network is missing."""
    if request.creative_type not in _TYPES.values() or request.ad_network not in _NETWORKS.values():
        raise InvalidInput("a creative needs a creative_type and an ad_network", reason="MISSING_FIELD")
    command = Brief(
        _product(request.product),
        CreativeType(request.creative_type),
        AdNetwork(request.ad_network),
        _text(request.locale, 35),
    )
    return _item(request, semantic_digest(command), command)


def refresh(request: pb.RefreshProductCreativeRequest) -> OnceItem[Refresh]:
    """Raises `InvalidInput` when product or reason is missing."""
    reason = _REASONS.get(request.reason)
    if reason is None:
        raise InvalidInput("a refresh needs a reason", reason="MISSING_FIELD")
    command = Refresh(_product(request.product), reason, _text(request.locale, 35))
    return _item(request, semantic_digest(command), command)


def made_response(made: Made) -> bytes:
    """The answer to a request for a creative."""
    version = made.version
    return pb.GenerateProductCreativeResponse(
        creative_id=version.head.creative_id,
        version=version.version,
        asset_urls=made.urls,
        headline=version.copy.headline,
        description=version.copy.description,
        call_to_action=version.copy.action,
        call_to_action_text=version.copy.action_text,
        status=pb.RENDER_STATUS_PENDING,
    ).SerializeToString()


def refreshed_response(refreshed: Refreshed) -> bytes:
    """The answer to a refresh."""
    return pb.RefreshProductCreativeResponse(
        refreshed=[
            pb.RefreshedCreative(
                creative_id=made.version.head.creative_id,
                version=made.version.version,
                creative_type=_TYPES[made.version.head.creative_type],
                ad_network=_NETWORKS[made.version.head.network],
                asset_urls=made.urls,
                headline=made.version.copy.headline,
                description=made.version.copy.description,
                changed=made.changed,
            )
            for made in refreshed.made
        ],
        unchanged=refreshed.unchanged,
    ).SerializeToString()


def creative_message(creative: Creative, url: Callable[[str], str]) -> pb.Creative:
    """A creative as read models show it."""
    return pb.Creative(
        store_id=creative.store_id,
        creative_id=creative.creative_id,
        product_id=creative.product_id,
        creative_type=_TYPES[creative.creative_type],
        ad_network=_NETWORKS[creative.network],
        version=creative.version,
        headline=creative.copy.headline,
        description=creative.copy.description,
        call_to_action=creative.copy.action,
        call_to_action_text=creative.copy.action_text,
        assets=[_asset(asset, url) for asset in creative.assets],
        status=_STATUSES[creative.status],
        failure=creative.failure,
        created_at=time_to_proto(creative.created_at),
        cause=creative.cause,
        writer=creative.writer,
        product_title=creative.product_title,
    )


def page_size(size: int) -> int:
    """How many rows a page has."""
    if not 0 <= size <= 200:
        raise InvalidInput(f"page_size lies between 1 and 200, got {size}", reason="BAD_PAGE")
    return size or 50


def page_token(following: tuple[dt.datetime, str] | None) -> str:
    """Where the next page starts, as text."""
    if following is None:
        return ""
    return base64.urlsafe_b64encode(f"{following[0].isoformat()} {following[1]}".encode()).decode()


def read_page_token(token: str) -> tuple[dt.datetime, str] | None:
    """The reverse of `page_token`."""
    if not token:
        return None
    try:
        at, _, key = base64.urlsafe_b64decode(token.encode()).decode().partition(" ")
        return dt.datetime.fromisoformat(at).astimezone(dt.UTC), key
    except (binascii.Error, ValueError):
        raise InvalidInput("the page token is not one of ours", reason="BAD_PAGE") from None


def _asset(asset: Asset, url: Callable[[str], str]) -> pb.CreativeAsset:
    return pb.CreativeAsset(
        asset_id=asset.asset_id,
        url=url(asset.asset_id),
        slot=asset.slot,
        width=asset.width,
        height=asset.height,
        content_type=asset.content_type,
        size_bytes=asset.size_bytes,
        sha256=asset.sha256.hex(),
    )


def _item(request: _Keyed, digest: bytes, command: _T) -> OnceItem[_T]:
    if request.store_id <= 0:
        raise InvalidInput("store_id is missing", reason="MISSING_FIELD")
    return OnceItem(request.store_id, _key(request.event_id, "event_id"), digest, command)


def _product(info: common.ProductInfo) -> Product:
    price = money_from_proto(info.price) if info.HasField("price") else None
    before: Any = money_from_proto(info.compare_at_price) if info.HasField("compare_at_price") else None
    if price is None or (before is not None and before.currency != price.currency):
        before = None
    return Product(
        _key(info.product_id, "product.product_id"),
        _text(info.title, 500),
        _text(info.description, 5000),
        _text(info.vendor, 200),
        _text(info.category, 200),
        price.minor if price else None,
        before.minor if before else None,
        price.currency if price else "",
        _text(info.image_urls[0], 2000) if info.image_urls else "",
    )


def _key(text: str, name: str) -> str:
    if not text or len(text) > _MAX_KEY or "\x00" in text:
        raise InvalidInput(f"{name} has 1 to {_MAX_KEY} characters, got {len(text)}", reason="BAD_FIELD")
    return text


def _text(text: str, limit: int) -> str:
    return text[:limit].replace("\x00", "")

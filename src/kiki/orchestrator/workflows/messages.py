"""Rows and events as messages of the agents."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as MoneyMessage

from kiki.commerce.events import OrderLine
from kiki.commerce.people import CustomerRow
from kiki.kit.grpc.money import money_to_proto
from kiki.kit.grpc.times import time_to_proto
from kiki.kit.money import Money
from kiki.kit.sealing import Sealer
from kiki.orchestrator.workflows.batch import StoreView
from kiki.rpc.v1 import common_pb2, syncengage_pb2

_PURPOSES = {name: f"customers.{name}" for name in ("email", "phone", "first_name", "last_name")}


@lru_cache(maxsize=16_384)
def amount(minor: int, currency: str) -> MoneyMessage:
    """Minor units as a message. Shared: hand it to another message's constructor, which copies it."""
    return money_to_proto(Money(minor, currency))


@lru_cache(maxsize=16_384)
def stamp(at: dt.datetime) -> Timestamp:
    """A time as a message. Shared: hand it to another message's constructor, which copies it."""
    return time_to_proto(at)


def stamp_or_none(at: dt.datetime | None) -> Timestamp | None:
    """A time that may be absent."""
    return None if at is None else stamp(at)


def seal(sealer: Sealer, store_id: int, name: str, text: str | None) -> bytes | None:
    """A personal field of a customer, sealed."""
    return sealer.seal_text(text, store_id=store_id, purpose=_PURPOSES[name])


def unseal(sealer: Sealer, store_id: int, name: str, sealed: bytes | None) -> str:
    """A personal field of a customer, opened; empty when there is none."""
    return sealer.open_text(sealed, store_id=store_id, purpose=_PURPOSES[name]) or ""


def customer_info(sealer: Sealer, row: CustomerRow) -> common_pb2.CustomerInfo:
    """The person as an agent needs to know them, opened from the row."""
    store_id = row.store_id
    return common_pb2.CustomerInfo(
        customer_id=row.customer_id or "",
        customer_key=row.customer_key,
        email=unseal(sealer, store_id, "email", row.email_sealed),
        phone=unseal(sealer, store_id, "phone", row.phone_sealed),
        first_name=unseal(sealer, store_id, "first_name", row.first_name_sealed),
        accepts_email_marketing=bool(row.accepts_email_marketing),
        accepts_sms_marketing=bool(row.accepts_sms_marketing),
        locale=row.locale or "",
    )


def order_lines(lines: Iterable[OrderLine]) -> list[common_pb2.OrderLineItem]:
    """Lines as told by the shop."""
    return [_order_line(line) for line in lines]


def _order_line(line: OrderLine) -> common_pb2.OrderLineItem:
    return common_pb2.OrderLineItem(
        line_id=line.line_id,
        product_id=line.product_id or "",
        variant_id=line.variant_id or "",
        sku=line.sku,
        title=line.title,
        quantity=max(min(line.quantity, 2**31 - 1), 0),
        net_total=amount(line.net_total.minor, line.net_total.currency),
    )


def shop_info(view: StoreView) -> syncengage_pb2.ShopInfo:
    """The shop in whose name is written."""
    return _shop_info(view.store.display_name, view.store.timezone, view.store.store_key)


@lru_cache(maxsize=4096)
def _shop_info(name: str, timezone: str, key: str) -> syncengage_pb2.ShopInfo:
    url = key if key.startswith("http") else f"https://{key}"
    return syncengage_pb2.ShopInfo(name=name, timezone=timezone, url=url)

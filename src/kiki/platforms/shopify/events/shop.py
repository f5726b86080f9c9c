"""What Shopify says about the shop itself and about data subjects, and topics that are only acknowledged."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kiki.commerce.events import (
    AppUninstalled,
    CommerceEvent,
    DataSubjectRequested,
    DataSubjectRequestKind,
)
from kiki.platforms.protocol import StoreContext
from kiki.platforms.reading import (
    Ident,
    Text,
    decode,
    decoder,
    find_ident,
    find_text,
    ident,
)


class _Subject(msgspec.Struct):
    id: Ident = None
    email: Text = None


class _Request(msgspec.Struct):
    shop_id: Ident = None
    customer: _Subject | None = None
    data_request: _Subject | None = None
    orders_requested: list[Ident] | None = None
    orders_to_redact: list[Ident] | None = None


class _Anything(msgspec.Struct):
    """Any object."""


_request = decoder(_Request)
_anything = decoder(_Anything)


def acknowledged(_topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """Readable, and nothing follows: another delivery tells what matters."""
    decode(_anything, body)
    return ()


def uninstalled(_topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """The app was removed."""
    decode(_anything, body)
    return (AppUninstalled(),)


def data_requested(_topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """A customer asks what is known about them."""
    request = decode(_request, body)
    return (
        _subject_event(
            DataSubjectRequestKind.ACCESS,
            request,
            request_id=ident(
                request.data_request.id if request.data_request else None,
                "data_request.id",
            ),
            orders=request.orders_requested,
        ),
    )


def customer_redacted(_topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """A customer is to be forgotten; the request has no id of its own, the customer's names it."""
    request = decode(_request, body)
    customer_id = ident(request.customer.id if request.customer else None, "customer.id")
    return (
        _subject_event(
            DataSubjectRequestKind.ERASE_CUSTOMER,
            request,
            request_id=f"redact-customer-{customer_id}",
            orders=request.orders_to_redact,
        ),
    )


def store_redacted(_topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """A shop that left is to be forgotten."""
    request = decode(_request, body)
    shop_id = ident(request.shop_id, "shop_id")
    return (
        _subject_event(
            DataSubjectRequestKind.ERASE_STORE,
            request,
            request_id=f"redact-shop-{shop_id}",
            orders=None,
        ),
    )


def _subject_event(
    kind: DataSubjectRequestKind,
    request: _Request,
    *,
    request_id: str,
    orders: list[Ident] | None,
) -> DataSubjectRequested:
    customer = request.customer
    return DataSubjectRequested(
        kind=kind,
        request_id=request_id,
        customer_id=find_ident(customer.id, "customer.id") if customer else None,
        email=find_text(customer.email) if customer else None,
        order_ids=tuple(ident(order, "orders") for order in orders or ()),
    )

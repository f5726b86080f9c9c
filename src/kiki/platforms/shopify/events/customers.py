"""Customers of Shopify, on their own and inside an order."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kiki.commerce.events import (
    UNDATED,
    CommerceEvent,
    CustomerDeleted,
    CustomerObserved,
    CustomersMerged,
    CustomerStub,
)
from kiki.platforms.protocol import StoreContext
from kiki.platforms.reading import (
    Ident,
    Text,
    bad,
    decode,
    decoder,
    find_ident,
    find_text,
    find_time,
    ident,
    missing,
    text,
)


class _Consent(msgspec.Struct):
    state: Text = None


class Customer(msgspec.Struct):
    """A customer as Shopify writes it; personal fields are null without the approval for protected data."""

    id: Ident = None
    email: Text = None
    phone: Text = None
    first_name: Text = None
    last_name: Text = None
    created_at: Text = None
    updated_at: Text = None
    accepts_marketing: bool | None = None
    email_marketing_consent: _Consent | None = None
    sms_marketing_consent: _Consent | None = None
    locale: Text = None


class _Merge(msgspec.Struct):
    status: Text = None
    admin_graphql_api_id_customer_kept: Text = None
    admin_graphql_api_id_customer_deleted: Text = None


_customer = decoder(Customer)
_merge = decoder(_Merge)


def observed(_topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """The profile as it is now."""
    customer = decode(_customer, body)
    created_at = find_time(customer.created_at, "created_at")
    return (
        CustomerObserved(
            customer_id=ident(customer.id, "id"),
            updated_at=find_time(customer.updated_at, "updated_at") or created_at or UNDATED,
            created_at=created_at,
            email=find_text(customer.email),
            phone=find_text(customer.phone),
            first_name=find_text(customer.first_name),
            last_name=find_text(customer.last_name),
            accepts_email_marketing=_accepts(customer.email_marketing_consent, customer.accepts_marketing),
            accepts_sms_marketing=_accepts(customer.sms_marketing_consent, None),
            locale=find_text(customer.locale),
        ),
    )


def deleted(_topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """The customer is gone."""
    return (CustomerDeleted(customer_id=ident(decode(_customer, body).id, "id")),)


def merged(_topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """Two customers are one; a merge that failed says so and means nothing."""
    merge = decode(_merge, body)
    if merge.status == "failed":
        return ()
    return (
        CustomersMerged(
            kept_customer_id=_of_gid(
                merge.admin_graphql_api_id_customer_kept,
                "admin_graphql_api_id_customer_kept",
            ),
            merged_customer_id=_of_gid(
                merge.admin_graphql_api_id_customer_deleted,
                "admin_graphql_api_id_customer_deleted",
            ),
        ),
    )


def stub_of(
    customer: Customer | None,
    *,
    email: str | None,
    phone: str | None,
    locale: str | None,
    accepts_email_marketing: bool | None,
) -> CustomerStub | None:
    """The buyer as an order tells it; None when it tells nothing (a sale at the counter)."""
    if customer is None:
        if email is None and phone is None:
            return None
        return CustomerStub(
            email=email,
            phone=phone,
            locale=locale,
            accepts_email_marketing=accepts_email_marketing,
        )
    return CustomerStub(
        customer_id=find_ident(customer.id, "customer.id"),
        email=find_text(customer.email) or email,
        phone=find_text(customer.phone) or phone,
        first_name=find_text(customer.first_name),
        accepts_email_marketing=_accepts(customer.email_marketing_consent, accepts_email_marketing),
        accepts_sms_marketing=_accepts(customer.sms_marketing_consent, None),
        locale=locale,
    )


def _accepts(consent: _Consent | None, otherwise: bool | None) -> bool | None:
    if consent is None or not consent.state:
        return otherwise
    return consent.state == "subscribed"


def _of_gid(value: Text, name: str) -> str:
    """The number at the end of `gid://shopify/Customer/123`."""
    gid = text(value)
    if not gid:
        raise missing(name)
    number = gid.rpartition("/")[2].partition("?")[0]
    if not number.isdecimal() or len(number) > 20:
        raise bad(name, "a global id of a customer")
    return number

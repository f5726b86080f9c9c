"""Registered customers of WooCommerce; a guest exists in orders alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from kiki.commerce.events import (
    UNDATED,
    CommerceEvent,
    CustomerDeleted,
    CustomerObserved,
)
from kiki.platforms.protocol import StoreContext
from kiki.platforms.reading import Text, decoder, find_text
from kiki.platforms.woocommerce.events.resource import (
    Resource,
    created_at,
    modified_at,
    read,
    read_id,
)


class _Billing(msgspec.Struct):
    phone: Text = None
    email: Text = None


class _Customer(Resource):
    email: Text = None
    first_name: Text = None
    last_name: Text = None
    billing: _Billing | list[Any] | None = None


_customer = decoder(_Customer)


def observed(_topic: str, body: bytes, store: StoreContext) -> Sequence[CommerceEvent]:
    """The profile as it is now. WooCommerce knows no marketing consent."""
    customer, customer_id = read(_customer, body)
    billing = customer.billing if isinstance(customer.billing, _Billing) else _Billing()
    made_at = created_at(customer, store)
    return (
        CustomerObserved(
            customer_id=customer_id,
            updated_at=modified_at(customer, store) or made_at or UNDATED,
            created_at=made_at,
            email=find_text(customer.email) or find_text(billing.email),
            phone=find_text(billing.phone),
            first_name=find_text(customer.first_name),
            last_name=find_text(customer.last_name),
            accepts_email_marketing=None,
            accepts_sms_marketing=None,
        ),
    )


def deleted(_topic: str, body: bytes, _store: StoreContext) -> Sequence[CommerceEvent]:
    """The account is gone."""
    return (CustomerDeleted(customer_id=read_id(body)),)

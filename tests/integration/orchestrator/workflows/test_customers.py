"""Customers: profiles, identities, consent, and the rights of data subjects."""

from __future__ import annotations

import datetime as dt
from typing import Any

from integration.orchestrator.workflows.shop import NOW, Shop, order
from kiki.commerce.events import (
    AppUninstalled,
    CustomerObserved,
    CustomersMerged,
    DataSubjectRequested,
    DataSubjectRequestKind,
)
from kiki.commerce.stores import StoreRepository

MINUTE = dt.timedelta(minutes=1)


def customer(
    customer_id: str = "c1", *, at: dt.datetime = NOW, email: str = "ada@example.com", **how: Any
) -> CustomerObserved:
    fields: dict[str, Any] = {
        "customer_id": customer_id,
        "updated_at": at,
        "created_at": NOW,
        "email": email,
        "phone": None,
        "first_name": "Ada",
        "last_name": "Lovelace",
        "accepts_email_marketing": True,
        "accepts_sms_marketing": None,
        **how,
    }
    return CustomerObserved(**fields)


async def keys(shop: Shop) -> set[str]:
    return {row["customer_key"] for row in await shop.rows("orders")}


async def test_a_profile_is_told_to_syncengage_once_per_change(shop: Shop) -> None:
    await shop.tell(customer())
    await shop.tell(customer(at=NOW + MINUTE))
    await shop.tell(customer(at=NOW + 2 * MINUTE, accepts_email_marketing=False))
    await shop.tell(customer(at=NOW + MINUTE, first_name="Stale"))
    contacts = await shop.calls("PutContact")
    assert [(each.customer.email, each.email_consent.state) for each in contacts] == [
        ("ada@example.com", 1),
        ("ada@example.com", 2),
    ]


async def test_a_guest_and_a_registered_customer_with_one_address_are_one_person(shop: Shop) -> None:
    await shop.tell(order("1", customer_id=None))
    await shop.tell(order("2", customer_id="c1"), order("3", customer_id=None, email="ADA@example.com"))
    assert len(await keys(shop)) == 1
    assert (await shop.row("customers"))["orders_count"] == 3


async def test_two_registered_customers_with_one_address_stay_two(shop: Shop) -> None:
    await shop.tell(order("1", customer_id="c1"))
    await shop.tell(order("2", customer_id="c2"))
    assert len(await keys(shop)) == 2


async def test_a_guest_without_any_identity_is_a_person_of_their_own(shop: Shop) -> None:
    await shop.tell(order("1", customer_id=None, email=None), order("2", customer_id=None, email=None))
    assert len(await keys(shop)) == 2


async def test_merged_customers_become_one_everywhere(shop: Shop) -> None:
    await shop.tell(order("1", customer_id="c1", email="a@example.com"))
    await shop.tell(order("2", customer_id="c2", email="b@example.com"))
    await shop.tell(CustomersMerged(kept_customer_id="c1", merged_customer_id="c2"))
    assert len(await keys(shop)) == 1
    (merge,) = await shop.calls("MergeCustomers")
    assert {merge.kept_customer_key} == await keys(shop)
    assert len(await shop.rows("identity_merges")) == 1
    await shop.tell(order("3", customer_id="c2", email="b@example.com"))
    assert len(await keys(shop)) == 1


async def test_a_guest_is_merged_when_the_profile_with_the_address_appears(shop: Shop) -> None:
    await shop.tell(customer("c9", email="other@example.com"))
    await shop.tell(order("1", customer_id=None, email="ada@example.com"))
    await shop.tell(customer("c9", email="ada@example.com", at=NOW + MINUTE))
    (merge,) = await shop.calls("MergeCustomers")
    assert {merge.kept_customer_key} == await keys(shop)


async def test_an_erased_customer_leaves_only_an_opaque_key(shop: Shop) -> None:
    await shop.tell(customer())
    await shop.tell(order())
    request = DataSubjectRequested(
        kind=DataSubjectRequestKind.ERASE_CUSTOMER, request_id="q1", customer_id="c1", email="ada@example.com"
    )
    await shop.tell(request)
    row = await shop.row("customers")
    assert (row["email_sealed"], row["first_name_sealed"], row["customer_id"]) == (None, None, None)
    assert row["erased_at"] == NOW
    assert await shop.rows("identities") == []
    assert (await shop.methods())[-2:] == ["OpenSubjectRequest", "EraseContact"]
    assert (await shop.row("data_requests"))["status"] == "fulfilled"
    await shop.tell(order("2"))
    assert len(await keys(shop)) == 2, "who comes back is a new person"


async def test_who_came_back_and_is_erased_again_is_another_request(shop: Shop) -> None:
    """Shopify names an erasure by its customer alone."""
    request = DataSubjectRequested(
        kind=DataSubjectRequestKind.ERASE_CUSTOMER, request_id="redact-customer-1", customer_id="c1"
    )
    for order_id in ("1", "2"):
        await shop.tell(order(order_id))
        await shop.tell(request)
        shop.now += MINUTE
    async with shop.database.connection() as connection:
        asked = await connection.fetch("SELECT event_id FROM calls.queue WHERE method = 'OpenSubjectRequest'")
    assert len({row["event_id"] for row in asked}) == 2
    assert await shop.rows("identities") == []


async def test_a_store_is_erased(shop: Shop) -> None:
    await shop.tell(customer())
    await shop.tell(DataSubjectRequested(kind=DataSubjectRequestKind.ERASE_STORE, request_id="q2"))
    assert (await shop.row("customers"))["email_sealed"] is None
    store = await shop.row("store_connections")
    assert (store["secret_sealed"], store["status"]) == (None, "uninstalled")
    assert {"ShredStoreKeys", "EraseStore", "CancelFlows"} <= set(await shop.methods())


async def test_an_access_request_stays_open_for_a_person(shop: Shop) -> None:
    await shop.tell(customer())
    await shop.tell(DataSubjectRequested(kind=DataSubjectRequestKind.ACCESS, request_id="q3", customer_id="c1"))
    assert (await shop.row("data_requests"))["status"] == "open"
    assert (await shop.row("customers"))["email_sealed"] is not None


async def test_a_removed_app_destroys_the_secret_and_sends_nothing_more(shop: Shop) -> None:
    await shop.tell(AppUninstalled())
    await shop.tell(order())
    assert await shop.methods() == ["PutContract", "CancelFlows", "UpdateCustomerLTV"]
    (left,) = await shop.calls("CancelFlows")
    assert left.order_id == "", "all that was scheduled in the shop's name"
    assert (await shop.row("store_connections"))["secret_sealed"] is None
    first = shop.store_id
    assert await shop.connect(connected_at=NOW) == first, "the same shop keeps its id"
    async with shop.database.connection() as connection:
        repository = StoreRepository(shop.sealer)
        found = await repository.find_for_intake(connection, platform="shopify", token=shop.token, store_key=None)
    assert found is not None
    assert (found.secrets, found.status) == (("a-webhook-secret",), "active")


async def test_a_customer_at_risk_gets_one_flow_per_interval(shop: Shop) -> None:
    await shop.tell(order())
    key = (await shop.row("customers"))["customer_key"]
    valued = {
        "customer_key": key,
        "order_id": "1",
        "ltv_minor": 1,
        "ltv_currency": "EUR",
        "confidence": 0.5,
        "churn_risk": 0.81,
        "segment": "low",
    }
    await shop.fact("customer_valued", {"customers": [valued]})
    await shop.fact("customers_at_risk", {"customer_keys": [key]})
    shop.now = NOW + dt.timedelta(days=1)
    await shop.fact("customers_at_risk", {"customer_keys": [key]})
    (flow,) = await shop.calls("TriggerChurnPrevention")
    assert (flow.churn_risk, flow.customer.email) == (0.81, "ada@example.com")

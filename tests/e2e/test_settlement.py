"""From a signed purchase to a fee that can be checked to the cent."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

import pytest

from e2e.mesh import Mesh, Shop
from e2e.payloads import ago, campaign, woo_order, woo_time

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

PRODUCT = 11
PAID_AT = ago(minutes=5)


async def promoted(mesh: Mesh) -> tuple[Shop, str]:
    """A shop with a campaign of ours for its product."""
    shop = await mesh.add_store("woocommerce")
    campaign_id = f"c-{secrets.token_hex(4)}"
    await mesh.send("POST", f"/internal/campaigns/{shop.store_id}", {"campaigns": [campaign(campaign_id, PRODUCT)]})
    await mesh.settled()
    return shop, campaign_id


async def clicked(mesh: Mesh, shop: Shop, campaign_id: str, at: dt.datetime, email: str) -> None:
    """A click, told server to server."""
    touchpoint = {
        "touchpoint_id": secrets.token_hex(8),
        "at": at.isoformat(),
        "kind": "click",
        "email": email,
        "campaign_id": campaign_id,
    }
    await mesh.send("POST", f"/internal/touchpoints/{shop.store_id}", {"touchpoints": [touchpoint]})
    await mesh.settled()


async def statement(mesh: Mesh, shop: Shop, month_of: dt.datetime | None = None) -> tuple[dict[str, Any], list[Any]]:
    """The figures and the lines of a month, by default that in which the tests' orders are paid."""
    month_of = month_of or PAID_AT
    report = await mesh.get(f"/reports/oaas/monthly/{shop.store_id}", year=month_of.year, month=month_of.month)
    return report["statement"], report["orders"]


async def fee(mesh: Mesh, shop: Shop, month_of: dt.datetime | None = None) -> str:
    figures, _ = await statement(mesh, shop, month_of)
    assert figures["fee"]["currency"] == "EUR"
    return str(figures["fee"]["amount"])


async def order(mesh: Mesh, shop: Shop, order_id: int) -> dict[str, Any]:
    found: dict[str, Any] = await mesh.get(f"/internal/orders/{shop.store_id}/{order_id}")
    return found


def purchase(order_id: int, **more: Any) -> dict[str, Any]:
    """An order of the promoted product, paid at `PAID_AT`."""
    return woo_order(order_id, **{"product_id": PRODUCT, "placed": PAID_AT, **more})


async def test_a_click_ten_days_before_and_a_promoted_product_bill_a_fifth_of_net_sales(mesh: Mesh) -> None:
    shop, campaign_id = await promoted(mesh)
    email = "ada@customer.example"
    await clicked(mesh, shop, campaign_id, ago(days=10), email)
    paid = purchase(7, email=email, net="99.99", tax="19.00", total="118.99")
    await shop.deliver("order.created", paid)
    await shop.deliver("order.updated", paid)
    await mesh.settled()

    found = await order(mesh, shop, 7)
    assert (found["confidence"], found["verdict"], found["campaign_id"]) == (0.8, "incremental", campaign_id)
    signals = found["attributions"][0]["evidence"]["signals"]
    assert [signal["name"] for signal in signals] == ["click", "promoted"]
    figures, lines = await statement(mesh, shop)
    assert figures["incremental_revenue"] == {"amount": "99.99", "currency": "EUR"}
    assert figures["fee"] == {"amount": "20.00", "currency": "EUR"}
    assert figures["current_revenue"] == {"amount": "99.99", "currency": "EUR"}
    assert [line["order_id"] for line in lines] == ["7"]
    assert (await mesh.effects("syncledger", shop.store_id))["RecordIncrementalRevenue"] == 1
    assert (await mesh.effects("syncengage", shop.store_id))["TriggerPostPurchaseFlow"] == 1
    assert (await mesh.effects("syncvalue", shop.store_id))["UpdateCustomerLTV"] == 1


async def test_a_half_refund_told_twice_reverses_half_once(mesh: Mesh) -> None:
    shop, campaign_id = await promoted(mesh)
    email = "bea@customer.example"
    await clicked(mesh, shop, campaign_id, ago(days=3), email)
    await shop.deliver("order.created", purchase(8, email=email))
    half: dict[str, Any] = {"refunds": [(81, "-59.50")], "email": email}
    await shop.deliver("order.updated", purchase(8, modified=PAID_AT + dt.timedelta(minutes=2), **half))
    again = purchase(8, modified=PAID_AT + dt.timedelta(minutes=3), customer_note="again", **half)
    await shop.deliver("order.updated", again)
    await mesh.settled()

    figures, lines = await statement(mesh, shop)
    assert figures["incremental_revenue"] == {"amount": "50.00", "currency": "EUR"}
    assert figures["fee"] == {"amount": "10.00", "currency": "EUR"}
    assert sorted((line["kind"], line["fee"]["amount"]) for line in lines) == [
        ("refund", "-10.00"),
        ("revenue", "20.00"),
    ]
    assert (await mesh.effects("syncledger", shop.store_id))["RecordRefund"] == 1


async def test_a_click_31_days_before_goes_to_review_and_is_not_billed(mesh: Mesh) -> None:
    shop, campaign_id = await promoted(mesh)
    email = "cy@customer.example"
    await clicked(mesh, shop, campaign_id, ago(days=31), email)
    await shop.deliver("order.created", purchase(9, email=email))
    await mesh.settled()

    found = await order(mesh, shop, 9)
    assert (found["confidence"], found["verdict"]) == (0.3, "touched")
    reviews = (await mesh.get(f"/internal/reviews/{shop.store_id}"))["reviews"]
    assert [review["order_id"] for review in reviews] == ["9"]
    assert await fee(mesh, shop) == "0.00"

    decision = {"decision": "approve", "reason": "the customer named the ad"}
    await mesh.send("POST", f"/internal/reviews/{shop.store_id}/9", decision)
    await mesh.settled()
    assert await fee(mesh, shop) == "20.00"
    assert (await mesh.get(f"/internal/reviews/{shop.store_id}"))["reviews"] == []


async def test_somebody_elses_campaign_is_not_ours(mesh: Mesh) -> None:
    shop, _ = await promoted(mesh)
    visit = [
        {"id": 1, "key": "_wc_order_attribution_utm_source", "value": "google"},
        {"id": 2, "key": "_wc_order_attribution_utm_campaign", "value": "not-ours"},
    ]
    await shop.deliver("order.created", purchase(10, product_id=999, meta_data=visit))
    await mesh.settled()
    found = await order(mesh, shop, 10)
    assert (found["confidence"], found["verdict"]) == (0.0, "none")
    assert await fee(mesh, shop) == "0.00"


async def test_a_cancelled_order_is_taken_back_whole(mesh: Mesh) -> None:
    shop, campaign_id = await promoted(mesh)
    email = "di@customer.example"
    await clicked(mesh, shop, campaign_id, ago(days=1), email)
    await shop.deliver("order.created", purchase(12, email=email))
    await mesh.settled()
    assert await fee(mesh, shop) == "20.00"
    cancelled = purchase(12, email=email, modified=PAID_AT + dt.timedelta(minutes=1))
    await shop.deliver("order.updated", {**cancelled, "status": "cancelled"})
    await mesh.settled()
    assert await fee(mesh, shop) == "0.00"


async def test_a_cancelled_order_that_is_paid_afterwards_is_billed(mesh: Mesh) -> None:
    shop, campaign_id = await promoted(mesh)
    email = "fay@customer.example"
    await clicked(mesh, shop, campaign_id, ago(days=1), email)
    for minute, status in enumerate(("pending", "cancelled", "processing")):
        told = purchase(14, email=email, status=status, modified=PAID_AT + dt.timedelta(minutes=minute))
        await shop.deliver("order.updated", told)
        await mesh.settled()
        assert await fee(mesh, shop) == ("20.00" if status == "processing" else "0.00")
    again = purchase(14, email=email, status="cancelled", modified=PAID_AT + dt.timedelta(minutes=3))
    await shop.deliver("order.updated", {**again, "date_paid_gmt": told["date_paid_gmt"]})
    await mesh.settled()
    assert await fee(mesh, shop) == "0.00"
    await shop.deliver("order.updated", {**told, "status": "completed", "date_modified_gmt": woo_time(ago(seconds=1))})
    await mesh.settled()
    assert await fee(mesh, shop) == "20.00"


async def test_a_refund_that_is_deleted_or_lowered_is_owed_again_once(mesh: Mesh) -> None:
    shop, campaign_id = await promoted(mesh)
    email = "gil@customer.example"
    await clicked(mesh, shop, campaign_id, ago(days=3), email)

    async def told(second: int, **more: Any) -> tuple[str, str]:
        changed = purchase(15, email=email, modified=PAID_AT + dt.timedelta(seconds=second), **more)
        await shop.deliver("order.updated", changed)
        await mesh.settled()
        figures, _ = await statement(mesh, shop)
        return figures["incremental_revenue"]["amount"], figures["fee"]["amount"]

    assert await told(1, refunds=[(81, "-59.50"), (82, "-11.90")]) == ("40.00", "8.00")
    assert await told(2, refunds=[(82, "-11.90")]) == ("90.00", "18.00")
    assert await told(3, refunds=[(82, "-59.50")]) == ("50.00", "10.00")
    await shop.deliver("order.updated", purchase(15, email=email, modified=PAID_AT, note="older", refunds=[(81, "-5")]))
    assert await told(4, refunds=[]) == ("100.00", "20.00")


async def test_an_order_from_before_the_connection_never_bills(mesh: Mesh) -> None:
    shop = await mesh.add_store("woocommerce", connected_at=ago(hours=1).isoformat())
    campaign_id = f"c-{secrets.token_hex(4)}"
    await mesh.send("POST", f"/internal/campaigns/{shop.store_id}", {"campaigns": [campaign(campaign_id, PRODUCT)]})
    email = "ed@customer.example"
    await clicked(mesh, shop, campaign_id, ago(days=3), email)
    placed = ago(days=2)
    await shop.deliver("order.created", purchase(13, email=email, placed=placed))
    await mesh.settled()
    assert (await order(mesh, shop, 13))["live"] is False
    assert await fee(mesh, shop, ago()) == "0.00"
    assert "RecordIncrementalRevenue" not in await mesh.effects("syncledger", shop.store_id)


async def test_the_ledger_adds_up(mesh: Mesh) -> None:
    unbalanced = await mesh.sql(
        "SELECT count(*) FROM (SELECT 1 FROM syncledger.postings GROUP BY store_id, transaction_id, currency"
        " HAVING sum(amount_minor) <> 0) AS off"
    )
    assert unbalanced == 0

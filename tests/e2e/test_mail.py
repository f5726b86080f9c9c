"""What a customer gets to read, and how they make it stop."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import pytest

from e2e.mesh import Mesh, Shop
from e2e.payloads import ago

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

ONE_CLICK = "List-Unsubscribe=One-Click"


def customer(email: str) -> dict[str, Any]:
    at = ago(minutes=9).isoformat()
    consent = {"state": "subscribed", "opt_in_level": "single_opt_in", "consent_updated_at": at}
    return {
        "id": 5,
        "email": email,
        "first_name": "Ada",
        "created_at": at,
        "updated_at": at,
        "email_marketing_consent": consent,
    }


def order(order_id: int, email: str) -> dict[str, Any]:
    at = ago(minutes=3).isoformat()
    line = {"id": order_id * 10, "product_id": 11, "title": "Walking shoe", "quantity": 1, "price": "50.00"}
    return {
        "id": order_id,
        "name": f"#{order_id}",
        "created_at": at,
        "updated_at": at,
        "processed_at": at,
        "financial_status": "paid",
        "currency": "EUR",
        "total_price": "50.00",
        "subtotal_price": "50.00",
        "total_tax": "0.00",
        "customer": {"id": 5, "email": email},
        "email": email,
        "line_items": [line],
    }


async def arrived(mesh: Mesh, email: str, count: int) -> list[EmailMessage]:
    await mesh.mailbox.wait_until(lambda mailbox: len(mailbox.to(email)) >= count, timeout_seconds=20)
    return [mail.message() for mail in mesh.mailbox.to(email)]


async def buy(mesh: Mesh, shop: Shop, order_id: int, email: str) -> None:
    assert (await shop.deliver("orders/create", order(order_id, email))).status_code == 200
    await mesh.settled()


async def test_offers_stop_with_one_click_and_order_mail_goes_on(mesh: Mesh) -> None:
    shop = await mesh.add_store("shopify")
    email = f"ada-{shop.store_id}@customer.example"
    await shop.deliver("customers/create", customer(email))
    await buy(mesh, shop, 1, email)
    mails = await arrived(mesh, email, 2)
    offers = [mail for mail in mails if mail["List-Unsubscribe"]]
    assert len(offers) == 1
    assert offers[0]["List-Unsubscribe-Post"] == ONE_CLICK
    link = offers[0]["List-Unsubscribe"].strip("<>")
    assert link.startswith(f"{mesh.http.base_url}".rstrip("/"))

    path, form = urlsplit(link).path, {"content-type": "application/x-www-form-urlencoded"}
    looked = await mesh.http.get(path)
    assert (looked.status_code, "<form" in looked.text) == (200, True)
    assert (await mesh.http.post(path, content="", headers=form)).status_code == 400
    allowed = "SELECT email_unsubscribed_at IS NULL FROM syncengage.contacts WHERE store_id = $1"
    assert await mesh.sql(allowed, shop.store_id) is True, "looking changes nothing"
    for _ in range(2):
        assert (await mesh.http.post(path, content=ONE_CLICK, headers=form)).status_code == 200
    assert await mesh.sql(allowed, shop.store_id) is False

    await buy(mesh, shop, 2, email)
    mails = await arrived(mesh, email, 3)
    assert [bool(mail["List-Unsubscribe"]) for mail in mails].count(True) == 1


async def test_a_link_that_is_not_ours_says_so(mesh: Mesh) -> None:
    answer = await mesh.http.post("/unsubscribe/1.bm90LW91cnM", content=ONE_CLICK)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")

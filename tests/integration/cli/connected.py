"""A store with a contract, connected in the autumn of 2026 through the portal's own API."""

from __future__ import annotations

from integration.portal.running import KEY, Portal

GUARD = {"x-internal-api-key": KEY}


async def connect_autumn(portal: Portal) -> None:
    """Store 1: WooCommerce, in euros and Berlin's time, from 10 September, at a fee of 20 %."""
    body = {
        "platform": "woocommerce",
        "store_key": "https://autumn.example",
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "connected_at": "2026-09-10T00:00:00Z",
    }
    for method, path, sent in (("POST", "stores", body), ("PUT", "contracts/1", {"fee_rate": "0.20"})):
        answer = await portal.http.request(method, f"/internal/{path}", headers=GUARD, json=sent)
        assert answer.is_success, answer.text

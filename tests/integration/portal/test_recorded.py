"""Real WooCommerce requests, sent again header by header."""

from __future__ import annotations

import httpx

from integration.portal.running import Portal
from recorded.deliveries import WOOCOMMERCE_SOURCE, RecordedRequest, recorded_requests

_OWN = {"host", "content-length", "connection", "expect"}


async def _send(portal: Portal, request: RecordedRequest) -> httpx.Response:
    headers = {name: value for name, value in request.headers.items() if name not in _OWN}
    topic = request.topic or "product.created"
    return await portal.http.post(f"/webhooks/woocommerce/{topic}", content=request.body, headers=headers)


async def test_recorded_deliveries_verify_but_for_the_one_with_another_secret(portal: Portal) -> None:
    await portal.add_store(store_key=WOOCOMMERCE_SOURCE.removeprefix("http://").rstrip("/"))
    answers = {request.name: (await _send(portal, request)).status_code for request in recorded_requests()}
    refused = [name for name, status in answers.items() if status != 200]
    assert len(answers) > 20
    assert len(refused) == 1
    assert "047" in refused[0]
    sent = {request.body for request in recorded_requests() if not request.is_ping and request.name not in refused}
    assert set(await portal.bodies()) == sent


async def test_the_recorded_ping_leaves_nothing(portal: Portal) -> None:
    pings = [request for request in recorded_requests() if request.is_ping]
    assert pings
    for ping in pings:
        answer = await _send(portal, ping)
        assert (answer.status_code, answer.content) == (200, b"")
    assert await portal.bodies() == []

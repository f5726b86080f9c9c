"""The simulated SMS gateway keeps each message once, and fails as told."""

from __future__ import annotations

import httpx
import pytest

from kiki.sandbox.sms_gateway import SmsFaults, SmsGateway, serve_sms_gateway

MESSAGE = {"to": "+4915112345678", "text": "Danke schön", "reference": "m1"}
HEADERS = {"authorization": "Bearer t", "idempotency-key": "m1"}


async def test_a_message_is_kept_once_per_key() -> None:
    gateway = SmsGateway()
    async with serve_sms_gateway(gateway, token="t") as port, httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{port}/messages"
        first = await client.post(url, json=MESSAGE, headers=HEADERS)
        again = await client.post(url, json=MESSAGE, headers=HEADERS)
        other = await client.post(url, json=MESSAGE, headers=HEADERS | {"idempotency-key": "m2"})
    assert [answer.status_code for answer in (first, again, other)] == [202, 202, 202]
    assert first.json()["id"] == again.json()["id"] != other.json()["id"]
    assert (first.json()["duplicate"], again.json()["duplicate"]) == (False, True)
    assert [sms.text for sms in gateway.to(MESSAGE["to"])] == ["Danke schön", "Danke schön"]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        pytest.param("messages", MESSAGE, {"authorization": "Bearer x"}, 401, id="token"),
        pytest.param("elsewhere", MESSAGE, {}, 404, id="path"),
        pytest.param("messages", {"to": "+491511234567"}, {}, 400, id="form"),
        pytest.param("messages", MESSAGE, {"idempotency-key": ""}, 400, id="key"),
        pytest.param("messages", MESSAGE | {"to": "0151 123"}, {}, 422, id="number"),
    ],
)
async def test_what_is_not_a_message_is_refused(
    path: str, body: dict[str, str], headers: dict[str, str], status: int
) -> None:
    gateway = SmsGateway()
    async with serve_sms_gateway(gateway, token="t") as port, httpx.AsyncClient() as client:
        answer = await client.post(f"http://127.0.0.1:{port}/{path}", json=body, headers=HEADERS | headers)
    assert answer.status_code == status
    assert gateway.messages == []


@pytest.mark.parametrize(
    ("faults", "status", "kept"),
    [
        pytest.param(SmsFaults(rate_limited_rate=1), 429, 0, id="limited"),
        pytest.param(SmsFaults(offline=True), 503, 0, id="offline"),
        pytest.param(SmsFaults(error_after_rate=1), 500, 1, id="broken after it was kept"),
        pytest.param(SmsFaults(hang_up_after_rate=1), None, 1, id="silent after it was kept"),
    ],
)
async def test_it_fails_as_told(faults: SmsFaults, status: int | None, kept: int) -> None:
    gateway = SmsGateway()
    async with serve_sms_gateway(gateway, token="t", faults=faults) as port, httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{port}/messages"
        try:
            got: int | None = (await client.post(url, json=MESSAGE, headers=HEADERS)).status_code
        except httpx.HTTPError:
            got = None
    assert (got, len(gateway.messages)) == (status, kept)

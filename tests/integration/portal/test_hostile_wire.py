"""Requests that no HTTP library writes: trailers as headers, framing without end, broken ones behind good ones."""

from __future__ import annotations

import asyncio

import pytest

from integration.portal.running import KEY, SITE, Portal, running_portal, sign
from integration.portal.test_edge import PATH, request, wire_to
from kiki.portal.problems import MEDIA_TYPE

OFFER = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\nhost: portal\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nhost: portal\r\n\r\n"


def chunks(path: str, behind: bytes, *headers: str, method: str = "POST") -> bytes:
    """A request with one chunk `{}` and `behind` after the line of the last."""
    lines = "".join(f"{line}\r\n" for line in ("host: portal", "transfer-encoding: chunked", *headers))
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + b"2\r\n{}\r\n0\r\n" + behind


async def test_a_key_behind_the_body_opens_nothing(portal: Portal) -> None:
    async with wire_to(portal) as wire:
        wire.send(chunks("/internal/stores", f"x-internal-api-key: {KEY}\r\n\r\n".encode(), method="GET"))
        status, headers, _ = await wire.answer()
        assert (status, headers["content-type"]) == (403, MEDIA_TYPE)
        wire.send(chunks("/healthz", b"x-request-id: trailer\r\n\r\n", method="GET"))
        status, headers, _ = await wire.answer()
        assert (status, headers["x-request-id"] == "trailer") == (200, False)


async def test_a_webhook_with_trailers_is_taken_without_them(portal: Portal) -> None:
    await portal.add_store()
    signed = (f"x-wc-webhook-source: {SITE}", f"x-wc-webhook-signature: {sign(b'{}')}")
    async with wire_to(portal) as wire:
        wire.send(chunks(PATH, b"x-wc-webhook-topic: order.created\r\n\r\n", *signed))
        assert await wire.status() == 200
        wire.send(chunks(PATH, f"x-wc-webhook-signature: {sign(b'{}')}\r\n\r\n".encode(), signed[0]))
        assert await wire.status() == 401
    [stored] = await portal.rows("SELECT headers FROM inbox.deliveries")
    assert "topic" not in stored["headers"]


@pytest.mark.parametrize("path", ["/healthz", "/unsubscribe/a", PATH])
@pytest.mark.parametrize("kind", ["one trailer", "many trailers", "an extension"])
async def test_what_nobody_reads_has_an_end(portal: Portal, path: str, kind: str) -> None:
    """None of it may be kept for as long as its sender likes."""
    await portal.add_store()
    head = chunks(path, b"", f"x-wc-webhook-source: {SITE}", f"x-wc-webhook-signature: {sign(b'{}')}")
    more = {"one trailer": b"a" * 65_536, "many trailers": b"a: b\r\n" * 10_000, "an extension": b"e" * 65_536}[kind]
    async with wire_to(portal) as wire:
        wire.send(head.removesuffix(b"0\r\n") + b"0;e=" if kind == "an extension" else head + b"a: b\r\n")
        if kind == "one trailer":
            wire.send(b"a: ")
        async with asyncio.timeout(15):
            for _ in range(64):
                wire.send(more)
                await wire.writer.drain()
            answered = await wire.reader.read()
        assert answered.rpartition(b"HTTP/1.1 ")[2].startswith(b"431 ") or path == "/unsubscribe/a"


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /webhooks/shopify/a HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST /webhooks/shopify/a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST /webhooks/shopify/a HTTP/1.1\r\nhost : a\r\n\r\n",
        b"POST /webhooks/shopify/a HTTP/1.1\r\nhost: a\r\n folded\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
    ],
)
async def test_what_is_no_http_is_a_problem_document(portal: Portal, data: bytes) -> None:
    async with wire_to(portal) as wire:
        wire.send(data)
        status, headers, content = await wire.answer()
        assert (status, headers["content-type"], headers["connection"]) == (400, MEDIA_TYPE, "close")
        assert b'"reason":"BAD_REQUEST"' in content
        assert await wire.ended()


async def test_a_broken_request_behind_one_of_the_application_does_not_take_its_answer(portal: Portal) -> None:
    async with wire_to(portal) as wire:
        wire.send(HEALTH + b"nonsense\r\n\r\n")
        assert (await wire.answer())[2] == b'{"status":"ok"}'
        assert await wire.ended()


async def test_who_closed_its_own_direction_gets_the_applications_answer(portal: Portal) -> None:
    async with wire_to(portal) as wire:
        wire.send(HEALTH + HEALTH)
        wire.writer.write_eof()
        assert [await wire.status(), await wire.status()] == [200, 200]
        assert await wire.ended()


@pytest.mark.slow
async def test_a_connection_goes_on_after_an_answer_that_took_long(
    portal_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kiki.portal.server._KEEP_ALIVE_SECONDS", 1)
    async with running_portal(portal_dsn) as portal, wire_to(portal) as wire:
        await portal.add_store()
        beacon = b"POST /unsubscribe/a HTTP/1.1\r\nhost: portal\r\ncontent-length: 2\r\n\r\n"
        wire.send(beacon)
        await asyncio.sleep(1.5)
        wire.send(b"ab")
        assert await wire.status() == 400
        await asyncio.sleep(0.5)
        wire.send(request())
        assert await wire.status() == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_one_connection_too_many_is_a_problem_document(
    portal_dsn: str, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr("kiki.portal.server._MAX_CONCURRENCY", 2)
    async with running_portal(portal_dsn) as portal, wire_to(portal) as first, wire_to(portal) as second:
        first.send(HEALTH)
        assert await first.status() == 200
        async with wire_to(portal) as third:
            third.send(HEALTH.replace(b"GET", method.encode()).replace(b"host", b"x-request-id: mine\r\nhost"))
            answered = await third.reader.read()
        head, _, content = answered.partition(b"\r\n\r\n")
        for wanted in (b"HTTP/1.1 503", b"connection: close", b"x-request-id: mine", b"retry-after: 2"):
            assert wanted in head
        assert f"content-type: {MEDIA_TYPE}".encode() in head
        assert (b'"reason":"OVERLOADED"' in content) == (method == "GET")
        second.send(HEALTH)
        assert await second.status() == 200, "as soon as there is room"


async def test_an_offer_of_another_protocol_is_ignored(portal: Portal) -> None:
    """As clients make it that speak HTTP/2 without TLS: its body is read, and what is behind it is the next request."""
    body = b"List-Unsubscribe=One-Click"
    form = b"POST /unsubscribe/a HTTP/1.1\r\n" + OFFER + b"content-length: %d\r\n\r\n" % len(body) + body
    plain = form.replace(OFFER, b"host: portal\r\n")
    async with wire_to(portal) as wire:
        wire.send(plain + form + b"GET /healthz HTTP/1.1\r\n" + OFFER + b"\r\n" + HEALTH)
        first, second = await wire.answer(), await wire.answer()
        assert (first[0], first[2]) == (second[0], second[2])
        assert [await wire.status(), await wire.status()] == [200, 200]
        for part in (form[: -len(body)], body, HEALTH):
            wire.send(part)
            await asyncio.sleep(0.05)
        assert (await wire.answer())[2] == first[2]
        assert await wire.status() == 200


async def test_a_body_behind_an_offer_is_no_request(portal: Portal) -> None:
    async with wire_to(portal) as wire:
        head = b"POST /unsubscribe/a HTTP/1.1\r\n" + OFFER + b"content-length: %d\r\n\r\n" % len(HEALTH)
        wire.send(head)
        await asyncio.sleep(0.05)
        wire.send(HEALTH)
        await asyncio.sleep(0.05)
        wire.send(HEALTH.replace(b"healthz", b"nowhere"))
        assert [await wire.status(), await wire.status()] == [400, 404]


async def test_a_webhook_that_offers_another_protocol_is_taken(portal: Portal) -> None:
    await portal.add_store()
    async with wire_to(portal) as wire:
        for number in range(2):
            wire.send(request(b"%d" % number).replace(b"host: portal\r\n", OFFER))
            assert await wire.status() == 200
    assert await portal.bodies() == [b"0", b"1"]


async def test_who_asks_for_a_tunnel_is_refused(portal: Portal) -> None:
    for target in (b"portal:443", b"/webhooks/shopify/a"):
        async with wire_to(portal) as wire:
            wire.send(b"CONNECT " + target + b" HTTP/1.1\r\nhost: portal\r\n\r\n" + HEALTH)
            assert await wire.status() == 400
            assert await wire.ended()


async def test_requests_without_waiting_for_answers_have_an_end(portal: Portal) -> None:
    """Each that waits costs a hundred times its bytes."""
    async with wire_to(portal) as wire:
        wire.send(HEALTH * 2000)
        async with asyncio.timeout(30):
            answered = (await wire.reader.read()).count(b"HTTP/1.1 200")
        assert 1 < answered < 200


async def test_what_is_no_http_is_counted_and_not_logged(portal: Portal, caplog: pytest.LogCaptureFixture) -> None:
    """Anybody could fill the disk with it."""
    for data in (b"nonsense\r\n\r\n", b"GET /healthz HTTP/1.1\r\n" + OFFER + b"\r\n"):
        async with wire_to(portal) as wire:
            wire.send(data)
            await wire.status()
    assert [record.name for record in caplog.records if record.name.startswith("uvicorn")] == []
    told = (await portal.http.get("/metrics")).text
    assert 'kiki_webhooks_total{outcome="malformed",platform="unknown"} 1.0' in told

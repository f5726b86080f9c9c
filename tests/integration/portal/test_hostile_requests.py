"""What no client of ours sends: cursors that were tampered with, targets and hosts that mislead."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from integration.portal.running import KEY, Portal
from integration.portal.test_edge import wire_to
from kiki.portal.internal.pages import encode_cursor
from kiki.portal.problems import MEDIA_TYPE

HEADERS = {"x-internal-api-key": KEY}


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/internal/jobs", (2**63,)),
        ("/internal/jobs", (-(2**63) - 1,)),
        ("/internal/deliveries", (2**64,)),
        ("/internal/dead-calls", (2**63,)),
        ("/internal/stores", (2**63,)),
        ("/internal/months", ("2026-01", 2**63)),
        ("/internal/months", ("\x00", 1)),
        ("/internal/products/{store_id}", ("\x00",)),
        ("/internal/experiments/{store_id}", ("a\x00b",)),
        ("/internal/orders/{store_id}", ("2026-01-01T00:00:00+00:00", "\x00")),
        ("/internal/reviews/{store_id}", ("2026-01-01T00:00:00+00:00", "\x00")),
        ("/internal/exchange-rates", ("2026-01-01", "\x00", "USD", 1)),
        ("/internal/exchange-rates/missing", ("2026-01-01", 2**63, "EUR", "USD")),
    ],
)
async def test_a_cursor_with_what_no_column_holds_is_refused(
    portal: Portal, path: str, key: tuple[str | int, ...]
) -> None:
    shop = await portal.add_store()
    answer = await portal.http.get(
        path.format(store_id=shop.store_id), params={"cursor": encode_cursor(*key)}, headers=HEADERS
    )
    assert (answer.status_code, answer.json()["reason"]) == (422, "BAD_CURSOR")


@pytest.mark.parametrize("path", ["/healthz/", "/internal/stores/", "/docs/", "/collect/"])
async def test_nobody_is_sent_to_a_host_that_the_request_names(portal: Portal, path: str) -> None:
    answer = await portal.http.get(path, headers={**HEADERS, "host": "elsewhere.example"})
    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/docs", "/internal/stores", "/nowhere"])
async def test_head_is_answered_as_get_without_its_content(portal: Portal, path: str) -> None:
    head = await portal.http.head(path, headers=HEADERS)
    full = await portal.http.get(path, headers=HEADERS)
    assert head.content == b""
    assert (head.status_code, head.headers["content-type"]) == (full.status_code, full.headers["content-type"])


async def test_head_of_what_is_guarded_wants_the_key(portal: Portal) -> None:
    assert (await portal.http.head("/internal/stores")).status_code == 403


async def test_a_wrong_method_names_head_where_there_is_get(portal: Portal) -> None:
    answer: httpx.Response = await portal.http.post("/healthz")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_who_has_no_key_is_not_told_where_an_agent_is(portal: Portal) -> None:
    """The portal of these tests reaches no agent."""
    answer = await portal.http.get("/creatives/some-asset.png")
    assert (answer.status_code, answer.headers["content-type"]) == (503, MEDIA_TYPE)
    assert "127.0.0.1" not in answer.text
    shop = await portal.add_store()
    told = await portal.http.get(f"/internal/creatives/{shop.store_id}", headers=HEADERS)
    assert (told.status_code, "127.0.0.1" in told.text) == (503, True)


async def test_a_click_on_unsubscribe_that_cannot_be_noted_is_answered_for_people(portal: Portal) -> None:
    answer = await portal.http.post("/unsubscribe/token", data={"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert int(answer.headers["retry-after"]) > 0
    assert "127.0.0.1" not in answer.text


@pytest.mark.parametrize("path", ["/unsubscribe/token", "/collect/optout"])
async def test_no_page_of_others_frames_a_button_of_ours(portal: Portal, path: str) -> None:
    answer = await portal.http.get(path)
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_a_form_that_does_not_arrive_is_not_waited_for(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kiki.portal.unsubscribe._FORM_SECONDS", 0.1)
    async with wire_to(portal) as wire:
        wire.send(b"POST /unsubscribe/token HTTP/1.1\r\nhost: portal\r\ncontent-length: 20\r\n\r\nList-")
        status, headers, _ = await wire.answer()
        assert (status, headers["content-type"]) == (408, MEDIA_TYPE)


async def test_what_fails_unforeseen_is_logged_once_without_what_was_sent(
    portal: Portal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_given: object, **_named: object) -> None:
        try:
            raise KeyError("ada@customer.example")
        except KeyError as error:
            raise ValueError("invalid input for query argument $1: 'ada@customer.example'") from error

    monkeypatch.setattr("kiki.portal.internal.jobs.list_jobs", broken)
    portal.http.event_hooks = {}  # the document names no such answer
    with capture_logs() as logged:
        answer = await portal.http.get("/internal/jobs", headers=HEADERS)
    assert (answer.status_code, answer.headers["content-type"]) == (500, MEDIA_TYPE)
    assert (answer.json()["reason"], "ada" in answer.text) == ("INTERNAL", False)
    [entry] = [entry for entry in logged if entry["event"] == "request_failed"]
    assert (entry["error"], entry["path"]) == ("ValueError from KeyError", "/internal/jobs")
    assert any("broken" in frame for frame in entry["frames"])
    assert "ada" not in str(logged)
    assert "ada" not in caplog.text


async def test_an_answer_that_breaks_off_is_cut_and_logged(
    portal: Portal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Response):
        """Says more than it has."""

        async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise ValueError("ada@customer.example")

    monkeypatch.setattr("kiki.portal.health.JSONResponse", lambda *_given, **_named: Broken())
    with capture_logs() as logged, pytest.raises(httpx.RemoteProtocolError):
        await portal.http.get("/readyz")
    assert [entry["error"] for entry in logged if entry["event"] == "request_failed"] == ["ValueError"]
    assert "ada" not in caplog.text + str(logged)

"""`kiki bounces`: what is listed, and an address that was not refused."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import httpx
import pytest

from kiki.cli import exits
from kiki.cli.main import run

ROW = {"customer_key": "a/b", "refused_at": "2026-11-23T12:00:00Z", "reason": "smtp_550", "refusals": 1}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A portal with one refused address, which nobody has lifted or was refused; what it was asked."""
    monkeypatch.setenv("KIKI_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("KIKI_PORTAL_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("KIKI_INTERNAL_API_KEY", "a-key")
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        page = {"bounces": [ROW | {"suppressed": True}], "next_cursor": ""}
        return httpx.Response(200, json={"lifted": False} if request.method == "POST" else page)

    client = functools.partial(httpx.Client, transport=httpx.MockTransport(answer))
    monkeypatch.setattr("kiki.cli.portal_client.httpx.Client", client)
    return asked


def test_refused_addresses_are_listed(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bounces", "list", "3", "--json"]) == exits.OK
    assert json.loads(capsys.readouterr().out) == [ROW | {"suppressed": True}]
    assert asked[0].startswith("/internal/bounces/3?")


def test_an_address_that_was_not_refused_is_said_so(asked: list[str]) -> None:
    assert run(["bounces", "lift", "3", "a/b"]) == exits.NOT_FOUND
    assert asked == ["/internal/bounces/3/a%2Fb/lift"]

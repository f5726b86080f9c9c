"""What `kiki orders` asks the portal, and what it tells of the answers."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from kiki.cli import exits
from kiki.cli.main import run

Ask = Callable[..., tuple[int, str, list[httpx.URL]]]
ORDER = {
    "order_id": "gid 7/8",
    "number": "#1007",
    "placed_at": "2026-03-01T12:00:00Z",
    "status": "paid",
    "total": {"amount": "12.34", "currency": "EUR"},
    "verdict": "incremental",
    "confidence": 0.8,
    "campaign_id": "spring",
    "refunded": None,
}
DETAILS = {
    **ORDER,
    "lines": [{"product_id": "1", "variant_id": "2", "title": "Mütze", "quantity": 3, "net_total": None}],
    "refunds": [],
    "attributions": [{"revision": 1, "cause": "order", "model": "default", "verdict": "incremental"}],
    "review": {"status": "open", "reason": ""},
    "exchange": None,
    "calls": [{"agent": "syncledger", "method": "RecordRevenue", "status": "answered", "reason": ""}],
}


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs a command against a portal that answers as given: exit code, what was printed, what was asked."""
    monkeypatch.setenv("KIKI_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("KIKI_PORTAL_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("KIKI_INTERNAL_API_KEY", "a-key")
    client = httpx.Client

    def act(line: list[str], document: Any) -> tuple[int, str, list[httpx.URL]]:
        asked: list[httpx.URL] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request.url)
            return httpx.Response(200, json=document)

        transport = httpx.MockTransport(answer)
        monkeypatch.setattr("kiki.cli.portal_client.httpx.Client", functools.partial(client, transport=transport))
        code = run(["orders", *line])
        return code, capsys.readouterr().out, asked

    return act


def test_filters_go_to_the_portal_and_rows_to_people(ask: Ask) -> None:
    line = ["list", "1", "--verdict", "incremental", "--since", "2026-03-01T00:00:00+02:00", "--limit", "3"]
    code, out, [asked] = ask(line, {"orders": [ORDER], "next_cursor": ""})
    assert (code, asked.path) == (exits.OK, "/internal/orders/1")
    assert dict(asked.params) == {
        "limit": "3",
        "verdict": "incremental",
        "placed_from": "2026-03-01T00:00:00+02:00",
    }
    for word in ("#1007", "12.34 EUR", "incremental", "spring"):
        assert word in out


def test_a_list_is_json_for_programs_also_when_it_is_empty(ask: Ask) -> None:
    for orders in ([ORDER], []):
        _, out, _ = ask(["list", "1", "--json"], {"orders": orders, "next_cursor": ""})
        assert json.loads(out) == orders
    assert ask(["list", "1"], {"orders": [], "next_cursor": ""})[1] == "No order matches.\n"


def test_an_order_is_shown_with_what_it_has_several_of(ask: Ask) -> None:
    code, out, [asked] = ask(["show", "1", "gid 7/8"], DETAILS)
    assert (code, asked.raw_path) == (exits.OK, b"/internal/orders/1/gid%207%2F8")
    for word in ("#1007", "12.34 EUR", "Mütze", "RecordRevenue", "attributions", "review", "open"):
        assert word in out
    assert "refunds" not in out
    assert json.loads(ask(["show", "1", "gid 7/8", "--json"], DETAILS)[1]) == DETAILS


def test_an_unknown_verdict_is_told_the_known_ones(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, asked = ask(["list", "1", "--verdict", "billed"], {})
    assert (code, asked) == (exits.USAGE, [])

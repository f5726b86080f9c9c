"""Background jobs that a command follows to their end."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import httpx
import pytest

from kiki.cli import exits
from kiki.cli.main import run

JOB = {"job_id": 4, "kind": "sync_orders", "done": 0, "total": None, "result": {}}


@pytest.fixture
def shop_without_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KIKI_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("KIKI_PORTAL_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("KIKI_INTERNAL_API_KEY", "a-key")

    def answer(_: httpx.Request) -> httpx.Response:
        why = {"status": "failed", "reason": "NO_SHOP_CREDENTIALS", "message": "no credentials are stored"}
        return httpx.Response(202, json=JOB | why)

    client = functools.partial(httpx.Client, transport=httpx.MockTransport(answer))
    monkeypatch.setattr("kiki.cli.portal_client.httpx.Client", client)


@pytest.mark.usefixtures("shop_without_keys")
def test_a_sync_without_keys_names_the_command_that_keeps_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stores", "sync", "3", "orders"]) == exits.FAILED
    told = capsys.readouterr()
    assert "kiki stores credentials" in told.err
    assert "NO_SHOP_CREDENTIALS" in told.out


@pytest.mark.usefixtures("shop_without_keys")
def test_a_program_gets_the_job_that_failed_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stores", "sync", "3", "orders", "--json"]) == exits.FAILED
    told = capsys.readouterr()
    assert json.loads(told.out)["reason"] == "NO_SHOP_CREDENTIALS"
    assert told.err == ""

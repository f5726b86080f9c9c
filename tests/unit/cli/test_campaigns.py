"""What `kiki campaigns` tells people and programs of the portal's answers."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from kiki.cli import exits
from kiki.cli.main import run
from kiki.rpc.v1 import syncflow_pb2

Answers = dict[tuple[str, str], Any]
Told = Callable[..., str]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """Runs a command against a portal that answers as given, and says what was printed."""
    monkeypatch.setenv("KIKI_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("KIKI_PORTAL_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("KIKI_INTERNAL_API_KEY", "a-key")
    client = httpx.Client

    def ask(line: str, answers: Answers) -> str:
        def answer(request: httpx.Request) -> httpx.Response:
            found = answers[request.method, request.url.path]
            return httpx.Response(200, json=found.pop(0) if isinstance(found, list) else found)

        transport = httpx.MockTransport(answer)
        monkeypatch.setattr("kiki.cli.portal_client.httpx.Client", functools.partial(client, transport=transport))
        assert run(line.split()) == exits.OK
        return capsys.readouterr().out

    return ask


def campaign(name: str, **more: Any) -> dict[str, Any]:
    definition = {
        "campaign_id": name,
        "network": "google",
        "name": f"{name} sale",
        "daily_budget": {"amount": "10.00", "currency": "EUR"},
        "bid": None,
    }
    plain = {"status": "active", "hold": None, "counts_since": None, "counts_since_reason": ""}
    return {"definition": definition, **plain, **more}


HELD = {"actor": "cli", "reason": "audit", "held_at": "2026-11-01T00:00:00Z", "expires_at": "2026-12-01T00:00:00Z"}
LISTED = {
    "campaigns": [
        campaign("spring", counts_since="2026-03-01T12:00:00Z", counts_since_reason="it ran, nobody told us"),
        campaign("autumn", counts_since="1970-01-01T00:00:00Z", hold=HELD),
        campaign("new"),
    ],
    "next_cursor": "",
}


def test_the_list_says_since_when_campaigns_count_and_why(told: Told) -> None:
    answers = {("GET", "/internal/campaigns/1"): LISTED}
    head, spring, autumn, new = told("campaigns list 1", answers).splitlines()
    assert {"campaign id", "counts since", "reason", "hold"} <= {name.strip() for name in head.split("  ")}
    for word in ("spring sale", "google", "10.00 EUR", "2026-03-01T12:00:00Z", "it ran, nobody told us"):
        assert word in spring
    assert "always" in autumn
    assert "cli: audit until 2026-12-01T00:00:00Z" in autumn
    assert new.split()[-2:] == ["-", "-"]
    assert json.loads(told("campaigns list 1 --json", answers)) == LISTED["campaigns"]


ACCEPTED = {"store_id": 1, "product_id": "7", "in_catalogue": True, "status": "accepted"}
AUTUMN = campaign("autumn", hold=HELD)
UNTIL = "--until 2026-12-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("line", "path", "answer", "words"),
    [
        pytest.param(
            "hold 1 autumn --reason audit",
            "campaigns/1/autumn/hold",
            {"campaign": AUTUMN},
            "Campaign autumn stays as it is, until 2026-12-01T00:00:00Z",
            id="hold",
        ),
        pytest.param(
            "hold 1 autumn --reason audit",
            "campaigns/1/autumn/hold",
            {"campaign": campaign("autumn", hold={**HELD, "expires_at": None})},
            "Campaign autumn stays as it is, until it is released",
            id="hold for good",
        ),
        pytest.param(
            "release 1 autumn",
            "campaigns/1/autumn/release",
            {"campaign": campaign("autumn"), "released": True},
            "Campaign autumn is released, and what is wanted of it is applied",
            id="release",
        ),
        pytest.param(
            "release 1 autumn",
            "campaigns/1/autumn/release",
            {"campaign": campaign("autumn"), "released": False},
            "Campaign autumn was not held",
            id="release of nothing",
        ),
        pytest.param(
            "pause 1 7 --reason broken",
            "products/1/7/ads/pause",
            {**ACCEPTED, "command": "pause"},
            "Accepted: the ads of product 7 are paused until it is released",
            id="pause",
        ),
        pytest.param(
            "pause 1 7 --reason broken",
            "products/1/7/ads/pause",
            {**ACCEPTED, "command": "pause", "in_catalogue": False},
            "Accepted: the ads of product 7 are paused until it is released;"
            " the shop has told of no such product so far",
            id="pause of what may be a typing error",
        ),
        pytest.param(
            f"pause 1 7 --reason broken {UNTIL}",
            "products/1/7/ads/pause",
            {**ACCEPTED, "command": "pause"},
            "Accepted: the ads of product 7 are paused until 2026-12-01T00:00:00+00:00",
            id="pause for a time",
        ),
        pytest.param(
            "resume 1 7 --reason mended",
            "products/1/7/ads/resume",
            {**ACCEPTED, "command": "resume"},
            "Accepted: the ads of product 7 are resumed",
            id="resume",
        ),
    ],
)
def test_a_hand_is_told_as_a_line_and_to_programs_as_json(
    told: Told, line: str, path: str, answer: dict[str, Any], words: str
) -> None:
    answers = {("POST", f"/internal/{path}"): answer}
    assert told(f"campaigns {line}", answers) == words + "\n"
    assert json.loads(told(f"campaigns {line} --json", answers)) == answer


def test_an_import_in_parts_says_that_an_order_may_stand_in_several(told: Told, tmp_path: Path) -> None:
    file = tmp_path / "campaigns.json"
    file.write_text(json.dumps([{"campaign_id": f"c{number}"} for number in range(1_001)]))
    line = f"campaigns import 1 {file} --effective-from 2026-03-01T00:00:00+00:00 --reason forgotten"
    path = ("POST", "/internal/campaigns/1")

    def parts(*counts: int) -> Answers:
        return {path: [{"added": 500, "replaced": 0, "reopened": count, "counted_all": True} for count in counts]}

    assert told(line, parts(7, 5, 0)).splitlines()[-1] == (
        "12 orders of open months are decided anew in the background; "
        "counted in 3 parts (7 + 5 + 0), and an order may stand in several"
    )
    assert told(line, parts(0, 5, 0)).splitlines()[-1] == "5 orders of open months are decided anew in the background"
    assert json.loads(told(f"{line} --json", parts(7, 5, 0))) == {
        "registered": 1_001,
        "reopened": 12,
        "counted_all": True,
        "parts": [7, 5, 0],
    }


@pytest.mark.parametrize("text", ["", "[]", "campaign_id,network,external_id\n"])
def test_a_file_without_a_campaign_is_refused_before_anything_is_sent(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIKI_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("KIKI_PORTAL_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("KIKI_INTERNAL_API_KEY", "a-key")
    file = tmp_path / "campaigns.csv"
    file.write_text(text)
    assert run(["campaigns", "import", "1", str(file), "--json"]) == exits.REFUSED
    assert json.loads(capsys.readouterr().err)["error"]["reason"] == "BAD_FILE"


def test_actions_fit_a_terminal_and_a_program_gets_all_of_them(told: Told) -> None:
    names = [field.name for field in syncflow_pb2.CampaignAction.DESCRIPTOR.fields]
    action = dict.fromkeys(names, "") | {"store_id": 1, "campaign_id": "spring", "kind": "pause", "reasons": ["manual"]}
    page = {"actions": [action], "next_cursor": ""}
    path = ("GET", "/internal/campaigns/1/actions")
    header = told("campaigns actions 1", {path: page}).splitlines()[0]
    assert {name.replace(" ", "_") for name in re.split(r"  +", header.strip())} < set(names)
    assert "reasons" in header
    assert json.loads(told("campaigns actions 1 --json", {path: page})) == [action]

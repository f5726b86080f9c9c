"""`kiki value report` against a running portal and a SyncValue that has fitted a model."""

from __future__ import annotations

import asyncio
import json
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from integration.council.syncvalue.served import Served, serving, store
from integration.portal.running import KEY, OWNERS, Portal, running_portal
from kiki.cli import exits
from kiki.cli.main import run
from kiki.council.syncvalue.tables import OWNER as VALUE
from kiki.kit.migrations import upgrade

PLOTS = {"calibration-purchases", "calibration-spend", "actual-and-expected", "p-alive"}
Running = tuple[Portal, Served]


@pytest.fixture
async def running(
    database_dsn: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    await upgrade(database_dsn, [*OWNERS, VALUE])
    async with serving(database_dsn, api_key=KEY) as agent:
        addresses = {"syncvalue": f"127.0.0.1:{agent.component.port}"}
        async with running_portal(database_dsn, addresses=addresses) as portal:
            monkeypatch.setenv("KIKI_DATA_DIR", str(tmp_path_factory.mktemp("installation")))
            monkeypatch.setenv("KIKI_PORTAL_URL", f"http://127.0.0.1:{portal.port}")
            monkeypatch.setenv("KIKI_INTERNAL_API_KEY", KEY)
            yield portal, agent


async def kiki(line: str, capsys: pytest.CaptureFixture[str], code: int = exits.OK) -> str:
    assert await asyncio.to_thread(run, line.split()) == code
    return capsys.readouterr().out


async def test_the_report_tells_and_draws(running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    portal, agent = running
    store_id = (await portal.add_store()).store_id
    await agent.tell(store(), store_id)
    await agent.component.refits.fit(store_id)
    capsys.readouterr()
    told = json.loads(await kiki(f"value report {store_id} --json --plots {tmp_path / 'plots'}", capsys))
    assert (told["model"]["version"], told["model"]["choice"]) == (1, "back_test")
    assert len(told["accuracy"]["purchase_deciles"]) == 10
    assert {Path(path).name for path in told["plots"]} == {
        f"{name}.{kind}" for name in PLOTS for kind in ("svg", "png")
    }
    for path in map(Path, told["plots"]):
        if path.suffix == ".svg":
            assert ET.parse(path).getroot().attrib["width"] == "640"  # We wrote it.
        else:
            with Image.open(path) as picture:
                assert picture.size == (1280, 800)
                assert len(picture.getcolors(1 << 20) or ()) > 3
    printed = await kiki(f"value report {store_id}", capsys)
    assert "Calibration of purchases" in printed
    assert "90% interval of spend held" in printed
    listed = await portal.http.get(f"/internal/stores/{store_id}/value/models", headers={"x-internal-api-key": KEY})
    assert [model["version"] for model in listed.json()["models"]] == [1]


async def test_a_store_without_a_model_says_so(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    store_id = (await running[0].add_store()).store_id
    assert await asyncio.to_thread(run, ["value", "report", str(store_id)]) == exits.NOT_FOUND
    assert "MODEL_UNKNOWN" in capsys.readouterr().err

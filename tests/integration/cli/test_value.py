"""`kiki value report` against a running portal and a SyncValue that has fitted a model."""

from __future__ import annotations

import asyncio
import json
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from PIL import Image

from databases import tables_of
from integration.council.syncvalue.served import Served, serving, store
from integration.portal.running import KEY, OWNERS, Portal, running_portal
from kiki.cli import exits
from kiki.cli.main import run
from kiki.council.syncvalue.tables import OWNER as VALUE
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import syncvalue_pb2

PLOTS = {"calibration-purchases", "calibration-spend", "actual-and-expected", "p-alive"}
Running = tuple[Portal, Served]


value_dsn = tables_of(*OWNERS, VALUE)


@pytest.fixture
async def running(value_dsn: str, commands_ask: Callable[[Portal], None]) -> AsyncIterator[Running]:
    async with serving(value_dsn, api_key=KEY) as agent:
        addresses = {"syncvalue": f"127.0.0.1:{agent.component.port}"}
        async with running_portal(value_dsn, addresses=addresses) as portal:
            commands_ask(portal)
            yield portal, agent


async def kiki(line: str, capsys: pytest.CaptureFixture[str], code: int = exits.OK) -> str:
    assert await asyncio.to_thread(run, line.split()) == code
    return capsys.readouterr().out


@pytest.mark.slow
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


async def test_promotions_are_told_shown_and_taken_back(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    portal, agent = running
    store_id = (await portal.add_store()).store_id
    capsys.readouterr()
    line = f"value promotions add {store_id} --first 2026-11-27 --last 2026-11-30 --name Friday --json"
    told = json.loads(await kiki(line, capsys))["promotions"]
    assert [(own["promotion_id"], own["first_day"], own["last_day"], own["name"]) for own in told] == [
        (1, "2026-11-27", "2026-11-30", "Friday")
    ]
    file = tmp_path / "promotions.csv"
    file.write_text("first,last,name\n2026-01-02,2026-01-09,winter\n2026-06-01,,\n")
    await kiki(f"value promotions add {store_id} --file {file}", capsys)
    listed = json.loads(await kiki(f"value promotions list {store_id} --json", capsys))["promotions"]
    assert [(own["first_day"], own["last_day"]) for own in listed] == [
        ("2026-01-02", "2026-01-09"),
        ("2026-06-01", "2026-06-01"),
        ("2026-11-27", "2026-11-30"),
    ]
    assert "winter" in await kiki(f"value promotions list {store_id}", capsys)
    assert "Friday" in await kiki(f"value promotions remove {store_id} 1", capsys)
    assert len(json.loads(await kiki(f"value promotions list {store_id} --json", capsys))["promotions"]) == 2
    await kiki(f"value promotions remove {store_id} 1", capsys, exits.NOT_FOUND)
    await kiki("value promotions list 999", capsys, exits.NOT_FOUND)
    asked = syncvalue_pb2.UpdateBaselineMetricsRequest(
        store_id=store_id,
        event_id="baseline",
        connected_at=time_to_proto(agent.clock.now()),
        time_zone="UTC",
        currency="EUR",
    )
    await agent.call("UpdateBaselineMetrics", asked)
    assert "knew 2 of them" in await kiki(f"value promotions list {store_id}", capsys)


@pytest.mark.parametrize(
    "options",
    ["", "--first 2026-11-31", "--first 2026-11-27 --last 2026-11-26", "--first 2026-11-27 --file x", "--file x"],
)
def test_bad_promotions_are_refused(options: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"value promotions add 1 {options}".split()) == exits.REFUSED
    assert capsys.readouterr().err

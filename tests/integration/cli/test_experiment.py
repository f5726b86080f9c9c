"""`kiki experiment` on a store of a running portal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest

from integration.portal.running import KEY, Portal, running_portal
from kiki.cli.main import run

PLAN = "--minimum-effect 1.5 --planned-users 5000 --expected-mean 3 --expected-sd 20 --holdout 0.2"


@pytest.fixture
async def portal(portal_dsn: str, commands_ask: Callable[[Portal], None]) -> AsyncIterator[Portal]:
    async with running_portal(portal_dsn) as running:
        commands_ask(running)
        yield running


async def kiki(line: str, capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    assert await asyncio.to_thread(run, f"experiment {line}".split()) == code
    return capsys.readouterr().out


@pytest.mark.slow
async def test_an_experiment_from_registration_to_a_recorded_reading(
    portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    store = (await portal.add_store()).store_id
    times = "--starts 2026-01-01T00:00:00Z --ends 2099-01-01T00:00:00Z"
    registered = json.loads(await kiki(f"register {store} autumn {times} {PLAN} --json", capsys))
    assert (registered["status"], registered["plan"]["holdout_ppm"]) == ("draft", 200_000)
    assert registered["power"]["users_needed"] > 0
    await kiki(f"reading {store} autumn", capsys, code=4)
    assert "running" in await kiki(f"start {store} autumn", capsys)
    assert "autumn" in await kiki(f"list {store}", capsys)
    await portal.http.post(
        f"/internal/experiments/{store}/autumn/assign",
        headers={"x-internal-api-key": KEY},
        json={"subjects": [f"visitor-{number}" for number in range(60)]},
    )
    shown = await kiki(f"reading {store} autumn", capsys)
    assert "nothing shown" in shown
    assert "sample ratio" in shown
    read = json.loads(await kiki(f"reading {store} autumn --json", capsys))
    assert sum(arm["users"] for arm in read["arms"].values()) == 60
    recorded = json.loads(await kiki(f"record {store} autumn --json", capsys))
    assert (recorded["new"], recorded["told"]) == (True, True)
    assert registered["digest"] in await kiki(f"show {store} autumn", capsys)
    assert "ended" in await kiki(f"end {store} autumn", capsys)
    await kiki(f"cancel {store} autumn", capsys, code=4)

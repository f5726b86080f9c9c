"""`kiki stores credentials`, `sync` and `show` against a running portal: from the keys to the baseline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from integration.portal.mesh import running_mesh
from integration.portal.running import Portal
from integration.portal.scenes import connect, scene_of
from kiki.cli import exits, jobs
from kiki.cli.main import run


@pytest.mark.slow
async def test_the_history_is_synced_and_shown_with_its_baseline(
    council_dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    commands_ask: Callable[[Portal], None],
) -> None:
    async def kiki(line: str, code: int = exits.OK) -> str:
        assert await asyncio.to_thread(run, line.split()) == code
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return printed.err if code else printed.out

    monkeypatch.setattr(jobs, "_POLL_SECONDS", 0.1)
    async with scene_of("woocommerce") as scene, running_mesh(council_dsn) as portal:
        commands_ask(portal)
        store = await connect(portal, scene, consumer_secret="cs_wrong")
        assert "No order history" in await kiki(f"stores show {store}")
        failed = document(await kiki_failing(store, capsys))
        assert failed["reason"] == "SHOP_CREDENTIALS_REFUSED"
        await kiki(f"stores credentials {store} {scene.address}", exits.USAGE)
        kept = await kiki(
            f"stores credentials {store} {scene.address} --consumer-key ck_right --consumer-secret cs_right"
        )
        assert "cs_right" not in kept
        job = document(await kiki(f"stores sync {store} orders --json"))
        earned = scene.baseline_minor()
        assert job["status"] == "succeeded"
        assert job["result"]["baseline"]["revenue"]["amount"] == f"{earned / 100:.2f}"
        shown = await kiki(f"stores show {store}")
        assert f"{earned / 100:.2f} EUR" in shown


def document(printed: str) -> dict[str, Any]:
    """What the command printed; the portal beside it logs to the same place."""
    found: dict[str, Any] = json.loads(printed[printed.index("{\n") :])
    return found


async def kiki_failing(store: int, capsys: pytest.CaptureFixture[str]) -> str:
    """A sync that fails: exit code 1, and the job as JSON all the same."""
    assert await asyncio.to_thread(run, f"stores sync {store} orders --json".split()) == exits.FAILED
    return capsys.readouterr().out

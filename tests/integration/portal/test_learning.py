"""A store's experiment teaches a candidate, which runs in the shadow and is adopted: portal, worker, command line."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from integration.orchestrator.attribution.taught import teach
from integration.portal.running import KEY
from integration.portal.test_attribution_models import HEADERS, Scene, clicked, scene
from kiki.cli import exits, jobs
from kiki.cli.main import run
from kiki.sandbox.visitors import World

WORLD = World(users=6_000, holdout_share=0.3, effect=0.2)


async def taught(play: Scene, world: World = WORLD) -> None:
    async with play.portal.database.transaction() as connection:
        await teach(connection, world, store_id=play.shop.store_id)


async def adopt(play: Scene, code: int = 200) -> Any:
    return await play.post(f"/internal/attribution/models/{play.shop.store_id}/candidate/adopt", code=code)


async def fits(play: Scene) -> dict[str, Any]:
    found = await play.get(f"/internal/attribution/models/{play.shop.store_id}")
    return {**found, "fits": {row["name"]: row for row in found["fits"]}}


@pytest.mark.slow
async def test_what_an_experiment_taught_is_adopted_after_its_shadow_run(
    council_dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(jobs, "_POLL_SECONDS", 0.05)
    async with scene(council_dsn) as play:
        monkeypatch.setenv("KIKI_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("KIKI_PORTAL_URL", f"http://127.0.0.1:{play.portal.port}")
        monkeypatch.setenv("KIKI_INTERNAL_API_KEY", KEY)
        shop, at = play.shop, play.now - dt.timedelta(hours=1)
        await taught(play)
        await play.rules(attribution_model="last")
        assert (await adopt(play, 409))["reason"] == "NOT_FITTED"
        line = f"attribution learn --store {shop.store_id} --experiment autumn --json"
        assert await asyncio.to_thread(run, line.split()) == exits.OK
        printed = capsys.readouterr().out
        learned = json.loads(printed[printed.index("{\n") :])
        assert (learned["model"], learned["second_model"], learned["users"]) == ("candidate", "candidate", 6_000)
        assert learned["cross_validated"]["brier"] < learned["cross_validated"]["brier_constant"]
        known = await fits(play)
        assert (known["model"], known["second_model"], set(known["fits"])) == ("last", "candidate", {"candidate"})
        kept = known["fits"]["candidate"]
        assert (kept["source"], kept["size"]) == ("experiment", 6_000)
        assert kept["report"]["learned_from"]["experiment_id"] == "autumn"

        assert (await adopt(play, 409))["reason"] == "NOT_SHADOWED"
        assert (await play.rules(attribution_model="candidate", attribution_shadow="", code=422))["reason"] == (
            "NEVER_BILLED"
        )
        assert (await play.rules(attribution_ab_share=500_000, code=422))["reason"] == "NEVER_BILLED"
        for number in range(30):
            await shop.tell(clicked(str(number), at))
        shown = await play.portal.rows("SELECT DISTINCT model, model_version FROM commerce.attribution_shadows")
        assert [(row["model"], row["model_version"]) for row in shown] == [("candidate", kept["version"])]
        billed = await play.portal.rows("SELECT DISTINCT model FROM commerce.attributions WHERE store_id = $1", 1)
        assert [row["model"] for row in billed] == ["last"], "the candidate bills nothing"

        adopted = await adopt(play)
        assert (adopted["name"], adopted["version"]) == ("learned", kept["version"])
        assert adopted["report"]["shadow_run"]["orders"] == 30
        known = await fits(play)
        assert (known["model"], known["second_model"]) == ("last", "")
        await play.rules(attribution_model="learned")
        await shop.tell(clicked("30", at))
        explained = await play.get(f"/internal/attribution/explain/{shop.store_id}/30")
        (decision,) = explained["decisions"]
        assert (decision["model"], decision["model_version"]) == ("learned", kept["version"])
        assert 0 < float(decision["evidence"]["billed_share"]) < 1
        audited = await play.portal.rows(
            "SELECT (SELECT count(*) FROM calls.queue WHERE agent = 'syncshield')"
            " + (SELECT count(*) FROM calls.parked WHERE agent = 'syncshield') AS n"
        )
        assert audited[0]["n"] >= 2


@pytest.mark.slow
async def test_an_experiment_with_too_few_buyers_is_refused_and_changes_nothing(council_dsn: str) -> None:
    async with scene(council_dsn) as play:
        store_id = play.shop.store_id
        await taught(play, World(users=200, holdout_share=0.3))
        path = f"/internal/attribution/learn/{store_id}"
        assert (await play.post(path, {"experiment_id": "spring"}, code=404))["reason"] == "UNKNOWN_EXPERIMENT"
        job = await play.done(await play.post(path, {"experiment_id": "autumn"}))
        assert (job["status"], job["reason"]) == ("failed", "TOO_LITTLE_DATA")
        assert "30 buyers in each arm" in job["message"]
        known = await fits(play)
        assert (known["fits"], known["second_model"]) == ({}, "")


@pytest.mark.slow
async def test_a_second_model_that_is_there_is_not_pushed_out(council_dsn: str) -> None:
    async with scene(council_dsn) as play:
        await taught(play)
        await play.rules(attribution_shadow="linear")
        path = f"/internal/attribution/learn/{play.shop.store_id}"
        job = await play.done(await play.post(path, {"experiment_id": "autumn"}))
        assert (job["status"], job["result"]["second_model"]) == ("succeeded", "linear")
        assert "waits" in job["message"]
        answer = await play.portal.http.get(f"/internal/stores/{play.shop.store_id}", headers=HEADERS)
        assert answer.json()["settings"]["attribution_shadow"] == "linear"


@pytest.mark.parametrize(
    "line",
    ["learn", "learn --experiment autumn", "learn --input x.csv --experiment autumn --store 1"],
    ids=["nothing", "no store", "both"],
)
def test_learning_wants_a_file_or_an_experiment(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"attribution {line}".split()) != exits.OK
    assert "BAD_OPTIONS" in capsys.readouterr().err

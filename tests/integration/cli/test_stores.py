"""`kiki stores` against a running portal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest

from integration.portal.running import Portal, running_portal
from kiki.cli import exits
from kiki.cli.main import run
from kiki.portal.internal.schemas import StoreRules


@pytest.fixture
async def portal(portal_dsn: str, commands_ask: Callable[[Portal], None]) -> AsyncIterator[Portal]:
    async with running_portal(portal_dsn) as running:
        commands_ask(running)
        yield running


async def test_a_rule_with_a_slip_of_the_pen_is_named_with_the_one_that_was_meant(
    portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    store_id = (await portal.add_store()).store_id
    for given, wanted in (("fee_rat=0.18", "did you mean 'fee_rate'?"), ("colour=red", "rules are attribution_window")):
        assert await asyncio.to_thread(run, ["stores", "set", str(store_id), given, "--json"]) == exits.REFUSED
        error = json.loads(capsys.readouterr().err)["error"]
        assert error["reason"] == "UNKNOWN_RULE"
        assert wanted in error["message"]


async def test_every_rule_that_a_shop_shows_can_be_set(portal: Portal, capsys: pytest.CaptureFixture[str]) -> None:
    store_id = (await portal.add_store()).store_id
    await asyncio.to_thread(run, ["stores", "show", str(store_id), "--json"])
    assert set(json.loads(capsys.readouterr().out)["settings"]) == set(StoreRules.model_fields)
    assert await asyncio.to_thread(run, ["stores", "set", str(store_id), "low_stock_threshold=3", "--json"]) == exits.OK
    assert json.loads(capsys.readouterr().out)["settings"]["low_stock_threshold"] == 3

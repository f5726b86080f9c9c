"""`kiki stores pixel` against a running portal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest

from integration.portal.running import Portal, running_portal
from kiki.cli.main import run


@pytest.fixture
async def portal(portal_dsn: str, commands_ask: Callable[[Portal], None]) -> AsyncIterator[Portal]:
    async with running_portal(portal_dsn, public_url="https://portal.example/") as running:
        commands_ask(running)
        yield running


async def kiki(line: str, capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    assert await asyncio.to_thread(run, line.split()) == code
    return capsys.readouterr().out


async def test_the_snippet_is_printed_as_it_is_pasted(portal: Portal, capsys: pytest.CaptureFixture[str]) -> None:
    store_id = (await portal.add_store()).store_id
    shown = json.loads(await kiki(f"stores pixel {store_id} --json", capsys))
    address = f"https://portal.example/collect/{shown['collector_key']}/pixel.js"
    assert f'<script async src="{address}"></script>' in shown["snippet"]
    assert shown["pixel_bytes"] < 4096
    printed = await kiki(f"stores pixel {store_id}", capsys)
    for name in ("snippet", "order_snippet", "customer_snippet"):
        assert shown[name] in printed
    assert "example.com, www.example.com" in printed


async def test_a_key_is_rotated_and_domains_are_added(portal: Portal, capsys: pytest.CaptureFixture[str]) -> None:
    store_id = (await portal.add_store("shopify", "lamps.myshopify.com")).store_id
    before = json.loads(await kiki(f"stores pixel {store_id} --json", capsys))
    await kiki(f"stores set {store_id} shop_domains=lamps.example pixel_consent=opt_out", capsys)
    after = json.loads(await kiki(f"stores pixel {store_id} --rotate --json", capsys))
    assert after["collector_key"] != before["collector_key"]
    assert "www.lamps.example" in after["hosts"]
    assert after["pixel_consent"] == "opt_out"
    assert after["order_snippet"] == "", "on Shopify the pixel writes it on the cart"

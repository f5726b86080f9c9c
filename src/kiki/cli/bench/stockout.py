"""The reaction to a stockout: from sending the webhook to the moment at which the ad network saw the pause."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import msgspec

from kiki.cli.bench.mesh import BenchMesh, progress, run_in_scratch
from kiki.cli.bench.pipeline import send_load
from kiki.cli.bench.shops import add_shops
from kiki.kit.clock import monotonic
from kiki.sandbox.ad_network import AdNetwork, Campaign, ProductAds, serve_ad_network
from kiki.sandbox.load_plan import LoadStore

_TOKEN = "token-of-the-simulated-network"  # noqa: S105  The simulated network's own.
_FIRST_PRODUCT = 50_000
_SETTLE_SECONDS = 3_600
_ORDERS_AT_ONCE = 20_000
_DELIVERIES_PER_ORDER = 4


@dataclass(frozen=True, slots=True)
class StockoutOptions:
    """One run."""

    backlog: int
    rounds: int
    topology: str


def run_stockout(options: StockoutOptions) -> dict[str, object]:
    """Start a mesh of its own, measure while it is idle and while orders wait, and say what was seen."""
    return run_in_scratch(options.topology, lambda mesh: _measure(mesh, options))


async def _measure(mesh: BenchMesh, options: StockoutOptions) -> dict[str, object]:
    network = AdNetwork()
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serve_ad_network(network, token=_TOKEN))
        shops = await add_shops(mesh, 8)
        await _advertise(mesh, network, port, options.rounds * 2)
        await mesh.settled(_SETTLE_SECONDS)
        progress("measuring while idle")
        idle = [await _stockout(mesh, shops[0], network, n) for n in range(options.rounds)]
        result: dict[str, object] = {"rounds": options.rounds, **_percentiles("idle", idle)}
        if options.backlog:
            result |= await _behind_a_backlog(mesh, shops, network, options)
    return result


async def _behind_a_backlog(
    mesh: BenchMesh, shops: Sequence[LoadStore], network: AdNetwork, options: StockoutOptions
) -> dict[str, object]:
    """The worker is stopped while orders pile up, and let go when the first stockout is sent."""
    progress(f"piling up {options.backlog} orders")
    with mesh.paused("worker"):
        waiting, first_id = 0, 100_000_000
        while waiting < options.backlog * _DELIVERIES_PER_ORDER * 0.9:
            wanted = min(_ORDERS_AT_ONCE, options.backlog - waiting // _DELIVERIES_PER_ORDER)
            report = await send_load(mesh, shops, seconds=600, first_id=first_id, purchases=wanted)
            waiting += report.acknowledged
            first_id += 100_000_000
            progress(f"{waiting} deliveries wait")
    began = await mesh.backlog()
    behind = [await _stockout(mesh, shops[0], network, options.rounds + n) for n in range(options.rounds)]
    left = await mesh.backlog()
    return {
        "backlog_orders": options.backlog,
        "backlog_when_measuring_began": began,
        "backlog_when_measuring_ended": left,
        **_percentiles("backlog", behind),
    }


async def _advertise(mesh: BenchMesh, network: AdNetwork, port: int, count: int) -> None:
    store_id = mesh.store_ids[0]
    connection = {"base_url": f"http://127.0.0.1:{port}", "token": _TOKEN}
    await mesh.post(f"/internal/ad-networks/{store_id}/google", connection, method="PUT")
    for number in range(count):
        product = str(_FIRST_PRODUCT + number)
        campaign_id = f"stockout-{product}"
        network.put(Campaign(campaign_id, campaign_id, "EUR", 100, 5_000, [ProductAds(product)]))
        definition = {
            "campaign_id": campaign_id,
            "network": "google",
            "external_id": campaign_id,
            "name": campaign_id,
            "promotions": [{"product_id": product}],
            "daily_budget": {"amount": "50.00", "currency": "EUR"},
        }
        await mesh.post(f"/internal/campaigns/{store_id}", {"campaigns": [definition]})


async def _stockout(mesh: BenchMesh, shop: LoadStore, network: AdNetwork, number: int) -> float:
    """Milliseconds from sending the stockout to the pause at the network."""
    product_id = _FIRST_PRODUCT + number
    await _tell(mesh, shop, product_id, "instock", age_seconds=60)
    await mesh.product_known(mesh.store_ids[0], str(product_id))
    seen = asyncio.create_task(
        network.wait_until(
            lambda now: not now.is_running(f"stockout-{product_id}", str(product_id)), timeout_seconds=120
        )
    )
    await asyncio.sleep(0)
    began = monotonic()
    await _tell(mesh, shop, product_id, "outofstock", age_seconds=0)
    await seen
    return (monotonic() - began) * 1000


async def _tell(mesh: BenchMesh, shop: LoadStore, product_id: int, stock: str, *, age_seconds: int) -> None:
    at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age_seconds)
    body = msgspec.json.encode(
        {
            "id": product_id,
            "name": "Shoe",
            "type": "simple",
            "status": "publish",
            "price": "10.00",
            "stock_status": stock,
            "date_modified_gmt": at.strftime("%Y-%m-%dT%H:%M:%S"),
        }
    )
    signature = base64.b64encode(hmac.digest(shop.secret.encode(), body, hashlib.sha256)).decode()
    headers = {"X-WC-Webhook-Signature": signature, "X-WC-Webhook-Topic": "product.updated"}
    answer = await mesh.http.post(f"{shop.path_prefix}product.updated", content=body, headers=headers)
    if answer.status_code != httpx.codes.OK:
        progress(f"a stockout was answered {answer.status_code}")


def _percentiles(state: str, took: Sequence[float]) -> dict[str, object]:
    ordered = sorted(took)
    last = len(ordered) - 1
    return {
        f"{state}_p50_ms": round(ordered[last // 2], 1),
        f"{state}_p99_ms": round(ordered[round(last * 0.99)], 1),
        f"{state}_max_ms": round(ordered[last], 1),
    }

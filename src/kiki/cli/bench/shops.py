"""Stores for a benchmark: connected through the API, with campaigns and catalogues."""

from __future__ import annotations

from kiki.cli.bench.mesh import BenchMesh
from kiki.sandbox.load_plan import LoadProduct, LoadStore

_PROMOTED = tuple(LoadProduct(100 + n, 2_000 + 150 * n) for n in range(10))
_OTHERS = tuple(LoadProduct(200 + n, 1_500 + 90 * n) for n in range(30))
_CAMPAIGN = "bench-autumn"


async def add_shops(mesh: BenchMesh, count: int) -> list[LoadStore]:
    """Connect WooCommerce stores: a purchase there is three or four deliveries."""
    shops = []
    for number in range(count):
        secret, key = f"secret-of-bench-shop-{number}", f"shop-{number}.bench.example"
        added = await mesh.post(
            "/internal/stores",
            {
                "platform": "woocommerce",
                "store_key": f"https://{key}",
                "currency": "EUR",
                "timezone": "UTC",
                "webhook_secret": secret,
                "connected_at": "2026-01-01T00:00:00Z",
                # Drawing pictures of a new catalogue is work of its own, not of a purchase.
                "settings": {"ad_networks": []},
            },
        )
        mesh.store_ids.append(added["store_id"])
        await mesh.post(f"/internal/campaigns/{added['store_id']}", {"campaigns": [_campaign()]})
        prefix = f"/webhooks/woocommerce/s/{added['delivery_token']}/"
        shops.append(
            LoadStore(
                platform="woocommerce",
                store_key=key,
                secret=secret,
                path_prefix=prefix,
                campaign=_CAMPAIGN,
                promoted=_PROMOTED,
                products=_OTHERS,
            )
        )
    return shops


def _campaign() -> dict[str, object]:
    return {
        "campaign_id": _CAMPAIGN,
        "network": "google",
        "external_id": _CAMPAIGN,
        "name": "Autumn",
        "utm_campaign": _CAMPAIGN,
        "promotions": [
            {"product_id": str(product.product_id), "starts_at": "2026-01-01T00:00:00Z"} for product in _PROMOTED
        ],
        "daily_budget": {"amount": "100.00", "currency": "EUR"},
    }

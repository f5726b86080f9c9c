"""How many effects each agent holds, and how many it should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from kiki.cli.bench.mesh import BenchMesh
from kiki.rpc.v1 import common_pb2 as pb
from kiki.sandbox.load_plan import Expected, LoadStore


def expected_effects(told: Iterable[Expected]) -> dict[str, int]:
    """What must have happened for a load: all orders are paid, live and not refunded."""
    orders = deliveries = incremental = 0
    for one in told:
        orders += one.orders
        deliveries += one.deliveries
        incremental += one.incremental_orders
    return {
        "inbox.settled": deliveries,
        "syncvalue.UpdateCustomerLTV": orders,
        "syncengage.TriggerPostPurchaseFlow": orders,
        "syncengage.TriggerUpsellFlow": orders,
        "syncledger.RecordIncrementalRevenue": incremental,
        "syncshield.LogWebhookEvent": deliveries,
    }


async def count_effects(mesh: BenchMesh, shops: Sequence[LoadStore]) -> dict[str, int]:
    """The same counts as the inbox and the agents hold them now."""
    held: Counter[str] = Counter()
    held["inbox.settled"] = await mesh.value(
        "SELECT count(*) FROM inbox.outcomes o JOIN inbox.deliveries d USING (store_id, delivery_id, received_at)"
        " WHERE o.status = 'settled' AND d.origin = 'webhook'"
    )
    for store_id in mesh.store_ids[: len(shops)]:
        for agent in ("syncvalue", "syncengage", "syncledger", "syncshield"):
            request = pb.CountEffectsRequest(store_id=store_id)
            answer = await mesh.clients[agent].call(
                "CountEffects", request, pb.CountEffectsResponse, timeout_seconds=60
            )
            for count in answer.counts:
                held[f"{agent}.{count.method}"] += count.count
    return dict(held)

"""Nothing personal and nothing secret stands in clear in any table, and none of it is written to the logs."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

import pytest

from e2e.mesh import Mesh
from e2e.payloads import woo_order

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

_TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""


def buyer(mark: str) -> dict[str, Any]:
    return {
        "first_name": f"Name{mark}",
        "last_name": f"Family{mark}",
        "email": f"mail{mark}@customer.example",
        "phone": "+49 30 5550199",
        "address_1": f"Street{mark} 1",
    }


async def test_tables_and_logs_hold_nothing_personal_in_clear(mesh: Mesh) -> None:
    mark = secrets.token_hex(6)
    shop = await mesh.add_store("woocommerce", webhook_secret=f"hook-secret-{mark}")
    billing = buyer(mark)
    await shop.deliver("order.created", woo_order(1, billing=billing))
    await shop.deliver("customer.updated", {"id": 9, **{k: billing[k] for k in ("email", "first_name", "last_name")}})
    await shop.deliver("order.created", b'{"id": "' + mark.encode())
    await mesh.settled()
    touchpoint = {"touchpoint_id": "t1", "at": "2026-11-01T10:00:00Z", "kind": "click", "email": billing["email"]}
    await mesh.send("POST", f"/internal/touchpoints/{shop.store_id}", {"touchpoints": [touchpoint]})
    digest = hashlib.sha256(billing["email"].encode()).hexdigest()
    await tell_visit(mesh, shop.store_id, mark, digest)
    await mesh.settled()

    needles = [mark, mark.encode().hex(), "5550199", digest]
    for table in await mesh.rows(_TABLES):
        found = await mesh.sql(f"SELECT count(*) FROM {table[0]} t WHERE t::text LIKE ANY($1)", _patterns(needles))
        assert found == 0, table[0]
    log = mesh.log()
    assert not [needle for needle in (*needles, mesh.api_key, shop.token) if needle in log]


async def tell_visit(mesh: Mesh, store_id: int, mark: str, digest: str) -> None:
    """A browser's beacons: one that is stored, one that is refused."""
    pixel = await mesh.send("GET", f"/internal/stores/{store_id}/pixel")
    beacon = {
        "event_id": secrets.token_hex(16),
        "kind": "click",
        "visitor": f"visitor-{mark}-{mark}",
        "consent": "call",
        "landing": f"/p/1?mail={mark}",
        "referrer": f"https://www.google.com/search?q={mark}",
        "params": {"utm_campaign": "autumn", "gclid": f"G{mark}", "who": mark},
        "email_sha256": digest,
    }
    headers = {"user-agent": f"Mozilla/5.0 Browser/{mark}", "referer": f"https://shop.example/{mark}"}
    path = f"/collect?k={pixel['collector_key']}"
    stored = await mesh.http.post(path, json=beacon, headers=headers)
    assert (stored.status_code, stored.headers["x-kiki-collected"]) == (204, "stored")
    refused = await mesh.http.post(path, json={**beacon, "kind": mark}, headers=headers)
    assert refused.status_code == 422
    assert mark not in refused.text


def _patterns(needles: list[str]) -> list[str]:
    return [f"%{needle}%" for needle in needles]

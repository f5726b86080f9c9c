"""A campaign that is registered after an order came in: it claims nothing by itself, and an earlier time is audited."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from e2e.payloads import ago, campaign, woo_order
from integration.portal.running import KEY, SECRET
from integration.portal.test_answers import SITE, Walk, walk

__all__ = ["walk"]

ADA = "ada@customer.example"


async def refused(walk: Walk, body: dict[str, Any]) -> str:
    path = f"/internal/campaigns/{walk.store_id}"
    answer = await walk.portal.http.post(path, json=body, headers={"x-internal-api-key": KEY})
    assert answer.status_code == 422, answer.text
    return str(answer.json()["reason"])


@pytest.mark.slow
async def test_past_orders_are_claimed_by_name_time_and_reason_only(walk: Walk) -> None:
    body = {
        "platform": "woocommerce",
        "store_key": SITE,
        "display_name": "Walk",
        "currency": "EUR",
        "webhook_secret": SECRET,
        "connected_at": ago(days=20).isoformat(),
    }
    walk.store_id = (await walk.ask("POST", "/internal/stores", body))["store_id"]
    path = f"/internal/campaigns/{walk.store_id}"
    touch = {"touchpoint_id": "t1", "at": ago(days=1).isoformat(), "email": ADA, "utm_campaign": "spring"}
    await walk.ask("POST", f"/internal/touchpoints/{walk.store_id}", {"touchpoints": [touch]})
    await walk.settled()
    await walk.deliver("order.created", json.dumps(woo_order(1, email=ADA)).encode())
    await walk.settled()

    registered = {"campaigns": [campaign("spring", 11)]}
    answer = await walk.ask("POST", path, registered)
    assert answer == {"added": 1, "replaced": 0, "reopened": 0, "counted_all": True}
    await walk.settled()
    (listed,) = (await walk.ask("GET", path))["campaigns"]
    assert listed["counts_since_reason"] == ""
    assert dt.datetime.fromisoformat(listed["counts_since"]) > ago(days=1)
    found = f"/internal/orders/{walk.store_id}/1"
    assert (await walk.ask("GET", found))["verdict"] == "none"

    earlier = ago(days=2).isoformat()
    later = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat()
    assert await refused(walk, {**registered, "effective_from": earlier}) == "NO_REASON"
    assert await refused(walk, {**registered, "effective_from": earlier, "reason": f"ask {ADA}"}) == "PERSONAL_DATA"
    assert await refused(walk, {**registered, "effective_from": later, "reason": "it ran"}) == "IN_FUTURE"

    answer = await walk.ask("POST", path, {**registered, "effective_from": earlier, "reason": "it ran, nobody told us"})
    assert answer == {"added": 0, "replaced": 1, "reopened": 1, "counted_all": True}
    await walk.settled()
    order = await walk.ask("GET", found)
    assert (order["verdict"], [each["cause"] for each in order["attributions"]]) == ("incremental", ["registered"])
    rows = await walk.portal.rows(
        "SELECT action, purpose FROM syncshield.audit_events WHERE store_id = $1", walk.store_id
    )
    purposes = {row["action"]: row["purpose"] for row in rows}
    assert purposes["campaign.register"] == ""
    assert purposes["campaign.backdate"] == f"effective from {earlier}: it ran, nobody told us"

    again = {"effective_from": ago(days=1).isoformat(), "reason": "it counts since two days ago already"}
    await walk.ask("POST", path, {**registered, **again})
    await walk.settled()
    (listed,) = (await walk.ask("GET", path))["campaigns"]
    assert dt.datetime.fromisoformat(listed["counts_since"]) == dt.datetime.fromisoformat(earlier)
    assert listed["counts_since_reason"] == "it ran, nobody told us"
    await walk.ask("POST", path, {"campaigns": [{**campaign("spring", 11), "utm_campaign": "other"}]})
    await walk.settled()
    (listed,) = (await walk.ask("GET", path))["campaigns"]
    assert listed["counts_since_reason"] == "", "another key counts from now on"

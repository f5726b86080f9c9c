"""Which amount of an order counts, and in which currency: one for the store's decisions, readings and contract."""

from __future__ import annotations

from typing import Any

from integration.portal.experimenting import ID, Rig, at, register


async def _refused(rig: Rig, method: str, path: str, body: dict[str, Any], status: int) -> tuple[str, str]:
    answer = await rig.send(method, path, body, status)
    return answer["reason"], answer["detail"]


async def test_a_contract_counts_what_the_stores_orders_are_decided_on(rig: Rig) -> None:
    path = f"/internal/contracts/{rig.store_id}"
    reason, detail = await _refused(rig, "PUT", path, {"fee_rate": "0.2", "basis": "total"}, 422)
    assert reason == "BASIS_DIFFERS"
    assert f"PATCH /internal/stores/{rig.store_id}/settings" in detail
    assert (await rig.send("PUT", path, {"fee_rate": "0.2", "basis": "net_sales"}))["contract"]["version"] == 1
    await rig.send("PATCH", f"/internal/stores/{rig.store_id}/settings", {"basis": "total"})
    await rig.settled()
    assert (await rig.send("PUT", path, {"fee_rate": "0.1"}))["contract"]["basis"] == "total"
    shown = await rig.send("GET", path)
    assert [(one["basis"], one["effective_from"]["month"]) for one in shown["versions"]] == [
        ("net_sales", 9),
        ("total", 10),
        ("total", 10),
    ]


async def test_the_settlement_currency_stays_what_the_books_are_in(rig: Rig) -> None:
    """Orders come with a rate to what the settings name: to another currency, foreign orders would be booked wrong."""
    settings = f"/internal/stores/{rig.store_id}/settings"
    reason, detail = await _refused(rig, "PATCH", settings, {"settlement_currency": "USD"}, 422)
    assert (reason, "settles in EUR, got USD" in detail) == ("CURRENCY_FROZEN", True)
    same = await rig.send("PATCH", settings, {"settlement_currency": "EUR"})
    assert same["settings"]["settlement_currency"] == "EUR"


async def test_the_basis_stays_while_an_experiment_is_read_on_it(rig: Rig) -> None:
    settings = f"/internal/stores/{rig.store_id}/settings"
    await register(rig, window_days=14)
    await rig.send("PATCH", settings, {"basis": "total"})
    await rig.send("PATCH", settings, {"basis": "net_sales"})
    await rig.post("start")
    await rig.post("assign", {"subjects": ["a-visitor"]})
    reason, detail = await _refused(rig, "PATCH", settings, {"basis": "total"}, 409)
    assert (reason, ID in detail) == ("BASIS_READ", True)
    await rig.go(at(11, 2))
    await rig.post("readings", {"month": "2026-10"})
    on_it = {"rule": "experiment_estimate", "experiment_id": ID}
    reason, _ = await _refused(rig, "PATCH", settings, {"basis": "total", **on_it}, 409)
    assert reason == "BASIS_READ", "its readings are on net sales"
    changed = await rig.send("PATCH", settings, {"basis": "total", "fee_rate": "0.15"})
    assert (changed["settings"]["basis"], changed["settings"]["fee_rate"]) == ("total", "0.15")

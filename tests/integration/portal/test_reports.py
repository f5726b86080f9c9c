"""The monthly statement over real HTTP, from a real SyncLedger and SyncValue."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from integration.portal.running import KEY, KEYRING, Portal, running_portal
from kiki.council.syncledger.component import open_component as open_ledger
from kiki.council.syncledger.settings import SyncLedgerSettings
from kiki.council.syncvalue.component import open_component as open_value
from kiki.council.syncvalue.counterfactual import Counterfactual, Expected
from kiki.council.syncvalue.domain import Baseline, Basis
from kiki.council.syncvalue.repository import baselines
from kiki.council.syncvalue.seasonal.outlook import TrackRecord
from kiki.council.syncvalue.settings import SyncValueSettings
from kiki.kit.clock import SystemClock
from kiki.kit.grpc.settings import RpcSettings

HEADERS = {"x-internal-api-key": KEY}


@pytest.fixture
async def council_portal(council_dsn: str) -> AsyncIterator[Portal]:
    rpc = RpcSettings(address="127.0.0.1:0", api_keys=(KEY,))
    common = {"dsn": council_dsn, "keyring": KEYRING, "rpc": rpc, "clock": SystemClock()}
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(open_ledger(settings=SyncLedgerSettings(), **common))
        value = await stack.enter_async_context(open_value(settings=SyncValueSettings(), **common))
        tasks = [asyncio.create_task(component.run()) for component in (ledger, value)]
        try:
            while not (ledger.ready().ok and value.ready().ok):
                await asyncio.sleep(0.02)
            addresses = {"syncledger": f"127.0.0.1:{ledger.port}", "syncvalue": f"127.0.0.1:{value.port}"}
            async with running_portal(council_dsn, addresses=addresses) as portal:
                yield portal
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_statement_comes_as_json_csv_and_pdf(council_portal: Portal) -> None:
    shop = await council_portal.add_store()
    http, now = council_portal.http, dt.datetime.now(dt.UTC)
    terms = await http.put(f"/internal/contracts/{shop.store_id}", headers=HEADERS, json={"fee_rate": "0.20"})
    assert terms.status_code == 200, terms.text
    assert terms.json()["contract"]["basis"] == "net_sales"
    path = f"/reports/oaas/monthly/{shop.store_id}?year={now.year}&month={now.month}"
    answer = await http.get(path, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    statement = answer.json()["statement"]
    assert statement["fee"] == {"amount": "0.00", "currency": "EUR"}
    assert statement["current_revenue"] == {"amount": "0.00", "currency": "EUR"}
    assert statement["contract"]["fee_rate"] == "0.20"
    assert statement["growth_percent"] is None, "there is no baseline to grow over"
    table = await http.get(path, headers=HEADERS | {"accept": "text/csv"})
    assert table.text.startswith("entry_id,kind,order_id")
    (last,) = csv.DictReader(io.StringIO(table.text))
    assert (last["closing"], last["closes_at"], last["fee_rate"]) == ("open", "", "0.20"), "not followed yet"
    figures = await http.get(path + "&format=csv&part=figures", headers=HEADERS)
    assert "fee.amount,0.00" in figures.text
    assert "\r\ngrowth_percent,\r\n" in figures.text
    assert "closing.state,open" in figures.text
    document = await http.get(path + "&format=pdf", headers=HEADERS)
    assert document.headers["content-type"] == "application/pdf"
    assert document.content.startswith(b"%PDF")


async def test_the_line_of_the_specification_works_for_a_month_before_the_connection(council_portal: Portal) -> None:
    shop = await council_portal.add_store()
    path = f"/reports/oaas/monthly/{shop.store_id}?year=2024&month=1"
    without_contract = await council_portal.http.get(path, headers=HEADERS)
    assert without_contract.status_code == 200, without_contract.text
    assert without_contract.json()["statement"]["growth_percent"] is None
    await council_portal.http.put(f"/internal/contracts/{shop.store_id}", headers=HEADERS, json={"fee_rate": "0.20"})
    answer = await council_portal.http.get(path, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    assert answer.json()["statement"]["fee"] == {"amount": "0.00", "currency": "EUR"}
    assert answer.json()["orders"] == []
    assert (await council_portal.http.get(path + "&format=pdf", headers=HEADERS)).status_code == 200


async def test_unknown_stores_and_months_say_so(council_portal: Portal) -> None:
    shop = await council_portal.add_store()
    unknown = await council_portal.http.get("/reports/oaas/monthly/999?year=2024&month=1", headers=HEADERS)
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "STORE_NOT_FOUND")
    later = await council_portal.http.get(f"/reports/oaas/monthly/{shop.store_id}?year=2999&month=1", headers=HEADERS)
    assert (later.status_code, later.json()["reason"]) == (404, "MONTH_NOT_BEGUN")


async def keep_baseline(portal: Portal, store_id: int, first_month: dt.date) -> None:
    """A baseline and its forecast, as SyncValue keeps them."""
    now = dt.datetime.now(dt.UTC)
    start, end = (dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (2023, 2024))
    baseline = Baseline(
        store_id, start, end, "Europe/Berlin", Basis.NET_SALES, "EUR", 120_000, 10_000, 1_000, 120, 90, 10, 12, 0, now
    )
    forecast = Counterfactual(
        store_id=store_id,
        currency="EUR",
        basis=Basis.NET_SALES,
        time_zone="Europe/Berlin",
        first_month=first_month,
        promotions=(),
        problem="",
        model="seasonal-1",
        months=(Expected(14_000, 12_500, 15_700),),
        year=Expected(150_000, 140_000, 160_000),
        trained_from=start,
        trained_to=end,
        history_months=30,
        yearly=True,
        tested=TrackRecord(3, 0.03, 0.16, 0.07, 0.21, 1.0),
        seasonal_recommended=True,
        revision=1,
        computed_at=now,
    )
    async with portal.database.transaction() as connection:
        await baselines.write_baseline(connection, baseline)
        await baselines.add_forecast(connection, forecast)


async def test_the_statement_says_which_baseline_was_used_and_its_error(council_portal: Portal) -> None:
    shop, http = await council_portal.add_store(), council_portal.http
    await keep_baseline(council_portal, shop.store_id, dt.date(2025, 11, 1))
    path = f"/reports/oaas/monthly/{shop.store_id}?year=2025&month="
    told = (await http.get(path + "11", headers=HEADERS)).json()["baseline"]
    assert told["method"] == "plain_average"
    assert told["monthly_average"] == {"amount": "100.00", "currency": "EUR"}
    seasonal = told["seasonal"]
    assert seasonal["month"]["month"] == "2025-11-01"
    assert [seasonal["month"][end]["amount"] for end in ("lower", "expected", "upper")] == [
        "125.00",
        "140.00",
        "157.00",
    ]
    assert (seasonal["back_test"]["error"], seasonal["back_test"]["plain_error"]) == (0.03, 0.16)
    assert (seasonal["recommended"], seasonal["history_months"], seasonal["model"]) == ("seasonal", 30, "seasonal-1")
    assert (await http.get(path + "12", headers=HEADERS)).json()["baseline"]["seasonal"]["month"] is None
    figures = await http.get(path + "11&format=csv&part=figures", headers=HEADERS)
    assert "baseline_12_months.seasonal.month.upper.amount,157.00" in figures.text
    document = await http.get(path + "11&format=pdf", headers=HEADERS)
    assert document.content.startswith(b"%PDF")

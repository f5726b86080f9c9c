"""The monthly statement over real HTTP, from a real SyncLedger and SyncValue."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from integration.portal.running import KEY, KEYRING, OWNERS, Portal, running_portal
from kiki.council.syncledger.component import open_component as open_ledger
from kiki.council.syncledger.settings import SyncLedgerSettings
from kiki.council.syncledger.tables import OWNER as LEDGER
from kiki.council.syncvalue.component import open_component as open_value
from kiki.council.syncvalue.settings import SyncValueSettings
from kiki.council.syncvalue.tables import OWNER as VALUE
from kiki.kit.clock import SystemClock
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.migrations import upgrade

HEADERS = {"x-internal-api-key": KEY}


@pytest.fixture
async def council_portal(database_dsn: str) -> AsyncIterator[Portal]:
    await upgrade(database_dsn, [*OWNERS, LEDGER, VALUE])
    rpc = RpcSettings(address="127.0.0.1:0", api_keys=(KEY,))
    common = {"dsn": database_dsn, "keyring": KEYRING, "rpc": rpc, "clock": SystemClock()}
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(open_ledger(settings=SyncLedgerSettings(), **common))
        value = await stack.enter_async_context(open_value(settings=SyncValueSettings(), **common))
        tasks = [asyncio.create_task(component.run()) for component in (ledger, value)]
        try:
            while not (ledger.ready().ok and value.ready().ok):
                await asyncio.sleep(0.02)
            addresses = {"syncledger": f"127.0.0.1:{ledger.port}", "syncvalue": f"127.0.0.1:{value.port}"}
            async with running_portal(database_dsn, addresses=addresses) as portal:
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
    table = await http.get(path, headers=HEADERS | {"accept": "text/csv"})
    assert table.text.startswith("entry_id,kind,order_id")
    figures = await http.get(path + "&format=csv&part=figures", headers=HEADERS)
    assert "fee.amount,0.00" in figures.text
    document = await http.get(path + "&format=pdf", headers=HEADERS)
    assert document.headers["content-type"] == "application/pdf"
    assert document.content.startswith(b"%PDF")


async def test_the_line_of_the_specification_works_for_a_month_before_the_connection(council_portal: Portal) -> None:
    shop = await council_portal.add_store()
    path = f"/reports/oaas/monthly/{shop.store_id}?year=2024&month=1"
    without_contract = await council_portal.http.get(path, headers=HEADERS)
    assert without_contract.status_code == 200, without_contract.text
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

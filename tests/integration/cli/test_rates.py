"""`kiki rates` against a running portal: what comes in, what counts, what is waited for, and the exit codes."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import re
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from integration.portal.running import KEY, Portal, running_portal
from kiki.cli import exits
from kiki.cli.main import run
from kiki.commerce.exchange.waiting import WaitingRow, put_waiting
from kiki.kit.clock import FixedClock
from kiki.kit.errors import Unavailable
from kiki.orchestrator.calls.intents import REQUEST_PURPOSE
from kiki.rpc.v1.syncshield_pb2 import LogDataAccessRequest
from kiki.runtime.checks import _rates

pytestmark = pytest.mark.slow

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
HISTORY = "Date,USD,GBP,CYP,\n2026-11-20,1.1545,0.8812,N/A,\n2026-11-19,1.15,0.88,N/A,\n"
SHA256 = hashlib.sha256(HISTORY.encode()).hexdigest()
XML = """<e xmlns="urn:x"><Cube><Cube time="2026-11-20"><Cube currency="USD" rate="1.1545"/></Cube></Cube></e>"""


@pytest.fixture
async def portal(portal_dsn: str, commands_ask: Callable[[Portal], None]) -> AsyncIterator[Portal]:
    async with running_portal(portal_dsn, clock=FixedClock(NOW)) as running:
        commands_ask(running)
        yield running


@pytest.fixture
def kiki(portal: Portal, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs a command; what it printed as JSON, its error on failure."""

    async def ask(*line: str, code: int = exits.OK) -> Any:
        assert await asyncio.to_thread(run, ["rates", *line, "--json"]) == code, capsys.readouterr().err
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return json.loads(printed.err)["error"] if code else json.loads(printed.out)

    return ask


@pytest.fixture
def history(tmp_path: Path) -> str:
    path = tmp_path / "eurofxref-hist.csv"
    path.write_text(HISTORY)
    return str(path)


def kept(added: int = 0, replaced: int = 0, same: int = 0, refused: int = 0) -> dict[str, int]:
    return {"added": added, "replaced": replaced, "same": same, "refused": refused}


async def test_the_banks_files_come_in_once(kiki: Callable[..., Any], history: str, tmp_path: Path) -> None:
    said = {"sha256": SHA256, "first_day": "2026-11-19", "last_day": "2026-11-20"}
    assert await kiki("import", history) == {"rates": 4, **kept(added=4), **said}
    assert await kiki("import", history) == {"rates": 4, **kept(same=4), **said}
    xml = tmp_path / "eurofxref.xml"
    xml.write_text(XML)
    assert (await kiki("import", str(xml)))["same"] == 1
    packed = tmp_path / "eurofxref-hist.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(history, "eurofxref-hist.csv")
    assert (await kiki("import", str(packed)))["same"] == 4
    assert [(row["day"], row["quote"]) for row in await kiki("list", "--base", "eur", "--limit", "3")] == [
        ("2026-11-20", "GBP"),
        ("2026-11-20", "USD"),
        ("2026-11-19", "GBP"),
    ]
    only = await kiki("list", "--quote", "USD", "--until", "2026-11-19", "--since", "2026-11-01")
    assert [(row["rate"], row["source"], row["recorded_by"]) for row in only] == [("1.15", "ecb", "cli")]
    assert (await kiki("import", history, "--since", "2026-11-20"))["rates"] == 2
    assert await kiki("import", history, "--since", "2026-11-21") == {"rates": 0, **kept(), "sha256": SHA256}


async def test_what_a_person_set_is_replaced_by_a_person_alone(kiki: Callable[..., Any], history: str) -> None:
    row = {"base": "EUR", "quote": "USD", "day": "2026-11-20"}
    assert await kiki("set", "eur", "USD", "1.2", "--day", "2026-11-20") == {**row, "rate": "1.2", **kept(added=1)}
    assert await kiki("import", history, "--since", "2026-11-20") == {
        "rates": 2,
        **kept(added=1, refused=1),
        "sha256": SHA256,
        "first_day": "2026-11-20",
        "last_day": "2026-11-20",
    }
    assert await kiki("set", "EUR", "USD", "1.25", "--day", "2026-11-20") == {
        **row,
        "rate": "1.25",
        **kept(replaced=1),
    }
    shown = await kiki("show", "USD", "EUR", "--day", "2026-11-20")
    assert (shown["rate"], shown["source"]) == ("0.8", "manual")


async def audit_log(portal: Portal) -> list[tuple[str, str, str, str]]:
    """Who did what to which rates, and what became of them; as the calls wait for SyncShield."""
    rows = await portal.rows("SELECT store_id, request FROM calls.queue WHERE method = 'LogDataAccess' ORDER BY seq")
    opened = [portal.sealer.open(row["request"], store_id=0, purpose=REQUEST_PURPOSE) for row in rows]
    told = [LogDataAccessRequest.FromString(request) for request in opened]
    assert {(one.store_id, one.resource_type) for one in told} <= {(0, "exchange_rates")}
    assert len({one.event_id for one in told}) == len(told)
    return [(one.actor, one.action.rpartition(".")[2], one.resource_id, one.purpose) for one in told]


async def test_who_changed_which_rates_stands_in_the_audit_log(
    kiki: Callable[..., Any], portal: Portal, history: str
) -> None:
    await kiki("import", history)
    for rate in ("0.8662", "0.87", "0.870"):
        await kiki("set", "USD", "EUR", rate, "--day", "2026-11-20")
    await kiki("set", "EUR", "USD", "1.2", "--day", "2026-11-20")
    await kiki("import", history, "--since", "2026-11-20")
    await kiki("set", "USD", "EUR", "0", code=exits.REFUSED)
    assert await audit_log(portal) == [
        (
            "cli",
            "import",
            "2 pairs 2026-11-19..2026-11-20",
            f"ecb added=4 replaced=0 same=0 refused=0 sha256={SHA256}",
        ),
        ("cli", "set", "USD/EUR 2026-11-20", "manual new 0.8662"),
        ("cli", "set", "USD/EUR 2026-11-20", "manual 0.8662 -> 0.87"),
        ("cli", "set", "USD/EUR 2026-11-20", "manual 0.87 same"),
        ("cli", "set", "EUR/USD 2026-11-20", "manual 1.1545 -> 1.2"),
        ("cli", "import", "2 pairs 2026-11-20", f"ecb added=0 replaced=0 same=1 refused=1 sha256={SHA256}"),
    ]


async def test_rates_that_cannot_be_audited_are_not_kept(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are one transaction."""

    async def away(*_: object) -> None:
        raise Unavailable("no outbox", reason="TEST")

    monkeypatch.setattr("kiki.portal.internal.exchange_rates.enqueue", away)
    rate = {"base": "USD", "quote": "EUR", "day": "2026-11-20", "rate": "0.8662"}
    asked = {"json": {"rates": [rate]}, "headers": {"x-internal-api-key": KEY}}
    assert (await portal.http.put("/internal/exchange-rates", **asked)).status_code == 503
    assert await portal.rows("SELECT FROM commerce.exchange_rates") == []


async def test_figures_that_were_replaced_are_listed_and_what_counted_then_is_shown(
    kiki: Callable[..., Any], portal: Portal, history: str
) -> None:
    await kiki("import", history)
    await kiki("set", "EUR", "USD", "1.2", "--day", "2026-11-20")
    await kiki("set", "EUR", "USD", "1.25", "--day", "2026-11-20")
    listed = await kiki("list", "--quote", "USD", "--history")
    assert [(row["day"][-2:], row["rate"], row["source"], row["replaced_by"]) for row in listed] == [
        ("20", "1.25", "manual", None),
        ("20", "1.2", "manual", "cli"),
        ("20", "1.1545", "ecb", "cli"),
        ("19", "1.15", "ecb", None),
    ]
    assert [row["rate"] for row in await kiki("list", "--quote", "USD")] == ["1.25", "1.15"]
    ask = {"url": "/internal/exchange-rates", "headers": {"x-internal-api-key": KEY}}
    found, cursor = [], ""
    for _ in range(6):
        params = {"limit": 1, "cursor": cursor, "history": True}
        page = (await portal.http.get(**ask, params=params)).json()
        found += page["rates"]
        cursor = page["next_cursor"]
    assert (found, cursor != "") == (await kiki("list", "--history"), True)
    await portal.rows("UPDATE commerce.exchange_rates SET recorded_at = recorded_at + interval '1 hour'")
    day = ("USD", "EUR", "--day", "2026-11-20")
    assert (await kiki("show", *day, "--known-at", "2026-11-22T12:30Z"))["rate"] == "0.8"
    assert (await kiki("show", *day, "--known-at", "2026-11-22T11:59Z", code=exits.NOT_FOUND))["reason"]
    assert (await kiki("show", *day, "--known-at", "then", code=exits.REFUSED))["reason"] == "BAD_TIME"


async def test_the_rate_of_a_payment_is_shown(kiki: Callable[..., Any], history: str) -> None:
    await kiki("import", history)
    told = {"base": "GBP", "quote": "USD", "rate": "1.31014525647", "day": "2026-11-20", "source": "ecb via EUR"}
    assert await kiki("show", "gbp", "usd", "--day", "2026-11-21") == {**told, "paid_on": "2026-11-21", "final": True}
    assert (await kiki("show", "GBP", "USD", "--day", "2026-11-22"))["final"] is False
    for line in (("USD", "JPY", "--day", "2026-11-20"), ("USD", "EUR", "--day", "2026-11-28")):
        assert (await kiki("show", *line, code=exits.NOT_FOUND))["reason"] == "RATE_NOT_FOUND"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (("set", "USD", "EUR", "0"), "BAD_RATE"),
        (("set", "USD", "EUR", "1,2"), "BAD_RATE"),
        (("set", "USD", "USD", "1"), "SAME_CURRENCY"),
        (("set", "US", "EUR", "1"), "BAD_CURRENCY"),
        (("set", "USD", "EUR", "1", "--day", "20.11.2026"), "BAD_DAY"),
        (("set", "USD", "EUR", "1", "--day", "2026-W47-1"), "BAD_DAY"),
        (("show", "USD", "USD", "--day", "2026-11-20"), "SAME_CURRENCY"),
        (("import", "/nowhere/rates.csv"), "BAD_FILE"),
    ],
)
async def test_what_makes_no_sense_is_refused(kiki: Callable[..., Any], line: tuple[str, ...], reason: str) -> None:
    assert (await kiki(*line, code=exits.REFUSED))["reason"] == reason


async def metrics(portal: Portal) -> dict[str, int]:
    text = (await portal.http.get("/metrics")).text
    told = re.findall(r"^kiki_exchange_rate_(orders_\w+) (\S+)$", text, re.MULTILINE)
    return {name: int(float(value)) for name, value in told}


async def test_the_age_of_the_newest_rate_is_measured(kiki: Callable[..., Any], portal: Portal) -> None:
    name = "kiki_exchange_rates_newest_age_days"
    assert f"\n{name} NaN\n" in (await portal.http.get("/metrics")).text
    today = dt.datetime.now(dt.UTC).date()
    await kiki("set", "USD", "EUR", "1.1", "--day", str(today - dt.timedelta(days=40)))
    (age,) = re.findall(rf"^{name} (\S+)$", (await portal.http.get("/metrics")).text, re.MULTILINE)
    assert float(age) in (40, 41), "41 across midnight"


async def test_what_orders_wait_for_is_listed_and_checked(
    kiki: Callable[..., Any], portal: Portal, portal_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store_id = (await portal.add_store()).store_id
    assert await kiki("missing", "--check") == []
    assert await metrics(portal) == {"orders_waiting": 0, "orders_lacking": 0}
    rows = [
        WaitingRow(store_id, name, currency, "EUR", day, live, NOW)
        for name, currency, day, live in (
            ("1", "USD", dt.date(2026, 11, 20), True),
            ("2", "USD", dt.date(2026, 11, 20), False),
            ("3", "GBP", dt.date(2026, 11, 22), True),
        )
    ]
    async with portal.database.transaction() as connection:
        assert len(await put_waiting(connection, rows)) == 2
        assert await put_waiting(connection, rows) == set()
    await kiki("set", "GBP", "EUR", "1.1", "--day", "2026-11-20")
    assert await metrics(portal) == {"orders_waiting": 2, "orders_lacking": 1}
    listed = await kiki("missing", "--store", str(store_id))
    columns = ("currency", "day", "orders", "live_orders", "older_rate_day")
    assert [tuple(row[name] for name in columns) for row in listed] == [
        ("GBP", "2026-11-22", 1, 1, "2026-11-20"),
        ("USD", "2026-11-20", 2, 1, None),
    ]
    assert await kiki("missing", "--limit", "1") == listed[:1]
    assert await asyncio.to_thread(run, ["rates", "missing", "--check"]) == exits.REFUSED
    printed = capsys.readouterr()
    assert "rates are missing: 1; orders that wait for them: 1" in printed.err
    assert "2026-11-20" in printed.out
    assert await kiki("fetches") == []
    found = await _rates(portal_dsn)
    assert (found.state, found.detail.partition(";")[0]) == (
        "warning",
        "orders wait for rates that nobody knows: 1 (rates: 1)",
    )
    await kiki("set", "USD", "EUR", "1.1", "--day", "2026-11-19")
    assert await metrics(portal) == {"orders_waiting": 2, "orders_lacking": 0}
    assert (await _rates(portal_dsn)).state == "ok"


async def test_lists_go_on_where_a_page_ends(portal: Portal, kiki: Callable[..., Any], history: str) -> None:
    store_id = (await portal.add_store()).store_id
    await kiki("import", history)
    days = [dt.date(2026, 11, day) for day in (18, 19, 20)]
    rows = [
        WaitingRow(store_id, f"{day}{code}", code, "EUR", day, True, NOW) for day in days for code in ("USD", "CAD")
    ]
    async with portal.database.transaction() as connection:
        await put_waiting(connection, rows)
    for path, name in (("", "rates"), ("/missing", "missing")):
        ask = {"url": f"/internal/exchange-rates{path}", "headers": {"x-internal-api-key": KEY}}
        whole = (await portal.http.get(**ask)).json()
        found, cursor = [], ""
        while page := (await portal.http.get(**ask, params={"limit": 1, "cursor": cursor})).json():
            found += page[name]
            cursor = page["next_cursor"]
            if not cursor:
                break
        assert (found, whole["next_cursor"]) == (whole[name], "")
        assert len(found) == (4 if name == "rates" else 6)
        assert (await portal.http.get(**ask, params={"cursor": "WyJub25zZW5zZSJd"})).status_code == 422


async def test_people_read_tables(portal: Portal, history: str, capsys: pytest.CaptureFixture[str]) -> None:
    for line in (["import", history], ["list"], ["show", "USD", "EUR", "--day", "2026-11-20"], ["fetches"]):
        assert await asyncio.to_thread(run, ["rates", *line]) == exits.OK
    printed = capsys.readouterr().out
    assert all(text in printed for text in ("1.1545", "0.866175833694", "Nothing has been fetched"))

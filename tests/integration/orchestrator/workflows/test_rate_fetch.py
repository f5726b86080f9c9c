"""The worker reads rates from an address: when it is due, what it keeps, and what it says when that fails."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from integration.orchestrator.workflows.shop import NOW, Shop
from integration.orchestrator.workflows.test_touchpoints import Unguarded
from kiki.commerce.exchange.repository import Fetch, list_fetches, list_rates
from kiki.kit.clock import FixedClock, SystemClock
from kiki.kit.sealing import Keyring, Sealer
from kiki.orchestrator.calls.intents import REQUEST_PURPOSE
from kiki.orchestrator.workflows import rates
from kiki.orchestrator.workflows.rates import RateFetch, is_due, rate_jobs
from kiki.rpc.v1.syncshield_pb2 import LogDataAccessRequest

HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)
CSV = b"Date, USD, JPY, \n20 November 2026, 1.1545, 163.25, \n"
XML = (
    b"<Envelope><Cube><Cube time='2026-11-20'><Cube currency='USD' rate='1.1545'/><Cube currency='GBP' rate='0.8812'/>"
    b"</Cube><Cube time='2026-11-19'><Cube currency='USD' rate='1.15'/></Cube></Cube></Envelope>"
)


@dataclass
class Bank:
    """An HTTP server that answers what it is told to."""

    status: int = 200
    body: bytes = CSV
    port: int = 0
    asked: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.split(b"\r\n")[0].decode())
        length = len(self.body)
        writer.write(f"HTTP/1.1 {self.status} Said\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n".encode())
        writer.write(self.body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def bank() -> AsyncIterator[Bank]:
    made = Bank()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


async def fetch(shop: Shop, port: int, *, at: dt.datetime = NOW, allow_private: bool = True) -> Fetch:
    """One turn of the job; how fetching stands then."""
    job = RateFetch(f"http://127.0.0.1:{port}/rates", shop.sealer, FixedClock(at), allow_private=allow_private)
    await job.run(Unguarded(shop.database))  # type: ignore[arg-type]  # a guard whose lease is always held
    async with shop.database.connection() as connection:
        (found,) = await list_fetches(connection)
    return found


async def kept(shop: Shop) -> list[tuple[str, str, str, str]]:
    async with shop.database.connection() as connection:
        found = await list_rates(connection)
    return [(str(one.rate.day), one.rate.quote, str(one.rate.rate), one.recorded_by) for one in found]


async def test_the_banks_document_is_read_once_after_it_was_published(shop: Shop, bank: Bank) -> None:
    first = await fetch(shop, bank.port)
    assert (first.place, first.succeeded_at, first.added, first.problem) == ("127.0.0.1", NOW, 2, "")
    assert first.newest_day == dt.date(2026, 11, 20)
    assert await kept(shop) == [("2026-11-20", "JPY", "163.25", "fetch"), ("2026-11-20", "USD", "1.1545", "fetch")]
    assert (await fetch(shop, bank.port, at=NOW + 3 * HOUR)).tried_at == NOW
    bank.body = XML
    second = await fetch(shop, bank.port, at=NOW + 4 * HOUR)
    assert (second.tried_at, second.added) == (NOW + 4 * HOUR, 2)
    assert (len(await kept(shop)), len(bank.asked)) == (4, 2)
    assert bank.asked[0] == "GET /rates HTTP/1.1"


async def test_what_a_fetch_changed_stands_in_the_audit_log(shop: Shop, bank: Bank) -> None:
    await fetch(shop, bank.port)
    await fetch(shop, bank.port, at=NOW + 4 * HOUR)
    bank.body = CSV.replace(b"163.25", b"163.5")
    await fetch(shop, bank.port, at=NOW + 28 * HOUR)
    async with shop.database.connection() as connection:
        rows = await connection.fetch("SELECT request FROM calls.queue WHERE method = 'LogDataAccess' ORDER BY seq")
    opened = [shop.sealer.open(row[0], store_id=0, purpose=REQUEST_PURPOSE) for row in rows]
    told = [LogDataAccessRequest.FromString(request) for request in opened]
    assert {(one.actor, one.action, one.resource_id) for one in told} == {
        ("worker", "exchange_rates.fetch", "2 pairs 2026-11-20")
    }
    assert [one.purpose for one in told] == [
        f"ecb added=2 replaced=0 same=0 refused=0 sha256={hashlib.sha256(CSV).hexdigest()}",
        f"ecb added=0 replaced=1 same=1 refused=0 sha256={hashlib.sha256(bank.body).hexdigest()}",
    ]


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (503, b"later", "RATES_NOT_SERVED: the host answered 503"),
        (302, b"", "RATES_NOT_SERVED: the host answered 302"),
        (200, b"<html>Sorry</html>", "BAD_FILE: "),
        (200, b"<!DOCTYPE a><Cube/>", "BAD_FILE: XML with a document type"),
        (200, b"", "BAD_FILE: "),
        (200, b"Date,USD\n2026-11-20," + b"1" * 2_000, "ANSWER_TOO_LARGE: "),
    ],
)
async def test_what_goes_wrong_is_kept_and_changes_no_rate(
    shop: Shop, bank: Bank, status: int, body: bytes, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fetch(shop, bank.port)
    before = await kept(shop)
    monkeypatch.setattr(rates, "_MAX_BYTES", 1_000)
    bank.status, bank.body = status, body
    failed = await fetch(shop, bank.port, at=NOW + 4 * HOUR)
    assert failed.problem.startswith(says)
    assert (failed.tried_at, failed.succeeded_at, failed.newest_day) == (NOW + 4 * HOUR, NOW, dt.date(2026, 11, 20))
    assert await kept(shop) == before
    assert (await fetch(shop, bank.port, at=NOW + 4 * HOUR + 50 * MINUTE)).tried_at == NOW + 4 * HOUR
    bank.status, bank.body = 200, XML
    mended = await fetch(shop, bank.port, at=NOW + 5 * HOUR)
    assert (mended.problem, mended.succeeded_at, mended.added) == ("", NOW + 5 * HOUR, 2)


async def test_an_address_of_a_private_network_is_refused_unless_allowed(shop: Shop, bank: Bank) -> None:
    refused = await fetch(shop, bank.port, allow_private=False)
    assert (refused.problem.partition(":")[0], bank.asked) == ("PRIVATE_ADDRESS", [])


async def test_a_host_that_is_away_is_said(shop: Shop) -> None:
    assert (await fetch(shop, 9)).problem.startswith("HTTP_UNREACHABLE")


@pytest.mark.parametrize(
    ("at", "tried", "succeeded", "due"),
    [
        ("2026-11-20T10:00", None, None, True),
        ("2026-11-20T10:00", "2026-11-19T16:00", "2026-11-19T16:00", False),
        ("2026-11-20T10:00", "2026-11-19T15:00", "2026-11-19T15:00", True),
        ("2026-11-20T15:14", "2026-11-19T15:20", "2026-11-19T15:20", False),
        ("2026-11-20T15:16", "2026-11-19T15:20", "2026-11-19T15:20", True),
        ("2026-11-20T15:40", "2026-11-20T15:20", "2026-11-19T15:20", False),
        ("2026-11-20T16:20", "2026-11-20T15:20", "2026-11-19T15:20", True),
        ("2026-11-20T16:20", "2026-11-20T15:20", None, True),
    ],
)
def test_when_rates_are_due(at: str, tried: str | None, succeeded: str | None, due: bool) -> None:
    def moment(text: str) -> dt.datetime:
        return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)

    known = None if tried is None else Fetch("h", moment(tried), moment(succeeded) if succeeded else None)
    assert is_due(known, moment(at)) is due


def test_nothing_is_fetched_without_an_address() -> None:
    given: dict[str, Any] = {"sealer": Sealer(Keyring.parse(Keyring.generate())), "clock": SystemClock()}
    names = [job.name for job in rate_jobs(url="", allow_private=False, **given)]
    assert names == ["waiting_orders"]
    assert len(rate_jobs(url="https://bank.example/rates.xml", allow_private=False, **given)) == 2

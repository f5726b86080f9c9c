"""Pages while others write: whoever walks a list meets no row twice, and every row that was there all along."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from integration.portal.running import KEY, Portal
from kiki.kit.clock import SystemClock
from kiki.kit.database import Connection
from kiki.orchestrator.inbox.deliveries import NewDelivery, duplicate_key, store_deliveries
from kiki.orchestrator.inbox.queries import replay
from kiki.orchestrator.lanes import Lane

pytestmark = pytest.mark.slow

HEADERS = {"x-internal-api-key": KEY}
DAY = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
_BY_TYPE: Mapping[str, Any] = {
    "bigint": 0,
    "boolean": False,
    "bytea": b"",
    "date": DAY.date(),
    "integer": 0,
    "jsonb": {},
    "numeric": 0,
    "smallint": 0,
    "text": "",
    "timestamp with time zone": DAY,
}
Change = Callable[["Rows", int], Awaitable[None]]


class Rows:
    """Rows of one list, made and changed beside the portal; each is known by its number."""

    def __init__(self, portal: Portal, store_id: int, rng: random.Random) -> None:
        self.portal = portal
        self.store_id = store_id
        self.rng = rng
        self.ids: dict[int, Any] = {}

    def moment(self) -> dt.datetime:
        """Few enough for many rows to have the same."""
        return DAY + dt.timedelta(hours=self.rng.randrange(4))

    async def put(self, table: str, **given: Any) -> Any:
        """A row, with something in every column that needs it; gives what `RETURNING` does."""
        schema, _, name = table.partition(".")
        needed = await self.portal.rows(
            "SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_schema = $1"
            " AND table_name = $2 AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
            schema,
            name,
        )
        row = {**{each["name"]: _BY_TYPE[each["type"]] for each in needed}, **given}
        places = ", ".join(f"${at}" for at in range(1, len(row) + 1))
        [told] = await self.portal.rows(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places}) RETURNING *", *row.values()
        )
        return told

    async def run(self, statement: str, *arguments: Any) -> None:
        await self.portal.rows(statement, *arguments)


@dataclass(frozen=True)
class Listing:
    """A list: where it is, what a row of it is known by, and how a row is made, changed and taken away."""

    path: str
    rows: str
    key: tuple[str, ...]
    make: Change
    change: Change | None = None
    remove: Change | None = None


async def _delivery(rows: Rows, number: int) -> None:
    body = str(number).encode()
    delivery = NewDelivery(
        store_id=rows.store_id,
        platform="shopify",
        topic="orders/create",
        key=duplicate_key("orders/create", str(number), "", "", body),
        received_at=SystemClock().now(),
        triggered_at="",
        headers={},
        signature="",
        body=body,
        lane=Lane.LIVE,
        origin="webhook",
    )
    async with rows.portal.database.transaction() as connection:
        await store_deliveries(connection, rows.portal.sealer, [delivery])
        rows.ids[number] = (await connection.fetchval("SELECT max(delivery_id) FROM inbox.deliveries"),)


async def _finish(connection: Connection, delivery_id: int, status: str) -> None:
    """As a worker does: out of the queue, and how the run ended."""
    [run, store_id, received_at] = await connection.fetchrow(  # type: ignore[misc]  # it is queued
        "DELETE FROM inbox.queue WHERE delivery_id = $1 RETURNING run, store_id, received_at", delivery_id
    )
    await connection.execute(
        "INSERT INTO inbox.outcomes (store_id, delivery_id, run, received_at, finished_at, attempts, status, reason)"
        " VALUES ($1, $2, $3, $4, now(), 1, $5, '')",
        store_id,
        delivery_id,
        run,
        received_at,
        status,
    )
    if status == "dead":
        await connection.execute(
            "INSERT INTO inbox.dead_letters"
            " (store_id, delivery_id, run, received_at, died_at, attempts, reason, detail)"
            " VALUES ($1, $2, $3, $4, now(), 1, 'A_REASON', '')",
            store_id,
            delivery_id,
            run,
            received_at,
        )


async def _finish_waiting(rows: Rows, number: int) -> None:
    async with rows.portal.database.transaction() as connection:
        waits = await connection.fetchval("SELECT 1 FROM inbox.queue WHERE delivery_id = $1", *rows.ids[number])
        if waits:
            await _finish(connection, *rows.ids[number], "settled")


def _finished(status: str) -> Change:
    async def make(rows: Rows, number: int) -> None:
        await _delivery(rows, number)
        async with rows.portal.database.transaction() as connection:
            await _finish(connection, *rows.ids[number], status)

    return make


def _again(status: str) -> Change:
    """Replayed, and ended the same way."""

    async def change(rows: Rows, number: int) -> None:
        async with rows.portal.database.transaction() as connection:
            await replay(connection, rows.ids[number], requested_by="test")
            await _finish(connection, *rows.ids[number], status)

    return change


async def _replay(rows: Rows, number: int) -> None:
    async with rows.portal.database.transaction() as connection:
        await replay(connection, rows.ids[number], requested_by="test")


async def _dead_call(rows: Rows, number: int) -> None:
    told = await rows.put("calls.dead", store_id=rows.store_id, call_id=1000 + number, event_id=f"e{number}")
    rows.ids[number] = (told["call_id"],)


async def _revive(rows: Rows, number: int) -> None:
    await rows.run("DELETE FROM calls.dead WHERE call_id = $1", *rows.ids[number])


async def _order(rows: Rows, number: int) -> None:
    rows.ids[number] = (f"o{rows.rng.randrange(10**6)}-{number}",)
    await rows.put(
        "commerce.orders",
        store_id=rows.store_id,
        order_id=rows.ids[number][0],
        placed_at=rows.moment(),
        currency="EUR",
        verdict="none",
        lines_digest=b"x",
    )


async def _decide(rows: Rows, number: int) -> None:
    await rows.run(
        "UPDATE commerce.orders SET verdict = 'touched', updated_at = now() WHERE order_id = $1", *rows.ids[number]
    )


async def _review(rows: Rows, number: int) -> None:
    await _order(rows, number)
    await rows.put(
        "commerce.reviews",
        store_id=rows.store_id,
        order_id=rows.ids[number][0],
        opened_at=rows.moment(),
        status="open",
    )


async def _decide_review(rows: Rows, number: int) -> None:
    await rows.run("UPDATE commerce.reviews SET status = 'approved' WHERE order_id = $1", *rows.ids[number])


async def _product(rows: Rows, number: int) -> None:
    rows.ids[number] = (f"{rows.rng.randrange(10**6)}-{number}",)
    for table in ("products", "product_states"):
        await rows.put(f"commerce.{table}", store_id=rows.store_id, product_id=rows.ids[number][0])


async def _sell(rows: Rows, number: int) -> None:
    await rows.run(
        "UPDATE commerce.product_states SET quantity = 0, ads = 'paused' WHERE product_id = $1", *rows.ids[number]
    )


async def _job(rows: Rows, number: int) -> None:
    told = await rows.put("portal.jobs", store_id=rows.store_id, kind="sync_products", status="succeeded")
    rows.ids[number] = (told["job_id"],)


async def _store(rows: Rows, number: int) -> None:
    rows.ids[number] = ((await rows.portal.add_store(store_key=f"shop-{number}.example")).store_id,)


async def _rename(rows: Rows, number: int) -> None:
    await rows.run(
        "UPDATE commerce.store_connections SET display_name = 'Another' WHERE store_id = $1", *rows.ids[number]
    )


async def _month(rows: Rows, number: int) -> None:
    month = f"{2020 + number // 12}-{1 + number % 12:02d}"
    await rows.put("closing.months", store_id=rows.store_id, month=month, state="closed")
    rows.ids[number] = (month,)


async def _rate(rows: Rows, number: int) -> None:
    day = (DAY - dt.timedelta(days=rows.rng.randrange(3))).date().isoformat()
    quote = f"{chr(65 + number // 26)}{chr(65 + number % 26)}X"
    rows.ids[number] = (day, "EUR", quote)
    await _tell_rate(rows, number)


async def _tell_rate(rows: Rows, number: int) -> None:
    day, base, quote = rows.ids[number]
    rate = {"day": day, "base": base, "quote": quote, "rate": f"1.{rows.rng.randrange(1, 1000):03d}"}
    answer = await rows.portal.http.put("/internal/exchange-rates", json={"rates": [rate]}, headers=HEADERS)
    assert answer.status_code == 200, answer.text


async def _waiting_order(rows: Rows, number: int) -> None:
    day = (DAY + dt.timedelta(days=rows.rng.randrange(3))).date()
    currency = f"{chr(65 + number // 26)}{chr(65 + number % 26)}X"
    rows.ids[number] = (day.isoformat(), currency)
    await rows.put(
        "commerce.waiting_orders",
        store_id=rows.store_id,
        order_id=f"w{number}",
        currency=currency,
        settlement_currency="EUR",
        day=day,
    )


async def _experiment(rows: Rows, number: int) -> None:
    rows.ids[number] = (f"e{rows.rng.randrange(10**6)}-{number}",)
    body = {
        "experiment_id": rows.ids[number][0],
        "holdout": "0.1",
        "starts_at": "2099-09-01T00:00:00Z",
        "ends_at": "2099-09-30T00:00:00Z",
        "minimum_effect": "1.50",
        "expected_mean": 20.0,
        "expected_deviation": 40.0,
        "planned_users": 20000,
    }
    answer = await rows.portal.http.post(f"/internal/experiments/{rows.store_id}", json=body, headers=HEADERS)
    assert answer.status_code == 201, answer.text


LISTINGS = {
    "stores": Listing("/internal/stores", "stores", ("store_id",), _store, _rename),
    "deliveries": Listing("/internal/deliveries", "deliveries", ("delivery_id",), _delivery, _finish_waiting),
    "waiting deliveries": Listing(
        "/internal/deliveries?status=waiting", "deliveries", ("delivery_id",), _delivery, remove=_finish_waiting
    ),
    "settled deliveries": Listing(
        "/internal/deliveries?status=settled", "deliveries", ("delivery_id",), _finished("settled"), _again("settled")
    ),
    "settled deliveries of a store": Listing(
        "/internal/deliveries?status=settled&store_id={store}",
        "deliveries",
        ("delivery_id",),
        _finished("settled"),
        _again("settled"),
        _again("ignored"),
    ),
    "ignored deliveries": Listing(
        "/internal/deliveries?status=ignored", "deliveries", ("delivery_id",), _finished("ignored"), None, _replay
    ),
    "dead letters": Listing(
        "/internal/dead-letters", "deliveries", ("delivery_id",), _finished("dead"), _again("dead"), _replay
    ),
    "dead calls": Listing("/internal/dead-calls", "calls", ("call_id",), _dead_call, None, _revive),
    "orders": Listing("/internal/orders/{store}", "orders", ("order_id",), _order, _decide),
    "orders by verdict": Listing(
        "/internal/orders/{store}?verdict=none", "orders", ("order_id",), _order, None, _decide
    ),
    "products": Listing("/internal/products/{store}", "products", ("product_id",), _product, _sell),
    "products with ads": Listing(
        "/internal/products/{store}?ads=running", "products", ("product_id",), _product, None, _sell
    ),
    "reviews": Listing("/internal/reviews/{store}", "reviews", ("order_id",), _review, None, _decide_review),
    "jobs": Listing("/internal/jobs", "jobs", ("job_id",), _job),
    "months": Listing("/internal/months?store_id={store}", "months", ("month",), _month),
    "exchange rates": Listing("/internal/exchange-rates", "rates", ("day", "base", "quote"), _rate, _tell_rate),
    "missing rates": Listing("/internal/exchange-rates/missing", "missing", ("day", "currency"), _waiting_order),
    "experiments": Listing("/internal/experiments/{store}", "experiments", ("experiment_id",), _experiment),
}


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
async def test_a_walk_meets_every_row_that_stays_once(portal: Portal, listing: Listing) -> None:
    rng = random.Random(listing.path)
    rows = Rows(portal, (await portal.add_store(store_key="walked.example")).store_id, rng)
    for number in range(8):
        await listing.make(rows, number)
    stays, path = set(range(8)), httpx.URL(listing.path.format(store=rows.store_id))
    met: list[tuple[Any, ...]] = []
    cursor = ""
    for _ in range(60):
        limit = rng.randrange(1, 4)
        page_path = path.copy_merge_params({"limit": limit, "cursor": cursor})
        answer = await portal.http.get(page_path, headers=HEADERS)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page[listing.rows]) <= limit
        met += [tuple(row[name] for name in listing.key) for row in page[listing.rows]]
        cursor = page["next_cursor"]
        if not cursor:
            break
        await _meanwhile(listing, rows, stays, rng)
    assert not cursor, "the walk ends"
    assert len(met) == len(set(met)), "nothing twice"
    assert {rows.ids[number] for number in stays} <= set(met), "nothing missed"


async def _meanwhile(listing: Listing, rows: Rows, stays: set[int], rng: random.Random) -> None:
    """What others do between two pages."""
    if len(rows.ids) < 20:
        await listing.make(rows, len(rows.ids))
    if listing.change is not None:
        for number in rng.sample(sorted(stays), k=min(3, len(stays))):
            await listing.change(rows, number)
    if listing.remove is not None and len(stays) > 4:
        number = rng.choice(sorted(stays))
        stays.remove(number)
        await listing.remove(rows, number)

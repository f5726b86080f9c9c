"""Kept exchange rates: what replaces what, and that no figure which once counted is lost."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from decimal import Decimal

import asyncpg
import pytest

from kiki.commerce.exchange.rates import checked
from kiki.commerce.exchange.repository import Kept, keep, list_rates, rates_for
from kiki.kit.database import Database

AT = dt.datetime(2026, 11, 20, 16, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = AT.date()


@pytest.fixture
async def database(migrated_dsn: str) -> AsyncIterator[Database]:
    async with Database.open(migrated_dsn, application_name="test") as opened:
        yield opened


async def tell(
    database: Database, *rates: str, source: str = "ecb", by: str = "fetch", at: dt.datetime = AT, base: str = "USD"
) -> Kept:
    """Each rate is of the day before the last."""
    told = [checked(base, "EUR", DAY - dt.timedelta(days=n), text, source) for n, text in enumerate(rates)]
    async with database.transaction() as connection:
        return await keep(connection, told, by=by, at=at)


async def history(database: Database) -> list[tuple[str, str, str, str | None]]:
    async with database.connection() as connection:
        found = await list_rates(connection, history=True)
    return [(str(one.rate.rate), one.rate.source, one.recorded_by, one.replaced_by) for one in found]


async def test_a_figure_that_is_replaced_stays_with_who_replaced_it(database: Database) -> None:
    await tell(database, "0.86")
    assert await tell(database, "0.87", at=AT + HOUR) == Kept(replaced=1, former=Decimal("0.86"))
    assert await tell(database, "0.88", source="manual", by="user:7", at=AT + 2 * HOUR) == Kept(
        replaced=1, former=Decimal("0.87")
    )
    assert await tell(database, "0.9", at=AT + 3 * HOUR) == Kept(refused=1, former=Decimal("0.88"))
    assert await tell(database, "0.88", at=AT + 3 * HOUR) == Kept(same=1)
    assert await history(database) == [
        ("0.88", "manual", "user:7", None),
        ("0.87", "ecb", "fetch", "user:7"),
        ("0.86", "ecb", "fetch", "fetch"),
    ]
    async with database.connection() as connection:
        replaced = [one.replaced_at for one in await list_rates(connection, history=True)]
        (kept,) = await list_rates(connection)
    assert replaced == [None, AT + 2 * HOUR, AT + HOUR]
    assert (kept.rate.rate, kept.replaced_at) == (Decimal("0.88"), None)


async def test_what_counted_at_a_time_can_be_looked_up_afterwards(database: Database) -> None:
    await tell(database, "0.86", "0.85")
    await tell(database, "0.8", base="CHF")
    await tell(database, "0.9", at=AT + 2 * HOUR)
    async with database.connection() as connection:
        for late, direct, cross in ((-1, None, None), (0, "0.86", "1.075"), (1, "0.86", "1.075"), (2, "0.9", "1.125")):
            table = await rates_for(connection, {"USD", "EUR", "CHF"}, {DAY}, known_at=AT + late * HOUR)
            found = [table.newest("USD", quote, DAY) for quote in ("EUR", "CHF")]
            assert [one and one.text for one in found] == [direct, cross]


async def test_a_figure_that_a_person_confirms_is_replaced_by_a_person_alone(database: Database) -> None:
    await tell(database, "0.86")
    assert await tell(database, "0.860", source="manual", by="user:7") == Kept(same=1)
    assert await tell(database, "0.87") == Kept(refused=1, former=Decimal("0.86"))
    assert await history(database) == [("0.860", "manual", "user:7", None), ("0.86", "ecb", "fetch", "user:7")]


async def test_many_rates_are_counted_by_what_became_of_them(database: Database) -> None:
    await tell(database, "0.1", "0.2", "0.3")
    await tell(database, "0.15", source="manual")
    assert await tell(database, "0.5", "0.2", "0.6", "0.7") == Kept(
        added=1, replaced=1, same=1, refused=1, former=Decimal("0.3")
    )


async def test_those_who_bring_the_same_rate_at_once_lose_no_figure(database: Database) -> None:
    figures = [f"0.8{number}" for number in range(1, 9)]
    kept = await asyncio.gather(*(tell(database, text, by=f"user:{text}") for text in figures))
    assert (sum(one.added for one in kept), sum(one.replaced for one in kept)) == (1, 7)
    found = await history(database)
    assert sorted(rate for rate, *_ in found) == figures
    assert [replaced for *_, replaced in found] == [None, *(recorded for _, _, recorded, _ in found[:-1])]


@pytest.mark.parametrize("statement", ["UPDATE {} SET rate = 1", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_database_refuses_changes_of_what_was_replaced(database: Database, statement: str) -> None:
    await tell(database, "0.86")
    await tell(database, "0.87")
    async with database.connection() as connection:
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute(statement.format("commerce.former_exchange_rates"))


async def test_rates_that_somebody_removes_by_hand_stay_too(database: Database) -> None:
    await tell(database, "0.86")
    async with database.connection() as connection:
        await connection.execute("DELETE FROM commerce.exchange_rates")
    ((rate, *_, replaced),) = await history(database)
    assert (rate, (replaced or "").partition(":")[0]) == ("0.86", "sql")


async def test_rates_that_somebody_changes_by_hand_are_not_put_down_to_who_brought_them(database: Database) -> None:
    await tell(database, "0.86")
    async with database.connection() as connection:
        await connection.execute("UPDATE commerce.exchange_rates SET rate = 0.5")
        table = await rates_for(connection, {"USD", "EUR"}, {DAY}, known_at=AT)
        now, former = await list_rates(connection, history=True)
    found = table.newest("USD", "EUR", DAY)
    assert found is not None
    assert found.text == "0.86", "as it was known when an order was booked at it"
    assert (now.rate.rate, now.recorded_by.partition(":")[0]) == (Decimal("0.5"), "sql")
    assert (former.recorded_by, former.replaced_by, former.replaced_at) == ("fetch", now.recorded_by, now.recorded_at)
    assert now.recorded_at > AT
    await tell(database, "0.87", at=now.recorded_at, by=now.recorded_by)
    assert (await history(database))[0] == ("0.87", "ecb", now.recorded_by, None), "which is no change by hand"


@pytest.mark.parametrize("with_former", [False, True])
async def test_pages_of_rates_neither_lose_nor_repeat_one(database: Database, with_former: bool) -> None:
    for figures in (("0.86", "0.85", "0.84"), ("0.87", "0.85", "0.83"), ("0.88", "0.85", "0.84")):
        await tell(database, *figures)
        await tell(database, *figures, base="CHF")
    read, before = [], None
    async with database.connection() as connection:
        whole = await list_rates(connection, history=with_former)
        while page := await list_rates(connection, before=before, limit=1, history=with_former):
            read += page
            before = (page[0].rate.day, page[0].rate.base, page[0].rate.quote, page[0].change_id)
    assert read == list(whole)
    assert len(read) == (14 if with_former else 6)

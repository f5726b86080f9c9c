"""Exchange rates of the installation: bringing them in, looking one up, and what orders wait for."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import AwareDatetime, Field

from kiki.commerce.exchange import repository, waiting
from kiki.commerce.exchange.rates import MANUAL, checked, plain
from kiki.commerce.exchange.repository import KeptRate
from kiki.kit.errors import InvalidInput, NotFound
from kiki.orchestrator.calls.intents import enqueue
from kiki.orchestrator.workflows.rate_audit import IMPORT, SET, audited
from kiki.portal.access import documented_key
from kiki.portal.internal.answers.exchange_rates import (
    CountingRate,
    ExchangeRate,
    ExchangeRatePage,
    KeptRates,
    MissingRatePage,
    RateFetches,
)
from kiki.portal.internal.pages import Cursor, Limit, StoreFilter, bad_cursor, decode_cursor, encode_cursor
from kiki.portal.internal.schemas import Currency, StrictBody, with_example
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected

router = AnswerRouter(prefix="/internal/exchange-rates", tags=["exchange rates"], dependencies=[documented_key])

MOST = 5_000
_Code = Annotated[str, Query(pattern=r"^[A-Z]{3}$", description="ISO 4217.")]
_CodeInPath = Annotated[str, Path(pattern=r"^[A-Z]{3}$", description="ISO 4217.")]
_DayInPath = Annotated[dt.date, Path(description="The day of payment, UTC: YYYY-MM-DD.")]
_Day = Annotated[dt.date, Query(description="YYYY-MM-DD.")]
_History = Annotated[bool, Query(description="Also those that another figure replaced, after it.")]
_KnownAt = Annotated[
    AwareDatetime | None, Query(description="What counted by what was known then; as a rule when an order was booked.")
]


class RateBody(StrictBody):
    """So much of `quote` for one unit of `base`."""

    base: Currency
    quote: Currency
    day: dt.date = Field(description="YYYY-MM-DD, UTC.", examples=["2026-11-20"])
    rate: str = Field(
        pattern=r"^[0-9]{1,12}(\.[0-9]{1,18})?$", description="Positive decimal text.", examples=["0.8662"]
    )


class RatesBody(StrictBody):
    """Rates to keep."""

    model_config = with_example(
        {"source": "manual", "rates": [{"base": "USD", "quote": "EUR", "day": "2026-11-20", "rate": "0.8662"}]}
    )

    source: Literal["manual", "ecb", "file"] = Field(
        default="manual", description="`manual`: what a person sets; nothing but that replaces it."
    )
    sha256: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="Of the document that they come from, in hexadecimal; goes to the audit log.",
    )
    rates: list[RateBody] = Field(min_length=1, max_length=MOST, description="Of one told twice, the last counts.")


@router.get("", operation_id="list_exchange_rates", summary="The rates that are kept, the newest day first")
async def list_all(
    services: Injected,
    base: _Code | None = None,
    quote: _Code | None = None,
    since: _Day | None = None,
    until: _Day | None = None,
    history: _History = False,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> ExchangeRatePage:
    """As they were told: rates the other way round and cross rates are computed when they are wanted."""
    if since is not None and until is not None and since > until:
        raise InvalidInput(f"since is not after until, got {since} and {until}", reason="BAD_RANGE")
    last = decode_cursor(cursor, (str, str, str, int))
    before = None if last is None else (_day_of(last[0]), last[1], last[2], last[3])
    async with services.database.connection() as connection:
        found = await repository.list_rates(
            connection, base=base, quote=quote, since=since, until=until, before=before, limit=limit, history=history
        )
    end = found[-1] if len(found) == limit else None
    return {
        "rates": [_rate_json(kept) for kept in found],
        "next_cursor": ""
        if end is None
        else encode_cursor(end.rate.day.isoformat(), end.rate.base, end.rate.quote, end.change_id),
    }


@router.put("", operation_id="put_exchange_rates", summary="Bring rates in")
async def put(services: Injected, actor: Actor, body: RatesBody) -> KeptRates:
    """Orders that wait for one of them are booked soon after. An order that has its rate keeps it, whatever comes.

    Who brought what stands in the audit log of the whole installation (store 0); figures that are replaced are kept.
    """
    rates = [checked(told.base, told.quote, told.day, told.rate, body.source) for told in body.rates]
    action = SET if body.source == MANUAL else IMPORT
    now = services.clock.now()
    async with services.database.transaction() as connection:
        kept = await repository.keep(connection, rates, by=actor, at=now)
        entry = audited(rates, kept, action=action, actor=actor, digest=body.sha256 or "", at=now)
        await enqueue(connection, services.sealer, [entry])
    return {"added": kept.added, "replaced": kept.replaced, "same": kept.same, "refused": kept.refused}


@router.get("/missing", operation_id="list_missing_rates", summary="What paid orders wait for")
async def missing(
    services: Injected,
    store_id: StoreFilter = None,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> MissingRatePage:
    """By store, pair and day of payment. Such orders are not booked; they are once the rate is known."""
    last = decode_cursor(cursor, (str, int, str, str))
    before = None if last is None else (_day_of(last[0]), last[1], last[2], last[3])
    async with services.database.connection() as connection:
        await services.check_store(connection, store_id)
        found = await waiting.list_missing(connection, store_id, before=before, limit=limit)
        currencies = {code for row in found for code in (row.currency, row.settlement_currency)}
        table = await repository.rates_for(connection, currencies, {row.day for row in found})
    rows = [(row, table.newest(row.currency, row.settlement_currency, row.day)) for row in found]
    end = found[-1] if len(found) == limit else None
    return {
        "missing": [
            {
                "store_id": row.store_id,
                "currency": row.currency,
                "settlement_currency": row.settlement_currency,
                "day": row.day,
                "orders": row.orders,
                "live_orders": row.live,
                "since_at": row.since_at,
                "older_rate_day": None if older is None else older.day,
            }
            for row, older in rows
        ],
        "next_cursor": ""
        if end is None
        else encode_cursor(end.day.isoformat(), end.store_id, end.currency, end.settlement_currency),
    }


@router.get("/fetches", operation_id="list_rate_fetches", summary="How fetching rates went")
async def fetches(services: Injected) -> RateFetches:
    """The worker reads the address of its setting `SYNCWORKER_RATES_URL` daily; without one nothing is fetched."""
    async with services.database.connection() as connection:
        found = await repository.list_fetches(connection)
    return {
        "fetches": [
            {
                "place": fetch.place,
                "tried_at": fetch.tried_at,
                "succeeded_at": fetch.succeeded_at,
                "newest_day": fetch.newest_day,
                "added": fetch.added,
                "problem": fetch.problem,
            }
            for fetch in found
        ]
    }


@router.get("/{base}/{quote}/{day}", operation_id="get_exchange_rate", summary="The rate that counts for a payment")
async def show(
    services: Injected, base: _CodeInPath, quote: _CodeInPath, day: _DayInPath, known_at: _KnownAt = None
) -> CountingRate:
    """That of the day, else the newest of the seven days before; told for the pair, turned round, or a cross rate."""
    if base == quote:
        raise InvalidInput(f"a rate has two currencies, got {base} twice", reason="SAME_CURRENCY")
    _day_of(day.isoformat())
    async with services.database.connection() as connection:
        table = await repository.rates_for(connection, {base, quote}, {day}, known_at=known_at)
    found = table.newest(base, quote, day)
    if found is None:
        raise NotFound(
            f"no rate from {base} to {quote} is known of {day}, nor of the seven days before", reason="RATE_NOT_FOUND"
        )
    return {
        "base": base,
        "quote": quote,
        "paid_on": day,
        "rate": found.text,
        "day": found.day,
        "source": found.source,
        "final": table.find(base, quote, day, _utc_day(known_at or services.clock.now())) is not None,
    }


def _rate_json(kept: KeptRate) -> ExchangeRate:
    rate = kept.rate
    return {
        "base": rate.base,
        "quote": rate.quote,
        "day": rate.day,
        "rate": plain(rate.rate),
        "source": rate.source,  # type: ignore[typeddict-item]  # one of those that a rate is kept with
        "recorded_at": kept.recorded_at,
        "recorded_by": kept.recorded_by,
        "replaced_at": kept.replaced_at,
        "replaced_by": kept.replaced_by,
    }


def _utc_day(at: dt.datetime) -> dt.date:
    return at.astimezone(dt.UTC).date()


def _day_of(text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise bad_cursor(text) from None
    if not 1900 <= day.year <= 2999:
        raise InvalidInput(f"a day lies in the years 1900 to 2999, got {day}", reason="BAD_DAY")
    return day

"""Exchange rates, and what orders wait for."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from kiki.portal.internal.answers.shared import Count, CurrencyCode, Page, StoreNumber, Time, said

RateText = Annotated[
    str, Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,18})?$", description="Decimal text: `quote` for one unit of `base`.")
]
Day = Annotated[dt.date, Meta(description="YYYY-MM-DD.")]
_RateSource = Annotated[
    str, said("`ecb`, `file` or `manual`; of a cross rate all of them, and the currency between: `ecb via EUR`.")
]


class ExchangeRate(TypedDict):
    """A rate as it is kept."""

    base: CurrencyCode
    quote: CurrencyCode
    day: Day
    rate: RateText
    source: Annotated[Literal["ecb", "file", "manual"], said("The central bank, another file, or a person.")]
    recorded_at: Time
    recorded_by: Annotated[str, said("Who brought it: an actor, or `fetch` for the worker.")]
    replaced_at: Annotated[Time | None, said("When another figure replaced it; null: it counts.")]
    replaced_by: Annotated[str | None, said("Who brought the other figure; null: it counts.")]


class ExchangeRatePage(Page):
    """Rates, the newest day first."""

    rates: Annotated[list[ExchangeRate], said("The newest day first, then by currency.")]


class KeptRates(TypedDict):
    """What became of rates that were told."""

    added: Annotated[Count, said("Rates that were new.")]
    replaced: Annotated[Count, said("Rates that were known and are another one now; orders that have theirs keep it.")]
    same: Annotated[Count, said("Rates that were known already.")]
    refused: Annotated[Count, said("Rates that a person set otherwise, which only a person replaces.")]


class CountingRate(TypedDict):
    """The rate that counts for a payment on a day."""

    base: CurrencyCode
    quote: CurrencyCode
    paid_on: Annotated[dt.date, said("The day of payment, UTC.")]
    rate: RateText
    day: Annotated[dt.date, said("Of which day the rate is: that of payment, or at most seven days before.")]
    source: _RateSource
    final: Annotated[bool, said("False while the day of payment is not over and its own rate may still come.")]


class MissingRate(TypedDict):
    """Paid orders of a store that wait for one rate."""

    store_id: StoreNumber
    currency: CurrencyCode
    settlement_currency: CurrencyCode
    day: Annotated[dt.date, said("The day of payment, UTC.")]
    orders: Annotated[Count, said("Orders that wait.")]
    live_orders: Annotated[Count, said("Of them those under the contract, which may bill.")]
    since_at: Annotated[dt.datetime, Meta(tz=True, description="Since when the first of them waits. UTC.")]
    older_rate_day: Annotated[
        dt.date | None, said("Of which day a rate counts for them once this day is over; null: none is known.")
    ]


class MissingRatePage(Page):
    """What orders wait for, the newest day first."""

    missing: Annotated[list[MissingRate], said("The newest day first.")]


class RateFetch(TypedDict):
    """How fetching rates from a host went."""

    place: Annotated[str, said("The host.")]
    tried_at: Time
    succeeded_at: Annotated[Time | None, said("When it last went well. UTC.")]
    newest_day: Annotated[dt.date | None, said("The newest day of which it brought rates.")]
    added: Annotated[Count, said("Rates that the last attempt brought or changed.")]
    problem: Annotated[str, said("Why the last attempt failed; empty when it did not.")]


class RateFetches(TypedDict):
    """How fetching went, by host."""

    fetches: Annotated[list[RateFetch], said("The last attempt first; empty where no address is set.")]


class OrderExchange(TypedDict):
    """At which rate an order in another currency is settled."""

    settlement_currency: CurrencyCode
    rate: Annotated[RateText | None, said("Settlement currency for one unit of the order's; null while it waits.")]
    rate_date: Annotated[dt.date | None, said("Of which day the rate is.")]
    source: Annotated[str | None, said("`platform`, `ecb`, `ecb via EUR`, `file`, `manual`; null while it waits.")]
    waits_for: Annotated[dt.date | None, said("The day of payment whose rate it waits for; null: it has its rate.")]

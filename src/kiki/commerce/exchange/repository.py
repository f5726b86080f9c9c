"""Kept exchange rates: bringing them in, looking them up, and how fetching them went.

A figure that another one replaces stays in `former_exchange_rates`, written by the database itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from kiki.commerce.exchange.rates import LOOK_BACK, MANUAL, Rate, RateTable
from kiki.kit.database import Connection

NEWEST = 2**63 - 1
"""Where a rate that nothing replaced stands among those of its pair and day."""
_ONE_AT_A_TIME = (
    "LOCK TABLE commerce.exchange_rates IN SHARE ROW EXCLUSIVE MODE; SELECT set_config('kiki.rates_from', 'keep', true)"
)
"""Who brings rates in sees what the one before brought; who reads them waits for nobody. It is no change by hand."""
_KEEP = f"""
WITH told AS (
    SELECT * FROM unnest($1::date[], $2::text[], $3::text[], $4::numeric[], $5::text[])
        AS t(day, base, quote, rate, source)
), known AS (
    SELECT t.day, t.base, t.quote, r.rate AS former, r.rate = t.rate AS same,
        r.source <> '{MANUAL}' OR t.source = '{MANUAL}' AS gives_way
    FROM told t JOIN commerce.exchange_rates r USING (day, base, quote)
), written AS (
    INSERT INTO commerce.exchange_rates AS r (day, base, quote, rate, source, recorded_at, recorded_by)
    SELECT day, base, quote, rate, source, $6, $7 FROM told ORDER BY day, base, quote
    ON CONFLICT (day, base, quote) DO UPDATE SET rate = excluded.rate, source = excluded.source,
        recorded_at = excluded.recorded_at, recorded_by = excluded.recorded_by
    WHERE (r.rate <> excluded.rate AND (r.source <> '{MANUAL}' OR excluded.source = '{MANUAL}'))
        OR (r.source <> '{MANUAL}' AND excluded.source = '{MANUAL}')
)
SELECT (SELECT count(*) FROM told) - count(*), count(*) FILTER (WHERE NOT same AND gives_way),
    count(*) FILTER (WHERE same), count(*) FILTER (WHERE NOT same AND NOT gives_way),
    (array_agg(former ORDER BY day, base, quote) FILTER (WHERE NOT same))[1]
FROM known
"""
"""A figure that a person confirms becomes the person's, so that no file replaces it either."""
_WITHIN = """
SELECT r.base, r.quote, r.day, r.rate, r.source
FROM unnest($2::date[], $3::date[]) AS w(since, until)
JOIN commerce.exchange_rates r ON r.day >= w.since AND r.day <= w.until
WHERE r.base = ANY($1::text[]) OR r.quote = ANY($1::text[])
"""
_KEPT_ONES = f"""
SELECT base, quote, day, rate, source, recorded_at, recorded_by, NULL::timestamptz AS replaced_at,
    NULL::text AS replaced_by, {NEWEST}::bigint AS change_id
FROM commerce.exchange_rates
"""
_WITH_FORMER = f"""{_KEPT_ONES} UNION ALL
SELECT base, quote, day, rate, source, recorded_at, recorded_by, replaced_at, replaced_by, change_id
FROM commerce.former_exchange_rates
"""
_LIST = """
SELECT * FROM ({rates}) every
WHERE ($1::text IS NULL OR base = $1) AND ($2::text IS NULL OR quote = $2)
    AND ($3::date IS NULL OR day >= $3) AND ($4::date IS NULL OR day <= $4)
    AND ($5::date IS NULL OR day < $5 OR (day = $5 AND ((base, quote) > ($6, $7)
        OR (base = $6 AND quote = $7 AND change_id < $8))))
ORDER BY day DESC, base, quote, change_id DESC LIMIT $9
"""
_LIST_KEPT, _LIST_ALL = _LIST.format(rates=_KEPT_ONES), _LIST.format(rates=_WITH_FORMER)
_KNOWN_AT = """
SELECT r.base, r.quote, r.day, r.rate, r.source
FROM unnest($2::date[], $3::date[]) AS w(since, until)
JOIN (
    SELECT base, quote, day, rate, source, recorded_at, NULL::timestamptz AS replaced_at FROM commerce.exchange_rates
    UNION ALL
    SELECT base, quote, day, rate, source, recorded_at, replaced_at FROM commerce.former_exchange_rates
) r ON r.day >= w.since AND r.day <= w.until
WHERE (r.base = ANY($1::text[]) OR r.quote = ANY($1::text[]))
    AND r.recorded_at <= $4 AND (r.replaced_at IS NULL OR r.replaced_at > $4)
"""
_FETCHED = """
INSERT INTO commerce.exchange_rate_fetches (place, tried_at, succeeded_at, newest_day, added, problem)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (place) DO UPDATE SET tried_at = excluded.tried_at, problem = excluded.problem, added = excluded.added,
    succeeded_at = coalesce(excluded.succeeded_at, exchange_rate_fetches.succeeded_at),
    newest_day = coalesce(excluded.newest_day, exchange_rate_fetches.newest_day)
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of rates that were told."""

    added: int = 0
    replaced: int = 0
    same: int = 0
    """Known already, with this very rate."""
    refused: int = 0
    """Known with another rate that a person set, which only a person replaces."""
    former: Decimal | None = None
    """What stood there before, or still stands where it was refused: of the first such rate."""

    def __add__(self, other: Kept) -> Kept:
        return Kept(
            self.added + other.added,
            self.replaced + other.replaced,
            self.same + other.same,
            self.refused + other.refused,
            other.former if self.former is None else self.former,
        )


@dataclass(frozen=True, slots=True)
class KeptRate:
    """A rate as it is kept."""

    rate: Rate
    recorded_at: dt.datetime
    recorded_by: str
    replaced_at: dt.datetime | None = None
    replaced_by: str | None = None
    change_id: int = NEWEST
    """The order of what was replaced."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """How fetching rates from a host went last."""

    place: str
    tried_at: dt.datetime
    succeeded_at: dt.datetime | None = None
    newest_day: dt.date | None = None
    """Of the rates that were read."""
    added: int = 0
    """Rates that the last attempt brought or changed."""
    problem: str = ""
    """Why the last attempt failed; empty when it did not."""


async def keep(connection: Connection, rates: Iterable[Rate], *, by: str, at: dt.datetime) -> Kept:
    """Bring rates in, of one told twice the last. An order that has its rate keeps it, whatever is brought later."""
    rows = {(rate.day, rate.base, rate.quote): rate for rate in rates}
    if not rows:
        return Kept()
    told = list(rows.values())
    await connection.execute(_ONE_AT_A_TIME)
    row = await connection.fetchrow(
        _KEEP,
        [rate.day for rate in told],
        [rate.base for rate in told],
        [rate.quote for rate in told],
        [rate.rate for rate in told],
        [rate.source for rate in told],
        at,
        by,
    )
    assert row is not None, "an aggregate always has a row"
    return Kept(*row)


async def rates_for(
    connection: Connection,
    currencies: Collection[str],
    days: Collection[dt.date],
    *,
    known_at: dt.datetime | None = None,
) -> RateTable:
    """What may count for payments on these days in, or into, these currencies; as it was known at a time, if given."""
    if not currencies or not days:
        return RateTable()
    spans = _spans(days)
    wanted = (sorted(currencies), [since for since, _ in spans], [until for _, until in spans])
    if known_at is None:
        rows = await connection.fetch(_WITHIN, *wanted)
    else:
        rows = await connection.fetch(_KNOWN_AT, *wanted, known_at)
    return RateTable(Rate(*row) for row in rows)


def _spans(days: Collection[dt.date]) -> list[tuple[dt.date, dt.date]]:
    """The days with those before them that may count, as spans that do not overlap."""
    spans: list[tuple[dt.date, dt.date]] = []
    for day in sorted(days):
        since = day - LOOK_BACK
        if spans and since <= spans[-1][1]:
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((since, day))
    return spans


async def list_rates(
    connection: Connection,
    *,
    base: str | None = None,
    quote: str | None = None,
    since: dt.date | None = None,
    until: dt.date | None = None,
    before: tuple[dt.date, str, str, int] | None = None,
    limit: int = 100,
    history: bool = False,
) -> Sequence[KeptRate]:
    """Kept rates, the newest day first, then by currency; with `history` each with those that it replaced, last first.

    `before` is day, pair and `change_id` of the last row of the page before.
    """
    place = before or (None, None, None, None)
    query = _LIST_ALL if history else _LIST_KEPT
    rows = await connection.fetch(query, base, quote, since, until, *place, limit)
    return [KeptRate(Rate(*row[:5]), *row[5:]) for row in rows]


async def note_fetch(connection: Connection, fetch: Fetch) -> None:
    """Keep how an attempt went; what an earlier one reached stays where this one failed."""
    await connection.execute(
        _FETCHED, fetch.place, fetch.tried_at, fetch.succeeded_at, fetch.newest_day, fetch.added, fetch.problem
    )


async def list_fetches(connection: Connection) -> Sequence[Fetch]:
    """How fetching went, by host."""
    rows = await connection.fetch(
        "SELECT place, tried_at, succeeded_at, newest_day, added, problem FROM commerce.exchange_rate_fetches"
        " ORDER BY tried_at DESC, place LIMIT 100"
    )
    return [Fetch(*row) for row in rows]

"""Exchange rates by the clock: orders whose rate has become known are decided anew, and the bank's rates are read."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections.abc import Sequence
from urllib.parse import urlsplit

from kiki.commerce.exchange import files, repository, waiting
from kiki.commerce.exchange.rates import Rate
from kiki.commerce.exchange.repository import Fetch, Kept
from kiki.commerce.exchange.waiting import Pair
from kiki.kit.clock import Clock
from kiki.kit.errors import KikiError, Unavailable
from kiki.kit.http import OutboundHttp, OutboundPolicy
from kiki.kit.logging import get_logger
from kiki.kit.sealing import Sealer
from kiki.orchestrator.calls.intents import enqueue
from kiki.orchestrator.inbox.protocol import InternalFact
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.schedules import Guard, Job
from kiki.orchestrator.workflows.jobs import store_facts
from kiki.orchestrator.workflows.rate_audit import FETCH, audited

FACT = "rates_known"
BY = "fetch"
"""Who recorded a rate that was fetched."""
ACTOR = "worker"
"""Who stands in the audit log for it."""
PUBLISHED_AT = dt.time(15, 15)
"""UTC; the European Central Bank publishes around 16:00 in Frankfurt, on its business days."""
RETRY_AFTER = dt.timedelta(minutes=55)
_LOOK_SECONDS, _FETCH_SECONDS, _ANSWER_SECONDS = 5.0, 600.0, 60.0
_MAX_BYTES = 16 * 2**20
_PAIRS, _ORDERS, _PER_FACT, _AT_ONCE = 500, 2_000, 200, 5_000
_log = get_logger(__name__)


def rate_jobs(*, sealer: Sealer, clock: Clock, url: str, allow_private: bool) -> list[Job]:
    """What looks after orders that wait; and, where there is an address, what reads rates from it."""
    jobs = [Job("waiting_orders", _LOOK_SECONDS, WaitingOrders(sealer, clock).run)]
    if url:
        fetch = RateFetch(url, sealer, clock, allow_private=allow_private)
        jobs.append(Job("exchange_rates", _FETCH_SECONDS, fetch.run))
    return jobs


class WaitingOrders:
    """Finds orders whose rate is known now and hands them to the inbox, some thousands at a time."""

    def __init__(self, sealer: Sealer, clock: Clock) -> None:
        self._sealer = sealer
        self._clock = clock

    async def run(self, guard: Guard) -> None:
        """Everything that is waited for, page by page, each in a transaction of its own."""
        after: Pair | None = None
        while True:
            pairs = await self._page(guard, after)
            if len(pairs) < _PAIRS:
                return
            after = pairs[-1]

    async def _page(self, guard: Guard, after: Pair | None) -> Sequence[Pair]:
        now = self._clock.now()
        async with guard.database.transaction() as connection:
            pairs = await waiting.waited_for(connection, after, _PAIRS)
            if not pairs:
                return pairs
            await guard.lock(connection)
            currencies = {code for currency, wanted, _ in pairs for code in (currency, wanted)}
            table = await repository.rates_for(connection, currencies, {day for *_, day in pairs})
            known = [pair for pair in pairs if table.find(*pair, now.date()) is not None]
            found = await waiting.hand_out(connection, known, now, _ORDERS)
            await store_facts(connection, self._sealer, _facts(found, now), lane=Lane.BULK, now=now)
        if found:
            _log.info("rates_known", pairs=len(known), orders=sum(map(len, found.values())))
        return pairs


def _facts(found: dict[int, list[str]], now: dt.datetime) -> list[tuple[int, InternalFact]]:
    """One for up to `_PER_FACT` orders; the time tells it from an earlier one about the same orders."""
    return [
        (store_id, InternalFact(FACT, {"orders": [{"order_id": name} for name in part], "told_at": now.isoformat()}))
        for store_id, names in found.items()
        for part in (names[at : at + _PER_FACT] for at in range(0, len(names), _PER_FACT))
    ]


class RateFetch:
    """Reads a document of the European Central Bank's format once after each publication, hourly until it goes well."""

    def __init__(self, url: str, sealer: Sealer, clock: Clock, *, allow_private: bool = False) -> None:
        self._url = url
        self._sealer = sealer
        self._clock = clock
        self._policy = OutboundPolicy(allow_private=allow_private, max_answer_bytes=_MAX_BYTES)
        self.place = place_of(url)

    async def run(self, guard: Guard) -> None:
        """Fetch when it is due. What goes wrong is kept and logged, and changes no rate."""
        now = self._clock.now()
        async with guard.database.connection() as connection:
            known = {fetch.place: fetch for fetch in await repository.list_fetches(connection)}.get(self.place)
        if not is_due(known, now):
            return
        try:
            rates, digest = await self._read()
        except KikiError as error:
            _log.warning("exchange_rates_not_fetched", place=self.place, reason=error.reason, detail=error.message)
            await self._note(guard, Fetch(self.place, now, problem=f"{error.reason}: {error.message}"[:500]))
            return
        kept = await self._keep(guard, rates, digest, now)
        newest = max(rate.day for rate in rates)
        await self._note(guard, Fetch(self.place, now, now, newest, kept.added + kept.replaced))
        _log.info(
            "exchange_rates_fetched",
            place=self.place,
            newest_day=str(newest),
            added=kept.added,
            replaced=kept.replaced,
            same=kept.same,
            refused=kept.refused,
        )

    async def _read(self) -> tuple[list[Rate], str]:
        """The document's rates, and its SHA-256 in hexadecimal."""
        async with OutboundHttp.open(self._policy) as http:
            answer = await http.request("GET", self._url, timeout_seconds=_ANSWER_SECONDS)
        if not answer.ok:
            raise Unavailable(f"the host answered {answer.status}, wanted 200", reason="RATES_NOT_SERVED")
        rates = await asyncio.to_thread(files.read_bytes, answer.body)
        return rates, hashlib.sha256(answer.body).hexdigest()

    async def _keep(self, guard: Guard, rates: Sequence[Rate], digest: str, now: dt.datetime) -> Kept:
        """What changed stands in the audit log as well, part by part."""
        kept = Kept()
        for at in range(0, len(rates), _AT_ONCE):
            async with guard.database.transaction() as connection:
                await guard.lock(connection)
                part = rates[at : at + _AT_ONCE]
                done = await repository.keep(connection, part, by=BY, at=now)
                if done.added or done.replaced:
                    entry = audited(part, done, action=FETCH, actor=ACTOR, digest=digest, at=now)
                    await enqueue(connection, self._sealer, [entry])
                kept += done
        return kept

    async def _note(self, guard: Guard, fetch: Fetch) -> None:
        async with guard.database.transaction() as connection:
            await guard.lock(connection)
            await repository.note_fetch(connection, fetch)


def place_of(url: str) -> str:
    """The host that a fetch is kept under."""
    return urlsplit(url).hostname or "nowhere"


def is_due(known: Fetch | None, now: dt.datetime) -> bool:
    """Whether rates have been published since they were last read, and no attempt was made within the hour."""
    if known is None:
        return True
    published = dt.datetime.combine(now.date(), PUBLISHED_AT, dt.UTC)
    if published > now:
        published -= dt.timedelta(days=1)
    if known.succeeded_at is not None and known.succeeded_at >= published:
        return False
    return now - known.tried_at >= RETRY_AFTER

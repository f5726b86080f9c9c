"""Use cases about what a store earned before it was connected; each owns its transaction."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from kiki.council.syncvalue.attempts import attempt_round, for_each_store
from kiki.council.syncvalue.baseline import available_months, divided, month_start, months_before, months_between, zone
from kiki.council.syncvalue.counterfactual import (
    MONTHS_AHEAD,
    Counterfactual,
    days_of,
    learning_span,
    of_outlook,
    without_outlook,
)
from kiki.council.syncvalue.domain import Baseline, BaselineAsked, Basis, RegisteredPromotion, Revenue
from kiki.council.syncvalue.errors import BadRequest, BaselineUnknown, CannotForecast
from kiki.council.syncvalue.repository import baselines as repository
from kiki.council.syncvalue.repository import promotions as promotion_repository
from kiki.council.syncvalue.repository.histories import lock_stores
from kiki.council.syncvalue.seasonal.outlook import Promotion
from kiki.council.syncvalue.seasonal.worker import Asked, OutlookWorker
from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Database
from kiki.kit.errors import DeadlineExceeded, Unavailable
from kiki.kit.logging import get_logger
from kiki.kit.receipts import Once, OnceItem, Outcome

_STORES_PER_ROUND = 20
Answer = Callable[[Baseline, Counterfactual | None], bytes]
_log = get_logger("syncvalue.baseline")


class Baselines:
    """The plain average, the seasonal forecast beside it, and revenue of spans."""

    def __init__(
        self, *, database: Database, once: Once, worker: OutlookWorker, clock: Clock, check_seconds: float
    ) -> None:
        self._database = database
        self._once = once
        self._worker = worker
        self._clock = clock
        self._check_seconds = check_seconds
        self._changed = asyncio.Event()

    def promotions_changed(self) -> None:
        """Have stale forecasts made anew now instead of at the next look."""
        self._changed.set()

    async def run(self) -> None:
        """Makes forecasts anew whose promotions have changed, for ever; a database that is away is waited for."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._check_seconds)
            self._changed.clear()
            await attempt_round(self.refresh_due, "forecasts")

    async def refresh_due(self) -> int:
        """One round; how many forecasts were made anew."""
        async with self._database.connection() as connection:
            stale = await promotion_repository.stale_stores(connection, _STORES_PER_ROUND)
        return sum(await for_each_store(stale, self.refresh, "forecasts"))

    async def refresh(self, store_id: int) -> bool:
        """Appends a forecast with the promotions registered now; the plain average stays what it is.

        False when there is nothing to do, or someone else has done it meanwhile.
        """
        async with self._database.connection() as connection:
            baseline = await repository.find_baseline(connection, store_id)
        if baseline is None:
            return False
        forecast = await self._forecast(_asked_again(baseline))
        async with self._database.transaction() as connection:
            await lock_stores(connection, [store_id])
            latest = await repository.find_baseline(connection, store_id)
            if latest != baseline or not await promotion_repository.is_stale(connection, store_id):
                return False
            revision = await repository.next_revision(connection, store_id)
            kept = replace(forecast, revision=revision, computed_at=self._clock.now())
            await repository.add_forecast(connection, kept)
        _log.info("forecast_made_anew", store_id=store_id, revision=revision, promotions=len(kept.promotions))
        return True

    async def update(self, item: OnceItem[BaselineAsked], answer: Answer) -> Outcome:
        """Computes both from the history as it is now and keeps them.

        The forecast is computed before the transaction, in a process of its own; one that fails leaves a baseline with
        the reason.
        """
        forecast = await self._forecast(item.command)

        async def work(connection: Connection, fresh: Sequence[OnceItem[BaselineAsked]]) -> list[Outcome]:
            await lock_stores(connection, [fresh[0].command.store_id])
            baseline = await self._compute(connection, fresh[0].command)
            revision = await repository.next_revision(connection, baseline.store_id)
            kept = replace(forecast, revision=revision, computed_at=baseline.computed_at)
            await repository.write_baseline(connection, baseline)
            await repository.add_forecast(connection, kept)
            return [answer(baseline, kept)]

        return (await self._once.run("UpdateBaselineMetrics", [item], work))[0]

    async def get(self, store_id: int, as_of: dt.datetime | None) -> tuple[Baseline, Counterfactual | None]:
        """The baseline as computed last, and the forecast as it was known at a time."""
        async with self._database.connection() as connection:
            baseline = await repository.find_baseline(connection, store_id)
            forecast = await repository.find_forecast(connection, store_id, as_of)
        if baseline is None:
            raise BaselineUnknown(store_id)
        return baseline, forecast

    async def revenue(
        self, store_id: int, start: dt.datetime, end: dt.datetime, currency: str, basis: Basis
    ) -> Revenue:
        """Paid revenue of a span."""
        async with self._database.connection() as connection:
            return await repository.revenue(connection, store_id, start, end, currency, basis)

    async def _forecast(self, asked: BaselineAsked) -> Counterfactual:
        """With the promotions registered now; a problem is part of it, and never raised."""
        async with self._database.connection() as connection:
            revision = await promotion_repository.revision_of(connection, asked.store_id)
            registered = await promotion_repository.list_promotions(connection, asked.store_id)
        asked = replace(asked, promotions=_together(registered, asked.promotions))
        return replace(await self._outlook(asked), promotions_revision=revision)

    async def _outlook(self, asked: BaselineAsked) -> Counterfactual:
        tz = zone(asked.time_zone)
        end = month_start(_months(asked).stop, tz)
        async with self._database.connection() as connection:
            first = await repository.first_order_at(connection, asked.store_id)
            span = learning_span(end, tz, asked.history_from, first)
            if span is None:
                return without_outlook(asked, end, tz, "NO_HISTORY")
            edges = days_of(*span, tz)
            revenue = await repository.daily_revenue(connection, asked.store_id, edges, asked.currency, asked.basis)
        try:
            found = await self._worker.outlook(Asked(span[0], revenue, asked.promotions, MONTHS_AHEAD))
        except (CannotForecast, Unavailable, DeadlineExceeded) as error:
            _log.info("forecast_not_made", store_id=asked.store_id, reason=error.reason)
            return without_outlook(asked, end, tz, error.reason)
        return of_outlook(asked, end, tz, found)

    async def _compute(self, connection: Connection, asked: BaselineAsked) -> Baseline:
        tz = zone(asked.time_zone)
        months = _months(asked)
        start, end = month_start(months.start, tz), month_start(months.stop, tz)
        first = await repository.first_order_at(connection, asked.store_id)
        covered = available_months(months, tz, asked.history_from, first)
        whole = await repository.revenue(connection, asked.store_id, start, end, asked.currency, asked.basis)
        part = whole
        if covered.start > months.start:
            part = await repository.revenue(
                connection, asked.store_id, month_start(covered.start, tz), end, asked.currency, asked.basis
            )
        return Baseline(
            store_id=asked.store_id,
            start=start,
            end=end,
            time_zone=asked.time_zone,
            basis=asked.basis,
            currency=asked.currency,
            revenue_minor=whole.revenue_minor,
            monthly_average_minor=divided(part.revenue_minor, len(covered)),
            average_order_minor=divided(whole.revenue_minor, whole.orders),
            orders=whole.orders,
            unique_customers=whole.unique_customers,
            repeat_customers=whole.repeat_customers,
            months_available=len(covered),
            skipped_orders=whole.skipped_orders,
            computed_at=self._clock.now(),
            history_from=asked.history_from,
        )


def _asked_again(baseline: Baseline) -> BaselineAsked:
    return BaselineAsked(
        store_id=baseline.store_id,
        span=(baseline.start, baseline.end),
        connected_at=baseline.end,
        time_zone=baseline.time_zone,
        currency=baseline.currency,
        basis=baseline.basis,
        history_from=baseline.history_from,
    )


def _together(registered: Sequence[RegisteredPromotion], told: Sequence[Promotion]) -> tuple[Promotion, ...]:
    """Those registered, and of those told the ones on other days."""
    known = {(own.promotion.first, own.promotion.last) for own in registered}
    return (*(own.promotion for own in registered), *(own for own in told if (own.first, own.last) not in known))


def _months(asked: BaselineAsked) -> range:
    tz = zone(asked.time_zone)
    months = months_between(*asked.span, tz) if asked.span else months_before(asked.connected_at, tz)
    if len(months) > 1200:
        raise BadRequest("a baseline covers at most a hundred years", reason="PERIOD_TOO_LONG")
    return months

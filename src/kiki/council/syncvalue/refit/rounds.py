"""Which stores' models are fitted anew, and when: those that have grown enough, and every one once a week."""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets

import numpy as np

from kiki.council.syncvalue.attempts import attempt_round, for_each_store
from kiki.council.syncvalue.refit.job import FitJob, StoreFit
from kiki.council.syncvalue.refit.worker import FitWorker
from kiki.council.syncvalue.repository import models as repository
from kiki.council.syncvalue.settings import SyncValueSettings
from kiki.kit.clock import Clock
from kiki.kit.database import Database
from kiki.kit.errors import KikiError, Unavailable
from kiki.kit.logging import get_logger

_OTHER_STORES = 200
_log = get_logger("syncvalue.refit")


class ModelRefits:
    """Fits the models of stores that are due, in a process of its own. Running twice at once costs a version."""

    def __init__(self, *, database: Database, worker: FitWorker, clock: Clock, settings: SyncValueSettings) -> None:
        self._database = database
        self._worker = worker
        self._clock = clock
        self._settings = settings

    async def run(self) -> None:
        """Fits what is due, for ever; a database that is away is waited for."""
        while True:
            await asyncio.sleep(self._settings.fit_check_seconds)
            await attempt_round(self.fit_due, "model_fits")

    async def fit_due(self) -> int:
        """One round; how many stores got a new model."""
        now, settings = self._clock.now(), self._settings
        async with self._database.connection() as connection:
            due = await repository.due_stores(
                connection,
                least=settings.fit_least_customers,
                stale_before=now - dt.timedelta(seconds=settings.fit_max_age_seconds),
                grown_before=now - dt.timedelta(seconds=settings.fit_min_age_seconds),
                growth=settings.fit_growth,
                limit=settings.fit_stores_per_round,
            )
        try:
            versions = await for_each_store(due, self.fit, "model_fits")
            return sum(version is not None for version in versions)
        finally:
            self._worker.close()

    async def fit(self, store_id: int) -> int | None:
        """Fits one store's model; its version. `None` when it failed: the last model goes on, and why is noted."""
        now = self._clock.now()
        fit, currency, problem = await self._attempt(store_id, now)
        version = None
        async with self._database.transaction() as connection:
            await repository.note_try(connection, store_id, problem=problem, at=now)
            if fit is not None:
                version = await repository.add_model(connection, store_id, fit, currency, now)
        if fit is not None:
            _log.info(
                "model_fitted",
                store_id=store_id,
                version=version,
                model=fit.name,
                chosen_by=fit.chosen_by,
                customers=fit.customers,
            )
        return version

    async def _attempt(self, store_id: int, now: dt.datetime) -> tuple[StoreFit | None, str, str]:
        """The fit, its currency, and why there is none. Raises `Unavailable` when the database is away."""
        try:
            job, currency = await self._job(store_id, now)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # A job attempt: rows that no fit understands are this store's alone.
            return None, "", _told(store_id, error)
        if job is None:
            return None, currency, "NO_PURCHASES"
        try:
            return await self._worker.fit(job), currency, ""
        except Exception as error:  # noqa: BLE001  # A job attempt: whatever a fit fails of, the last model goes on.
            return None, currency, _told(store_id, error)

    async def _job(self, store_id: int, now: dt.datetime) -> tuple[FitJob | None, str]:
        async with self._database.connection() as connection:
            currency = await repository.main_currency(connection, store_id)
            if currency is None:
                return None, ""
            customers, days, amounts = await repository.read_purchases(
                connection,
                store_id,
                currency=currency,
                until=now,
                start_key=secrets.token_hex(8),
                limit=self._settings.fit_customers,
            )
            others = await repository.other_stores(connection, store_id, _OTHER_STORES)
        if not customers:
            return None, currency
        job = FitJob(
            customer=np.array(customers, dtype=np.int64),
            day=np.array(days, dtype=np.int64),
            amount=np.array(amounts, dtype=np.float64),
            until=now.toordinal(),
            others=tuple(others),
            yearly_discount=self._settings.yearly_discount,
            low_share=self._settings.low_segment_share,
            high_share=self._settings.high_segment_share,
        )
        return job, currency


def _told(store_id: int, error: Exception) -> str:
    """What is noted of a failure; the log has the details."""
    problem = error.reason if isinstance(error, KikiError) else type(error).__name__
    _log.warning("model_not_fitted", store_id=store_id, reason=problem, detail=str(error))
    return problem

"""Keeps the stores' models fresh in the background: mean orders and segment limits from a sample of their customers."""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets

from kiki.council.syncvalue.attempts import attempt_round, for_each_store
from kiki.council.syncvalue.fitting import fit
from kiki.council.syncvalue.models.tabled import TabledModel
from kiki.council.syncvalue.repository import histories as repository
from kiki.council.syncvalue.settings import SyncValueSettings
from kiki.kit.clock import Clock
from kiki.kit.database import Database

GROWN_CUSTOMERS = 1_000
_STORES_PER_ROUND = 50


class ModelRefresh:
    """Refits every store whose model is due. Running twice at once does no harm: the last one stays."""

    def __init__(self, *, database: Database, prior: TabledModel, clock: Clock, settings: SyncValueSettings) -> None:
        self._database = database
        self._prior = prior
        self._clock = clock
        self._settings = settings

    async def run(self) -> None:
        """Refreshes what is due, for ever; a database that is away is waited for."""
        while True:
            await asyncio.sleep(self._settings.refresh_check_seconds)
            await attempt_round(self.refresh_due, "model_refresh")

    async def refresh_due(self) -> int:
        """One round; how many stores were refitted."""
        now = self._clock.now()
        async with self._database.connection() as connection:
            due = await repository.due_stores(
                connection,
                young_before=now - dt.timedelta(seconds=self._settings.refresh_young_seconds),
                grown_before=now - dt.timedelta(seconds=self._settings.refresh_grown_seconds),
                grown=GROWN_CUSTOMERS,
                limit=_STORES_PER_ROUND,
            )
        return len(await for_each_store(due, self.refresh, "model_refresh"))

    async def refresh(self, store_id: int) -> None:
        """Refits one store."""
        now = self._clock.now()
        async with self._database.connection() as connection:
            sample = await repository.sample_customers(
                connection, store_id, secrets.token_hex(8), self._settings.sample_customers
            )
            known = len(sample)
            if known >= self._settings.sample_customers:
                known = await repository.count_customers(connection, store_id)
        model = fit(
            sample,
            known=known,
            now=now,
            prior=self._prior,
            low_share=self._settings.low_segment_share,
            high_share=self._settings.high_segment_share,
        )
        async with self._database.transaction() as connection:
            await repository.write_model(connection, store_id, model, now)

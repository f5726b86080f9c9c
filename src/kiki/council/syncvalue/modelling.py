"""Use cases about a store's fitted models: which there were, and how right they were."""

from __future__ import annotations

from kiki.council.syncvalue.errors import ModelUnknown
from kiki.council.syncvalue.repository import models as repository
from kiki.council.syncvalue.repository.models import ModelRow
from kiki.kit.database import Database


class Modelling:
    """Reads what the refits wrote; nothing is computed here."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, store_id: int, version: int) -> ModelRow:
        """One version of a store's model; the last one for 0."""
        async with self._database.connection() as connection:
            found = await repository.find_model(connection, store_id, version)
        if found is None:
            raise ModelUnknown(store_id, version)
        return found

    async def list(self, store_id: int, before: int, limit: int) -> list[ModelRow]:
        """Versions under `before`, the last one first."""
        async with self._database.connection() as connection:
            return await repository.list_models(connection, store_id, before=before, limit=limit)

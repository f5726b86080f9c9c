"""Fitted models in memory, by store and version: read once each, and never changed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kiki.council.syncvalue.models.estimate import fitted_model
from kiki.council.syncvalue.models.tabled import TabledModel
from kiki.council.syncvalue.repository import models as repository
from kiki.council.syncvalue.valuing import ServedModel, table_of
from kiki.kit.database import Connection, Record

_MOST = 300
"""So many models are kept, of some 50 kB each; the one that was not asked for the longest goes."""


class ServedModels:
    """The models of stores that were asked for lately."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: dict[tuple[int, int], ServedModel] = {}

    async def of(self, connection: Connection, wanted: Iterable[tuple[int, int]]) -> dict[int, ServedModel]:
        """By store, the models of these stores and versions; a version 0 has none."""
        keys = [key for key in wanted if key[1]]
        missing = [key for key in keys if key not in self._known]
        if missing:
            for row in await repository.find_serving(connection, missing):
                self._known[row["store_id"], row["version"]] = _served(row)
        found = {}
        for key in keys:
            model = self._known.pop(key, None)
            if model is not None:
                found[key[0]] = self._known[key] = model
        while len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        return found


def _served(row: Record) -> ServedModel:
    parameters = row["parameters"]
    transactions = fitted_model(parameters["transactions"])
    tabled = TabledModel(
        name=transactions.name,
        parameters=transactions.vector,
        spend=fitted_model(parameters["spend"]).vector,
        table=table_of(row["serving_table"]),
        ends=np.array(parameters["ends"], dtype=np.float64),
        level=parameters["level"],
    )
    return ServedModel(
        version=row["version"],
        name=f"{transactions.name}-{transactions.version}",
        tabled=tabled,
        currency=row["currency"],
        own_weight=row["own_weight"],
        low_below_minor=parameters["low_below_minor"],
        high_from_minor=parameters["high_from_minor"],
    )

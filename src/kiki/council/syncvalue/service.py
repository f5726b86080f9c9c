"""Use cases about customers; each owns its transaction, mutations go through receipts. Baselines: `baselining.py`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace

from kiki.council.syncvalue.domain import (
    AtRisk,
    Customer,
    CustomerRef,
    Merge,
    Order,
    OrderTold,
    StoreModel,
    Valuation,
)
from kiki.council.syncvalue.errors import CustomerUnknown
from kiki.council.syncvalue.history import Fold, fold
from kiki.council.syncvalue.models.tabled import TabledModel
from kiki.council.syncvalue.repository import histories as repository
from kiki.council.syncvalue.repository import models as model_repository
from kiki.council.syncvalue.served_models import ServedModels
from kiki.council.syncvalue.valuing import Speaker, valuations
from kiki.kit.bulk import Append, Rows, append_rows
from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Database
from kiki.kit.receipts import Done, Once, OnceItem, Outcome

_SCAN_ROWS = 2_000
_SCAN_ROUNDS = 10


class SyncValue:
    """Purchase histories and what follows from them."""

    def __init__(
        self, *, database: Database, once: Once, prior: TabledModel, models: ServedModels, clock: Clock
    ) -> None:
        self._database = database
        self._once = once
        self._prior = prior
        self._models = models
        self._clock = clock

    async def update_orders(
        self, items: Sequence[OnceItem[Order]], answer: Callable[[OrderTold], bytes]
    ) -> list[Outcome]:
        """Folds orders into histories and values their customers, in one transaction; an answer per item."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[Order]]) -> Done:
            told, new = await self._tell(connection, [item.command for item in fresh])
            return Done([answer(one) for one in told], [new])

        return await self._once.run("UpdateCustomerLTV", items, work)

    async def merge(self, item: OnceItem[Merge], answer: Callable[[str, int], bytes]) -> Outcome:
        """Makes two customers one."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[Merge]]) -> list[Outcome]:
            return [answer(*await self._merge(connection, fresh[0].command))]

        return (await self._once.run("MergeCustomers", [item], work))[0]

    async def get_customer(
        self, store_id: int, customer_key: str, as_of: dt.datetime | None = None
    ) -> tuple[str, Customer, Valuation, dt.datetime]:
        """A customer's statistics and value, and the time they are of; a merged customer's are those of the kept one.

        As of an earlier time they are counted from the orders placed until then, and valued by the model that served.
        """
        at = as_of or self._clock.now()
        async with self._database.connection() as connection:
            ref = (store_id, customer_key)
            kept = (await repository.find_aliases(connection, [ref])).get(ref, customer_key)
            customer = (await repository.find_customers(connection, [(store_id, kept)])).get((store_id, kept))
            model = await repository.get_model(connection, store_id)
            if as_of is not None and customer is not None:
                counted = await repository.recount(connection, {(store_id, kept): customer.currency}, as_of)
                customer = counted[store_id, kept]
                version = await model_repository.version_at(connection, store_id, as_of)
                model = replace(model, model_version=version)
            speakers = await self._speakers(connection, {store_id: model})
        if customer is None or not customer.order_count:
            raise CustomerUnknown
        return kept, customer, valuations(self._prior, [customer], [speakers[store_id]], at)[0], at

    async def list_risks(
        self,
        *,
        store_id: int,
        threshold: float,
        min_orders: int,
        last_order_after: dt.datetime | None,
        limit: int,
        after_key: str,
    ) -> tuple[list[AtRisk], str]:
        """Customers whose risk is at or over the threshold now, by key; and the key to go on from, empty at the end.

        Bounded: looks at 20,000 customers at most, so a page may be short though more follow.
        """
        found: list[AtRisk] = []
        now = self._clock.now()
        async with self._database.connection() as connection:
            model = await repository.get_model(connection, store_id)
            speaker = (await self._speakers(connection, {store_id: model}))[store_id]
            for _ in range(_SCAN_ROUNDS):
                rows = await repository.page_customers(
                    connection,
                    store_id=store_id,
                    after_key=after_key,
                    min_orders=max(min_orders, 1),
                    last_order_after=last_order_after,
                    limit=_SCAN_ROWS,
                )
                found += self._at_risk(rows, speaker, threshold, now)
                if len(found) >= limit:
                    more = len(found) > limit or len(rows) == _SCAN_ROWS
                    return found[:limit], found[limit - 1].customer_key if more else ""
                if len(rows) < _SCAN_ROWS:
                    return found, ""
                after_key = rows[-1][0]
        return found, after_key

    async def count_effects(self, store_id: int) -> dict[str, int]:
        """Effects per method."""
        return await self._once.count(store_id)

    def _at_risk(
        self, rows: Sequence[tuple[str, Customer]], speaker: Speaker, threshold: float, now: dt.datetime
    ) -> list[AtRisk]:
        customers = [customer for _, customer in rows]
        valued = valuations(self._prior, customers, [speaker] * len(customers), now)
        return [
            AtRisk(key, customer, valuation, max((now - customer.last_order_at).days, 0))
            for (key, customer), valuation in zip(rows, valued, strict=True)
            if valuation.churn_risk >= threshold and customer.last_order_at is not None
        ]

    async def _tell(self, connection: Connection, items: list[Order]) -> tuple[list[OrderTold], tuple[Append, Rows]]:
        """What is told about each item, and the rows of new orders, still to be written."""
        stores = await repository.lock_stores(connection, [item.store_id for item in items])
        if any(merges for _, merges in stores.values()):
            items = await _resolved(connection, items)
        known, customers = await repository.find_known(connection, items)
        folded = fold(items, known, customers)
        new = await repository.write_orders(connection, folded.orders, known)
        if folded.recount:  # It counts what stands in the table.
            await append_rows(connection, [new])
            new = (new[0], [])
        recounted = await _recounted(connection, folded, customers)
        await repository.write_customers(connection, {**folded.customers, **recounted})
        speakers = await self._speakers(connection, {store: model for store, (model, _) in stores.items()})
        return self._answers(items, folded, recounted, speakers), new

    async def _speakers(self, connection: Connection, stores: dict[int, StoreModel]) -> dict[int, Speaker]:
        """What speaks for each store."""
        wanted = [(store_id, model.model_version) for store_id, model in stores.items() if model.model_version]
        fitted = await self._models.of(connection, wanted) if wanted else {}
        return {store_id: (model, fitted.get(store_id)) for store_id, model in stores.items()}

    def _answers(
        self,
        items: Sequence[Order],
        folded: Fold,
        recounted: dict[CustomerRef, Customer],
        speakers: dict[int, Speaker],
    ) -> list[OrderTold]:
        after: list[tuple[bool, Customer | None]] = []
        for item, (applied, snapshot) in zip(items, folded.snapshots, strict=True):
            after.append((applied, recounted.get((item.store_id, item.customer_key), snapshot)))
        valued = [(item, customer) for item, (_, customer) in zip(items, after, strict=True) if customer is not None]
        told = iter(
            valuations(
                self._prior,
                [customer for _, customer in valued],
                [speakers[item.store_id] for item, _ in valued],
                self._clock.now(),
            )
        )
        return [
            OrderTold(item, customer, next(told) if customer is not None else None, applied)
            for item, (applied, customer) in zip(items, after, strict=True)
        ]

    async def _merge(self, connection: Connection, merge: Merge) -> tuple[str, int]:
        store_id = merge.store_id
        await repository.lock_stores(connection, [store_id])
        refs = [(store_id, merge.kept_key), (store_id, merge.merged_key)]
        aliases = await repository.find_aliases(connection, refs)
        kept, merged = (aliases.get(ref, ref[1]) for ref in refs)
        if kept == merged:
            return kept, 0
        customers = await repository.find_customers(connection, [(store_id, kept), (store_id, merged)])
        moved = await repository.move_orders(connection, store_id, merged, kept)
        if customers:
            currency = (customers.get((store_id, kept)) or customers[store_id, merged]).currency
            recounted = await repository.recount(connection, {(store_id, kept): currency})
            await repository.write_customers(connection, recounted)
        return kept, moved


async def _resolved(connection: Connection, items: list[Order]) -> list[Order]:
    aliases = await repository.find_aliases(connection, {(item.store_id, item.customer_key) for item in items})
    return [
        item._replace(customer_key=aliases.get((item.store_id, item.customer_key), item.customer_key)) for item in items
    ]


async def _recounted(
    connection: Connection, folded: Fold, customers: dict[CustomerRef, Customer]
) -> dict[CustomerRef, Customer]:
    if not folded.recount:
        return {}
    known = {ref: folded.customers.get(ref) or customers.get(ref) for ref in folded.recount}
    missing = [ref for ref, customer in known.items() if customer is None]
    if missing:
        stored = await repository.find_customers(connection, sorted(missing))
        known |= stored
    told = {(order.store_id, order.customer_key): order.currency for order in folded.orders.values()}
    currencies = {
        ref: customer.currency if customer is not None else told.get(ref, "XXX") for ref, customer in known.items()
    }
    return await repository.recount(connection, currencies)

"""Use cases about a shop's promotions: the merchant registers them, the seasonal forecast takes them into account."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

from kiki.council.syncvalue.domain import PromotionRemoval, PromotionsPut, RegisteredPromotion
from kiki.council.syncvalue.errors import BadRequest, PromotionUnknown
from kiki.council.syncvalue.repository import promotions as repository
from kiki.council.syncvalue.repository.histories import lock_stores
from kiki.council.syncvalue.seasonal.outlook import Promotion
from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Database
from kiki.kit.receipts import Once, OnceItem, Outcome

MOST = 500
"""Promotions of a store."""


class ShopPromotions:
    """What merchants registered; each mutation owns its transaction and goes through receipts."""

    def __init__(self, *, database: Database, once: Once, clock: Clock, changed: Callable[[], None]) -> None:
        self._database = database
        self._once = once
        self._clock = clock
        self._changed = changed

    async def put(
        self, item: OnceItem[PromotionsPut], answer: Callable[[Sequence[RegisteredPromotion]], bytes]
    ) -> Outcome:
        """Registers promotions, and renames those on the same days; `changed` is called after the commit."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[PromotionsPut]]) -> list[Outcome]:
            return [answer(await self._put(connection, fresh[0].command))]

        outcome = (await self._once.run("PutPromotions", [item], work))[0]
        self._changed()
        return outcome

    async def remove(self, item: OnceItem[PromotionRemoval], answer: Callable[[RegisteredPromotion], bytes]) -> Outcome:
        """Takes a promotion back."""

        async def work(connection: Connection, fresh: Sequence[OnceItem[PromotionRemoval]]) -> list[Outcome]:
            store_id, promotion_id = fresh[0].command.store_id, fresh[0].command.promotion_id
            await lock_stores(connection, [store_id])
            removed = await repository.remove_promotion(connection, store_id, promotion_id)
            if removed is None:
                return [PromotionUnknown(store_id, promotion_id)]
            await repository.set_revision(connection, store_id, await repository.revision_of(connection, store_id) + 1)
            return [answer(removed)]

        outcome = (await self._once.run("RemovePromotion", [item], work))[0]
        self._changed()
        return outcome

    async def list_all(self, store_id: int) -> list[RegisteredPromotion]:
        """All of a store's, the earliest first."""
        async with self._database.connection() as connection:
            return await repository.list_promotions(connection, store_id)

    async def _put(self, connection: Connection, put: PromotionsPut) -> list[RegisteredPromotion]:
        await lock_stores(connection, [put.store_id])
        known = await repository.list_promotions(connection, put.store_id)
        revision = await repository.revision_of(connection, put.store_id)
        merged, told, last = merge(known, put.promotions, revision, self._clock.now())
        if len(merged) > MOST:
            raise BadRequest(
                f"a store has at most {MOST} promotions, these would make {len(merged)}", reason="TOO_MANY_PROMOTIONS"
            )
        if last > revision:
            await repository.write_promotions(connection, put.store_id, told)
            await repository.set_revision(connection, put.store_id, last)
        return [merged[own.first, own.last] for own in put.promotions]


Days = tuple[dt.date, dt.date]


def merge(
    known: Sequence[RegisteredPromotion], told: Sequence[Promotion], revision: int, now: dt.datetime
) -> tuple[dict[Days, RegisteredPromotion], list[RegisteredPromotion], int]:
    """All promotions by their days, those that are new or renamed, and the revision after that.

    A new one gets the next revision as its number; the last name told of the same days holds.
    """
    merged = {(own.promotion.first, own.promotion.last): own for own in known}
    changed: dict[Days, RegisteredPromotion] = {}
    for promotion in told:
        days = (promotion.first, promotion.last)
        before = merged.get(days)
        if before is not None and before.promotion == promotion:
            continue
        revision += 1
        if before is None:
            after = RegisteredPromotion(revision, promotion, now)
        else:
            after = RegisteredPromotion(before.promotion_id, promotion, before.registered_at)
        merged[days] = changed[days] = after
    return merged, list(changed.values()), revision

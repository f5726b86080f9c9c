"""Which products go with a purchase: co-purchase counts, filled up with bestsellers. Reads are cached for a minute."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from kiki.council.syncengage.domain import Recommended
from kiki.council.syncengage.repository.products import ProductRepository
from kiki.kit.clock import monotonic
from kiki.kit.database import Connection

WANTED = 3
_COMPANIONS = 8
_BESTSELLERS = 8
_MAX_AGE_SECONDS = 60.0
_MAX_ENTRIES = 50_000

Companions = Sequence[tuple[str, str, int]]
Bestsellers = Sequence[tuple[str, str]]


def recommend(
    purchased: Sequence[str], companions: Iterable[Companions], bestsellers: Bestsellers
) -> tuple[Recommended, ...]:
    """The products most often bought with the purchased ones, never one of them; bestsellers fill up."""
    counts: dict[str, int] = {}
    titles: dict[str, str] = {}
    own = set(purchased)
    for entries in companions:
        for product_id, title, orders in entries:
            if product_id not in own and title:
                counts[product_id] = counts.get(product_id, 0) + orders
                titles[product_id] = title
    best = sorted([(-orders, product_id) for product_id, orders in counts.items()])[:WANTED]
    chosen = [Recommended(key, titles[key], -orders) for orders, key in best]
    for product_id, title in bestsellers:
        if len(chosen) >= WANTED:
            break
        if product_id not in own and product_id not in counts and title:
            chosen.append(Recommended(product_id, title, 0))
    return tuple(chosen)


class Recommender:
    """Counts per product and bestsellers per store, kept for a minute and bounded."""

    def __init__(self, products: ProductRepository) -> None:
        self._products = products
        self._companions: dict[tuple[int, str], Companions] = {}
        self._bestsellers: dict[int, Bestsellers] = {}
        self._answers: dict[tuple[int, tuple[str, ...]], tuple[Recommended, ...]] = {}
        self._since = monotonic()

    async def for_purchases(
        self, connection: Connection, purchases: Sequence[tuple[int, tuple[str, ...]]]
    ) -> list[tuple[Recommended, ...]]:
        """Recommendations for each (store, purchased products)."""
        self._age()
        new = {purchase for purchase in purchases if purchase not in self._answers}
        if new:
            await self._load(connection, new)
        return [self._answers[purchase] for purchase in purchases]

    def forget(self, store_id: int) -> None:
        """Look again: what can be bought changed."""
        self._bestsellers.pop(store_id, None)
        for key in [key for key in self._companions if key[0] == store_id]:
            del self._companions[key]
        for purchase in [purchase for purchase in self._answers if purchase[0] == store_id]:
            del self._answers[purchase]

    async def _load(self, connection: Connection, purchases: Collection[tuple[int, tuple[str, ...]]]) -> None:
        wanted = {(store_id, key) for store_id, purchased in purchases for key in purchased}
        missing = sorted(wanted - self._companions.keys())
        if missing:
            self._companions.update(await self._products.companions(connection, missing, _COMPANIONS))
        stores = sorted({store_id for store_id, _ in purchases} - self._bestsellers.keys())
        if stores:
            self._bestsellers.update(await self._products.bestsellers(connection, stores, _BESTSELLERS))
        for store_id, purchased in purchases:
            companions = [self._companions[store_id, key] for key in purchased]
            self._answers[store_id, purchased] = recommend(purchased, companions, self._bestsellers[store_id])

    def _age(self) -> None:
        kept = len(self._companions) + len(self._answers)
        if monotonic() - self._since > _MAX_AGE_SECONDS or kept > _MAX_ENTRIES:
            self._answers.clear()
            self._companions.clear()
            self._bestsellers.clear()
            self._since = monotonic()

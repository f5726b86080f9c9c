"""Which products go with a purchase: co-purchase counts, filled up with bestsellers. Reads are cached for a minute."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

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


class _Kept:
    """What was read of one store; only ever added to. Who reads keeps its own reference over a wait: what is forgotten
    meanwhile is taken from whoever comes later, and what was read before is not kept for them."""

    __slots__ = ("answers", "bestsellers", "companions")

    def __init__(self) -> None:
        self.companions: dict[str, Companions] = {}
        self.bestsellers: Bestsellers | None = None
        self.answers: dict[tuple[str, ...], tuple[Recommended, ...]] = {}


class Recommender:
    """Counts per product and bestsellers per store, kept for a minute and bounded. Many may ask at a time."""

    def __init__(self, products: ProductRepository) -> None:
        self._products = products
        self._stores: dict[int, _Kept] = {}
        self._entries = 0
        self._since = monotonic()

    async def for_purchases(
        self, connection: Connection, purchases: Sequence[tuple[int, tuple[str, ...]]]
    ) -> list[tuple[Recommended, ...]]:
        """Recommendations for each (store, purchased products)."""
        self._age()
        kept = {store_id: self._stores.setdefault(store_id, _Kept()) for store_id in {each[0] for each in purchases}}
        new = {(store_id, purchased) for store_id, purchased in purchases if purchased not in kept[store_id].answers}
        if new:
            await self._load(connection, new, kept)
        return [kept[store_id].answers[purchased] for store_id, purchased in purchases]

    def forget(self, store_id: int) -> None:
        """Look again: what can be bought changed."""
        self._stores.pop(store_id, None)

    async def _load(
        self, connection: Connection, purchases: Collection[tuple[int, tuple[str, ...]]], kept: Mapping[int, _Kept]
    ) -> None:
        wanted = {(store_id, key) for store_id, purchased in purchases for key in purchased}
        missing = sorted((store_id, key) for store_id, key in wanted if key not in kept[store_id].companions)
        if missing:
            for (store_id, key), found in (await self._products.companions(connection, missing, _COMPANIONS)).items():
                kept[store_id].companions[key] = found
        stores = sorted(store_id for store_id in {each[0] for each in purchases} if kept[store_id].bestsellers is None)
        if stores:
            for store_id, best in (await self._products.bestsellers(connection, stores, _BESTSELLERS)).items():
                kept[store_id].bestsellers = best
        for store_id, purchased in purchases:
            store = kept[store_id]
            companions = [store.companions[key] for key in purchased]
            store.answers[purchased] = recommend(purchased, companions, store.bestsellers or ())
        self._entries += len(missing) + len(purchases)

    def _age(self) -> None:
        if monotonic() - self._since > _MAX_AGE_SECONDS or self._entries > _MAX_ENTRIES:
            self._stores = {}
            self._entries = 0
            self._since = monotonic()

"""Which products go with a purchase: co-purchase counts, filled up with bestsellers. Reads are cached for a minute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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
    best = sorted(counts, key=lambda key: (-counts[key], key))[:WANTED]
    chosen = [Recommended(key, titles[key], counts[key]) for key in best]
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
        self._since = monotonic()

    async def for_purchases(
        self, connection: Connection, purchases: Sequence[tuple[int, Sequence[str]]]
    ) -> list[tuple[Recommended, ...]]:
        """Recommendations for each (store, purchased products)."""
        self._age()
        wanted = {(store_id, key) for store_id, purchased in purchases for key in purchased}
        missing = sorted(wanted - self._companions.keys())
        if missing:
            self._companions.update(await self._products.companions(connection, missing, _COMPANIONS))
        stores = sorted({store_id for store_id, _ in purchases} - self._bestsellers.keys())
        if stores:
            self._bestsellers.update(await self._products.bestsellers(connection, stores, _BESTSELLERS))
        return [_answer(store_id, keys, self._companions, self._bestsellers) for store_id, keys in purchases]

    def _age(self) -> None:
        if monotonic() - self._since > _MAX_AGE_SECONDS or len(self._companions) > _MAX_ENTRIES:
            self._companions.clear()
            self._bestsellers.clear()
            self._since = monotonic()


def _answer(
    store_id: int,
    purchased: Sequence[str],
    companions: Mapping[tuple[int, str], Companions],
    bestsellers: Mapping[int, Bestsellers],
) -> tuple[Recommended, ...]:
    return recommend(purchased, [companions[store_id, key] for key in purchased], bestsellers[store_id])

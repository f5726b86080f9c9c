"""What was bought together, per store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from kiki.kit.bulk import Append, Rows
from kiki.kit.database import Connection

_MAX_BASKET = 12
_SEPARATOR = "\x1f"
_NEW_BASKETS = Append(
    "syncengage",
    "baskets",
    {"store_id": "bigint", "basket_id": "bigint", "product_ids": "text", "titles": "text"},
)


class Basket(msgspec.Struct, frozen=True, gc=False):
    """Distinct products of one order."""

    store_id: int
    product_ids: tuple[str, ...]
    titles: tuple[str, ...]


class ProductRepository:
    """Baskets are appended on the hot path and counted afterwards, many at once."""

    def basket_rows(self, baskets: Sequence[Basket], ids: Sequence[int]) -> tuple[Append, Rows]:
        """What was bought, to be appended."""
        rows = [
            (basket.store_id, key, _SEPARATOR.join(basket.product_ids), _SEPARATOR.join(basket.titles))
            for basket, key in zip(baskets, ids, strict=True)
        ]
        return _NEW_BASKETS, rows

    async def count_baskets(self, connection: Connection, limit: int) -> int:
        """Take up to `limit` baskets into the counts; how many were taken."""
        rows = await connection.fetch(
            "DELETE FROM syncengage.baskets WHERE ctid = ANY(ARRAY(SELECT ctid FROM syncengage.baskets"
            " ORDER BY store_id, basket_id LIMIT $1 FOR UPDATE SKIP LOCKED))"
            " RETURNING store_id, product_ids, titles",
            limit,
        )
        titles: dict[tuple[int, str], str] = {}
        sold: Counter[tuple[int, str]] = Counter()
        together: Counter[tuple[int, str, str]] = Counter()
        for store_id, joined_ids, joined_titles in rows:
            product_ids, names = joined_ids.split(_SEPARATOR), joined_titles.split(_SEPARATOR)
            titles.update({(store_id, key): name for key, name in zip(product_ids, names, strict=False)})
            sold.update((store_id, key) for key in product_ids)
            together.update((store_id, one, other) for one, other in _pairs(product_ids[:_MAX_BASKET]))
        if rows:
            await self._add_sold(connection, sold, titles)
            await self._add_together(connection, together)
        return len(rows)

    async def companions(
        self, connection: Connection, keys: Sequence[tuple[int, str]], limit: int
    ) -> dict[tuple[int, str], list[tuple[str, str, int]]]:
        """For each product the others most often bought with it: (product, title, orders)."""
        found: dict[tuple[int, str], list[tuple[str, str, int]]] = {key: [] for key in keys}
        rows = await connection.fetch(
            "SELECT k.s, k.p, c.other_product_id, p.title, c.orders FROM unnest($1::bigint[], $2::text[]) AS k(s, p)"
            " CROSS JOIN LATERAL (SELECT other_product_id, orders FROM syncengage.co_purchases"
            "  WHERE store_id = k.s AND product_id = k.p ORDER BY orders DESC, other_product_id LIMIT $3) AS c"
            " JOIN syncengage.products p ON p.store_id = k.s AND p.product_id = c.other_product_id"
            " ORDER BY k.s, k.p, c.orders DESC, c.other_product_id",
            [key[0] for key in keys],
            [key[1] for key in keys],
            limit,
        )
        for store_id, product_id, other, title, orders in rows:
            found[store_id, product_id].append((other, title, orders))
        return found

    async def bestsellers(
        self, connection: Connection, store_ids: Sequence[int], limit: int
    ) -> dict[int, list[tuple[str, str]]]:
        """The products sold in most orders, per store: (product, title)."""
        found: dict[int, list[tuple[str, str]]] = {key: [] for key in store_ids}
        rows = await connection.fetch(
            "SELECT k.s, p.product_id, p.title FROM unnest($1::bigint[]) AS k(s) CROSS JOIN LATERAL"
            " (SELECT product_id, title, orders FROM syncengage.products WHERE store_id = k.s ORDER BY orders DESC"
            " LIMIT $2)"
            " AS p ORDER BY k.s, p.orders DESC, p.product_id",
            list(store_ids),
            limit,
        )
        for store_id, product_id, title in rows:
            found[store_id].append((product_id, title))
        return found

    async def _add_sold(
        self, connection: Connection, sold: Counter[tuple[int, str]], titles: dict[tuple[int, str], str]
    ) -> None:
        ordered = sorted(sold.items())
        await connection.execute(
            "INSERT INTO syncengage.products AS p (store_id, product_id, title, orders)"
            " SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])"
            " ON CONFLICT (store_id, product_id) DO UPDATE SET orders = p.orders + excluded.orders, title ="
            " excluded.title",
            [key[0] for key, _ in ordered],
            [key[1] for key, _ in ordered],
            [titles.get(key, "") for key, _ in ordered],
            [count for _, count in ordered],
        )

    async def _add_together(self, connection: Connection, together: Counter[tuple[int, str, str]]) -> None:
        if not together:
            return
        ordered = sorted(together.items())
        await connection.execute(
            "INSERT INTO syncengage.co_purchases AS c (store_id, product_id, other_product_id, orders)"
            " SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])"
            " ON CONFLICT (store_id, product_id, other_product_id) DO UPDATE SET orders = c.orders + excluded.orders",
            [key[0] for key, _ in ordered],
            [key[1] for key, _ in ordered],
            [key[2] for key, _ in ordered],
            [count for _, count in ordered],
        )


def _pairs(product_ids: Sequence[str]) -> Iterable[tuple[str, str]]:
    return ((one, other) for one in product_ids for other in product_ids if one != other)

"""What was bought together, per store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from kiki.council.syncengage.domain import Availability
from kiki.kit.bulk import Append, Rows
from kiki.kit.database import Connection

_MAX_BASKET = 12
_SEPARATOR = "\x1f"
_NEW_BASKETS = Append(
    "syncengage",
    "baskets",
    {"store_id": "bigint", "basket_id": "bigint", "product_ids": "text", "titles": "text"},
)


_SELLABLE = (
    "NOT EXISTS (SELECT FROM syncengage.availability a WHERE a.store_id = k.s AND a.product_id = {product}"
    " AND NOT a.sellable)"
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
        """For each product the others most often bought with it that can be bought: (product, title, orders)."""
        found: dict[tuple[int, str], list[tuple[str, str, int]]] = {key: [] for key in keys}
        rows = await connection.fetch(
            "SELECT k.s, k.p, c.other_product_id, p.title, c.orders FROM unnest($1::bigint[], $2::text[]) AS k(s, p)"
            " CROSS JOIN LATERAL (SELECT other_product_id, orders FROM syncengage.co_purchases"
            "  WHERE store_id = k.s AND product_id = k.p"
            f"  AND {_SELLABLE.format(product='other_product_id')}"
            "  ORDER BY orders DESC, other_product_id LIMIT $3) AS c"
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
        """The products sold in most orders that can be bought, per store: (product, title)."""
        found: dict[int, list[tuple[str, str]]] = {key: [] for key in store_ids}
        rows = await connection.fetch(
            "SELECT k.s, p.product_id, p.title FROM unnest($1::bigint[]) AS k(s) CROSS JOIN LATERAL"
            " (SELECT o.product_id, o.title, o.orders FROM syncengage.products o WHERE o.store_id = k.s"
            f" AND {_SELLABLE.format(product='o.product_id')} ORDER BY o.orders DESC LIMIT $2)"
            " AS p ORDER BY k.s, p.orders DESC, p.product_id",
            list(store_ids),
            limit,
        )
        for store_id, product_id, title in rows:
            found[store_id].append((product_id, title))
        return found

    async def put_availability(self, connection: Connection, store_id: int, told: Sequence[Availability]) -> int:
        """Take over what is newer than what is known; of how many products."""
        ordered = sorted(told, key=lambda item: item.product_id)
        rows = await connection.fetch(
            "INSERT INTO syncengage.availability AS a (store_id, product_id, sellable, decision_seq)"
            " SELECT $1, p, s, n FROM unnest($2::text[], $3::boolean[], $4::bigint[]) AS u(p, s, n)"
            " ON CONFLICT (store_id, product_id) DO UPDATE SET sellable = excluded.sellable, decision_seq ="
            " excluded.decision_seq WHERE a.decision_seq < excluded.decision_seq RETURNING 1",
            store_id,
            [item.product_id for item in ordered],
            [item.sellable for item in ordered],
            [item.decision_seq for item in ordered],
        )
        return len(rows)

    async def unsellable(self, connection: Connection, store_id: int, product_ids: Sequence[str]) -> set[str]:
        """Which of these products cannot be bought."""
        rows = await connection.fetch(
            "SELECT product_id FROM syncengage.availability WHERE store_id = $1 AND product_id = ANY($2::text[])"
            " AND NOT sellable",
            store_id,
            list(product_ids),
        )
        return {row[0] for row in rows}

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

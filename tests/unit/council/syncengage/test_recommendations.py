"""What is recommended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from kiki.council.syncengage.recommendations import Recommender, recommend
from kiki.council.syncengage.repository.products import ProductRepository
from kiki.kit.database import Connection

CONNECTION = cast("Connection", None)
Rows = TypeVar("Rows")


class Products:
    """Counts that are read slowly: something happens between the reading of a table and its answer."""

    def __init__(self) -> None:
        self.title = "X"
        self.meanwhile: Callable[[], None] = lambda: None

    async def companions(
        self, _connection: Connection, wanted: Sequence[tuple[int, str]], _limit: int
    ) -> dict[tuple[int, str], list[tuple[str, str, int]]]:
        return await self._read({key: [("x", self.title, 2)] for key in wanted})

    async def bestsellers(
        self, _connection: Connection, stores: Sequence[int], _limit: int
    ) -> dict[int, list[tuple[str, str]]]:
        return await self._read({store_id: [("z", "Z")] for store_id in stores})

    async def _read(self, rows: Rows) -> Rows:
        await asyncio.sleep(0)
        self.meanwhile()
        return rows


def recommender(products: Products) -> Recommender:
    return Recommender(cast("ProductRepository", products))


def test_counts_add_up_over_what_was_purchased_and_own_products_are_left_out() -> None:
    companions = [[("b", "B", 3), ("x", "X", 2)], [("a", "A", 9), ("x", "X", 2)]]
    chosen = recommend(["a", "b"], companions, [("b", "B"), ("z", "Z")])
    assert [(item.product_id, item.bought_together) for item in chosen] == [("x", 4), ("z", 0)]


def test_nothing_known_gives_nothing() -> None:
    assert recommend(["a"], [[]], []) == ()


async def test_what_is_forgotten_while_others_are_read_is_no_failure() -> None:
    products = Products()
    ours = recommender(products)
    await ours.for_purchases(CONNECTION, [(1, ("a",)), (2, ("b",))])
    products.meanwhile = lambda: ours.forget(1)
    answers = await ours.for_purchases(CONNECTION, [(1, ("a",)), (1, ("a", "c")), (2, ("b", "c"))])
    assert [[item.product_id for item in answer] for answer in answers] == [["x", "z"]] * 3


async def test_what_was_read_before_it_was_forgotten_is_not_kept() -> None:
    products = Products()
    ours = recommender(products)
    products.meanwhile = lambda: ours.forget(1)
    await ours.for_purchases(CONNECTION, [(1, ("a",))])
    products.meanwhile, products.title = lambda: None, "Y"
    [[first, _]] = await ours.for_purchases(CONNECTION, [(1, ("a",))])
    assert first.title == "Y"

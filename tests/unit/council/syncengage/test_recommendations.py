"""What is recommended."""

from __future__ import annotations

from kiki.council.syncengage.recommendations import recommend


def test_counts_add_up_over_what_was_purchased_and_own_products_are_left_out() -> None:
    companions = [[("b", "B", 3), ("x", "X", 2)], [("a", "A", 9), ("x", "X", 2)]]
    chosen = recommend(["a", "b"], companions, [("b", "B"), ("z", "Z")])
    assert [(item.product_id, item.bought_together) for item in chosen] == [("x", 4), ("z", 0)]


def test_nothing_known_gives_nothing() -> None:
    assert recommend(["a"], [[]], []) == ()

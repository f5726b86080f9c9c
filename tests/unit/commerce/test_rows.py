"""Rows in memory have the fields of their tables, in order; statements name every column."""

from __future__ import annotations

import pytest
from sqlalchemy import Table

from kiki.commerce import campaigns, catalogue, orders, people, tables
from kiki.commerce.rows import shape_of


@pytest.mark.parametrize(
    ("row", "table"),
    [
        (orders.OrderRow, tables.orders),
        (orders.RefundRow, tables.order_refunds),
        (orders.ItemRow, tables.order_items),
        (people.CustomerRow, tables.customers),
        (catalogue.ProductText, tables.products),
        (catalogue.ProductState, tables.product_states),
        (catalogue.VariantRow, tables.variants),
        (catalogue.InventoryItemRow, tables.inventory_items),
        (catalogue.LevelRow, tables.inventory_levels),
        (catalogue.HoldRow, tables.holds),
        (campaigns.CampaignRow, tables.campaigns),
        (campaigns.PromotionRow, tables.campaign_products),
        (campaigns.TouchpointRow, tables.touchpoints),
        (campaigns.ReviewRow, tables.reviews),
    ],
    ids=lambda each: getattr(each, "name", getattr(each, "__name__", "")),
)
def test_a_row_has_the_columns_of_its_table_in_order(row: type, table: Table) -> None:
    assert list(row.__slots__) == [column.name for column in table.columns]  # type: ignore[attr-defined]


def test_a_shape_leads_with_the_key_and_leaves_out_what_the_database_fills() -> None:
    shape = shape_of(tables.inventory_events)
    assert shape.key == (("store_id", "bigint"),)
    assert "inventory_event_id" not in shape.insert_sql
    assert shape_of(tables.products).insert_sql.count("::jsonb") == 1


class Statements:
    """A connection that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, tuple[object, ...]]] = []

    async def execute(self, sql: str, *values: object) -> None:
        self.told.append((sql, values))


async def test_only_columns_that_differ_are_written_and_only_for_rows_that_differ() -> None:
    shape, connection = shape_of(tables.identities), Statements()
    before = {(1, 1, b"a"): (1, 1, b"a", "x"), (1, 1, b"b"): (1, 1, b"b", "x")}
    await shape.change(connection, [(1, 1, b"a", "x"), (1, 1, b"b", "y")], before)
    ((sql, values),) = connection.told
    assert sql.startswith("UPDATE commerce.identities t SET customer_key = new.customer_key FROM unnest(")
    assert values == ([1], [1], [b"b"], ["y"])


async def test_rows_that_stayed_the_same_are_not_written() -> None:
    shape, connection = shape_of(tables.identities), Statements()
    await shape.change(connection, [(1, 1, b"a", "x")], {(1, 1, b"a"): (1, 1, b"a", "x")})
    assert connection.told == []

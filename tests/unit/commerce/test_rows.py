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

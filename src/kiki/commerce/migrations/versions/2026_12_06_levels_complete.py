"""Inventory items know whether the levels of all their locations were told.

Until a product's total or a sync says so again, known levels count as some of them: the product's total speaks.
"""

from __future__ import annotations

from alembic import op

revision = "2026_12_06_levels_complete"
down_revision = "2026_12_05_undated_products"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE commerce.inventory_items ADD COLUMN levels_complete boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE commerce.inventory_items DROP COLUMN levels_complete")

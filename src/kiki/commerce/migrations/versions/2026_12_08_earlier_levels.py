"""Stock levels keep what their location told before, as long as that may explain the product's total.

Until now an item was marked when its levels once added up to the total; a mark stays true.
"""

from __future__ import annotations

from alembic import op

revision = "2026_12_08_earlier_levels"
down_revision = "2026_12_06_levels_complete"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE commerce.inventory_levels ADD COLUMN earlier jsonb NOT NULL DEFAULT '[]'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE commerce.inventory_levels DROP COLUMN earlier")

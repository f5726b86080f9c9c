"""Products and variants of which nothing was told yet are of 1970, no longer of minus infinity.

Minus infinity is read as a time without a zone, which compares with no other: what was told of them later failed.
"""

from __future__ import annotations

from alembic import op

revision = "2026_12_05_undated_products"
down_revision = "2026_12_04_rates_by_hand"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("product_states", "variants"):
        op.execute(f"UPDATE commerce.{table} SET updated_at = '1970-01-01 00:00:00+00' WHERE updated_at = '-infinity'")


def downgrade() -> None:
    """The older code reads either."""

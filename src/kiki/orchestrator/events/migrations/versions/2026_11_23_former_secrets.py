"""A signing secret that was rotated goes on beside the new one for a while."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_former_secrets"
down_revision = "2026_11_23_initial"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "subscriptions",
        sa.Column("previous_secret", sa.LargeBinary(), comment="The secret before the last rotation, sealed"),
        schema="events",
    )
    op.add_column(
        "subscriptions",
        sa.Column("previous_until", sa.DateTime(timezone=True), comment="Until when it signs as well"),
        schema="events",
    )


def downgrade() -> None:
    op.drop_column("subscriptions", "previous_until", schema="events")
    op.drop_column("subscriptions", "previous_secret", schema="events")

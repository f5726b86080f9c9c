"""Which master keys the database was sealed under. The first start afterwards fills it in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_12_07_master_keys"
down_revision = "2026_12_06_guarded_heads"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "master_keys",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        schema="syncshield",
        comment="Which master keys this database was sealed under: told apart, never the keys themselves.",
    )


def downgrade() -> None:
    op.drop_table("master_keys", schema="syncshield")

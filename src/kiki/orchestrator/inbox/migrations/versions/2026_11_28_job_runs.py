"""When each periodic job last did its work, and until when retention is held back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_28_job_runs"
down_revision = "2026_11_24_headers_as_text"
branch_labels = None
depends_on = None

SCHEMA = "inbox"


def upgrade() -> None:
    op.create_table(
        "job_runs",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("every_seconds", sa.Double(), nullable=False),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), comment="By the database's clock"),
        sa.Column("failed_at", sa.DateTime(timezone=True), comment="By the database's clock"),
        sa.Column("problem", sa.Text(), nullable=False, comment="Why the last run failed; empty when it succeeded"),
        sa.Column("held_until", sa.DateTime(timezone=True), comment="Until when nothing is forgotten"),
        sa.PrimaryKeyConstraint("job"),
        schema=SCHEMA,
        comment="How each periodic job of the workers stands",
    )


def downgrade() -> None:
    op.drop_table("job_runs", schema=SCHEMA)

"""What came of a job, kept with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "2026_11_23_job_results"
down_revision = "2026_11_23_initial"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "jobs",
        sa.Column("result", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        schema="portal",
    )


def downgrade() -> None:
    op.drop_column("jobs", "result", schema="portal")

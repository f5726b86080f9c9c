"""Jobs and the credentials of shops' APIs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "2026_11_23_initial"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("job_id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("parameters", JSONB, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("total", sa.BigInteger, nullable=True),
        sa.Column("cursor", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("reason", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("message", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("owner", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("store_id", "job_id", name="jobs_pkey"),
        schema="portal",
    )
    op.create_index(
        "jobs_open",
        "jobs",
        ["job_id"],
        schema="portal",
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.create_table(
        "store_credentials",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("base_url", sa.Text, nullable=False),
        sa.Column("credentials_sealed", sa.LargeBinary, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.PrimaryKeyConstraint("store_id", name="store_credentials_pkey"),
        schema="portal",
    )


def downgrade() -> None:
    op.drop_table("store_credentials", schema="portal")
    op.drop_table("jobs", schema="portal")

"""Seasonal forecasts beside the baselines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION

revision = "2026_11_23_seasonal_forecasts"
down_revision = "2026_11_23_initial"
branch_labels = None
depends_on = None

SCHEMA = "syncvalue"


def upgrade() -> None:
    op.create_table(
        "forecasts",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("basis", sa.SmallInteger, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("first_month", sa.Date, nullable=False),
        sa.Column("interval_level", DOUBLE_PRECISION, nullable=False),
        sa.Column("expected_minor", ARRAY(sa.BigInteger), nullable=False),
        sa.Column("lower_minor", ARRAY(sa.BigInteger), nullable=False),
        sa.Column("upper_minor", ARRAY(sa.BigInteger), nullable=False),
        sa.Column("year_minor", ARRAY(sa.BigInteger)),
        sa.Column("trained_from", sa.DateTime(timezone=True)),
        sa.Column("trained_to", sa.DateTime(timezone=True)),
        sa.Column("history_months", sa.Integer, nullable=False),
        sa.Column("yearly_season", sa.Boolean, nullable=False),
        sa.Column("promotions", sa.Integer, nullable=False),
        sa.Column("origins", sa.Integer, nullable=False),
        sa.Column("error", DOUBLE_PRECISION),
        sa.Column("plain_error", DOUBLE_PRECISION),
        sa.Column("month_error", DOUBLE_PRECISION),
        sa.Column("plain_month_error", DOUBLE_PRECISION),
        sa.Column("interval_coverage", DOUBLE_PRECISION),
        sa.Column("seasonal_recommended", sa.Boolean, nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "revision", name="forecasts_pkey"),
        schema=SCHEMA,
        comment="Seasonal forecasts beside the baselines, an array entry per month from `first_month`; appended only.",
    )


def downgrade() -> None:
    op.drop_table("forecasts", schema=SCHEMA)

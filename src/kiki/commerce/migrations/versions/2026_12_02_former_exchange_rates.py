"""Exchange rates that another figure replaced stay, with who replaced them and when; the database sees to it.

What was replaced before this table was there is not known.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_12_02_former_exchange_rates"
down_revision = "2026_12_01_campaign_backdates"
branch_labels = None
depends_on = None

_KEEP = """
CREATE FUNCTION commerce.keep_former_exchange_rate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO commerce.former_exchange_rates
        (day, base, quote, rate, source, recorded_at, recorded_by, replaced_at, replaced_by)
    VALUES (
        OLD.day, OLD.base, OLD.quote, OLD.rate, OLD.source, OLD.recorded_at, OLD.recorded_by,
        CASE TG_OP WHEN 'UPDATE' THEN NEW.recorded_at ELSE now() END,
        CASE TG_OP WHEN 'UPDATE' THEN NEW.recorded_by ELSE 'sql:' || session_user END
    );
    RETURN NULL;
END
$$
"""
_REFUSE = """
CREATE FUNCTION commerce.refuse_former_exchange_rate_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'exchange rates that were replaced are never changed or removed'
        USING ERRCODE = 'restrict_violation';
END
$$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "former_exchange_rates",
        sa.Column("change_id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("quote", sa.Text, nullable=False),
        sa.Column("rate", sa.Numeric, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text, nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("change_id", name="former_exchange_rates_pkey"),
        schema="commerce",
    )
    op.create_index(
        "former_exchange_rates_day", "former_exchange_rates", ["day", "base", "quote", "change_id"], schema="commerce"
    )
    op.execute(_KEEP)
    op.execute(_REFUSE)
    op.execute(
        "CREATE TRIGGER exchange_rates_kept AFTER UPDATE OR DELETE ON commerce.exchange_rates"
        " FOR EACH ROW EXECUTE FUNCTION commerce.keep_former_exchange_rate()"
    )
    op.execute(
        "CREATE TRIGGER former_exchange_rates_append_only BEFORE UPDATE OR DELETE OR TRUNCATE"
        " ON commerce.former_exchange_rates"
        " FOR EACH STATEMENT EXECUTE FUNCTION commerce.refuse_former_exchange_rate_change()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER exchange_rates_kept ON commerce.exchange_rates")
    op.execute("DROP FUNCTION commerce.keep_former_exchange_rate()")
    op.drop_table("former_exchange_rates", schema="commerce")
    op.execute("DROP FUNCTION commerce.refuse_former_exchange_rate_change()")

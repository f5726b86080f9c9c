"""The first tables of SyncLedger, and the triggers that keep its facts balanced and append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION

from kiki.kit.receipts import create_receipts_table

revision = "2026_11_23_initial"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "syncledger"
_APPEND_ONLY = ("contracts", "transactions", "postings", "statements", "statement_pages")
_TABLES = (
    "receipts",
    "statement_pages",
    "statements",
    "refunds",
    "orders",
    "balances",
    "postings",
    "transactions",
    "accounts",
    "contracts",
    "books",
)


def upgrade() -> None:
    _create_contract_tables()
    _create_entry_tables()
    _create_order_tables()
    _create_statement_tables()
    create_receipts_table(SCHEMA)
    op.execute(f"CREATE SEQUENCE {SCHEMA}.entry_blocks INCREMENT BY 1024")
    for table in ("orders", "balances"):
        op.execute(f"ALTER TABLE {SCHEMA}.{table} SET (fillfactor = 80)")
    op.execute(
        f"INSERT INTO {SCHEMA}.accounts VALUES (1, 'attributed_sales', 'debit'), (2, 'incremental_revenue', 'credit'),"
        " (3, 'accrued_fees', 'debit'), (4, 'fee_income', 'credit'), (5, 'billed_fees', 'debit')"
    )
    _forbid_changes()
    _check_balance()


def _forbid_changes() -> None:
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% of %.% is not allowed: facts are appended, corrections are new entries',
                TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.{table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse_change()"
        )


def _check_balance() -> None:
    """One set-based check per insert: a statement adds only what balances, so every entry always does."""
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.check_postings() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM added GROUP BY store_id, transaction_id, currency HAVING sum(amount_minor) <> 0
            ) THEN
                RAISE EXCEPTION 'postings do not sum to zero per entry and currency' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        f"CREATE TRIGGER balanced AFTER INSERT ON {SCHEMA}.postings REFERENCING NEW TABLE AS added"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.check_postings()"
    )


def _create_contract_tables() -> None:
    op.create_table(
        "books",
        sa.Column("store_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("closed_through", sa.Integer),
        schema=SCHEMA,
        comment="One row per store: the lock under which its books are written, and the last closed month.",
    )
    op.create_table(
        "contracts",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("fee_rate_ppm", sa.Integer, nullable=False),
        sa.Column("basis", sa.SmallInteger, nullable=False),
        sa.Column("rule", sa.SmallInteger, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("baseline_revenue_minor", sa.BigInteger),
        sa.Column("baseline_monthly_minor", sa.BigInteger),
        sa.Column("baseline_months", sa.Integer),
        sa.Column("effective_month", sa.Integer, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("store_id", "version", name="contracts_pkey"),
        sa.CheckConstraint("fee_rate_ppm BETWEEN 0 AND 1000000", name="contracts_fee_rate_check"),
        schema=SCHEMA,
        comment="Versions of each store's contract. Months are year · 12 + month − 1.",
    )
    op.create_table(
        "accounts",
        sa.Column("account", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("normal_side", sa.Text, nullable=False),
        schema=SCHEMA,
        comment="The accounts that every store's books have. Debits are positive.",
    )


def _create_entry_tables() -> None:
    op.create_table(
        "transactions",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("transaction_id", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("month", sa.Integer, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("refund_id", sa.Text, nullable=False),
        sa.Column("correction", sa.Boolean, nullable=False),
        sa.Column("about", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("revenue_minor", sa.BigInteger, nullable=False),
        sa.Column("fee_minor", sa.BigInteger, nullable=False),
        sa.Column("billed_minor", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("evidence", sa.LargeBinary),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("store_id", "transaction_id", name="transactions_pkey"),
        schema=SCHEMA,
        comment="Entries. The amounts say what the postings do; `verify` compares them.",
    )
    op.create_index("transactions_month", "transactions", ["store_id", "month", "transaction_id"], schema=SCHEMA)
    op.create_index(
        "transactions_order",
        "transactions",
        ["store_id", "order_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("order_id <> ''"),
    )
    op.create_table(
        "postings",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("transaction_id", sa.BigInteger, nullable=False),
        sa.Column("line", sa.SmallInteger, nullable=False),
        sa.Column("account", sa.SmallInteger, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "transaction_id", "line", name="postings_pkey"),
        sa.CheckConstraint("account BETWEEN 1 AND 5", name="postings_account_check"),
        sa.CheckConstraint("amount_minor <> 0", name="postings_amount_check"),
        schema=SCHEMA,
        comment="Sides of entries; each insert must balance per entry and currency.",
    )
    op.create_table(
        "balances",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("account", sa.SmallInteger, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("month", sa.Integer, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "account", "currency", "month", name="balances_pkey"),
        schema=SCHEMA,
        comment="What the postings of a month sum to; can be recomputed from them.",
    )


def _create_order_tables() -> None:
    op.create_table(
        "orders",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("decision_seq", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.SmallInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("charged_minor", sa.BigInteger, nullable=False),
        sa.Column("settlement_currency", sa.Text, nullable=False),
        sa.Column("booked_revenue", sa.BigInteger, nullable=False),
        sa.Column("booked_fee", sa.BigInteger, nullable=False),
        sa.Column("reversed_revenue", sa.BigInteger, nullable=False),
        sa.Column("reversed_fee", sa.BigInteger, nullable=False),
        sa.Column("refunded_minor", sa.BigInteger, nullable=False),
        sa.Column("cancelled", sa.Boolean, nullable=False),
        sa.Column("confidence", DOUBLE_PRECISION, nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True)),
        sa.Column("paid_month", sa.Integer, nullable=False),
        sa.Column("billing_month", sa.Integer, nullable=False),
        sa.Column("booking_id", sa.BigInteger, nullable=False),
        sa.Column("evidence", sa.LargeBinary),
        sa.PrimaryKeyConstraint("store_id", "order_id", name="orders_pkey"),
        sa.CheckConstraint("reversed_revenue BETWEEN 0 AND booked_revenue", name="orders_reversed_revenue_check"),
        sa.CheckConstraint("reversed_fee BETWEEN 0 AND booked_fee", name="orders_reversed_fee_check"),
        schema=SCHEMA,
        comment="Where each order stands: the latest decision, what it booked and what was reversed of that.",
    )
    op.create_index(
        "orders_paid_at",
        "orders",
        ["paid_at"],
        schema=SCHEMA,
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 32},
    )
    op.create_table(
        "refunds",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("refund_id", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("cancellation", sa.Boolean, nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "order_id", "refund_id", name="refunds_pkey"),
        sa.CheckConstraint("amount_minor >= 0", name="refunds_amount_check"),
        schema=SCHEMA,
        comment="Every refund and cancellation told, also those whose order is not (yet) booked.",
    )


def _create_statement_tables() -> None:
    op.create_table(
        "statements",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("month", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "month", name="statements_pkey"),
        schema=SCHEMA,
        comment="Statements of closed months, as frozen.",
    )
    op.create_table(
        "statement_pages",
        sa.Column("store_id", sa.BigInteger, nullable=False),
        sa.Column("month", sa.Integer, nullable=False),
        sa.Column("page", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "month", "page", name="statement_pages_pkey"),
        schema=SCHEMA,
        comment="Lines of closed months, as frozen.",
    )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table, schema=SCHEMA)
    op.execute(f"DROP SEQUENCE {SCHEMA}.entry_blocks")
    op.execute(f"DROP FUNCTION {SCHEMA}.check_postings(), {SCHEMA}.refuse_change()")

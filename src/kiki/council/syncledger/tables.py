"""Tables of the schema `syncledger`. Facts (contracts, entries, postings, statements) are append-only by trigger."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION

from kiki.kit.migrations import Owner
from kiki.kit.receipts import receipts_table

SCHEMA = "syncledger"
metadata = sa.MetaData(schema=SCHEMA)

books = sa.Table(
    "books",
    metadata,
    sa.Column("store_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("closed_through", sa.Integer),
    comment="One row per store: the lock under which its books are written, and the last closed month.",
)

contracts = sa.Table(
    "contracts",
    metadata,
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
    sa.Column("experiment_id", sa.Text, nullable=False, server_default=""),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.PrimaryKeyConstraint("store_id", "version", name="contracts_pkey"),
    sa.CheckConstraint("fee_rate_ppm BETWEEN 0 AND 1000000", name="contracts_fee_rate_check"),
    comment="Versions of each store's contract. Months are year · 12 + month − 1.",
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("account", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("normal_side", sa.Text, nullable=False),
    comment="The accounts that every store's books have. Debits are positive.",
)

transactions = sa.Table(
    "transactions",
    metadata,
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
    sa.Column("fee_rate_ppm", sa.Integer),
    sa.Column("counted_minor", sa.BigInteger),
    sa.Column("returned_minor", sa.BigInteger),
    sa.Column("about_month", sa.Integer),
    sa.PrimaryKeyConstraint("store_id", "transaction_id", name="transactions_pkey"),
    sa.Index("transactions_month", "store_id", "month", "transaction_id"),
    sa.Index("transactions_order", "store_id", "order_id", postgresql_where=sa.text("order_id <> ''")),
    comment="Entries. The amounts say what the postings do; `verify` compares them.",
)

postings = sa.Table(
    "postings",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("transaction_id", sa.BigInteger, nullable=False),
    sa.Column("line", sa.SmallInteger, nullable=False),
    sa.Column("account", sa.SmallInteger, nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "transaction_id", "line", name="postings_pkey"),
    sa.CheckConstraint("account BETWEEN 1 AND 5", name="postings_account_check"),
    sa.CheckConstraint("amount_minor <> 0", name="postings_amount_check"),
    comment="Sides of entries; each insert must balance per entry and currency.",
)

balances = sa.Table(
    "balances",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("account", sa.SmallInteger, nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("month", sa.Integer, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "account", "currency", "month", name="balances_pkey"),
    comment="What the postings of a month sum to; can be recomputed from them.",
)

orders = sa.Table(
    "orders",
    metadata,
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
    sa.Index("orders_paid_at", "paid_at", postgresql_using="brin", postgresql_with={"pages_per_range": 32}),
    comment="Where each order stands: the latest decision, what it booked and what was reversed of that.",
)

refunds = sa.Table(
    "refunds",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("refund_id", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("cancellation", sa.Boolean, nullable=False),
    sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "order_id", "refund_id", name="refunds_pkey"),
    sa.CheckConstraint("amount_minor >= 0", name="refunds_amount_check"),
    comment="Every refund and cancellation told, also those whose order is not (yet) booked.",
)

statements = sa.Table(
    "statements",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("month", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "month", name="statements_pkey"),
    comment="Statements of closed months, as frozen.",
)

statement_pages = sa.Table(
    "statement_pages",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("month", sa.Integer, nullable=False),
    sa.Column("page", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "month", "page", name="statement_pages_pkey"),
    comment="Lines of closed months, as frozen.",
)

experiment_readings = sa.Table(
    "experiment_readings",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("experiment_id", sa.Text, nullable=False),
    sa.Column("month", sa.Integer, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("estimate_minor", sa.BigInteger, nullable=False),
    sa.Column("lower_bound_minor", sa.BigInteger, nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
    sa.Column("users", sa.BigInteger, nullable=False),
    sa.Column("final", sa.Boolean, nullable=False),
    sa.Column("plan_digest", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "experiment_id", "month", "revision", name="experiment_readings_pkey"),
    sa.CheckConstraint("lower_bound_minor <= estimate_minor", name="experiment_readings_bound_check"),
    comment="What experiments show to date, as told; the highest revision of a month counts.",
)

experiment_bills = sa.Table(
    "experiment_bills",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("month", sa.Integer, nullable=False),
    sa.Column("experiment_id", sa.Text, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("target_before_minor", sa.BigInteger, nullable=False),
    sa.Column("target_minor", sa.BigInteger, nullable=False),
    sa.Column("carry_before_minor", sa.BigInteger, nullable=False),
    sa.Column("billed_minor", sa.BigInteger, nullable=False),
    sa.Column("carry_minor", sa.BigInteger, nullable=False),
    sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "month", name="experiment_bills_pkey"),
    sa.CheckConstraint("billed_minor >= 0 AND carry_minor <= 0", name="experiment_bills_sign_check"),
    sa.CheckConstraint(
        "billed_minor + carry_minor = carry_before_minor + target_minor - target_before_minor",
        name="experiment_bills_sum_check",
    ),
    comment="What each closed month billed on its experiment, and the carry that it left.",
)

experiment_credits = sa.Table(
    "experiment_credits",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("month", sa.Integer, nullable=False),
    sa.Column("experiment_id", sa.Text, nullable=False),
    sa.Column("carry_before_minor", sa.BigInteger, nullable=False),
    sa.Column("credited_minor", sa.BigInteger, nullable=False),
    sa.Column("carry_minor", sa.BigInteger, nullable=False),
    sa.Column("fee_minor", sa.BigInteger, nullable=False),
    sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "month", name="experiment_credits_pkey"),
    sa.CheckConstraint(
        "credited_minor > 0 AND carry_minor <= 0 AND fee_minor BETWEEN 0 AND credited_minor",
        name="experiment_credits_sign_check",
    ),
    sa.CheckConstraint("carry_minor = carry_before_minor + credited_minor", name="experiment_credits_sum_check"),
    comment="What closed months gave back of a carry that no later month could make good.",
)

experiment_refunds = sa.Table(
    "experiment_refunds",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("month", sa.Integer, nullable=False),
    sa.Column("first_month", sa.Integer, nullable=False),
    sa.Column("experiment_id", sa.Text, nullable=False),
    sa.Column("read_month", sa.Integer, nullable=False),
    sa.Column("billed_minor", sa.BigInteger, nullable=False),
    sa.Column("attributed_minor", sa.BigInteger, nullable=False),
    sa.Column("given_back_minor", sa.BigInteger, nullable=False),
    sa.Column("credited_minor", sa.BigInteger, nullable=False),
    sa.Column("fee_minor", sa.BigInteger, nullable=False),
    sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint("store_id", "month", "first_month", name="experiment_refunds_pkey"),
    sa.CheckConstraint(
        "credited_minor BETWEEN 1 AND billed_minor AND given_back_minor BETWEEN 1 AND attributed_minor"
        " AND fee_minor BETWEEN 0 AND credited_minor",
        name="experiment_refunds_amount_check",
    ),
    comment="What closed months gave back of experiments' bills for refunds that no reading counts.",
)

receipts = receipts_table(metadata)

OWNER = Owner(schema=SCHEMA, metadata=metadata, migrations=Path(__file__).parent / "migrations")

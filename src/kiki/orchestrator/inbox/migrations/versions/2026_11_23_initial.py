"""The schema `inbox` as it begins."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_23_initial"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "inbox"

_FIRST_PARTITIONS = """
DO $$
DECLARE
    day date;
    name text;
BEGIN
    FOR n IN 0..7 LOOP
        day := (now() AT TIME ZONE 'UTC')::date + n;
        name := to_char(day, 'YYYYMMDD');
        EXECUTE format('CREATE TABLE inbox.outcomes_%s PARTITION OF inbox.outcomes FOR VALUES FROM (%L) TO (%L)',
                       name, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
        EXECUTE format('CREATE TABLE inbox.deliveries_%s PARTITION OF inbox.deliveries FOR VALUES FROM (%L) TO (%L)',
                       name, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
        EXECUTE format('ALTER TABLE inbox.deliveries_%s ALTER COLUMN body SET STORAGE EXTERNAL,'
                       ' ALTER COLUMN headers SET STORAGE MAIN', name);
        EXECUTE format('ALTER TABLE inbox.deliveries_%s SET (toast_tuple_target = 8160)', name);
    END LOOP;
END
$$
"""


def upgrade() -> None:
    op.execute("CREATE SEQUENCE inbox.delivery_id_seq AS BIGINT")
    op.execute("CREATE SEQUENCE inbox.queue_seq AS BIGINT")
    op.create_table(
        "delivery_keys",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "key",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 over topic, platform ids and body digest",
        ),
        sa.Column(
            "delivery_id",
            sa.BigInteger(),
            nullable=False,
            server_default=sa.text("nextval('inbox.delivery_id_seq')"),
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "key"),
        schema=SCHEMA,
        comment="What makes a repeated delivery known; outlives the bodies",
    )
    op.create_index(
        "delivery_keys_received_at",
        "delivery_keys",
        ["received_at"],
        schema=SCHEMA,
        postgresql_using="brin",
    )
    op.create_table(
        "deliveries",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("triggered_at", sa.Text(), nullable=False),
        sa.Column("headers", postgresql.JSONB(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False, comment="Digest of the raw body"),
        sa.Column(
            "body",
            sa.LargeBinary(),
            nullable=False,
            comment="Raw body, compressed and sealed",
        ),
        sa.PrimaryKeyConstraint("store_id", "delivery_id", "received_at"),
        schema=SCHEMA,
        postgresql_partition_by="RANGE (received_at)",
        comment="Append-only; one partition per day of receipt (UTC)",
    )
    op.create_index("deliveries_delivery_id", "deliveries", ["delivery_id"], schema=SCHEMA)
    op.create_table(
        "queue",
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column(
            "seq",
            sa.BigInteger(),
            nullable=False,
            server_default=sa.text("nextval('inbox.queue_seq')"),
        ),
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "run",
            sa.SmallInteger(),
            nullable=False,
            comment="0 at first, one more with every replay",
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "queued_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("now()"),
        ),
        sa.PrimaryKeyConstraint("partition", "lane", "seq"),
        schema=SCHEMA,
        comment="What waits; rows are inserted and deleted, never updated",
    )
    op.create_table(
        "leases",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column(
            "token",
            sa.BigInteger(),
            nullable=False,
            comment="Grows with every change of owner: the fencing token",
        ),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="By the database's clock",
        ),
        sa.PrimaryKeyConstraint("queue", "partition", "lane"),
        schema=SCHEMA,
        comment="Who works on what; locked in every transaction that commits work",
    )
    op.create_table(
        "workers",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="By the database's clock",
        ),
        sa.PrimaryKeyConstraint("owner"),
        schema=SCHEMA,
        comment="Live workers, for fair sharing",
    )
    op.create_table(
        "parked",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.SmallInteger(), nullable=False),
        sa.Column("partition", sa.SmallInteger(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column(
            "seq",
            sa.BigInteger(),
            nullable=False,
            comment="Its place in the queue, kept for the order within the entity",
        ),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column(
            "retry_at",
            sa.DateTime(timezone=True),
            comment="Set on the failing delivery; those that follow it wait for it",
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "delivery_id", "run"),
        schema=SCHEMA,
        comment="Deliveries of entities that are held back",
    )
    op.create_index(
        "parked_place",
        "parked",
        ["partition", "lane", "store_id", "entity", "seq"],
        schema=SCHEMA,
    )
    op.create_table(
        "outcomes",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.SmallInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False, comment="settled, ignored or dead"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "delivery_id", "run", "received_at"),
        schema=SCHEMA,
        postgresql_partition_by="RANGE (received_at)",
        comment="How each run ended; its key makes a second finish impossible",
    )
    op.create_index(
        "outcomes_ignored",
        "outcomes",
        ["store_id", "delivery_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'ignored'"),
    )
    op.create_table(
        "dead_letters",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.SmallInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("died_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), comment="When it was replayed"),
        sa.PrimaryKeyConstraint("store_id", "delivery_id", "run"),
        schema=SCHEMA,
        comment="Runs that ended in failure",
    )
    op.create_index(
        "dead_letters_open",
        "dead_letters",
        ["store_id", "delivery_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "replays",
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.SmallInteger(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("store_id", "delivery_id", "run"),
        schema=SCHEMA,
        comment="Who asked for which replay; two requests at once become one",
    )
    for table in ("deliveries", "outcomes"):
        op.execute(f"CREATE TABLE inbox.{table}_default PARTITION OF inbox.{table} DEFAULT")
    _store_sealed_inline("deliveries_default")
    op.execute(_FIRST_PARTITIONS)
    for table in ("queue", "parked"):
        op.execute(
            f"ALTER TABLE inbox.{table} SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)"
        )
    op.execute("ALTER TABLE inbox.leases SET (fillfactor = 20)")


def _store_sealed_inline(table: str) -> None:
    """Sealed bodies do not compress: keep them uncompressed, and in the row up to a page."""
    op.execute(
        f"ALTER TABLE inbox.{table} ALTER COLUMN body SET STORAGE EXTERNAL, ALTER COLUMN headers SET STORAGE MAIN"
    )
    op.execute(f"ALTER TABLE inbox.{table} SET (toast_tuple_target = 8160)")


def downgrade() -> None:
    op.drop_table("replays", schema=SCHEMA)
    op.drop_table("dead_letters", schema=SCHEMA)
    op.drop_table("outcomes", schema=SCHEMA)
    op.drop_table("parked", schema=SCHEMA)
    op.drop_table("workers", schema=SCHEMA)
    op.drop_table("leases", schema=SCHEMA)
    op.drop_table("queue", schema=SCHEMA)
    op.drop_table("deliveries", schema=SCHEMA)
    op.drop_table("delivery_keys", schema=SCHEMA)
    op.execute("DROP SEQUENCE inbox.delivery_id_seq")
    op.execute("DROP SEQUENCE inbox.queue_seq")

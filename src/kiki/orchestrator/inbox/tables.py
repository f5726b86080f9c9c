"""The schema `inbox`.

`deliveries` and `outcomes` are partitioned by day of receipt and dropped by partition; `queue` rows are inserted and
deleted, never updated.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Table,
    Text,
    text,
)

from kiki.kit.migrations import Owner

SCHEMA = "inbox"
metadata = MetaData(schema=SCHEMA)
OWNER = Owner(schema=SCHEMA, metadata=metadata, migrations=Path(__file__).parent / "migrations")

delivery_id_sequence = Sequence("delivery_id_seq", metadata=metadata, data_type=BigInteger)
queue_sequence = Sequence("queue_seq", metadata=metadata, data_type=BigInteger)
_NEXT_DELIVERY = text("nextval('inbox.delivery_id_seq')")
_NEXT_SEQ = text("nextval('inbox.queue_seq')")

delivery_keys = Table(
    "delivery_keys",
    metadata,
    Column("store_id", BigInteger, nullable=False),
    Column(
        "key",
        LargeBinary,
        nullable=False,
        comment="SHA-256 over topic, platform ids and body digest",
    ),
    Column("delivery_id", BigInteger, nullable=False, server_default=_NEXT_DELIVERY),
    Column("received_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("store_id", "key"),
    Index("delivery_keys_received_at", "received_at", postgresql_using="brin"),
    comment="What makes a repeated delivery known; outlives the bodies",
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("store_id", BigInteger, nullable=False),
    Column("delivery_id", BigInteger, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("platform", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("triggered_at", Text, nullable=False),
    Column("headers", Text, nullable=False, comment="A JSON object"),
    Column("signature", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False, comment="Digest of the raw body"),
    Column("body", LargeBinary, nullable=False, comment="Raw body, compressed and sealed"),
    PrimaryKeyConstraint("store_id", "delivery_id", "received_at"),
    Index("deliveries_delivery_id", "delivery_id"),
    postgresql_partition_by="RANGE (received_at)",
    comment="Append-only; one partition per day of receipt (UTC)",
)

queue = Table(
    "queue",
    metadata,
    Column("partition", SmallInteger, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("seq", BigInteger, nullable=False, server_default=_NEXT_SEQ),
    Column("store_id", BigInteger, nullable=False),
    Column("delivery_id", BigInteger, nullable=False),
    Column(
        "run",
        SmallInteger,
        nullable=False,
        comment="0 at first, one more with every replay",
    ),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column(
        "queued_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("now()"),
    ),
    PrimaryKeyConstraint("partition", "lane", "seq"),
    comment="What waits; rows are inserted and deleted, never updated",
)

leases = Table(
    "leases",
    metadata,
    Column("queue", Text, nullable=False),
    Column("partition", SmallInteger, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column(
        "token",
        BigInteger,
        nullable=False,
        comment="Grows with every change of owner: the fencing token",
    ),
    Column(
        "expires_at",
        DateTime(timezone=True),
        nullable=False,
        comment="By the database's clock",
    ),
    PrimaryKeyConstraint("queue", "partition", "lane"),
    comment="Who works on what; locked in every transaction that commits work",
)

workers = Table(
    "workers",
    metadata,
    Column("owner", Text, nullable=False),
    Column(
        "expires_at",
        DateTime(timezone=True),
        nullable=False,
        comment="By the database's clock",
    ),
    PrimaryKeyConstraint("owner"),
    comment="Live workers, for fair sharing",
)

parked = Table(
    "parked",
    metadata,
    Column("store_id", BigInteger, nullable=False),
    Column("delivery_id", BigInteger, nullable=False),
    Column("run", SmallInteger, nullable=False),
    Column("partition", SmallInteger, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column(
        "seq",
        BigInteger,
        nullable=False,
        comment="Its place in the queue, kept for the order within the entity",
    ),
    Column("entity", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("queued_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column(
        "retry_at",
        DateTime(timezone=True),
        comment="Set on the failing delivery; those that follow it wait for it",
    ),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    PrimaryKeyConstraint("store_id", "delivery_id", "run"),
    Index("parked_place", "partition", "lane", "store_id", "entity", "seq"),
    comment="Deliveries of entities that are held back",
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("store_id", BigInteger, nullable=False),
    Column("delivery_id", BigInteger, nullable=False),
    Column("run", SmallInteger, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("status", Text, nullable=False, comment="settled, ignored or dead"),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("store_id", "delivery_id", "run", "received_at"),
    Index(
        "outcomes_ignored",
        "store_id",
        "delivery_id",
        postgresql_where=text("status = 'ignored'"),
    ),
    postgresql_partition_by="RANGE (received_at)",
    comment="How each run ended; its key makes a second finish impossible",
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("store_id", BigInteger, nullable=False),
    Column("delivery_id", BigInteger, nullable=False),
    Column("run", SmallInteger, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("died_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("resolved_at", DateTime(timezone=True), comment="When it was replayed"),
    PrimaryKeyConstraint("store_id", "delivery_id", "run"),
    Index(
        "dead_letters_open",
        "store_id",
        "delivery_id",
        postgresql_where=text("resolved_at IS NULL"),
    ),
    comment="Runs that ended in failure",
)

replays = Table(
    "replays",
    metadata,
    Column("store_id", BigInteger, nullable=False),
    Column("delivery_id", BigInteger, nullable=False),
    Column("run", SmallInteger, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("requested_by", Text, nullable=False),
    PrimaryKeyConstraint("store_id", "delivery_id", "run"),
    comment="Who asked for which replay; two requests at once become one",
)

job_runs = Table(
    "job_runs",
    metadata,
    Column("job", Text, nullable=False),
    Column("every_seconds", Double, nullable=False),
    Column("succeeded_at", DateTime(timezone=True), comment="By the database's clock"),
    Column("failed_at", DateTime(timezone=True), comment="By the database's clock"),
    Column("problem", Text, nullable=False, comment="Why the last run failed; empty when it succeeded"),
    Column("held_until", DateTime(timezone=True), comment="Until when nothing is forgotten"),
    PrimaryKeyConstraint("job"),
    comment="How each periodic job of the workers stands",
)

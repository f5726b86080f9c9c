"""The schema `events`; `log` is append-only."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    text,
)

from kiki.kit.migrations import Owner

SCHEMA = "events"
metadata = MetaData(schema=SCHEMA)
OWNER = Owner(schema=SCHEMA, metadata=metadata, migrations=Path(__file__).parent / "migrations")

subscription_sequence = Sequence("subscription_id_seq", metadata=metadata, data_type=BigInteger)

log = Table(
    "log",
    metadata,
    Column("store_id", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False, comment="Gapless per store, in commit order"),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column(
        "payload",
        LargeBinary,
        nullable=False,
        comment="Serialized message of events.proto",
    ),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("store_id", "seq"),
    Index("log_occurred_at", "occurred_at", postgresql_using="brin"),
    comment="What happened, in order per store",
)

heads = Table(
    "heads",
    metadata,
    Column("store_id", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("store_id"),
    comment="The last number given to each store's log",
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("store_id", BigInteger, nullable=False),
    Column(
        "subscription_id",
        BigInteger,
        nullable=False,
        server_default=text("nextval('events.subscription_id_seq')"),
    ),
    Column("url", Text, nullable=False),
    Column("types", ARRAY(Text), nullable=False, comment="Empty: every type"),
    Column("secret", LargeBinary, nullable=False, comment="Signing secret, sealed"),
    Column(
        "cursor",
        BigInteger,
        nullable=False,
        comment="The last number that was delivered or passed over",
    ),
    Column("state", Text, nullable=False, comment="active or disabled"),
    Column("attempts", Integer, nullable=False, comment="Failures in a row"),
    Column("failing_since", DateTime(timezone=True)),
    Column("retry_at", DateTime(timezone=True)),
    Column("last_error", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("previous_secret", LargeBinary, comment="The secret before the last rotation, sealed"),
    Column("previous_until", DateTime(timezone=True), comment="Until when it signs as well"),
    PrimaryKeyConstraint("store_id", "subscription_id"),
    comment="Who is told about a store's events",
)

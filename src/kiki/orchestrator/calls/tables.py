"""The schema `calls`; `queue` rows are inserted and deleted, never updated, `history` is append-only."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
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

SCHEMA = "calls"
metadata = MetaData(schema=SCHEMA)
OWNER = Owner(schema=SCHEMA, metadata=metadata, migrations=Path(__file__).parent / "migrations")

queue_sequence = Sequence("queue_seq", metadata=metadata, data_type=BigInteger)
_NEXT_SEQ = text("nextval('calls.queue_seq')")

queue = Table(
    "queue",
    metadata,
    Column("agent", Text, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("seq", BigInteger, nullable=False, server_default=_NEXT_SEQ),
    Column("store_id", BigInteger, nullable=False),
    Column(
        "event_id",
        Text,
        nullable=False,
        comment="Idempotency key: the business fact and its revision",
    ),
    Column("method", Text, nullable=False),
    Column(
        "entity",
        Text,
        nullable=False,
        comment="Calls of one store and entity keep their order",
    ),
    Column("subject", Text, nullable=False, comment="What views list it under"),
    Column("request", LargeBinary, nullable=False, comment="Serialized request, sealed"),
    Column(
        "queued_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("now()"),
    ),
    PrimaryKeyConstraint("agent", "lane", "seq"),
    comment="Calls that wait; rows are inserted and deleted, never updated",
)

parked = Table(
    "parked",
    metadata,
    Column("agent", Text, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("store_id", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("request", LargeBinary, nullable=False, comment="Serialized request, sealed"),
    Column("queued_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column(
        "retry_at",
        DateTime(timezone=True),
        comment="Set on the failing call; those that follow it wait for it",
    ),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    PrimaryKeyConstraint("agent", "lane", "seq"),
    Index("parked_entity", "agent", "lane", "store_id", "entity", "seq"),
    comment="Calls of entities that are held back",
)

history = Table(
    "history",
    metadata,
    Column("store_id", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("status", Text, nullable=False, comment="answered or dead"),
    Column("reason", Text, nullable=False),
    Column("queued_at", DateTime(timezone=True), nullable=False),
    Column("answered_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("store_id", "subject", "event_id"),
    Index("history_answered_at", "answered_at", postgresql_using="brin"),
    comment="How each call ended",
)

dead = Table(
    "dead",
    metadata,
    Column("store_id", BigInteger, nullable=False),
    Column(
        "call_id",
        BigInteger,
        nullable=False,
        comment="Its place in the queue when it died",
    ),
    Column("agent", Text, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("request", LargeBinary, nullable=False, comment="Serialized request, sealed"),
    Column("queued_at", DateTime(timezone=True), nullable=False),
    Column("died_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    PrimaryKeyConstraint("store_id", "call_id"),
    Index("dead_subject", "store_id", "subject"),
    comment="Calls that were refused for good; a replay moves them back to the queue",
)

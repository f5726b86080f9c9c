"""Tables of SyncEngage. Personal fields are sealed; look-ups by address go through blind indexes."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from kiki.kit.migrations import Owner
from kiki.kit.receipts import receipts_table

SCHEMA = "syncengage"
metadata = sa.MetaData(schema=SCHEMA)
_TIME = sa.DateTime(timezone=True)

receipts = receipts_table(metadata)

identifiers = sa.Sequence("identifiers", schema=SCHEMA, metadata=metadata, increment=1000)
"""Handed out in blocks of a thousand, one block per process at a time."""

contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("customer_key", sa.Text, nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("sealed_identity", sa.LargeBinary),
    sa.Column("email_index", sa.LargeBinary),
    sa.Column("phone_index", sa.LargeBinary),
    sa.Column("locale", sa.Text, nullable=False),
    sa.Column("timezone", sa.Text, nullable=False),
    sa.Column("email_consent", sa.Boolean),
    sa.Column("email_consent_at", _TIME),
    sa.Column("email_consent_source", sa.Text, nullable=False),
    sa.Column("sms_consent", sa.Boolean),
    sa.Column("sms_consent_at", _TIME),
    sa.Column("sms_consent_source", sa.Text, nullable=False),
    sa.Column("email_unsubscribed_at", _TIME),
    sa.Column("sms_unsubscribed_at", _TIME),
    sa.Column("observed_at", _TIME),
    sa.Column("erased_at", _TIME),
    sa.Column("updated_at", _TIME, nullable=False, server_default=sa.func.now()),
    sa.PrimaryKeyConstraint("store_id", "customer_key", name="contacts_pkey"),
    sa.Index("contacts_by_email", "store_id", "email_index", postgresql_where=sa.text("email_index IS NOT NULL")),
    sa.Index(
        "contacts_off_email",
        "store_id",
        "email_index",
        postgresql_where=sa.text("email_unsubscribed_at IS NOT NULL"),
    ),
    sa.Index(
        "contacts_off_sms", "store_id", "phone_index", postgresql_where=sa.text("sms_unsubscribed_at IS NOT NULL")
    ),
)

bounces = sa.Table(
    "bounces",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("email_index", sa.LargeBinary, nullable=False),
    sa.Column("refused_at", _TIME, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("refusals", sa.Integer, nullable=False),
    sa.Column("suppressed", sa.Boolean, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "email_index", name="bounces_pkey"),
    sa.Index("bounces_by_time", "store_id", sa.text("refused_at DESC")),
)
"""Addresses that a mail server refused as such; gone as soon as one takes mail again."""

consent_log = sa.Table(
    "consent_log",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("entry_id", sa.BigInteger, nullable=False),
    sa.Column("customer_key", sa.Text, nullable=False),
    sa.Column("channel", sa.SmallInteger, nullable=False),
    sa.Column("granted", sa.Boolean, nullable=False),
    sa.Column("given_at", _TIME),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("recorded_at", _TIME, nullable=False, server_default=sa.func.now()),
    sa.PrimaryKeyConstraint("store_id", "entry_id", name="consent_log_pkey"),
    sa.Index("consent_log_by_customer", "store_id", "customer_key", "entry_id"),
)
"""Every consent and unsubscribe, appended when it changes something: the proof."""

shops = sa.Table(
    "shops",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("timezone", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("store_id", name="shops_pkey"),
)

flows = sa.Table(
    "flows",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("flow_id", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.SmallInteger, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("held_out", sa.Boolean, nullable=False),
    sa.Column("holdout_share", sa.Float, nullable=False),
    sa.Column("customer_key", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("sealed_facts", sa.LargeBinary),
    sa.Column("suppressed", sa.Text, nullable=False),
    sa.Column("code_wanted_by", _TIME),
    sa.Column("created_at", _TIME, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "flow_id", name="flows_pkey"),
    sa.Index("flows_by_customer", "store_id", "customer_key", "flow_id"),
    sa.Index("flows_waiting", "code_wanted_by", postgresql_where=sa.text("status = 4")),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("message_id", sa.BigInteger, nullable=False),
    sa.Column("flow_id", sa.BigInteger, nullable=False),
    sa.Column("customer_key", sa.Text, nullable=False),
    sa.Column("channel", sa.SmallInteger, nullable=False),
    sa.Column("template", sa.Text, nullable=False),
    sa.Column("marketing", sa.Boolean, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("send_at", _TIME, nullable=False),
    sa.Column("expires_at", _TIME, nullable=False),
    sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("lease_token", sa.BigInteger),
    sa.Column("lease_until", _TIME),
    sa.Column("handed_at", _TIME),
    sa.Column("settled_at", _TIME),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.PrimaryKeyConstraint("store_id", "message_id", name="messages_pkey"),
    sa.Index("messages_by_customer", "store_id", "customer_key", "message_id"),
    # A message changes two or three times over days, so its due index stays small; a queue table of its own would
    # double
    # the rows that an order writes.
    sa.Index("messages_due", "send_at", postgresql_where=sa.text("status <= 2")),
)

baskets = sa.Table(
    "baskets",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("basket_id", sa.BigInteger, nullable=False),
    sa.Column("product_ids", sa.Text, nullable=False),
    sa.Column("titles", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "basket_id", name="baskets_pkey"),
)
"""What was bought together, waiting to be counted; deleted when it is. Texts are joined by the unit separator."""

products = sa.Table(
    "products",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("orders", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "product_id", name="products_pkey"),
    sa.Index("products_bestsellers", "store_id", sa.text("orders DESC")),
)

availability = sa.Table(
    "availability",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("sellable", sa.Boolean, nullable=False),
    sa.Column("decision_seq", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "product_id", name="availability_pkey"),
)
"""Products that could not be bought once, with what was said last."""

co_purchases = sa.Table(
    "co_purchases",
    metadata,
    sa.Column("store_id", sa.BigInteger, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("other_product_id", sa.Text, nullable=False),
    sa.Column("orders", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("store_id", "product_id", "other_product_id", name="co_purchases_pkey"),
)

OWNER = Owner(schema=SCHEMA, metadata=metadata, migrations=Path(__file__).parent / "migrations")

"""Exchange rates, how fetching them went, and the orders that wait for one."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from kiki.commerce.tables.columns import column, metadata, moment, optional, optional_moment

exchange_rates = Table(
    "exchange_rates",
    metadata,
    column("day", Date),
    column("base", Text),
    column("quote", Text),
    column("rate", Numeric),
    column("source", Text),
    moment("recorded_at"),
    column("recorded_by", Text),
    PrimaryKeyConstraint("day", "base", "quote", name="exchange_rates_pkey"),
    CheckConstraint("rate > 0 AND rate < 1000000000000 AND scale(rate) <= 18", name="exchange_rates_rate"),
    Index("exchange_rates_pair", "base", "quote", "day"),
)
"""So much of `quote` for one unit of `base`. They are facts of the world: the same for every store."""

former_exchange_rates = Table(
    "former_exchange_rates",
    metadata,
    Column("change_id", BigInteger, Identity(always=True), nullable=False),
    column("day", Date),
    column("base", Text),
    column("quote", Text),
    column("rate", Numeric),
    column("source", Text),
    moment("recorded_at"),
    column("recorded_by", Text),
    moment("replaced_at"),
    column("replaced_by", Text),
    PrimaryKeyConstraint("change_id", name="former_exchange_rates_pkey"),
    Index("former_exchange_rates_day", "day", "base", "quote", "change_id"),
)
"""Rates that another figure replaced: written by a trigger of `exchange_rates`, never changed or removed."""

exchange_rate_fetches = Table(
    "exchange_rate_fetches",
    metadata,
    column("place", Text),
    moment("tried_at"),
    optional_moment("succeeded_at"),
    optional("newest_day", Date),
    column("added", Integer, "0"),
    column("problem", Text, "''"),
    PrimaryKeyConstraint("place", name="exchange_rate_fetches_pkey"),
)
"""One row per host that rates are fetched from: how the last attempt went, and when it last went well."""

waiting_orders = Table(
    "waiting_orders",
    metadata,
    column("store_id", BigInteger),
    column("order_id", Text),
    column("currency", Text),
    column("settlement_currency", Text),
    column("day", Date),
    column("live", Boolean),
    moment("since_at"),
    optional_moment("told_at"),
    PrimaryKeyConstraint("store_id", "order_id", name="waiting_orders_pkey"),
    Index("waiting_orders_rate", "currency", "settlement_currency", "day", "store_id", "order_id"),
)
"""Paid orders that cannot be counted in the settlement currency yet: no rate is known for the day of payment.

`told_at`: when the worker was last told that its rate is known.
"""

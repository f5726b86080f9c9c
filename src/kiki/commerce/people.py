"""Customers and the identities by which they are recognised."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter

from kiki.commerce import tables
from kiki.commerce.rows import shape_of
from kiki.kit.database import Connection
from kiki.kit.reads import Read

CUSTOMERS = shape_of(tables.customers)
IDENTITIES = shape_of(tables.identities)
IDENTITY_MERGES = shape_of(tables.identity_merges)

CustomerKey = tuple[int, str]


class IdentityKind(enum.IntEnum):
    """How sure an identity is, the surest first."""

    CUSTOMER_ID = 1
    EMAIL = 2
    PHONE = 3
    FIRST_PARTY = 4
    CLICK = 5


Identity = tuple[int, int, bytes]
"""(store, kind, blind index)."""


@dataclass(slots=True)
class CustomerRow:
    """One person of a store; the fields are the columns, in order."""

    store_id: int
    customer_key: str
    customer_id: str | None = None
    email_sealed: bytes | None = None
    phone_sealed: bytes | None = None
    first_name_sealed: bytes | None = None
    last_name_sealed: bytes | None = None
    accepts_email_marketing: bool | None = None
    accepts_sms_marketing: bool | None = None
    locale: str | None = None
    profile_digest: bytes = b""
    profile_updated_at: dt.datetime | None = None
    created_at: dt.datetime | None = None
    first_order_id: str | None = None
    first_order_at: dt.datetime | None = None
    first_order_incremental: bool = False
    last_order_at: dt.datetime | None = None
    orders_count: int = 0
    ltv_minor: int | None = None
    ltv_currency: str | None = None
    ltv_confidence: Decimal | None = None
    churn_risk: Decimal | None = None
    segment: str | None = None
    valued_at: dt.datetime | None = None
    churn_flow_at: dt.datetime | None = None
    contact_revision: int = 0
    deleted_at: dt.datetime | None = None
    erased_at: dt.datetime | None = None
    merged_into: str | None = None


customer_values = attrgetter(*CustomerRow.__slots__)


def find_people(identities: Collection[Identity]) -> Read[dict[Identity, str]]:
    """Whom these identities belong to; unknown ones are absent."""
    return IDENTITIES.found(identities, lambda rows: {(row[0], row[1], row[2]): row[3] for row in rows})


def lock_customers(keys: Collection[CustomerKey]) -> Read[dict[CustomerKey, CustomerRow]]:
    """The customers that exist, locked."""
    return CUSTOMERS.locked(keys, lambda rows: {(row[0], row[1]): CustomerRow(*row) for row in rows})


async def move_identities(connection: Connection, moves: Sequence[tuple[int, str, str]]) -> None:
    """Hand everything of merged persons to the kept ones: (store, merged key, kept key)."""
    if not moves:
        return
    columns = [list(column) for column in zip(*sorted(moves), strict=True)]
    for table in ("identities", "touchpoints", "orders"):
        await connection.execute(
            f"""UPDATE commerce.{table} t SET customer_key = m.kept_key
            FROM unnest($1::bigint[], $2::text[], $3::text[]) AS m(store_id, merged_key, kept_key)
            WHERE t.store_id = m.store_id AND t.customer_key = m.merged_key""",
            *columns,
        )


async def orders_of_merges(
    connection: Connection, since: dt.datetime, limit: int
) -> list[tuple[int, str, str, dt.datetime, list[str]]]:
    """Merges after a time, oldest first, that may change decisions: (store, merged key, kept key, at, order ids).

    The orders are live ones of the kept person with a touchpoint in the window before them.
    """
    rows = await connection.fetch(
        """SELECT m.store_id, m.merged_key, m.kept_key, m.merged_at, reached.order_ids
        FROM commerce.identity_merges m
        JOIN commerce.store_connections s ON s.store_id = m.store_id
        CROSS JOIN LATERAL (
            SELECT array_agg(o.order_id ORDER BY o.order_id) AS order_ids FROM commerce.orders o
            WHERE o.store_id = m.store_id AND o.customer_key = m.kept_key AND o.live AND NOT o.is_test
                AND EXISTS (
                    SELECT FROM commerce.touchpoints t
                    WHERE t.store_id = o.store_id AND t.customer_key = o.customer_key
                        AND t.at BETWEEN o.placed_at - make_interval(
                            days => coalesce((s.settings->>'attribution_window_days')::int, 30)) AND o.placed_at)
        ) reached
        WHERE m.merged_at > $1
        ORDER BY m.merged_at, m.store_id, m.merged_key LIMIT $2""",
        since,
        limit,
    )
    return [(row[0], row[1], row[2], row[3], list(row[4] or ())) for row in rows]


async def forget_visitor(connection: Connection, identity: Identity) -> None:
    """A visitor id leads to nobody any more; contacts that are known by nothing else go with it."""
    key = await connection.fetchval(
        "DELETE FROM commerce.identities WHERE store_id = $1 AND kind = $2 AND value = $3 RETURNING customer_key",
        *identity,
    )
    if key is None:
        return
    known = await connection.fetchval(
        """SELECT EXISTS (SELECT FROM commerce.customers WHERE store_id = $1 AND customer_key = $2)
            OR EXISTS (SELECT FROM commerce.identities WHERE store_id = $1 AND customer_key = $2 AND kind < $3)""",
        identity[0],
        key,
        int(IdentityKind.FIRST_PARTY),
    )
    if not known:
        await forget_people(connection, [(identity[0], key)])


async def forget_people(connection: Connection, keys: Sequence[CustomerKey]) -> None:
    """Destroy what recognises these persons; their orders keep only the opaque key."""
    if not keys:
        return
    columns = [list(column) for column in zip(*sorted(keys), strict=True)]
    for table in ("identities", "touchpoints"):
        await connection.execute(
            f"""DELETE FROM commerce.{table} t USING unnest($1::bigint[], $2::text[]) AS gone(store_id, customer_key)
            WHERE t.store_id = gone.store_id AND t.customer_key = gone.customer_key""",
            *columns,
        )


async def forget_store(connection: Connection, store_id: int, now: dt.datetime) -> None:
    """Destroy every personal field of a store; its secrets went with the app, unless it was connected again since."""
    await connection.execute(
        """UPDATE commerce.customers SET email_sealed = NULL, phone_sealed = NULL, first_name_sealed = NULL,
            last_name_sealed = NULL, customer_id = NULL, profile_digest = '', locale = NULL, erased_at = $2
        WHERE store_id = $1 AND erased_at IS NULL""",
        store_id,
        now,
    )
    for table in ("identities", "touchpoints"):
        await connection.execute(f"DELETE FROM commerce.{table} WHERE store_id = $1", store_id)
    await connection.execute(
        """UPDATE commerce.store_connections SET secret_sealed = NULL, previous_secret_sealed = NULL, erased_at = $2
        WHERE store_id = $1 AND status = 'uninstalled'""",
        store_id,
        now,
    )

"""Rows of ad network connections. Tokens are sealed here and opened nowhere else."""

from __future__ import annotations

from kiki.council.syncflow.domain import AdNetworkConnection
from kiki.kit.database import Connection
from kiki.kit.sealing import Sealer

_PURPOSE = "ad_networks.token"


async def put_network(connection: Connection, sealer: Sealer, given: AdNetworkConnection) -> None:
    """Store a connection, replacing the one before."""
    await connection.execute(
        "INSERT INTO syncflow.ad_networks (store_id, network, base_url, token, updated_at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (store_id, network) DO UPDATE"
        " SET base_url = excluded.base_url, token = excluded.token, updated_at = excluded.updated_at",
        given.store_id,
        given.network,
        given.base_url,
        sealer.seal_text(given.token, store_id=given.store_id, purpose=_PURPOSE),
        given.updated_at,
    )


async def find_network(
    connection: Connection, sealer: Sealer, store_id: int, network: str
) -> AdNetworkConnection | None:
    """A store's connection with its token."""
    row = await connection.fetchrow(
        "SELECT base_url, token, updated_at FROM syncflow.ad_networks WHERE store_id = $1 AND network = $2",
        store_id,
        network,
    )
    if row is None:
        return None
    token = sealer.open_text(row["token"], store_id=store_id, purpose=_PURPOSE) or ""
    return AdNetworkConnection(
        store_id=store_id, network=network, base_url=row["base_url"], token=token, updated_at=row["updated_at"]
    )


async def list_networks(connection: Connection, store_id: int) -> list[AdNetworkConnection]:
    """A store's connections without their tokens."""
    rows = await connection.fetch(
        "SELECT store_id, network, base_url, updated_at FROM syncflow.ad_networks WHERE store_id = $1 ORDER BY network",
        store_id,
    )
    return [AdNetworkConnection(**dict(row)) for row in rows]

"""Rows of the master keys' fingerprints."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from kiki.kit.database import Connection


async def list_fingerprints(connection: Connection) -> dict[int, bytes]:
    """By version."""
    return {row[0]: row[1] for row in await connection.fetch("SELECT version, fingerprint FROM syncshield.master_keys")}


async def add_fingerprints(connection: Connection, fingerprints: Mapping[int, bytes], at: dt.datetime) -> None:
    """Those whose version is not there yet."""
    await connection.execute(
        "INSERT INTO syncshield.master_keys (version, fingerprint, first_used_at)"
        " SELECT v, f, $3 FROM unnest($1::int[], $2::bytea[]) AS u(v, f) ON CONFLICT DO NOTHING",
        list(fingerprints),
        list(fingerprints.values()),
        at,
    )

"""Databases for a portal that commands talk to."""

from __future__ import annotations

from databases import tables_of
from integration.portal.mesh import LEDGER, VALUE
from integration.portal.running import OWNERS

portal_dsn = tables_of(*OWNERS)
council_dsn = tables_of(*OWNERS, LEDGER, VALUE)

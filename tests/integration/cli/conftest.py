"""Databases for a portal that commands talk to."""

from __future__ import annotations

from databases import tables_of
from integration.portal.running import OWNERS
from kiki.council.syncledger.tables import OWNER as LEDGER
from kiki.council.syncvalue.tables import OWNER as VALUE

portal_dsn = tables_of(*OWNERS)
council_dsn = tables_of(*OWNERS, LEDGER, VALUE)

"""Databases for a portal that commands talk to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from databases import tables_of
from integration.portal.running import KEY, OWNERS, Portal
from kiki.council.syncledger.tables import OWNER as LEDGER
from kiki.council.syncvalue.tables import OWNER as VALUE

portal_dsn = tables_of(*OWNERS)
council_dsn = tables_of(*OWNERS, LEDGER, VALUE)


@pytest.fixture
def commands_ask(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Portal], None]:
    """Has commands talk to a running portal, as an installation with its key would."""

    def ask(portal: Portal) -> None:
        monkeypatch.setenv("KIKI_DATA_DIR", str(tmp_path_factory.mktemp("installation")))
        monkeypatch.setenv("KIKI_PORTAL_URL", f"http://127.0.0.1:{portal.port}")
        monkeypatch.setenv("KIKI_INTERNAL_API_KEY", KEY)

    return ask

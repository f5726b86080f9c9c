"""Every owner of tables, in the order in which they are migrated."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from kiki.kit.migrations import Owner

_TABLES = {
    "commerce": "kiki.commerce.tables",
    "inbox": "kiki.orchestrator.inbox.tables",
    "calls": "kiki.orchestrator.calls.tables",
    "events": "kiki.orchestrator.events.tables",
    "experiments": "kiki.orchestrator.experiments.tables",
    "closing": "kiki.orchestrator.closing.tables",
    "portal": "kiki.portal.tables",
    "syncvalue": "kiki.council.syncvalue.tables",
    "syncflow": "kiki.council.syncflow.tables",
    "syncledger": "kiki.council.syncledger.tables",
    "synccreate": "kiki.council.synccreate.tables",
    "syncengage": "kiki.council.syncengage.tables",
    "syncshield": "kiki.council.syncshield.tables",
}

OWNER_NAMES = tuple(_TABLES)


def load_owner(name: str) -> Owner:
    """The owner of one schema."""
    owner = import_module(_TABLES[name]).OWNER
    assert isinstance(owner, Owner), f"{_TABLES[name]}.OWNER is a {type(owner).__name__}, wanted an Owner"
    return owner


def _exists(name: str) -> bool:
    try:
        return find_spec(_TABLES[name]) is not None
    except ModuleNotFoundError:
        return False


def load_owners() -> list[Owner]:
    """All owners."""
    return [load_owner(name) for name in OWNER_NAMES if _exists(name)]


def migrations_of(package: Path) -> dict[str, Path]:
    """Where each owner's migrations lie below the package `kiki`, without importing anything."""
    return {name: package.joinpath(*path.split(".")[1:-1], "migrations", "versions") for name, path in _TABLES.items()}

"""Every table says what it grows with and what ends its rows; what a setting ends is really ended by it."""

from __future__ import annotations

from pathlib import Path

from kiki.orchestrator.inbox.maintenance import EXPIRING, PARTITIONED
from kiki.orchestrator.settings import OrchestratorSettings
from kiki.runtime.owners import load_owners
from kiki.runtime.retention import TABLES

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def test_every_table_says_what_ends_its_rows() -> None:
    tables = {table.fullname for owner in load_owners() for table in owner.metadata.tables.values()}
    assert tables - set(TABLES) == set(), "say in runtime/retention.py how these grow"
    assert set(TABLES) - tables == set(), "these are no tables any more"


def test_what_a_setting_ends_is_ended_by_maintenance() -> None:
    said = {name: kept.until for name, kept in TABLES.items() if kept.until.startswith("SYNCWORKER_")}
    done = {f"inbox.{table}": "SYNCWORKER_DELIVERY_DAYS" for table in PARTITIONED}
    done |= {table: f"SYNCWORKER_{setting.upper()}" for table, _, setting in EXPIRING}
    assert said == done
    assert {setting for _, _, setting in EXPIRING} <= set(OrchestratorSettings.model_fields)


def test_no_queue_of_deliveries_is_kept_for_ever() -> None:
    assert [name for name, kept in TABLES.items() if kept.grows_with == "deliveries" and kept.until == "kept"] == []


def test_the_settings_that_end_rows_are_in_the_operators_document() -> None:
    text = OPERATIONS.read_text()
    settings = {kept.until for kept in TABLES.values() if kept.until.startswith("SYNCWORKER_")}
    assert [name for name in sorted(settings) if name not in text] == []

"""What a start can tell beforehand: settings that nobody reads or that cannot be used."""

from __future__ import annotations

import pytest

from kiki.kit.errors import InvalidInput
from kiki.kit.settings import load_settings
from kiki.runtime.preflight import about_unknown, check_settings, listened_on, unknown_settings
from kiki.runtime.settings import AGENTS, RuntimeSettings


def test_a_setting_with_a_slip_of_the_pen_is_found_and_the_meant_one_named(monkeypatch: pytest.MonkeyPatch) -> None:
    before = unknown_settings()
    monkeypatch.setenv("SYNCPORTAL_PROT", "8061")
    monkeypatch.setenv("KIKI_DATADIR", "/somewhere")
    monkeypatch.setenv("SYNCPORTAL_PORT", "8061")
    monkeypatch.setenv("SYNCFLOW_GRPC_URL", "127.0.0.1:1")
    assert sorted({*unknown_settings()} - {*before}) == ["KIKI_DATADIR", "SYNCPORTAL_PROT"]
    assert about_unknown("SYNCPORTAL_PROT") == "no such setting; SYNCPORTAL_PORT is one"
    assert about_unknown("KIKI_DATADIR") == "no such setting; KIKI_DATA_DIR is one"
    assert about_unknown("KIKI_SOMETHING_ELSE_ALTOGETHER") == "no such setting"


def test_what_is_empty_or_of_the_tests_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    before = unknown_settings()
    monkeypatch.setenv("SYNCPORTAL_PROT", "")
    monkeypatch.setenv("KIKI_TEST_DATABASE_URL", "postgresql://somewhere")
    assert unknown_settings() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("SYNCPORTAL_PORT", "80x60", id="portal"),
        pytest.param("SYNCWORKER_POOL_SIZE", "many", id="worker"),
        pytest.param("SYNCLEDGER_GRPC_URL", "localhost", id="address"),
        pytest.param("KIKI_LOG_LEVEL", "LOUD", id="log-level"),
        pytest.param("KIKI_LOG_FORMAT", "xml", id="log-format"),
        pytest.param("DATABASE_URL", "mysql://user:a-password@host/db", id="database"),
        pytest.param("KIKI_PORTAL_URL", "portal.example:8060", id="portal-url"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=name) as refused:
        check_settings()
    assert "a-password" not in refused.value.message
    assert refused.value.reason == "BAD_SETTINGS"


def test_a_log_level_is_read_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIKI_LOG_LEVEL", "warning")
    assert load_settings(RuntimeSettings).log_level == "WARNING"


def test_every_component_that_listens_is_looked_at_but_those_that_take_any_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SYNCPORTAL_PORT", "0")
    monkeypatch.setenv("SYNCFLOW_GRPC_URL", "[::1]:18052")
    addresses = listened_on(load_settings(RuntimeSettings))
    assert set(addresses) == set(AGENTS)
    assert addresses["syncflow"] == ("::1", 18052)

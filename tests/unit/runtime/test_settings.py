"""Settings are read once, name what is wrong, and never repeat it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiki.kit.errors import InvalidInput
from kiki.kit.settings import load_settings
from kiki.runtime.composition import agent_settings
from kiki.runtime.settings import AGENTS, RuntimeSettings


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        pytest.param("127.0.0.1:50052", "127.0.0.1:50052", id="plain"),
        pytest.param("http://syncflow:50052/", "syncflow:50052", id="url"),
        pytest.param("[::1]:50052", "[::1]:50052", id="ipv6"),
    ],
)
def test_an_agents_address_is_host_and_port(monkeypatch: pytest.MonkeyPatch, url: str, wanted: str) -> None:
    monkeypatch.setenv("SYNCFLOW_GRPC_URL", url)
    assert load_settings(RuntimeSettings).addresses["syncflow"] == wanted


def test_an_address_without_a_port_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCFLOW_GRPC_URL", "syncflow")
    with pytest.raises(InvalidInput, match="SYNCFLOW_GRPC_URL is host:port"):
        _ = load_settings(RuntimeSettings).addresses


def test_agents_have_the_ports_of_the_specification() -> None:
    addresses = load_settings(RuntimeSettings).addresses
    assert [addresses[agent].rpartition(":")[2] for agent in AGENTS] == [str(50051 + n) for n in range(6)]


def test_in_containers_an_agent_listens_elsewhere_than_it_is_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCVALUE_GRPC_URL", "syncvalue:50051")
    monkeypatch.setenv("KIKI_LISTEN_HOST", "0.0.0.0")
    assert load_settings(RuntimeSettings).listen_address("syncvalue") == "0.0.0.0:50051"


def test_several_keys_are_a_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIKI_INTERNAL_API_KEY", "new-key, old-key,")
    assert load_settings(RuntimeSettings).api_keys == ("new-key", "old-key")


def test_half_a_tls_setting_is_refused() -> None:
    settings = load_settings(RuntimeSettings, tls_certificate=Path("cert.pem"))
    with pytest.raises(InvalidInput, match="both"):
        _ = settings.tls


def test_a_bad_value_is_named_by_its_variable_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIKI_ENV", "hunter2")
    with pytest.raises(InvalidInput) as refused:
        load_settings(RuntimeSettings)
    assert "KIKI_ENV" in refused.value.message
    assert "hunter2" not in refused.value.message


def test_links_in_mail_lead_to_the_portals_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCPORTAL_PUBLIC_URL", "https://kiki.example/")
    assert agent_settings("syncengage").unsubscribe_url == "https://kiki.example/unsubscribe/{token}"
    monkeypatch.setenv("SYNCENGAGE_UNSUBSCRIBE_URL", "https://mail.example/off?{token}")
    assert agent_settings("syncengage").unsubscribe_url == "https://mail.example/off?{token}"

"""Settings are read once, name what is wrong, and never repeat it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kiki.kit.errors import InvalidInput
from kiki.kit.settings import load_settings
from kiki.runtime.composition import agent_settings
from kiki.runtime.installation import portal_address
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


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("postgresql://kiki:hunter#2@db:5432/kiki", id="hash"),
        pytest.param("postgresql://kiki:hunter/2@db:5432/kiki", id="slash"),
        pytest.param("postgresql://kiki:hunter2@db:port/kiki", id="port"),
    ],
)
def test_a_databases_address_that_cannot_be_read_is_refused_with_its_form(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(
        InvalidInput, match=r"DATABASE_URL: .*postgresql://user:password@host:port/database.* %23"
    ) as no:
        load_settings(RuntimeSettings)
    assert "hunter" not in no.value.message


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("", id="embedded"),
        pytest.param("postgresql://kiki@db/kiki", id="no-port"),
        pytest.param("postgres://kiki:a%2Fb@[::1]:5432/kiki?sslmode=verify-full", id="ipv6"),
        pytest.param("postgresql://kiki:word@one:5432,two:5433/kiki?target_session_attrs=primary", id="several-hosts"),
        pytest.param("postgresql://kiki:word@/kiki?host=/run/kiki", id="socket"),
    ],
)
def test_every_form_of_a_databases_address_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert load_settings(RuntimeSettings).database_url.get_secret_value() == url


def test_a_port_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCFLOW_GRPC_URL", "127.0.0.1:65536")
    with pytest.raises(InvalidInput, match=r"SYNCFLOW_GRPC_URL is host:port, got '127\.0\.0\.1:65536'"):
        _ = load_settings(RuntimeSettings).addresses


def test_an_authority_alone_is_no_tls_and_is_refused() -> None:
    settings = load_settings(RuntimeSettings, tls_authority=Path("ca.pem"))
    with pytest.raises(InvalidInput, match="both KIKI_TLS_CERTIFICATE and KIKI_TLS_PRIVATE_KEY"):
        _ = settings.tls


@pytest.mark.parametrize(
    ("certificate", "private_key", "authority", "says"),
    [
        pytest.param("none", "one.key", None, "KIKI_TLS_CERTIFICATE cannot be read: .*none", id="no-certificate"),
        pytest.param("one", "none.key", None, "KIKI_TLS_PRIVATE_KEY cannot be read: .*none.key", id="no-key"),
        pytest.param("one", "one.key", "none", "KIKI_TLS_AUTHORITY cannot be read: .*none", id="no-authority"),
        pytest.param("one", "two.key", None, "got key values mismatch", id="key-of-another"),
        pytest.param("text", "one.key", None, "are a PEM certificate and its key", id="no-pem"),
        pytest.param("one", "one.key", "text", "KIKI_TLS_AUTHORITY .* is a PEM certificate", id="no-pem-authority"),
    ],
)
def test_files_of_tls_that_cannot_be_used_are_named(
    tmp_path: Path, certificate: str, private_key: str, authority: str | None, says: str
) -> None:
    for name in ("one", "two"):
        _write_certificate(tmp_path, name)
    (tmp_path / "text").write_text("hello")
    settings = load_settings(
        RuntimeSettings,
        tls_certificate=tmp_path / certificate,
        tls_private_key=tmp_path / private_key,
        tls_authority=tmp_path / authority if authority else None,
    )
    with pytest.raises(InvalidInput, match=says) as refused:
        settings.check_tls()
    assert refused.value.reason == "BAD_SETTINGS"


def test_files_of_tls_that_can_be_used_pass(tmp_path: Path) -> None:
    _write_certificate(tmp_path, "one")
    settings = load_settings(
        RuntimeSettings,
        tls_certificate=tmp_path / "one",
        tls_private_key=tmp_path / "one.key",
        tls_authority=tmp_path / "one",
    )
    settings.check_tls()
    load_settings(RuntimeSettings).check_tls()


def _write_certificate(folder: Path, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    (folder / name).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        pytest.param({}, "http://127.0.0.1:8060", id="default"),
        pytest.param({"SYNCPORTAL_HOST": "::", "SYNCPORTAL_PORT": "81"}, "http://127.0.0.1:81", id="every-address"),
        pytest.param({"SYNCPORTAL_HOST": "::1"}, "http://[::1]:8060", id="ipv6"),
        pytest.param({"KIKI_PORTAL_URL": "https://portal.example/"}, "https://portal.example", id="elsewhere"),
    ],
)
def test_the_portal_is_asked_where_this_machine_reaches_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], wanted: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {"KIKI_DATA_DIR": str(tmp_path), **variables}.items():
        monkeypatch.setenv(name, value)
    assert portal_address() == wanted

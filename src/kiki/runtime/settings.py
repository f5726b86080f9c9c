"""Settings of the installation as a whole; every component has its own beside it."""

from __future__ import annotations

import os
import ssl
from enum import StrEnum
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from kiki.kit.errors import InvalidInput
from kiki.kit.grpc.settings import TlsSettings
from kiki.kit.settings import settings_config

_HIGHEST_PORT = 65_535
AGENTS = ("syncvalue", "syncflow", "syncledger", "synccreate", "syncengage", "syncshield")


class Environment(StrEnum):
    """How strict a start is."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class RuntimeSettings(BaseSettings):
    """What holds for all processes of an installation."""

    model_config = settings_config("KIKI_") | {"populate_by_name": True}

    env: Environment = Field(
        default=Environment.DEVELOPMENT,
        description="development makes missing secrets on the first start; production only says what is missing.",
    )
    data_dir: Path | None = Field(
        default=None,
        description="Folder of secrets, logs and the embedded database; empty: /var/lib/kiki, or the user's own.",
    )
    database_url: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="DATABASE_URL",
        description="postgresql:// address of PostgreSQL 16 or newer; empty: the embedded one.",
    )
    internal_api_key: SecretStr = Field(
        default=SecretStr(""),
        description="Key of /internal/*, /reports/* and the agents, 32 characters or more. Several, with commas, for a"
        " rotation: the first is used, all are accepted.",
    )
    sealing_keys: SecretStr = Field(
        default=SecretStr(""),
        description="Master keys of sealed data, version:base64 with commas; the highest version seals. Who loses them"
        " loses the data.",
    )
    postgres_password: SecretStr = Field(
        default=SecretStr(""), description="Password of the embedded database's role; only used without DATABASE_URL."
    )
    postgres_admin_password: SecretStr = Field(
        default=SecretStr(""),
        description="Password of the embedded database's superuser; only used without DATABASE_URL.",
    )
    postgres_user: str = Field(
        default="",
        description="User who runs the embedded database when kiki runs as root; empty: kiki, postgres or nobody.",
    )
    listen_host: str = Field(
        default="", description="Address that agents listen on; empty: the host of their own address below."
    )
    portal_url: str = Field(
        default="", description="Where commands reach the portal; empty: its own host and port on this machine."
    )
    tls_certificate: Path | None = Field(default=None, description="PEM certificate chain for gRPC; empty: no TLS.")
    tls_private_key: Path | None = Field(default=None, description="PEM private key for gRPC.")
    tls_authority: Path | None = Field(
        default=None, description="PEM authority that signed the peers' certificates; set: both sides must show one."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR."
    )
    log_format: Literal["json", "text", "auto"] = Field(
        default="auto", description="json, text, or auto: text on a terminal."
    )
    drain_seconds: float = Field(default=8.0, gt=0, description="Longest time for work under way when a process stops.")
    syncvalue_grpc_url: str = Field(
        default="127.0.0.1:50051", validation_alias="SYNCVALUE_GRPC_URL", description="Address of SyncValue."
    )
    syncflow_grpc_url: str = Field(
        default="127.0.0.1:50052", validation_alias="SYNCFLOW_GRPC_URL", description="Address of SyncFlow."
    )
    syncledger_grpc_url: str = Field(
        default="127.0.0.1:50053", validation_alias="SYNCLEDGER_GRPC_URL", description="Address of SyncLedger."
    )
    synccreate_grpc_url: str = Field(
        default="127.0.0.1:50054", validation_alias="SYNCCREATE_GRPC_URL", description="Address of SyncCreate."
    )
    syncengage_grpc_url: str = Field(
        default="127.0.0.1:50055", validation_alias="SYNCENGAGE_GRPC_URL", description="Address of SyncEngage."
    )
    syncshield_grpc_url: str = Field(
        default="127.0.0.1:50056", validation_alias="SYNCSHIELD_GRPC_URL", description="Address of SyncShield."
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level

    @field_validator("database_url")
    @classmethod
    def _of_postgresql(cls, url: SecretStr) -> SecretStr:
        text = url.get_secret_value()
        if text and not text.startswith(("postgresql://", "postgres://")):
            raise ValueError("a database's address starts with postgresql://")
        if text and not _has_numbers_for_ports(text):
            raise ValueError(
                "a database's address is postgresql://user:password@host:port/database; / ? # @ : % in a password are"
                " written %2F %3F %23 %40 %3A %25"
            )
        return url

    @field_validator("portal_url")
    @classmethod
    def _of_http(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("the portal's address starts with http:// or https://")
        return url

    @property
    def production(self) -> bool:
        """Whether this is a production start."""
        return self.env is Environment.PRODUCTION

    @property
    def api_keys(self) -> tuple[str, ...]:
        """The accepted internal keys; the first is the one that we use."""
        return tuple(filter(None, (key.strip() for key in self.internal_api_key.get_secret_value().split(","))))

    @property
    def folder(self) -> Path:
        """Where this installation keeps what is its own."""
        return (self.data_dir or default_data_folder()).expanduser().absolute()

    @property
    def addresses(self) -> dict[str, str]:
        """Where each agent is dialled, as host:port."""
        return {agent: _host_and_port(agent, getattr(self, f"{agent}_grpc_url")) for agent in AGENTS}

    def listen_address(self, agent: str) -> str:
        """Where an agent listens."""
        host, _, port = self.addresses[agent].rpartition(":")
        return f"{self.listen_host or host}:{port}"

    @property
    def tls(self) -> TlsSettings | None:
        """Certificate, key and authority for gRPC, when set."""
        if self.tls_certificate is None and self.tls_private_key is None and self.tls_authority is None:
            return None
        if self.tls_certificate is None or self.tls_private_key is None:
            raise InvalidInput(
                "TLS wants both KIKI_TLS_CERTIFICATE and KIKI_TLS_PRIVATE_KEY, got one or only an authority",
                reason="BAD_SETTINGS",
            )
        return TlsSettings(self.tls_certificate, self.tls_private_key, self.tls_authority)

    def check_tls(self) -> None:
        """Raise `InvalidInput` for files of TLS that cannot be used: absent, no PEM, a key of another certificate."""
        tls = self.tls
        if tls is None:
            return
        for name, path in (("CERTIFICATE", tls.certificate), ("PRIVATE_KEY", tls.private_key)):
            _readable(f"KIKI_TLS_{name}", path)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.private_key, password=_none)
        except (ssl.SSLError, ValueError) as error:
            raise InvalidInput(
                f"KIKI_TLS_CERTIFICATE ({tls.certificate}) and KIKI_TLS_PRIVATE_KEY ({tls.private_key}) are a PEM"
                f" certificate and its key, without a passphrase; got {_reason(error)}",
                reason="BAD_SETTINGS",
            ) from None
        if tls.authority is not None:
            _readable("KIKI_TLS_AUTHORITY", tls.authority)
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(tls.authority)
            except ssl.SSLError as error:
                raise InvalidInput(
                    f"KIKI_TLS_AUTHORITY ({tls.authority}) is a PEM certificate; got {_reason(error)}",
                    reason="BAD_SETTINGS",
                ) from None


def default_data_folder() -> Path:
    """`/var/lib/kiki` for root, the user's data folder otherwise."""
    return Path("/var/lib/kiki") if os.geteuid() == 0 else Path.home() / ".local" / "share" / "kiki"


def _has_numbers_for_ports(address: str) -> bool:
    """Of every host: there may be several, with commas. A password with a `/`, say, is taken for host and port."""
    try:
        hosts = urlsplit(address).netloc.rpartition("@")[2].split(",")
    except ValueError:
        return False
    ports = [host.rpartition("]")[2].partition(":")[2] for host in hosts]
    return all(port.isdecimal() for port in ports if port)


def _readable(name: str, path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{name} cannot be read: {path} ({error.strerror})", reason="BAD_SETTINGS") from None


def _none() -> str:
    """In the place of a passphrase, which OpenSSL would ask the terminal for."""
    return ""


def _reason(error: ssl.SSLError | ValueError) -> str:
    return (getattr(error, "reason", None) or "something else").replace("_", " ").lower()


def _host_and_port(agent: str, url: str) -> str:
    address = url.partition("://")[2] or url
    host, _, port = address.rstrip("/").rpartition(":")
    if not host or not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise InvalidInput(f"{agent.upper()}_GRPC_URL is host:port, got {url!r}", reason="BAD_SETTINGS")
    return f"{host}:{port}"

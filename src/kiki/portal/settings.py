"""Settings of the portal."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from kiki.kit.settings import settings_config


class PortalSettings(BaseSettings):
    """What an operator can set; read from the environment with the prefix `SYNCPORTAL_`."""

    model_config = SettingsConfigDict(**settings_config("SYNCPORTAL_"), populate_by_name=True)

    host: str = Field(default="127.0.0.1", description="Address that the HTTP server listens on.")
    port: int = Field(default=8060, ge=0, le=65535, description="Port of the HTTP server; 0 takes a free one.")
    public_url: str = Field(
        default="http://127.0.0.1:8060",
        description="Address under which shops reach the portal; delivery URLs start with it.",
    )
    dashboard_url: str = Field(
        default="http://127.0.0.1:8060/dashboard", description="Address of the dashboard, where install flows end."
    )
    internal_api_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="KIKI_INTERNAL_API_KEY",
        description="Key (or several, separated by commas) that guards /internal/* and /reports/*.",
    )
    shopify_api_secret: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="SHOPIFY_API_SECRET",
        description="Client secret of the Shopify app; signs webhooks of every shop that installed it.",
    )
    max_body_bytes: int = Field(
        default=10 * 2**20, ge=1024, description="Largest webhook body; above it 413 is answered."
    )
    body_timeout_seconds: float = Field(
        default=30.0, gt=0, description="Time a sender has for its body; past it 408 is answered."
    )
    answer_deadline_seconds: float = Field(
        default=0.9,
        gt=0,
        le=5,
        description="Longest that a delivery waits on our side: store, check, durable write; past it 503 is answered.",
    )
    max_waiting_bytes: int = Field(
        default=64 * 2**20,
        ge=2**20,
        description="Bytes of deliveries that may wait for the database; past it 503 is answered.",
    )
    max_batch: int = Field(default=500, ge=1, le=5000, description="Most deliveries written in one group commit.")
    commit_pace_seconds: float = Field(
        default=0.005,
        ge=0,
        le=0.1,
        description="Shortest time between two group commits, up to three times as long while they take long; a"
        " delivery that comes alone never waits.",
    )
    refusal_flush_seconds: float = Field(
        default=10.0, gt=0, description="How often refused deliveries are summed up and handed to the audit log."
    )
    disk_path: Path | None = Field(
        default=None, description="Folder whose file system must have room; empty where the database is elsewhere."
    )
    disk_free_floor: float = Field(
        default=0.05, ge=0, lt=1, description="Share of free disk below which webhooks are answered 503."
    )
    database_connections: int = Field(
        default=6, ge=3, le=50, description="Most connections of the portal to PostgreSQL."
    )
    allow_private_addresses: bool = Field(
        default=False, description="Whether shops may have private addresses when the portal calls them (development)."
    )
    collector_store_per_second: float = Field(
        default=50.0, gt=0, description="Beacons per second of one store; ten seconds' worth may come at once."
    )
    collector_address_per_minute: float = Field(
        default=120.0, gt=0, description="Beacons per minute of one client address; as many may come at once."
    )
    collector_address_header: str = Field(
        default="",
        description="Header to which the proxy in front appends the client's address, such as x-forwarded-for.",
    )
    shutdown_seconds: float = Field(default=4.0, gt=0, description="Time for requests under way when the portal stops.")

    @property
    def api_keys(self) -> tuple[str, ...]:
        """The internal keys, several during a rotation."""
        return tuple(
            key for key in (part.strip() for part in self.internal_api_key.get_secret_value().split(",")) if key
        )

    @property
    def app_secrets(self) -> dict[str, tuple[str, ...]]:
        """Signing secrets that hold for every store of a platform."""
        secret = self.shopify_api_secret.get_secret_value()
        return {"shopify": (secret,)} if secret else {}

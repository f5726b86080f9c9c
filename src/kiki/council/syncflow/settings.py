"""What can be set about SyncFlow."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from kiki.kit.settings import settings_config


class SyncFlowSettings(BaseSettings):
    """Settings of SyncFlow, read from `SYNCFLOW_…`."""

    model_config = settings_config("SYNCFLOW_")

    pool_size: int = Field(default=6, ge=2, le=6, description="Database connections that SyncFlow keeps at most.")
    allow_private_networks: bool = Field(
        default=False, description="Whether an ad network's address may be private or loopback, as the sandbox's is."
    )
    network_timeout_seconds: float = Field(
        default=5, gt=0, le=60, description="Longest wait for an ad network's answer; then its state is read back."
    )
    network_concurrency: int = Field(
        default=8, ge=2, le=100, description="Campaigns of one store's ad network that are driven at the same time."
    )
    stock_reserve: int = Field(
        default=2, ge=1, le=50, description="Of these, how many places only work of the live-stock lane may take."
    )
    max_in_flight: int = Field(
        default=64, ge=1, le=500, description="Campaigns that are driven at the same time in all."
    )
    lease_seconds: float = Field(
        default=30, ge=1, le=600, description="How long a process may drive a campaign before another one takes over."
    )
    retry_first_seconds: float = Field(
        default=0.1, gt=0, le=60, description="Wait after the first failure at a network."
    )
    retry_longest_seconds: float = Field(default=30, gt=0, le=3600, description="Longest wait between two tries.")
    poll_seconds: float = Field(
        default=0.5, gt=0, le=60, description="How often retries, expiries and other processes' work are looked for."
    )
    refresh_seconds: float = Field(
        default=300, ge=1, le=86_400, description="How often each campaign is read to notice what people changed."
    )

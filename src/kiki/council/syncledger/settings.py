"""Settings of SyncLedger, from the environment."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SyncLedgerSettings(BaseSettings):
    """Every field may be set as `SYNCLEDGER_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="SYNCLEDGER_", hide_input_in_errors=True, frozen=True, extra="ignore")

    pool_size: int = Field(default=4, ge=1, le=6, description="Database connections of SyncLedger at most.")

"""Settings of SyncValue, from the environment."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SyncValueSettings(BaseSettings):
    """Every field may be set as `SYNCVALUE_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="SYNCVALUE_", hide_input_in_errors=True, frozen=True, extra="ignore")

    pool_size: int = Field(default=4, ge=1, le=6, description="Database connections of SyncValue at most.")
    refresh_check_seconds: float = Field(
        default=30, gt=0, description="How often SyncValue looks for stores whose model is due for a refresh."
    )
    refresh_young_seconds: float = Field(
        default=60, gt=0, description="How old a small store's (under 1,000 customers) model may grow, in seconds."
    )
    refresh_grown_seconds: float = Field(
        default=3600, gt=0, description="How old a larger store's model may grow, in seconds."
    )
    sample_customers: int = Field(
        default=10_000, ge=100, le=100_000, description="Customers of a store that a refresh of its model looks at."
    )
    high_segment_share: float = Field(
        default=0.2, gt=0, lt=1, description="Part of the customers that the segment `high` holds."
    )
    low_segment_share: float = Field(
        default=0.5, gt=0, lt=1, description="Part of the customers that the segment `low` holds."
    )

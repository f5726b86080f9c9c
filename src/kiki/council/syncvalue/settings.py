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
    fit_check_seconds: float = Field(
        default=300, gt=0, description="How often SyncValue looks for stores whose fitted model is due, and when first."
    )
    fit_least_customers: int = Field(
        default=20, ge=1, description="Customers that a store has before a model is fitted to it."
    )
    fit_growth: float = Field(
        default=0.25, gt=0, description="By what share a store's customers grow before its model is fitted anew."
    )
    fit_min_age_seconds: float = Field(
        default=3600, ge=0, description="How long a fitted model serves at least, however the store grows, in seconds."
    )
    fit_max_age_seconds: float = Field(
        default=604_800, gt=0, description="How old a fitted model may grow, in seconds: a week."
    )
    fit_stores_per_round: int = Field(
        default=10, ge=1, le=1_000, description="Stores at most whose models are fitted each time SyncValue looks."
    )
    fit_customers: int = Field(
        default=20_000, ge=100, le=200_000, description="Customers of a store at most that its model is fitted to."
    )
    fit_timeout_seconds: float = Field(default=300, gt=0, description="How long a store's fit may take, in seconds.")
    yearly_discount: float = Field(
        default=0.1,
        gt=0,
        le=10,
        description="Yearly discount of later purchases in value and lifetime value: 0.1 is 10 %.",
    )
    high_segment_share: float = Field(
        default=0.2, gt=0, lt=1, description="Part of the customers that the segment `high` holds."
    )
    low_segment_share: float = Field(
        default=0.5, gt=0, lt=1, description="Part of the customers that the segment `low` holds."
    )

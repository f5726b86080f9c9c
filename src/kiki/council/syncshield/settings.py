"""What can be set about SyncShield."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings

from kiki.kit.settings import settings_config


class SyncShieldSettings(BaseSettings):
    """Settings of SyncShield, read from `SYNCSHIELD_…`."""

    model_config = settings_config("SYNCSHIELD_")

    pool_size: int = Field(default=4, ge=1, le=6, description="Database connections that SyncShield keeps at most.")
    verify_page: int = Field(
        default=2_000,
        ge=1,
        le=20_000,
        description="Links of the audit log that are read at a time while it is verified.",
    )
    subject_request_days: int = Field(
        default=30,
        ge=1,
        le=90,
        description="Days in which a data-subject request has to be fulfilled when it names no date.",
    )

"""Settings of SyncCreate, read from `SYNCCREATE_…`."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SyncCreateSettings(BaseSettings):
    """What an operator may decide about creatives."""

    model_config = SettingsConfigDict(env_prefix="SYNCCREATE_", hide_input_in_errors=True, frozen=True)

    asset_path: str = Field(
        default="/creatives/{asset_id}",
        pattern=r"^/.*\{asset_id\}.*$",
        description="Path under which the portal serves pictures; `{asset_id}` is replaced.",
    )
    render_processes: int = Field(
        default=1,
        ge=0,
        le=16,
        description="Rendering processes, started when needed; 0: pictures are not rendered here.",
    )
    render_niceness: int = Field(default=10, ge=0, le=19, description="How far rendering steps back for other work.")
    render_timeout_seconds: float = Field(default=60, gt=0, le=600, description="Deadline of rendering one creative.")
    idle_seconds: float = Field(default=60, gt=0, description="Rendering processes end after being idle this long.")
    poll_seconds: float = Field(default=2, gt=0, le=60, description="How often waiting pictures are looked for.")
    lease_seconds: int = Field(default=180, ge=30, description="How long a taken job belongs to one renderer.")
    max_attempts: int = Field(default=5, ge=1, le=50, description="Tries before a creative is marked failed.")
    fetch_pictures: bool = Field(default=True, description="Whether product pictures are fetched from the shop.")
    fetch_allow_private: bool = Field(
        default=False, description="Whether pictures may be fetched from private networks."
    )
    fetch_max_bytes: int = Field(default=8 * 2**20, ge=1024, description="Largest product picture in bytes.")
    fetch_timeout_seconds: float = Field(default=8, gt=0, le=60, description="Deadline of fetching a product picture.")
    font_files: str = Field(
        default="", description="Comma-separated font files to prefer, each `regular.ttf` or `regular.ttf:bold.ttf`."
    )
    store_pool_size: int = Field(default=4, ge=2, le=20, description="Database connections of this agent.")

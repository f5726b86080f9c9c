"""Settings of the worker."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class OrchestratorSettings(BaseSettings):
    """How the worker leases, batches, retries and keeps."""

    model_config = SettingsConfigDict(env_prefix="SYNCWORKER_", frozen=True, hide_input_in_errors=True, extra="ignore")

    lease_seconds: float = Field(15.0, gt=0, description="How long a lease lasts without renewal.")
    batch_deadline_seconds: float = Field(5.0, gt=0, description="Longest time that one batch may take.")
    batch_size: int = Field(600, ge=1, le=1000, description="Most deliveries decided in one transaction.")
    store_share: int = Field(
        100,
        ge=1,
        description="Most deliveries of one store in a batch while other stores wait too.",
    )
    poll_seconds: float = Field(
        0.5,
        gt=0,
        description="How often the queues are looked at without a notification.",
    )
    call_pace_seconds: float = Field(
        0.06,
        ge=0,
        description="Shortest time between two batches sent to an agent, so that calls gather; pauses do not wait.",
    )
    audit_pace_seconds: float = Field(
        0.15,
        ge=0,
        description="The same for the audit log, which is told what happened, not what to do.",
    )
    pace_seconds: float = Field(
        0.06,
        ge=0,
        description="Shortest time between two batches, so that batches gather; longer while batches take long.",
    )
    stock_pace_seconds: float = Field(
        0.05,
        ge=0,
        description="The same for changes of stock while they come in numbers; a few never wait.",
    )
    pool_size: int = Field(12, ge=4, le=100, description="Database connections of the worker.")
    retry_base_seconds: float = Field(1.0, gt=0, description="Wait after the first failure of an entity; doubles.")
    retry_cap_seconds: float = Field(300.0, gt=0, description="Longest wait between two attempts of an entity.")
    retry_attempts: int = Field(12, ge=1, description="Attempts before a delivery or call is set aside as dead.")
    parked_per_entity: int = Field(
        200,
        ge=1,
        description="Most deliveries or calls held back behind one failing entity before it is given up.",
    )
    chunk_items: int = Field(300, ge=1, le=300, description="Most calls sent to an agent in one batch.")
    chunk_bytes: int = Field(1_000_000, ge=1000, description="Largest batch sent to an agent.")
    chunks_in_flight: int = Field(2, ge=1, le=16, description="Batches under way per agent and lane.")
    agent_backoff_cap_seconds: float = Field(
        2.0, gt=0, description="Longest wait before an absent agent is tried again."
    )
    delivery_days: int = Field(30, ge=2, description="Days that delivery bodies and outcomes are kept.")
    key_days: int = Field(90, ge=2, description="Days that duplicate keys are kept.")
    history_days: int = Field(400, ge=2, description="Days that answered and refused calls are kept.")
    event_days: int = Field(400, ge=2, description="Days that the event log is kept.")
    rates_url: str = Field(
        "",
        description="Where the European Central Bank's reference rates (eurofxref, XML or CSV) are read daily. Empty:"
        " nothing is fetched.",
    )
    close_grace_days: float = Field(
        3.0,
        ge=0,
        le=3650,
        description="Days from a month's end until it is closed; what comes later is a correction in the next month.",
    )
    outbound_timeout_seconds: float = Field(15.0, gt=0, description="Longest wait for a subscriber's answer.")
    outbound_disable_days: int = Field(5, ge=1, description="Days of failure after which a subscription is disabled.")
    outbound_allow_private: bool = Field(
        False,
        description="Whether subscribers may live at private addresses (for development).",
    )

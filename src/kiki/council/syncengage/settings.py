"""Settings of SyncEngage, read from `SYNCENGAGE_…`."""

from __future__ import annotations

import datetime as dt

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kiki.council.syncengage.flows import Policy, default_steps
from kiki.council.syncengage.sending.headers import mail_address


class SyncEngageSettings(BaseSettings):
    """What an operator may decide about mail and SMS."""

    model_config = SettingsConfigDict(env_prefix="SYNCENGAGE_", hide_input_in_errors=True, frozen=True)

    smtp_host: str = Field(
        default="", description="Mail server that takes our mail; empty: mail waits and is not sent."
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Port of the mail server.")
    smtp_username: str = Field(default="", description="User at the mail server; empty: no login.")
    smtp_password: SecretStr = Field(default=SecretStr(""), description="Password at the mail server.")
    smtp_tls: str = Field(
        default="auto",
        pattern="^(auto|starttls|implicit|none)$",
        description="`auto` (STARTTLS when offered), `starttls` (required), `implicit` (TLS from the start) or `none`.",
    )
    smtp_timeout_seconds: float = Field(
        default=20, gt=0, le=300, description="Deadline of each step with the mail server."
    )
    smtp_connections: int = Field(default=2, ge=1, le=20, description="Connections to the mail server at once.")
    sender_address: str = Field(default="no-reply@localhost", description="Address that mail comes from.")
    sender_identity: str = Field(
        default="",
        description=(
            "Name and postal address of the sender, in the footer of every mail (required by law in most places)."
        ),
    )
    unsubscribe_url: str = Field(
        default="http://127.0.0.1:8060/unsubscribe/{token}",
        pattern=r"^https?://.*\{token\}.*$",
        description="Public URL of the unsubscribe page; `{token}` is replaced. Unset: below SYNCPORTAL_PUBLIC_URL.",
    )
    sms_url: str = Field(
        default="", description="HTTP endpoint that sends SMS (POST JSON: to, text, reference); empty: none."
    )
    sms_api_key: SecretStr = Field(default=SecretStr(""), description="Bearer key for the SMS endpoint.")
    sms_allow_private: bool = Field(default=False, description="Whether the SMS endpoint may be in a private network.")
    holdout_share: float = Field(
        default=0.1,
        ge=0,
        le=0.5,
        description="Share of customers who get no marketing of a kind, so that lift can be measured.",
    )
    quiet_from_hour: int = Field(default=21, ge=0, le=23, description="Local hour from which nothing is sent.")
    quiet_until_hour: int = Field(default=8, ge=0, le=23, description="Local hour from which messages are sent again.")
    marketing_cap: int = Field(
        default=3, ge=1, description="Marketing messages per contact and channel in the cap's period."
    )
    marketing_cap_days: int = Field(default=7, ge=1, le=90, description="Period of the cap in days.")
    thanks_delay_seconds: int = Field(default=900, ge=0, description="Time from an order to its thank-you mail.")
    tips_delay_seconds: int = Field(default=86_400, ge=0, description="Time from an order to the mail about using it.")
    tips_sms_delay_seconds: int = Field(default=90_000, ge=0, description="Time from an order to its SMS.")
    upsell_delay_seconds: int = Field(default=100_800, ge=0, description="Time from an upsell trigger to its mail.")
    winback_delay_seconds: int = Field(default=0, ge=0, description="Time from the discount code to the win-back mail.")
    code_wait_days: int = Field(default=7, ge=1, le=60, description="How long a win-back waits for its discount code.")
    poll_seconds: float = Field(default=2, gt=0, le=60, description="How often due messages are looked for.")
    batch_size: int = Field(default=50, ge=1, le=500, description="Messages taken at a time.")
    lease_seconds: int = Field(default=180, ge=30, description="How long taken messages belong to one sender.")
    max_attempts: int = Field(default=8, ge=1, le=50, description="Tries before a message is given up.")
    store_pool_size: int = Field(default=6, ge=2, le=20, description="Database connections of this agent.")

    @field_validator("sender_address")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        """Without it every mail would be refused, one by one."""
        return mail_address(value)

    def policy(self) -> Policy:
        """What the planning rules read."""
        post_purchase, upsell, winback = default_steps(
            thanks_delay=self.thanks_delay_seconds,
            tips_delay=self.tips_delay_seconds,
            sms_delay=self.tips_sms_delay_seconds,
            upsell_delay=self.upsell_delay_seconds,
            winback_delay=self.winback_delay_seconds,
        )
        return Policy(
            post_purchase=post_purchase,
            upsell=upsell,
            winback=winback,
            holdout_share=self.holdout_share,
            quiet_from=self.quiet_from_hour,
            quiet_until=self.quiet_until_hour,
            sms_possible=bool(self.sms_url),
            code_wait=dt.timedelta(days=self.code_wait_days),
        )

"""What may be sent, to whom and when: consent, hold-out, quiet hours, frequency. Pure."""

from __future__ import annotations

import datetime as dt
import hashlib
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kiki.council.syncengage.domain import Audience, Channel, FlowKind, Step

ORDER_FRESH = dt.timedelta(hours=48)
"""Nothing is sent for an order placed longer ago than this."""

NO_CONSENT = "no_consent"
UNSUBSCRIBED = "unsubscribed"
HELD_OUT = "held_out"
ORDER_TOO_OLD = "order_too_old"
NO_ADDRESS = "no_address"
NO_SMS_PROVIDER = "no_sms_provider"
NO_RECOMMENDATION = "no_recommendation"
SOLD_OUT = "sold_out"
BOUNCED = "bounced"
FREQUENCY_CAP = "frequency_cap"
FLOW_REPEATED = "flow_repeated"
TOO_LATE = "too_late"
ERASED = "erased"
NO_CODE = "no_code"
GIVEN_UP = "given_up"
ORDERED_AGAIN = "ordered_again"
ORDER_REVERSED = "order_reversed"
STORE_LEFT = "store_left"

_SCALE = 2**64


def forbidden(step: Step, audience: Audience, *, sms_possible: bool) -> str | None:
    """Why this message may not be sent to this contact at all; None when it may."""
    if step.channel is Channel.EMAIL:
        has_address, consent, unsubscribed = audience.has_email, audience.email_consent, audience.email_unsubscribed
    else:
        has_address, consent, unsubscribed = audience.has_phone, audience.sms_consent, audience.sms_unsubscribed
        if not sms_possible:
            return NO_SMS_PROVIDER
    if not has_address:
        return NO_ADDRESS
    if not step.marketing:
        return None
    if unsubscribed:
        return UNSUBSCRIBED
    return None if consent else NO_CONSENT


def is_held_out(store_id: int, kind: FlowKind, customer_key: str, share: float) -> bool:
    """Whether a customer belongs to the hold-out of a kind of flow: the same answer for the same share, every time.

    The draw is a hash, so that growing the share keeps everyone who was held out before.
    """
    drawn = hashlib.blake2b(f"holdout\x1f{store_id}\x1f{int(kind)}\x1f{customer_key}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn, "big") < share * _SCALE


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name; UTC when it is empty or unknown."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def known_zone(name: str) -> bool:
    """Whether a name is an IANA time zone."""
    return bool(name) and zone(name).key == name


def awake(at: dt.datetime, timezone: str, *, quiet_from: int, quiet_until: int) -> dt.datetime:
    """`at`, or the end of the quiet hours (local hours, e.g. 21 to 8) when it falls into them."""
    if quiet_from == quiet_until:
        return at
    local = at.astimezone(zone(timezone))
    hour = local.hour
    if quiet_from < quiet_until:
        if not quiet_from <= hour < quiet_until:
            return at
        days = 0
    else:
        if quiet_until <= hour < quiet_from:
            return at
        days = 1 if hour >= quiet_from else 0
    morning = local.replace(hour=quiet_until, minute=0, second=0, microsecond=0, fold=0) + dt.timedelta(days=days)
    woken = morning.astimezone(dt.UTC)
    # Clocks that go back over the end of the quiet hours pass it twice; from the second night hour only one is ahead.
    return woken if woken >= at else morning.replace(fold=1).astimezone(dt.UTC)


def discount_percent(churn_risk: float) -> int:
    """How large a win-back discount is worth it: 10 % from the threshold on, 15 % when the customer is nearly gone."""
    return 15 if churn_risk >= 0.85 else 10


def consent_after(
    *,
    known: bool | None,
    unsubscribed_at: dt.datetime | None,
    said: bool | None,
    given_at: dt.datetime | None,
) -> tuple[bool | None, bool]:
    """Consent after the shop said something: (consent, whether an earlier unsubscribe still stands).

    An unsubscribe is undone only by a consent that is dated after it: shops repeat an old consent with every change
    of a profile and do not know of our unsubscribe link.
    """
    consent = known if said is None else said
    if unsubscribed_at is None:
        return consent, False
    undone = said is True and given_at is not None and given_at > unsubscribed_at
    return consent, not undone


def is_forgotten(erased_at: dt.datetime | None, told_at: dt.datetime | None) -> bool:
    """Whether what is told about a person was erased: only a fact after the erasure makes them known again.

    Requests wait, are tried again and replayed, with the personal fields that they had when they were made.
    """
    return erased_at is not None and (told_at is None or told_at <= erased_at)

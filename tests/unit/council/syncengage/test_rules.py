"""Who may be sent what, and when."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.council.syncengage import rules
from kiki.council.syncengage.domain import Audience, Channel, FlowKind, Step

UTC = dt.UTC
MAIL = Step("order_tips", Channel.EMAIL, 0, marketing=True)
SMS = Step("order_tips_sms", Channel.SMS, 0, marketing=True)
THANKS = Step("order_thanks", Channel.EMAIL, 0, marketing=False)


def audience(**fields: object) -> Audience:
    known: dict[str, object] = {
        "has_email": True,
        "has_phone": True,
        "email_consent": True,
        "sms_consent": True,
        "email_unsubscribed": False,
        "sms_unsubscribed": False,
        "timezone": "",
    }
    return Audience(**{**known, **fields})  # type: ignore[arg-type]  # plain values by name


@pytest.mark.parametrize(
    ("step", "fields", "reason"),
    [
        pytest.param(MAIL, {}, None, id="consented"),
        pytest.param(MAIL, {"email_consent": False}, "no_consent", id="no consent"),
        pytest.param(MAIL, {"email_unsubscribed": True}, "unsubscribed", id="unsubscribed though consented"),
        pytest.param(THANKS, {"email_consent": False, "email_unsubscribed": True}, None, id="transactional"),
        pytest.param(THANKS, {"has_email": False}, "no_address", id="no address"),
        pytest.param(SMS, {"sms_consent": False}, "no_consent", id="mail consent is not SMS consent"),
    ],
)
def test_marketing_needs_consent_and_transactional_does_not(
    step: Step, fields: dict[str, object], reason: str | None
) -> None:
    assert rules.forbidden(step, audience(**fields), sms_possible=True) == reason


def test_sms_without_a_provider_is_forbidden() -> None:
    assert rules.forbidden(SMS, audience(), sms_possible=False) == "no_sms_provider"


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        pytest.param("UTC", "2026-11-23T12:00", "2026-11-23T12:00", id="day"),
        pytest.param("UTC", "2026-11-23T21:00", "2026-11-24T08:00", id="evening"),
        pytest.param("UTC", "2026-11-23T03:10", "2026-11-23T08:00", id="night"),
        pytest.param("Asia/Tokyo", "2026-11-23T12:30", "2026-11-23T23:00", id="evening elsewhere"),
        pytest.param("Europe/Berlin", "2026-03-28T21:00", "2026-03-29T06:00", id="over the start of summer time"),
        pytest.param("No/Where", "2026-11-23T12:00", "2026-11-23T12:00", id="unknown zone is UTC"),
    ],
)
def test_quiet_hours_are_local(zone: str, at: str, expected: str) -> None:
    moved = rules.awake(dt.datetime.fromisoformat(at).replace(tzinfo=UTC), zone, quiet_from=21, quiet_until=8)
    assert moved == dt.datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "at", "quiet", "expected"),
    [
        pytest.param("Pacific/Chatham", "2026-04-04T14:05", (21, 3), "2026-04-04T14:15", id="the second 2:50"),
        pytest.param("Pacific/Chatham", "2026-04-04T13:05", (21, 3), "2026-04-04T13:15", id="the first 2:50"),
        pytest.param("Antarctica/Troll", "2026-10-25T01:30", (23, 2), "2026-10-25T02:00", id="the second 1:30"),
        pytest.param("America/Santiago", "2026-09-06T03:30", (21, 0), "2026-09-06T04:00", id="no midnight that night"),
        pytest.param("Asia/Kathmandu", "2026-11-23T16:00", (21, 8), "2026-11-24T02:15", id="45 minutes off"),
        pytest.param("Pacific/Kiritimati", "2026-11-23T08:00", (21, 8), "2026-11-23T18:00", id="14 hours ahead"),
    ],
)
def test_quiet_hours_end_ahead_whatever_the_clocks_do(
    zone: str, at: str, quiet: tuple[int, int], expected: str
) -> None:
    asked = dt.datetime.fromisoformat(at).replace(tzinfo=UTC)
    moved = rules.awake(asked, zone, quiet_from=quiet[0], quiet_until=quiet[1])
    assert moved == dt.datetime.fromisoformat(expected).replace(tzinfo=UTC)


@given(
    minute=st.integers(0, 2 * 365 * 24 * 60),
    zone=st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata", "Europe/Berlin", "Pacific/Auckland"]),
    quiet=st.tuples(st.integers(0, 23), st.integers(0, 23)),
)
def test_a_moved_time_is_never_quiet_never_earlier_and_within_a_day(
    minute: int, zone: str, quiet: tuple[int, int]
) -> None:
    aware = dt.datetime(2025, 1, 1, tzinfo=UTC) + dt.timedelta(minutes=minute)
    moved = rules.awake(aware, zone, quiet_from=quiet[0], quiet_until=quiet[1])
    assert aware <= moved <= aware + dt.timedelta(hours=26)
    assert rules.awake(moved, zone, quiet_from=quiet[0], quiet_until=quiet[1]) == moved


def test_the_hold_out_is_stable_and_has_its_share() -> None:
    held = [rules.is_held_out(1, FlowKind.UPSELL, f"c{n}", 0.1) for n in range(5000)]
    assert held == [rules.is_held_out(1, FlowKind.UPSELL, f"c{n}", 0.1) for n in range(5000)]
    assert 400 < sum(held) < 600
    more = [rules.is_held_out(1, FlowKind.UPSELL, f"c{n}", 0.2) for n in range(5000)]
    assert all(after for before, after in zip(held, more, strict=True) if before)


@pytest.mark.parametrize(
    ("said", "given_days_later", "expected"),
    [
        pytest.param(True, None, (True, True), id="an undated consent does not undo an unsubscribe"),
        pytest.param(True, -1, (True, True), id="an older one neither"),
        pytest.param(True, 1, (True, False), id="a newer one does"),
        pytest.param(False, 1, (False, True), id="a refusal keeps it"),
        pytest.param(None, None, (True, True), id="silence changes nothing"),
    ],
)
def test_an_unsubscribe_is_undone_only_by_a_later_consent(
    said: bool | None, given_days_later: int | None, expected: tuple[bool, bool]
) -> None:
    off = dt.datetime(2026, 11, 1, tzinfo=UTC)
    given_at = None if given_days_later is None else off + dt.timedelta(days=given_days_later)
    assert rules.consent_after(known=True, unsubscribed_at=off, said=said, given_at=given_at) == expected

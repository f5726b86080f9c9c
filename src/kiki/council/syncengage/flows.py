"""Planning of flows: which messages, when, and what is withheld. Pure; nothing is rendered here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from kiki.council.syncengage import rules
from kiki.council.syncengage.domain import (
    Audience,
    Channel,
    FlowKind,
    FlowStatus,
    Plan,
    PlannedMessage,
    Recommended,
    Step,
    Suppressed,
)

ORDER_THANKS = "order_thanks"
ORDER_TIPS = "order_tips"
ORDER_TIPS_SMS = "order_tips_sms"
UPSELL = "upsell"
WINBACK = "winback"
WINBACK_SMS = "winback_sms"


@dataclass(frozen=True, slots=True)
class Policy:
    """What an installation decided about flows."""

    post_purchase: tuple[Step, ...]
    upsell: tuple[Step, ...]
    winback: tuple[Step, ...]
    holdout_share: float
    quiet_from: int
    quiet_until: int
    sms_possible: bool
    code_wait: dt.timedelta


def plan(
    policy: Policy,
    kind: FlowKind,
    steps: Sequence[Step],
    audience: Audience,
    *,
    held_out: bool,
    start: dt.datetime,
    deadline: dt.datetime,
    late_reason: str = rules.ORDER_TOO_OLD,
) -> Plan:
    """The messages of a flow that starts now; what would leave after `deadline` is withheld.

    The hold-out speaks last: it holds only messages that every other rule allows, so that both arms are alike.
    """
    messages: list[PlannedMessage] = []
    suppressed: list[Suppressed] = []
    withheld = False
    for step in steps:
        reason = rules.forbidden(step, audience, sms_possible=policy.sms_possible)
        send_at = start
        if reason is None:
            send_at = _send_at(start, step.delay_seconds, audience.timezone, policy.quiet_from, policy.quiet_until)
            if send_at > deadline:
                reason = late_reason
            elif held_out and step.marketing:
                reason = rules.HELD_OUT
                withheld = True
        if reason is None:
            messages.append(PlannedMessage(step.template, step.channel, step.marketing, send_at, deadline))
        else:
            suppressed.append(Suppressed(step.channel, step.template, reason))
    return Plan(kind, _status(bool(messages), withheld), withheld, messages, suppressed)


@lru_cache(maxsize=256)
def _send_at(start: dt.datetime, delay_seconds: int, timezone: str, quiet_from: int, quiet_until: int) -> dt.datetime:
    """When a step leaves; a batch starts all its flows at one moment, mostly in one zone."""
    at = start + dt.timedelta(seconds=delay_seconds)
    return rules.awake(at, timezone, quiet_from=quiet_from, quiet_until=quiet_until)


def _status(any_message: bool, withheld: bool) -> FlowStatus:
    if withheld:
        return FlowStatus.HELD_OUT
    return FlowStatus.SCHEDULED if any_message else FlowStatus.SUPPRESSED


def plan_winback(
    policy: Policy,
    audience: Audience,
    *,
    held_out: bool,
    repeated: bool,
    now: dt.datetime,
    churn_risk: float,
) -> Plan:
    """A win-back that waits for its code, or is withheld. Messages are planned when the code is there."""
    refused = [
        Suppressed(step.channel, step.template, reason)
        for step in policy.winback
        if (reason := rules.FLOW_REPEATED if repeated else _refusal(policy, step, audience, held_out)) is not None
    ]
    waiting = len(refused) < len(policy.winback)
    withheld = any(item.reason == rules.HELD_OUT for item in refused)
    status = FlowStatus.WAITING_FOR_CODE if waiting else _status(False, withheld)
    return Plan(
        FlowKind.CHURN_PREVENTION,
        status,
        withheld,
        [],
        refused,
        percent=rules.discount_percent(churn_risk),
        code_wanted_by=now + policy.code_wait if waiting else None,
    )


def _refusal(policy: Policy, step: Step, audience: Audience, held_out: bool) -> str | None:
    reason = rules.forbidden(step, audience, sms_possible=policy.sms_possible)
    return reason if reason is not None or not held_out else rules.HELD_OUT


def plan_upsell(
    policy: Policy,
    audience: Audience,
    recommended: tuple[Recommended, ...],
    *,
    held_out: bool,
    now: dt.datetime,
    placed_at: dt.datetime,
) -> Plan:
    """The mail about products that go with the order."""
    if not recommended:
        steps = [Suppressed(step.channel, step.template, rules.NO_RECOMMENDATION) for step in policy.upsell]
        return Plan(FlowKind.UPSELL, FlowStatus.SUPPRESSED, False, [], steps)
    made = plan(
        policy,
        FlowKind.UPSELL,
        policy.upsell,
        audience,
        held_out=held_out,
        start=now,
        deadline=placed_at + rules.ORDER_FRESH,
    )
    made.recommended = recommended
    made.campaign_id = campaign_id(FlowKind.UPSELL, now)
    return made


def campaign_id(kind: FlowKind, at: dt.datetime) -> str:
    """The campaign under which links are counted: one per kind and month."""
    return _campaign_id(kind, at.year, at.month)


@lru_cache(maxsize=64)
def _campaign_id(kind: FlowKind, year: int, month: int) -> str:
    return f"syncengage-{kind.name.lower().replace('_', '-')}-{year:04d}-{month:02d}"


def default_steps(
    *, thanks_delay: int, tips_delay: int, sms_delay: int, upsell_delay: int, winback_delay: int
) -> tuple[tuple[Step, ...], tuple[Step, ...], tuple[Step, ...]]:
    """Post-purchase, upsell and win-back steps with their delays in seconds."""
    post_purchase = (
        Step(ORDER_THANKS, Channel.EMAIL, thanks_delay, marketing=False),
        Step(ORDER_TIPS, Channel.EMAIL, tips_delay, marketing=True),
        Step(ORDER_TIPS_SMS, Channel.SMS, sms_delay, marketing=True),
    )
    upsell = (Step(UPSELL, Channel.EMAIL, upsell_delay, marketing=True),)
    winback = (
        Step(WINBACK, Channel.EMAIL, winback_delay, marketing=True),
        Step(WINBACK_SMS, Channel.SMS, winback_delay, marketing=True),
    )
    return post_purchase, upsell, winback

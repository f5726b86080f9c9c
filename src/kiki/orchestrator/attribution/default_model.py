"""The default model: three signals with fixed weights, capped at one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from kiki.orchestrator.attribution.model import Case, Decision, Signal, Touch, Verdict, verdict_of

CLICK = Decimal("0.5")
ACQUIRED = Decimal("0.5")
PROMOTED = Decimal("0.3")
_CAP = Decimal(1)
_ZERO = Decimal(0)
LATEST_CLICKS = 50
"""As many clicks as it looks at and keeps, the newest ones."""
_UNTOUCHED = Decision("default", "1", Verdict.NONE, _ZERO, None, (), False)


class DefaultModel:
    """A click in the window, a customer whom we acquired, a product that we promoted."""

    name = "default"
    version = "1"

    def decide(self, case: Case) -> Decision:
        """The decision; the campaign is that of the last click, else of the promotion."""
        clicks = _clicks(case) if case.touches else []
        signals = tuple(filter(None, (_clicked(clicks), _acquired(case), _promoted(case))))
        if not signals:
            return _UNTOUCHED
        total = sum((signal.weight for signal in signals), _ZERO)
        confidence = min(total, _CAP)
        verdict = verdict_of(confidence, signals, case.rules)
        return Decision(
            model=self.name,
            version=self.version,
            verdict=verdict,
            confidence=confidence,
            campaign_id=_campaign(clicks, signals),
            signals=tuple(replace(signal, without=min(total - signal.weight, _CAP)) for signal in signals),
            needs_review=verdict is Verdict.TOUCHED and confidence < case.rules.review_below,
        )


def _clicks(case: Case) -> list[Touch]:
    """Clicks in the window before the order, both ends included, oldest first."""
    opens = case.placed_at - case.rules.window
    found = [touch for touch in case.touches if touch.kind == "click" and opens <= touch.at <= case.placed_at]
    return sorted(found, key=lambda touch: (touch.at, touch.touchpoint_id))[-LATEST_CLICKS:]


def _clicked(clicks: list[Touch]) -> Signal | None:
    if not clicks:
        return None
    return Signal(
        name="click",
        weight=CLICK,
        campaign_ids=tuple(dict.fromkeys(touch.campaign_id for touch in clicks)),
        touchpoint_ids=tuple(touch.touchpoint_id for touch in clicks),
    )


def _acquired(case: Case) -> Signal | None:
    first = case.acquired_by_order_id
    if first is None or first == case.order_id:
        return None
    return Signal(name="acquired", weight=ACQUIRED, order_id=first)


def _promoted(case: Case) -> Signal | None:
    if not case.promotions:
        return None
    return Signal(
        name="promoted",
        weight=PROMOTED,
        campaign_ids=tuple(sorted({promotion.campaign_id for promotion in case.promotions})),
        product_ids=tuple(sorted({promotion.product_id for promotion in case.promotions})),
    )


def _campaign(clicks: list[Touch], signals: tuple[Signal, ...]) -> str | None:
    if clicks:
        return clicks[-1].campaign_id
    return next((signal.campaign_ids[0] for signal in signals if signal.campaign_ids), None)

"""The learned model: a probability that ads caused the order, from parameters that a hold-out taught."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

from kiki.orchestrator.attribution.fitted import LearnedParameters
from kiki.orchestrator.attribution.model import CONFIDENCE_STEP, WHOLE, Case, Decision, Signal, Touch, Verdict

_ZERO = Decimal(0)
_MAX_TOUCHPOINTS_KEPT = 50
PROMOTED = "product_promoted"
"""A feature that a case tells by its promotions; every other one stands in its facts."""


class LearnedModel:
    """P(caused | order, x, exposed) of `learned.py`.

    Exposed is a buyer with any contact of ours in the window, views included: an ad works by being seen. A fact that is
    not known counts as average. An order without contact cannot have been caused and is untouched.

    The confidence is an expected part, so there is no threshold to reach and no doubt for a person to settle: every
    order with a confidence over zero is incremental, and that part of it is billed.
    """

    def __init__(self, parameters: LearnedParameters, name: str = "learned") -> None:
        self.name = name
        self.parameters = parameters
        self.version = f"1:{parameters.fingerprint}"

    def decide(self, case: Case) -> Decision:
        """The decision; the campaign is that of the last click, else of the last view."""
        contacts = _contacts(case)
        if not contacts:
            return Decision(self.name, self.version, Verdict.NONE, _ZERO, None, (), False)
        facts = {**dict(case.facts), PROMOTED: float(bool(case.promotions))}
        exact = self.probability(facts)
        confidence = _rounded(exact)
        signals = (
            Signal(
                name="exposed",
                weight=confidence,
                campaign_ids=tuple(dict.fromkeys(touch.campaign_id for touch in contacts)),
                touchpoint_ids=tuple(touch.touchpoint_id for touch in contacts[-_MAX_TOUCHPOINTS_KEPT:]),
                without=_ZERO,
            ),
            *self._facts(facts, exact, case),
        )
        clicks = [touch for touch in contacts if touch.kind == "click"]
        leading = (clicks or contacts)[-1].campaign_id
        return Decision(
            model=self.name,
            version=self.version,
            verdict=Verdict.INCREMENTAL if confidence else Verdict.TOUCHED,
            confidence=confidence,
            campaign_id=leading,
            signals=signals,
            needs_review=False,
            shares=((leading, WHOLE),),
            billed_share=confidence or WHOLE,
        )

    def probability(self, facts: Mapping[str, float]) -> float:
        """P(caused | order, exposed) of a buyer with these facts."""
        parameters = self.parameters
        base, lift, exposure = parameters.base, parameters.lift, parameters.exposure
        for feature in parameters.features:
            if feature.name in facts:
                x = (facts[feature.name] - feature.mean) / feature.scale
                base, lift = base + feature.base * x, lift + feature.lift * x
                if exposure is not None:
                    exposure += feature.exposure * x
        caused = 1.0 - _probability(base) / _probability(base + lift)
        seen = 1.0 if exposure is None else _probability(exposure)
        return min(max(caused / seen, 0.0), 1.0)

    def _facts(self, facts: Mapping[str, float], exact: float, case: Case) -> list[Signal]:
        """A signal per known feature: what it moves the confidence by, against a buyer of whom it is not known."""
        found = []
        for feature in self.parameters.features:
            if feature.name in facts:
                without = self.probability({name: value for name, value in facts.items() if name != feature.name})
                products = case.promotions if feature.name == PROMOTED else ()
                found.append(
                    Signal(
                        name=feature.name,
                        weight=_rounded(exact) - _rounded(without),
                        campaign_ids=tuple(sorted({promotion.campaign_id for promotion in products})),
                        product_ids=tuple(sorted({promotion.product_id for promotion in products})),
                        without=_rounded(without),
                    )
                )
        return found


def _contacts(case: Case) -> list[Touch]:
    opens = case.placed_at - case.rules.window
    found = [touch for touch in case.touches if opens <= touch.at <= case.placed_at]
    return sorted(found, key=lambda touch: (touch.at, touch.touchpoint_id))


def _probability(log_odds: float) -> float:
    if log_odds >= 0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    odds = math.exp(max(log_odds, -700.0))
    return odds / (1.0 + odds)


def _rounded(probability: float) -> Decimal:
    return Decimal(probability).quantize(CONFIDENCE_STEP)

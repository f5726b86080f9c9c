"""From weights on touchpoints to a decision: how an order's credit is divided, and what of it is ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import compress

from kiki.orchestrator.attribution.model import ELSEWHERE, Case, Decision, Signal, Touch, Verdict, verdict_of

OTHER = "other:"
"""What stands before the name of a channel that is not ours."""
_ZERO, _ONE = Decimal(0), Decimal(1)
_MAX_TOUCHPOINTS_KEPT = 50
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Contacts:
    """The clicks that count for an order, oldest first, in columns."""

    names: list[str]
    """Campaigns of ours and channels of others (`other:<name>`), in the order of first contact."""
    own: list[bool]
    """Per name."""
    codes: list[int]
    """Per contact its name's position."""
    days: list[float]
    """Per contact how long before the order."""
    ids: list[str]

    def __len__(self) -> int:
        return len(self.codes)

    def without(self, code: int) -> Contacts:
        """The others, under the same numbers."""
        kept = [at for at, each in enumerate(self.codes) if each != code]
        return Contacts(self.names, self.own, [self.codes[at] for at in kept], [self.days[at] for at in kept], self.ids)


Weigh = Callable[[Contacts], Sequence[float]]
"""Non-negative weights of at least one contact; one of them is over zero."""


@dataclass(frozen=True, slots=True)
class CreditModel:
    """A model that divides an order's credit by weight; the confidence is the part that falls on our campaigns.

    Counted are clicks in the window, both ends included, ours and others'. An order without a click of ours is
    untouched. The campaign is the one with most credit, the latest among equals.
    """

    name: str
    version: str
    weigh: Weigh
    separable: bool
    """Whether taking a campaign away leaves the others' weights in the same proportions."""

    def decide(self, case: Case) -> Decision:
        """The order's credit by campaign, and what of it is ours."""
        return self.decide_among(case, contacts_of(case) if case.touches else None)

    def decide_among(self, case: Case, contacts: Contacts | None) -> Decision:
        """The same, for a caller who has the case's contacts already."""
        if contacts is None or not any(contacts.own):
            return Decision(self.name, self.version, Verdict.NONE, _ZERO, None, (), False)
        credit = _credit(contacts, self.weigh(contacts))
        shares = _rounded(credit)
        confidence = _part(contacts, credit)
        signals = tuple(self._signals(contacts, credit, shares))
        verdict = verdict_of(confidence, signals, case.rules)
        return Decision(
            model=self.name,
            version=self.version,
            verdict=verdict,
            confidence=confidence,
            campaign_id=_leading(contacts, credit),
            signals=signals,
            needs_review=verdict is Verdict.TOUCHED and confidence < case.rules.review_below,
            shares=tuple(zip(contacts.names, shares, strict=True)),
        )

    def _signals(self, contacts: Contacts, credit: list[float], shares: list[Decimal]) -> list[Signal]:
        """A signal per campaign of ours, in the order of first contact, then one for all channels that are not ours."""
        ids: list[list[str]] = [[] for _ in contacts.names]
        for code, touchpoint_id in zip(contacts.codes, contacts.ids, strict=True):
            ids[code].append(touchpoint_id)
        signals = [
            Signal(
                name="click",
                weight=shares[code],
                campaign_ids=(name,),
                touchpoint_ids=tuple(ids[code][-_MAX_TOUCHPOINTS_KEPT:]),
                without=self._without(contacts, credit, code),
            )
            for code, name in enumerate(contacts.names)
            if contacts.own[code]
        ]
        if not all(contacts.own):
            signals.append(_elsewhere(contacts, shares))
        return signals

    def _without(self, contacts: Contacts, credit: list[float], code: int) -> Decimal:
        """The confidence if nobody had met this campaign."""
        if sum(contacts.own) == 1:
            return _ZERO
        if all(contacts.own):
            return _ONE
        if not credit[code]:
            return _part(contacts, credit)
        if self.separable and credit[code] < 1.0 - _CLOSE:
            return _part(contacts, [*credit[:code], 0.0, *credit[code + 1 :]])
        left = contacts.without(code)
        return _part(left, _credit(left, self.weigh(left)))


def contacts_of(case: Case) -> Contacts:
    """The clicks that count, ours and others', oldest first."""
    found = _clicks(case, case.touches, "")
    if case.others:
        found += _clicks(case, case.others, OTHER)
    found.sort()
    codes: dict[str, int] = {}
    numbers = [codes.setdefault(name, len(codes)) for _, _, name in found]
    names = list(codes)
    return Contacts(
        names=names,
        own=[not name.startswith(OTHER) for name in names],
        codes=numbers,
        days=[-ago for ago, _, _ in found],
        ids=[touchpoint_id for _, touchpoint_id, _ in found],
    )


def _clicks(case: Case, touches: Sequence[Touch], prefix: str) -> list[tuple[float, str, str]]:
    placed_at, opens = case.placed_at, case.placed_at - case.rules.window
    return [
        ((touch.at - placed_at).total_seconds() / 86_400.0, touch.touchpoint_id, prefix + touch.campaign_id)
        for touch in touches
        if touch.kind == "click" and opens <= touch.at <= placed_at
    ]


def _credit(contacts: Contacts, weights: Sequence[float]) -> list[float]:
    """Shares by name, summing to one up to rounding."""
    credit = [0.0] * len(contacts.names)
    for code, weight in zip(contacts.codes, weights, strict=True):
        credit[code] += weight
    total = sum(credit)
    return [weight / total for weight in credit]


def _part(contacts: Contacts, credit: list[float]) -> Decimal:
    """What falls on our campaigns: all of it, exactly, where nothing falls on anybody else."""
    own = sum(compress(credit, contacts.own))
    total = sum(credit)
    return Decimal(f"{own / total:.3f}") if own < total else _ONE


def _rounded(credit: list[float]) -> list[Decimal]:
    """The shares to six places; what rounding leaves goes to the largest, so that they sum to one exactly."""
    if len(credit) == 1:
        return [_ONE]
    millionths = [round(share * 1_000_000) for share in credit]
    millionths[millionths.index(max(millionths))] += 1_000_000 - sum(millionths)
    return [Decimal(number).scaleb(-6) for number in millionths]


def _elsewhere(contacts: Contacts, shares: list[Decimal]) -> Signal:
    """What speaks for others: its weight is negative, and without it everything would be ours."""
    points = [name for code, name in zip(contacts.codes, contacts.ids, strict=True) if not contacts.own[code]]
    return Signal(
        name=ELSEWHERE,
        weight=-sum((share for share, own in zip(shares, contacts.own, strict=True) if not own), _ZERO),
        campaign_ids=tuple(name for name, own in zip(contacts.names, contacts.own, strict=True) if not own),
        touchpoint_ids=tuple(points[-_MAX_TOUCHPOINTS_KEPT:]),
        without=_ONE,
    )


def _leading(contacts: Contacts, credit: list[float]) -> str:
    """Our campaign with most credit, the latest among equals."""
    most = max(share for share, own in zip(credit, contacts.own, strict=True) if own) - _CLOSE
    return next(
        contacts.names[code] for code in reversed(contacts.codes) if contacts.own[code] and credit[code] >= most
    )

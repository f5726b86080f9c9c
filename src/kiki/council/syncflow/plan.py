"""From what is wanted and how a campaign stands to the next step at the ad network. Pure.

What is wanted is absolute, so that steps can be lost, repeated and taken over. Every change is sent on condition of
the revision that it is based on; what was paused or bid by us is recorded as ours, and lost as soon as somebody else
may have touched it. Only what is ours is resumed or restored, and what a person resumed is not paused again, unless a
person ordered it through SyncFlow.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

import msgspec
from msgspec.structs import replace

from kiki.council.syncflow.domain import (
    FULL,
    Attempt,
    Hand,
    Ownership,
    ProductState,
    SeenCampaign,
    Standing,
)

ACTIVE, PAUSED, REMOVED = "active", "paused", "removed"
_MOST_LATE = 20
Refusal = tuple[str, str]
"""What the network refuses for good: (product or empty for the campaign itself, status or `bid=` with the bid)."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The absolute state that a campaign should have."""

    paused: bool
    """The campaign as a whole."""
    by_hand: bool
    """A person ordered the campaign's state: ownership does not matter."""
    products: dict[str, str]
    """Status per promoted product; not acted upon while the campaign as a whole is paused."""
    products_by_hand: frozenset[str]
    factor: Decimal | None
    """Of the original bid; None: leave the bid as it is."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What to do next: read the campaign (nothing set), or change it or one product's ads."""

    product_id: str = ""
    status: str = ""
    bid_minor: int | None = None

    @property
    def is_read(self) -> bool:
        return not self.status and self.bid_minor is None


READ = Step()


def wanted(
    products: Sequence[ProductState], seen_products: Mapping[str, str], kept: Sequence[ProductState] = ()
) -> Wanted:
    """What the promoted products ask of their campaign. Products that the network has no ads for say nothing; ads of
    products that are not registered always may run, but for those that we keep standing (`kept`)."""
    statuses = {state.product_id: PAUSED if state.paused else ACTIVE for state in (*kept, *products)}
    here = [state for state in products if not seen_products or state.product_id in seen_products]
    running = [state for state in here if not state.paused]
    others = any(statuses.get(product_id) != PAUSED for product_id in seen_products)
    paused = bool(here or kept) and not running and not others
    hands = frozenset(state.product_id for state in products if state.hand is not Hand.NONE)
    orders = {state.hand for state in here}
    by_hand = (Hand.PAUSE in orders and orders == {Hand.PAUSE}) if paused else Hand.RUN in orders
    factor = min((state.factor for state in running), default=None if paused else FULL)
    return Wanted(paused=paused, by_hand=by_hand, products=statuses, products_by_hand=hands, factor=factor)


def kept_products(standing: Standing, promoted: Collection[str]) -> list[str]:
    """Products that are promoted no longer and whose ads stand still by our doing: they wait for stock as before."""
    whole = standing.owner is Ownership.OURS and standing.status == PAUSED
    ours = {product_id for product_id, owner in standing.product_owners.items() if owner is Ownership.OURS}
    stood = set(standing.products) - set(standing.product_owners) if whole else set()
    return sorted((ours | stood) - set(promoted))


def next_step(
    want: Wanted, standing: Standing, *, may_bid: bool, refused: frozenset[Refusal] = frozenset()
) -> Step | None:
    """The next step towards what is wanted; None when all that may be done is done.

    The whole campaign is paused first and resumed last, so that no product's ads run in between against the wish. What
    the network refused is left out, and only that. Where bids are not ours to set any more, ours goes back.
    """
    if standing.revision is None or standing.attempt is not None:
        return READ
    if standing.status == REMOVED:
        return None
    if want.paused:
        return Step(status=PAUSED) if _campaign_moves(want, standing) and ("", PAUSED) not in refused else None
    for status in (PAUSED, ACTIVE):
        for product_id in sorted(want.products):
            moves = want.products[product_id] == status and _product_moves(want, standing, product_id)
            if moves and (product_id, status) not in refused:
                return Step(product_id=product_id, status=status)
    status = ACTIVE if _campaign_moves(want, standing) and ("", ACTIVE) not in refused else ""
    bid = wanted_bid(want.factor if may_bid else FULL, standing)
    if bid == standing.bid_minor or ("", f"bid={bid}") in refused:
        bid = None
    return Step(status=status, bid_minor=bid) if status or bid is not None else None


def refusals_of(standing: Standing) -> frozenset[Refusal]:
    """What not to try again, after the network refused the attempt: of status and bid together, the bid first."""
    made = standing.attempt
    if made is None:
        return frozenset()
    return frozenset({(made.product_id, made.status if made.bid_minor is None else f"bid={made.bid_minor}")})


def wanted_bid(factor: Decimal | None, standing: Standing) -> int | None:
    """The bid to have, in minor units; None: not ours to set. Half a minor unit rounds up, and 1 is the least."""
    if factor is None or standing.bid_minor is None or standing.bid_owner is Ownership.LOST:
        return None
    if standing.bid_owner is Ownership.OURS:
        base = standing.original_bid_minor or standing.bid_minor
        return scaled_bid(base, factor)
    return scaled_bid(standing.bid_minor, factor) if factor != FULL else None


def scaled_bid(original_minor: int, factor: Decimal) -> int:
    """The original bid times the factor."""
    return max(1, int((original_minor * factor).quantize(Decimal(1), rounding=ROUND_HALF_UP)))


def is_doubtful(want: Wanted, standing: Standing) -> bool:
    """Whether something is wanted that is not done because somebody else touched it."""
    status = PAUSED if want.paused else ACTIVE
    if standing.owner is Ownership.LOST and standing.status not in (status, REMOVED) and not want.by_hand:
        return True
    if not want.paused:
        for product_id, owner in standing.product_owners.items():
            known = product_id in want.products and product_id in standing.products
            differs = known and standing.products[product_id] != want.products[product_id]
            if differs and owner is Ownership.LOST and product_id not in want.products_by_hand:
                return True
    return standing.bid_owner is Ownership.LOST and want.factor not in (None, FULL)


def settled(want: Wanted, standing: Standing) -> Standing:
    """Without marks of ownership that have served: what runs as wanted is nobody's any more."""
    owner = standing.owner
    if not want.paused and standing.status == ACTIVE:
        owner = None
    owners = {
        product_id: mark
        for product_id, mark in standing.product_owners.items()
        if not (standing.products.get(product_id) == ACTIVE and want.products.get(product_id, ACTIVE) == ACTIVE)
    }
    bid_owner, original = standing.bid_owner, standing.original_bid_minor
    if want.factor == FULL and (bid_owner is Ownership.LOST or standing.bid_minor == original):
        bid_owner = original = None
    return replace(standing, owner=owner, product_owners=owners, bid_owner=bid_owner, original_bid_minor=original)


def attempt(step: Step, standing: Standing, request_id: str) -> Standing:
    """The standing with the step written ahead."""
    made = Attempt(
        request_id=request_id,
        base_revision=standing.revision or 0,
        product_id=step.product_id,
        status=step.status,
        bid_minor=step.bid_minor,
    )
    return replace(standing, attempt=made)


def confirmed(standing: Standing, seen: SeenCampaign) -> Standing:
    """After the network carried out the attempt. It was conditional, so nobody else acted in between."""
    made = standing.attempt
    if made is None:
        return observed(standing, seen)
    if seen.revision == made.base_revision:
        return replace(_with(standing, seen), attempt=None)
    return replace(_with(_marked(standing, made), seen), attempt=None, late=())


def denied(standing: Standing) -> Standing:
    """After the network said that the campaign has another revision: the attempt had no effect and never will."""
    made = standing.attempt
    return standing if made is None else replace(standing, attempt=replace(made, denied=True))


def gone(standing: Standing) -> Standing:
    """After the network said that it has no such campaign."""
    return replace(standing, revision=standing.revision or 0, status=REMOVED, attempt=None, late=())


def observed(standing: Standing, seen: SeenCampaign) -> Standing:
    """After a reading: resolves attempts of unknown outcome, and notices what somebody else changed."""
    if not standing.revision and standing.status in ("", REMOVED):
        return replace(_with(standing, seen), attempt=None)
    steps = seen.revision - (standing.revision or 0)
    for made in _unknown(standing):
        if carried_out(made, seen) and not carried_out(made, standing):
            if steps == 1 and not seen.by_person:
                return confirmed(replace(standing, attempt=made), seen)
            done = _applied(_marked(standing, made, Ownership.LOST), made)
            return replace(_with(_touched(done, seen, steps - 1), seen), attempt=None, late=())
    if steps == 0:
        return replace(_with(standing, seen), attempt=None, late=_unknown(standing)[:_MOST_LATE])
    return replace(_with(_touched(standing, seen, steps), seen), attempt=None, late=())


def _unknown(standing: Standing) -> tuple[Attempt, ...]:
    """The attempts of which the outcome is unknown, the last one first, each change once."""
    made = standing.attempt
    if made is None or made.denied:
        return standing.late
    change = (made.product_id, made.status, made.bid_minor)
    return (made, *(item for item in standing.late if (item.product_id, item.status, item.bid_minor) != change))


def _applied(standing: Standing, made: Attempt) -> Standing:
    """How the campaign stood, with an attempt in effect."""
    if made.product_id:
        return replace(standing, products={**standing.products, made.product_id: made.status})
    bid = standing.bid_minor if made.bid_minor is None else made.bid_minor
    return replace(standing, status=made.status or standing.status, bid_minor=bid)


def released(standing: Standing) -> Standing:
    """Without doubt: a person looked at it, and what is wanted may be applied again."""
    keep = {key: mark for key, mark in standing.product_owners.items() if mark is not Ownership.LOST}
    return replace(
        standing,
        owner=None if standing.owner is Ownership.LOST else standing.owner,
        product_owners=keep,
        bid_owner=None if standing.bid_owner is Ownership.LOST else standing.bid_owner,
    )


def _campaign_moves(want: Wanted, standing: Standing) -> bool:
    status = PAUSED if want.paused else ACTIVE
    return standing.status != status and _allowed(want.paused, standing.owner, by_hand=want.by_hand)


def _product_moves(want: Wanted, standing: Standing, product_id: str) -> bool:
    status, stands = want.products[product_id], standing.products.get(product_id)
    by_hand = product_id in want.products_by_hand
    owner = standing.product_owners.get(product_id)
    return stands is not None and stands != status and _allowed(status == PAUSED, owner, by_hand=by_hand)


def _allowed(pause: bool, owner: Ownership | None, *, by_hand: bool) -> bool:
    return by_hand or (owner is not Ownership.LOST if pause else owner is Ownership.OURS)


def carried_out(made: Attempt, campaign: SeenCampaign | Standing) -> bool:
    """Whether the campaign is as the attempt wanted it."""
    if made.product_id:
        return campaign.products.get(made.product_id) == made.status
    return made.status in ("", campaign.status) and made.bid_minor in (None, campaign.bid_minor)


def _marked(standing: Standing, made: Attempt, owner: Ownership = Ownership.OURS) -> Standing:
    """The ownership after an attempt took effect: a pause or a bid is ours, a resume or the original bid nobody's."""
    if made.product_id:
        owners = {key: mark for key, mark in standing.product_owners.items() if key != made.product_id}
        if made.status == PAUSED:
            owners[made.product_id] = owner
        return replace(standing, product_owners=owners)
    marked = standing
    if made.status:
        marked = replace(marked, owner=owner if made.status == PAUSED else None)
    if made.bid_minor is not None:
        original = standing.original_bid_minor if standing.bid_owner is Ownership.OURS else standing.bid_minor
        back = made.bid_minor == original
        marked = replace(marked, bid_owner=None if back else owner, original_bid_minor=None if back else original)
    return marked


def _touched(standing: Standing, seen: SeenCampaign, steps: int) -> Standing:
    """Marks lost what somebody else changed, or may have changed and changed back unseen: that takes two steps."""
    changed = {key for key, status in seen.products.items() if standing.products.get(key, status) != status}
    status_changed, bid_changed = seen.status != standing.status, seen.bid_minor != standing.bid_minor
    others = (seen.budget_minor != standing.budget_minor) + (seen.name != standing.name)
    hidden = steps > max(1, len(changed) + status_changed + bid_changed + others)
    owners = dict(standing.product_owners)
    for key in changed | (set(owners) if hidden else set()):
        if key in owners or seen.products.get(key) == ACTIVE:
            owners[key] = Ownership.LOST
    owner = standing.owner
    if (owner is not None and (status_changed or hidden)) or (status_changed and seen.status == ACTIVE):
        owner = Ownership.LOST
    bid_owner = standing.bid_owner
    if bid_owner is Ownership.OURS and (bid_changed or hidden):
        bid_owner = Ownership.LOST
    return replace(standing, owner=owner, product_owners=owners, bid_owner=bid_owner)


def _with(standing: Standing, seen: SeenCampaign) -> Standing:
    return replace(
        standing,
        revision=seen.revision,
        status=seen.status,
        bid_minor=seen.bid_minor,
        budget_minor=seen.budget_minor,
        name=seen.name,
        products=dict(seen.products),
    )

"""From what is wanted and how a campaign stands to the next step at the ad network. Pure.

What is wanted is absolute, so that steps can be lost, repeated and taken over. Every change is sent on condition of
the revision that it is based on; what was paused or bid by us is recorded as ours, and lost as soon as somebody else
may have touched it. Only what is ours is resumed or restored, and what a person resumed is not paused again, unless a
person ordered it through SyncFlow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def wanted(products: Sequence[ProductState], seen_products: Mapping[str, str]) -> Wanted:
    """What the promoted products ask of their campaign. Products that the network has no ads for say nothing; ads of
    products that are not registered always may run."""
    statuses = {state.product_id: PAUSED if state.paused else ACTIVE for state in products}
    here = [state for state in products if not seen_products or state.product_id in seen_products]
    running = [state for state in here if not state.paused]
    others = any(product_id not in statuses for product_id in seen_products)
    paused = bool(here) and not running and not others
    hands = frozenset(state.product_id for state in products if state.hand is not Hand.NONE)
    orders = {state.hand for state in here}
    by_hand = (Hand.PAUSE in orders and orders == {Hand.PAUSE}) if paused else Hand.RUN in orders
    factor = min((state.factor for state in running), default=None)
    return Wanted(paused=paused, by_hand=by_hand, products=statuses, products_by_hand=hands, factor=factor)


def next_step(want: Wanted, standing: Standing, *, may_bid: bool) -> Step | None:
    """The next step towards what is wanted; None when all that may be done is done.

    The whole campaign is paused first and resumed last, so that no product's ads run in between against the wish.
    """
    if standing.revision is None or standing.attempt is not None:
        return READ
    if standing.status == REMOVED or standing.refused:
        return None
    if want.paused:
        return Step(status=PAUSED) if _campaign_moves(want, standing) else None
    for status in (PAUSED, ACTIVE):
        for product_id in sorted(want.products):
            if want.products[product_id] == status and _product_moves(want, standing, product_id):
                return Step(product_id=product_id, status=status)
    status = ACTIVE if _campaign_moves(want, standing) else ""
    bid = wanted_bid(want.factor, standing) if may_bid else None
    if bid == standing.bid_minor:
        bid = None
    return Step(status=status, bid_minor=bid) if status or bid is not None else None


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
    marked = _marked(standing, made) if seen.revision != made.base_revision else standing
    return replace(_with(marked, seen), attempt=None)


def observed(standing: Standing, seen: SeenCampaign) -> Standing:
    """After a reading: resolves an attempt of unknown outcome, and notices what somebody else changed."""
    if standing.revision is None:
        return replace(_with(standing, seen), attempt=None)
    made, steps = standing.attempt, seen.revision - standing.revision
    if made is not None and _carried_out(made, seen) and not _stood_so(made, standing):
        if steps == 1 and not seen.by_person:
            return confirmed(standing, seen)
        return replace(_with(_marked(standing, made, Ownership.LOST), seen), attempt=None)
    if steps == 0:
        return replace(_with(standing, seen), attempt=None)
    return replace(_with(_touched(standing, seen, steps), seen), attempt=None)


def released(standing: Standing) -> Standing:
    """Without doubt: a person looked at it, and what is wanted may be applied again."""
    keep = {key: mark for key, mark in standing.product_owners.items() if mark is not Ownership.LOST}
    return replace(
        standing,
        owner=None if standing.owner is Ownership.LOST else standing.owner,
        product_owners=keep,
        bid_owner=None if standing.bid_owner is Ownership.LOST else standing.bid_owner,
        refused="",
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


def _carried_out(made: Attempt, seen: SeenCampaign) -> bool:
    if made.product_id:
        return seen.products.get(made.product_id) == made.status
    return made.status in ("", seen.status) and made.bid_minor in (None, seen.bid_minor)


def _stood_so(made: Attempt, standing: Standing) -> bool:
    if made.product_id:
        return standing.products.get(made.product_id) == made.status
    return made.status in ("", standing.status) and made.bid_minor in (None, standing.bid_minor)


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
    """Marks lost what somebody else changed, or may have changed and changed back unseen."""
    changed = {key for key, status in seen.products.items() if standing.products.get(key, status) != status}
    status_changed, bid_changed = seen.status != standing.status, seen.bid_minor != standing.bid_minor
    others = (seen.budget_minor != standing.budget_minor) + (seen.name != standing.name)
    hidden = steps > len(changed) + status_changed + bid_changed + others
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

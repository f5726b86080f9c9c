"""Decisions about products: folded over the stored state, written as desired state, actions and work, and answered.

Everything runs on the caller's transaction and is set-based. What the ad networks do is the reconciler's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from kiki.council.syncflow import guard, plan
from kiki.council.syncflow.domain import (
    ActionKind,
    AdjustBids,
    Command,
    Hand,
    KeptIn,
    NewAction,
    Ownership,
    Pause,
    PauseReason,
    ProductState,
    PromotedIn,
    Resume,
    SetMargin,
)
from kiki.council.syncflow.repository import actions as action_rows
from kiki.council.syncflow.repository import campaigns as campaign_rows
from kiki.council.syncflow.repository import products as product_rows
from kiki.council.syncflow.repository import work as work_rows
from kiki.council.syncflow.repository.work import NewWork
from kiki.kit.database import Connection
from kiki.kit.money import Money

Key = tuple[int, str]
Decision = Pause | Resume | AdjustBids | SetMargin


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What one decision changes. `campaigns` and `bids` are sorted by campaign id."""

    superseded: bool
    before: ProductState
    after: ProductState
    campaigns: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    daily_spend: tuple[Money, ...] = ()
    bids: tuple[BidMove, ...] = ()


class BidMove(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign's wanted bid before and after."""

    campaign_id: str
    old: Money
    new: Money


async def decide(connection: Connection, decisions: Sequence[Decision], now: dt.datetime) -> list[Changed]:
    """Apply decisions in order; what each changes, in order."""
    keys = [(item.store_id, item.product_id) for item in decisions]
    states = await product_rows.lock_products(connection, keys)
    first = dict(states)
    steps: list[tuple[ProductState, ProductState, bool]] = []
    for key, decision in zip(keys, decisions, strict=True):
        before = states[key]
        after = _apply(before, decision)
        states[key] = before if after is None else guard.expire_hand(after, now)
        steps.append((before, states[key], after is None))
    moved = [key for key, state in states.items() if state != first[key]]
    if moved:
        await product_rows.write_products(connection, [states[key] for key in moved])
    touched = sorted(
        {key for key, step in zip(keys, steps, strict=True) if _matters(step[0], step[1]) or _overruled(step[1])}
    )
    places = await _places(connection, touched, now)
    peers = await _peers(connection, decisions, steps, places, now)
    freed = {key for key, step in zip(keys, steps, strict=True) if step[0].paused and not step[1].paused}
    kept = await _kept(connection, sorted(freed), now)
    return await _write(connection, decisions, steps, places, peers, kept, now)


async def expire_hands(connection: Connection, now: dt.datetime, limit: int) -> int:
    """End people's orders whose time is over; how many."""
    keys = await product_rows.list_expired_hands(connection, now, limit)
    if not keys:
        return 0
    states = await product_rows.lock_products(connection, keys)
    after = [guard.expire_hand(state, now) for state in states.values()]
    await product_rows.write_products(connection, after)
    places = await _places(connection, sorted(keys), now)
    items = [
        NewWork(p.store_id, p.campaign_id, p.network, work_rows.LIVE_LANE) for found in places.values() for p in found
    ]
    freed = sorted(_key(state) for state in after if not state.paused)
    kept = [item for found in (await _kept(connection, freed, now)).values() for item in found]
    items += [NewWork(item.store_id, item.campaign_id, item.network, work_rows.LIVE_LANE) for item in kept]
    if items:
        await work_rows.enqueue(connection, items)
    return len(keys)


def _key(state: ProductState) -> Key:
    return state.store_id, state.product_id


async def _kept(connection: Connection, keys: Sequence[Key], now: dt.datetime) -> dict[Key, list[KeptIn]]:
    """Where ads of these products wait although they are promoted there no longer."""
    found: dict[Key, list[KeptIn]] = {}
    for item in await campaign_rows.list_keeping(connection, keys, now) if keys else ():
        found.setdefault((item.store_id, item.product_id), []).append(item)
    return found


def _apply(state: ProductState, decision: Decision) -> ProductState | None:
    match decision:
        case Pause():
            return guard.pause(state, decision)
        case Resume():
            return guard.resume(state, decision)
        case AdjustBids():
            return guard.adjust_bids(state, decision)
        case SetMargin():
            return guard.set_margin(state, decision)


def _matters(before: ProductState, after: ProductState) -> bool:
    """Whether a change can mean something at an ad network."""
    return before.paused != after.paused or before.factor != after.factor or before.hand != after.hand


def _overruled(state: ProductState) -> bool:
    """Whether a person's order keeps ads running that the reasons would pause."""
    return state.hand is Hand.RUN and bool(state.reasons)


async def _places(connection: Connection, keys: Sequence[Key], now: dt.datetime) -> dict[Key, list[PromotedIn]]:
    places: dict[Key, list[PromotedIn]] = {}
    if keys:
        for place in await campaign_rows.list_promoting(connection, keys, now):
            places.setdefault((place.store_id, place.product_id), []).append(place)
    return places


async def _peers(
    connection: Connection,
    decisions: Sequence[Decision],
    steps: Sequence[tuple[ProductState, ProductState, bool]],
    places: dict[Key, list[PromotedIn]],
    now: dt.datetime,
) -> dict[Key, list[ProductState]]:
    """For bid decisions: the states of all products of the campaigns concerned."""
    wanted = {
        (place.store_id, place.campaign_id)
        for decision, step in zip(decisions, steps, strict=True)
        if isinstance(decision, AdjustBids) and step[0].factor != step[1].factor
        for place in places.get((decision.store_id, decision.product_id), [])
    }
    return await product_rows.list_promoted(connection, sorted(wanted), now) if wanted else {}


async def _write(
    connection: Connection,
    decisions: Sequence[Decision],
    steps: Sequence[tuple[ProductState, ProductState, bool]],
    places: dict[Key, list[PromotedIn]],
    peers: dict[Key, list[ProductState]],
    kept: dict[Key, list[KeptIn]],
    now: dt.datetime,
) -> list[Changed]:
    answers: list[Changed] = []
    actions: list[NewAction] = []
    work: list[NewWork] = []
    for decision, (before, after, superseded) in zip(decisions, steps, strict=True):
        if superseded or not (_matters(before, after) or _overruled(after)):
            answers.append(Changed(superseded=superseded, before=before, after=after))
            continue
        found = places.get((decision.store_id, decision.product_id), [])
        if not _matters(before, after):
            held = tuple(place.campaign_id for place in found) if isinstance(decision, Pause) else ()
            answers.append(Changed(superseded=False, before=before, after=after, held=held))
            continue
        work.extend(NewWork(place.store_id, place.campaign_id, place.network, decision.lane) for place in found)
        if isinstance(decision, AdjustBids):
            answer, made = _bids(decision, before, after, found, peers)
        else:
            answer, made = _statuses(decision, before, after, found)
            freed = kept.get((decision.store_id, decision.product_id), []) if before.paused and not after.paused else []
            work.extend(NewWork(item.store_id, item.campaign_id, item.network, decision.lane) for item in freed)
            made += [_resumed(decision, item) for item in freed]
            answer = replace(
                answer, campaigns=tuple(sorted({*answer.campaigns, *(item.campaign_id for item in freed)}))
            )
        answers.append(answer)
        actions.extend(made)
    if work:
        await work_rows.enqueue(connection, work)
    if actions:
        await action_rows.add_actions(connection, _last_of_each(actions), now)
    return answers


def _statuses(
    decision: Decision, before: ProductState, after: ProductState, places: Sequence[PromotedIn]
) -> tuple[Changed, list[NewAction]]:
    if before.paused == after.paused:
        return Changed(superseded=False, before=before, after=after), []
    kind = ActionKind.PAUSE if after.paused else ActionKind.RESUME
    reasons = tuple(after.shown_reasons) if after.paused else ()
    left = {place.campaign_id for place in places if place.held or (not after.paused and _not_ours(place))}
    moved = [place for place in places if place.campaign_id not in left]
    answer = Changed(
        superseded=False,
        before=before,
        after=after,
        campaigns=tuple(place.campaign_id for place in moved),
        held=tuple(sorted(left)),
        daily_spend=_sums([place.daily_spend for place in moved]),
    )
    return answer, [_action(decision, place, kind, reasons) for place in places]


def _bids(
    decision: AdjustBids,
    before: ProductState,
    after: ProductState,
    places: Sequence[PromotedIn],
    peers: dict[Key, list[ProductState]],
) -> tuple[Changed, list[NewAction]]:
    moves: list[BidMove] = []
    actions: list[NewAction] = []
    held: list[str] = []
    for place in places:
        others = [
            state
            for state in peers.get((place.store_id, place.campaign_id), [])
            if state.product_id != decision.product_id
        ]
        original = _original_bid(place)
        old, new = (_scaled(original, [*others, state]) for state in (before, after))
        if old is None or new is None or old == new:
            continue
        if place.held:
            held.append(place.campaign_id)
            continue
        currency = place.daily_budget.currency
        moves.append(BidMove(campaign_id=place.campaign_id, old=Money(old, currency), new=Money(new, currency)))
        actions.append(_action(decision, place, ActionKind.BID, (), old=old, new=new))
    answer = Changed(
        superseded=False,
        before=before,
        after=after,
        campaigns=tuple(move.campaign_id for move in moves),
        held=tuple(held),
        bids=tuple(moves),
    )
    return answer, actions


def _original_bid(place: PromotedIn) -> int | None:
    """The bid without our factor; None where the network bids by itself or somebody else took over."""
    standing = place.standing
    if place.registered_bid_minor is None or standing.bid_owner is Ownership.LOST:
        return None
    if standing.bid_owner is Ownership.OURS and standing.original_bid_minor is not None:
        return standing.original_bid_minor
    return standing.bid_minor if standing.bid_minor is not None else place.registered_bid_minor


def _scaled(original: int | None, states: Sequence[ProductState]) -> int | None:
    factors = [state.factor for state in states if not state.paused]
    return None if original is None or not factors else plan.scaled_bid(original, min(factors))


def _not_ours(place: PromotedIn) -> bool:
    """Whether the product's ads stand still by somebody else's doing, so that a resume will leave them."""
    standing = place.standing
    if standing.status == plan.PAUSED and standing.owner is not Ownership.OURS:
        return standing.attempt is None
    own = standing.product_owners.get(place.product_id)
    return standing.products.get(place.product_id) == plan.PAUSED and own is not Ownership.OURS


def _action(
    decision: Command,
    place: PromotedIn,
    kind: ActionKind,
    reasons: tuple[PauseReason, ...],
    *,
    old: int | None = None,
    new: int | None = None,
) -> NewAction:
    return NewAction(
        store_id=place.store_id,
        campaign_id=place.campaign_id,
        network=place.network,
        product_id=place.product_id,
        lane=decision.lane,
        kind=kind,
        reasons=reasons,
        actor=decision.actor,
        note=decision.note,
        decision_seq=decision.decision_seq,
        currency=place.daily_budget.currency,
        old_bid_minor=old,
        new_bid_minor=new,
    )


def _resumed(decision: Command, kept: KeptIn) -> NewAction:
    return NewAction(
        store_id=kept.store_id,
        campaign_id=kept.campaign_id,
        network=kept.network,
        product_id=kept.product_id,
        lane=decision.lane,
        kind=ActionKind.RESUME,
        reasons=(),
        actor=decision.actor,
        note=decision.note,
        decision_seq=decision.decision_seq,
        currency=kept.currency,
    )


def _last_of_each(actions: Sequence[NewAction]) -> list[NewAction]:
    """A batch that says two things about one product's ads leaves the last one open."""
    kept = {(item.store_id, item.campaign_id, item.product_id, item.kind is ActionKind.BID): item for item in actions}
    return sorted(kept.values(), key=lambda item: (item.store_id, item.campaign_id, item.product_id, item.kind))


def _sums(amounts: Sequence[Money]) -> tuple[Money, ...]:
    """One sum per currency, the currency that comes first in front."""
    sums: dict[str, Money] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, Money.zero(amount.currency)) + amount
    return tuple(sums.values())

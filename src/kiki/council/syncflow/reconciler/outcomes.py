"""What becomes of open actions once a campaign stands as it does. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kiki.council.syncflow.domain import Action, ActionKind, ActionState, Campaign
from kiki.council.syncflow.plan import ACTIVE, PAUSED, REMOVED, Refusal, Wanted
from kiki.council.syncflow.repository.actions import Resolution

BID_TARGET = "\x00bid"
CAMPAIGN_TARGET = ""


def resolutions(
    campaign: Campaign,
    want: Wanted,
    open_actions: Sequence[Action],
    changed: frozenset[str],
    *,
    refused: frozenset[Refusal],
    done: bool,
) -> list[Resolution]:
    """The actions to settle now. `changed`: targets that we changed; `done`: no further step may be taken."""
    found: list[Resolution] = []
    for action in open_actions:
        state = _state(campaign, want, action, changed, refused=refused, done=done)
        if state is not None and state is not action.state:
            found.append(Resolution(action.action_id, state))
    return found


def _state(
    campaign: Campaign,
    want: Wanted,
    action: Action,
    changed: frozenset[str],
    *,
    refused: frozenset[Refusal],
    done: bool,
) -> ActionState | None:
    if _in_effect(campaign, action):
        target = BID_TARGET if action.kind is ActionKind.BID else action.product_id
        ours = target in changed or (CAMPAIGN_TARGET in changed and action.kind is not ActionKind.BID)
        return ActionState.APPLIED if ours else ActionState.UNCHANGED
    if campaign.hold is not None:
        return ActionState.HELD
    if not done:
        return None
    if campaign.standing.status == REMOVED or _is_refused(action, refused):
        return ActionState.REFUSED
    if action.kind is not ActionKind.BID and action.product_id not in want.products:
        return ActionState.SUPERSEDED
    return ActionState.DOUBTFUL if campaign.doubtful else ActionState.UNCHANGED


def _is_refused(action: Action, refused: frozenset[Refusal]) -> bool:
    if action.kind is ActionKind.BID:
        return any(what.startswith("bid=") for _, what in refused)
    status = PAUSED if action.kind is ActionKind.PAUSE else ACTIVE
    return bool(refused & {(action.product_id, status), (CAMPAIGN_TARGET, status)})


def _in_effect(campaign: Campaign, action: Action) -> bool:
    standing = campaign.standing
    if standing.revision is None or standing.attempt is not None or standing.status == REMOVED:
        return False
    if action.kind is ActionKind.BID:
        return standing.bid_minor == action.new_bid_minor
    ads = standing.products.get(action.product_id, ACTIVE)
    if action.kind is ActionKind.PAUSE:
        return PAUSED in (standing.status, ads)
    return standing.status == ACTIVE and ads == ACTIVE

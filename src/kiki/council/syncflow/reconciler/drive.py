"""Takes one leased campaign to what is wanted, a step at a time.

Every step is written down as an attempt before it is sent, in a transaction that holds the work row under the lease's
token; the answer is written in the next such transaction, which reads what is wanted anew and plans the next step. A
process that lost its lease writes nothing, and its late request is refused by the network for its old revision.
"""

from __future__ import annotations

import secrets

import msgspec
from msgspec.structs import replace

from kiki.council.syncflow import plan
from kiki.council.syncflow.domain import AdNetworkConnection, Campaign, SeenCampaign, Standing
from kiki.council.syncflow.errors import CampaignGone, LeaseLost, NetworkMissing, Refused, Stale
from kiki.council.syncflow.networks import AdNetwork, NetworkDialler
from kiki.council.syncflow.plan import Refusal, Step
from kiki.council.syncflow.reconciler.outcomes import BID_TARGET, resolutions
from kiki.council.syncflow.repository import actions as action_rows
from kiki.council.syncflow.repository import campaigns as campaign_rows
from kiki.council.syncflow.repository import networks as network_rows
from kiki.council.syncflow.repository import products as product_rows
from kiki.council.syncflow.repository import work as work_rows
from kiki.council.syncflow.repository.work import Lease
from kiki.kit.clock import Clock
from kiki.kit.database import Connection, Database
from kiki.kit.errors import Unavailable
from kiki.kit.sealing import Sealer

_MOST_STEPS = 1_000
_MOST_IN_VAIN = 4
"""Changes in a row that the network lets pass without effect, before it is left alone for a while."""


class _Turn(msgspec.Struct, frozen=True):
    """What to send next, and to whom."""

    step: Step
    standing: Standing
    place: tuple[str, str]
    """Network and external id."""
    network: AdNetwork


class _Heard(msgspec.Struct, frozen=True):
    """What the network said to the last step."""

    turn: _Turn
    seen: SeenCampaign | None = None
    stale: bool = False
    gone: bool = False
    refused: str = ""

    @property
    def in_vain(self) -> bool | None:
        """Whether a change had no effect; None after a reading, which tells nothing."""
        made = self.turn.standing.attempt
        if self.turn.step.is_read or made is None or self.refused:
            return None
        return self.seen is None or not plan.carried_out(made, self.seen)


class _Past(msgspec.Struct):
    """What this drive of the campaign has met with so far."""

    heard: _Heard | None = None
    changed: frozenset[str] = frozenset()
    refused: frozenset[Refusal] = frozenset()
    in_vain: int = 0

    def forget(self) -> None:
        self.heard, self.changed, self.refused, self.in_vain = None, frozenset(), frozenset(), 0

    def add(self, heard: _Heard) -> None:
        """After an answer. Raises when the network's answers lead nowhere."""
        self.heard = heard
        self.changed |= _changed(heard)
        if heard.refused:
            self.refused |= plan.refusals_of(heard.turn.standing)
        if heard.in_vain is not None:
            self.in_vain = self.in_vain + 1 if heard.in_vain else 0
        if self.in_vain > _MOST_IN_VAIN:
            raise Unavailable(
                f"{self.in_vain} changes in a row had no effect at the ad network", reason="NO_CONVERGENCE"
            )


class Driver:
    """Drives campaigns; holds nothing between them."""

    def __init__(
        self, database: Database, sealer: Sealer, clock: Clock, dial: NetworkDialler, *, lease_seconds: float
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._dial = dial
        self._lease_seconds = lease_seconds

    async def drive(self, lease: Lease) -> None:
        """Until nothing is left to do. Raises what the network raised when it has to be tried again later."""
        past = _Past()
        for _ in range(_MOST_STEPS):
            turn = await self._turn(lease, past)
            if turn is None:
                return
            past.add(await self._send(turn))
        raise Unavailable(f"the campaign does not come to rest in {_MOST_STEPS} steps", reason="NO_CONVERGENCE")

    async def _turn(self, lease: Lease, past: _Past) -> _Turn | None:
        """Write what was heard, plan the next step and write it ahead; None when the work is done."""
        async with self._database.transaction() as connection:
            if await work_rows.lock_lease(connection, lease, self._lease_seconds) is None:
                raise LeaseLost("another process drives the campaign")
            campaign = await campaign_rows.find_campaign(connection, lease.store_id, lease.campaign_id)
            if campaign is None or campaign.definition.ended:
                await work_rows.finish(connection, lease)
                return None
            if past.heard is None:
                await action_rows.note_attempt(connection, lease.store_id, lease.campaign_id)
            elif past.heard.turn.place != _place(campaign):
                past.forget()  # It was registered anew for another campaign of the network meanwhile.
            return await self._settle(connection, lease, campaign, past)

    async def _settle(self, connection: Connection, lease: Lease, campaign: Campaign, past: _Past) -> _Turn | None:
        now, heard = self._clock.now(), past.heard
        key = (lease.store_id, lease.campaign_id)
        states = (await product_rows.list_promoted(connection, [key], now))[key]
        told = _told(campaign.standing, heard)
        kept = plan.kept_products(told, [state.product_id for state in states])
        left = await product_rows.list_states(connection, lease.store_id, kept) if kept else []
        want = plan.wanted(states, told.products, left)
        told = plan.settled(want, told) if told.attempt is None and told.revision is not None else told
        step = self._next(campaign, want, told, past)
        after = plan.attempt(step, told, secrets.token_hex(8)) if step is not None and not step.is_read else told
        seen = heard is not None and (heard.seen is not None or heard.gone)
        fresh = replace(
            campaign,
            standing=told,
            doubtful=plan.is_doubtful(want, told),
            observed_at=now if seen else campaign.observed_at,
        )
        if _visible(fresh) != _visible(campaign):
            fresh = replace(fresh, updated_at=now)
        if (
            after != campaign.standing
            or fresh.observed_at != campaign.observed_at
            or fresh.doubtful != campaign.doubtful
        ):
            await campaign_rows.write_standing(
                connection,
                fresh,
                after,
                doubtful=fresh.doubtful,
                observed_at=fresh.observed_at,
                updated_at=fresh.updated_at,
            )
        if heard is not None and heard.refused:
            await action_rows.note_error(connection, *key, f"{Refused.reason}: {heard.refused}"[:300])
        settled = resolutions(
            fresh,
            want,
            await action_rows.list_open(connection, *key),
            past.changed,
            refused=past.refused,
            done=step is None,
        )
        if settled:
            await action_rows.resolve(connection, lease.store_id, settled, now)
        if step is None:
            await work_rows.finish(connection, lease)
            return None
        return _Turn(step, after, _place(campaign), await self._network(connection, campaign))

    def _next(self, campaign: Campaign, want: plan.Wanted, standing: Standing, past: _Past) -> Step | None:
        """The next step; a held campaign is only read, and work that asks for nothing reads the campaign once."""
        step = plan.next_step(want, standing, may_bid=campaign.definition.bid is not None, refused=past.refused)
        if campaign.hold is not None and step is not None and not step.is_read:
            step = None
        return plan.READ if step is None and past.heard is None else step

    async def _network(self, connection: Connection, campaign: Campaign) -> AdNetwork:
        name = campaign.definition.network
        found: AdNetworkConnection | None = await network_rows.find_network(
            connection, self._sealer, campaign.store_id, name
        )
        if found is None:
            raise NetworkMissing("no connection to the ad network is stored for the store")
        return self._dial(found)

    async def _send(self, turn: _Turn) -> _Heard:
        """Send one step. What may pass, or leaves the outcome unknown, is raised and read back on the next try."""
        step, made, external_id = turn.step, turn.standing.attempt, turn.place[1]
        if made is None or step.is_read:
            try:
                return _Heard(turn, await turn.network.read(external_id))
            except CampaignGone:
                return _Heard(turn, gone=True)
        try:
            if step.product_id:
                seen = await turn.network.set_product(
                    external_id,
                    step.product_id,
                    status=step.status,
                    revision=made.base_revision,
                    request_id=made.request_id,
                )
            else:
                seen = await turn.network.set_campaign(
                    external_id,
                    status=step.status,
                    bid_minor=step.bid_minor,
                    revision=made.base_revision,
                    request_id=made.request_id,
                )
            return _Heard(turn, seen)
        except Stale:
            return _Heard(turn, stale=True)
        except CampaignGone as error:
            return _Heard(turn, stale=True, refused=error.message if step.product_id else "")
        except Refused as error:
            return _Heard(turn, refused=error.message)


def _place(campaign: Campaign) -> tuple[str, str]:
    return campaign.definition.network, campaign.definition.external_id


def _told(standing: Standing, heard: _Heard | None) -> Standing:
    """The standing after what was heard."""
    if heard is None:
        return standing
    if heard.seen is not None:
        return plan.observed(standing, heard.seen) if heard.turn.step.is_read else plan.confirmed(standing, heard.seen)
    if heard.gone:
        return plan.gone(standing)
    if heard.stale:
        return plan.denied(standing)
    return replace(standing, attempt=None) if heard.refused else standing


def _changed(heard: _Heard) -> frozenset[str]:
    """Which targets the step changed, as far as its answer tells."""
    made, seen = heard.turn.standing.attempt, heard.seen
    if made is None or seen is None or seen.revision == made.base_revision:
        return frozenset()
    targets = {made.product_id} if made.status else set()
    return frozenset(targets | ({BID_TARGET} if made.bid_minor is not None else set()))


def _visible(campaign: Campaign) -> tuple[object, ...]:
    standing = campaign.standing
    return (
        standing.status,
        standing.bid_minor,
        sorted(standing.products.items()),
        campaign.doubtful,
        campaign.observed_at is None,
    )

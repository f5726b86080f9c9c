"""Order history, to the end: read, decided, valued; then the baseline is computed of it and put into the contract.

Where the job stands is kept in its result: `read`, then `asked` (SyncValue for the baseline). Between the two it waits,
without holding the runner up, until nothing of the store is left in the bulk lane: a baseline over orders that
SyncValue has not been told yet would be too low.
"""

from __future__ import annotations

from typing import Any

from kiki.clients.council import CouncilClients
from kiki.commerce.stores import StoreConnection
from kiki.kit.errors import InvalidInput
from kiki.orchestrator.calls.queries import find_ended
from kiki.orchestrator.inbox.queries import count_dead
from kiki.orchestrator.lanes import Lane
from kiki.orchestrator.views import OpenWork, open_work
from kiki.orchestrator.workflows.stores import baseline_contract_event, baseline_event
from kiki.platforms.protocol import Resource
from kiki.portal.convert import message_json
from kiki.portal.facts import add_fact
from kiki.portal.jobs.repository import Job, known_history
from kiki.portal.jobs.runner import NotYet, Progress, Work
from kiki.portal.jobs.sync import Syncing, read_message, read_shop
from kiki.rpc.v1 import syncvalue_pb2

_AGENTS = ("syncvalue", "syncledger")
_LOOK_SECONDS = 1.0
_LOOK_LATER_SECONDS = 5.0
_SOON = 1000


class BaselineNotComputed(InvalidInput):
    """SyncValue refused to compute the baseline, or was never asked."""

    reason = "BASELINE_NOT_COMPUTED"


def history_work(syncing: Syncing, clients: CouncilClients) -> Work:
    """The work of a sync of orders."""

    async def work(job: Job, progress: Progress) -> str:
        store = await read_shop(Resource.ORDERS, syncing, job, progress)
        await _wait_for_decisions(syncing, job)
        if not progress.result.get("asked"):
            await _ask(syncing, job, progress, store)
            raise NotYet("SyncValue is asked for the baseline", reason="COMPUTING_BASELINE", seconds=_LOOK_SECONDS)
        await _take_result(syncing, clients, job, progress)
        return f"{read_message(Resource.ORDERS, progress)}; {baseline_message(progress.result)}"

    return work


def baseline_message(result: dict[str, Any]) -> str:
    """The baseline, for people."""
    baseline = result["baseline"]
    revenue, months = baseline["revenue"], baseline["months_available"]
    state = "complete" if baseline["complete"] else "incomplete: the rules uplift and lesser_of are refused"
    left_out = (
        f", {baseline['skipped_orders']} orders in another currency left out" if baseline["skipped_orders"] else ""
    )
    known = result["contract"]
    contract = "in the contract" if known == "told" else f"not in the contract ({known})"
    dead = f"; {result['dead_letters']} dead letters are missing in it" if result["dead_letters"] else ""
    figures = f"baseline {revenue['amount']} {revenue['currency']} over {months} of 12 months ({state})"
    return f"{figures}{left_out}, {contract}{dead}"


async def _wait_for_decisions(syncing: Syncing, job: Job) -> None:
    async with syncing.database.connection() as connection:
        left = await open_work(connection, job.store_id, Lane.BULK, _AGENTS)
    if left:
        raise NotYet(_left(left), reason="DECIDING", seconds=_pause(left))


def _left(left: OpenWork) -> str:
    return f"{left.deliveries} deliveries are to be decided, {left.calls} calls of agents to be answered"


def _pause(left: OpenWork) -> float:
    return _LOOK_SECONDS if left.deliveries + left.calls < _SOON else _LOOK_LATER_SECONDS


async def _ask(syncing: Syncing, job: Job, progress: Progress, store: StoreConnection) -> None:
    """Tell the worker that the history is known, from the earliest time that this sync or one before it covers."""
    async with progress.step() as connection:
        history_from = await known_history(connection, store, progress.result["history_from"])
        await add_fact(
            connection,
            syncing.sealer,
            store_id=job.store_id,
            kind="history_synced",
            body={"revision": _revision(job), "history_from": history_from},
            now=syncing.clock.now(),
            lane=Lane.BULK,
            identity=_revision(job),
        )
        progress.result = {**progress.result, "asked": True}


async def _take_result(syncing: Syncing, clients: CouncilClients, job: Job, progress: Progress) -> None:
    """What SyncValue and SyncLedger made of it; nothing of the store waits any more."""
    asked = baseline_event(job.store_id, _revision(job))
    async with syncing.database.connection() as connection:
        computed = await find_ended(connection, job.store_id, asked)
        told = await find_ended(connection, job.store_id, baseline_contract_event(job.store_id, asked))
        dead = await count_dead(connection, job.store_id, origin="sync")
    if computed is None or computed.status != "answered":
        why = "SyncValue was not asked" if computed is None else f"SyncValue refused: {computed.reason}"
        raise BaselineNotComputed(f"the orders are read, and there is no baseline: {why}")
    request = syncvalue_pb2.GetBaselineRequest(store_id=job.store_id)
    answer = await clients.syncvalue.call("GetBaseline", request, syncvalue_pb2.GetBaselineResponse)
    contract = "told" if told is not None and told.status == "answered" else _refusal(told.reason if told else "")
    async with progress.step():
        progress.result = {
            **progress.result,
            "baseline": message_json(answer.baseline),
            "contract": contract,
            "dead_letters": dead,
        }


def _refusal(reason: str) -> str:
    return f"SyncLedger refused: {reason}" if reason else "it is settled in another currency"


def _revision(job: Job) -> str:
    return f"job:{job.job_id}"

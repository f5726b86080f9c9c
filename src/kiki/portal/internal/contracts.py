"""Contracts: the terms that SyncLedger keeps, versioned."""

from __future__ import annotations

import uuid
from decimal import Decimal

from kiki.commerce.stores import StoreConnection
from kiki.kit.digest import event_id
from kiki.kit.errors import InvalidInput
from kiki.kit.grpc.times import time_to_proto
from kiki.orchestrator.experiments.service import BY_EXPERIMENT, check_billable
from kiki.portal.access import documented_key
from kiki.portal.audit import note_alone
from kiki.portal.convert import message_json
from kiki.portal.internal.answers.campaigns import NewTerms, Terms
from kiki.portal.internal.pages import StoreId
from kiki.portal.internal.schemas import ContractBody, month_of
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected
from kiki.rpc.v1 import syncledger_pb2 as ledger

router = AnswerRouter(prefix="/internal/contracts", tags=["contracts"], dependencies=[documented_key])

_BASES = {"net_sales": ledger.FEE_BASIS_NET_SALES, "total": ledger.FEE_BASIS_TOTAL}
_RULES = {
    "attributed": ledger.FEE_RULE_ATTRIBUTED,
    "uplift": ledger.FEE_RULE_UPLIFT,
    "lesser_of": ledger.FEE_RULE_LESSER_OF,
    "experiment_estimate": ledger.FEE_RULE_EXPERIMENT_ESTIMATE,
    "experiment_lower_bound": ledger.FEE_RULE_EXPERIMENT_LOWER_BOUND,
    "ended": ledger.FEE_RULE_ENDED,
}


@router.get("/{store_id}", operation_id="get_contract", summary="The terms in force, and every version")
async def show(services: Injected, store_id: StoreId) -> Terms:
    request = ledger.GetContractRequest(store_id=store_id)
    return message_json(await services.clients.syncledger.call("GetContract", request, ledger.GetContractResponse))


@router.put("/{store_id}", operation_id="put_contract", summary="Write a new version")
async def put(services: Injected, actor: Actor, store_id: StoreId, body: ContractBody) -> NewTerms:
    """Currency, time zone, connection and basis are the store's; the baseline goes on from the version before.

    The rule `ended` ends the contract: from its month on orders bill nothing, and a carry is credited.
    """
    async with services.database.connection() as connection:
        store = await services.stores.get(connection, store_id)
        if body.rule.startswith(BY_EXPERIMENT):
            await check_billable(connection, store_id, body.experiment_id or "")
    if body.basis not in (None, store.settings.basis):
        raise InvalidInput(
            f"the store's orders are decided and read on {store.settings.basis}, got {body.basis}: "
            f"PATCH /internal/stores/{store_id}/settings changes the basis, and the contract from the next month on",
            reason="BASIS_DIFFERS",
        )
    contract = _contract(store, fee_rate=body.fee_rate, basis=store.settings.basis, rule=body.rule)
    contract.experiment_id = body.experiment_id or ""
    if body.effective_from is not None:
        contract.effective_from.year, contract.effective_from.month = month_of(body.effective_from)
    request = ledger.PutContractRequest(
        store_id=store_id, event_id=event_id(store_id, "contract", actor, uuid.uuid4().hex), contract=contract
    )
    answer = await services.clients.syncledger.call("PutContract", request, ledger.PutContractResponse)
    terms = f"fee={contract.fee_rate} rule={body.rule} from={body.effective_from or 'now'}"
    await note_alone(
        services,
        store_id=store_id,
        actor=actor,
        action="contract.put",
        resource=("contract", answer.contract.version),
        purpose=terms,
    )
    return message_json(answer)


def _contract(store: StoreConnection, *, fee_rate: Decimal, basis: str, rule: str) -> ledger.Contract:
    return ledger.Contract(
        fee_rate=format(fee_rate, "f"),
        basis=_BASES[basis],
        rule=_RULES[rule],
        settlement_currency=store.settings.settlement_currency or store.currency,
        time_zone=store.timezone,
        connected_at=time_to_proto(store.connected_at),
    )

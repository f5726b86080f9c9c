"""The ledger: whether a store's books add up."""

from __future__ import annotations

from kiki.portal.access import documented_key
from kiki.portal.audit import note_alone
from kiki.portal.convert import message_json
from kiki.portal.internal.answers.ledger import LedgerVerification
from kiki.portal.internal.pages import StoreId
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected
from kiki.rpc.v1 import syncledger_pb2 as ledger

router = AnswerRouter(prefix="/internal/ledger", tags=["ledger"], dependencies=[documented_key])

_VERIFY_SECONDS = 50.0


@router.get(
    "/{store_id}/verification",
    operation_id="verify_ledger",
    summary="Compute a store's books anew from their postings",
)
async def verify(services: Injected, actor: Actor, store_id: StoreId) -> LedgerVerification:
    """Holds entries, balances, orders, refunds, closed months and frozen statements against the postings.

    It changes nothing in the books; who asked and what was found stands in the audit log.
    """
    async with services.database.connection() as connection:
        await services.stores.get(connection, store_id)
    found = await services.clients.syncledger.call(
        "VerifyLedger",
        ledger.VerifyLedgerRequest(store_id=store_id),
        ledger.VerifyLedgerResponse,
        timeout_seconds=_VERIFY_SECONDS,
    )
    await note_alone(
        services,
        store_id=store_id,
        actor=actor,
        action="ledger.verify",
        resource=("ledger", store_id),
        purpose=f"entries={found.entries} problems={len(found.problems)}",
    )
    return {"store_id": store_id, **message_json(found)}

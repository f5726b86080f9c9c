"""Touchpoints told by another server, for example a shop's own tracking."""

from __future__ import annotations

import datetime as dt
from typing import Any

from starlette.status import HTTP_202_ACCEPTED

from kiki.kit.errors import InvalidInput
from kiki.kit.sealing import Sealer
from kiki.orchestrator.workflows.identities import identities
from kiki.portal.access import documented_key
from kiki.portal.audit import note
from kiki.portal.facts import add_fact
from kiki.portal.internal.answers.shared import Touchpoints
from kiki.portal.internal.campaign_schemas import TouchpointBody, TouchpointsBody
from kiki.portal.internal.pages import StoreId
from kiki.portal.routing import AnswerRouter
from kiki.portal.services import Actor, Injected

_CLOCKS_DIFFER = dt.timedelta(hours=1)

router = AnswerRouter(prefix="/internal", tags=["touchpoints"], dependencies=[documented_key])


@router.post(
    "/touchpoints/{store_id}",
    operation_id="add_touchpoints",
    status_code=HTTP_202_ACCEPTED,
    summary="Add touchpoints from a server",
)
async def add(services: Injected, actor: Actor, store_id: StoreId, body: TouchpointsBody) -> Touchpoints:
    """A touchpoint id counts once. It matters only where it leads to a campaign that is registered with SyncFlow.

    All of them are taken, or none: the answer names the first that cannot be used. One that lies more than an hour in
    the future is refused. Addresses and ids of persons become blind indexes here; nothing of them is stored in clear.
    """
    now = services.clock.now()
    entries = [
        _entry(services.sealer, store_id, touchpoint, number, now) for number, touchpoint in enumerate(body.touchpoints)
    ]
    async with services.database.transaction() as connection:
        await services.stores.get(connection, store_id)
        new = await add_fact(
            connection,
            services.sealer,
            store_id=store_id,
            kind="touchpoints_added",
            body={"touchpoints": entries},
            now=now,
            identity="touchpoints",
        )
        if new:
            await note(
                services,
                connection,
                store_id=store_id,
                actor=actor,
                action="touchpoints.add",
                resource=("store", store_id),
                purpose=f"count={len(entries)}",
            )
    return {"store_id": store_id, "accepted": len(entries), "repeated": not new}


def _entry(sealer: Sealer, store_id: int, body: TouchpointBody, number: int, now: dt.datetime) -> dict[str, Any]:
    if body.at > now + _CLOCKS_DIFFER:
        raise InvalidInput(
            f"touchpoints[{number}] lies in the future: a contact counts for orders after it, and has to have happened",
            reason="TOUCHPOINT_IN_FUTURE",
        )
    found = identities(
        sealer,
        store_id,
        customer_id=body.customer_id,
        email=body.email,
        email_sha256=body.email_sha256,
        phone=body.phone,
        first_party_id=body.first_party_id,
        click_ids=sorted(body.click_ids.items()),
    )
    if not found:
        raise InvalidInput(
            f"touchpoints[{number}] names nobody: wanted is customer_id, email, email_sha256, phone,"
            " first_party_id or a click id",
            reason="NO_IDENTITY",
        )
    return {
        "touchpoint_id": body.touchpoint_id,
        "at": body.at.isoformat(),
        "kind": body.kind,
        "source": "server",
        "campaign_id": body.campaign_id,
        "utm_source": body.utm_source,
        "utm_medium": body.utm_medium,
        "utm_campaign": body.utm_campaign,
        "utm_id": body.utm_id,
        "identities": [{"kind": kind, "value": value.hex()} for _, kind, value in found],
    }

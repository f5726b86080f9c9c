"""An erased person: nothing that was told before makes them known again, and who comes back is asked again."""

from __future__ import annotations

import datetime as dt

import grpc.aio
import pytest

from integration.council.syncengage.harness import NOON, Engage, contact, customer, order, upsell
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import syncengage_pb2 as pb

_GRANTED = pb.Consent(state=pb.CONSENT_STATE_GRANTED, source="shop_profile")


async def _erased(engage: Engage) -> None:
    await engage.call("PutContact", contact(email_consent=_GRANTED, observed_at=time_to_proto(NOON)))
    engage.clock.advance(dt.timedelta(minutes=30))
    await engage.call("EraseContact", pb.EraseContactRequest(store_id=1, event_id="erase", customer_key="c1"))
    engage.clock.advance(dt.timedelta(minutes=30))


async def _is_known(engage: Engage) -> bool:
    try:
        await engage.call("GetContact", pb.GetContactRequest(store_id=1, customer_key="c1"))
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.NOT_FOUND:
            raise
        return False
    return True


async def test_a_replayed_profile_does_not_bring_an_erased_person_back(engage: Engage) -> None:
    await _erased(engage)
    late = contact(20, email_consent=_GRANTED)  # Observed ten minutes before the erasure, handed over after it.
    assert not (await engage.call("PutContact", late)).applied
    undated = pb.PutContactRequest(store_id=1, event_id="undated", customer=customer())
    assert not (await engage.call("PutContact", undated)).applied
    assert not await _is_known(engage)
    assert (await engage.call("PutContact", contact(40))).applied, "what the shop says afterwards counts"
    assert await _is_known(engage)


@pytest.mark.parametrize("placed", [NOON, NOON + dt.timedelta(minutes=30)])
async def test_an_order_from_before_does_not_bring_an_erased_person_back(engage: Engage, placed: dt.datetime) -> None:
    await _erased(engage)
    answer = await engage.call("TriggerPostPurchaseFlow", order(placed_at=placed))
    assert list(answer.scheduled_emails) == []
    await engage.call("TriggerUpsellFlow", upsell())
    assert not await _is_known(engage)
    async with engage.component.sender._database.connection() as connection:
        kept = await connection.fetchval("SELECT count(*) FROM syncengage.messages")
    assert kept == 0


async def test_who_comes_back_has_not_agreed_to_anything(engage: Engage) -> None:
    await _erased(engage)
    back = customer(accepts_email_marketing=False)
    answer = await engage.call("TriggerPostPurchaseFlow", order(placed_at=engage.clock.now(), customer=back))
    assert [mail.template for mail in answer.scheduled_emails] == ["order_thanks"]
    assert {one.template: one.reason for one in answer.suppressed}["order_tips"] == "no_consent"
    agreed = order(2, placed_at=engage.clock.now(), customer=customer())
    assert len((await engage.call("TriggerPostPurchaseFlow", agreed)).scheduled_emails) == 2, "asked again, and agreed"


async def test_the_log_says_that_consent_ended(engage: Engage) -> None:
    await _erased(engage)
    async with engage.component.sender._database.connection() as connection:
        rows = await connection.fetch("SELECT granted, source FROM syncengage.consent_log ORDER BY entry_id")
    assert [tuple(row) for row in rows] == [(True, "shop_profile"), (False, "erasure")]

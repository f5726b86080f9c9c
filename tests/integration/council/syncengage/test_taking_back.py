"""What is not said any more: about orders that were reversed, for shops that left, to customers who came back."""

from __future__ import annotations

import datetime as dt

import grpc.aio
import pytest

from integration.council.syncengage.harness import NOON, Engage, churn, contact, customer, open_engage, order
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import syncengage_pb2 as pb
from kiki.sandbox.mailbox import Mailbox, serve_mailbox


def _cancel(**fields: str) -> pb.CancelFlowsRequest:
    return pb.CancelFlowsRequest(store_id=1, event_id="cancel", **fields)


async def _told(engage: Engage) -> list[tuple[str, str, str]]:
    answer = await engage.call("ListMessages", pb.ListMessagesRequest(store_id=1))
    return sorted(
        (one.customer_key, one.template, one.reason or pb.MessageStatus.Name(one.status)) for one in answer.messages
    )


@pytest.mark.parametrize("holdout_share", [0, 0.5])
async def test_nothing_more_is_said_about_a_reversed_order(engage_dsn: str, holdout_share: float) -> None:
    """Of the hold-out too: the thanks are no marketing and were scheduled."""
    async with open_engage(engage_dsn, holdout_share=holdout_share) as engage:
        for number in range(1, 7):
            await engage.call("TriggerPostPurchaseFlow", order(number, customer=customer(f"c{number}")))
        await engage.call("TriggerPostPurchaseFlow", order(8, customer=customer("c1")))
        for number in range(1, 7):
            request = _cancel(order_id=str(1000 + number), customer_key=f"c{number}")
            request.event_id += str(number)
            assert (await engage.call("CancelFlows", request)).messages_cancelled >= 1
            assert (await engage.call("CancelFlows", request)).messages_cancelled >= 1, "the first answer, again"
        reasons = [reason for _, _, reason in await _told(engage)]
        assert set(reasons) == {"order_reversed", "MESSAGE_STATUS_SCHEDULED"}
        assert reasons.count("MESSAGE_STATUS_SCHEDULED") <= 2, "only the buyer's other order is followed up"


async def test_a_shop_that_left_says_nothing(engage: Engage) -> None:
    waiting = await engage.call("TriggerChurnPrevention", churn(customer=customer("c2")))
    await engage.call("TriggerPostPurchaseFlow", order())
    await engage.call("TriggerPostPurchaseFlow", order(store_id=2))
    assert (await engage.call("CancelFlows", _cancel())).messages_cancelled == 2
    code = pb.PutDiscountCodeRequest(
        store_id=1, event_id="code", flow_id=waiting.flow_id, code="X", expires_at=time_to_proto(NOON)
    )
    with pytest.raises(grpc.aio.AioRpcError, match="does not wait"):
        await engage.call("PutDiscountCode", code)
    assert {reason for _, _, reason in await _told(engage)} == {"store_left"}
    other = await engage.call("ListMessages", pb.ListMessagesRequest(store_id=2))
    assert {one.status for one in other.messages} == {pb.MESSAGE_STATUS_SCHEDULED}


async def test_an_order_without_its_buyer_is_refused(engage: Engage) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="customer_key"):
        await engage.call("CancelFlows", _cancel(order_id="1001"))


async def test_a_store_is_forgotten_and_another_is_not(engage: Engage) -> None:
    for store in (1, 2):
        for number in (1, 2, 3):
            await engage.call("PutContact", contact(number, f"c{number}", store_id=store))
        await engage.call("TriggerPostPurchaseFlow", order(store_id=store))
    request = pb.EraseStoreRequest(store_id=1, event_id="gone")
    for _ in range(2):
        assert (await engage.call("EraseStore", request)).contacts_erased == 3
    for key in ("c1", "c2", "c3"):
        with pytest.raises(grpc.aio.AioRpcError, match="no contact"):
            await engage.call("GetContact", pb.GetContactRequest(store_id=1, customer_key=key))
        await engage.call("GetContact", pb.GetContactRequest(store_id=2, customer_key=key))
    async with engage.component.sender._database.connection() as connection:
        left = await connection.fetch(
            "SELECT store_id, count(sealed_facts) FROM syncengage.flows GROUP BY 1 ORDER BY 1"
        )
    assert [tuple(row) for row in left] == [(1, 0), (2, 1)]
    assert {reason for _, _, reason in await _told(engage)} == {"store_left"}
    await engage.call("PutContact", contact(9, "c9"))
    assert (await engage.call("EraseStore", request)).contacts_erased == 3, "the first answer"
    await engage.call("GetContact", pb.GetContactRequest(store_id=1, customer_key="c9"))


async def test_a_large_store_is_forgotten_to_its_end(engage: Engage) -> None:
    async with engage.component.sender._database.transaction() as connection:
        await connection.execute(
            "INSERT INTO syncengage.contacts (store_id, customer_key, customer_id, locale, timezone,"
            " email_consent_source, sms_consent_source, sealed_identity)"
            " SELECT 1, 'k' || n, 'c', '', '', '', '', 'x' FROM generate_series(1, 4500) n"
        )
    answer = await engage.call("EraseStore", pb.EraseStoreRequest(store_id=1, event_id="gone"))
    assert answer.contacts_erased == 4500
    async with engage.component.sender._database.connection() as connection:
        left = await connection.fetchval("SELECT count(sealed_identity) FROM syncengage.contacts")
    assert left == 0


async def test_who_came_back_by_themselves_is_not_won_back(engage_dsn: str) -> None:
    mailbox = Mailbox()
    async with (
        serve_mailbox(mailbox) as port,
        open_engage(engage_dsn, smtp_host="127.0.0.1", smtp_port=port, winback_delay_seconds=3600) as engage,
    ):
        for key in ("c1", "c2"):
            flow = await engage.call("TriggerChurnPrevention", churn(customer=customer(key), event_id=f"churn-{key}"))
            expires = time_to_proto(NOON + dt.timedelta(days=14))
            code = pb.PutDiscountCodeRequest(
                store_id=1, event_id=f"code-{key}", flow_id=flow.flow_id, code="BACK10", expires_at=expires
            )
            await engage.call("PutDiscountCode", code)
        engage.clock.advance(dt.timedelta(minutes=50))
        await engage.call("TriggerPostPurchaseFlow", order(placed_at=engage.clock.now()))
        engage.clock.advance(dt.timedelta(minutes=12))
        await engage.send_due()
        assert [mail.recipients for mail in mailbox.mails] == [("c2@example.com",)]
        assert ("c1", "winback", "ordered_again") in await _told(engage)

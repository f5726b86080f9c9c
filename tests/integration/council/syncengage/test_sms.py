"""SMS over real HTTP to the sandbox gateway: what arrives, what is held back, and what is never sent twice."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from integration.council.syncengage.harness import NOON, Engage, churn, customer, open_engage, order
from kiki.kit.grpc.times import time_from_proto, time_to_proto
from kiki.rpc.v1 import syncengage_pb2 as pb
from kiki.sandbox.sms_gateway import SmsFaults, SmsGateway, serve_sms_gateway

TOKEN = "a-token-of-the-gateway"
NUMBER = "+4915112345678"
DELAY = dt.timedelta(hours=20)
"""From noon to the next morning, after the quiet hours."""


@asynccontextmanager
async def _texting(
    dsn: str, faults: SmsFaults | None = None, **settings: Any
) -> AsyncIterator[tuple[Engage, SmsGateway]]:
    gateway = SmsGateway()
    async with serve_sms_gateway(gateway, token=TOKEN, faults=faults) as port:
        chosen = {
            "sms_url": f"http://127.0.0.1:{port}/messages",
            "sms_api_key": TOKEN,
            "sms_allow_private": True,
            "tips_sms_delay_seconds": 3600,
            **settings,
        }
        async with open_engage(dsn, **chosen) as engage:
            await asyncio.sleep(0.05)
            yield engage, gateway


def buyer(key: str = "c1", phone: str = "+49 151 123 456-78", **fields: Any) -> Any:
    return customer(key, phone=phone, **{"accepts_sms_marketing": True, **fields})


async def _sms(engage: Engage) -> pb.Message:
    """The first message by SMS."""
    answer = await engage.call("ListMessages", pb.ListMessagesRequest(store_id=1))
    found: list[pb.Message] = [message for message in answer.messages if message.channel == pb.CHANNEL_SMS]
    return min(found, key=lambda message: message.message_id)


async def _rounds(engage: Engage, count: int = 3) -> None:
    """Rounds of sending, far enough apart for every backoff, all of them in the day."""
    for _ in range(count):
        await engage.send_due()
        engage.clock.advance(dt.timedelta(minutes=20))


async def test_an_sms_arrives_once_with_its_link_and_the_way_out(engage_dsn: str) -> None:
    async with _texting(engage_dsn) as (engage, gateway):
        flow = await engage.call("TriggerPostPurchaseFlow", order(customer=buyer(locale="de-DE")))
        assert [sms.template for sms in flow.scheduled_sms] == ["order_tips_sms"]
        assert await engage.send_due() == 0, "nothing leaves before its time"
        engage.clock.advance(dt.timedelta(hours=1))
        await _rounds(engage)
        (sms,) = gateway.to(NUMBER)
        assert sms.text.startswith("Nordlicht: Danke für Ihre Bestellung #1.")
        assert "utm_medium=sms" in sms.text
        assert "/unsubscribe/1." in sms.text
        message = await _sms(engage)
        assert (message.status, message.attempts) == (pb.MESSAGE_STATUS_SENT, 1)
        assert gateway.requests == 1


@pytest.mark.parametrize("fault", ["hang_up_after_rate", "error_after_rate"])
async def test_an_unknown_outcome_after_the_request_is_never_sent_again(engage_dsn: str, fault: str) -> None:
    async with _texting(engage_dsn, SmsFaults(**{fault: 1.0})) as (engage, gateway):
        await engage.call("TriggerPostPurchaseFlow", order(customer=buyer()))
        engage.clock.advance(dt.timedelta(hours=1))
        await _rounds(engage)
        assert (len(gateway.messages), gateway.requests) == (1, 1)
        assert (await _sms(engage)).status == pb.MESSAGE_STATUS_UNKNOWN


@pytest.mark.parametrize(("fault", "sick", "well"), [("rate_limited_rate", 1.0, 0.0), ("offline", True, False)])
async def test_what_was_certainly_not_taken_is_tried_again(
    engage_dsn: str, fault: str, sick: object, well: object
) -> None:
    faults = SmsFaults()
    setattr(faults, fault, sick)
    async with _texting(engage_dsn, faults) as (engage, gateway):
        await engage.call("TriggerPostPurchaseFlow", order(customer=buyer()))
        engage.clock.advance(dt.timedelta(hours=1))
        await _rounds(engage, 2)
        assert gateway.messages == []
        assert (await _sms(engage)).status == pb.MESSAGE_STATUS_SCHEDULED
        setattr(faults, fault, well)
        await _rounds(engage)
        assert len(gateway.to(NUMBER)) == 1
        assert (await _sms(engage)).status == pb.MESSAGE_STATUS_SENT


async def test_a_gateway_that_is_not_there_is_tried_again(engage_dsn: str) -> None:
    async with _texting(engage_dsn, sms_url="http://127.0.0.1:9/messages") as (engage, _):
        await engage.call("TriggerPostPurchaseFlow", order(customer=buyer()))
        engage.clock.advance(dt.timedelta(hours=1))
        await engage.send_due()
        message = await _sms(engage)
        assert (message.status, message.reason) == (pb.MESSAGE_STATUS_SCHEDULED, "http_unreachable")


async def test_a_gateway_in_a_private_network_wants_to_be_allowed(engage_dsn: str) -> None:
    async with _texting(engage_dsn, sms_allow_private=False) as (engage, gateway):
        await engage.call("TriggerPostPurchaseFlow", order(customer=buyer()))
        engage.clock.advance(dt.timedelta(hours=1))
        await engage.send_due()
        assert gateway.requests == 0
        message = await _sms(engage)
        assert (message.status, message.reason) == (pb.MESSAGE_STATUS_FAILED, "private_address")


@pytest.mark.parametrize(
    ("settings", "phone", "reason"),
    [
        pytest.param({"sms_api_key": "another"}, NUMBER, "http_401", id="wrong token"),
        pytest.param({}, "0151 12345678", "bad_address", id="number without its country"),
    ],
)
async def test_what_will_never_be_taken_fails_at_once(
    engage_dsn: str, settings: dict[str, str], phone: str, reason: str
) -> None:
    async with _texting(engage_dsn, **settings) as (engage, gateway):
        await engage.call("TriggerPostPurchaseFlow", order(customer=buyer(phone=phone)))
        engage.clock.advance(dt.timedelta(hours=1))
        await _rounds(engage)
        assert gateway.messages == []
        message = await _sms(engage)
        assert (message.status, message.reason, message.attempts) == (pb.MESSAGE_STATUS_FAILED, reason, 1)


@pytest.mark.parametrize(
    ("fields", "settings", "reason"),
    [
        pytest.param({"accepts_sms_marketing": False}, {}, "no_consent", id="without consent"),
        pytest.param({"phone": ""}, {}, "no_address", id="without a number"),
        pytest.param({}, {"sms_url": ""}, "no_sms_provider", id="without a gateway"),
        pytest.param({}, {"holdout_share": 0.5, "tips_sms_delay_seconds": 0}, "held_out", id="held out"),
        pytest.param({}, {"tips_sms_delay_seconds": 49 * 3600}, "order_too_old", id="too late"),
    ],
)
async def test_what_may_not_be_sent_is_not_even_scheduled(
    engage_dsn: str, fields: dict[str, Any], settings: dict[str, Any], reason: str
) -> None:
    held_out = "c4"  # Drawn into the first half of hold-outs of post-purchase flows of store 1.
    async with _texting(engage_dsn, **settings) as (engage, gateway):
        who = buyer(held_out if reason == "held_out" else "c1", **fields)
        flow = await engage.call("TriggerPostPurchaseFlow", order(customer=who))
        assert {item.template: item.reason for item in flow.suppressed}["order_tips_sms"] == reason
        engage.clock.advance(dt.timedelta(hours=3))
        await engage.send_due()
        assert gateway.requests == 0


async def test_quiet_hours_of_the_recipient_delay_an_sms(engage_dsn: str) -> None:
    async with _texting(engage_dsn) as (engage, gateway):
        await engage.call("TriggerPostPurchaseFlow", order(customer=buyer()))
        engage.clock.advance(dt.timedelta(hours=9))  # 22:00 in Berlin: the sender was away until now.
        await engage.send_due()
        assert gateway.requests == 0
        message = await _sms(engage)
        assert time_from_proto(message.send_at) == dt.datetime(2026, 11, 24, 7, 0, tzinfo=dt.UTC)
        engage.clock.advance(DELAY - dt.timedelta(hours=9))
        await engage.send_due()
        assert len(gateway.to(NUMBER)) == 1


async def test_more_than_the_cap_allows_is_suppressed(engage_dsn: str) -> None:
    async with _texting(engage_dsn, marketing_cap=1) as (engage, gateway):
        for number in (1, 2):
            await engage.call("TriggerPostPurchaseFlow", order(number, customer=buyer()))
        engage.clock.advance(dt.timedelta(hours=1))
        await _rounds(engage)
        assert len(gateway.to(NUMBER)) == 1


async def test_an_unsubscribe_by_the_link_of_an_sms_ends_sms_alone(engage_dsn: str) -> None:
    async with _texting(engage_dsn) as (engage, gateway):
        await engage.call("TriggerPostPurchaseFlow", order(customer=buyer()))
        engage.clock.advance(dt.timedelta(hours=1))
        await engage.send_due()
        token = gateway.messages[0].text.rpartition("/")[2]
        done = await engage.call("Unsubscribe", pb.UnsubscribeRequest(token=token))
        assert (done.store_id, done.channel) == (1, pb.CHANNEL_SMS)
        later = order(2, customer=buyer(), placed_at=engage.clock.now())
        flow = await engage.call("TriggerPostPurchaseFlow", later)
        assert {item.template: item.reason for item in flow.suppressed} == {"order_tips_sms": "unsubscribed"}


@pytest.mark.parametrize("consented_anew", [False, True])
async def test_an_unsubscribed_number_gets_nothing_under_another_name_either(
    engage_dsn: str, consented_anew: bool
) -> None:
    async with _texting(engage_dsn) as (engage, gateway):
        await engage.call("TriggerPostPurchaseFlow", order(customer=buyer("guest")))
        engage.clock.advance(dt.timedelta(hours=1))
        await engage.send_due()
        token = gateway.messages[0].text.rpartition("/")[2]
        await engage.call("Unsubscribe", pb.UnsubscribeRequest(token=token))
        account = buyer("account", phone="0049 151 12345678")
        if consented_anew:
            granted_at = time_to_proto(engage.clock.now() + dt.timedelta(minutes=1))
            granted = pb.Consent(state=pb.CONSENT_STATE_GRANTED, given_at=granted_at, source="account")
            put = pb.PutContactRequest(store_id=1, event_id="put", customer=buyer("account"), sms_consent=granted)
            await engage.call("PutContact", put)
        later = order(2, customer=account, placed_at=engage.clock.now())
        await engage.call("TriggerPostPurchaseFlow", later)
        engage.clock.advance(dt.timedelta(hours=1))
        await _rounds(engage)
        assert len(gateway.to(NUMBER)) == (2 if consented_anew else 1)


async def test_a_win_back_by_sms_carries_its_code(engage_dsn: str) -> None:
    async with _texting(engage_dsn) as (engage, gateway):
        flow = await engage.call("TriggerChurnPrevention", churn(customer=buyer()))
        await engage.send_due()
        assert gateway.messages == []
        expires_at = time_to_proto(NOON + dt.timedelta(days=14))
        code = pb.PutDiscountCodeRequest(
            store_id=1, event_id="code-1", flow_id=flow.flow_id, code="BACK10", expires_at=expires_at
        )
        await engage.call("PutDiscountCode", code)
        await engage.send_due()
        (sms,) = gateway.to(NUMBER)
        assert "BACK10" in sms.text

"""Mail over real SMTP to the sandbox mailbox: what arrives, what is held back, and what is never sent twice."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from integration.council.syncengage.harness import (
    NOON,
    Engage,
    availability,
    churn,
    customer,
    open_engage,
    order,
    upsell,
)
from kiki.kit.grpc.times import time_from_proto, time_to_proto
from kiki.rpc.v1 import common_pb2 as common
from kiki.rpc.v1 import syncengage_pb2 as pb
from kiki.sandbox.mailbox import Mailbox, MailFaults, serve_mailbox


@asynccontextmanager
async def _mailed(dsn: str, faults: MailFaults | None = None, **settings: Any) -> AsyncIterator[tuple[Engage, Mailbox]]:
    mailbox = Mailbox()
    async with serve_mailbox(mailbox, faults=faults) as port:
        chosen = {"smtp_host": "127.0.0.1", "smtp_port": port, "sender_address": "shop@example.com", **settings}
        async with open_engage(dsn, **chosen) as engage:
            await asyncio.sleep(0.05)
            yield engage, mailbox


async def _messages(engage: Engage) -> dict[str, pb.Message]:
    answer = await engage.call("ListMessages", pb.ListMessagesRequest(store_id=1))
    return {message.template: message for message in answer.messages}


async def test_mail_arrives_with_text_html_and_one_click_unsubscribe(engage_dsn: str) -> None:
    async with _mailed(engage_dsn, sender_identity="Nordlicht GmbH, Hauptstr. 1, Berlin") as (engage, mailbox):
        await engage.call("TriggerPostPurchaseFlow", order(customer=customer(locale="de-DE")))
        assert await engage.send_due() == 0, "nothing leaves before its time"
        engage.clock.advance(dt.timedelta(hours=25))
        assert await engage.send_due() == 2
        mails = [mail.message() for mail in mailbox.mails]
        thanks, tips = sorted(mails, key=lambda mail: "List-Unsubscribe" in mail)  # Two connections: in any order.
        assert thanks["Subject"] == "Vielen Dank für Ihre Bestellung #1"
        assert thanks["To"] == "Ada <c1@example.com>"
        assert thanks["From"] == "Nordlicht <shop@example.com>"
        assert thanks["List-Unsubscribe"] is None, "transactional mail carries no unsubscribe"
        text = thanks.get_body(("plain",)).get_content()
        assert [word for word in ("- 2 × Bulb", "49.90 EUR", "Hauptstr. 1") if word not in text] == []
        assert "<table" in thanks.get_body(("html",)).get_content()
        assert tips["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "utm_campaign=syncengage-post-purchase-2026-11" in tips.get_body(("plain",)).get_content()
        assert {name: message.status for name, message in (await _messages(engage)).items()} == {
            "order_thanks": pb.MESSAGE_STATUS_SENT,
            "order_tips": pb.MESSAGE_STATUS_SENT,
        }


async def test_an_unsubscribe_ends_marketing_and_survives_a_repeated_old_consent(engage_dsn: str) -> None:
    async with _mailed(engage_dsn) as (engage, mailbox):
        await engage.call("TriggerPostPurchaseFlow", order())
        engage.clock.advance(dt.timedelta(hours=25))
        await engage.send_due()
        header = next(header for mail in mailbox.mails if (header := mail.message()["List-Unsubscribe"]))
        token = header.strip("<>").rpartition("/")[2]
        await engage.call("TriggerPostPurchaseFlow", order(2, placed_at=engage.clock.now()))
        done = await engage.call("Unsubscribe", pb.UnsubscribeRequest(token=token))
        assert (done.store_id, done.channel, done.shop_name, done.already) == (1, pb.CHANNEL_EMAIL, "Nordlicht", False)
        assert done.messages_cancelled == 1
        assert (await engage.call("Unsubscribe", pb.UnsubscribeRequest(token=token))).already
        granted = pb.Consent(state=pb.CONSENT_STATE_GRANTED, given_at=time_to_proto(NOON), source="shop_profile")
        put = pb.PutContactRequest(store_id=1, event_id="put-1", customer=customer(), email_consent=granted)
        assert not (await engage.call("PutContact", put)).email_marketing_allowed
        later = await engage.call("TriggerPostPurchaseFlow", order(3, placed_at=engage.clock.now()))
        assert {s.template: s.reason for s in later.suppressed}["order_tips"] == "unsubscribed"
        granted.given_at.CopyFrom(time_to_proto(engage.clock.now() + dt.timedelta(hours=1)))
        anew = pb.PutContactRequest(store_id=1, event_id="put-2", customer=customer(), email_consent=granted)
        assert (await engage.call("PutContact", anew)).email_marketing_allowed


async def test_what_sells_out_before_a_mail_leaves_is_not_in_it(engage_dsn: str) -> None:
    items = [common.OrderLineItem(product_id=f"p{n}", title=f"Thing {n}", quantity=1) for n in (1, 2, 3)]
    async with _mailed(engage_dsn) as (engage, mailbox):
        bought = {"placed_at": time_to_proto(engage.clock.now())}
        await engage.call("TriggerPostPurchaseFlow", order(items=items, customer=customer(email="")))
        await engage.keep_house()
        await engage.call("TriggerUpsellFlow", upsell(1, **bought))
        await engage.call("TriggerUpsellFlow", upsell(2, **bought, customer=customer("c2"), order_id="1002"))
        engage.clock.advance(dt.timedelta(hours=29))
        await engage.call("PutProductAvailability", availability(1, p3=False))
        assert await engage.send_due() == 2
        texts = [mail.message().get_body(("plain",)).get_content() for mail in mailbox.mails]
        assert len(texts) == 2
        assert all("Thing 2" in text and "Thing 3" not in text for text in texts)

        await engage.call(
            "TriggerUpsellFlow",
            upsell(3, customer=customer("c3"), order_id="1003", placed_at=time_to_proto(engage.clock.now())),
        )
        await engage.call("PutProductAvailability", availability(2, p2=False))
        engage.clock.advance(dt.timedelta(hours=40))  # The next morning's end of the quiet hours lies between.
        assert await engage.send_due() == 1
        assert len(mailbox.mails) == 2
        last = (await engage.call("ListMessages", pb.ListMessagesRequest(store_id=1, customer_key="c3"))).messages[0]
        assert (last.status, last.reason) == (pb.MESSAGE_STATUS_SUPPRESSED, "sold_out")


@pytest.mark.parametrize("token", ["", "1.", "1.AAAA", "x.AAAA", "9.!!", "1." + "A" * 5000])
async def test_a_made_up_unsubscribe_token_is_refused(engage: Engage, token: str) -> None:
    with pytest.raises(Exception, match="INVALID_ARGUMENT"):
        await engage.call("Unsubscribe", pb.UnsubscribeRequest(token=token))


async def test_an_unknown_outcome_after_the_contents_is_never_sent_again(engage_dsn: str) -> None:
    async with _mailed(engage_dsn, MailFaults(dropped_after_data_rate=1)) as (engage, mailbox):
        await engage.call("TriggerPostPurchaseFlow", order())
        engage.clock.advance(dt.timedelta(minutes=16))
        for _ in range(3):
            await engage.send_due()
            engage.clock.advance(dt.timedelta(hours=2))
        assert len(mailbox.to("c1@example.com")) == 1
        assert (await _messages(engage))["order_thanks"].status == pb.MESSAGE_STATUS_UNKNOWN


@pytest.mark.parametrize(
    ("name", "fault", "status"),
    [
        ("temporary", "temporary_rate", pb.MESSAGE_STATUS_SENT),
        ("refused after the contents", "refused_after_data_rate", pb.MESSAGE_STATUS_SENT),
        ("permanent", "permanent_rate", pb.MESSAGE_STATUS_FAILED),
        ("offline", "offline", pb.MESSAGE_STATUS_SENT),
    ],
)
async def test_what_was_certainly_not_taken_is_tried_again(engage_dsn: str, name: str, fault: str, status: int) -> None:
    faults = MailFaults()
    setattr(faults, fault, fault == "offline" or 1.0)
    async with _mailed(engage_dsn, faults) as (engage, mailbox):
        await engage.call("TriggerPostPurchaseFlow", order(customer=customer(accepts_email_marketing=False)))
        engage.clock.advance(dt.timedelta(minutes=16))
        await engage.send_due()
        assert mailbox.mails == []
        setattr(faults, fault, False if fault == "offline" else 0.0)
        engage.clock.advance(dt.timedelta(minutes=16))
        await engage.send_due()
        assert (await _messages(engage))["order_thanks"].status == status, name
        assert len(mailbox.mails) == (status == pb.MESSAGE_STATUS_SENT)


async def test_quiet_hours_of_the_recipient_delay_a_message(engage_dsn: str) -> None:
    async with _mailed(engage_dsn) as (engage, mailbox):
        await engage.call("TriggerPostPurchaseFlow", order())
        engage.clock.advance(dt.timedelta(hours=9))  # 22:00 in Berlin: the sender was away until now.
        assert await engage.send_due() == 1
        assert mailbox.mails == []
        message = (await _messages(engage))["order_thanks"]
        assert time_from_proto(message.send_at) == dt.datetime(2026, 11, 24, 7, 0, tzinfo=dt.UTC)
        assert message.attempts == 0


async def test_what_is_late_and_what_is_over_the_cap_is_suppressed(engage_dsn: str) -> None:
    async with _mailed(engage_dsn, marketing_cap=1, tips_delay_seconds=60) as (engage, _):
        for number in (1, 2):
            await engage.call("TriggerPostPurchaseFlow", order(number))
        engage.clock.advance(dt.timedelta(minutes=2))
        await engage.send_due()
        answer = await engage.call("ListMessages", pb.ListMessagesRequest(store_id=1))
        tips = sorted((m.status, m.reason) for m in answer.messages if m.template == "order_tips")
        assert tips == [(pb.MESSAGE_STATUS_SENT, ""), (pb.MESSAGE_STATUS_SUPPRESSED, "frequency_cap")]
        engage.clock.advance(dt.timedelta(days=3))
        await engage.send_due()
        answer = await engage.call("ListMessages", pb.ListMessagesRequest(store_id=1))
        assert {m.reason for m in answer.messages if m.template == "order_thanks"} == {"too_late"}


async def test_an_erased_contact_gets_nothing_and_is_gone(engage_dsn: str) -> None:
    async with _mailed(engage_dsn) as (engage, mailbox):
        await engage.call("TriggerPostPurchaseFlow", order())
        known = await engage.call("GetContact", pb.GetContactRequest(store_id=1, email="C1@example.com "))
        assert known.customer.first_name == "Ada"
        erase = pb.EraseContactRequest(store_id=1, event_id="erase-1", customer_key="c1")
        answer = await engage.call("EraseContact", erase)
        assert (answer.erased, answer.messages_cancelled) == (True, 2)
        engage.clock.advance(dt.timedelta(hours=25))
        await engage.send_due()
        assert mailbox.mails == []
        with pytest.raises(Exception, match="NOT_FOUND"):
            await engage.call("GetContact", pb.GetContactRequest(store_id=1, email="c1@example.com"))


async def test_a_win_back_carries_its_code(engage_dsn: str) -> None:
    async with _mailed(engage_dsn) as (engage, mailbox):
        flow = await engage.call("TriggerChurnPrevention", churn())
        await engage.send_due()
        assert mailbox.mails == []
        code = pb.PutDiscountCodeRequest(
            store_id=1,
            event_id="code-1",
            flow_id=flow.flow_id,
            code="BACK10",
            expires_at=time_to_proto(NOON + dt.timedelta(days=14)),
        )
        await engage.call("PutDiscountCode", code)
        await engage.send_due()
        mail = mailbox.mails[0].message()
        assert mail["Subject"] == "10 % for you at Nordlicht"
        assert "Your code: BACK10" in mail.get_body(("plain",)).get_content()


async def test_a_name_cannot_break_out_of_headers_or_html(engage_dsn: str) -> None:
    async with _mailed(engage_dsn) as (engage, mailbox):
        rude = customer(first_name='<b>"x"</b>\r\nBcc: a@b.example')
        await engage.call("TriggerPostPurchaseFlow", order(customer=rude))
        engage.clock.advance(dt.timedelta(minutes=16))
        await engage.send_due()
        mail = mailbox.mails[0].message()
        assert mail["Bcc"] is None
        assert "<b>" not in mail.get_body(("html",)).get_content().partition("Bcc")[0][-60:]


async def test_effects_are_counted_by_method(engage: Engage) -> None:
    await engage.call("TriggerPostPurchaseFlow", order())
    await engage.call("TriggerChurnPrevention", churn())
    counts = await engage.call("CountEffects", common.CountEffectsRequest(store_id=1))
    assert {count.method: count.count for count in counts.counts} == {
        "TriggerChurnPrevention": 1,
        "TriggerPostPurchaseFlow": 1,
    }

"""Addresses that mail servers refuse for good: no marketing goes there, people see it and may take it back."""

from __future__ import annotations

import datetime as dt

import pytest

from integration.council.syncengage.harness import Engage, customer, order
from integration.council.syncengage.test_handing_over import _sending_to, _server, _statuses
from kiki.council.syncengage.sending.outcome import Bounce
from kiki.council.syncengage.sending.smtp import bounce_of
from kiki.kit.grpc.times import time_to_proto
from kiki.rpc.v1 import syncengage_pb2 as pb

NO_SUCH_USER = "550 5.1.1 no such user"
BOUNCED, SENT = (pb.MESSAGE_STATUS_SUPPRESSED, "bounced"), (pb.MESSAGE_STATUS_SENT, "")


async def thanks_is_refused(engage: Engage, replies: dict[str, str], number: int = 1, key: str = "c1") -> None:
    """The transactional mail of a new order meets the server as it is; then the server takes everything."""
    placed_at = engage.clock.now()
    await engage.call("TriggerPostPurchaseFlow", order(number, customer=customer(key), placed_at=placed_at))
    engage.clock.advance(dt.timedelta(minutes=16))
    await engage.send_due()
    replies.clear()


async def next_day(engage: Engage) -> None:
    engage.clock.advance(dt.timedelta(hours=25))
    await engage.send_due()


@pytest.mark.parametrize(
    ("verb", "reply", "tips"),
    [
        pytest.param("RCPT", NO_SUCH_USER, BOUNCED, id="no-such-mailbox"),
        pytest.param("RCPT", "550-5.1.1 no such\r\n550 5.1.1 user", BOUNCED, id="several-lines"),
        pytest.param("RCPT", "556 5.1.10 takes no mail", BOUNCED, id="null-mx"),
        pytest.param(".", NO_SUCH_USER, BOUNCED, id="after-the-contents"),
        pytest.param("RCPT", "550 5.7.26 not authenticated", SENT, id="policy"),
        pytest.param("RCPT", "552 5.2.2 mailbox full", SENT, id="mailbox-full"),
        pytest.param("RCPT", "552 mailbox full", SENT, id="mailbox-full-without-a-code"),
        pytest.param("RCPT", "550 no such mailbox", SENT, id="once-without-a-code"),
        pytest.param("RCPT", "450 4.1.1 not now", SENT, id="temporary"),
        pytest.param(".", "554 5.6.0 looks like spam", SENT, id="contents"),
        pytest.param("MAIL", "553 5.1.8 who are you", SENT, id="our-sender"),
    ],
)
async def test_no_marketing_follows_where_there_is_no_mailbox(
    engage_dsn: str, verb: str, reply: str, tips: tuple[int, str]
) -> None:
    replies = {verb: reply}
    async with _server(replies) as (port, _), _sending_to(port, engage_dsn) as engage:
        await thanks_is_refused(engage, replies)
        await next_day(engage)
        assert (await _statuses(engage))["c1", "order_tips"] == tips


@pytest.mark.parametrize(
    ("code", "enhanced", "at_recipient", "bounce"),
    [
        (550, "", True, Bounce.POSSIBLE),
        (553, "", True, Bounce.POSSIBLE),
        (554, "", True, Bounce.NONE),
        (550, "", False, Bounce.NONE),
        (550, "5.1.1", False, Bounce.CERTAIN),
        (550, "5.4.1", True, Bounce.NONE),
        (550, "4.1.1", True, Bounce.NONE),
    ],
)
def test_what_a_refusal_says(code: int, enhanced: str, at_recipient: bool, bounce: Bounce) -> None:
    assert bounce_of(code, enhanced, at_recipient) is bounce


async def test_without_an_enhanced_code_the_second_refusal_counts(engage_dsn: str) -> None:
    replies = {"RCPT": "550 no such mailbox"}
    async with _server(replies) as (port, _), _sending_to(port, engage_dsn) as engage:
        await thanks_is_refused(engage, replies)
        (first,) = (await engage.call("ListBounces", pb.ListBouncesRequest(store_id=1))).bounces
        assert (first.refusals, first.suppressed, first.reason) == (1, False, "smtp_550")
        replies["RCPT"] = "550 no such mailbox"
        await thanks_is_refused(engage, replies, 2)
        (second,) = (await engage.call("ListBounces", pb.ListBouncesRequest(store_id=1))).bounces
        assert (second.refusals, second.suppressed) == (2, True)
        await next_day(engage)
        assert (await _statuses(engage))["c1", "order_tips"] == BOUNCED


async def test_transactional_mail_goes_on_and_lifts_it_when_the_mailbox_takes_it(engage_dsn: str) -> None:
    replies = {"RCPT": NO_SUCH_USER}
    async with _server(replies) as (port, _), _sending_to(port, engage_dsn) as engage:
        await thanks_is_refused(engage, replies)
        await thanks_is_refused(engage, replies, 2)
        assert not (await engage.call("ListBounces", pb.ListBouncesRequest(store_id=1))).bounces
        await next_day(engage)
        assert (await _statuses(engage))["c1", "order_tips"] == SENT


async def test_people_see_refused_addresses_and_lift_them(engage_dsn: str) -> None:
    replies: dict[str, str] = {}
    async with _server(replies) as (port, _), _sending_to(port, engage_dsn) as engage:
        for number in (1, 2, 3):
            replies["RCPT"] = NO_SUCH_USER
            await thanks_is_refused(engage, replies, number, f"c{number}")
        first = await engage.call("ListBounces", pb.ListBouncesRequest(store_id=1, page_size=2))
        rest = await engage.call(
            "ListBounces", pb.ListBouncesRequest(store_id=1, page_size=2, page_token=first.next_page_token)
        )
        assert [one.customer_key for one in (*first.bounces, *rest.bounces)] == ["c3", "c2", "c1"]
        assert (rest.next_page_token, rest.bounces[0].reason) == ("", "smtp_550 5.1.1")
        known = await engage.call("GetContact", pb.GetContactRequest(store_id=1, customer_key="c3"))
        assert known.email_bounced_at == first.bounces[0].refused_at == time_to_proto(engage.clock.now())

        lift = pb.LiftBounceRequest(store_id=1, event_id="lift-1", customer_key="c1")
        assert (await engage.call("LiftBounce", lift)).lifted
        assert (await engage.call("LiftBounce", lift)).lifted, "the first answer"
        erase = pb.EraseContactRequest(store_id=1, event_id="erase-1", customer_key="c2")
        await engage.call("EraseContact", erase)
        left = (await engage.call("ListBounces", pb.ListBouncesRequest(store_id=1))).bounces
        assert [one.customer_key for one in left] == ["c3"]
        await next_day(engage)
        statuses = await _statuses(engage)
        assert (statuses["c1", "order_tips"], statuses["c3", "order_tips"]) == (SENT, BOUNCED)


@pytest.mark.parametrize("token", ["x", "2026-01-01.00", "2026-01-01T00:00:00+00:00.zz"])
async def test_a_page_token_that_is_none_of_ours_is_refused(engage: Engage, token: str) -> None:
    with pytest.raises(Exception, match="INVALID_ARGUMENT"):
        await engage.call("ListBounces", pb.ListBouncesRequest(store_id=1, page_token=token))


async def test_an_address_is_refused_for_everybody_who_has_it_and_at_this_store_alone(engage_dsn: str) -> None:
    replies = {"RCPT": NO_SUCH_USER}
    async with _server(replies) as (port, _), _sending_to(port, engage_dsn, thanks_delay_seconds=900) as engage:
        for number, key, store_id in ((2, "guest", 1), (3, "c1", 2)):
            later = {"customer": customer(key, email="C1@example.com"), "store_id": store_id}
            flow = order(number, placed_at=engage.clock.now() + dt.timedelta(hours=1), **later)
            await engage.call("TriggerPostPurchaseFlow", flow)
        async with engage.component.sender._database.transaction() as connection:
            await connection.execute("DELETE FROM syncengage.messages WHERE NOT marketing")
        await thanks_is_refused(engage, replies)
        await next_day(engage)
        assert (await _statuses(engage))["guest", "order_tips"] == BOUNCED
        other = await engage.call("ListMessages", pb.ListMessagesRequest(store_id=2))
        assert [(one.status, one.template) for one in other.messages] == [(pb.MESSAGE_STATUS_SENT, "order_tips")]

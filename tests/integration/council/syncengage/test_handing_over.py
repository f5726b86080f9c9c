"""Between taking a message and handing it over: consent ends, servers answer oddly, addresses are no addresses."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from integration.council.syncengage.harness import Engage, contact, customer, open_engage, order
from kiki.council.syncengage.domain import Channel
from kiki.council.syncengage.tokens import make_token
from kiki.kit.sealing import Keyring, Sealer
from kiki.rpc.v1 import syncengage_pb2 as pb
from kiki.sandbox.mailbox import Mailbox, MailFaults, serve_mailbox

_DENIED = pb.Consent(state=pb.CONSENT_STATE_DENIED)


@asynccontextmanager
async def _sending_to(port: int, dsn: str, **settings: Any) -> AsyncIterator[Engage]:
    chosen = {"smtp_host": "127.0.0.1", "smtp_port": port, "sender_address": "shop@example.com", **settings}
    async with open_engage(dsn, **chosen) as engage:
        await asyncio.sleep(0.05)  # The sender's own first round is over.
        yield engage


@asynccontextmanager
async def _server(replies: dict[str, str]) -> AsyncIterator[tuple[int, list[str]]]:
    """An SMTP server that answers by a table: a verb, or `.` after the contents. Gives its port and what was said."""
    said: list[str] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def answer(key: str, usual: str) -> None:
            writer.write(f"{replies.get(key, usual)}\r\n".encode())
            await writer.drain()

        await answer("hello", "220 here")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            verb = line.split(" ", 1)[0].upper()
            said.append(verb)
            await answer(verb, "354 go on" if verb == "DATA" else "250 ok")
            if verb == "DATA" and replies.get("DATA", "354").startswith("354"):
                while (await reader.readline()) != b".\r\n":
                    pass
                await answer(".", "250 kept")
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], said


async def _statuses(engage: Engage) -> dict[tuple[str, str], tuple[int, str]]:
    answer = await engage.call("ListMessages", pb.ListMessagesRequest(store_id=1))
    return {(one.customer_key, one.template): (one.status, one.reason) for one in answer.messages}


async def _leave_by_shop(engage: Engage) -> None:
    await engage.call("PutContact", contact(key="c2", email_consent=_DENIED))


async def _leave_by_link(engage: Engage) -> None:
    token = make_token(Sealer(Keyring({1: b"k" * 32})), 1, "c2", Channel.EMAIL)
    assert (await engage.call("Unsubscribe", pb.UnsubscribeRequest(token=token))).messages_cancelled == 1


async def _erase(engage: Engage) -> None:
    erase = pb.EraseContactRequest(store_id=1, event_id="e", customer_key="c2")
    assert (await engage.call("EraseContact", erase)).messages_cancelled == 2, "the thanks that wait, and this one"


@pytest.mark.parametrize("leave", [_leave_by_shop, _leave_by_link, _erase])
async def test_who_leaves_after_a_message_was_taken_does_not_get_it(
    engage_dsn: str, leave: Callable[[Engage], Any]
) -> None:
    mailbox = Mailbox()
    async with (
        serve_mailbox(mailbox, faults=MailFaults(latency_seconds=0.4)) as port,
        _sending_to(port, engage_dsn, smtp_connections=1, thanks_delay_seconds=47 * 3600) as engage,
    ):
        for number in (1, 2):
            await engage.call("TriggerPostPurchaseFlow", order(number, customer=customer(f"c{number}")))
            engage.clock.advance(dt.timedelta(seconds=1))
        engage.clock.advance(dt.timedelta(hours=25))
        sending = asyncio.create_task(engage.send_due())
        await asyncio.sleep(0.15)  # The first mail's contents are with the slow server; the second was taken with it.
        assert (await _statuses(engage))["c2", "order_tips"][0] == pb.MESSAGE_STATUS_SENDING
        await leave(engage)
        assert await sending == 2
        assert [mail.recipients for mail in mailbox.mails] == [("c1@example.com",)]
        engage.clock.advance(dt.timedelta(minutes=10))
        await engage.send_due()
        assert (await _statuses(engage))["c2", "order_tips"][0] in (
            pb.MESSAGE_STATUS_CANCELLED,
            pb.MESSAGE_STATUS_SUPPRESSED,
        )


async def test_an_answer_that_cannot_be_read_after_the_contents_is_never_followed_by_a_second_try(
    engage_dsn: str,
) -> None:
    async with _server({".": "what? 250 kept"}) as (port, said), _sending_to(port, engage_dsn) as engage:
        await engage.call("TriggerPostPurchaseFlow", order())
        engage.clock.advance(dt.timedelta(minutes=16))
        for _ in range(3):
            await engage.send_due()
            engage.clock.advance(dt.timedelta(hours=2))
        assert said.count("DATA") == 1
        assert (await _statuses(engage))["c1", "order_thanks"][0] == pb.MESSAGE_STATUS_UNKNOWN


@pytest.mark.parametrize(
    ("verb", "reply", "status"),
    [
        pytest.param("MAIL", "550 sender not allowed", pb.MESSAGE_STATUS_SENT, id="our sender"),
        pytest.param("RCPT", "530 log in first", pb.MESSAGE_STATUS_SENT, id="our login"),
        pytest.param("EHLO", "554 not you", pb.MESSAGE_STATUS_SENT, id="our greeting"),
        pytest.param("RCPT", "550 no such mailbox", pb.MESSAGE_STATUS_FAILED, id="the recipient"),
        pytest.param(".", "554 looks like spam", pb.MESSAGE_STATUS_FAILED, id="the contents"),
    ],
)
async def test_a_refusal_is_final_only_where_it_is_about_the_mail(
    engage_dsn: str, verb: str, reply: str, status: int
) -> None:
    replies = {verb: reply} | ({"HELO": reply} if verb == "EHLO" else {})
    async with _server(replies) as (port, _), _sending_to(port, engage_dsn) as engage:
        await engage.call("TriggerPostPurchaseFlow", order())
        engage.clock.advance(dt.timedelta(minutes=16))
        await engage.send_due()
        replies.clear()
        engage.clock.advance(dt.timedelta(minutes=2))
        await engage.send_due()
        assert (await _statuses(engage))["c1", "order_thanks"][0] == status


@pytest.mark.parametrize("address", ["a@", "@x.example", "a..b@x.example", "jörg@x.example"])
async def test_an_address_that_is_none_holds_up_nobody_else(engage_dsn: str, address: str) -> None:
    mailbox = Mailbox()
    async with serve_mailbox(mailbox) as port, _sending_to(port, engage_dsn) as engage:
        await engage.call("TriggerPostPurchaseFlow", order(1, customer=customer("c1", email=address)))
        for number in (2, 3):
            await engage.call("TriggerPostPurchaseFlow", order(number, customer=customer(f"c{number}")))
        engage.clock.advance(dt.timedelta(minutes=16))
        await engage.send_due()
        assert sorted(mail.recipients for mail in mailbox.mails) == [("c2@example.com",), ("c3@example.com",)]
        assert (await _statuses(engage))["c1", "order_thanks"] == (pb.MESSAGE_STATUS_FAILED, "bad_address")


async def test_what_does_not_open_is_given_up_and_holds_up_nobody_else(engage_dsn: str) -> None:
    mailbox = Mailbox()
    async with serve_mailbox(mailbox) as port, _sending_to(port, engage_dsn, max_attempts=2) as engage:
        await engage.call("TriggerPostPurchaseFlow", order(1))
        await engage.call("TriggerPostPurchaseFlow", order(2, customer=customer("c2")))
        async with engage.component.sender._database.transaction() as connection:
            await connection.execute("UPDATE syncengage.flows SET sealed_facts = 'x' WHERE customer_key = 'c1'")
        engage.clock.advance(dt.timedelta(minutes=16))
        for _ in range(4):
            await engage.send_due()
            engage.clock.advance(dt.timedelta(minutes=5))
        assert [mail.recipients for mail in mailbox.mails] == [("c2@example.com",)]
        assert (await _statuses(engage))["c1", "order_thanks"] == (pb.MESSAGE_STATUS_FAILED, "given_up")


async def test_the_quiet_hours_begin_while_a_slow_server_is_served(engage_dsn: str) -> None:
    mailbox = Mailbox()
    async with (
        serve_mailbox(mailbox, faults=MailFaults(latency_seconds=0.4)) as port,
        _sending_to(port, engage_dsn, smtp_connections=1) as engage,
    ):
        for number in (1, 2):
            await engage.call("TriggerPostPurchaseFlow", order(number, customer=customer(f"c{number}")))
        engage.clock.advance(dt.timedelta(hours=7, minutes=59))  # 20:59 in Berlin.
        sending = asyncio.create_task(engage.send_due())
        await asyncio.sleep(0.15)
        engage.clock.advance(dt.timedelta(minutes=2))
        await sending
        assert len(mailbox.mails) == 1
        assert sorted(status for status, _ in (await _statuses(engage)).values())[:1] == [pb.MESSAGE_STATUS_SCHEDULED]


async def test_an_order_that_gets_too_old_while_the_server_takes_its_time_is_not_written_about(engage_dsn: str) -> None:
    class Slow(dict[str, str]):
        def get(self, verb: str, usual: Any = None) -> Any:
            if verb == "RCPT":
                engage.clock.advance(dt.timedelta(minutes=2))
            return usual

    async with _server(Slow()) as (port, said), _sending_to(port, engage_dsn) as engage:
        await engage.call("TriggerPostPurchaseFlow", order(customer=customer(accepts_email_marketing=False)))
        engage.clock.advance(dt.timedelta(hours=47, minutes=59))
        await engage.send_due()
        assert said.count("RCPT") == 1
        engage.clock.advance(dt.timedelta(minutes=5))
        await engage.send_due()
        assert said.count("DATA") == 0
        assert (await _statuses(engage))["c1", "order_thanks"] == (pb.MESSAGE_STATUS_SUPPRESSED, "too_late")


async def test_what_another_sender_holds_counts_against_the_cap(engage_dsn: str) -> None:
    mailbox = Mailbox()
    async with serve_mailbox(mailbox) as port, _sending_to(port, engage_dsn, marketing_cap=1) as engage:
        for number in (1, 2):
            await engage.call("TriggerPostPurchaseFlow", order(number))
        engage.clock.advance(dt.timedelta(hours=25))
        async with engage.component.sender._database.transaction() as connection:
            await connection.execute(
                "UPDATE syncengage.messages SET status = 2, lease_token = 7, lease_until = $1 WHERE message_id ="
                " (SELECT min(message_id) FROM syncengage.messages WHERE marketing)",
                engage.clock.now() + dt.timedelta(minutes=3),
            )
        await engage.send_due()
        assert [mail for mail in mailbox.mails if mail.message()["List-Unsubscribe"]] == []
        assert (await _statuses(engage))["c1", "order_tips"] in (
            (pb.MESSAGE_STATUS_SUPPRESSED, "frequency_cap"),
            (pb.MESSAGE_STATUS_SENDING, ""),
        )

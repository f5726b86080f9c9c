"""The simulated mailbox takes mail as RFC 5321 says, and fails as told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage

import aiosmtplib
import pytest

from kiki.kit.errors import FailedPrecondition
from kiki.sandbox.mailbox import Mailbox, MailFaults, serve_mailbox


def mail(to: str = "anna@example.test", body: str = "Hello,\n.\n..dots\nünïcode\n") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.test", to, "Danke schön 🎉"
    message.set_content(body)
    return message


@asynccontextmanager
async def smtp(mailbox: Mailbox, faults: MailFaults | None = None) -> AsyncIterator[aiosmtplib.SMTP]:
    async with serve_mailbox(mailbox, faults=faults) as port:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=5)
        await client.connect()
        try:
            yield client
        finally:
            client.close()


async def test_mail_is_kept_with_its_dots_and_letters() -> None:
    mailbox = Mailbox()
    async with smtp(mailbox) as client:
        await client.send_message(mail())
        await client.send_message(mail("zoë@example.test"))
    first, second = mailbox.mails
    message = first.message()
    assert message["Subject"] == "Danke schön 🎉"
    content = message.get_body()
    assert content is not None
    assert content.get_content().splitlines() == ["Hello,", ".", "..dots", "ünïcode"]
    assert second.recipients == ("zoë@example.test",)
    assert mailbox.to("ANNA@example.test") == [first]


async def test_senders_may_log_in() -> None:
    async with smtp(Mailbox()) as client:
        await client.login("user", "password")
        assert (await client.noop()).code == 250


async def test_arrivals_are_waited_for() -> None:
    mailbox = Mailbox()
    async with smtp(mailbox) as client:
        waiting = asyncio.create_task(mailbox.wait_until(lambda now: len(now.mails) == 1))
        await client.send_message(mail())
        await waiting


@pytest.mark.parametrize(("faults", "code"), [(MailFaults(temporary_rate=1), 451), (MailFaults(permanent_rate=1), 550)])
async def test_recipients_are_refused_as_told(faults: MailFaults, code: int) -> None:
    mailbox = Mailbox()
    async with smtp(mailbox, faults) as client:
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await client.send_message(mail())
        assert refused.value.recipients[0].code == code
    assert mailbox.mails == []


async def test_content_is_refused_as_told() -> None:
    mailbox = Mailbox()
    async with smtp(mailbox, MailFaults(refused_after_data_rate=1)) as client:
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await client.send_message(mail())
        assert refused.value.code == 452
    assert mailbox.mails == []


async def test_a_dropped_connection_after_data_keeps_the_mail() -> None:
    mailbox = Mailbox()
    async with smtp(mailbox, MailFaults(dropped_after_data_rate=1)) as client:
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await client.send_message(mail())
    assert len(mailbox.mails) == 1


async def test_a_closed_mailbox_says_so() -> None:
    async with serve_mailbox(Mailbox(), faults=MailFaults(offline=True)) as port:
        with pytest.raises(aiosmtplib.SMTPConnectResponseError):
            await aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False).connect()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("RCPT TO:<a@b.c>", "503"),
        ("DATA", "503"),
        ("MAIL TO:<a@b.c>", "501"),
        ("MAIL FROM:<a@b.c> SIZE=99999999", "552"),
        ("HELP", "502"),
        ("AUTH CRAM-MD5", "504"),
        ("VRFY a", "252"),
        ("RSET", "250"),
        ("QUIT", "221"),
    ],
)
async def test_commands_out_of_turn_are_answered(command: str, code: str) -> None:
    async with serve_mailbox(Mailbox()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        writer.write(f"{command}\r\n".encode())
        assert (await reader.readline()).decode().startswith(code)
        writer.close()


async def test_a_taken_address_is_named() -> None:
    async with serve_mailbox(Mailbox()) as port:
        with pytest.raises(FailedPrecondition, match=rf"127\.0\.0\.1:{port} .*Address already in use"):
            async with serve_mailbox(Mailbox(), port=port):
                raise AssertionError("two listen on one port")

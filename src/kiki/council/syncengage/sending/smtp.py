"""SMTP: one mail at a time per connection, the attempt written ahead just before `DATA`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosmtplib

from kiki.council.syncengage.sending.outcome import Bounce, Fate, Handover, MarkHanded
from kiki.council.syncengage.settings import SyncEngageSettings

_CLOSED = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError)
_ABOUT_THE_MAIL = (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError)
_LOGIN_CODES = frozenset({530, 534, 535, 538})
"""Authentication wanted, too weak, wrong, or not over this connection (RFC 4954)."""
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)")
_NO_MAILBOX = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""No such mailbox, no such host, no address at all, moved away, a domain that takes no mail (RFC 7505), disabled."""
_MAILBOX_CODES = frozenset({550, 551, 553})


class SmtpSession:
    """A connection that is opened when first needed and again after it broke. For one task at a time."""

    def __init__(self, settings: SyncEngageSettings) -> None:
        self._settings = settings
        self._client: aiosmtplib.SMTP | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: SyncEngageSettings) -> AsyncIterator[SmtpSession]:
        """A session for the time of the block; it says goodbye at the end."""
        session = cls(settings)
        try:
            yield session
        finally:
            await session.close()

    async def send(self, content: bytes, *, sender: str, recipient: str, mark_handed: MarkHanded) -> Handover:
        """Hand a mail over. Everything before `DATA` may be tried again; silence after it never is."""
        try:
            client = await self._connected()
        except aiosmtplib.SMTPResponseException as error:
            return Handover(Fate.NOT_SENT, f"smtp_{error.code}")
        except (aiosmtplib.SMTPException, *_CLOSED) as error:
            return Handover(Fate.NOT_SENT, _name(error))
        try:
            await client.mail(sender)
            await client.rcpt(recipient)
        except aiosmtplib.SMTPResponseException as error:
            await self._reset()
            return _answered(error)
        except (aiosmtplib.SMTPException, *_CLOSED) as error:
            await self.close()
            return Handover(Fate.NOT_SENT, _name(error))
        if not await mark_handed():
            await self._reset()
            return Handover(Fate.WITHHELD)
        return await self._hand_over(client, content)

    async def _hand_over(self, client: aiosmtplib.SMTP, content: bytes) -> Handover:
        try:
            await client.data(content)
        except aiosmtplib.SMTPResponseException as error:
            await self._reset()
            return _answered(error) if 400 <= error.code < 600 else await self._unclear(f"smtp_{error.code}")
        except (aiosmtplib.SMTPException, *_CLOSED) as error:
            return await self._unclear(_name(error))
        return Handover(Fate.SENT)

    async def _unclear(self, reason: str) -> Handover:
        """Only a 4xx or 5xx says that the contents were not taken; on this connection nothing can be believed now."""
        await self.close()
        return Handover(Fate.UNKNOWN, reason)

    async def close(self) -> None:
        """Say QUIT if the server still listens."""
        client, self._client = self._client, None
        if client is None or not client.is_connected:
            return
        try:
            await client.quit(timeout=2)
        except (aiosmtplib.SMTPException, OSError):
            client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            timeout=settings.smtp_timeout_seconds,
            use_tls=settings.smtp_tls == "implicit",
            start_tls={"starttls": True, "none": False}.get(settings.smtp_tls)
            if settings.smtp_tls != "implicit"
            else False,
            username=settings.smtp_username or None,
            password=settings.smtp_password.get_secret_value() or None,
        )
        await client.connect()
        self._client = client
        return client

    async def _reset(self) -> None:
        if self._client is None or not self._client.is_connected:
            return
        try:
            await self._client.rset()
        except (aiosmtplib.SMTPException, OSError):
            await self.close()


def _answered(error: aiosmtplib.SMTPResponseException) -> Handover:
    """A 5xx is final where it is about the recipient or the contents.

    One about our sender, our login or our greeting is for the operator to put right, and the mail waits for that.
    """
    about_the_mail = isinstance(error, _ABOUT_THE_MAIL) and error.code not in _LOGIN_CODES
    final = about_the_mail and 500 <= error.code < 600
    enhanced = _ENHANCED.match(error.message or "")
    reason = f"smtp_{error.code} {enhanced[0]}" if enhanced else f"smtp_{error.code}"
    if not final:
        return Handover(Fate.NOT_SENT, reason)
    at_recipient = isinstance(error, aiosmtplib.SMTPRecipientRefused)
    return Handover(Fate.REFUSED, reason, bounce_of(error.code, enhanced[0] if enhanced else "", at_recipient))


def bounce_of(code: int, enhanced: str, at_recipient: bool) -> Bounce:
    """What a final refusal says about the address, by its enhanced status code (RFC 3463) where there is one.

    A full mailbox, the contents and policy say nothing about it. Of servers that give no such code, 550, 551 and 553 at
    the recipient mean mostly that it does not exist, but a rule of the server's as well.
    """
    if enhanced:
        return Bounce.CERTAIN if enhanced in _NO_MAILBOX else Bounce.NONE
    return Bounce.POSSIBLE if at_recipient and code in _MAILBOX_CODES else Bounce.NONE


def _name(error: BaseException) -> str:
    return type(error).__name__.removeprefix("SMTP")

"""SMTP: one mail at a time per connection, the attempt written ahead just before `DATA`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage

import aiosmtplib

from kiki.council.syncengage.sending.outcome import Fate, Handover, MarkHanded
from kiki.council.syncengage.settings import SyncEngageSettings

_CLOSED = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError)


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

    async def send(self, message: EmailMessage, *, sender: str, recipient: str, mark_handed: MarkHanded) -> Handover:
        """Hand a mail over. Everything before `DATA` may be tried again; silence after it never is."""
        try:
            client = await self._connected()
            await client.mail(sender, options=["SMTPUTF8"] if not recipient.isascii() else [])
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
        return await self._hand_over(client, message.as_bytes())

    async def _hand_over(self, client: aiosmtplib.SMTP, content: bytes) -> Handover:
        try:
            await client.data(content)
        except aiosmtplib.SMTPResponseException as error:
            await self._reset()
            return _answered(error)
        except (aiosmtplib.SMTPException, *_CLOSED) as error:
            await self.close()
            return Handover(Fate.UNKNOWN, _name(error))
        return Handover(Fate.SENT)

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
    """A 5xx is final, but not one about the login or our own greeting: those are for the operator to put right."""
    final = 500 <= error.code < 600 and not isinstance(
        error, (aiosmtplib.SMTPAuthenticationError, aiosmtplib.SMTPConnectResponseError, aiosmtplib.SMTPHeloError)
    )
    return Handover(Fate.REFUSED if final else Fate.NOT_SENT, f"smtp_{error.code}")


def _name(error: BaseException) -> str:
    return type(error).__name__.removeprefix("SMTP")

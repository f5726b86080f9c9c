"""A simulated mailbox: a minimal SMTP server that keeps what arrives.

RFC 5321 with SIZE, 8BITMIME, SMTPUTF8, PIPELINING and AUTH; no TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from kiki.sandbox.connections import serve_connections

_MAX_LINE_BYTES = 64 * 1024
_MAX_MESSAGE_BYTES = 10 * 1024 * 1024
_MAX_RECIPIENTS = 100
_IDLE_SECONDS = 60.0
_PATH = re.compile(r"(?:FROM|TO):\s*<([^<>]*)>(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class StoredMail:
    """One accepted message."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    def message(self) -> EmailMessage:
        """The content, parsed."""
        return message_from_bytes(self.content, policy=policy.default)


@dataclass(slots=True)
class MailFaults:
    """What goes wrong, as shares of messages between 0 and 1; may be changed while it runs."""

    seed: int = 0
    temporary_rate: float = 0.0
    """Refused at RCPT with 451."""
    permanent_rate: float = 0.0
    """Refused at RCPT with 550."""
    refused_after_data_rate: float = 0.0
    """Refused with 452 after the content."""
    dropped_after_data_rate: float = 0.0
    """Kept, and the connection closed without an answer: the sender cannot know."""
    latency_seconds: float = 0.0
    offline: bool = False
    """Greets with 421 and hangs up."""
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def happens(self, rate: float) -> bool:
        return self._random.random() < rate


class Mailbox:
    """All messages that were accepted, oldest first."""

    def __init__(self) -> None:
        self.mails: list[StoredMail] = []
        self._arrived = asyncio.Condition()

    def to(self, recipient: str) -> list[StoredMail]:
        """The messages of one recipient; letter case does not count."""
        wanted = recipient.lower()
        return [mail for mail in self.mails if wanted in (each.lower() for each in mail.recipients)]

    async def keep(self, mail: StoredMail) -> None:
        async with self._arrived:
            self.mails.append(mail)
            self._arrived.notify_all()

    async def wait_until(self, holds: Callable[[Mailbox], bool], *, timeout_seconds: float = 10.0) -> None:
        """Wait until something holds, looking after every arrival. Raises `TimeoutError`."""
        async with self._arrived:
            await asyncio.wait_for(self._arrived.wait_for(lambda: holds(self)), timeout_seconds)


@asynccontextmanager
async def serve_mailbox(
    mailbox: Mailbox, *, faults: MailFaults | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """Serve SMTP for the time of the block; gives the bound port."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ValueError):  # A line over the limit.
            await _Session(mailbox, faults or MailFaults(), reader, writer).run()

    async with serve_connections(converse, host=host, port=port, max_line_bytes=_MAX_LINE_BYTES) as bound:
        yield bound


class _Session:
    """One connection: commands in, replies out."""

    def __init__(
        self, mailbox: Mailbox, faults: MailFaults, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._mailbox, self._faults = mailbox, faults
        self._reader, self._writer = reader, writer
        self._reset()

    def _reset(self) -> None:
        self._sender: str | None = None
        self._recipients: list[str] = []

    async def run(self) -> None:
        if self._faults.offline:
            await self._reply("421 closed for today")
            return
        await self._reply("220 mailbox.sandbox ESMTP")
        while line := await asyncio.wait_for(self._reader.readline(), _IDLE_SECONDS):
            verb, _, rest = line.decode("utf-8", "replace").rstrip("\r\n").partition(" ")
            if not await self._command(verb.upper(), rest):
                return

    async def _command(self, verb: str, rest: str) -> bool:
        """Answer one command; False ends the session."""
        match verb:
            case "EHLO":
                self._reset()
                size = f"SIZE {_MAX_MESSAGE_BYTES}"
                await self._reply("250-mailbox.sandbox", "250-PIPELINING", f"250-{size}", "250-8BITMIME")
                await self._reply("250-AUTH PLAIN LOGIN", "250 SMTPUTF8")
            case "HELO":
                self._reset()
                await self._reply("250 mailbox.sandbox")
            case "AUTH":
                await self._authenticate(rest)
            case "MAIL":
                await self._mail(rest)
            case "RCPT":
                await self._recipient(rest)
            case "DATA":
                return await self._data()
            case "RSET":
                self._reset()
                await self._reply("250 forgotten")
            case "NOOP":
                await self._reply("250 still here")
            case "VRFY":
                await self._reply("252 send and see")
            case "QUIT":
                await self._reply("221 goodbye")
                return False
            case _:
                await self._reply("502 unknown command")
        return True

    async def _authenticate(self, rest: str) -> None:
        """Everybody may: the mailbox only lets senders show that they can."""
        mechanism, _, initial = rest.partition(" ")
        prompts = {"PLAIN": 0 if initial else 1, "LOGIN": 1 if initial else 2}.get(mechanism.upper())
        if prompts is None:
            await self._reply("504 PLAIN or LOGIN")
            return
        for _ in range(prompts):
            await self._reply("334 ")
            await self._reader.readline()
        await self._reply("235 welcome")

    async def _mail(self, rest: str) -> None:
        match = _PATH.fullmatch(rest)
        if match is None or not rest.upper().startswith("FROM:"):
            await self._reply("501 MAIL FROM:<address> is wanted")
            return
        size = re.search(r"SIZE=(\d{1,12})", match[2], re.IGNORECASE)
        if size and int(size[1]) > _MAX_MESSAGE_BYTES:
            await self._reply("552 too large")
            return
        self._reset()
        self._sender = match[1]
        await self._reply("250 ok")

    async def _recipient(self, rest: str) -> None:
        match = _PATH.fullmatch(rest)
        if self._sender is None:
            await self._reply("503 MAIL first")
        elif match is None or not match[1] or not rest.upper().startswith("TO:"):
            await self._reply("501 RCPT TO:<address> is wanted")
        elif len(self._recipients) >= _MAX_RECIPIENTS:
            await self._reply("452 too many recipients")
        elif self._faults.happens(self._faults.temporary_rate):
            await self._reply("451 try again later")
        elif self._faults.happens(self._faults.permanent_rate):
            await self._reply("550 no such mailbox")
        else:
            self._recipients.append(match[1])
            await self._reply("250 ok")

    async def _data(self) -> bool:
        if self._sender is None or not self._recipients:
            await self._reply("503 MAIL and RCPT first")
            return True
        await self._reply("354 end with a dot")
        content = await self._content()
        if self._faults.latency_seconds:
            await asyncio.sleep(self._faults.latency_seconds)
        if content is None:
            await self._reply("552 too large")
        elif self._faults.happens(self._faults.refused_after_data_rate):
            await self._reply("452 the disk is full")
        else:
            await self._mailbox.keep(StoredMail(self._sender, tuple(self._recipients), content))
            if self._faults.happens(self._faults.dropped_after_data_rate):
                self._writer.transport.abort()
                return False
            await self._reply("250 kept")
        self._reset()
        return True

    async def _content(self) -> bytes | None:
        """The message without dot-stuffing; None when it was too large (all of it is read)."""
        lines: list[bytes] = []
        size = 0
        while (line := await asyncio.wait_for(self._reader.readline(), _IDLE_SECONDS)) != b".\r\n":
            if not line:
                raise ConnectionResetError
            size += len(line)
            if size <= _MAX_MESSAGE_BYTES:
                lines.append(line.removeprefix(b".") if line.startswith(b".") else line)
        return b"".join(lines) if size <= _MAX_MESSAGE_BYTES else None

    async def _reply(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

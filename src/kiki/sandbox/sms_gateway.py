"""A simulated SMS gateway over HTTP: takes messages by JSON, keeps each once, and fails as told.

`POST /messages` with `Authorization: Bearer <token>`, an `Idempotency-Key` header and the body
`{"to": "+4915…", "text": "…", "reference": "…"}` → 202 `{"id": "…", "duplicate": false}`. A key that was kept before is
answered 202 with `duplicate: true` and keeps nothing. Errors are `{"error": {"code": "…", "message": "…"}}`:
UNAUTHENTICATED (401), NOT_FOUND (404), INVALID (400: no key, or a body of another form), BAD_NUMBER (422: not in
international form), RATE_LIMITED (429), INTERNAL (500), UNAVAILABLE (503).
"""

from __future__ import annotations

import hmac
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec

from kiki.sandbox.http_server import Answer, Request, serve_http

_PATH = "/messages"
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")


class Sms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One accepted message."""

    to: str
    text: str
    reference: str


@dataclass(slots=True)
class SmsFaults:
    """What goes wrong, as shares of messages between 0 and 1; may be changed while it runs."""

    seed: int = 0
    rate_limited_rate: float = 0.0
    """Refused with 429 before anything was kept."""
    hang_up_after_rate: float = 0.0
    """Kept, and the connection closed without an answer: the sender cannot know."""
    error_after_rate: float = 0.0
    """Kept, and answered 500: the sender cannot know either."""
    offline: bool = False
    """Answers 503 to everything."""
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def happens(self, rate: float) -> bool:
        return self._random.random() < rate


class SmsGateway:
    """All messages that were accepted, oldest first, and how often one was offered again."""

    def __init__(self) -> None:
        self.messages: list[Sms] = []
        self.requests = 0
        self._kept: dict[str, str] = {}

    def to(self, number: str) -> list[Sms]:
        """The messages of one number."""
        return [sms for sms in self.messages if sms.to == number]

    def keep(self, key: str, sms: Sms) -> tuple[str, bool]:
        """Keep a message once per key: (its id, whether it was known)."""
        known = self._kept.get(key)
        if known is not None:
            return known, True
        self.messages.append(sms)
        self._kept[key] = f"sms-{len(self.messages)}"
        return self._kept[key], False


@asynccontextmanager
async def serve_sms_gateway(
    gateway: SmsGateway, *, token: str, faults: SmsFaults | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """Serve for the time of the block; gives the bound port."""
    chosen = faults or SmsFaults()

    async def answer(request: Request) -> Answer:
        gateway.requests += 1
        return _refusal(request, token, chosen) or _taken(gateway, request, chosen)

    async with serve_http(answer, host=host, port=port) as bound:
        yield bound


def _refusal(request: Request, token: str, faults: SmsFaults) -> Answer | None:
    """Why a request is not looked at."""
    if faults.offline:
        return _error(503, "UNAVAILABLE", "closed for today")
    shown = request.headers.get("authorization", "")
    if not hmac.compare_digest(shown.encode(), f"Bearer {token}".encode()):
        return _error(401, "UNAUTHENTICATED", "the bearer token is missing or wrong")
    if (request.method, request.path) != ("POST", _PATH):
        return _error(404, "NOT_FOUND", f"messages go to POST {_PATH}")
    if faults.happens(faults.rate_limited_rate):
        return _error(429, "RATE_LIMITED", "too many messages")
    return None


def _taken(gateway: SmsGateway, request: Request, faults: SmsFaults) -> Answer:
    key = request.headers.get("idempotency-key", "")
    try:
        sms = msgspec.json.decode(request.body, type=Sms)
    except msgspec.DecodeError:
        return _error(400, "INVALID", "the body is an object with to, text and reference")
    if not key or not sms.text:
        return _error(400, "INVALID", "an Idempotency-Key and a text are wanted")
    if not _NUMBER.fullmatch(sms.to):
        return _error(422, "BAD_NUMBER", "a number starts with + and its country")
    name, known = gateway.keep(key, sms)
    if faults.happens(faults.hang_up_after_rate):
        return Answer(hang_up=True)
    if faults.happens(faults.error_after_rate):
        return _error(500, "INTERNAL", "something broke")
    return Answer.json({"id": name, "duplicate": known}, 202)


def _error(status: int, code: str, message: str) -> Answer:
    return Answer.json({"error": {"code": code, "message": message}}, status)

"""Asking a shop's API: one request at a time, within its rate limits, with a deadline.

Only a limit is waited for here, and only for a short while; every other failure is raised for the job to retry.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from kiki.kit.errors import FailedPrecondition, NotFound, PermissionDenied, ResourceExhausted, Unavailable
from kiki.kit.http import HttpAnswer, OutboundHttp

_SECONDS = 60.0
_MAX_PAUSE_SECONDS = 30.0
_DEFAULT_PAUSE_SECONDS = 2.0
_PATIENCE = 5
_LIMITED = (429, 503)
"""Hosts and firewalls before a shop answer 503 as well when there is too much; then with `Retry-After`."""

_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+", re.IGNORECASE)

T = TypeVar("T")


class CredentialsRefused(PermissionDenied):
    """The shop's API does not accept the stored credentials, or they lack a right."""

    reason = "SHOP_CREDENTIALS_REFUSED"


class AnswerUnreadable(Unavailable):
    """The shop answered something else than its API's data: a page of its host, an error in the middle of JSON."""

    reason = "BAD_ANSWER"


class RequestRefused(FailedPrecondition):
    """The shop's API answered 400: it cannot read the request."""

    reason = "SHOP_API_REFUSED"


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One GET; the URL and the headers may hold keys and are never shown."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def no_pause(_answer: HttpAnswer) -> float:
    """For shops that announce no limit."""
    return 0.0


class ShopHttp:
    """GET for readers. `sleep` is passed in so that a test need not wait."""

    def __init__(self, http: OutboundHttp, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._http = http
        self._sleep = sleep

    async def get(
        self, build: Callable[[], ApiRequest], pause_after: Callable[[HttpAnswer], float] = no_pause
    ) -> HttpAnswer:
        """A good answer. `build` is asked for every try (a request may be signed for one use); after the answer the
        pause that the shop's limit wants is kept."""
        for _ in range(_PATIENCE):
            request = build()
            answer = await self._http.request("GET", request.url, headers=request.headers, timeout_seconds=_SECONDS)
            if answer.ok:
                await self._keep(pause_after(answer))
                return answer
            if not _is_limited(answer):
                raise _failure(answer.status)
            await self._sleep(_pause(answer))
        raise ResourceExhausted("the shop's API limits the rate for too long", reason="SHOP_RATE_LIMIT")

    async def _keep(self, seconds: float) -> None:
        if seconds > 0:
            await self._sleep(min(seconds, _MAX_PAUSE_SECONDS))


def read_answer(answer: HttpAnswer, kind: type[T], wanted: str) -> T:
    """The body as what was wanted; objects stay raw text, so that numbers stay as they were written.

    Raises `AnswerUnreadable`: shops under maintenance, firewalls and failing plugins answer 200 with a page for people,
    for a while.
    """
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        kind_told = answer.headers.get("content-type", "").partition(";")[0].strip()[:60]
        got = kind_told if _MEDIA_TYPE.fullmatch(kind_told) and "json" not in kind_told else "something else"
        raise AnswerUnreadable(f"the shop's API answers {wanted}, got {got}") from None


def _is_limited(answer: HttpAnswer) -> bool:
    return answer.status == 429 or (answer.status in _LIMITED and "retry-after" in answer.headers)


def _failure(status: int) -> Exception:
    if status in (401, 403):
        return CredentialsRefused(f"the shop's API answered {status}: check the stored credentials and their rights")
    if 300 <= status < 400:
        return FailedPrecondition(
            f"the shop's API redirects ({status}), and redirects are not followed: store the address that it leads to,"
            " or see whether the shop shows a login page to everybody",
            reason="SHOP_API_REDIRECTS",
        )
    if status == 404:
        return NotFound("the shop's API was not found at the stored address", reason="SHOP_API_NOT_FOUND")
    if status == 400:
        return RequestRefused("the shop's API answered 400 to a page of the sync")
    if status >= 500:
        return Unavailable(f"the shop's API answered {status}", reason="SHOP_API_FAILED")
    return FailedPrecondition(f"the shop's API answered {status}", reason="SHOP_API_REFUSED")


def _pause(answer: HttpAnswer) -> float:
    """`Retry-After` in seconds, which may have a fraction; a date or nonsense counts as the default."""
    try:
        seconds = float(answer.headers.get("retry-after", ""))
    except ValueError:
        return _DEFAULT_PAUSE_SECONDS
    return min(max(seconds, 0.1), _MAX_PAUSE_SECONDS) if math.isfinite(seconds) else _DEFAULT_PAUSE_SECONDS

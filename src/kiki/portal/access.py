"""Who may use /internal/* and /reports/*, checked before anything of the request is read."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import Header, Security
from fastapi.security import APIKeyHeader
from starlette.types import ASGIApp, Receive, Scope, Send

from kiki.portal.errors import WrongInternalKey
from kiki.portal.problems import send_problem

HEADER = "x-internal-api-key"
_GUARDED = ("/internal/", "/reports/")
_ACTOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,63}")
_DOCUMENTED = APIKeyHeader(name=HEADER, auto_error=False, description="One of the internal keys of this installation.")

documented_key = Security(_DOCUMENTED)
"""Says in the OpenAPI document that a route wants the key; `InternalKeyGuard` is what checks it."""


def is_guarded(path: str) -> bool:
    """Whether a path wants the key."""
    return path.startswith(_GUARDED)


class InternalKeyGuard:
    """ASGI middleware: 403 without one of the keys. Every key is compared, each in constant time."""

    def __init__(self, app: ASGIApp, keys: Sequence[str], refused: Callable[[], None] = lambda: None) -> None:
        self._app = app
        self._refused = refused
        self._digests = [hashlib.sha256(key.encode()).digest() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_guarded(scope["path"]) or self._allowed(scope):
            await self._app(scope, receive, send)
            return
        self._refused()
        await send_problem(scope, send, WrongInternalKey(f"the header {HEADER} is missing or wrong"))

    def _allowed(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == HEADER.encode()]
        digest = hashlib.sha256(given[0] if len(given) == 1 else b"").digest()
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return len(given) == 1 and any(matches)


def actor(
    x_internal_api_key: Annotated[str, Header(include_in_schema=False)] = "",
    x_actor: Annotated[
        str, Header(description="Who acts, as an identifier such as `user:7`; goes to the audit log.")
    ] = "",
) -> str:
    """Who acts: what `x-actor` says, if it is an identifier, otherwise a fingerprint of the key."""
    if _ACTOR.fullmatch(x_actor):
        return x_actor
    return f"api-key:{hashlib.sha256(x_internal_api_key.encode()).hexdigest()[:8]}"

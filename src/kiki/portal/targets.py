"""What a request's target may hold: no U+0000, which PostgreSQL keeps nowhere and no name contains."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from kiki.kit.errors import InvalidInput
from kiki.portal.problems import send_problem


class StorableTargets:
    """ASGI middleware: 422 for a path or query with U+0000, so that no look-up meets it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ("\x00" in scope["path"] or b"%00" in scope["query_string"]):
            error = InvalidInput("a path or query may not hold the character U+0000", reason="BAD_CHARACTER")
            await send_problem(scope, send, error)
            return
        await self._app(scope, receive, send)

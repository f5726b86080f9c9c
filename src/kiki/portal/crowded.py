"""What requests are answered while more connections are open than the portal takes; nothing of them is read."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from kiki.portal.errors import Overloaded
from kiki.portal.problems import send_problem

_HEADERS = ((b"retry-after", b"2"), (b"connection", b"close"))


async def crowded(scope: Scope, _receive: Receive, send: Send) -> None:
    """ASGI: 503 with `OVERLOADED`, and the connection ends."""
    error = Overloaded("more connections are open than the portal takes; the same request may be answered later")
    await send_problem(scope, send, error, _HEADERS)

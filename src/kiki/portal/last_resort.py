"""What no handler took: logged once, by kind and place. The text of an error may hold what was sent, and stays out."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kiki.kit.errors import KikiError
from kiki.kit.logging import frames_of, get_logger, kinds_of
from kiki.portal.problems import send_problem

_log = get_logger(__name__)


class LastResort:
    """ASGI middleware: an answer that has not begun becomes a problem document, the server cuts one off that has."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def send_watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_watched)
        except Exception as error:  # noqa: BLE001  # the HTTP handler of last resort
            # The route's pattern: a path may hold identifiers.
            path = str(getattr(scope.get("route"), "path", "unknown"))
            _log.error("request_failed", error=kinds_of(error), path=path, frames=frames_of(error))
            if not begun:
                await send_problem(scope, send, KikiError("an internal error"))

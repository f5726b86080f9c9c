"""Fetching a product's picture from the shop: bounded, and never a reason to fail."""

from __future__ import annotations

from typing import Protocol

from kiki.kit.errors import KikiError
from kiki.kit.http import OutboundHttp
from kiki.kit.logging import get_logger

_log = get_logger("synccreate.pictures")
_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")


class Pictures(Protocol):
    """Where product pictures come from."""

    async def fetch(self, url: str) -> bytes | None: ...


class NoPictures:
    """Fetches nothing: creatives are typographic."""

    async def fetch(self, url: str) -> bytes | None:  # noqa: ARG002 - the protocol's
        return None


class HttpPictures:
    """Fetches over HTTP; what is missing, too large or no picture gives None."""

    def __init__(self, http: OutboundHttp, timeout_seconds: float) -> None:
        self._http = http
        self._timeout_seconds = timeout_seconds

    async def fetch(self, url: str) -> bytes | None:
        """The bytes of a picture, unchecked but for its declared type; drawing checks the rest."""
        if not url:
            return None
        try:
            answer = await self._http.request("GET", url, timeout_seconds=self._timeout_seconds)
        except KikiError as error:
            _log.info("picture_not_fetched", reason=error.reason)
            return None
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not answer.ok or kind not in _TYPES or not answer.body:
            _log.info("picture_not_fetched", reason="BAD_ANSWER", status=answer.status)
            return None
        return answer.body

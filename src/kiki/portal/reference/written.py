"""The document and its page, each written once, at the first request for it."""

from __future__ import annotations

import json
from threading import Lock
from typing import Any

from fastapi import FastAPI

from kiki.portal.openapi import build_document
from kiki.portal.reference.page import reference_page


class Reference:
    """What an application says of itself; for any thread."""

    def __init__(self, api: FastAPI) -> None:
        self._api = api
        self._lock = Lock()
        self._document: dict[str, Any] | None = None
        self._json = b""
        self._page = b""

    def document(self) -> dict[str, Any]:
        """The OpenAPI document."""
        with self._lock:
            return self._built()

    def as_json(self) -> bytes:
        """The document as it goes out."""
        with self._lock:
            self._json = self._json or json.dumps(self._built(), ensure_ascii=False, separators=(",", ":")).encode()
            return self._json

    def as_page(self, base: str) -> bytes:
        """The document as a page; `base` is the portal's address, the same every time."""
        with self._lock:
            self._page = self._page or reference_page(self._built(), base).encode()
            return self._page

    def _built(self) -> dict[str, Any]:
        if self._document is None:
            self._document = build_document(self._api)
        return self._document

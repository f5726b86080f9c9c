"""Failures of SyncCreate."""

from __future__ import annotations

from kiki.kit.errors import NotFound


class CreativeNotFound(NotFound):
    """No such creative in this store."""

    reason = "CREATIVE_NOT_FOUND"


class AssetNotFound(NotFound):
    """No such picture, or not rendered yet."""

    reason = "ASSET_NOT_FOUND"

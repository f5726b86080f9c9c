"""What SyncValue refuses, and why."""

from __future__ import annotations

from kiki.kit.errors import InvalidInput, NotFound


class CustomerUnknown(NotFound):
    """No purchase of this customer is known."""

    reason = "CUSTOMER_UNKNOWN"

    def __init__(self) -> None:
        super().__init__("no purchase of this customer is known")


class BaselineUnknown(NotFound):
    """No baseline was computed for this store."""

    reason = "BASELINE_UNKNOWN"

    def __init__(self, store_id: int) -> None:
        super().__init__(f"no baseline was computed for store {store_id}")


class ModelUnknown(NotFound):
    """The store has no such fitted model."""

    reason = "MODEL_UNKNOWN"

    def __init__(self, store_id: int, version: int) -> None:
        which = f"no model of version {version}" if version else "no fitted model yet"
        super().__init__(f"store {store_id} has {which}")


class PromotionUnknown(NotFound):
    """The store has no such registered promotion."""

    reason = "PROMOTION_UNKNOWN"

    def __init__(self, store_id: int, promotion_id: int) -> None:
        super().__init__(f"store {store_id} has no promotion {promotion_id}")


class BadRequest(InvalidInput):
    """A field is missing or cannot be used."""

    reason = "BAD_REQUEST"


class CannotForecast(InvalidInput):
    """Figures that are sound, but from which no forecast follows: too few, or none with revenue."""

    reason = "CANNOT_FORECAST"

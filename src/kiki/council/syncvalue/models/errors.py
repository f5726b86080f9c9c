"""Failures of the models."""

from __future__ import annotations

from kiki.kit.errors import InvalidInput


class BadHistory(InvalidInput):
    """Customers' figures that cannot be: a recency beyond the age, half a purchase, not a number."""

    reason = "BAD_HISTORY"


class CannotFit(InvalidInput):
    """Figures that are sound, but from which the parameters cannot be learned."""

    reason = "CANNOT_FIT"


class BadModel(InvalidInput):
    """A fitted model that does not say what it must."""

    reason = "BAD_MODEL"

"""Failures of SyncEngage."""

from __future__ import annotations

from kiki.kit.errors import Conflict, InvalidInput, NotFound, Unavailable


class ContactNotFound(NotFound):
    """No such contact in this store."""

    reason = "CONTACT_NOT_FOUND"


class FlowNotFound(NotFound):
    """No such flow in this store."""

    reason = "FLOW_NOT_FOUND"


class FlowNotWaiting(Conflict):
    """The flow does not wait for a discount code."""

    reason = "FLOW_NOT_WAITING"


class BadToken(InvalidInput):
    """An unsubscribe token that we did not sign."""

    reason = "BAD_UNSUBSCRIBE_TOKEN"


class MoreToErase(Unavailable):
    """A store's erasure is not at its end yet."""

    reason = "MORE_TO_ERASE"

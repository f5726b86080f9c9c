"""What SyncFlow refuses, and how an ad network fails."""

from __future__ import annotations

from kiki.kit.errors import Conflict, DeadlineExceeded, InvalidInput, NotFound, Unavailable


class BadField(InvalidInput):
    """A field that cannot be used."""

    reason = "BAD_FIELD"


class CampaignNotFound(NotFound):
    """The store has no such campaign."""

    reason = "CAMPAIGN_NOT_FOUND"


class ExternalIdTaken(InvalidInput):
    """Another campaign of the store stands for the same campaign of the network."""

    reason = "EXTERNAL_ID_TAKEN"


class LeaseLost(Conflict):
    """Another process drives the campaign now; nothing was written."""

    reason = "LEASE_LOST"


class NetworkMissing(Unavailable):
    """No connection to the ad network is stored for the store."""

    reason = "NO_AD_NETWORK"


class NetworkBusy(Unavailable):
    """The ad network asks to be left alone for a while."""

    reason = "AD_NETWORK_BUSY"

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class NetworkDenied(Unavailable):
    """The ad network does not accept the token; a new one may be stored any time."""

    reason = "AD_NETWORK_DENIED"


class NetworkMoved(Unavailable):
    """The ad network's address answers with a redirect; another address may be stored any time."""

    reason = "AD_NETWORK_MOVED"


class OutcomeUnknown(DeadlineExceeded):
    """The ad network failed in a way that does not tell whether it acted."""

    reason = "OUTCOME_UNKNOWN"


class Stale(Conflict):
    """The campaign has another revision than the one the change was based on; nothing was changed."""

    reason = "STALE_REVISION"


class CampaignGone(NotFound):
    """The ad network has no such campaign, or no ads for the product in it."""

    reason = "GONE_AT_NETWORK"


class Refused(InvalidInput):
    """The ad network refuses the change for good."""

    reason = "REFUSED_BY_NETWORK"

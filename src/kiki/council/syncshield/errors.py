"""What SyncShield refuses."""

from __future__ import annotations

from kiki.kit.errors import Conflict, FailedPrecondition, InvalidInput, NotFound


class EventIdReused(Conflict):
    """The same event id with other content."""

    reason = "EVENT_ID_REUSED"


class BadField(InvalidInput):
    """A field that cannot stand in the audit log or a key's use."""

    reason = "BAD_FIELD"


class PersonalData(InvalidInput):
    """A field that looks like an e-mail address: the audit log holds identifiers only."""

    reason = "PERSONAL_DATA"


class DoesNotDecrypt(InvalidInput):
    """Ciphertext, nonce, key, store or purpose do not belong together."""

    reason = "DOES_NOT_DECRYPT"


class KeyNotFound(NotFound):
    """The store has no such key."""

    reason = "KEY_NOT_FOUND"


class KeyShredded(NotFound):
    """The key was destroyed on purpose; what it encrypted is gone."""

    reason = "KEY_SHREDDED"


class WrongMasterKeys(FailedPrecondition):
    """The database was sealed under other master keys than are configured."""

    reason = "WRONG_SEALING_KEYS"


class SubjectRequestNotFound(NotFound):
    """The store has no such data-subject request."""

    reason = "SUBJECT_REQUEST_NOT_FOUND"


class SubjectRequestClosed(Conflict):
    """The data-subject request was closed before, in another way."""

    reason = "SUBJECT_REQUEST_CLOSED"

"""Values of SyncShield. Times inside the chain are whole microseconds since 1970, UTC: they are hashed."""

from __future__ import annotations

import datetime as dt
import enum

import msgspec


class AuditKind(enum.IntEnum):
    """What an audit event is about; stored and hashed as this number."""

    DATA_ACCESS = 1
    WEBHOOK = 2
    KEY = 3
    SUBJECT_REQUEST = 4
    DECRYPTION = 5


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is to be appended. Empty text and empty bytes mean: does not apply."""

    store_id: int
    event_id: str
    kind: int
    occurred_us: int | None = None
    """None: the time of appending."""
    actor: str = ""
    action: str = ""
    resource_type: str = ""
    resource_id: str = ""
    purpose: str = ""
    platform: str = ""
    topic: str = ""
    payload_digest: bytes = b""
    signature_digest: bytes = b""
    verified: bool = False
    count: int = 1


class Link(msgspec.Struct, frozen=True, gc=False):
    """An entry in its place in the chain."""

    entry: AuditEntry
    index: int
    occurred_us: int
    logged_us: int
    previous_hash: bytes
    hash: bytes


class Appended(msgspec.Struct, frozen=True, gc=False):
    """Where an entry stands; the same for every repetition."""

    store_id: int
    index: int
    logged_us: int

    @property
    def audit_id(self) -> str:
        return f"{self.store_id}-{self.index}"


class Head(msgspec.Struct, frozen=True, gc=False):
    """A chain's end: how many links, the last one's hash, and when that one was appended (0: not recorded)."""

    length: int
    hash: bytes
    logged_us: int = 0


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of a chain found; `reason` is empty when it is whole."""

    checked: int
    head: Head
    last_hash: bytes
    """Of the last link that was right."""
    reason: str = ""
    first_bad_index: int = 0


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a chain to list; `start` is the first index of the page, by direction. Empty text: any."""

    store_id: int
    kind: int | None
    actor: str
    resource_type: str
    resource_id: str
    occurred_from: dt.datetime | None
    occurred_to: dt.datetime | None
    descending: bool
    start: int | None
    limit: int


class DataKey(msgspec.Struct, frozen=True):
    """A store's data key; `wrapped` is None once it is destroyed."""

    store_id: int
    version: int
    master_version: int
    wrapped: bytes | None
    created_at: dt.datetime
    shredded_at: dt.datetime | None

    @property
    def key_id(self) -> str:
        return f"{self.store_id}-{self.version}"


class Encrypted(msgspec.Struct, frozen=True):
    """A ciphertext (tag at its end), with what is needed to read it again."""

    key_id: str
    nonce: bytes
    ciphertext: bytes


class Decryption(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to read a ciphertext, and by whom."""

    store_id: int
    encrypted: Encrypted
    purpose: str
    actor: str
    resource_id: str


class SubjectRequestKind(enum.StrEnum):
    """What a data subject asks for."""

    ACCESS = "access"
    ERASURE = "erasure"
    STORE_ERASURE = "store_erasure"


class SubjectRequestState(enum.StrEnum):
    """How far a data-subject request has come."""

    OPEN = "open"
    FULFILLED = "fulfilled"
    REFUSED = "refused"


class NewSubjectRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A data-subject request as it comes in."""

    kind: SubjectRequestKind
    subject_key: str
    platform_request_id: str
    received_at: dt.datetime
    due_at: dt.datetime


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a data-subject request."""

    request_id: int
    state: SubjectRequestState
    actor: str
    reason: str


class SubjectRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A data-subject request as it stands."""

    request_id: int
    store_id: int
    kind: SubjectRequestKind
    subject_key: str
    platform_request_id: str
    state: SubjectRequestState
    received_at: dt.datetime
    due_at: dt.datetime
    closed_at: dt.datetime | None
    reason: str

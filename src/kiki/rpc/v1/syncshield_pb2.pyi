import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from kiki.rpc.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AuditKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUDIT_KIND_UNSPECIFIED: _ClassVar[AuditKind]
    AUDIT_KIND_DATA_ACCESS: _ClassVar[AuditKind]
    AUDIT_KIND_WEBHOOK: _ClassVar[AuditKind]
    AUDIT_KIND_KEY: _ClassVar[AuditKind]
    AUDIT_KIND_SUBJECT_REQUEST: _ClassVar[AuditKind]
    AUDIT_KIND_DECRYPTION: _ClassVar[AuditKind]

class SubjectRequestKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUBJECT_REQUEST_KIND_UNSPECIFIED: _ClassVar[SubjectRequestKind]
    SUBJECT_REQUEST_KIND_ACCESS: _ClassVar[SubjectRequestKind]
    SUBJECT_REQUEST_KIND_ERASURE: _ClassVar[SubjectRequestKind]
    SUBJECT_REQUEST_KIND_STORE_ERASURE: _ClassVar[SubjectRequestKind]

class SubjectRequestState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SUBJECT_REQUEST_STATE_UNSPECIFIED: _ClassVar[SubjectRequestState]
    SUBJECT_REQUEST_STATE_OPEN: _ClassVar[SubjectRequestState]
    SUBJECT_REQUEST_STATE_FULFILLED: _ClassVar[SubjectRequestState]
    SUBJECT_REQUEST_STATE_REFUSED: _ClassVar[SubjectRequestState]
AUDIT_KIND_UNSPECIFIED: AuditKind
AUDIT_KIND_DATA_ACCESS: AuditKind
AUDIT_KIND_WEBHOOK: AuditKind
AUDIT_KIND_KEY: AuditKind
AUDIT_KIND_SUBJECT_REQUEST: AuditKind
AUDIT_KIND_DECRYPTION: AuditKind
SUBJECT_REQUEST_KIND_UNSPECIFIED: SubjectRequestKind
SUBJECT_REQUEST_KIND_ACCESS: SubjectRequestKind
SUBJECT_REQUEST_KIND_ERASURE: SubjectRequestKind
SUBJECT_REQUEST_KIND_STORE_ERASURE: SubjectRequestKind
SUBJECT_REQUEST_STATE_UNSPECIFIED: SubjectRequestState
SUBJECT_REQUEST_STATE_OPEN: SubjectRequestState
SUBJECT_REQUEST_STATE_FULFILLED: SubjectRequestState
SUBJECT_REQUEST_STATE_REFUSED: SubjectRequestState

class LogDataAccessRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "actor", "action", "resource_type", "resource_id", "purpose", "occurred_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    actor: str
    action: str
    resource_type: str
    resource_id: str
    purpose: str
    occurred_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., actor: _Optional[str] = ..., action: _Optional[str] = ..., resource_type: _Optional[str] = ..., resource_id: _Optional[str] = ..., purpose: _Optional[str] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class LogDataAccessResponse(_message.Message):
    __slots__ = ("audit_id", "logged_at")
    AUDIT_ID_FIELD_NUMBER: _ClassVar[int]
    LOGGED_AT_FIELD_NUMBER: _ClassVar[int]
    audit_id: str
    logged_at: _timestamp_pb2.Timestamp
    def __init__(self, audit_id: _Optional[str] = ..., logged_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class BatchLogDataAccessRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[LogDataAccessRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[LogDataAccessRequest, _Mapping]]] = ...) -> None: ...

class BatchLogDataAccessResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[LogDataAccessResult]
    def __init__(self, results: _Optional[_Iterable[_Union[LogDataAccessResult, _Mapping]]] = ...) -> None: ...

class LogDataAccessResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: LogDataAccessResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[LogDataAccessResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class LogWebhookEventRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "platform", "topic", "payload_digest", "signature_digest", "verified", "count", "occurred_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    platform: str
    topic: str
    payload_digest: bytes
    signature_digest: bytes
    verified: bool
    count: int
    occurred_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., platform: _Optional[str] = ..., topic: _Optional[str] = ..., payload_digest: _Optional[bytes] = ..., signature_digest: _Optional[bytes] = ..., verified: _Optional[bool] = ..., count: _Optional[int] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class LogWebhookEventResponse(_message.Message):
    __slots__ = ("log_id", "logged_at")
    LOG_ID_FIELD_NUMBER: _ClassVar[int]
    LOGGED_AT_FIELD_NUMBER: _ClassVar[int]
    log_id: str
    logged_at: _timestamp_pb2.Timestamp
    def __init__(self, log_id: _Optional[str] = ..., logged_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class BatchLogWebhookEventsRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[LogWebhookEventRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[LogWebhookEventRequest, _Mapping]]] = ...) -> None: ...

class BatchLogWebhookEventsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[LogWebhookEventResult]
    def __init__(self, results: _Optional[_Iterable[_Union[LogWebhookEventResult, _Mapping]]] = ...) -> None: ...

class LogWebhookEventResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: LogWebhookEventResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[LogWebhookEventResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class EncryptCustomerDataRequest(_message.Message):
    __slots__ = ("store_id", "text", "key_id", "purpose")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    text: str
    key_id: str
    purpose: str
    def __init__(self, store_id: _Optional[int] = ..., text: _Optional[str] = ..., key_id: _Optional[str] = ..., purpose: _Optional[str] = ...) -> None: ...

class EncryptCustomerDataResponse(_message.Message):
    __slots__ = ("ciphertext", "key_id", "nonce")
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    ciphertext: bytes
    key_id: str
    nonce: bytes
    def __init__(self, ciphertext: _Optional[bytes] = ..., key_id: _Optional[str] = ..., nonce: _Optional[bytes] = ...) -> None: ...

class DecryptCustomerDataRequest(_message.Message):
    __slots__ = ("store_id", "ciphertext", "key_id", "nonce", "purpose", "actor", "resource_id")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CIPHERTEXT_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    ciphertext: bytes
    key_id: str
    nonce: bytes
    purpose: str
    actor: str
    resource_id: str
    def __init__(self, store_id: _Optional[int] = ..., ciphertext: _Optional[bytes] = ..., key_id: _Optional[str] = ..., nonce: _Optional[bytes] = ..., purpose: _Optional[str] = ..., actor: _Optional[str] = ..., resource_id: _Optional[str] = ...) -> None: ...

class DecryptCustomerDataResponse(_message.Message):
    __slots__ = ("text", "audit_id")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    AUDIT_ID_FIELD_NUMBER: _ClassVar[int]
    text: str
    audit_id: str
    def __init__(self, text: _Optional[str] = ..., audit_id: _Optional[str] = ...) -> None: ...

class RotateKeyRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "actor")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    actor: str
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class RotateKeyResponse(_message.Message):
    __slots__ = ("key", "rewrapped")
    KEY_FIELD_NUMBER: _ClassVar[int]
    REWRAPPED_FIELD_NUMBER: _ClassVar[int]
    key: EncryptionKey
    rewrapped: int
    def __init__(self, key: _Optional[_Union[EncryptionKey, _Mapping]] = ..., rewrapped: _Optional[int] = ...) -> None: ...

class ShredStoreKeysRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "actor", "reason")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    actor: str
    reason: str
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ShredStoreKeysResponse(_message.Message):
    __slots__ = ("shredded", "shredded_at")
    SHREDDED_FIELD_NUMBER: _ClassVar[int]
    SHREDDED_AT_FIELD_NUMBER: _ClassVar[int]
    shredded: int
    shredded_at: _timestamp_pb2.Timestamp
    def __init__(self, shredded: _Optional[int] = ..., shredded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListKeysRequest(_message.Message):
    __slots__ = ("store_id",)
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    def __init__(self, store_id: _Optional[int] = ...) -> None: ...

class ListKeysResponse(_message.Message):
    __slots__ = ("keys",)
    KEYS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[EncryptionKey]
    def __init__(self, keys: _Optional[_Iterable[_Union[EncryptionKey, _Mapping]]] = ...) -> None: ...

class EncryptionKey(_message.Message):
    __slots__ = ("key_id", "version", "master_version", "created_at", "shredded_at")
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MASTER_VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    SHREDDED_AT_FIELD_NUMBER: _ClassVar[int]
    key_id: str
    version: int
    master_version: int
    created_at: _timestamp_pb2.Timestamp
    shredded_at: _timestamp_pb2.Timestamp
    def __init__(self, key_id: _Optional[str] = ..., version: _Optional[int] = ..., master_version: _Optional[int] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., shredded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListAuditEventsRequest(_message.Message):
    __slots__ = ("store_id", "from_index", "kind", "page_size", "descending", "resource_type", "resource_id", "page_token", "actor", "occurred_from", "occurred_to")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_INDEX_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    DESCENDING_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_FROM_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_TO_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    from_index: int
    kind: AuditKind
    page_size: int
    descending: bool
    resource_type: str
    resource_id: str
    page_token: str
    actor: str
    occurred_from: _timestamp_pb2.Timestamp
    occurred_to: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., from_index: _Optional[int] = ..., kind: _Optional[_Union[AuditKind, str]] = ..., page_size: _Optional[int] = ..., descending: _Optional[bool] = ..., resource_type: _Optional[str] = ..., resource_id: _Optional[str] = ..., page_token: _Optional[str] = ..., actor: _Optional[str] = ..., occurred_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., occurred_to: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListAuditEventsResponse(_message.Message):
    __slots__ = ("events", "next_page_token")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[AuditEvent]
    next_page_token: str
    def __init__(self, events: _Optional[_Iterable[_Union[AuditEvent, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class AuditEvent(_message.Message):
    __slots__ = ("audit_id", "index", "kind", "actor", "action", "resource_type", "resource_id", "purpose", "platform", "topic", "payload_digest", "signature_digest", "verified", "count", "occurred_at", "logged_at", "previous_hash", "hash", "event_id")
    AUDIT_ID_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    LOGGED_AT_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_HASH_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    audit_id: str
    index: int
    kind: AuditKind
    actor: str
    action: str
    resource_type: str
    resource_id: str
    purpose: str
    platform: str
    topic: str
    payload_digest: bytes
    signature_digest: bytes
    verified: bool
    count: int
    occurred_at: _timestamp_pb2.Timestamp
    logged_at: _timestamp_pb2.Timestamp
    previous_hash: bytes
    hash: bytes
    event_id: str
    def __init__(self, audit_id: _Optional[str] = ..., index: _Optional[int] = ..., kind: _Optional[_Union[AuditKind, str]] = ..., actor: _Optional[str] = ..., action: _Optional[str] = ..., resource_type: _Optional[str] = ..., resource_id: _Optional[str] = ..., purpose: _Optional[str] = ..., platform: _Optional[str] = ..., topic: _Optional[str] = ..., payload_digest: _Optional[bytes] = ..., signature_digest: _Optional[bytes] = ..., verified: _Optional[bool] = ..., count: _Optional[int] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., logged_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., previous_hash: _Optional[bytes] = ..., hash: _Optional[bytes] = ..., event_id: _Optional[str] = ...) -> None: ...

class VerifyAuditChainRequest(_message.Message):
    __slots__ = ("store_id", "from_index", "to_index", "previous_hash")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_INDEX_FIELD_NUMBER: _ClassVar[int]
    TO_INDEX_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_HASH_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    from_index: int
    to_index: int
    previous_hash: bytes
    def __init__(self, store_id: _Optional[int] = ..., from_index: _Optional[int] = ..., to_index: _Optional[int] = ..., previous_hash: _Optional[bytes] = ...) -> None: ...

class VerifyAuditChainResponse(_message.Message):
    __slots__ = ("ok", "checked", "first_bad_index", "reason", "length", "head_hash", "last_hash")
    OK_FIELD_NUMBER: _ClassVar[int]
    CHECKED_FIELD_NUMBER: _ClassVar[int]
    FIRST_BAD_INDEX_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    HEAD_HASH_FIELD_NUMBER: _ClassVar[int]
    LAST_HASH_FIELD_NUMBER: _ClassVar[int]
    ok: bool
    checked: int
    first_bad_index: int
    reason: str
    length: int
    head_hash: bytes
    last_hash: bytes
    def __init__(self, ok: _Optional[bool] = ..., checked: _Optional[int] = ..., first_bad_index: _Optional[int] = ..., reason: _Optional[str] = ..., length: _Optional[int] = ..., head_hash: _Optional[bytes] = ..., last_hash: _Optional[bytes] = ...) -> None: ...

class OpenSubjectRequestRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "kind", "subject_key", "platform_request_id", "received_at", "due_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_KEY_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    kind: SubjectRequestKind
    subject_key: str
    platform_request_id: str
    received_at: _timestamp_pb2.Timestamp
    due_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., kind: _Optional[_Union[SubjectRequestKind, str]] = ..., subject_key: _Optional[str] = ..., platform_request_id: _Optional[str] = ..., received_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., due_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class OpenSubjectRequestResponse(_message.Message):
    __slots__ = ("subject_request",)
    SUBJECT_REQUEST_FIELD_NUMBER: _ClassVar[int]
    subject_request: SubjectRequest
    def __init__(self, subject_request: _Optional[_Union[SubjectRequest, _Mapping]] = ...) -> None: ...

class CloseSubjectRequestRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "request_id", "state", "actor", "reason")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    request_id: int
    state: SubjectRequestState
    actor: str
    reason: str
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., request_id: _Optional[int] = ..., state: _Optional[_Union[SubjectRequestState, str]] = ..., actor: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CloseSubjectRequestResponse(_message.Message):
    __slots__ = ("subject_request",)
    SUBJECT_REQUEST_FIELD_NUMBER: _ClassVar[int]
    subject_request: SubjectRequest
    def __init__(self, subject_request: _Optional[_Union[SubjectRequest, _Mapping]] = ...) -> None: ...

class ListSubjectRequestsRequest(_message.Message):
    __slots__ = ("store_id", "state", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    state: SubjectRequestState
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[int] = ..., state: _Optional[_Union[SubjectRequestState, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListSubjectRequestsResponse(_message.Message):
    __slots__ = ("subject_requests", "next_page_token")
    SUBJECT_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    subject_requests: _containers.RepeatedCompositeFieldContainer[SubjectRequest]
    next_page_token: str
    def __init__(self, subject_requests: _Optional[_Iterable[_Union[SubjectRequest, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SubjectRequest(_message.Message):
    __slots__ = ("request_id", "store_id", "kind", "subject_key", "platform_request_id", "state", "received_at", "due_at", "closed_at", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_KEY_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_AT_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_FIELD_NUMBER: _ClassVar[int]
    CLOSED_AT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    store_id: int
    kind: SubjectRequestKind
    subject_key: str
    platform_request_id: str
    state: SubjectRequestState
    received_at: _timestamp_pb2.Timestamp
    due_at: _timestamp_pb2.Timestamp
    closed_at: _timestamp_pb2.Timestamp
    reason: str
    def __init__(self, request_id: _Optional[int] = ..., store_id: _Optional[int] = ..., kind: _Optional[_Union[SubjectRequestKind, str]] = ..., subject_key: _Optional[str] = ..., platform_request_id: _Optional[str] = ..., state: _Optional[_Union[SubjectRequestState, str]] = ..., received_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., due_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., closed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

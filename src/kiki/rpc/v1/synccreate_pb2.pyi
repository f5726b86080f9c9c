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

class CreativeType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CREATIVE_TYPE_UNSPECIFIED: _ClassVar[CreativeType]
    CREATIVE_TYPE_IMAGE: _ClassVar[CreativeType]
    CREATIVE_TYPE_CAROUSEL: _ClassVar[CreativeType]
    CREATIVE_TYPE_VIDEO: _ClassVar[CreativeType]

class AdNetwork(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AD_NETWORK_UNSPECIFIED: _ClassVar[AdNetwork]
    AD_NETWORK_GOOGLE: _ClassVar[AdNetwork]
    AD_NETWORK_META: _ClassVar[AdNetwork]
    AD_NETWORK_TIKTOK: _ClassVar[AdNetwork]

class RefreshReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFRESH_REASON_UNSPECIFIED: _ClassVar[RefreshReason]
    REFRESH_REASON_PRICE_CHANGE: _ClassVar[RefreshReason]
    REFRESH_REASON_IMAGE_UPDATE: _ClassVar[RefreshReason]
    REFRESH_REASON_DESCRIPTION_UPDATE: _ClassVar[RefreshReason]

class RenderStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RENDER_STATUS_UNSPECIFIED: _ClassVar[RenderStatus]
    RENDER_STATUS_PENDING: _ClassVar[RenderStatus]
    RENDER_STATUS_READY: _ClassVar[RenderStatus]
    RENDER_STATUS_FAILED: _ClassVar[RenderStatus]
    RENDER_STATUS_SUPERSEDED: _ClassVar[RenderStatus]
CREATIVE_TYPE_UNSPECIFIED: CreativeType
CREATIVE_TYPE_IMAGE: CreativeType
CREATIVE_TYPE_CAROUSEL: CreativeType
CREATIVE_TYPE_VIDEO: CreativeType
AD_NETWORK_UNSPECIFIED: AdNetwork
AD_NETWORK_GOOGLE: AdNetwork
AD_NETWORK_META: AdNetwork
AD_NETWORK_TIKTOK: AdNetwork
REFRESH_REASON_UNSPECIFIED: RefreshReason
REFRESH_REASON_PRICE_CHANGE: RefreshReason
REFRESH_REASON_IMAGE_UPDATE: RefreshReason
REFRESH_REASON_DESCRIPTION_UPDATE: RefreshReason
RENDER_STATUS_UNSPECIFIED: RenderStatus
RENDER_STATUS_PENDING: RenderStatus
RENDER_STATUS_READY: RenderStatus
RENDER_STATUS_FAILED: RenderStatus
RENDER_STATUS_SUPERSEDED: RenderStatus

class GenerateProductCreativeRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "product", "creative_type", "ad_network", "locale")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    CREATIVE_TYPE_FIELD_NUMBER: _ClassVar[int]
    AD_NETWORK_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    product: _common_pb2.ProductInfo
    creative_type: CreativeType
    ad_network: AdNetwork
    locale: str
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., product: _Optional[_Union[_common_pb2.ProductInfo, _Mapping]] = ..., creative_type: _Optional[_Union[CreativeType, str]] = ..., ad_network: _Optional[_Union[AdNetwork, str]] = ..., locale: _Optional[str] = ...) -> None: ...

class GenerateProductCreativeResponse(_message.Message):
    __slots__ = ("creative_id", "version", "asset_urls", "headline", "description", "call_to_action", "call_to_action_text", "status")
    CREATIVE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ASSET_URLS_FIELD_NUMBER: _ClassVar[int]
    HEADLINE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CALL_TO_ACTION_FIELD_NUMBER: _ClassVar[int]
    CALL_TO_ACTION_TEXT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    creative_id: str
    version: int
    asset_urls: _containers.RepeatedScalarFieldContainer[str]
    headline: str
    description: str
    call_to_action: str
    call_to_action_text: str
    status: RenderStatus
    def __init__(self, creative_id: _Optional[str] = ..., version: _Optional[int] = ..., asset_urls: _Optional[_Iterable[str]] = ..., headline: _Optional[str] = ..., description: _Optional[str] = ..., call_to_action: _Optional[str] = ..., call_to_action_text: _Optional[str] = ..., status: _Optional[_Union[RenderStatus, str]] = ...) -> None: ...

class GenerateProductCreativeResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: GenerateProductCreativeResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[GenerateProductCreativeResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class BatchGenerateCreativesRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[GenerateProductCreativeRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[GenerateProductCreativeRequest, _Mapping]]] = ...) -> None: ...

class BatchGenerateCreativesResponse(_message.Message):
    __slots__ = ("results", "processed", "failed")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    PROCESSED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[GenerateProductCreativeResult]
    processed: int
    failed: int
    def __init__(self, results: _Optional[_Iterable[_Union[GenerateProductCreativeResult, _Mapping]]] = ..., processed: _Optional[int] = ..., failed: _Optional[int] = ...) -> None: ...

class RefreshProductCreativeRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "product", "reason", "locale")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    product: _common_pb2.ProductInfo
    reason: RefreshReason
    locale: str
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., product: _Optional[_Union[_common_pb2.ProductInfo, _Mapping]] = ..., reason: _Optional[_Union[RefreshReason, str]] = ..., locale: _Optional[str] = ...) -> None: ...

class RefreshedCreative(_message.Message):
    __slots__ = ("creative_id", "version", "creative_type", "ad_network", "asset_urls", "headline", "description", "changed")
    CREATIVE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATIVE_TYPE_FIELD_NUMBER: _ClassVar[int]
    AD_NETWORK_FIELD_NUMBER: _ClassVar[int]
    ASSET_URLS_FIELD_NUMBER: _ClassVar[int]
    HEADLINE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    creative_id: str
    version: int
    creative_type: CreativeType
    ad_network: AdNetwork
    asset_urls: _containers.RepeatedScalarFieldContainer[str]
    headline: str
    description: str
    changed: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, creative_id: _Optional[str] = ..., version: _Optional[int] = ..., creative_type: _Optional[_Union[CreativeType, str]] = ..., ad_network: _Optional[_Union[AdNetwork, str]] = ..., asset_urls: _Optional[_Iterable[str]] = ..., headline: _Optional[str] = ..., description: _Optional[str] = ..., changed: _Optional[_Iterable[str]] = ...) -> None: ...

class RefreshProductCreativeResponse(_message.Message):
    __slots__ = ("refreshed", "unchanged")
    REFRESHED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    refreshed: _containers.RepeatedCompositeFieldContainer[RefreshedCreative]
    unchanged: int
    def __init__(self, refreshed: _Optional[_Iterable[_Union[RefreshedCreative, _Mapping]]] = ..., unchanged: _Optional[int] = ...) -> None: ...

class RefreshProductCreativeResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: RefreshProductCreativeResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[RefreshProductCreativeResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class BatchRefreshProductCreativesRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[RefreshProductCreativeRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[RefreshProductCreativeRequest, _Mapping]]] = ...) -> None: ...

class BatchRefreshProductCreativesResponse(_message.Message):
    __slots__ = ("results", "processed", "failed")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    PROCESSED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[RefreshProductCreativeResult]
    processed: int
    failed: int
    def __init__(self, results: _Optional[_Iterable[_Union[RefreshProductCreativeResult, _Mapping]]] = ..., processed: _Optional[int] = ..., failed: _Optional[int] = ...) -> None: ...

class GetCreativeRequest(_message.Message):
    __slots__ = ("store_id", "creative_id", "version")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CREATIVE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    creative_id: str
    version: int
    def __init__(self, store_id: _Optional[int] = ..., creative_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class GetCreativeResponse(_message.Message):
    __slots__ = ("creative",)
    CREATIVE_FIELD_NUMBER: _ClassVar[int]
    creative: Creative
    def __init__(self, creative: _Optional[_Union[Creative, _Mapping]] = ...) -> None: ...

class Creative(_message.Message):
    __slots__ = ("store_id", "creative_id", "product_id", "creative_type", "ad_network", "version", "headline", "description", "call_to_action", "call_to_action_text", "assets", "status", "failure", "created_at", "cause", "writer", "product_title")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CREATIVE_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    CREATIVE_TYPE_FIELD_NUMBER: _ClassVar[int]
    AD_NETWORK_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HEADLINE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CALL_TO_ACTION_FIELD_NUMBER: _ClassVar[int]
    CALL_TO_ACTION_TEXT_FIELD_NUMBER: _ClassVar[int]
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    WRITER_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_TITLE_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    creative_id: str
    product_id: str
    creative_type: CreativeType
    ad_network: AdNetwork
    version: int
    headline: str
    description: str
    call_to_action: str
    call_to_action_text: str
    assets: _containers.RepeatedCompositeFieldContainer[CreativeAsset]
    status: RenderStatus
    failure: str
    created_at: _timestamp_pb2.Timestamp
    cause: str
    writer: str
    product_title: str
    def __init__(self, store_id: _Optional[int] = ..., creative_id: _Optional[str] = ..., product_id: _Optional[str] = ..., creative_type: _Optional[_Union[CreativeType, str]] = ..., ad_network: _Optional[_Union[AdNetwork, str]] = ..., version: _Optional[int] = ..., headline: _Optional[str] = ..., description: _Optional[str] = ..., call_to_action: _Optional[str] = ..., call_to_action_text: _Optional[str] = ..., assets: _Optional[_Iterable[_Union[CreativeAsset, _Mapping]]] = ..., status: _Optional[_Union[RenderStatus, str]] = ..., failure: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cause: _Optional[str] = ..., writer: _Optional[str] = ..., product_title: _Optional[str] = ...) -> None: ...

class CreativeAsset(_message.Message):
    __slots__ = ("asset_id", "url", "slot", "width", "height", "content_type", "size_bytes", "sha256")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    url: str
    slot: str
    width: int
    height: int
    content_type: str
    size_bytes: int
    sha256: str
    def __init__(self, asset_id: _Optional[str] = ..., url: _Optional[str] = ..., slot: _Optional[str] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., content_type: _Optional[str] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...

class ListCreativesRequest(_message.Message):
    __slots__ = ("store_id", "product_id", "ad_network", "status", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    AD_NETWORK_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    product_id: str
    ad_network: AdNetwork
    status: RenderStatus
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[int] = ..., product_id: _Optional[str] = ..., ad_network: _Optional[_Union[AdNetwork, str]] = ..., status: _Optional[_Union[RenderStatus, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCreativesResponse(_message.Message):
    __slots__ = ("creatives", "next_page_token")
    CREATIVES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    creatives: _containers.RepeatedCompositeFieldContainer[Creative]
    next_page_token: str
    def __init__(self, creatives: _Optional[_Iterable[_Union[Creative, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetAssetRequest(_message.Message):
    __slots__ = ("asset_id",)
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    def __init__(self, asset_id: _Optional[str] = ...) -> None: ...

class GetAssetResponse(_message.Message):
    __slots__ = ("content", "content_type", "sha256", "created_at")
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    content_type: str
    sha256: str
    created_at: _timestamp_pb2.Timestamp
    def __init__(self, content: _Optional[bytes] = ..., content_type: _Optional[str] = ..., sha256: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.type import money_pb2 as _money_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Lane(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LANE_UNSPECIFIED: _ClassVar[Lane]
    LANE_LIVE_STOCK: _ClassVar[Lane]
    LANE_LIVE: _ClassVar[Lane]
    LANE_BULK: _ClassVar[Lane]
LANE_UNSPECIFIED: Lane
LANE_LIVE_STOCK: Lane
LANE_LIVE: Lane
LANE_BULK: Lane

class ItemError(_message.Message):
    __slots__ = ("code", "reason", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: int
    reason: str
    message: str
    def __init__(self, code: _Optional[int] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class CustomerInfo(_message.Message):
    __slots__ = ("customer_id", "customer_key", "email", "phone", "first_name", "accepts_email_marketing", "accepts_sms_marketing", "locale")
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    FIRST_NAME_FIELD_NUMBER: _ClassVar[int]
    ACCEPTS_EMAIL_MARKETING_FIELD_NUMBER: _ClassVar[int]
    ACCEPTS_SMS_MARKETING_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    customer_id: str
    customer_key: str
    email: str
    phone: str
    first_name: str
    accepts_email_marketing: bool
    accepts_sms_marketing: bool
    locale: str
    def __init__(self, customer_id: _Optional[str] = ..., customer_key: _Optional[str] = ..., email: _Optional[str] = ..., phone: _Optional[str] = ..., first_name: _Optional[str] = ..., accepts_email_marketing: _Optional[bool] = ..., accepts_sms_marketing: _Optional[bool] = ..., locale: _Optional[str] = ...) -> None: ...

class ProductInfo(_message.Message):
    __slots__ = ("product_id", "title", "description", "sku", "price", "compare_at_price", "image_urls", "page_url", "vendor", "category")
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    COMPARE_AT_PRICE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_URLS_FIELD_NUMBER: _ClassVar[int]
    PAGE_URL_FIELD_NUMBER: _ClassVar[int]
    VENDOR_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    product_id: str
    title: str
    description: str
    sku: str
    price: _money_pb2.Money
    compare_at_price: _money_pb2.Money
    image_urls: _containers.RepeatedScalarFieldContainer[str]
    page_url: str
    vendor: str
    category: str
    def __init__(self, product_id: _Optional[str] = ..., title: _Optional[str] = ..., description: _Optional[str] = ..., sku: _Optional[str] = ..., price: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., compare_at_price: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., image_urls: _Optional[_Iterable[str]] = ..., page_url: _Optional[str] = ..., vendor: _Optional[str] = ..., category: _Optional[str] = ...) -> None: ...

class OrderLineItem(_message.Message):
    __slots__ = ("line_id", "product_id", "variant_id", "sku", "title", "quantity", "net_total")
    LINE_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    VARIANT_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    NET_TOTAL_FIELD_NUMBER: _ClassVar[int]
    line_id: str
    product_id: str
    variant_id: str
    sku: str
    title: str
    quantity: int
    net_total: _money_pb2.Money
    def __init__(self, line_id: _Optional[str] = ..., product_id: _Optional[str] = ..., variant_id: _Optional[str] = ..., sku: _Optional[str] = ..., title: _Optional[str] = ..., quantity: _Optional[int] = ..., net_total: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class Period(_message.Message):
    __slots__ = ("start", "end")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    start: _timestamp_pb2.Timestamp
    end: _timestamp_pb2.Timestamp
    def __init__(self, start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CountEffectsRequest(_message.Message):
    __slots__ = ("store_id",)
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    def __init__(self, store_id: _Optional[int] = ...) -> None: ...

class CountEffectsResponse(_message.Message):
    __slots__ = ("counts",)
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.RepeatedCompositeFieldContainer[EffectCount]
    def __init__(self, counts: _Optional[_Iterable[_Union[EffectCount, _Mapping]]] = ...) -> None: ...

class EffectCount(_message.Message):
    __slots__ = ("method", "count")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    method: str
    count: int
    def __init__(self, method: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

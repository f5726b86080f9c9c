import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.type import money_pb2 as _money_pb2
from kiki.rpc.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StoreConnectedEvent(_message.Message):
    __slots__ = ("store_id", "platform", "connected_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    platform: str
    connected_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., platform: _Optional[str] = ..., connected_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class StoreDisconnectedEvent(_message.Message):
    __slots__ = ("store_id", "disconnected_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    DISCONNECTED_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    disconnected_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., disconnected_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class OrderCreatedEvent(_message.Message):
    __slots__ = ("store_id", "order_id", "number", "customer_key", "total", "net_sales", "placed_at", "paid", "live")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    NET_SALES_FIELD_NUMBER: _ClassVar[int]
    PLACED_AT_FIELD_NUMBER: _ClassVar[int]
    PAID_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    order_id: str
    number: str
    customer_key: str
    total: _money_pb2.Money
    net_sales: _money_pb2.Money
    placed_at: _timestamp_pb2.Timestamp
    paid: bool
    live: bool
    def __init__(self, store_id: _Optional[int] = ..., order_id: _Optional[str] = ..., number: _Optional[str] = ..., customer_key: _Optional[str] = ..., total: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., net_sales: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., placed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., paid: _Optional[bool] = ..., live: _Optional[bool] = ...) -> None: ...

class OrderPaidEvent(_message.Message):
    __slots__ = ("store_id", "order_id", "paid_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PAID_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    order_id: str
    paid_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., order_id: _Optional[str] = ..., paid_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class OrderCancelledEvent(_message.Message):
    __slots__ = ("store_id", "order_id", "cancelled_at", "deleted")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_AT_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    order_id: str
    cancelled_at: _timestamp_pb2.Timestamp
    deleted: bool
    def __init__(self, store_id: _Optional[int] = ..., order_id: _Optional[str] = ..., cancelled_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deleted: _Optional[bool] = ...) -> None: ...

class OrderRefundedEvent(_message.Message):
    __slots__ = ("store_id", "order_id", "refund_id", "amount", "refunded_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REFUND_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    order_id: str
    refund_id: str
    amount: _money_pb2.Money
    refunded_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., order_id: _Optional[str] = ..., refund_id: _Optional[str] = ..., amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., refunded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class OrderAttributedEvent(_message.Message):
    __slots__ = ("store_id", "order_id", "revision", "verdict", "confidence", "campaign_id", "signals", "model", "cause")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    order_id: str
    revision: int
    verdict: str
    confidence: str
    campaign_id: str
    signals: _containers.RepeatedScalarFieldContainer[str]
    model: str
    cause: str
    def __init__(self, store_id: _Optional[int] = ..., order_id: _Optional[str] = ..., revision: _Optional[int] = ..., verdict: _Optional[str] = ..., confidence: _Optional[str] = ..., campaign_id: _Optional[str] = ..., signals: _Optional[_Iterable[str]] = ..., model: _Optional[str] = ..., cause: _Optional[str] = ...) -> None: ...

class ReviewOpenedEvent(_message.Message):
    __slots__ = ("store_id", "order_id", "confidence")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    order_id: str
    confidence: str
    def __init__(self, store_id: _Optional[int] = ..., order_id: _Optional[str] = ..., confidence: _Optional[str] = ...) -> None: ...

class ReviewDecidedEvent(_message.Message):
    __slots__ = ("store_id", "order_id", "approved", "actor")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVED_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    order_id: str
    approved: bool
    actor: str
    def __init__(self, store_id: _Optional[int] = ..., order_id: _Optional[str] = ..., approved: _Optional[bool] = ..., actor: _Optional[str] = ...) -> None: ...

class RevenueRecordedEvent(_message.Message):
    __slots__ = ("store_id", "order_id", "incremental_revenue", "fee", "entry_id")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    INCREMENTAL_REVENUE_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    order_id: str
    incremental_revenue: _money_pb2.Money
    fee: _money_pb2.Money
    entry_id: str
    def __init__(self, store_id: _Optional[int] = ..., order_id: _Optional[str] = ..., incremental_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., entry_id: _Optional[str] = ...) -> None: ...

class RevenueReversedEvent(_message.Message):
    __slots__ = ("store_id", "order_id", "refund_id", "reversed_revenue", "reversed_fee", "entry_id")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REFUND_ID_FIELD_NUMBER: _ClassVar[int]
    REVERSED_REVENUE_FIELD_NUMBER: _ClassVar[int]
    REVERSED_FEE_FIELD_NUMBER: _ClassVar[int]
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    order_id: str
    refund_id: str
    reversed_revenue: _money_pb2.Money
    reversed_fee: _money_pb2.Money
    entry_id: str
    def __init__(self, store_id: _Optional[int] = ..., order_id: _Optional[str] = ..., refund_id: _Optional[str] = ..., reversed_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., reversed_fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., entry_id: _Optional[str] = ...) -> None: ...

class ProductUpdatedEvent(_message.Message):
    __slots__ = ("store_id", "product", "status", "created")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    product: _common_pb2.ProductInfo
    status: str
    created: bool
    def __init__(self, store_id: _Optional[int] = ..., product: _Optional[_Union[_common_pb2.ProductInfo, _Mapping]] = ..., status: _Optional[str] = ..., created: _Optional[bool] = ...) -> None: ...

class StockGuardEvent(_message.Message):
    __slots__ = ("store_id", "product_id", "transition", "cause", "decision_seq", "resume_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSITION_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    DECISION_SEQ_FIELD_NUMBER: _ClassVar[int]
    RESUME_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    product_id: str
    transition: str
    cause: str
    decision_seq: int
    resume_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., product_id: _Optional[str] = ..., transition: _Optional[str] = ..., cause: _Optional[str] = ..., decision_seq: _Optional[int] = ..., resume_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CampaignsPausedEvent(_message.Message):
    __slots__ = ("store_id", "product_id", "campaign_ids", "reason", "estimated_daily_spend_saved")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_IDS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_DAILY_SPEND_SAVED_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    product_id: str
    campaign_ids: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    estimated_daily_spend_saved: _money_pb2.Money
    def __init__(self, store_id: _Optional[int] = ..., product_id: _Optional[str] = ..., campaign_ids: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ..., estimated_daily_spend_saved: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class CampaignsResumedEvent(_message.Message):
    __slots__ = ("store_id", "product_id", "campaign_ids", "estimated_daily_spend_restored")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_IDS_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_DAILY_SPEND_RESTORED_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    product_id: str
    campaign_ids: _containers.RepeatedScalarFieldContainer[str]
    estimated_daily_spend_restored: _money_pb2.Money
    def __init__(self, store_id: _Optional[int] = ..., product_id: _Optional[str] = ..., campaign_ids: _Optional[_Iterable[str]] = ..., estimated_daily_spend_restored: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class BidsAdjustedEvent(_message.Message):
    __slots__ = ("store_id", "product_id", "campaign_ids")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_IDS_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    product_id: str
    campaign_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, store_id: _Optional[int] = ..., product_id: _Optional[str] = ..., campaign_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class CustomerUpdatedEvent(_message.Message):
    __slots__ = ("store_id", "customer_key", "accepts_email_marketing", "accepts_sms_marketing")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    ACCEPTS_EMAIL_MARKETING_FIELD_NUMBER: _ClassVar[int]
    ACCEPTS_SMS_MARKETING_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    customer_key: str
    accepts_email_marketing: bool
    accepts_sms_marketing: bool
    def __init__(self, store_id: _Optional[int] = ..., customer_key: _Optional[str] = ..., accepts_email_marketing: _Optional[bool] = ..., accepts_sms_marketing: _Optional[bool] = ...) -> None: ...

class CustomersMergedEvent(_message.Message):
    __slots__ = ("store_id", "kept_customer_key", "merged_customer_key")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    KEPT_CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    MERGED_CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    kept_customer_key: str
    merged_customer_key: str
    def __init__(self, store_id: _Optional[int] = ..., kept_customer_key: _Optional[str] = ..., merged_customer_key: _Optional[str] = ...) -> None: ...

class DataSubjectRequestedEvent(_message.Message):
    __slots__ = ("store_id", "kind", "request_id", "customer_key")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    kind: str
    request_id: str
    customer_key: str
    def __init__(self, store_id: _Optional[int] = ..., kind: _Optional[str] = ..., request_id: _Optional[str] = ..., customer_key: _Optional[str] = ...) -> None: ...

class ExchangeRateMissingEvent(_message.Message):
    __slots__ = ("store_id", "currency", "settlement_currency", "day", "order_id")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    SETTLEMENT_CURRENCY_FIELD_NUMBER: _ClassVar[int]
    DAY_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    currency: str
    settlement_currency: str
    day: str
    order_id: str
    def __init__(self, store_id: _Optional[int] = ..., currency: _Optional[str] = ..., settlement_currency: _Optional[str] = ..., day: _Optional[str] = ..., order_id: _Optional[str] = ...) -> None: ...

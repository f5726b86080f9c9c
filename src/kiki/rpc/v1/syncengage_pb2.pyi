import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.type import money_pb2 as _money_pb2
from kiki.rpc.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Channel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHANNEL_UNSPECIFIED: _ClassVar[Channel]
    CHANNEL_EMAIL: _ClassVar[Channel]
    CHANNEL_SMS: _ClassVar[Channel]

class FlowKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FLOW_KIND_UNSPECIFIED: _ClassVar[FlowKind]
    FLOW_KIND_POST_PURCHASE: _ClassVar[FlowKind]
    FLOW_KIND_CHURN_PREVENTION: _ClassVar[FlowKind]
    FLOW_KIND_UPSELL: _ClassVar[FlowKind]

class FlowStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FLOW_STATUS_UNSPECIFIED: _ClassVar[FlowStatus]
    FLOW_STATUS_SCHEDULED: _ClassVar[FlowStatus]
    FLOW_STATUS_HELD_OUT: _ClassVar[FlowStatus]
    FLOW_STATUS_SUPPRESSED: _ClassVar[FlowStatus]
    FLOW_STATUS_WAITING_FOR_CODE: _ClassVar[FlowStatus]
    FLOW_STATUS_CANCELLED: _ClassVar[FlowStatus]

class MessageStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MESSAGE_STATUS_UNSPECIFIED: _ClassVar[MessageStatus]
    MESSAGE_STATUS_SCHEDULED: _ClassVar[MessageStatus]
    MESSAGE_STATUS_SENDING: _ClassVar[MessageStatus]
    MESSAGE_STATUS_SENT: _ClassVar[MessageStatus]
    MESSAGE_STATUS_SUPPRESSED: _ClassVar[MessageStatus]
    MESSAGE_STATUS_FAILED: _ClassVar[MessageStatus]
    MESSAGE_STATUS_UNKNOWN: _ClassVar[MessageStatus]
    MESSAGE_STATUS_CANCELLED: _ClassVar[MessageStatus]

class ConsentState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSENT_STATE_UNSPECIFIED: _ClassVar[ConsentState]
    CONSENT_STATE_GRANTED: _ClassVar[ConsentState]
    CONSENT_STATE_DENIED: _ClassVar[ConsentState]
CHANNEL_UNSPECIFIED: Channel
CHANNEL_EMAIL: Channel
CHANNEL_SMS: Channel
FLOW_KIND_UNSPECIFIED: FlowKind
FLOW_KIND_POST_PURCHASE: FlowKind
FLOW_KIND_CHURN_PREVENTION: FlowKind
FLOW_KIND_UPSELL: FlowKind
FLOW_STATUS_UNSPECIFIED: FlowStatus
FLOW_STATUS_SCHEDULED: FlowStatus
FLOW_STATUS_HELD_OUT: FlowStatus
FLOW_STATUS_SUPPRESSED: FlowStatus
FLOW_STATUS_WAITING_FOR_CODE: FlowStatus
FLOW_STATUS_CANCELLED: FlowStatus
MESSAGE_STATUS_UNSPECIFIED: MessageStatus
MESSAGE_STATUS_SCHEDULED: MessageStatus
MESSAGE_STATUS_SENDING: MessageStatus
MESSAGE_STATUS_SENT: MessageStatus
MESSAGE_STATUS_SUPPRESSED: MessageStatus
MESSAGE_STATUS_FAILED: MessageStatus
MESSAGE_STATUS_UNKNOWN: MessageStatus
MESSAGE_STATUS_CANCELLED: MessageStatus
CONSENT_STATE_UNSPECIFIED: ConsentState
CONSENT_STATE_GRANTED: ConsentState
CONSENT_STATE_DENIED: ConsentState

class Consent(_message.Message):
    __slots__ = ("state", "given_at", "source")
    STATE_FIELD_NUMBER: _ClassVar[int]
    GIVEN_AT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    state: ConsentState
    given_at: _timestamp_pb2.Timestamp
    source: str
    def __init__(self, state: _Optional[_Union[ConsentState, str]] = ..., given_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., source: _Optional[str] = ...) -> None: ...

class ShopInfo(_message.Message):
    __slots__ = ("name", "timezone", "url")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    URL_FIELD_NUMBER: _ClassVar[int]
    name: str
    timezone: str
    url: str
    def __init__(self, name: _Optional[str] = ..., timezone: _Optional[str] = ..., url: _Optional[str] = ...) -> None: ...

class PutContactRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "customer", "email_consent", "sms_consent", "timezone", "observed_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_FIELD_NUMBER: _ClassVar[int]
    EMAIL_CONSENT_FIELD_NUMBER: _ClassVar[int]
    SMS_CONSENT_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    customer: _common_pb2.CustomerInfo
    email_consent: Consent
    sms_consent: Consent
    timezone: str
    observed_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., customer: _Optional[_Union[_common_pb2.CustomerInfo, _Mapping]] = ..., email_consent: _Optional[_Union[Consent, _Mapping]] = ..., sms_consent: _Optional[_Union[Consent, _Mapping]] = ..., timezone: _Optional[str] = ..., observed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PutContactResponse(_message.Message):
    __slots__ = ("email_marketing_allowed", "sms_marketing_allowed", "applied")
    EMAIL_MARKETING_ALLOWED_FIELD_NUMBER: _ClassVar[int]
    SMS_MARKETING_ALLOWED_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    email_marketing_allowed: bool
    sms_marketing_allowed: bool
    applied: bool
    def __init__(self, email_marketing_allowed: _Optional[bool] = ..., sms_marketing_allowed: _Optional[bool] = ..., applied: _Optional[bool] = ...) -> None: ...

class PutContactResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: PutContactResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[PutContactResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class BatchPutContactsRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[PutContactRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[PutContactRequest, _Mapping]]] = ...) -> None: ...

class BatchPutContactsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[PutContactResult]
    def __init__(self, results: _Optional[_Iterable[_Union[PutContactResult, _Mapping]]] = ...) -> None: ...

class GetContactRequest(_message.Message):
    __slots__ = ("store_id", "customer_key", "email")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    customer_key: str
    email: str
    def __init__(self, store_id: _Optional[int] = ..., customer_key: _Optional[str] = ..., email: _Optional[str] = ...) -> None: ...

class GetContactResponse(_message.Message):
    __slots__ = ("customer", "email_consent", "sms_consent", "email_unsubscribed_at", "sms_unsubscribed_at", "timezone", "email_bounced_at")
    CUSTOMER_FIELD_NUMBER: _ClassVar[int]
    EMAIL_CONSENT_FIELD_NUMBER: _ClassVar[int]
    SMS_CONSENT_FIELD_NUMBER: _ClassVar[int]
    EMAIL_UNSUBSCRIBED_AT_FIELD_NUMBER: _ClassVar[int]
    SMS_UNSUBSCRIBED_AT_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    EMAIL_BOUNCED_AT_FIELD_NUMBER: _ClassVar[int]
    customer: _common_pb2.CustomerInfo
    email_consent: Consent
    sms_consent: Consent
    email_unsubscribed_at: _timestamp_pb2.Timestamp
    sms_unsubscribed_at: _timestamp_pb2.Timestamp
    timezone: str
    email_bounced_at: _timestamp_pb2.Timestamp
    def __init__(self, customer: _Optional[_Union[_common_pb2.CustomerInfo, _Mapping]] = ..., email_consent: _Optional[_Union[Consent, _Mapping]] = ..., sms_consent: _Optional[_Union[Consent, _Mapping]] = ..., email_unsubscribed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sms_unsubscribed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., timezone: _Optional[str] = ..., email_bounced_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListBouncesRequest(_message.Message):
    __slots__ = ("store_id", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class Bounce(_message.Message):
    __slots__ = ("customer_key", "refused_at", "reason", "refusals", "suppressed")
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    REFUSED_AT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSED_FIELD_NUMBER: _ClassVar[int]
    customer_key: str
    refused_at: _timestamp_pb2.Timestamp
    reason: str
    refusals: int
    suppressed: bool
    def __init__(self, customer_key: _Optional[str] = ..., refused_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ..., refusals: _Optional[int] = ..., suppressed: _Optional[bool] = ...) -> None: ...

class ListBouncesResponse(_message.Message):
    __slots__ = ("bounces", "next_page_token")
    BOUNCES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    bounces: _containers.RepeatedCompositeFieldContainer[Bounce]
    next_page_token: str
    def __init__(self, bounces: _Optional[_Iterable[_Union[Bounce, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class LiftBounceRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "customer_key")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    customer_key: str
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., customer_key: _Optional[str] = ...) -> None: ...

class LiftBounceResponse(_message.Message):
    __slots__ = ("lifted",)
    LIFTED_FIELD_NUMBER: _ClassVar[int]
    lifted: bool
    def __init__(self, lifted: _Optional[bool] = ...) -> None: ...

class EraseContactRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "customer_key")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    customer_key: str
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., customer_key: _Optional[str] = ...) -> None: ...

class EraseContactResponse(_message.Message):
    __slots__ = ("erased", "messages_cancelled")
    ERASED_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_CANCELLED_FIELD_NUMBER: _ClassVar[int]
    erased: bool
    messages_cancelled: int
    def __init__(self, erased: _Optional[bool] = ..., messages_cancelled: _Optional[int] = ...) -> None: ...

class EraseStoreRequest(_message.Message):
    __slots__ = ("store_id", "event_id")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ...) -> None: ...

class EraseStoreResponse(_message.Message):
    __slots__ = ("contacts_erased",)
    CONTACTS_ERASED_FIELD_NUMBER: _ClassVar[int]
    contacts_erased: int
    def __init__(self, contacts_erased: _Optional[int] = ...) -> None: ...

class CancelFlowsRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "order_id", "customer_key")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    order_id: str
    customer_key: str
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., order_id: _Optional[str] = ..., customer_key: _Optional[str] = ...) -> None: ...

class CancelFlowsResponse(_message.Message):
    __slots__ = ("messages_cancelled",)
    MESSAGES_CANCELLED_FIELD_NUMBER: _ClassVar[int]
    messages_cancelled: int
    def __init__(self, messages_cancelled: _Optional[int] = ...) -> None: ...

class ProductAvailability(_message.Message):
    __slots__ = ("product_id", "sellable", "decision_seq")
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    SELLABLE_FIELD_NUMBER: _ClassVar[int]
    DECISION_SEQ_FIELD_NUMBER: _ClassVar[int]
    product_id: str
    sellable: bool
    decision_seq: int
    def __init__(self, product_id: _Optional[str] = ..., sellable: _Optional[bool] = ..., decision_seq: _Optional[int] = ...) -> None: ...

class PutProductAvailabilityRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "products")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCTS_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    products: _containers.RepeatedCompositeFieldContainer[ProductAvailability]
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., products: _Optional[_Iterable[_Union[ProductAvailability, _Mapping]]] = ...) -> None: ...

class PutProductAvailabilityResponse(_message.Message):
    __slots__ = ("applied",)
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    applied: int
    def __init__(self, applied: _Optional[int] = ...) -> None: ...

class ScheduledMessage(_message.Message):
    __slots__ = ("message_id", "template", "send_at", "marketing")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    SEND_AT_FIELD_NUMBER: _ClassVar[int]
    MARKETING_FIELD_NUMBER: _ClassVar[int]
    message_id: int
    template: str
    send_at: _timestamp_pb2.Timestamp
    marketing: bool
    def __init__(self, message_id: _Optional[int] = ..., template: _Optional[str] = ..., send_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., marketing: _Optional[bool] = ...) -> None: ...

class Suppression(_message.Message):
    __slots__ = ("channel", "template", "reason")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    channel: Channel
    template: str
    reason: str
    def __init__(self, channel: _Optional[_Union[Channel, str]] = ..., template: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class TriggerPostPurchaseFlowRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "customer", "order_id", "order_number", "placed_at", "items", "total", "shop")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PLACED_AT_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    SHOP_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    customer: _common_pb2.CustomerInfo
    order_id: str
    order_number: str
    placed_at: _timestamp_pb2.Timestamp
    items: _containers.RepeatedCompositeFieldContainer[_common_pb2.OrderLineItem]
    total: _money_pb2.Money
    shop: ShopInfo
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., customer: _Optional[_Union[_common_pb2.CustomerInfo, _Mapping]] = ..., order_id: _Optional[str] = ..., order_number: _Optional[str] = ..., placed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., items: _Optional[_Iterable[_Union[_common_pb2.OrderLineItem, _Mapping]]] = ..., total: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., shop: _Optional[_Union[ShopInfo, _Mapping]] = ...) -> None: ...

class TriggerPostPurchaseFlowResponse(_message.Message):
    __slots__ = ("flow_id", "status", "scheduled_emails", "scheduled_sms", "suppressed")
    FLOW_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EMAILS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_SMS_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSED_FIELD_NUMBER: _ClassVar[int]
    flow_id: int
    status: FlowStatus
    scheduled_emails: _containers.RepeatedCompositeFieldContainer[ScheduledMessage]
    scheduled_sms: _containers.RepeatedCompositeFieldContainer[ScheduledMessage]
    suppressed: _containers.RepeatedCompositeFieldContainer[Suppression]
    def __init__(self, flow_id: _Optional[int] = ..., status: _Optional[_Union[FlowStatus, str]] = ..., scheduled_emails: _Optional[_Iterable[_Union[ScheduledMessage, _Mapping]]] = ..., scheduled_sms: _Optional[_Iterable[_Union[ScheduledMessage, _Mapping]]] = ..., suppressed: _Optional[_Iterable[_Union[Suppression, _Mapping]]] = ...) -> None: ...

class TriggerPostPurchaseFlowResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: TriggerPostPurchaseFlowResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[TriggerPostPurchaseFlowResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class BatchTriggerPostPurchaseFlowsRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[TriggerPostPurchaseFlowRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[TriggerPostPurchaseFlowRequest, _Mapping]]] = ...) -> None: ...

class BatchTriggerPostPurchaseFlowsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[TriggerPostPurchaseFlowResult]
    def __init__(self, results: _Optional[_Iterable[_Union[TriggerPostPurchaseFlowResult, _Mapping]]] = ...) -> None: ...

class TriggerChurnPreventionRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "customer", "churn_risk", "days_since_last_order", "shop")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_FIELD_NUMBER: _ClassVar[int]
    CHURN_RISK_FIELD_NUMBER: _ClassVar[int]
    DAYS_SINCE_LAST_ORDER_FIELD_NUMBER: _ClassVar[int]
    SHOP_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    customer: _common_pb2.CustomerInfo
    churn_risk: float
    days_since_last_order: int
    shop: ShopInfo
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., customer: _Optional[_Union[_common_pb2.CustomerInfo, _Mapping]] = ..., churn_risk: _Optional[float] = ..., days_since_last_order: _Optional[int] = ..., shop: _Optional[_Union[ShopInfo, _Mapping]] = ...) -> None: ...

class TriggerChurnPreventionResponse(_message.Message):
    __slots__ = ("flow_id", "status", "discount_code", "discount_expires_at", "discount_percent", "code_wanted_by", "suppressed")
    FLOW_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DISCOUNT_CODE_FIELD_NUMBER: _ClassVar[int]
    DISCOUNT_EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    DISCOUNT_PERCENT_FIELD_NUMBER: _ClassVar[int]
    CODE_WANTED_BY_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSED_FIELD_NUMBER: _ClassVar[int]
    flow_id: int
    status: FlowStatus
    discount_code: str
    discount_expires_at: _timestamp_pb2.Timestamp
    discount_percent: int
    code_wanted_by: _timestamp_pb2.Timestamp
    suppressed: _containers.RepeatedCompositeFieldContainer[Suppression]
    def __init__(self, flow_id: _Optional[int] = ..., status: _Optional[_Union[FlowStatus, str]] = ..., discount_code: _Optional[str] = ..., discount_expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., discount_percent: _Optional[int] = ..., code_wanted_by: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., suppressed: _Optional[_Iterable[_Union[Suppression, _Mapping]]] = ...) -> None: ...

class TriggerChurnPreventionResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: TriggerChurnPreventionResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[TriggerChurnPreventionResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class BatchTriggerChurnPreventionsRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[TriggerChurnPreventionRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[TriggerChurnPreventionRequest, _Mapping]]] = ...) -> None: ...

class BatchTriggerChurnPreventionsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[TriggerChurnPreventionResult]
    def __init__(self, results: _Optional[_Iterable[_Union[TriggerChurnPreventionResult, _Mapping]]] = ...) -> None: ...

class PutDiscountCodeRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "flow_id", "code", "expires_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    FLOW_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    flow_id: int
    code: str
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., flow_id: _Optional[int] = ..., code: _Optional[str] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PutDiscountCodeResponse(_message.Message):
    __slots__ = ("flow_id", "status", "scheduled_emails", "scheduled_sms", "suppressed")
    FLOW_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EMAILS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_SMS_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSED_FIELD_NUMBER: _ClassVar[int]
    flow_id: int
    status: FlowStatus
    scheduled_emails: _containers.RepeatedCompositeFieldContainer[ScheduledMessage]
    scheduled_sms: _containers.RepeatedCompositeFieldContainer[ScheduledMessage]
    suppressed: _containers.RepeatedCompositeFieldContainer[Suppression]
    def __init__(self, flow_id: _Optional[int] = ..., status: _Optional[_Union[FlowStatus, str]] = ..., scheduled_emails: _Optional[_Iterable[_Union[ScheduledMessage, _Mapping]]] = ..., scheduled_sms: _Optional[_Iterable[_Union[ScheduledMessage, _Mapping]]] = ..., suppressed: _Optional[_Iterable[_Union[Suppression, _Mapping]]] = ...) -> None: ...

class TriggerUpsellFlowRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "customer", "purchased_product_ids", "lifetime_value", "order_id", "placed_at", "shop")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_FIELD_NUMBER: _ClassVar[int]
    PURCHASED_PRODUCT_IDS_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_VALUE_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PLACED_AT_FIELD_NUMBER: _ClassVar[int]
    SHOP_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    customer: _common_pb2.CustomerInfo
    purchased_product_ids: _containers.RepeatedScalarFieldContainer[str]
    lifetime_value: _money_pb2.Money
    order_id: str
    placed_at: _timestamp_pb2.Timestamp
    shop: ShopInfo
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., customer: _Optional[_Union[_common_pb2.CustomerInfo, _Mapping]] = ..., purchased_product_ids: _Optional[_Iterable[str]] = ..., lifetime_value: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., order_id: _Optional[str] = ..., placed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., shop: _Optional[_Union[ShopInfo, _Mapping]] = ...) -> None: ...

class RecommendedProduct(_message.Message):
    __slots__ = ("product_id", "title", "bought_together")
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    BOUGHT_TOGETHER_FIELD_NUMBER: _ClassVar[int]
    product_id: str
    title: str
    bought_together: int
    def __init__(self, product_id: _Optional[str] = ..., title: _Optional[str] = ..., bought_together: _Optional[int] = ...) -> None: ...

class TriggerUpsellFlowResponse(_message.Message):
    __slots__ = ("flow_id", "status", "recommended_products", "campaign_id", "scheduled_emails", "suppressed")
    FLOW_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    RECOMMENDED_PRODUCTS_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EMAILS_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSED_FIELD_NUMBER: _ClassVar[int]
    flow_id: int
    status: FlowStatus
    recommended_products: _containers.RepeatedCompositeFieldContainer[RecommendedProduct]
    campaign_id: str
    scheduled_emails: _containers.RepeatedCompositeFieldContainer[ScheduledMessage]
    suppressed: _containers.RepeatedCompositeFieldContainer[Suppression]
    def __init__(self, flow_id: _Optional[int] = ..., status: _Optional[_Union[FlowStatus, str]] = ..., recommended_products: _Optional[_Iterable[_Union[RecommendedProduct, _Mapping]]] = ..., campaign_id: _Optional[str] = ..., scheduled_emails: _Optional[_Iterable[_Union[ScheduledMessage, _Mapping]]] = ..., suppressed: _Optional[_Iterable[_Union[Suppression, _Mapping]]] = ...) -> None: ...

class TriggerUpsellFlowResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: TriggerUpsellFlowResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[TriggerUpsellFlowResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class BatchTriggerUpsellFlowsRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[TriggerUpsellFlowRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[TriggerUpsellFlowRequest, _Mapping]]] = ...) -> None: ...

class BatchTriggerUpsellFlowsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[TriggerUpsellFlowResult]
    def __init__(self, results: _Optional[_Iterable[_Union[TriggerUpsellFlowResult, _Mapping]]] = ...) -> None: ...

class EngageRequest(_message.Message):
    __slots__ = ("put_contact", "post_purchase", "churn_prevention", "upsell")
    PUT_CONTACT_FIELD_NUMBER: _ClassVar[int]
    POST_PURCHASE_FIELD_NUMBER: _ClassVar[int]
    CHURN_PREVENTION_FIELD_NUMBER: _ClassVar[int]
    UPSELL_FIELD_NUMBER: _ClassVar[int]
    put_contact: PutContactRequest
    post_purchase: TriggerPostPurchaseFlowRequest
    churn_prevention: TriggerChurnPreventionRequest
    upsell: TriggerUpsellFlowRequest
    def __init__(self, put_contact: _Optional[_Union[PutContactRequest, _Mapping]] = ..., post_purchase: _Optional[_Union[TriggerPostPurchaseFlowRequest, _Mapping]] = ..., churn_prevention: _Optional[_Union[TriggerChurnPreventionRequest, _Mapping]] = ..., upsell: _Optional[_Union[TriggerUpsellFlowRequest, _Mapping]] = ...) -> None: ...

class EngageResponse(_message.Message):
    __slots__ = ("put_contact", "post_purchase", "churn_prevention", "upsell")
    PUT_CONTACT_FIELD_NUMBER: _ClassVar[int]
    POST_PURCHASE_FIELD_NUMBER: _ClassVar[int]
    CHURN_PREVENTION_FIELD_NUMBER: _ClassVar[int]
    UPSELL_FIELD_NUMBER: _ClassVar[int]
    put_contact: PutContactResponse
    post_purchase: TriggerPostPurchaseFlowResponse
    churn_prevention: TriggerChurnPreventionResponse
    upsell: TriggerUpsellFlowResponse
    def __init__(self, put_contact: _Optional[_Union[PutContactResponse, _Mapping]] = ..., post_purchase: _Optional[_Union[TriggerPostPurchaseFlowResponse, _Mapping]] = ..., churn_prevention: _Optional[_Union[TriggerChurnPreventionResponse, _Mapping]] = ..., upsell: _Optional[_Union[TriggerUpsellFlowResponse, _Mapping]] = ...) -> None: ...

class EngageResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: EngageResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[EngageResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class BatchEngageRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[EngageRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[EngageRequest, _Mapping]]] = ...) -> None: ...

class BatchEngageResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[EngageResult]
    def __init__(self, results: _Optional[_Iterable[_Union[EngageResult, _Mapping]]] = ...) -> None: ...

class UnsubscribeRequest(_message.Message):
    __slots__ = ("token",)
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    token: str
    def __init__(self, token: _Optional[str] = ...) -> None: ...

class UnsubscribeResponse(_message.Message):
    __slots__ = ("store_id", "channel", "shop_name", "already", "messages_cancelled")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SHOP_NAME_FIELD_NUMBER: _ClassVar[int]
    ALREADY_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_CANCELLED_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    channel: Channel
    shop_name: str
    already: bool
    messages_cancelled: int
    def __init__(self, store_id: _Optional[int] = ..., channel: _Optional[_Union[Channel, str]] = ..., shop_name: _Optional[str] = ..., already: _Optional[bool] = ..., messages_cancelled: _Optional[int] = ...) -> None: ...

class Flow(_message.Message):
    __slots__ = ("flow_id", "store_id", "kind", "status", "held_out", "customer_key", "subject", "created_at", "messages", "suppressed", "campaign_id")
    FLOW_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    HELD_OUT_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSED_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    flow_id: int
    store_id: int
    kind: FlowKind
    status: FlowStatus
    held_out: bool
    customer_key: str
    subject: str
    created_at: _timestamp_pb2.Timestamp
    messages: _containers.RepeatedCompositeFieldContainer[Message]
    suppressed: _containers.RepeatedCompositeFieldContainer[Suppression]
    campaign_id: str
    def __init__(self, flow_id: _Optional[int] = ..., store_id: _Optional[int] = ..., kind: _Optional[_Union[FlowKind, str]] = ..., status: _Optional[_Union[FlowStatus, str]] = ..., held_out: _Optional[bool] = ..., customer_key: _Optional[str] = ..., subject: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., messages: _Optional[_Iterable[_Union[Message, _Mapping]]] = ..., suppressed: _Optional[_Iterable[_Union[Suppression, _Mapping]]] = ..., campaign_id: _Optional[str] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("message_id", "store_id", "flow_id", "channel", "template", "marketing", "status", "send_at", "settled_at", "reason", "attempts", "customer_key")
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    FLOW_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    MARKETING_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SEND_AT_FIELD_NUMBER: _ClassVar[int]
    SETTLED_AT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    message_id: int
    store_id: int
    flow_id: int
    channel: Channel
    template: str
    marketing: bool
    status: MessageStatus
    send_at: _timestamp_pb2.Timestamp
    settled_at: _timestamp_pb2.Timestamp
    reason: str
    attempts: int
    customer_key: str
    def __init__(self, message_id: _Optional[int] = ..., store_id: _Optional[int] = ..., flow_id: _Optional[int] = ..., channel: _Optional[_Union[Channel, str]] = ..., template: _Optional[str] = ..., marketing: _Optional[bool] = ..., status: _Optional[_Union[MessageStatus, str]] = ..., send_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., settled_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ..., attempts: _Optional[int] = ..., customer_key: _Optional[str] = ...) -> None: ...

class GetFlowRequest(_message.Message):
    __slots__ = ("store_id", "flow_id")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    FLOW_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    flow_id: int
    def __init__(self, store_id: _Optional[int] = ..., flow_id: _Optional[int] = ...) -> None: ...

class GetFlowResponse(_message.Message):
    __slots__ = ("flow",)
    FLOW_FIELD_NUMBER: _ClassVar[int]
    flow: Flow
    def __init__(self, flow: _Optional[_Union[Flow, _Mapping]] = ...) -> None: ...

class ListFlowsRequest(_message.Message):
    __slots__ = ("store_id", "kind", "status", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    kind: FlowKind
    status: FlowStatus
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[int] = ..., kind: _Optional[_Union[FlowKind, str]] = ..., status: _Optional[_Union[FlowStatus, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListFlowsResponse(_message.Message):
    __slots__ = ("flows", "next_page_token")
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    flows: _containers.RepeatedCompositeFieldContainer[Flow]
    next_page_token: str
    def __init__(self, flows: _Optional[_Iterable[_Union[Flow, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListMessagesRequest(_message.Message):
    __slots__ = ("store_id", "status", "customer_key", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    status: MessageStatus
    customer_key: str
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[int] = ..., status: _Optional[_Union[MessageStatus, str]] = ..., customer_key: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListMessagesResponse(_message.Message):
    __slots__ = ("messages", "next_page_token")
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[Message]
    next_page_token: str
    def __init__(self, messages: _Optional[_Iterable[_Union[Message, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetFlowStatisticsRequest(_message.Message):
    __slots__ = ("store_id", "period")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    period: _common_pb2.Period
    def __init__(self, store_id: _Optional[int] = ..., period: _Optional[_Union[_common_pb2.Period, _Mapping]] = ...) -> None: ...

class GetFlowStatisticsResponse(_message.Message):
    __slots__ = ("flows", "messages")
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    flows: _containers.RepeatedCompositeFieldContainer[FlowCount]
    messages: _containers.RepeatedCompositeFieldContainer[MessageCount]
    def __init__(self, flows: _Optional[_Iterable[_Union[FlowCount, _Mapping]]] = ..., messages: _Optional[_Iterable[_Union[MessageCount, _Mapping]]] = ...) -> None: ...

class FlowCount(_message.Message):
    __slots__ = ("kind", "held_out", "status", "count")
    KIND_FIELD_NUMBER: _ClassVar[int]
    HELD_OUT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    kind: FlowKind
    held_out: bool
    status: FlowStatus
    count: int
    def __init__(self, kind: _Optional[_Union[FlowKind, str]] = ..., held_out: _Optional[bool] = ..., status: _Optional[_Union[FlowStatus, str]] = ..., count: _Optional[int] = ...) -> None: ...

class MessageCount(_message.Message):
    __slots__ = ("channel", "status", "reason", "count")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    channel: Channel
    status: MessageStatus
    reason: str
    count: int
    def __init__(self, channel: _Optional[_Union[Channel, str]] = ..., status: _Optional[_Union[MessageStatus, str]] = ..., reason: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.type import date_pb2 as _date_pb2
from google.type import money_pb2 as _money_pb2
from kiki.rpc.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FeeBasis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FEE_BASIS_UNSPECIFIED: _ClassVar[FeeBasis]
    FEE_BASIS_NET_SALES: _ClassVar[FeeBasis]
    FEE_BASIS_TOTAL: _ClassVar[FeeBasis]

class FeeRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FEE_RULE_UNSPECIFIED: _ClassVar[FeeRule]
    FEE_RULE_ATTRIBUTED: _ClassVar[FeeRule]
    FEE_RULE_UPLIFT: _ClassVar[FeeRule]
    FEE_RULE_LESSER_OF: _ClassVar[FeeRule]
    FEE_RULE_EXPERIMENT_ESTIMATE: _ClassVar[FeeRule]
    FEE_RULE_EXPERIMENT_LOWER_BOUND: _ClassVar[FeeRule]
    FEE_RULE_ENDED: _ClassVar[FeeRule]

class ReadingRefusal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    READING_REFUSAL_UNSPECIFIED: _ClassVar[ReadingRefusal]
    READING_REFUSAL_SUPERSEDED: _ClassVar[ReadingRefusal]
    READING_REFUSAL_MONTH_CLOSED: _ClassVar[ReadingRefusal]

class NotCountedReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOT_COUNTED_REASON_UNSPECIFIED: _ClassVar[NotCountedReason]
    NOT_COUNTED_REASON_BEFORE_CONNECTION: _ClassVar[NotCountedReason]
    NOT_COUNTED_REASON_NOT_PAID: _ClassVar[NotCountedReason]
    NOT_COUNTED_REASON_TEST_ORDER: _ClassVar[NotCountedReason]
    NOT_COUNTED_REASON_NOTHING_INCREMENTAL: _ClassVar[NotCountedReason]
    NOT_COUNTED_REASON_SUPERSEDED: _ClassVar[NotCountedReason]

class RefundKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUND_KIND_UNSPECIFIED: _ClassVar[RefundKind]
    REFUND_KIND_REFUND: _ClassVar[RefundKind]
    REFUND_KIND_CANCELLATION: _ClassVar[RefundKind]

class EntryKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENTRY_KIND_UNSPECIFIED: _ClassVar[EntryKind]
    ENTRY_KIND_REVENUE: _ClassVar[EntryKind]
    ENTRY_KIND_REFUND: _ClassVar[EntryKind]
    ENTRY_KIND_REVERSAL: _ClassVar[EntryKind]
    ENTRY_KIND_TRUE_UP: _ClassVar[EntryKind]
    ENTRY_KIND_BILLING: _ClassVar[EntryKind]
    ENTRY_KIND_EXPERIMENT_CREDIT: _ClassVar[EntryKind]

class LedgerAccount(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEDGER_ACCOUNT_UNSPECIFIED: _ClassVar[LedgerAccount]
    LEDGER_ACCOUNT_ATTRIBUTED_SALES: _ClassVar[LedgerAccount]
    LEDGER_ACCOUNT_INCREMENTAL_REVENUE: _ClassVar[LedgerAccount]
    LEDGER_ACCOUNT_ACCRUED_FEES: _ClassVar[LedgerAccount]
    LEDGER_ACCOUNT_FEE_INCOME: _ClassVar[LedgerAccount]
    LEDGER_ACCOUNT_BILLED_FEES: _ClassVar[LedgerAccount]
FEE_BASIS_UNSPECIFIED: FeeBasis
FEE_BASIS_NET_SALES: FeeBasis
FEE_BASIS_TOTAL: FeeBasis
FEE_RULE_UNSPECIFIED: FeeRule
FEE_RULE_ATTRIBUTED: FeeRule
FEE_RULE_UPLIFT: FeeRule
FEE_RULE_LESSER_OF: FeeRule
FEE_RULE_EXPERIMENT_ESTIMATE: FeeRule
FEE_RULE_EXPERIMENT_LOWER_BOUND: FeeRule
FEE_RULE_ENDED: FeeRule
READING_REFUSAL_UNSPECIFIED: ReadingRefusal
READING_REFUSAL_SUPERSEDED: ReadingRefusal
READING_REFUSAL_MONTH_CLOSED: ReadingRefusal
NOT_COUNTED_REASON_UNSPECIFIED: NotCountedReason
NOT_COUNTED_REASON_BEFORE_CONNECTION: NotCountedReason
NOT_COUNTED_REASON_NOT_PAID: NotCountedReason
NOT_COUNTED_REASON_TEST_ORDER: NotCountedReason
NOT_COUNTED_REASON_NOTHING_INCREMENTAL: NotCountedReason
NOT_COUNTED_REASON_SUPERSEDED: NotCountedReason
REFUND_KIND_UNSPECIFIED: RefundKind
REFUND_KIND_REFUND: RefundKind
REFUND_KIND_CANCELLATION: RefundKind
ENTRY_KIND_UNSPECIFIED: EntryKind
ENTRY_KIND_REVENUE: EntryKind
ENTRY_KIND_REFUND: EntryKind
ENTRY_KIND_REVERSAL: EntryKind
ENTRY_KIND_TRUE_UP: EntryKind
ENTRY_KIND_BILLING: EntryKind
ENTRY_KIND_EXPERIMENT_CREDIT: EntryKind
LEDGER_ACCOUNT_UNSPECIFIED: LedgerAccount
LEDGER_ACCOUNT_ATTRIBUTED_SALES: LedgerAccount
LEDGER_ACCOUNT_INCREMENTAL_REVENUE: LedgerAccount
LEDGER_ACCOUNT_ACCRUED_FEES: LedgerAccount
LEDGER_ACCOUNT_FEE_INCOME: LedgerAccount
LEDGER_ACCOUNT_BILLED_FEES: LedgerAccount

class BillingMonth(_message.Message):
    __slots__ = ("year", "month")
    YEAR_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    year: int
    month: int
    def __init__(self, year: _Optional[int] = ..., month: _Optional[int] = ...) -> None: ...

class BaselineFigures(_message.Message):
    __slots__ = ("revenue", "monthly_average", "months_available")
    REVENUE_FIELD_NUMBER: _ClassVar[int]
    MONTHLY_AVERAGE_FIELD_NUMBER: _ClassVar[int]
    MONTHS_AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    revenue: _money_pb2.Money
    monthly_average: _money_pb2.Money
    months_available: int
    def __init__(self, revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., monthly_average: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., months_available: _Optional[int] = ...) -> None: ...

class Contract(_message.Message):
    __slots__ = ("version", "fee_rate", "basis", "rule", "settlement_currency", "time_zone", "connected_at", "baseline", "effective_from", "experiment_id", "ended_at", "superseded_by")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    FEE_RATE_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    SETTLEMENT_CURRENCY_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_AT_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FROM_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_BY_FIELD_NUMBER: _ClassVar[int]
    version: int
    fee_rate: str
    basis: FeeBasis
    rule: FeeRule
    settlement_currency: str
    time_zone: str
    connected_at: _timestamp_pb2.Timestamp
    baseline: BaselineFigures
    effective_from: BillingMonth
    experiment_id: str
    ended_at: _timestamp_pb2.Timestamp
    superseded_by: int
    def __init__(self, version: _Optional[int] = ..., fee_rate: _Optional[str] = ..., basis: _Optional[_Union[FeeBasis, str]] = ..., rule: _Optional[_Union[FeeRule, str]] = ..., settlement_currency: _Optional[str] = ..., time_zone: _Optional[str] = ..., connected_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., baseline: _Optional[_Union[BaselineFigures, _Mapping]] = ..., effective_from: _Optional[_Union[BillingMonth, _Mapping]] = ..., experiment_id: _Optional[str] = ..., ended_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., superseded_by: _Optional[int] = ...) -> None: ...

class PutContractRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "contract")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    contract: Contract
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., contract: _Optional[_Union[Contract, _Mapping]] = ...) -> None: ...

class PutContractResponse(_message.Message):
    __slots__ = ("contract",)
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    contract: Contract
    def __init__(self, contract: _Optional[_Union[Contract, _Mapping]] = ...) -> None: ...

class PutContractResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: PutContractResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[PutContractResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class BatchPutContractRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[PutContractRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[PutContractRequest, _Mapping]]] = ...) -> None: ...

class BatchPutContractResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[PutContractResult]
    def __init__(self, results: _Optional[_Iterable[_Union[PutContractResult, _Mapping]]] = ...) -> None: ...

class GetContractRequest(_message.Message):
    __slots__ = ("store_id", "month")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    month: BillingMonth
    def __init__(self, store_id: _Optional[int] = ..., month: _Optional[_Union[BillingMonth, _Mapping]] = ...) -> None: ...

class GetContractResponse(_message.Message):
    __slots__ = ("contract", "versions", "closed_through")
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    CLOSED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    contract: Contract
    versions: _containers.RepeatedCompositeFieldContainer[Contract]
    closed_through: BillingMonth
    def __init__(self, contract: _Optional[_Union[Contract, _Mapping]] = ..., versions: _Optional[_Iterable[_Union[Contract, _Mapping]]] = ..., closed_through: _Optional[_Union[BillingMonth, _Mapping]] = ...) -> None: ...

class Touchpoint(_message.Message):
    __slots__ = ("touchpoint_id", "campaign_id", "signal", "weight", "occurred_at")
    TOUCHPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    touchpoint_id: str
    campaign_id: str
    signal: str
    weight: float
    occurred_at: _timestamp_pb2.Timestamp
    def __init__(self, touchpoint_id: _Optional[str] = ..., campaign_id: _Optional[str] = ..., signal: _Optional[str] = ..., weight: _Optional[float] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RecordIncrementalRevenueRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "lane", "decision_seq", "order_id", "order_amount", "net_sales", "incremental_amount", "confidence", "campaign_id", "touchpoints", "model", "ordered_at", "paid_at", "exchange_rate", "rate_date", "test_order", "incremental_share", "rate_source", "standing")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    DECISION_SEQ_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    NET_SALES_FIELD_NUMBER: _ClassVar[int]
    INCREMENTAL_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    TOUCHPOINTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ORDERED_AT_FIELD_NUMBER: _ClassVar[int]
    PAID_AT_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_RATE_FIELD_NUMBER: _ClassVar[int]
    RATE_DATE_FIELD_NUMBER: _ClassVar[int]
    TEST_ORDER_FIELD_NUMBER: _ClassVar[int]
    INCREMENTAL_SHARE_FIELD_NUMBER: _ClassVar[int]
    RATE_SOURCE_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    lane: _common_pb2.Lane
    decision_seq: int
    order_id: str
    order_amount: _money_pb2.Money
    net_sales: _money_pb2.Money
    incremental_amount: _money_pb2.Money
    confidence: float
    campaign_id: str
    touchpoints: _containers.RepeatedCompositeFieldContainer[Touchpoint]
    model: str
    ordered_at: _timestamp_pb2.Timestamp
    paid_at: _timestamp_pb2.Timestamp
    exchange_rate: str
    rate_date: _date_pb2.Date
    test_order: bool
    incremental_share: str
    rate_source: str
    standing: StandingRefunds
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., lane: _Optional[_Union[_common_pb2.Lane, str]] = ..., decision_seq: _Optional[int] = ..., order_id: _Optional[str] = ..., order_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., net_sales: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., incremental_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., confidence: _Optional[float] = ..., campaign_id: _Optional[str] = ..., touchpoints: _Optional[_Iterable[_Union[Touchpoint, _Mapping]]] = ..., model: _Optional[str] = ..., ordered_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., paid_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., exchange_rate: _Optional[str] = ..., rate_date: _Optional[_Union[_date_pb2.Date, _Mapping]] = ..., test_order: _Optional[bool] = ..., incremental_share: _Optional[str] = ..., rate_source: _Optional[str] = ..., standing: _Optional[_Union[StandingRefunds, _Mapping]] = ...) -> None: ...

class StandingRefunds(_message.Message):
    __slots__ = ("refunds", "cancelled")
    REFUNDS_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    refunds: _containers.RepeatedCompositeFieldContainer[StandingRefund]
    cancelled: bool
    def __init__(self, refunds: _Optional[_Iterable[_Union[StandingRefund, _Mapping]]] = ..., cancelled: _Optional[bool] = ...) -> None: ...

class StandingRefund(_message.Message):
    __slots__ = ("refund_id", "amount", "refunded_at")
    REFUND_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_AT_FIELD_NUMBER: _ClassVar[int]
    refund_id: str
    amount: _money_pb2.Money
    refunded_at: _timestamp_pb2.Timestamp
    def __init__(self, refund_id: _Optional[str] = ..., amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., refunded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RecordIncrementalRevenueResponse(_message.Message):
    __slots__ = ("order_id", "counted", "reason", "fee", "entry_id", "incremental_revenue", "billing_month", "moved_to_open_month", "reversed_revenue", "reversed_fee")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    INCREMENTAL_REVENUE_FIELD_NUMBER: _ClassVar[int]
    BILLING_MONTH_FIELD_NUMBER: _ClassVar[int]
    MOVED_TO_OPEN_MONTH_FIELD_NUMBER: _ClassVar[int]
    REVERSED_REVENUE_FIELD_NUMBER: _ClassVar[int]
    REVERSED_FEE_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    counted: bool
    reason: NotCountedReason
    fee: _money_pb2.Money
    entry_id: str
    incremental_revenue: _money_pb2.Money
    billing_month: BillingMonth
    moved_to_open_month: bool
    reversed_revenue: _money_pb2.Money
    reversed_fee: _money_pb2.Money
    def __init__(self, order_id: _Optional[str] = ..., counted: _Optional[bool] = ..., reason: _Optional[_Union[NotCountedReason, str]] = ..., fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., entry_id: _Optional[str] = ..., incremental_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., billing_month: _Optional[_Union[BillingMonth, _Mapping]] = ..., moved_to_open_month: _Optional[bool] = ..., reversed_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., reversed_fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class RecordIncrementalRevenueResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: RecordIncrementalRevenueResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[RecordIncrementalRevenueResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class BatchRecordIncrementalRevenueRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[RecordIncrementalRevenueRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[RecordIncrementalRevenueRequest, _Mapping]]] = ...) -> None: ...

class BatchRecordIncrementalRevenueResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[RecordIncrementalRevenueResult]
    def __init__(self, results: _Optional[_Iterable[_Union[RecordIncrementalRevenueResult, _Mapping]]] = ...) -> None: ...

class RecordRefundRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "lane", "order_id", "refund_id", "amount", "refunded_at", "kind")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REFUND_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_AT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    lane: _common_pb2.Lane
    order_id: str
    refund_id: str
    amount: _money_pb2.Money
    refunded_at: _timestamp_pb2.Timestamp
    kind: RefundKind
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., lane: _Optional[_Union[_common_pb2.Lane, str]] = ..., order_id: _Optional[str] = ..., refund_id: _Optional[str] = ..., amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., refunded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[_Union[RefundKind, str]] = ...) -> None: ...

class RecordRefundResponse(_message.Message):
    __slots__ = ("order_id", "refund_id", "reversed_revenue", "reversed_fee", "entry_id", "pending", "already_known", "billing_month")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REFUND_ID_FIELD_NUMBER: _ClassVar[int]
    REVERSED_REVENUE_FIELD_NUMBER: _ClassVar[int]
    REVERSED_FEE_FIELD_NUMBER: _ClassVar[int]
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    ALREADY_KNOWN_FIELD_NUMBER: _ClassVar[int]
    BILLING_MONTH_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    refund_id: str
    reversed_revenue: _money_pb2.Money
    reversed_fee: _money_pb2.Money
    entry_id: str
    pending: bool
    already_known: bool
    billing_month: BillingMonth
    def __init__(self, order_id: _Optional[str] = ..., refund_id: _Optional[str] = ..., reversed_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., reversed_fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., entry_id: _Optional[str] = ..., pending: _Optional[bool] = ..., already_known: _Optional[bool] = ..., billing_month: _Optional[_Union[BillingMonth, _Mapping]] = ...) -> None: ...

class RecordRefundResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: RecordRefundResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[RecordRefundResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class BatchRecordRefundRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[RecordRefundRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[RecordRefundRequest, _Mapping]]] = ...) -> None: ...

class BatchRecordRefundResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[RecordRefundResult]
    def __init__(self, results: _Optional[_Iterable[_Union[RecordRefundResult, _Mapping]]] = ...) -> None: ...

class ReverseOrderRevenueRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "lane", "decision_seq", "order_id", "reason")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    DECISION_SEQ_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    lane: _common_pb2.Lane
    decision_seq: int
    order_id: str
    reason: str
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., lane: _Optional[_Union[_common_pb2.Lane, str]] = ..., decision_seq: _Optional[int] = ..., order_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ReverseOrderRevenueResponse(_message.Message):
    __slots__ = ("order_id", "reversed_revenue", "reversed_fee", "entry_id", "applied", "billing_month")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REVERSED_REVENUE_FIELD_NUMBER: _ClassVar[int]
    REVERSED_FEE_FIELD_NUMBER: _ClassVar[int]
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    BILLING_MONTH_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    reversed_revenue: _money_pb2.Money
    reversed_fee: _money_pb2.Money
    entry_id: str
    applied: bool
    billing_month: BillingMonth
    def __init__(self, order_id: _Optional[str] = ..., reversed_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., reversed_fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., entry_id: _Optional[str] = ..., applied: _Optional[bool] = ..., billing_month: _Optional[_Union[BillingMonth, _Mapping]] = ...) -> None: ...

class ReverseOrderRevenueResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: ReverseOrderRevenueResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[ReverseOrderRevenueResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class BatchReverseOrderRevenueRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[ReverseOrderRevenueRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[ReverseOrderRevenueRequest, _Mapping]]] = ...) -> None: ...

class BatchReverseOrderRevenueResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ReverseOrderRevenueResult]
    def __init__(self, results: _Optional[_Iterable[_Union[ReverseOrderRevenueResult, _Mapping]]] = ...) -> None: ...

class RecordExperimentReadingRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "lane", "experiment_id", "month", "revision", "estimate", "lower_bound", "started_at", "as_of", "users", "final", "plan_digest")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ESTIMATE_FIELD_NUMBER: _ClassVar[int]
    LOWER_BOUND_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    PLAN_DIGEST_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    lane: _common_pb2.Lane
    experiment_id: str
    month: BillingMonth
    revision: int
    estimate: _money_pb2.Money
    lower_bound: _money_pb2.Money
    started_at: _timestamp_pb2.Timestamp
    as_of: _timestamp_pb2.Timestamp
    users: int
    final: bool
    plan_digest: str
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., lane: _Optional[_Union[_common_pb2.Lane, str]] = ..., experiment_id: _Optional[str] = ..., month: _Optional[_Union[BillingMonth, _Mapping]] = ..., revision: _Optional[int] = ..., estimate: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., lower_bound: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., users: _Optional[int] = ..., final: _Optional[bool] = ..., plan_digest: _Optional[str] = ...) -> None: ...

class RecordExperimentReadingResponse(_message.Message):
    __slots__ = ("experiment_id", "month", "applied", "refusal")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    month: BillingMonth
    applied: bool
    refusal: ReadingRefusal
    def __init__(self, experiment_id: _Optional[str] = ..., month: _Optional[_Union[BillingMonth, _Mapping]] = ..., applied: _Optional[bool] = ..., refusal: _Optional[_Union[ReadingRefusal, str]] = ...) -> None: ...

class ExperimentCredit(_message.Message):
    __slots__ = ("experiment_id", "carry_before", "credited_revenue", "fee", "carry")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CARRY_BEFORE_FIELD_NUMBER: _ClassVar[int]
    CREDITED_REVENUE_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    CARRY_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    carry_before: _money_pb2.Money
    credited_revenue: _money_pb2.Money
    fee: _money_pb2.Money
    carry: _money_pb2.Money
    def __init__(self, experiment_id: _Optional[str] = ..., carry_before: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., credited_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., carry: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class ExperimentRefundCredit(_message.Message):
    __slots__ = ("experiment_id", "first_month", "billed_revenue", "attributed_revenue", "given_back_revenue", "credited_revenue", "fee", "last_reading")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_MONTH_FIELD_NUMBER: _ClassVar[int]
    BILLED_REVENUE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTED_REVENUE_FIELD_NUMBER: _ClassVar[int]
    GIVEN_BACK_REVENUE_FIELD_NUMBER: _ClassVar[int]
    CREDITED_REVENUE_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    LAST_READING_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    first_month: BillingMonth
    billed_revenue: _money_pb2.Money
    attributed_revenue: _money_pb2.Money
    given_back_revenue: _money_pb2.Money
    credited_revenue: _money_pb2.Money
    fee: _money_pb2.Money
    last_reading: BillingMonth
    def __init__(self, experiment_id: _Optional[str] = ..., first_month: _Optional[_Union[BillingMonth, _Mapping]] = ..., billed_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., attributed_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., given_back_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., credited_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., last_reading: _Optional[_Union[BillingMonth, _Mapping]] = ...) -> None: ...

class ExperimentBill(_message.Message):
    __slots__ = ("experiment_id", "estimate", "lower_bound", "target", "target_before", "carry_before", "billed_revenue", "carry", "as_of", "users", "plan_digest")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    ESTIMATE_FIELD_NUMBER: _ClassVar[int]
    LOWER_BOUND_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    TARGET_BEFORE_FIELD_NUMBER: _ClassVar[int]
    CARRY_BEFORE_FIELD_NUMBER: _ClassVar[int]
    BILLED_REVENUE_FIELD_NUMBER: _ClassVar[int]
    CARRY_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    PLAN_DIGEST_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    estimate: _money_pb2.Money
    lower_bound: _money_pb2.Money
    target: _money_pb2.Money
    target_before: _money_pb2.Money
    carry_before: _money_pb2.Money
    billed_revenue: _money_pb2.Money
    carry: _money_pb2.Money
    as_of: _timestamp_pb2.Timestamp
    users: int
    plan_digest: str
    def __init__(self, experiment_id: _Optional[str] = ..., estimate: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., lower_bound: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., target: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., target_before: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., carry_before: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., billed_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., carry: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., users: _Optional[int] = ..., plan_digest: _Optional[str] = ...) -> None: ...

class RevenueFigures(_message.Message):
    __slots__ = ("current_revenue", "baseline_revenue", "baseline_months_available")
    CURRENT_REVENUE_FIELD_NUMBER: _ClassVar[int]
    BASELINE_REVENUE_FIELD_NUMBER: _ClassVar[int]
    BASELINE_MONTHS_AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    current_revenue: _money_pb2.Money
    baseline_revenue: _money_pb2.Money
    baseline_months_available: int
    def __init__(self, current_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., baseline_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., baseline_months_available: _Optional[int] = ...) -> None: ...

class CalculateSuccessFeeRequest(_message.Message):
    __slots__ = ("store_id", "period", "figures")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    period: _common_pb2.Period
    figures: RevenueFigures
    def __init__(self, store_id: _Optional[int] = ..., period: _Optional[_Union[_common_pb2.Period, _Mapping]] = ..., figures: _Optional[_Union[RevenueFigures, _Mapping]] = ...) -> None: ...

class CalculateSuccessFeeResponse(_message.Message):
    __slots__ = ("baseline_revenue", "current_revenue", "incremental_revenue", "growth_percent", "fee", "attributed_orders", "mean_confidence", "accrued_fee", "problem")
    BASELINE_REVENUE_FIELD_NUMBER: _ClassVar[int]
    CURRENT_REVENUE_FIELD_NUMBER: _ClassVar[int]
    INCREMENTAL_REVENUE_FIELD_NUMBER: _ClassVar[int]
    GROWTH_PERCENT_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTED_ORDERS_FIELD_NUMBER: _ClassVar[int]
    MEAN_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    ACCRUED_FEE_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    baseline_revenue: _money_pb2.Money
    current_revenue: _money_pb2.Money
    incremental_revenue: _money_pb2.Money
    growth_percent: float
    fee: _money_pb2.Money
    attributed_orders: int
    mean_confidence: float
    accrued_fee: _money_pb2.Money
    problem: str
    def __init__(self, baseline_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., current_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., incremental_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., growth_percent: _Optional[float] = ..., fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., attributed_orders: _Optional[int] = ..., mean_confidence: _Optional[float] = ..., accrued_fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., problem: _Optional[str] = ...) -> None: ...

class GetOrderAttributionRequest(_message.Message):
    __slots__ = ("store_id", "order_id")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    order_id: str
    def __init__(self, store_id: _Optional[int] = ..., order_id: _Optional[str] = ...) -> None: ...

class GetOrderAttributionResponse(_message.Message):
    __slots__ = ("attributed", "confidence", "campaign_id", "touchpoints", "incremental_revenue", "fee", "reversed_revenue", "reversed_fee", "reason", "billing_month", "entry_id", "refunded", "model")
    ATTRIBUTED_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    TOUCHPOINTS_FIELD_NUMBER: _ClassVar[int]
    INCREMENTAL_REVENUE_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    REVERSED_REVENUE_FIELD_NUMBER: _ClassVar[int]
    REVERSED_FEE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BILLING_MONTH_FIELD_NUMBER: _ClassVar[int]
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    attributed: bool
    confidence: float
    campaign_id: str
    touchpoints: _containers.RepeatedCompositeFieldContainer[Touchpoint]
    incremental_revenue: _money_pb2.Money
    fee: _money_pb2.Money
    reversed_revenue: _money_pb2.Money
    reversed_fee: _money_pb2.Money
    reason: NotCountedReason
    billing_month: BillingMonth
    entry_id: str
    refunded: _money_pb2.Money
    model: str
    def __init__(self, attributed: _Optional[bool] = ..., confidence: _Optional[float] = ..., campaign_id: _Optional[str] = ..., touchpoints: _Optional[_Iterable[_Union[Touchpoint, _Mapping]]] = ..., incremental_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., reversed_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., reversed_fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., reason: _Optional[_Union[NotCountedReason, str]] = ..., billing_month: _Optional[_Union[BillingMonth, _Mapping]] = ..., entry_id: _Optional[str] = ..., refunded: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., model: _Optional[str] = ...) -> None: ...

class GetMonthlyStatementRequest(_message.Message):
    __slots__ = ("store_id", "year", "month", "figures", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    year: int
    month: int
    figures: RevenueFigures
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[int] = ..., year: _Optional[int] = ..., month: _Optional[int] = ..., figures: _Optional[_Union[RevenueFigures, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class StatementLine(_message.Message):
    __slots__ = ("entry_id", "kind", "order_id", "refund_id", "ordered_at", "paid_at", "order_amount", "incremental_revenue", "fee", "confidence", "campaign_id", "touchpoints", "correction", "exchange_rate", "rate_date", "recorded_at", "model", "fee_rate", "net_sales", "incremental_share", "counted_amount", "booking_id", "booked_revenue", "booked_fee", "reversed_revenue", "reversed_fee", "returned_amount", "corrects", "rate_source")
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REFUND_ID_FIELD_NUMBER: _ClassVar[int]
    ORDERED_AT_FIELD_NUMBER: _ClassVar[int]
    PAID_AT_FIELD_NUMBER: _ClassVar[int]
    ORDER_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    INCREMENTAL_REVENUE_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    TOUCHPOINTS_FIELD_NUMBER: _ClassVar[int]
    CORRECTION_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_RATE_FIELD_NUMBER: _ClassVar[int]
    RATE_DATE_FIELD_NUMBER: _ClassVar[int]
    RECORDED_AT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    FEE_RATE_FIELD_NUMBER: _ClassVar[int]
    NET_SALES_FIELD_NUMBER: _ClassVar[int]
    INCREMENTAL_SHARE_FIELD_NUMBER: _ClassVar[int]
    COUNTED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    BOOKING_ID_FIELD_NUMBER: _ClassVar[int]
    BOOKED_REVENUE_FIELD_NUMBER: _ClassVar[int]
    BOOKED_FEE_FIELD_NUMBER: _ClassVar[int]
    REVERSED_REVENUE_FIELD_NUMBER: _ClassVar[int]
    REVERSED_FEE_FIELD_NUMBER: _ClassVar[int]
    RETURNED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CORRECTS_FIELD_NUMBER: _ClassVar[int]
    RATE_SOURCE_FIELD_NUMBER: _ClassVar[int]
    entry_id: str
    kind: EntryKind
    order_id: str
    refund_id: str
    ordered_at: _timestamp_pb2.Timestamp
    paid_at: _timestamp_pb2.Timestamp
    order_amount: _money_pb2.Money
    incremental_revenue: _money_pb2.Money
    fee: _money_pb2.Money
    confidence: float
    campaign_id: str
    touchpoints: _containers.RepeatedCompositeFieldContainer[Touchpoint]
    correction: bool
    exchange_rate: str
    rate_date: _date_pb2.Date
    recorded_at: _timestamp_pb2.Timestamp
    model: str
    fee_rate: str
    net_sales: _money_pb2.Money
    incremental_share: str
    counted_amount: _money_pb2.Money
    booking_id: str
    booked_revenue: _money_pb2.Money
    booked_fee: _money_pb2.Money
    reversed_revenue: _money_pb2.Money
    reversed_fee: _money_pb2.Money
    returned_amount: _money_pb2.Money
    corrects: BillingMonth
    rate_source: str
    def __init__(self, entry_id: _Optional[str] = ..., kind: _Optional[_Union[EntryKind, str]] = ..., order_id: _Optional[str] = ..., refund_id: _Optional[str] = ..., ordered_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., paid_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., order_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., incremental_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., confidence: _Optional[float] = ..., campaign_id: _Optional[str] = ..., touchpoints: _Optional[_Iterable[_Union[Touchpoint, _Mapping]]] = ..., correction: _Optional[bool] = ..., exchange_rate: _Optional[str] = ..., rate_date: _Optional[_Union[_date_pb2.Date, _Mapping]] = ..., recorded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., model: _Optional[str] = ..., fee_rate: _Optional[str] = ..., net_sales: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., incremental_share: _Optional[str] = ..., counted_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., booking_id: _Optional[str] = ..., booked_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., booked_fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., reversed_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., reversed_fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., returned_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., corrects: _Optional[_Union[BillingMonth, _Mapping]] = ..., rate_source: _Optional[str] = ...) -> None: ...

class MonthCorrection(_message.Message):
    __slots__ = ("month", "rule", "fee_rate", "revenue_before", "revenue", "counted_before", "counted_after", "fee", "stated_revenue", "stated_current_revenue", "stated_baseline_revenue", "fallen_revenue", "fallen_before")
    MONTH_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    FEE_RATE_FIELD_NUMBER: _ClassVar[int]
    REVENUE_BEFORE_FIELD_NUMBER: _ClassVar[int]
    REVENUE_FIELD_NUMBER: _ClassVar[int]
    COUNTED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    COUNTED_AFTER_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    STATED_REVENUE_FIELD_NUMBER: _ClassVar[int]
    STATED_CURRENT_REVENUE_FIELD_NUMBER: _ClassVar[int]
    STATED_BASELINE_REVENUE_FIELD_NUMBER: _ClassVar[int]
    FALLEN_REVENUE_FIELD_NUMBER: _ClassVar[int]
    FALLEN_BEFORE_FIELD_NUMBER: _ClassVar[int]
    month: BillingMonth
    rule: FeeRule
    fee_rate: str
    revenue_before: _money_pb2.Money
    revenue: _money_pb2.Money
    counted_before: _money_pb2.Money
    counted_after: _money_pb2.Money
    fee: _money_pb2.Money
    stated_revenue: _money_pb2.Money
    stated_current_revenue: _money_pb2.Money
    stated_baseline_revenue: _money_pb2.Money
    fallen_revenue: _money_pb2.Money
    fallen_before: _money_pb2.Money
    def __init__(self, month: _Optional[_Union[BillingMonth, _Mapping]] = ..., rule: _Optional[_Union[FeeRule, str]] = ..., fee_rate: _Optional[str] = ..., revenue_before: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., counted_before: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., counted_after: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., stated_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., stated_current_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., stated_baseline_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., fallen_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., fallen_before: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class Statement(_message.Message):
    __slots__ = ("store_id", "year", "month", "period", "contract", "baseline_revenue", "current_revenue", "incremental_revenue", "growth_percent", "fee_revenue", "fee", "accrued_fee", "true_up", "attributed_orders", "mean_confidence", "refunded_revenue", "corrected_revenue", "line_count", "closed", "closed_at", "problem", "experiment", "corrections_by_reading", "experiment_credit", "experiment_refunds", "compared", "whole_baseline_revenue", "corrections", "format", "number")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    BASELINE_REVENUE_FIELD_NUMBER: _ClassVar[int]
    CURRENT_REVENUE_FIELD_NUMBER: _ClassVar[int]
    INCREMENTAL_REVENUE_FIELD_NUMBER: _ClassVar[int]
    GROWTH_PERCENT_FIELD_NUMBER: _ClassVar[int]
    FEE_REVENUE_FIELD_NUMBER: _ClassVar[int]
    FEE_FIELD_NUMBER: _ClassVar[int]
    ACCRUED_FEE_FIELD_NUMBER: _ClassVar[int]
    TRUE_UP_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTED_ORDERS_FIELD_NUMBER: _ClassVar[int]
    MEAN_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    REFUNDED_REVENUE_FIELD_NUMBER: _ClassVar[int]
    CORRECTED_REVENUE_FIELD_NUMBER: _ClassVar[int]
    LINE_COUNT_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    CLOSED_AT_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    CORRECTIONS_BY_READING_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_CREDIT_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_REFUNDS_FIELD_NUMBER: _ClassVar[int]
    COMPARED_FIELD_NUMBER: _ClassVar[int]
    WHOLE_BASELINE_REVENUE_FIELD_NUMBER: _ClassVar[int]
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    year: int
    month: int
    period: _common_pb2.Period
    contract: Contract
    baseline_revenue: _money_pb2.Money
    current_revenue: _money_pb2.Money
    incremental_revenue: _money_pb2.Money
    growth_percent: float
    fee_revenue: _money_pb2.Money
    fee: _money_pb2.Money
    accrued_fee: _money_pb2.Money
    true_up: _money_pb2.Money
    attributed_orders: int
    mean_confidence: float
    refunded_revenue: _money_pb2.Money
    corrected_revenue: _money_pb2.Money
    line_count: int
    closed: bool
    closed_at: _timestamp_pb2.Timestamp
    problem: str
    experiment: ExperimentBill
    corrections_by_reading: _money_pb2.Money
    experiment_credit: ExperimentCredit
    experiment_refunds: _containers.RepeatedCompositeFieldContainer[ExperimentRefundCredit]
    compared: _containers.RepeatedCompositeFieldContainer[_common_pb2.Period]
    whole_baseline_revenue: _money_pb2.Money
    corrections: _containers.RepeatedCompositeFieldContainer[MonthCorrection]
    format: int
    number: int
    def __init__(self, store_id: _Optional[int] = ..., year: _Optional[int] = ..., month: _Optional[int] = ..., period: _Optional[_Union[_common_pb2.Period, _Mapping]] = ..., contract: _Optional[_Union[Contract, _Mapping]] = ..., baseline_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., current_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., incremental_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., growth_percent: _Optional[float] = ..., fee_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., accrued_fee: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., true_up: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., attributed_orders: _Optional[int] = ..., mean_confidence: _Optional[float] = ..., refunded_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., corrected_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., line_count: _Optional[int] = ..., closed: _Optional[bool] = ..., closed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., problem: _Optional[str] = ..., experiment: _Optional[_Union[ExperimentBill, _Mapping]] = ..., corrections_by_reading: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., experiment_credit: _Optional[_Union[ExperimentCredit, _Mapping]] = ..., experiment_refunds: _Optional[_Iterable[_Union[ExperimentRefundCredit, _Mapping]]] = ..., compared: _Optional[_Iterable[_Union[_common_pb2.Period, _Mapping]]] = ..., whole_baseline_revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., corrections: _Optional[_Iterable[_Union[MonthCorrection, _Mapping]]] = ..., format: _Optional[int] = ..., number: _Optional[int] = ...) -> None: ...

class GetMonthlyStatementResponse(_message.Message):
    __slots__ = ("statement", "lines", "next_page_token", "digest")
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    statement: Statement
    lines: _containers.RepeatedCompositeFieldContainer[StatementLine]
    next_page_token: str
    digest: bytes
    def __init__(self, statement: _Optional[_Union[Statement, _Mapping]] = ..., lines: _Optional[_Iterable[_Union[StatementLine, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., digest: _Optional[bytes] = ...) -> None: ...

class CloseMonthRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "year", "month", "figures")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    year: int
    month: int
    figures: RevenueFigures
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., year: _Optional[int] = ..., month: _Optional[int] = ..., figures: _Optional[_Union[RevenueFigures, _Mapping]] = ...) -> None: ...

class CloseMonthResponse(_message.Message):
    __slots__ = ("statement", "digest")
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    statement: Statement
    digest: bytes
    def __init__(self, statement: _Optional[_Union[Statement, _Mapping]] = ..., digest: _Optional[bytes] = ...) -> None: ...

class ListEntriesRequest(_message.Message):
    __slots__ = ("store_id", "month", "order_id", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    month: BillingMonth
    order_id: str
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[int] = ..., month: _Optional[_Union[BillingMonth, _Mapping]] = ..., order_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class Posting(_message.Message):
    __slots__ = ("account", "amount")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    account: LedgerAccount
    amount: _money_pb2.Money
    def __init__(self, account: _Optional[_Union[LedgerAccount, str]] = ..., amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("entry_id", "kind", "billing_month", "order_id", "refund_id", "recorded_at", "postings", "reason")
    ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    BILLING_MONTH_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    REFUND_ID_FIELD_NUMBER: _ClassVar[int]
    RECORDED_AT_FIELD_NUMBER: _ClassVar[int]
    POSTINGS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    entry_id: str
    kind: EntryKind
    billing_month: BillingMonth
    order_id: str
    refund_id: str
    recorded_at: _timestamp_pb2.Timestamp
    postings: _containers.RepeatedCompositeFieldContainer[Posting]
    reason: str
    def __init__(self, entry_id: _Optional[str] = ..., kind: _Optional[_Union[EntryKind, str]] = ..., billing_month: _Optional[_Union[BillingMonth, _Mapping]] = ..., order_id: _Optional[str] = ..., refund_id: _Optional[str] = ..., recorded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., postings: _Optional[_Iterable[_Union[Posting, _Mapping]]] = ..., reason: _Optional[str] = ...) -> None: ...

class ListEntriesResponse(_message.Message):
    __slots__ = ("entries", "next_page_token")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    next_page_token: str
    def __init__(self, entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class VerifyLedgerRequest(_message.Message):
    __slots__ = ("store_id",)
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    def __init__(self, store_id: _Optional[int] = ...) -> None: ...

class LedgerProblem(_message.Message):
    __slots__ = ("kind", "store_id", "subject", "detail")
    KIND_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    kind: str
    store_id: int
    subject: str
    detail: str
    def __init__(self, kind: _Optional[str] = ..., store_id: _Optional[int] = ..., subject: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class AccountBalance(_message.Message):
    __slots__ = ("account", "balance", "store_id")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    account: LedgerAccount
    balance: _money_pb2.Money
    store_id: int
    def __init__(self, account: _Optional[_Union[LedgerAccount, str]] = ..., balance: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., store_id: _Optional[int] = ...) -> None: ...

class VerifyLedgerResponse(_message.Message):
    __slots__ = ("ok", "entries", "postings", "problems", "balances")
    OK_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    POSTINGS_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    BALANCES_FIELD_NUMBER: _ClassVar[int]
    ok: bool
    entries: int
    postings: int
    problems: _containers.RepeatedCompositeFieldContainer[LedgerProblem]
    balances: _containers.RepeatedCompositeFieldContainer[AccountBalance]
    def __init__(self, ok: _Optional[bool] = ..., entries: _Optional[int] = ..., postings: _Optional[int] = ..., problems: _Optional[_Iterable[_Union[LedgerProblem, _Mapping]]] = ..., balances: _Optional[_Iterable[_Union[AccountBalance, _Mapping]]] = ...) -> None: ...

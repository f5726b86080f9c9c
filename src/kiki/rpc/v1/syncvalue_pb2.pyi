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

class OrderSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_SOURCE_UNSPECIFIED: _ClassVar[OrderSource]
    ORDER_SOURCE_LIVE: _ClassVar[OrderSource]
    ORDER_SOURCE_HISTORY: _ClassVar[OrderSource]

class CustomerSegment(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CUSTOMER_SEGMENT_UNSPECIFIED: _ClassVar[CustomerSegment]
    CUSTOMER_SEGMENT_HIGH: _ClassVar[CustomerSegment]
    CUSTOMER_SEGMENT_MEDIUM: _ClassVar[CustomerSegment]
    CUSTOMER_SEGMENT_LOW: _ClassVar[CustomerSegment]

class RevenueBasis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVENUE_BASIS_UNSPECIFIED: _ClassVar[RevenueBasis]
    REVENUE_BASIS_NET_SALES: _ClassVar[RevenueBasis]
    REVENUE_BASIS_TOTAL: _ClassVar[RevenueBasis]

class BaselineMethod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BASELINE_METHOD_UNSPECIFIED: _ClassVar[BaselineMethod]
    BASELINE_METHOD_PLAIN_AVERAGE: _ClassVar[BaselineMethod]
    BASELINE_METHOD_SEASONAL: _ClassVar[BaselineMethod]

class ModelChoice(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_CHOICE_UNSPECIFIED: _ClassVar[ModelChoice]
    MODEL_CHOICE_BACK_TEST: _ClassVar[ModelChoice]
    MODEL_CHOICE_PRIOR: _ClassVar[ModelChoice]
ORDER_SOURCE_UNSPECIFIED: OrderSource
ORDER_SOURCE_LIVE: OrderSource
ORDER_SOURCE_HISTORY: OrderSource
CUSTOMER_SEGMENT_UNSPECIFIED: CustomerSegment
CUSTOMER_SEGMENT_HIGH: CustomerSegment
CUSTOMER_SEGMENT_MEDIUM: CustomerSegment
CUSTOMER_SEGMENT_LOW: CustomerSegment
REVENUE_BASIS_UNSPECIFIED: RevenueBasis
REVENUE_BASIS_NET_SALES: RevenueBasis
REVENUE_BASIS_TOTAL: RevenueBasis
BASELINE_METHOD_UNSPECIFIED: BaselineMethod
BASELINE_METHOD_PLAIN_AVERAGE: BaselineMethod
BASELINE_METHOD_SEASONAL: BaselineMethod
MODEL_CHOICE_UNSPECIFIED: ModelChoice
MODEL_CHOICE_BACK_TEST: ModelChoice
MODEL_CHOICE_PRIOR: ModelChoice

class UpdateCustomerLTVRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "lane", "decision_seq", "customer_key", "order_id", "order_amount", "net_sales", "ordered_at", "paid_at", "first_order", "source", "cancelled", "items")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    DECISION_SEQ_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    NET_SALES_FIELD_NUMBER: _ClassVar[int]
    ORDERED_AT_FIELD_NUMBER: _ClassVar[int]
    PAID_AT_FIELD_NUMBER: _ClassVar[int]
    FIRST_ORDER_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    lane: _common_pb2.Lane
    decision_seq: int
    customer_key: str
    order_id: str
    order_amount: _money_pb2.Money
    net_sales: _money_pb2.Money
    ordered_at: _timestamp_pb2.Timestamp
    paid_at: _timestamp_pb2.Timestamp
    first_order: bool
    source: OrderSource
    cancelled: bool
    items: _containers.RepeatedCompositeFieldContainer[_common_pb2.OrderLineItem]
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., lane: _Optional[_Union[_common_pb2.Lane, str]] = ..., decision_seq: _Optional[int] = ..., customer_key: _Optional[str] = ..., order_id: _Optional[str] = ..., order_amount: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., net_sales: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., ordered_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., paid_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., first_order: _Optional[bool] = ..., source: _Optional[_Union[OrderSource, str]] = ..., cancelled: _Optional[bool] = ..., items: _Optional[_Iterable[_Union[_common_pb2.OrderLineItem, _Mapping]]] = ...) -> None: ...

class UpdateCustomerLTVResponse(_message.Message):
    __slots__ = ("order_id", "customer_key", "predicted_ltv", "confidence", "churn_risk", "segment", "order_count", "total_spent", "applied", "lifetime_value", "interval_low", "interval_high", "p_alive", "model_version")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    PREDICTED_LTV_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    CHURN_RISK_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    ORDER_COUNT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SPENT_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_VALUE_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_LOW_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_HIGH_FIELD_NUMBER: _ClassVar[int]
    P_ALIVE_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    customer_key: str
    predicted_ltv: _money_pb2.Money
    confidence: float
    churn_risk: float
    segment: CustomerSegment
    order_count: int
    total_spent: _money_pb2.Money
    applied: bool
    lifetime_value: _money_pb2.Money
    interval_low: _money_pb2.Money
    interval_high: _money_pb2.Money
    p_alive: float
    model_version: int
    def __init__(self, order_id: _Optional[str] = ..., customer_key: _Optional[str] = ..., predicted_ltv: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., confidence: _Optional[float] = ..., churn_risk: _Optional[float] = ..., segment: _Optional[_Union[CustomerSegment, str]] = ..., order_count: _Optional[int] = ..., total_spent: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., applied: _Optional[bool] = ..., lifetime_value: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., interval_low: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., interval_high: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., p_alive: _Optional[float] = ..., model_version: _Optional[int] = ...) -> None: ...

class UpdateCustomerLTVResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: UpdateCustomerLTVResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[UpdateCustomerLTVResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class BatchUpdateOrdersRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[UpdateCustomerLTVRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[UpdateCustomerLTVRequest, _Mapping]]] = ...) -> None: ...

class BatchUpdateOrdersResponse(_message.Message):
    __slots__ = ("results", "processed", "failed")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    PROCESSED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[UpdateCustomerLTVResult]
    processed: int
    failed: int
    def __init__(self, results: _Optional[_Iterable[_Union[UpdateCustomerLTVResult, _Mapping]]] = ..., processed: _Optional[int] = ..., failed: _Optional[int] = ...) -> None: ...

class GetCustomerLTVRequest(_message.Message):
    __slots__ = ("store_id", "customer_key", "as_of")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    customer_key: str
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., customer_key: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetCustomerLTVResponse(_message.Message):
    __slots__ = ("customer_key", "predicted_ltv", "confidence", "churn_risk", "segment", "order_count", "total_spent", "first_order_at", "last_order_at", "expected_orders", "model", "lifetime_value", "interval_low", "interval_high", "p_alive", "model_version", "valued_at")
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    PREDICTED_LTV_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    CHURN_RISK_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    ORDER_COUNT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SPENT_FIELD_NUMBER: _ClassVar[int]
    FIRST_ORDER_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_ORDER_AT_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ORDERS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_VALUE_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_LOW_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_HIGH_FIELD_NUMBER: _ClassVar[int]
    P_ALIVE_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    VALUED_AT_FIELD_NUMBER: _ClassVar[int]
    customer_key: str
    predicted_ltv: _money_pb2.Money
    confidence: float
    churn_risk: float
    segment: CustomerSegment
    order_count: int
    total_spent: _money_pb2.Money
    first_order_at: _timestamp_pb2.Timestamp
    last_order_at: _timestamp_pb2.Timestamp
    expected_orders: float
    model: str
    lifetime_value: _money_pb2.Money
    interval_low: _money_pb2.Money
    interval_high: _money_pb2.Money
    p_alive: float
    model_version: int
    valued_at: _timestamp_pb2.Timestamp
    def __init__(self, customer_key: _Optional[str] = ..., predicted_ltv: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., confidence: _Optional[float] = ..., churn_risk: _Optional[float] = ..., segment: _Optional[_Union[CustomerSegment, str]] = ..., order_count: _Optional[int] = ..., total_spent: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., first_order_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_order_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expected_orders: _Optional[float] = ..., model: _Optional[str] = ..., lifetime_value: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., interval_low: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., interval_high: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., p_alive: _Optional[float] = ..., model_version: _Optional[int] = ..., valued_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ("store_id", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models", "next_page_token")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[ValueModel]
    next_page_token: str
    def __init__(self, models: _Optional[_Iterable[_Union[ValueModel, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ValueModel(_message.Message):
    __slots__ = ("version", "name", "unit", "currency", "parameters", "standard_errors", "spend_parameters", "choice", "reason", "own_weight", "prior_stores", "customers", "purchases", "log_likelihood", "warnings", "yearly_discount", "fitted_at")
    class ParametersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class StandardErrorsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class SpendParametersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    VERSION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    STANDARD_ERRORS_FIELD_NUMBER: _ClassVar[int]
    SPEND_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    CHOICE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OWN_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    PRIOR_STORES_FIELD_NUMBER: _ClassVar[int]
    CUSTOMERS_FIELD_NUMBER: _ClassVar[int]
    PURCHASES_FIELD_NUMBER: _ClassVar[int]
    LOG_LIKELIHOOD_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    YEARLY_DISCOUNT_FIELD_NUMBER: _ClassVar[int]
    FITTED_AT_FIELD_NUMBER: _ClassVar[int]
    version: int
    name: str
    unit: str
    currency: str
    parameters: _containers.ScalarMap[str, float]
    standard_errors: _containers.ScalarMap[str, float]
    spend_parameters: _containers.ScalarMap[str, float]
    choice: ModelChoice
    reason: str
    own_weight: float
    prior_stores: int
    customers: int
    purchases: int
    log_likelihood: float
    warnings: _containers.RepeatedScalarFieldContainer[str]
    yearly_discount: float
    fitted_at: _timestamp_pb2.Timestamp
    def __init__(self, version: _Optional[int] = ..., name: _Optional[str] = ..., unit: _Optional[str] = ..., currency: _Optional[str] = ..., parameters: _Optional[_Mapping[str, float]] = ..., standard_errors: _Optional[_Mapping[str, float]] = ..., spend_parameters: _Optional[_Mapping[str, float]] = ..., choice: _Optional[_Union[ModelChoice, str]] = ..., reason: _Optional[str] = ..., own_weight: _Optional[float] = ..., prior_stores: _Optional[int] = ..., customers: _Optional[int] = ..., purchases: _Optional[int] = ..., log_likelihood: _Optional[float] = ..., warnings: _Optional[_Iterable[str]] = ..., yearly_discount: _Optional[float] = ..., fitted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetAccuracyRequest(_message.Message):
    __slots__ = ("store_id", "version")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    version: int
    def __init__(self, store_id: _Optional[int] = ..., version: _Optional[int] = ...) -> None: ...

class PredictionErrors(_message.Message):
    __slots__ = ("mae", "rmse", "expected_total", "actual_total")
    MAE_FIELD_NUMBER: _ClassVar[int]
    RMSE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_TOTAL_FIELD_NUMBER: _ClassVar[int]
    mae: float
    rmse: float
    expected_total: float
    actual_total: float
    def __init__(self, mae: _Optional[float] = ..., rmse: _Optional[float] = ..., expected_total: _Optional[float] = ..., actual_total: _Optional[float] = ...) -> None: ...

class CalibrationDecile(_message.Message):
    __slots__ = ("decile", "customers", "expected", "actual", "standard_error")
    DECILE_FIELD_NUMBER: _ClassVar[int]
    CUSTOMERS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_FIELD_NUMBER: _ClassVar[int]
    STANDARD_ERROR_FIELD_NUMBER: _ClassVar[int]
    decile: int
    customers: int
    expected: float
    actual: float
    standard_error: float
    def __init__(self, decile: _Optional[int] = ..., customers: _Optional[int] = ..., expected: _Optional[float] = ..., actual: _Optional[float] = ..., standard_error: _Optional[float] = ...) -> None: ...

class PurchaseCount(_message.Message):
    __slots__ = ("purchases", "expected", "actual")
    PURCHASES_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_FIELD_NUMBER: _ClassVar[int]
    purchases: int
    expected: float
    actual: int
    def __init__(self, purchases: _Optional[int] = ..., expected: _Optional[float] = ..., actual: _Optional[int] = ...) -> None: ...

class IntervalCoverage(_message.Message):
    __slots__ = ("level", "covered", "customers", "mean_width", "likely_covered", "likely_customers", "exact_covered", "served_of_exact_covered")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    COVERED_FIELD_NUMBER: _ClassVar[int]
    CUSTOMERS_FIELD_NUMBER: _ClassVar[int]
    MEAN_WIDTH_FIELD_NUMBER: _ClassVar[int]
    LIKELY_COVERED_FIELD_NUMBER: _ClassVar[int]
    LIKELY_CUSTOMERS_FIELD_NUMBER: _ClassVar[int]
    EXACT_COVERED_FIELD_NUMBER: _ClassVar[int]
    SERVED_OF_EXACT_COVERED_FIELD_NUMBER: _ClassVar[int]
    level: float
    covered: float
    customers: int
    mean_width: float
    likely_covered: float
    likely_customers: int
    exact_covered: float
    served_of_exact_covered: float
    def __init__(self, level: _Optional[float] = ..., covered: _Optional[float] = ..., customers: _Optional[int] = ..., mean_width: _Optional[float] = ..., likely_covered: _Optional[float] = ..., likely_customers: _Optional[int] = ..., exact_covered: _Optional[float] = ..., served_of_exact_covered: _Optional[float] = ...) -> None: ...

class ModelTrial(_message.Message):
    __slots__ = ("name", "origin", "horizon_days", "mae", "rmse", "relative", "log_score", "leans_on_prior")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    HORIZON_DAYS_FIELD_NUMBER: _ClassVar[int]
    MAE_FIELD_NUMBER: _ClassVar[int]
    RMSE_FIELD_NUMBER: _ClassVar[int]
    RELATIVE_FIELD_NUMBER: _ClassVar[int]
    LOG_SCORE_FIELD_NUMBER: _ClassVar[int]
    LEANS_ON_PRIOR_FIELD_NUMBER: _ClassVar[int]
    name: str
    origin: _date_pb2.Date
    horizon_days: int
    mae: float
    rmse: float
    relative: float
    log_score: float
    leans_on_prior: bool
    def __init__(self, name: _Optional[str] = ..., origin: _Optional[_Union[_date_pb2.Date, _Mapping]] = ..., horizon_days: _Optional[int] = ..., mae: _Optional[float] = ..., rmse: _Optional[float] = ..., relative: _Optional[float] = ..., log_score: _Optional[float] = ..., leans_on_prior: _Optional[bool] = ...) -> None: ...

class ModelAccuracy(_message.Message):
    __slots__ = ("origin", "horizon_days", "customers", "purchases", "spend", "purchase_deciles", "spend_deciles", "interval", "counts", "p_alive_bins")
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    HORIZON_DAYS_FIELD_NUMBER: _ClassVar[int]
    CUSTOMERS_FIELD_NUMBER: _ClassVar[int]
    PURCHASES_FIELD_NUMBER: _ClassVar[int]
    SPEND_FIELD_NUMBER: _ClassVar[int]
    PURCHASE_DECILES_FIELD_NUMBER: _ClassVar[int]
    SPEND_DECILES_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    P_ALIVE_BINS_FIELD_NUMBER: _ClassVar[int]
    origin: _date_pb2.Date
    horizon_days: int
    customers: int
    purchases: PredictionErrors
    spend: PredictionErrors
    purchase_deciles: _containers.RepeatedCompositeFieldContainer[CalibrationDecile]
    spend_deciles: _containers.RepeatedCompositeFieldContainer[CalibrationDecile]
    interval: IntervalCoverage
    counts: _containers.RepeatedCompositeFieldContainer[PurchaseCount]
    p_alive_bins: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, origin: _Optional[_Union[_date_pb2.Date, _Mapping]] = ..., horizon_days: _Optional[int] = ..., customers: _Optional[int] = ..., purchases: _Optional[_Union[PredictionErrors, _Mapping]] = ..., spend: _Optional[_Union[PredictionErrors, _Mapping]] = ..., purchase_deciles: _Optional[_Iterable[_Union[CalibrationDecile, _Mapping]]] = ..., spend_deciles: _Optional[_Iterable[_Union[CalibrationDecile, _Mapping]]] = ..., interval: _Optional[_Union[IntervalCoverage, _Mapping]] = ..., counts: _Optional[_Iterable[_Union[PurchaseCount, _Mapping]]] = ..., p_alive_bins: _Optional[_Iterable[int]] = ...) -> None: ...

class GetAccuracyResponse(_message.Message):
    __slots__ = ("model", "accuracy", "back_test")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    BACK_TEST_FIELD_NUMBER: _ClassVar[int]
    model: ValueModel
    accuracy: ModelAccuracy
    back_test: _containers.RepeatedCompositeFieldContainer[ModelTrial]
    def __init__(self, model: _Optional[_Union[ValueModel, _Mapping]] = ..., accuracy: _Optional[_Union[ModelAccuracy, _Mapping]] = ..., back_test: _Optional[_Iterable[_Union[ModelTrial, _Mapping]]] = ...) -> None: ...

class UpdateBaselineMetricsRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "period", "connected_at", "time_zone", "currency", "basis", "history_from", "promotions")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_AT_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FROM_FIELD_NUMBER: _ClassVar[int]
    PROMOTIONS_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    period: _common_pb2.Period
    connected_at: _timestamp_pb2.Timestamp
    time_zone: str
    currency: str
    basis: RevenueBasis
    history_from: _timestamp_pb2.Timestamp
    promotions: _containers.RepeatedCompositeFieldContainer[ShopPromotion]
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., period: _Optional[_Union[_common_pb2.Period, _Mapping]] = ..., connected_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., time_zone: _Optional[str] = ..., currency: _Optional[str] = ..., basis: _Optional[_Union[RevenueBasis, str]] = ..., history_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., promotions: _Optional[_Iterable[_Union[ShopPromotion, _Mapping]]] = ...) -> None: ...

class ShopPromotion(_message.Message):
    __slots__ = ("first_day", "last_day", "name")
    FIRST_DAY_FIELD_NUMBER: _ClassVar[int]
    LAST_DAY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    first_day: _date_pb2.Date
    last_day: _date_pb2.Date
    name: str
    def __init__(self, first_day: _Optional[_Union[_date_pb2.Date, _Mapping]] = ..., last_day: _Optional[_Union[_date_pb2.Date, _Mapping]] = ..., name: _Optional[str] = ...) -> None: ...

class RegisteredPromotion(_message.Message):
    __slots__ = ("promotion_id", "promotion", "registered_at")
    PROMOTION_ID_FIELD_NUMBER: _ClassVar[int]
    PROMOTION_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_AT_FIELD_NUMBER: _ClassVar[int]
    promotion_id: int
    promotion: ShopPromotion
    registered_at: _timestamp_pb2.Timestamp
    def __init__(self, promotion_id: _Optional[int] = ..., promotion: _Optional[_Union[ShopPromotion, _Mapping]] = ..., registered_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PutPromotionsRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "promotions")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    PROMOTIONS_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    promotions: _containers.RepeatedCompositeFieldContainer[ShopPromotion]
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., promotions: _Optional[_Iterable[_Union[ShopPromotion, _Mapping]]] = ...) -> None: ...

class PutPromotionsResponse(_message.Message):
    __slots__ = ("promotions",)
    PROMOTIONS_FIELD_NUMBER: _ClassVar[int]
    promotions: _containers.RepeatedCompositeFieldContainer[RegisteredPromotion]
    def __init__(self, promotions: _Optional[_Iterable[_Union[RegisteredPromotion, _Mapping]]] = ...) -> None: ...

class RemovePromotionRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "promotion_id")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    PROMOTION_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    promotion_id: int
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., promotion_id: _Optional[int] = ...) -> None: ...

class RemovePromotionResponse(_message.Message):
    __slots__ = ("promotion",)
    PROMOTION_FIELD_NUMBER: _ClassVar[int]
    promotion: RegisteredPromotion
    def __init__(self, promotion: _Optional[_Union[RegisteredPromotion, _Mapping]] = ...) -> None: ...

class ListPromotionsRequest(_message.Message):
    __slots__ = ("store_id",)
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    def __init__(self, store_id: _Optional[int] = ...) -> None: ...

class ListPromotionsResponse(_message.Message):
    __slots__ = ("promotions",)
    PROMOTIONS_FIELD_NUMBER: _ClassVar[int]
    promotions: _containers.RepeatedCompositeFieldContainer[RegisteredPromotion]
    def __init__(self, promotions: _Optional[_Iterable[_Union[RegisteredPromotion, _Mapping]]] = ...) -> None: ...

class ExpectedRevenue(_message.Message):
    __slots__ = ("expected", "lower", "upper", "month")
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    expected: _money_pb2.Money
    lower: _money_pb2.Money
    upper: _money_pb2.Money
    month: _date_pb2.Date
    def __init__(self, expected: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., lower: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., upper: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., month: _Optional[_Union[_date_pb2.Date, _Mapping]] = ...) -> None: ...

class BaselineBackTest(_message.Message):
    __slots__ = ("origins", "error", "plain_error", "month_error", "plain_month_error", "interval_coverage")
    ORIGINS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    PLAIN_ERROR_FIELD_NUMBER: _ClassVar[int]
    MONTH_ERROR_FIELD_NUMBER: _ClassVar[int]
    PLAIN_MONTH_ERROR_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_COVERAGE_FIELD_NUMBER: _ClassVar[int]
    origins: int
    error: float
    plain_error: float
    month_error: float
    plain_month_error: float
    interval_coverage: float
    def __init__(self, origins: _Optional[int] = ..., error: _Optional[float] = ..., plain_error: _Optional[float] = ..., month_error: _Optional[float] = ..., plain_month_error: _Optional[float] = ..., interval_coverage: _Optional[float] = ...) -> None: ...

class SeasonalBaseline(_message.Message):
    __slots__ = ("model", "problem", "month", "year", "interval_level", "trained_on", "history_months", "yearly_season", "promotions", "back_test", "recommended", "revision", "computed_at", "promotion_periods", "promotion_effect")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_LEVEL_FIELD_NUMBER: _ClassVar[int]
    TRAINED_ON_FIELD_NUMBER: _ClassVar[int]
    HISTORY_MONTHS_FIELD_NUMBER: _ClassVar[int]
    YEARLY_SEASON_FIELD_NUMBER: _ClassVar[int]
    PROMOTIONS_FIELD_NUMBER: _ClassVar[int]
    BACK_TEST_FIELD_NUMBER: _ClassVar[int]
    RECOMMENDED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    COMPUTED_AT_FIELD_NUMBER: _ClassVar[int]
    PROMOTION_PERIODS_FIELD_NUMBER: _ClassVar[int]
    PROMOTION_EFFECT_FIELD_NUMBER: _ClassVar[int]
    model: str
    problem: str
    month: ExpectedRevenue
    year: ExpectedRevenue
    interval_level: float
    trained_on: _common_pb2.Period
    history_months: int
    yearly_season: bool
    promotions: int
    back_test: BaselineBackTest
    recommended: BaselineMethod
    revision: int
    computed_at: _timestamp_pb2.Timestamp
    promotion_periods: _containers.RepeatedCompositeFieldContainer[ShopPromotion]
    promotion_effect: float
    def __init__(self, model: _Optional[str] = ..., problem: _Optional[str] = ..., month: _Optional[_Union[ExpectedRevenue, _Mapping]] = ..., year: _Optional[_Union[ExpectedRevenue, _Mapping]] = ..., interval_level: _Optional[float] = ..., trained_on: _Optional[_Union[_common_pb2.Period, _Mapping]] = ..., history_months: _Optional[int] = ..., yearly_season: _Optional[bool] = ..., promotions: _Optional[int] = ..., back_test: _Optional[_Union[BaselineBackTest, _Mapping]] = ..., recommended: _Optional[_Union[BaselineMethod, str]] = ..., revision: _Optional[int] = ..., computed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., promotion_periods: _Optional[_Iterable[_Union[ShopPromotion, _Mapping]]] = ..., promotion_effect: _Optional[float] = ...) -> None: ...

class Baseline(_message.Message):
    __slots__ = ("period", "revenue", "monthly_average", "average_order_value", "orders", "unique_customers", "repeat_customer_rate", "months_available", "complete", "skipped_orders", "basis", "time_zone", "computed_at", "method", "seasonal")
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    REVENUE_FIELD_NUMBER: _ClassVar[int]
    MONTHLY_AVERAGE_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_ORDER_VALUE_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_CUSTOMERS_FIELD_NUMBER: _ClassVar[int]
    REPEAT_CUSTOMER_RATE_FIELD_NUMBER: _ClassVar[int]
    MONTHS_AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_ORDERS_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    COMPUTED_AT_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    SEASONAL_FIELD_NUMBER: _ClassVar[int]
    period: _common_pb2.Period
    revenue: _money_pb2.Money
    monthly_average: _money_pb2.Money
    average_order_value: _money_pb2.Money
    orders: int
    unique_customers: int
    repeat_customer_rate: float
    months_available: int
    complete: bool
    skipped_orders: int
    basis: RevenueBasis
    time_zone: str
    computed_at: _timestamp_pb2.Timestamp
    method: BaselineMethod
    seasonal: SeasonalBaseline
    def __init__(self, period: _Optional[_Union[_common_pb2.Period, _Mapping]] = ..., revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., monthly_average: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., average_order_value: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., orders: _Optional[int] = ..., unique_customers: _Optional[int] = ..., repeat_customer_rate: _Optional[float] = ..., months_available: _Optional[int] = ..., complete: _Optional[bool] = ..., skipped_orders: _Optional[int] = ..., basis: _Optional[_Union[RevenueBasis, str]] = ..., time_zone: _Optional[str] = ..., computed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., method: _Optional[_Union[BaselineMethod, str]] = ..., seasonal: _Optional[_Union[SeasonalBaseline, _Mapping]] = ...) -> None: ...

class UpdateBaselineMetricsResponse(_message.Message):
    __slots__ = ("baseline",)
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    baseline: Baseline
    def __init__(self, baseline: _Optional[_Union[Baseline, _Mapping]] = ...) -> None: ...

class GetBaselineRequest(_message.Message):
    __slots__ = ("store_id", "year", "month", "as_of")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    YEAR_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    year: int
    month: int
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., year: _Optional[int] = ..., month: _Optional[int] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetBaselineResponse(_message.Message):
    __slots__ = ("baseline",)
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    baseline: Baseline
    def __init__(self, baseline: _Optional[_Union[Baseline, _Mapping]] = ...) -> None: ...

class GetRevenueInPeriodRequest(_message.Message):
    __slots__ = ("store_id", "period", "currency", "basis")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    BASIS_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    period: _common_pb2.Period
    currency: str
    basis: RevenueBasis
    def __init__(self, store_id: _Optional[int] = ..., period: _Optional[_Union[_common_pb2.Period, _Mapping]] = ..., currency: _Optional[str] = ..., basis: _Optional[_Union[RevenueBasis, str]] = ...) -> None: ...

class GetRevenueInPeriodResponse(_message.Message):
    __slots__ = ("revenue", "orders", "unique_customers", "average_order_value", "skipped_orders")
    REVENUE_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_CUSTOMERS_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_ORDER_VALUE_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_ORDERS_FIELD_NUMBER: _ClassVar[int]
    revenue: _money_pb2.Money
    orders: int
    unique_customers: int
    average_order_value: _money_pb2.Money
    skipped_orders: int
    def __init__(self, revenue: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., orders: _Optional[int] = ..., unique_customers: _Optional[int] = ..., average_order_value: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., skipped_orders: _Optional[int] = ...) -> None: ...

class ListChurnRisksRequest(_message.Message):
    __slots__ = ("store_id", "min_churn_risk", "min_orders", "last_order_after", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_CHURN_RISK_FIELD_NUMBER: _ClassVar[int]
    MIN_ORDERS_FIELD_NUMBER: _ClassVar[int]
    LAST_ORDER_AFTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    min_churn_risk: float
    min_orders: int
    last_order_after: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[int] = ..., min_churn_risk: _Optional[float] = ..., min_orders: _Optional[int] = ..., last_order_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ChurnRisk(_message.Message):
    __slots__ = ("customer_key", "churn_risk", "days_since_last_order", "predicted_ltv", "segment", "order_count", "last_order_at")
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    CHURN_RISK_FIELD_NUMBER: _ClassVar[int]
    DAYS_SINCE_LAST_ORDER_FIELD_NUMBER: _ClassVar[int]
    PREDICTED_LTV_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    ORDER_COUNT_FIELD_NUMBER: _ClassVar[int]
    LAST_ORDER_AT_FIELD_NUMBER: _ClassVar[int]
    customer_key: str
    churn_risk: float
    days_since_last_order: int
    predicted_ltv: _money_pb2.Money
    segment: CustomerSegment
    order_count: int
    last_order_at: _timestamp_pb2.Timestamp
    def __init__(self, customer_key: _Optional[str] = ..., churn_risk: _Optional[float] = ..., days_since_last_order: _Optional[int] = ..., predicted_ltv: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., segment: _Optional[_Union[CustomerSegment, str]] = ..., order_count: _Optional[int] = ..., last_order_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListChurnRisksResponse(_message.Message):
    __slots__ = ("risks", "next_page_token")
    RISKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    risks: _containers.RepeatedCompositeFieldContainer[ChurnRisk]
    next_page_token: str
    def __init__(self, risks: _Optional[_Iterable[_Union[ChurnRisk, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class MergeCustomersRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "kept_customer_key", "merged_customer_key")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    KEPT_CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    MERGED_CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    kept_customer_key: str
    merged_customer_key: str
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., kept_customer_key: _Optional[str] = ..., merged_customer_key: _Optional[str] = ...) -> None: ...

class MergeCustomersResponse(_message.Message):
    __slots__ = ("customer_key", "orders_moved")
    CUSTOMER_KEY_FIELD_NUMBER: _ClassVar[int]
    ORDERS_MOVED_FIELD_NUMBER: _ClassVar[int]
    customer_key: str
    orders_moved: int
    def __init__(self, customer_key: _Optional[str] = ..., orders_moved: _Optional[int] = ...) -> None: ...

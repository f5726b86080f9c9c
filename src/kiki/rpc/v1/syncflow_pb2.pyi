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

class PauseReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PAUSE_REASON_UNSPECIFIED: _ClassVar[PauseReason]
    PAUSE_REASON_OUT_OF_STOCK: _ClassVar[PauseReason]
    PAUSE_REASON_PRODUCT_DELETED: _ClassVar[PauseReason]
    PAUSE_REASON_LOW_MARGIN: _ClassVar[PauseReason]
    PAUSE_REASON_MANUAL: _ClassVar[PauseReason]

class CampaignStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CAMPAIGN_STATUS_UNSPECIFIED: _ClassVar[CampaignStatus]
    CAMPAIGN_STATUS_ACTIVE: _ClassVar[CampaignStatus]
    CAMPAIGN_STATUS_PAUSED: _ClassVar[CampaignStatus]
    CAMPAIGN_STATUS_REMOVED: _ClassVar[CampaignStatus]

class ActionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACTION_STATE_UNSPECIFIED: _ClassVar[ActionState]
    ACTION_STATE_PENDING: _ClassVar[ActionState]
    ACTION_STATE_APPLIED: _ClassVar[ActionState]
    ACTION_STATE_UNCHANGED: _ClassVar[ActionState]
    ACTION_STATE_SUPERSEDED: _ClassVar[ActionState]
    ACTION_STATE_DOUBTFUL: _ClassVar[ActionState]
    ACTION_STATE_REFUSED: _ClassVar[ActionState]
    ACTION_STATE_HELD: _ClassVar[ActionState]

class ActionKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACTION_KIND_UNSPECIFIED: _ClassVar[ActionKind]
    ACTION_KIND_PAUSE: _ClassVar[ActionKind]
    ACTION_KIND_RESUME: _ClassVar[ActionKind]
    ACTION_KIND_BID: _ClassVar[ActionKind]
PAUSE_REASON_UNSPECIFIED: PauseReason
PAUSE_REASON_OUT_OF_STOCK: PauseReason
PAUSE_REASON_PRODUCT_DELETED: PauseReason
PAUSE_REASON_LOW_MARGIN: PauseReason
PAUSE_REASON_MANUAL: PauseReason
CAMPAIGN_STATUS_UNSPECIFIED: CampaignStatus
CAMPAIGN_STATUS_ACTIVE: CampaignStatus
CAMPAIGN_STATUS_PAUSED: CampaignStatus
CAMPAIGN_STATUS_REMOVED: CampaignStatus
ACTION_STATE_UNSPECIFIED: ActionState
ACTION_STATE_PENDING: ActionState
ACTION_STATE_APPLIED: ActionState
ACTION_STATE_UNCHANGED: ActionState
ACTION_STATE_SUPERSEDED: ActionState
ACTION_STATE_DOUBTFUL: ActionState
ACTION_STATE_REFUSED: ActionState
ACTION_STATE_HELD: ActionState
ACTION_KIND_UNSPECIFIED: ActionKind
ACTION_KIND_PAUSE: ActionKind
ACTION_KIND_RESUME: ActionKind
ACTION_KIND_BID: ActionKind

class PauseProductCampaignsRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "lane", "decision_seq", "product_id", "sku", "reason", "actor", "note", "expires_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    DECISION_SEQ_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    lane: _common_pb2.Lane
    decision_seq: int
    product_id: str
    sku: str
    reason: PauseReason
    actor: str
    note: str
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., lane: _Optional[_Union[_common_pb2.Lane, str]] = ..., decision_seq: _Optional[int] = ..., product_id: _Optional[str] = ..., sku: _Optional[str] = ..., reason: _Optional[_Union[PauseReason, str]] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PauseProductCampaignsResponse(_message.Message):
    __slots__ = ("campaign_ids", "count", "estimated_daily_spend_saved", "further_daily_spend_saved", "superseded", "held_campaign_ids")
    CAMPAIGN_IDS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_DAILY_SPEND_SAVED_FIELD_NUMBER: _ClassVar[int]
    FURTHER_DAILY_SPEND_SAVED_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_FIELD_NUMBER: _ClassVar[int]
    HELD_CAMPAIGN_IDS_FIELD_NUMBER: _ClassVar[int]
    campaign_ids: _containers.RepeatedScalarFieldContainer[str]
    count: int
    estimated_daily_spend_saved: _money_pb2.Money
    further_daily_spend_saved: _containers.RepeatedCompositeFieldContainer[_money_pb2.Money]
    superseded: bool
    held_campaign_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, campaign_ids: _Optional[_Iterable[str]] = ..., count: _Optional[int] = ..., estimated_daily_spend_saved: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., further_daily_spend_saved: _Optional[_Iterable[_Union[_money_pb2.Money, _Mapping]]] = ..., superseded: _Optional[bool] = ..., held_campaign_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ResumeProductCampaignsRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "lane", "decision_seq", "product_id", "sku", "new_quantity", "reasons", "actor", "note", "expires_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    DECISION_SEQ_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    NEW_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    lane: _common_pb2.Lane
    decision_seq: int
    product_id: str
    sku: str
    new_quantity: int
    reasons: _containers.RepeatedScalarFieldContainer[PauseReason]
    actor: str
    note: str
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., lane: _Optional[_Union[_common_pb2.Lane, str]] = ..., decision_seq: _Optional[int] = ..., product_id: _Optional[str] = ..., sku: _Optional[str] = ..., new_quantity: _Optional[int] = ..., reasons: _Optional[_Iterable[_Union[PauseReason, str]]] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ResumeProductCampaignsResponse(_message.Message):
    __slots__ = ("campaign_ids", "count", "estimated_daily_spend_restored", "further_daily_spend_restored", "superseded", "held_campaign_ids", "remaining_reasons")
    CAMPAIGN_IDS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_DAILY_SPEND_RESTORED_FIELD_NUMBER: _ClassVar[int]
    FURTHER_DAILY_SPEND_RESTORED_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_FIELD_NUMBER: _ClassVar[int]
    HELD_CAMPAIGN_IDS_FIELD_NUMBER: _ClassVar[int]
    REMAINING_REASONS_FIELD_NUMBER: _ClassVar[int]
    campaign_ids: _containers.RepeatedScalarFieldContainer[str]
    count: int
    estimated_daily_spend_restored: _money_pb2.Money
    further_daily_spend_restored: _containers.RepeatedCompositeFieldContainer[_money_pb2.Money]
    superseded: bool
    held_campaign_ids: _containers.RepeatedScalarFieldContainer[str]
    remaining_reasons: _containers.RepeatedScalarFieldContainer[PauseReason]
    def __init__(self, campaign_ids: _Optional[_Iterable[str]] = ..., count: _Optional[int] = ..., estimated_daily_spend_restored: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., further_daily_spend_restored: _Optional[_Iterable[_Union[_money_pb2.Money, _Mapping]]] = ..., superseded: _Optional[bool] = ..., held_campaign_ids: _Optional[_Iterable[str]] = ..., remaining_reasons: _Optional[_Iterable[_Union[PauseReason, str]]] = ...) -> None: ...

class AdjustBidsForInventoryRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "lane", "decision_seq", "product_id", "quantity", "low_stock_threshold", "factor")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    DECISION_SEQ_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    LOW_STOCK_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    lane: _common_pb2.Lane
    decision_seq: int
    product_id: str
    quantity: int
    low_stock_threshold: int
    factor: str
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., lane: _Optional[_Union[_common_pb2.Lane, str]] = ..., decision_seq: _Optional[int] = ..., product_id: _Optional[str] = ..., quantity: _Optional[int] = ..., low_stock_threshold: _Optional[int] = ..., factor: _Optional[str] = ...) -> None: ...

class AdjustBidsForInventoryResponse(_message.Message):
    __slots__ = ("campaign_ids", "changes", "superseded")
    CAMPAIGN_IDS_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_FIELD_NUMBER: _ClassVar[int]
    campaign_ids: _containers.RepeatedScalarFieldContainer[str]
    changes: _containers.RepeatedCompositeFieldContainer[BidChange]
    superseded: bool
    def __init__(self, campaign_ids: _Optional[_Iterable[str]] = ..., changes: _Optional[_Iterable[_Union[BidChange, _Mapping]]] = ..., superseded: _Optional[bool] = ...) -> None: ...

class BidChange(_message.Message):
    __slots__ = ("campaign_id", "old_bid", "new_bid")
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    OLD_BID_FIELD_NUMBER: _ClassVar[int]
    NEW_BID_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    old_bid: _money_pb2.Money
    new_bid: _money_pb2.Money
    def __init__(self, campaign_id: _Optional[str] = ..., old_bid: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., new_bid: _Optional[_Union[_money_pb2.Money, _Mapping]] = ...) -> None: ...

class UpdateProductMarginsRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "lane", "decision_seq", "margins", "margin_floor")
    class MarginsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    DECISION_SEQ_FIELD_NUMBER: _ClassVar[int]
    MARGINS_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FLOOR_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    lane: _common_pb2.Lane
    decision_seq: int
    margins: _containers.ScalarMap[str, float]
    margin_floor: float
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., lane: _Optional[_Union[_common_pb2.Lane, str]] = ..., decision_seq: _Optional[int] = ..., margins: _Optional[_Mapping[str, float]] = ..., margin_floor: _Optional[float] = ...) -> None: ...

class UpdateProductMarginsResponse(_message.Message):
    __slots__ = ("updated", "paused_product_ids", "resumed_product_ids", "superseded")
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    PAUSED_PRODUCT_IDS_FIELD_NUMBER: _ClassVar[int]
    RESUMED_PRODUCT_IDS_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_FIELD_NUMBER: _ClassVar[int]
    updated: int
    paused_product_ids: _containers.RepeatedScalarFieldContainer[str]
    resumed_product_ids: _containers.RepeatedScalarFieldContainer[str]
    superseded: int
    def __init__(self, updated: _Optional[int] = ..., paused_product_ids: _Optional[_Iterable[str]] = ..., resumed_product_ids: _Optional[_Iterable[str]] = ..., superseded: _Optional[int] = ...) -> None: ...

class BatchPauseProductCampaignsRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[PauseProductCampaignsRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[PauseProductCampaignsRequest, _Mapping]]] = ...) -> None: ...

class BatchPauseProductCampaignsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[PauseProductCampaignsResult]
    def __init__(self, results: _Optional[_Iterable[_Union[PauseProductCampaignsResult, _Mapping]]] = ...) -> None: ...

class PauseProductCampaignsResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: PauseProductCampaignsResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[PauseProductCampaignsResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class BatchResumeProductCampaignsRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[ResumeProductCampaignsRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[ResumeProductCampaignsRequest, _Mapping]]] = ...) -> None: ...

class BatchResumeProductCampaignsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ResumeProductCampaignsResult]
    def __init__(self, results: _Optional[_Iterable[_Union[ResumeProductCampaignsResult, _Mapping]]] = ...) -> None: ...

class ResumeProductCampaignsResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: ResumeProductCampaignsResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[ResumeProductCampaignsResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class BatchAdjustBidsForInventoryRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[AdjustBidsForInventoryRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[AdjustBidsForInventoryRequest, _Mapping]]] = ...) -> None: ...

class BatchAdjustBidsForInventoryResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[AdjustBidsForInventoryResult]
    def __init__(self, results: _Optional[_Iterable[_Union[AdjustBidsForInventoryResult, _Mapping]]] = ...) -> None: ...

class AdjustBidsForInventoryResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: AdjustBidsForInventoryResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[AdjustBidsForInventoryResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class BatchUpdateProductMarginsRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[UpdateProductMarginsRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[UpdateProductMarginsRequest, _Mapping]]] = ...) -> None: ...

class BatchUpdateProductMarginsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[UpdateProductMarginsResult]
    def __init__(self, results: _Optional[_Iterable[_Union[UpdateProductMarginsResult, _Mapping]]] = ...) -> None: ...

class UpdateProductMarginsResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: UpdateProductMarginsResponse
    error: _common_pb2.ItemError
    def __init__(self, response: _Optional[_Union[UpdateProductMarginsResponse, _Mapping]] = ..., error: _Optional[_Union[_common_pb2.ItemError, _Mapping]] = ...) -> None: ...

class PutAdNetworkRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "network", "base_url", "token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    BASE_URL_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    network: str
    base_url: str
    token: str
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., network: _Optional[str] = ..., base_url: _Optional[str] = ..., token: _Optional[str] = ...) -> None: ...

class PutAdNetworkResponse(_message.Message):
    __slots__ = ("connection",)
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    connection: AdNetworkConnection
    def __init__(self, connection: _Optional[_Union[AdNetworkConnection, _Mapping]] = ...) -> None: ...

class ListAdNetworksRequest(_message.Message):
    __slots__ = ("store_id",)
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    def __init__(self, store_id: _Optional[int] = ...) -> None: ...

class ListAdNetworksResponse(_message.Message):
    __slots__ = ("connections",)
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    connections: _containers.RepeatedCompositeFieldContainer[AdNetworkConnection]
    def __init__(self, connections: _Optional[_Iterable[_Union[AdNetworkConnection, _Mapping]]] = ...) -> None: ...

class AdNetworkConnection(_message.Message):
    __slots__ = ("store_id", "network", "base_url", "updated_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    BASE_URL_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    network: str
    base_url: str
    updated_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., network: _Optional[str] = ..., base_url: _Optional[str] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RegisterCampaignsRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "campaigns")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGNS_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    campaigns: _containers.RepeatedCompositeFieldContainer[CampaignDefinition]
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., campaigns: _Optional[_Iterable[_Union[CampaignDefinition, _Mapping]]] = ...) -> None: ...

class RegisterCampaignsResponse(_message.Message):
    __slots__ = ("added", "replaced")
    ADDED_FIELD_NUMBER: _ClassVar[int]
    REPLACED_FIELD_NUMBER: _ClassVar[int]
    added: int
    replaced: int
    def __init__(self, added: _Optional[int] = ..., replaced: _Optional[int] = ...) -> None: ...

class CampaignDefinition(_message.Message):
    __slots__ = ("campaign_id", "network", "external_id", "name", "utm_campaign", "utm_id", "promotions", "daily_budget", "bid", "ended")
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UTM_CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    UTM_ID_FIELD_NUMBER: _ClassVar[int]
    PROMOTIONS_FIELD_NUMBER: _ClassVar[int]
    DAILY_BUDGET_FIELD_NUMBER: _ClassVar[int]
    BID_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    network: str
    external_id: str
    name: str
    utm_campaign: str
    utm_id: str
    promotions: _containers.RepeatedCompositeFieldContainer[Promotion]
    daily_budget: _money_pb2.Money
    bid: _money_pb2.Money
    ended: bool
    def __init__(self, campaign_id: _Optional[str] = ..., network: _Optional[str] = ..., external_id: _Optional[str] = ..., name: _Optional[str] = ..., utm_campaign: _Optional[str] = ..., utm_id: _Optional[str] = ..., promotions: _Optional[_Iterable[_Union[Promotion, _Mapping]]] = ..., daily_budget: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., bid: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., ended: _Optional[bool] = ...) -> None: ...

class Promotion(_message.Message):
    __slots__ = ("product_id", "starts_at", "ends_at", "budget_weight")
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    BUDGET_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    product_id: str
    starts_at: _timestamp_pb2.Timestamp
    ends_at: _timestamp_pb2.Timestamp
    budget_weight: int
    def __init__(self, product_id: _Optional[str] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ends_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., budget_weight: _Optional[int] = ...) -> None: ...

class ListCampaignsRequest(_message.Message):
    __slots__ = ("store_id", "updated_after", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AFTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    updated_after: _timestamp_pb2.Timestamp
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[int] = ..., updated_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCampaignsResponse(_message.Message):
    __slots__ = ("campaigns", "next_page_token")
    CAMPAIGNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    campaigns: _containers.RepeatedCompositeFieldContainer[Campaign]
    next_page_token: str
    def __init__(self, campaigns: _Optional[_Iterable[_Union[Campaign, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Campaign(_message.Message):
    __slots__ = ("store_id", "definition", "status", "wanted_status", "current_bid", "paused_product_ids", "hold", "doubtful", "observed_at", "updated_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    WANTED_STATUS_FIELD_NUMBER: _ClassVar[int]
    CURRENT_BID_FIELD_NUMBER: _ClassVar[int]
    PAUSED_PRODUCT_IDS_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    DOUBTFUL_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    definition: CampaignDefinition
    status: CampaignStatus
    wanted_status: CampaignStatus
    current_bid: _money_pb2.Money
    paused_product_ids: _containers.RepeatedScalarFieldContainer[str]
    hold: Hold
    doubtful: bool
    observed_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., definition: _Optional[_Union[CampaignDefinition, _Mapping]] = ..., status: _Optional[_Union[CampaignStatus, str]] = ..., wanted_status: _Optional[_Union[CampaignStatus, str]] = ..., current_bid: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., paused_product_ids: _Optional[_Iterable[str]] = ..., hold: _Optional[_Union[Hold, _Mapping]] = ..., doubtful: _Optional[bool] = ..., observed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Hold(_message.Message):
    __slots__ = ("reason", "actor", "held_at", "expires_at")
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    HELD_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    reason: str
    actor: str
    held_at: _timestamp_pb2.Timestamp
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, reason: _Optional[str] = ..., actor: _Optional[str] = ..., held_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class HoldCampaignRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "campaign_id", "reason", "actor", "expires_at")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    campaign_id: str
    reason: str
    actor: str
    expires_at: _timestamp_pb2.Timestamp
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., campaign_id: _Optional[str] = ..., reason: _Optional[str] = ..., actor: _Optional[str] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class HoldCampaignResponse(_message.Message):
    __slots__ = ("campaign",)
    CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    campaign: Campaign
    def __init__(self, campaign: _Optional[_Union[Campaign, _Mapping]] = ...) -> None: ...

class ReleaseHoldRequest(_message.Message):
    __slots__ = ("store_id", "event_id", "campaign_id", "actor")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    event_id: str
    campaign_id: str
    actor: str
    def __init__(self, store_id: _Optional[int] = ..., event_id: _Optional[str] = ..., campaign_id: _Optional[str] = ..., actor: _Optional[str] = ...) -> None: ...

class ReleaseHoldResponse(_message.Message):
    __slots__ = ("campaign", "released")
    CAMPAIGN_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    campaign: Campaign
    released: bool
    def __init__(self, campaign: _Optional[_Union[Campaign, _Mapping]] = ..., released: _Optional[bool] = ...) -> None: ...

class GetProductStateRequest(_message.Message):
    __slots__ = ("store_id", "product_id")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    product_id: str
    def __init__(self, store_id: _Optional[int] = ..., product_id: _Optional[str] = ...) -> None: ...

class GetProductStateResponse(_message.Message):
    __slots__ = ("product_id", "sku", "reasons", "ordered_to_run", "hand_expires_at", "hand_actor", "hand_note", "bid_factor", "margin", "stock_seq", "campaign_ids")
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    SKU_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    ORDERED_TO_RUN_FIELD_NUMBER: _ClassVar[int]
    HAND_EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    HAND_ACTOR_FIELD_NUMBER: _ClassVar[int]
    HAND_NOTE_FIELD_NUMBER: _ClassVar[int]
    BID_FACTOR_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    STOCK_SEQ_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_IDS_FIELD_NUMBER: _ClassVar[int]
    product_id: str
    sku: str
    reasons: _containers.RepeatedScalarFieldContainer[PauseReason]
    ordered_to_run: bool
    hand_expires_at: _timestamp_pb2.Timestamp
    hand_actor: str
    hand_note: str
    bid_factor: str
    margin: str
    stock_seq: int
    campaign_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, product_id: _Optional[str] = ..., sku: _Optional[str] = ..., reasons: _Optional[_Iterable[_Union[PauseReason, str]]] = ..., ordered_to_run: _Optional[bool] = ..., hand_expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., hand_actor: _Optional[str] = ..., hand_note: _Optional[str] = ..., bid_factor: _Optional[str] = ..., margin: _Optional[str] = ..., stock_seq: _Optional[int] = ..., campaign_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ListActionsRequest(_message.Message):
    __slots__ = ("store_id", "campaign_id", "product_id", "state", "page_size", "page_token")
    STORE_ID_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    store_id: int
    campaign_id: str
    product_id: str
    state: ActionState
    page_size: int
    page_token: str
    def __init__(self, store_id: _Optional[int] = ..., campaign_id: _Optional[str] = ..., product_id: _Optional[str] = ..., state: _Optional[_Union[ActionState, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListActionsResponse(_message.Message):
    __slots__ = ("actions", "next_page_token")
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    actions: _containers.RepeatedCompositeFieldContainer[CampaignAction]
    next_page_token: str
    def __init__(self, actions: _Optional[_Iterable[_Union[CampaignAction, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CampaignAction(_message.Message):
    __slots__ = ("action_id", "campaign_id", "product_id", "kind", "reasons", "actor", "note", "state", "old_bid", "new_bid", "requested_at", "applied_at", "attempts", "last_error", "decision_seq")
    ACTION_ID_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    OLD_BID_FIELD_NUMBER: _ClassVar[int]
    NEW_BID_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_AT_FIELD_NUMBER: _ClassVar[int]
    APPLIED_AT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    DECISION_SEQ_FIELD_NUMBER: _ClassVar[int]
    action_id: int
    campaign_id: str
    product_id: str
    kind: ActionKind
    reasons: _containers.RepeatedScalarFieldContainer[PauseReason]
    actor: str
    note: str
    state: ActionState
    old_bid: _money_pb2.Money
    new_bid: _money_pb2.Money
    requested_at: _timestamp_pb2.Timestamp
    applied_at: _timestamp_pb2.Timestamp
    attempts: int
    last_error: str
    decision_seq: int
    def __init__(self, action_id: _Optional[int] = ..., campaign_id: _Optional[str] = ..., product_id: _Optional[str] = ..., kind: _Optional[_Union[ActionKind, str]] = ..., reasons: _Optional[_Iterable[_Union[PauseReason, str]]] = ..., actor: _Optional[str] = ..., note: _Optional[str] = ..., state: _Optional[_Union[ActionState, str]] = ..., old_bid: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., new_bid: _Optional[_Union[_money_pb2.Money, _Mapping]] = ..., requested_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., applied_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., attempts: _Optional[int] = ..., last_error: _Optional[str] = ..., decision_seq: _Optional[int] = ...) -> None: ...

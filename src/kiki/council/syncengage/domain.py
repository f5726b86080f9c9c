"""Values of SyncEngage: contacts, flows, messages. No I/O.

None can be part of a reference cycle, so the garbage collector is spared them.
"""

from __future__ import annotations

import datetime as dt
import enum

import msgspec


class Channel(enum.IntEnum):
    """How a message travels; numbers as in the contract."""

    EMAIL = 1
    SMS = 2


class FlowKind(enum.IntEnum):
    """What a flow is for."""

    POST_PURCHASE = 1
    CHURN_PREVENTION = 2
    UPSELL = 3


class FlowStatus(enum.IntEnum):
    """Where a flow stands."""

    SCHEDULED = 1
    HELD_OUT = 2
    SUPPRESSED = 3
    WAITING_FOR_CODE = 4
    CANCELLED = 5


class MessageStatus(enum.IntEnum):
    """Where a message stands."""

    SCHEDULED = 1
    SENDING = 2
    SENT = 3
    SUPPRESSED = 4
    FAILED = 5
    UNKNOWN = 6
    CANCELLED = 7


class Person(msgspec.Struct, frozen=True, gc=False):
    """Who a flow is for, as the caller knows them."""

    customer_key: str
    customer_id: str
    email: str
    phone: str
    first_name: str
    accepts_email: bool
    accepts_sms: bool
    locale: str


class Identity(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The personal fields of a contact; lives sealed."""

    email: str = ""
    phone: str = ""
    first_name: str = ""


class Shop(msgspec.Struct, frozen=True, gc=False):
    """In whose name messages are sent."""

    name: str
    timezone: str
    url: str


class Item(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A product in an order or a recommendation."""

    product_id: str
    title: str
    quantity: int = 1


class PostPurchase(msgspec.Struct, frozen=True, gc=False):
    """An order whose buyer is followed up."""

    person: Person
    order_id: str
    order_number: str
    placed_at: dt.datetime
    items: tuple[Item, ...]
    total_minor: int
    currency: str
    shop: Shop


class ChurnPrevention(msgspec.Struct, frozen=True, gc=False):
    """A customer at risk."""

    person: Person
    churn_risk: float
    days_since_last_order: int
    shop: Shop


class Upsell(msgspec.Struct, frozen=True, gc=False):
    """A buyer for whom products may be recommended."""

    person: Person
    purchased: tuple[str, ...]
    lifetime_value_minor: int
    currency: str
    order_id: str
    placed_at: dt.datetime | None
    shop: Shop


class Consent(msgspec.Struct, frozen=True, gc=False):
    """What is said about one channel: True granted, False denied, None not said."""

    granted: bool | None = None
    given_at: dt.datetime | None = None
    source: str = ""


class ContactUpdate(msgspec.Struct, frozen=True, gc=False):
    """What the shop says about a contact now."""

    person: Person
    email_consent: Consent
    sms_consent: Consent
    timezone: str
    observed_at: dt.datetime | None


class DiscountCode(msgspec.Struct, frozen=True, gc=False):
    """A code that now exists in the shop."""

    flow_id: int
    code: str
    expires_at: dt.datetime


class Cancellation(msgspec.Struct, frozen=True, gc=False):
    """Whose flows end: those of one order, or, without one, all of the store."""

    order_id: str
    customer_key: str


class Availability(msgspec.Struct, frozen=True, gc=False):
    """Whether a product can be bought; the newer `decision_seq` holds."""

    product_id: str
    sellable: bool
    decision_seq: int


class Facts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the messages of a flow speak about; lives sealed beside the flow."""

    order_number: str = ""
    items: tuple[Item, ...] = ()
    total_minor: int = 0
    currency: str = ""
    recommended: tuple[Item, ...] = ()
    code: str = ""
    code_expires_at: dt.datetime | None = None
    percent: int = 0


class Audience(msgspec.Struct, frozen=True, gc=False):
    """What the rules need to know about a contact: no personal data."""

    has_email: bool
    has_phone: bool
    email_consent: bool
    sms_consent: bool
    email_unsubscribed: bool
    sms_unsubscribed: bool
    timezone: str


class Step(msgspec.Struct, frozen=True, gc=False):
    """One message of a flow."""

    template: str
    channel: Channel
    delay_seconds: int
    marketing: bool


class PlannedMessage(msgspec.Struct, gc=False):
    """A message with its send time; `message_id` is given when it is written."""

    template: str
    channel: Channel
    marketing: bool
    send_at: dt.datetime
    expires_at: dt.datetime
    message_id: int = 0


class Suppressed(msgspec.Struct, frozen=True, gc=False):
    """A message that a rule forbade."""

    channel: Channel
    template: str
    reason: str

    def text(self) -> str:
        """The form in which a flow keeps it."""
        return f"{int(self.channel)}:{self.template}:{self.reason}"

    @classmethod
    def parse(cls, text: str) -> Suppressed:
        """The reverse of `text`."""
        channel, template, reason = text.split(":", 2)
        return cls(Channel(int(channel)), template, reason)


class Recommended(msgspec.Struct, frozen=True, gc=False):
    """A product that goes with what was bought."""

    product_id: str
    title: str
    bought_together: int


class Plan(msgspec.Struct, gc=False):
    """A planned flow, ready to be written and answered."""

    kind: FlowKind
    status: FlowStatus
    held_out: bool
    messages: list[PlannedMessage]
    suppressed: list[Suppressed]
    flow_id: int = 0
    recommended: tuple[Recommended, ...] = ()
    campaign_id: str = ""
    percent: int = 0
    code_wanted_by: dt.datetime | None = None

    @property
    def speaks(self) -> bool:
        """Whether a message is sent or may be yet: nothing else needs what the flow speaks about."""
        return bool(self.messages) or self.status is FlowStatus.WAITING_FOR_CODE

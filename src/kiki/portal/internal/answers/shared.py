"""What several resources answer with."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from kiki.portal.message_schemas import message

RowId = Annotated[int, Meta(ge=1, extra_json_schema={"format": "int64"})]
Count = Annotated[int, Meta(ge=0)]
Minor = Annotated[int, Meta(extra_json_schema={"format": "int64"}, description="Minor units of `currency`.")]
Time = Annotated[dt.datetime, Meta(tz=True, description="UTC.")]
Month = Annotated[str, Meta(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="YYYY-MM.", examples=["2026-03"])]
CurrencyCode = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217.", examples=["EUR"])]
Fraction = Annotated[float, Meta(ge=0, le=1)]
DecimalFraction = Annotated[str, Meta(pattern=r"^(0(\.\d+)?|1(\.0+)?)$", description="Decimal text, 0 to 1.")]
StoreNumber = Annotated[RowId, Meta(description="The store.")]
Verdict = Annotated[
    Literal["none", "touched", "incremental"],
    Meta(description="`none`: no signal. `touched`: under the threshold. `incremental`: billed once it is paid."),
]
Confidence = Annotated[Fraction, Meta(description="How sure the model is that we caused the order.")]


InstantText = Annotated[str, Meta(description="UTC, ISO 8601.", extra_json_schema={"format": "date-time"})]
"""Where a time is text already."""


def said(text: str, *examples: object) -> Meta:
    """A field's description."""
    return Meta(description=text, examples=list(examples) or None)


class Page(TypedDict):
    """What every page has beside its rows."""

    next_cursor: Annotated[str, said("Goes into `cursor` for the next page; empty at the end.")]


class Accepted(TypedDict):
    """How many rows will be worked on again."""

    replayed: Annotated[Count, said("Rows that are in the queue again.")]


def _money() -> Meta:
    from google.type.money_pb2 import Money

    return message(Money)


MoneyText = Annotated[dict[str, str], _money()]
"""As `convert.money_json` gives it."""


class Call(TypedDict):
    """A call to an agent and how it stands."""

    agent: Annotated[str, said("For example `syncledger`.")]
    method: Annotated[str, said("The RPC, for example `RecordIncrementalRevenue`.")]
    event_id: Annotated[str, said("The idempotency key: the same fact has the same one.")]
    status: Annotated[Literal["waiting", "parked", "answered", "dead"], said("How it stands.")]
    reason: Annotated[str, said("Why it was parked or refused; otherwise empty.")]
    queued_at: Time
    answered_at: Time | None


class Touchpoints(TypedDict):
    """What was taken in."""

    store_id: StoreNumber
    accepted: Annotated[Count, said("Touchpoints in the request.")]
    repeated: Annotated[bool, said("Whether the very same request was known already; it then changes nothing.")]

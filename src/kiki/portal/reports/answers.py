"""The monthly statement as JSON."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from kiki.portal.internal.answers.months import Closing
from kiki.portal.internal.answers.shared import StoreNumber, said
from kiki.portal.message_schemas import message
from kiki.rpc.v1 import syncledger_pb2 as ledger
from kiki.rpc.v1 import syncvalue_pb2 as value

_GROWTH = {
    "type": ["number", "null"],
    "description": "Growth of current revenue over the baseline in percent; null when one of them is not known or the"
    " baseline is zero.",
}


class StatementStore(TypedDict):
    """Whose statement it is."""

    store_id: StoreNumber
    display_name: Annotated[str, said("For people.")]
    platform: Annotated[str, said("For example `shopify`.")]


class MonthlyStatement(TypedDict):
    """A store's month: figures, fee, and a page of its orders; frozen once the month is closed."""

    store: StatementStore
    statement: Annotated[dict[str, Any], message(ledger.Statement, growth_percent=_GROWTH)]
    closing: Closing
    baseline: Annotated[dict[str, Any] | None, message(value.Baseline)]
    orders: Annotated[
        list[Annotated[dict[str, Any], message(ledger.StatementLine)]], said("A page of its lines, by their time.")
    ]
    next_page_token: Annotated[str, said("Goes into `page_token` for the next page; empty at the end.")]
    digest: Annotated[str, said("SHA-256 of the frozen statement and its lines, in hexadecimal; empty while open.")]
    time_zone: Annotated[str, said("In which the month is a calendar month, and times are told in CSV and PDF.")]

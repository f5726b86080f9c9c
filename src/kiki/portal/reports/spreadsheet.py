"""The statement as CSV: one row per line and a last row with the totals, or the figures as name and value.

Columns and figures are only ever added, at the end.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LINE_COLUMNS = (
    "entry_id",
    "kind",
    "order_id",
    "refund_id",
    "ordered_at",
    "paid_at",
    "order_amount",
    "order_currency",
    "incremental_revenue",
    "fee",
    "currency",
    "confidence",
    "campaign_id",
    "evidence",
    "correction",
    "exchange_rate",
    "rate_date",
    "model",
    "recorded_at",
    "closing",
    "closes_at",
    "closing_reason",
    "digest",
    "fee_rate",
    "net_sales",
    "incremental_share",
    "counted_amount",
    "booking_id",
    "booked_revenue",
    "booked_fee",
    "reversed_revenue",
    "reversed_fee",
    "returned_amount",
    "corrects",
    "rate_source",
)
"""The closing and the digest stand in the last row alone: they are the month's."""
_AMOUNTS = (
    "fee",
    "net_sales",
    "counted_amount",
    "booked_revenue",
    "booked_fee",
    "reversed_revenue",
    "reversed_fee",
    "returned_amount",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def header() -> str:
    """The first row."""
    return _rows([LINE_COLUMNS])


def lines(found: Iterable[Mapping[str, Any]]) -> str:
    """A row per line."""
    return _rows(_line(line) for line in found)


def total(statement: Mapping[str, Any], closing: Mapping[str, Any], digest: str) -> str:
    """The last row: what the statement comes to, and whether that is final."""
    fields = {
        "kind": "statement",
        "incremental_revenue": _amount(statement["incremental_revenue"]),
        "fee": _amount(statement["fee"]),
        "currency": (statement["fee"] or {}).get("currency", ""),
        "confidence": f"{statement['mean_confidence']:g}",
        "closing": closing["state"],
        "closes_at": closing["closes_at"] or "",
        "closing_reason": _harmless(closing["reason"]),
        "digest": digest,
        "fee_rate": (statement["contract"] or {}).get("fee_rate", ""),
    }
    return _rows([[fields.get(column, "") for column in LINE_COLUMNS]])


def summary(
    statement: Mapping[str, Any], baseline: Mapping[str, Any] | None, closing: Mapping[str, Any], digest: str
) -> str:
    """The figures as name and value, and whether they are final."""
    flat = [("field", "value"), *_flat("", statement)]
    if baseline is not None:
        flat += list(_flat("baseline_12_months.", baseline))
    flat += [*_flat("closing.", closing), ("digest", digest)]
    return _rows([(name, _harmless(text)) for name, text in flat])


def _line(line: Mapping[str, Any]) -> Sequence[Any]:
    evidence = ";".join(f"{touch['signal']}:{touch['weight']:g}" for touch in line["touchpoints"])
    order_amount = line["order_amount"] or {}
    revenue = line["incremental_revenue"] or {}
    fields = {
        **{column: _harmless(str(line.get(column) or "")) for column in LINE_COLUMNS},
        "order_amount": order_amount.get("amount", ""),
        "order_currency": order_amount.get("currency", ""),
        "incremental_revenue": revenue.get("amount", ""),
        "currency": revenue.get("currency", ""),
        **{column: _amount(line[column]) for column in _AMOUNTS},
        "confidence": f"{line['confidence']:g}",
        "evidence": _harmless(evidence),
        "correction": "yes" if line["correction"] else "no",
        "corrects": _month(line["corrects"]),
    }
    return [fields[column] for column in LINE_COLUMNS]


def _flat(prefix: str, fields: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, found in fields.items():
        if isinstance(found, Mapping):
            yield from _flat(f"{prefix}{name}.", found)
        elif isinstance(found, list) and found:
            yield from _flat(f"{prefix}{name}.", {str(at): each for at, each in enumerate(found, start=1)})
        else:
            yield prefix + name, "" if found is None or found == [] else str(found)


def _amount(money: Mapping[str, str] | None) -> str:
    return "" if money is None else money["amount"]


def _month(month: Mapping[str, int] | None) -> str:
    return "" if month is None else f"{month['year']:04d}-{month['month']:02d}"


def _harmless(text: str) -> str:
    """A spreadsheet must not take text of a shop for a formula; plain numbers stay as they are."""
    if not text.startswith(_FORMULA) or text[1:].replace(".", "", 1).isdigit():
        return text
    return "'" + text


def _rows(rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()

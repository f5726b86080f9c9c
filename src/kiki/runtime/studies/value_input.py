"""Reads customers' orders, or their summaries, from a CSV file: quickly, and saying which line is wrong."""

from __future__ import annotations

import datetime as dt
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kiki.council.syncvalue.models.errors import BadHistory
from kiki.council.syncvalue.models.histories import Floats, Histories, Integers, Spend, histories, spend
from kiki.council.syncvalue.models.purchases import Purchases, purchases
from kiki.kit.textfile import BadFile, Header, header_of, open_text, rows_of
from kiki.kit.written import DateStyle, Order
from kiki.runtime.studies.value_columns import Column, Problems, day_of, days, numbers
from kiki.runtime.studies.value_returns import net_of_returns

_NAMES = {
    "customer": (
        "customer", "customer_id", "customerid", "cust", "cust_id", "client", "client_id", "user", "user_id", "userid",
        "buyer", "buyer_id", "visitor_id", "customer_email", "billing_email", "email", "id",
    ),
    "date": (
        "date", "datetime", "day", "order_date", "orderdate", "ordered_at", "created_at", "date_created", "paid_at",
        "timestamp", "invoicedate", "invoice_date", "purchase_date", "purchased_at", "transaction_date", "time",
    ),
    "amount": (
        "amount", "order_amount", "value", "order_value", "spend", "total", "order_total", "total_price", "net_amount",
        "net_revenue", "revenue", "sales", "monetary_value", "amount_spent", "price",
    ),
    "quantity": ("quantity", "qty"),
    "unit_price": ("unit_price", "unitprice", "price"),
    "x": ("x", "frequency"),
    "t_x": ("t_x", "tx", "recency"),
    "t": ("t", "t_cal", "age"),
    "mean": ("zbar", "monetary_value", "mean_spend", "m_x"),
}  # fmt: skip
"""Names that a column may have, as `key_of` writes them; the first one that is present counts."""
_WANTED = "a file needs the columns customer and date (and amount), or x, t_x and T"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read."""

    leave_out_bad_lines: bool = False
    date_order: Order | None = None


@dataclass(frozen=True, slots=True)
class Orders:
    """A file of orders. Customer number i of `purchases` is called `labels[i]`."""

    labels: list[str]
    purchases: Purchases
    rows: int
    notes: dict[str, object] = field(default_factory=dict)
    """What was not taken as it stands: returns, and lines that were left out."""


@dataclass(frozen=True, slots=True)
class Summaries:
    """A file of a row per customer; `spend` is `None` where no column says what they spent."""

    labels: list[str]
    histories: Histories
    spend: Spend | None
    notes: dict[str, object] = field(default_factory=dict)


def read_customers(path: Path, how: Reading | None = None) -> Orders | Summaries:
    """The file's orders (customer, date, amount) or summaries (x, t_x, T), told apart by the header.

    What `kit/textfile.py` opens and `kit/written.py` reads is understood: several encodings, gzip, four delimiters,
    decimal commas, currency signs, the usual ways to write a date. Without an amount, quantity times unit price counts.
    A negative amount is a return. `-` reads standard input. A time with an offset counts on its day in UTC. Raises
    `BadFile`.
    """
    how = how or Reading()
    problems = Problems(how.leave_out_bad_lines)
    with open_text(path) as file:
        header = header_of(file.text)
        places = header.places(_NAMES)
        rows = rows_of(file.text, header, problems.row)
        if {"x", "t_x", "t"} <= places.keys():
            return _summaries(rows, header, places, problems)
        if {"customer", "date"} <= places.keys():
            return _orders(rows, header, places, problems, how)
    raise BadFile(f"{_WANTED}; got {', '.join(header.names)}")


def read_day(text: str) -> dt.date:
    """A day given as an ISO date (or 2026/01/31), or as a time, which counts on its day in UTC. Raises `ValueError`."""
    return day_of(DateStyle().read(text))


def _orders(
    rows: Iterator[tuple[int, list[str]]], header: Header, places: dict[str, int], problems: Problems, how: Reading
) -> Orders:
    codes: dict[str, int] = {}
    customers = array("q")
    who_at, when_at, worth_at = places["customer"], places["date"], _worth_at(places)
    when = Column(header.names[when_at])
    worth = [Column(header.names[place]) for place in worth_at]
    pairs = list(zip(worth, worth_at, strict=True))
    for line, row in rows:
        name = row[who_at].strip()
        if not name:
            problems.row(f"line {line} names no customer")
            continue
        customers.append(codes.setdefault(name, len(codes)))
        when.add(row[when_at], line)
        for column, place in pairs:
            column.add(row[place], line)
    if not codes:
        raise BadFile(f"the file has a header and no row{_that_can_be_used(problems)}")
    day = days(when, problems, how.date_order)
    amount: Floats | None = None
    for column in worth:
        read = numbers(column, problems)
        amount = read if amount is None else amount * read
    return _made(list(codes), np.array(customers, dtype=np.int64), day, amount, problems)


def _worth_at(places: dict[str, int]) -> list[int]:
    """Where what was paid stands: one column, or quantity and unit price, or none."""
    factors = [places[name] for name in ("quantity", "unit_price") if name in places]
    if len(factors) == 2 and places.get("amount", factors[1]) == factors[1]:
        return factors
    return [places["amount"]] if "amount" in places else []


def _made(labels: list[str], who: Integers, day: Integers, amount: Floats | None, problems: Problems) -> Orders:
    good = day > 0 if amount is None else (day > 0) & np.isfinite(amount)
    problems.rows += len(good) - int(good.sum())
    if not good.any():
        raise BadFile(f"the file has no row{_that_can_be_used(problems)}")
    who, day, amount = who[good], day[good], amount if amount is None else amount[good]
    notes = _left_out(problems)
    rows = len(who)
    if amount is not None:
        net = net_of_returns(who, day, amount)
        who, day, amount = net.customer, net.day, net.amount
        if net.returns:
            notes |= {"returns": net.returns, "returns_unmatched": net.unmatched}
        if not len(who):
            raise BadFile("the file has returns alone (negative amounts), and no order")
    known = purchases(who, day, amount)
    present = np.unique(who).tolist()
    return Orders([labels[number] for number in present], known, rows, notes)


def _that_can_be_used(problems: Problems) -> str:
    return f" that can be used: {problems.first}" if problems.first else ""


def _left_out(problems: Problems) -> dict[str, object]:
    return {"left_out": problems.rows, "left_out_first": problems.first} if problems.rows else {}


def _summaries(
    rows: Iterator[tuple[int, list[str]]], header: Header, places: dict[str, int], problems: Problems
) -> Summaries:
    names = [name for name in ("x", "t_x", "t", "mean") if name in places]
    columns = {name: Column(header.names[places[name]]) for name in names}
    pairs = [(columns[name], places[name]) for name in names]
    label_at = places.get("customer")
    labels: list[str] = []
    lines = array("q")
    for line, row in rows:
        for column, place in pairs:
            column.add(row[place], line)
        lines.append(line)
        labels.append(row[label_at].strip() if label_at is not None else str(len(lines)))
    if not labels:
        raise BadFile(f"the file has a header and no row{_that_can_be_used(problems)}")
    values = {name: numbers(column, problems) for name, column in columns.items()}
    good = np.all([np.isfinite(column) for column in values.values()], axis=0)
    problems.rows += len(good) - int(good.sum())
    if not good.any():
        raise BadFile(f"the file has no row{_that_can_be_used(problems)}")
    kept = np.flatnonzero(good)
    try:
        known = histories(*(values[name][kept] for name in ("x", "t_x", "t")))
        money = None
        if "mean" in values:
            mean = values["mean"][kept]
            money = spend(np.where(mean != 0, known.x, 0.0), mean)
    except BadHistory as error:
        wrong = int(error.data.get("row", 0))
        said = error.message.replace(f"customer {wrong} has", "got")
        raise BadFile(f"line {lines[int(kept[wrong])]}: {said}") from None
    return Summaries([labels[row] for row in kept.tolist()], known, money, _left_out(problems))

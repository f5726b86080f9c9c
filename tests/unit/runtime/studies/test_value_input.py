"""Files of customers are read as people write them, and refused with the line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from kiki.runtime.studies.value_input import BadFile, Orders, Summaries, read_customers


def read(folder: Path, text: str | bytes) -> Orders | Summaries:
    path = folder / "customers.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_customers(path)


def orders(folder: Path, text: str | bytes) -> Orders:
    found = read(folder, text)
    assert isinstance(found, Orders)
    return found


def summaries(folder: Path, text: str | bytes) -> Summaries:
    found = read(folder, text)
    assert isinstance(found, Summaries)
    return found


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("customer,date,amount\na,2026-01-02,3\nb,2026-01-03,4.5\n", id="plain"),
        pytest.param("\ufeffcustomer,date,amount\na,2026-01-02,3\nb,2026-01-03,4.5\n", id="byte order mark"),
        pytest.param("AMOUNT;Date;Customer_ID\r\n3;2026-01-02;a\r\n4.5;2026-01-03;b\r\n", id="capitals and semicolons"),
        pytest.param(
            '"customer"\t"date"\t"amount"\na\t"2026-01-02"\t3\n\nb\t2026-01-03\t4.5', id="tabs and blank lines"
        ),
        pytest.param("\n\ncustomer , date , amount\n a , 2026-01-02 , 3 \n b , 2026-01-03 , 4.5 \n", id="spaces"),
        pytest.param("customer,date,amount,note\na,20260102,3,x\nb,2026-01-03T23:10:00Z,4.5,y\n", id="other ISO forms"),
        pytest.param("customer,date,amount\na,2026/01/02,3\nb,2026/01/03 10:00,4.5\n", id="slashes"),
        pytest.param(
            "customer,date,amount\na,2026-01-03T01:00:00+02:00,3\nb,2026-01-02 23:30:00.5-05:00,4.5\n", id="offsets"
        ),
    ],
)
def test_orders_are_read_as_people_write_them(tmp_path: Path, text: str) -> None:
    found = orders(tmp_path, text)
    assert found.labels == ["a", "b"]
    assert [dt.date.fromordinal(day) for day in found.purchases.day.tolist()] == [
        dt.date(2026, 1, 2),
        dt.date(2026, 1, 3),
    ]
    assert found.purchases.amount.tolist() == [3, 4.5]


def test_amounts_are_optional(tmp_path: Path) -> None:
    found = orders(tmp_path, "customer,date\na,2026-01-02\na,2026-01-02\na,2026-01-05\n")
    assert not found.purchases.has_amounts
    assert (found.rows, len(found.purchases.day)) == (3, 2)


@pytest.mark.parametrize("header", ["x,t_x,T,zbar", "frequency,recency,T,monetary_value", "X,T_X,t,ZBAR"])
def test_summaries_are_read_under_all_their_names(tmp_path: Path, header: str) -> None:
    found = summaries(tmp_path, f"{header}\n2,30.43,38.86,22.35\n0,0.00,38.86,0.00\n1.0,1.71,38.86,11.77\n")
    assert found.histories.x.tolist() == [2, 0, 1]
    assert found.histories.t_x.tolist() == [30.43, 0, 1.71]
    assert found.histories.age.tolist() == [38.86] * 3
    assert found.spend is not None
    assert found.spend.purchases.tolist() == [2, 0, 1]
    assert found.spend.mean.tolist() == [22.35, 0, 11.77]
    assert found.labels == ["1", "2", "3"]


def test_summaries_keep_the_customers_names_and_need_no_spend(tmp_path: Path) -> None:
    found = summaries(tmp_path, "ID,frequency,recency,T\nann,1,2,3\nbob,0,0,3\n")
    assert found.labels == ["ann", "bob"]
    assert found.spend is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("customer,date,amount\n", "a header and no row", id="no row"),
        pytest.param("x,t_x,T\n", "a header and no row", id="no summary"),
        pytest.param("who,when\na,b\n", "customer and date .* or x, t_x and T; got who, when", id="columns"),
        pytest.param("customer,date\na,2026-01-02\nb,02/01/2026\n", "line 3: a date .* '02/01/2026'", id="date"),
        pytest.param("customer,date\na,2026-02-30\n", "line 2: a date", id="no such day"),
        pytest.param("customer,date\n\na,\n", "line 3: a date .* ''", id="no date"),
        pytest.param("customer,date\n ,2026-01-02\n", "line 2 names no customer", id="no customer"),
        pytest.param("customer,date,amount\na,2026-01-02\n", "line 2 has 2 columns, the header has 3", id="short"),
        pytest.param(
            "customer,date,amount\na,2026-01-02,$5\n", "line 2: amount must be a number, got '\\$5'", id="money"
        ),
        pytest.param("customer,date,amount\na,2026-01-02,-5\n", "line 2: an amount .* got -5", id="negative amount"),
        pytest.param("customer,date,amount\na,2026-01-02,nan\n", "line 2: amount must be finite", id="nan amount"),
        pytest.param("x,t_x,T\n1,2,3\n1,4,3\n", "line 3: the recency t_x must not exceed", id="recency"),
        pytest.param("x,t_x,T\n1,2,3\n\n1.5,2,3\n", "line 4: x must be a whole number", id="half a purchase"),
        pytest.param("x,t_x,T\n-1,0,3\n", "line 2: .*must not be negative", id="negative"),
        pytest.param("x,t_x,T\n1,2,inf\n", "line 2: T must be finite", id="infinite"),
        pytest.param("x,t_x,T\n1,two,3\n", "line 2: t_x must be a number, got 'two'", id="word"),
        pytest.param("x,t_x,T,zbar\n1,2,3,-4\n", "line 2: .*1 purchases of -4", id="negative spend"),
        pytest.param(b"customer,date\n\xff,2026-01-02\n", "not UTF-8|cannot be read", id="bytes"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(BadFile, match=message):
        read(tmp_path, text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="cannot be read"):
        read_customers(tmp_path / "none.csv")

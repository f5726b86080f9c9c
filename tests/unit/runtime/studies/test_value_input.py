"""Files of customers are read as people write them, and refused with the line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from kiki.runtime.studies.value_input import BadFile, Orders, Reading, Summaries, read_customers


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


def test_money_and_days_are_read_as_their_columns_write_them(tmp_path: Path) -> None:
    german = orders(
        tmp_path, "Kunde;customer;Order Date;Order Total (EUR)\nx;a;31.01.2026;1.234,50 €\nx;b;1.2.2026;3,00\n"
    )
    assert german.purchases.amount.tolist() == [1234.5, 3]
    american = orders(tmp_path, 'CustomerID,InvoiceDate,Sales\na,1/31/2026 8:26,"$1,234.50"\nb,2/1/2026 9:00,$3.00\n')
    assert american.purchases.amount.tolist() == [1234.5, 3]
    assert american.purchases.day.tolist() == german.purchases.day.tolist()
    assert dt.date.fromordinal(german.purchases.first_day) == dt.date(2026, 1, 31)


def test_milliseconds_are_a_time_and_no_day_of_1704(tmp_path: Path) -> None:
    found = orders(tmp_path, "customer,timestamp\na,1704110400000\n")
    assert dt.date.fromordinal(found.purchases.first_day) == dt.date(2024, 1, 1)


def test_days_before_or_after_months_can_be_said(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("customer,date\na,01/02/2026\n")
    for order, day in (("dmy", dt.date(2026, 2, 1)), ("mdy", dt.date(2026, 1, 2))):
        found = read_customers(path, Reading(date_order=order))  # type: ignore[arg-type]
        assert isinstance(found, Orders)
        assert dt.date.fromordinal(found.purchases.first_day) == day


def test_without_an_amount_quantity_times_unit_price_counts(tmp_path: Path) -> None:
    rows = ["1,6,2026-01-02,2.5,a", "1,2,2026-01-02,1,a", "C2,-6,2026-01-09,2.5,a"]
    text = "\n".join(["InvoiceNo,Quantity,InvoiceDate,UnitPrice,CustomerID", *rows])
    found = orders(tmp_path, text)
    assert found.purchases.amount.tolist() == [2]
    assert found.notes == {"returns": 1, "returns_unmatched": 0.0}


def test_returns_lessen_the_latest_purchases_before_them(tmp_path: Path) -> None:
    rows = [
        "a,2026-01-01,10",
        "a,2026-01-05,4",
        "a,2026-01-09,-6",
        "a,2026-01-12,7",
        "b,2026-01-01,-3",
        "b,2026-01-02,5",
    ]
    text = "\n".join(["customer,date,amount", *rows])
    found = orders(tmp_path, text)
    assert found.purchases.amount.tolist() == [8, 0, 7, 5], "a purchase that was returned whole stays a purchase"
    assert found.notes == {"returns": 2, "returns_unmatched": 3.0}
    assert found.rows == 6


def test_who_only_returned_is_no_customer(tmp_path: Path) -> None:
    found = orders(tmp_path, "customer,date,amount\na,2026-01-01,-3\nb,2026-01-02,5\n")
    assert found.labels == ["b"]


def test_bad_lines_can_be_left_out_and_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(
        "customer,date,amount\na,2026-01-01,3\n,2026-01-01,3\na,soon,3\na,2026-01-02,x\na,1\na,2026-01-03,4\n"
    )
    found = read_customers(path, Reading(leave_out_bad_lines=True))
    assert isinstance(found, Orders)
    assert found.purchases.amount.tolist() == [3, 4]
    assert found.notes["left_out"] == 4
    assert "line 3 names no customer" in str(found.notes["left_out_first"])


def test_bad_summaries_can_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("id,x,t_x,T\nann,1,2,3\nbob,,0,3\ncy,0,0,3\n")
    found = read_customers(path, Reading(leave_out_bad_lines=True))
    assert isinstance(found, Summaries)
    assert (found.labels, found.notes["left_out"]) == (["ann", "cy"], 1)


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
        pytest.param(
            "customer,date\na,2026-01-02\nb,02/01/2026\n", "line 3: date: '02/01/2026' .* --date-order", id="date"
        ),
        pytest.param("customer,date\na,2026-02-30\n", "line 2: date is written .* got '2026-02-30'", id="no such day"),
        pytest.param("customer,date\n\na,\n", "line 3: date is written .* ''", id="no date"),
        pytest.param("customer,date\n ,2026-01-02\n", "line 2 names no customer", id="no customer"),
        pytest.param("customer,date,amount\na,2026-01-02\n", "line 2 has 2 columns, the header has 3", id="short"),
        pytest.param(
            "customer,date,amount\na,2026-01-02,5k\n",
            "line 2: amount must be a finite number, got '5k'",
            id="word for money",
        ),
        pytest.param("customer,date,amount\na,2026-01-02,-5\n", "returns alone", id="returns alone"),
        pytest.param("customer,date,amount\na,2026-01-02,nan\n", "line 2: amount must be a .* 'nan'", id="nan amount"),
        pytest.param("customer,date,amount\na,2026-01-02,12,50\n", "line 2 has 4 columns", id="decimal comma bare"),
        pytest.param(
            'customer,date,amount\na,2026-01-02,"1,250"\n', "line 2: amount: '1,250' may be", id="either mark"
        ),
        pytest.param("customer,date,amount\na,2026-01-02,1e300\n", "line 2: amount must be a finite", id="too large"),
        pytest.param("customer,date,date\na,2026-01-02,2026-01-03\n", "names 'date' twice", id="twice"),
        pytest.param("x,t_x,T\n1,2,3\n1,4,3\n", "line 3: the recency t_x must not exceed", id="recency"),
        pytest.param("x,t_x,T\n1,2,3\n\n1.5,2,3\n", "line 4: x must be a whole number", id="half a purchase"),
        pytest.param("x,t_x,T\n-1,0,3\n", "line 2: .*must not be negative", id="negative"),
        pytest.param("x,t_x,T\n1,2,inf\n", "line 2: T must be a .* 'inf'", id="infinite"),
        pytest.param("x,t_x,T\n1,two,3\n", "line 2: t_x must be a finite number, got 'two'", id="word"),
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

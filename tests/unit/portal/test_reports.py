"""Statement tables and documents."""

from __future__ import annotations

import csv
import datetime as dt
import io
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from kiki.commerce.stores import StoreConnection
from kiki.orchestrator.closing.months import Month
from kiki.orchestrator.closing.repository import MonthRow, State
from kiki.orchestrator.closing.requests import RequestRow
from kiki.portal.convert import message_json
from kiki.portal.reports import spreadsheet
from kiki.portal.reports.closing import closing_json
from kiki.portal.reports.local_times import localized
from kiki.portal.reports.pdf import typeset
from kiki.portal.reports.statement import StatementPage
from kiki.rpc.v1 import syncledger_pb2 as ledger
from kiki.rpc.v1 import syncvalue_pb2 as value

LINE = ledger.StatementLine(
    order_id="#strong[1]",
    kind=ledger.ENTRY_KIND_REVENUE,
    confidence=0.8,
    campaign_id="=HYPERLINK(1)",
    fee=Money(currency_code="EUR", units=20),
    incremental_revenue=Money(currency_code="EUR", units=100),
    touchpoints=[ledger.Touchpoint(signal="click", weight=0.5)],
)


def test_messages_become_plain_values() -> None:
    line = message_json(LINE)
    assert line["kind"] == "revenue"
    assert line["fee"] == {"amount": "20.00", "currency": "EUR"}
    assert line["paid_at"] is None


def test_text_of_a_shop_is_no_formula() -> None:
    row = spreadsheet.lines([message_json(LINE)])
    assert ",'=HYPERLINK(1)," in row
    assert "click:0.5" in row


def test_text_of_a_shop_is_no_markup_and_the_same_input_gives_the_same_document() -> None:
    document = {
        "store": {"store_id": 1, "display_name": "Müller #panic()", "platform": "shopify"},
        "statement": message_json(ledger.Statement(store_id=1, year=2026, month=1)),
        "orders": [message_json(LINE)] * 60,
        "next_page_token": "",
        "digest": "",
    }
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    first, second = (typeset((msgspec.json.encode(document).decode(), at)) for _ in range(2))
    assert first.startswith(b"%PDF")
    assert first == second


@pytest.mark.parametrize(
    "name",
    ["日本の店", "ร้านค้า", "🙂 Shop", "\x01\x1bShop", "\\u{1}\\ 日", '"日"', "".join(map(chr, range(0x4E00, 0x4F00)))],
)
def test_what_no_font_of_ours_can_show_is_printed_as_unknown(name: str) -> None:
    """PDF/A is refused for text without glyphs; the shop gets its statement."""
    fields = msgspec.json.decode(document(None))
    fields["store"]["display_name"] = name
    fields["orders"] = [message_json(ledger.StatementLine(order_id=name, confidence=1)), message_json(LINE)]
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    first, second = (typeset((msgspec.json.encode(fields).decode(), at)) for _ in range(2))
    assert first.startswith(b"%PDF")
    assert first == second


def euros(units: int) -> Money:
    return Money(currency_code="EUR", units=units)


BASELINE = value.Baseline(
    revenue=euros(1200),
    monthly_average=euros(100),
    months_available=12,
    complete=True,
    method=value.BASELINE_METHOD_PLAIN_AVERAGE,
    seasonal=value.SeasonalBaseline(
        model="seasonal-1",
        month=value.ExpectedRevenue(expected=euros(140), lower=euros(120), upper=euros(165)),
        interval_level=0.9,
        history_months=30,
        yearly_season=True,
        back_test=value.BaselineBackTest(origins=2, error=0.031, plain_error=0.18),
        recommended=value.BASELINE_METHOD_SEASONAL,
    ),
)


def document(baseline: value.Baseline | None) -> str:
    fields = {
        "store": {"store_id": 1, "display_name": "Shop", "platform": "shopify"},
        "statement": message_json(ledger.Statement(store_id=1, year=2026, month=1)),
        "baseline": None if baseline is None else message_json(baseline),
        "orders": [],
        "next_page_token": "",
        "digest": "",
    }
    return msgspec.json.encode(fields).decode()


def test_the_mean_confidence_is_told_without_the_noise_of_binary_fractions() -> None:
    statement = message_json(ledger.Statement(mean_confidence=(0.8 + 0.8 + 0.8) / 3, fee=Money(currency_code="EUR")))
    last = spreadsheet.total(statement, closing_json(None), "").split(",")
    assert last[spreadsheet.LINE_COLUMNS.index("confidence")] == "0.8"


def test_the_figures_tell_which_baseline_was_used_and_how_good_it_proved() -> None:
    table = spreadsheet.summary(message_json(ledger.Statement()), message_json(BASELINE), closing_json(None), "")
    rows = dict(line.split(",", 1) for line in table.splitlines())
    assert rows["baseline_12_months.method"] == "plain_average"
    assert rows["baseline_12_months.seasonal.month.lower.amount"] == "120.00"
    assert rows["baseline_12_months.seasonal.back_test.plain_error"] == "0.18"
    assert rows["baseline_12_months.seasonal.recommended"] == "seasonal"


def test_every_kind_of_baseline_can_be_printed() -> None:
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    untested = value.Baseline()
    untested.CopyFrom(BASELINE)
    untested.complete = False
    untested.seasonal.ClearField("back_test")
    untested.seasonal.ClearField("month")
    untested.seasonal.yearly_season = False
    failed = value.Baseline(
        method=value.BASELINE_METHOD_PLAIN_AVERAGE, seasonal=value.SeasonalBaseline(problem="TOO_SHORT")
    )
    kinds = (None, value.Baseline(), BASELINE, untested, failed)
    printed = [typeset((document(kind), at)) for kind in kinds]
    assert all(page.startswith(b"%PDF") for page in printed)
    assert len(set(printed)) == len(kinds)


def test_a_month_that_is_compared_in_part_shows_both_baselines() -> None:
    statement = ledger.Statement(
        store_id=1, year=2026, month=1, baseline_revenue=euros(30), whole_baseline_revenue=euros(100)
    )
    part = statement.compared.add()
    part.start.FromSeconds(1_768_000_000)
    part.end.FromSeconds(1_769_000_000)
    table = spreadsheet.summary(message_json(statement), None, closing_json(None), "")
    rows = dict(line.split(",", 1) for line in table.splitlines())
    assert (rows["baseline_revenue.amount"], rows["whole_baseline_revenue.amount"]) == ("30.00", "100.00")
    assert (rows["compared.1.start"], rows["experiment_refunds"]) == ("2026-01-09T23:06:40Z", "")
    at = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    fields = msgspec.json.decode(document(BASELINE))
    whole = typeset((msgspec.json.encode(fields).decode(), at))
    fields["statement"] = message_json(statement)
    in_part = typeset((msgspec.json.encode(fields).decode(), at))
    part.end.CopyFrom(part.start)
    fields["statement"] = message_json(statement)
    none = typeset((msgspec.json.encode(fields).decode(), at))
    assert all(page.startswith(b"%PDF") for page in (whole, in_part, none))
    assert len({whole, in_part, none}) == 3


AT = dt.datetime(2026, 2, 4, tzinfo=dt.UTC)
DIGEST = "ab12" * 16
COLUMNS_BEFORE = (
    "entry_id,kind,order_id,refund_id,ordered_at,paid_at,order_amount,order_currency,incremental_revenue,fee,currency,"
    "confidence,campaign_id,evidence,correction,exchange_rate,rate_date,model,recorded_at"
)
"""What programs read since before the closing stood in the table."""
CLOSED = ledger.Statement(store_id=1, year=2026, month=1, fee=euros(20), closed=True, closed_at=Timestamp(seconds=1))
OPEN = ledger.Statement(store_id=1, year=2026, month=1, fee=euros(20))


def followed(state: State, reason: str = "") -> MonthRow:
    return MonthRow(1, Month(2026, 1), AT, AT, AT, state, reason, AT if state is State.ASKED else None, None)


def rows_of(statement: ledger.Statement, row: MonthRow | None, digest: str = "") -> list[dict[str, str]]:
    closing = closing_json("1970-01-01T00:00:01Z" if statement.closed else None, row)
    table = spreadsheet.header() + spreadsheet.lines([message_json(LINE)])
    return list(csv.DictReader(io.StringIO(table + spreadsheet.total(message_json(statement), closing, digest))))


def test_columns_are_only_added_at_the_end() -> None:
    assert spreadsheet.header().startswith(COLUMNS_BEFORE + ",")
    before = len(COLUMNS_BEFORE.split(","))
    (line,) = csv.reader(io.StringIO(spreadsheet.lines([message_json(LINE)])))
    assert line[before:] == [""] * (len(line) - before), "an order has no closing of its own"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (None, ("open", "", "")),
        (followed(State.OPEN), ("open", "2026-02-04T00:00:00Z", "")),
        (followed(State.HELD, "READING_MISSING"), ("held", "2026-02-04T00:00:00Z", "READING_MISSING")),
        (followed(State.HELD, "=1+1"), ("held", "2026-02-04T00:00:00Z", "'=1+1")),
        (followed(State.ASKED), ("asked", "2026-02-04T00:00:00Z", "")),
        (followed(State.CLOSED), ("asked", "2026-02-04T00:00:00Z", "")),
    ],
    ids=["not followed", "open", "held", "a formula", "asked", "closed here and not in the books"],
)
def test_the_last_row_tells_how_far_the_closing_is(row: MonthRow | None, told: tuple[str, str, str]) -> None:
    last = rows_of(OPEN, row)[-1]
    assert (last["kind"], last["fee"]) == ("statement", "20.00")
    assert (last["closing"], last["closes_at"], last["closing_reason"], last["digest"]) == (*told, "")


def test_a_closed_month_carries_its_digest() -> None:
    line, last = rows_of(CLOSED, None, DIGEST)
    assert (last["closing"], last["closes_at"], last["digest"]) == ("closed", "1970-01-01T00:00:01Z", DIGEST)
    assert line["digest"] == ""


def test_the_figures_tell_the_closing_and_who_asked() -> None:
    request = RequestRow(1, Month(2026, 1), AT, "user:7", "+audit", "", None)
    closing = closing_json(None, followed(State.OPEN), request)
    table = spreadsheet.summary(message_json(OPEN), None, closing, "")
    rows = dict(line.split(",", 1) for line in table.splitlines())
    assert (rows["closing.state"], rows["closing.closes_at"]) == ("open", "2026-02-04T00:00:00Z")
    assert (rows["closing.by_hand.actor"], rows["closing.by_hand.why"]) == ("user:7", "'+audit")
    assert list(rows)[-1] == "digest"


def test_the_document_says_whether_it_is_final() -> None:
    printed = {}
    for name, statement, row in (
        ("final", CLOSED, None),
        ("open", OPEN, followed(State.OPEN)),
        ("alone", OPEN, None),
        ("held", OPEN, followed(State.HELD, "BASELINE_INCOMPLETE")),
        ("asked", OPEN, followed(State.ASKED, "NOT_YET")),
    ):
        fields = msgspec.json.decode(document(None))
        closed = statement.closed
        fields |= {
            "statement": message_json(statement),
            "closing": closing_json("1970-01-01T00:00:01Z" if closed else None, row),
            "digest": DIGEST if closed else "",
        }
        printed[name] = typeset((msgspec.json.encode(fields).decode(), AT))
    assert len(set(printed.values())) == len(printed)
    assert [name for name, page in printed.items() if b"Statement 2026-01, final" in page] == ["final"]
    assert [name for name, page in printed.items() if b"Statement 2026-01, preliminary" in page] == list(printed)[1:]


def stamp(text: str) -> Timestamp:
    made = Timestamp()
    made.FromJsonString(text)
    return made


def october(time_zone: str, start: str, end: str, **more: object) -> StatementPage:
    """A month whose first order is paid half an hour after it begins."""
    statement = ledger.Statement(store_id=1, year=2026, month=10, closed=True, closed_at=stamp(end), **more)  # type: ignore[arg-type]
    statement.period.start.CopyFrom(stamp(start))
    statement.period.end.CopyFrom(stamp(end))
    line = ledger.StatementLine()
    line.CopyFrom(LINE)
    line.paid_at.FromDatetime(stamp(start).ToDatetime() + dt.timedelta(minutes=30))
    return StatementPage(message_json(statement), None, [message_json(line)], "", DIGEST, time_zone)


STORE = cast("StoreConnection", SimpleNamespace(store_id=1, display_name="2026-10-01T00:00:00Z", platform="shopify"))


@pytest.mark.parametrize(
    ("zone", "start", "end", "paid_at", "closed_at"),
    [
        (
            "Europe/Berlin",
            "2026-09-30T22:00:00Z",
            "2026-10-31T23:00:00Z",
            "2026-10-01T00:30:00+02:00",
            "2026-11-01T00:00:00+01:00",
        ),
        (
            "America/New_York",
            "2026-10-01T04:00:00Z",
            "2026-11-01T04:00:00Z",
            "2026-10-01T00:30:00-04:00",
            "2026-11-01T00:00:00-04:00",
        ),
        (
            "UTC",
            "2026-10-01T00:00:00Z",
            "2026-11-01T00:00:00Z",
            "2026-10-01T00:30:00+00:00",
            "2026-11-01T00:00:00+00:00",
        ),
    ],
)
def test_what_is_printed_tells_days_and_times_by_the_stores_clock(
    zone: str, start: str, end: str, paid_at: str, closed_at: str
) -> None:
    page = october(zone, start, end)
    printed = page.printable(STORE, page.closing(None, None))
    assert (printed["days"], printed["time_zone"]) == (("2026-10-01", "2026-10-31"), zone)
    assert printed["orders"][0]["paid_at"] == paid_at
    assert (printed["statement"]["closed_at"], printed["closing"]["closes_at"]) == (closed_at, closed_at)
    assert printed["store"]["display_name"] == "2026-10-01T00:00:00Z", "the text of a shop is no time"
    assert printed["statement"]["fee"] is None
    (row,) = csv.DictReader(io.StringIO(spreadsheet.header() + spreadsheet.lines(localized(page.lines, zone))))
    assert row["paid_at"] == paid_at
    assert page.document(STORE, page.closing(None, None))["orders"][0]["paid_at"].endswith("Z"), "for programs: UTC"


def test_a_credit_and_what_it_corrects_can_be_printed() -> None:
    corrected = ledger.MonthCorrection(
        month=ledger.BillingMonth(year=2026, month=9), rule=ledger.FEE_RULE_UPLIFT, fee_rate="0.20", fee=euros(-20)
    )
    by_reading = ledger.MonthCorrection(month=ledger.BillingMonth(year=2026, month=8), revenue=euros(-5))
    pages = []
    for more in ({"fee": euros(20)}, {"fee": euros(-20), "number": 2, "corrections": [corrected, by_reading]}):
        page = october("Europe/Berlin", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z", **more)
        given = page.printable(STORE, page.closing(followed(State.CLOSED, "DEAD_LETTERS"), None))
        pages.append(typeset((msgspec.json.encode(given).decode(), AT)))
    assert all(page.startswith(b"%PDF") for page in pages)
    assert len(pages[1]) > len(pages[0])


def test_a_closed_month_tells_that_something_was_left_out() -> None:
    at = "1970-01-01T00:00:01Z"
    assert closing_json(at, followed(State.CLOSED, "DEAD_LETTERS"))["reason"] == "DEAD_LETTERS"
    assert closing_json(at, followed(State.HELD, "READING_MISSING"))["reason"] == "", "closed otherwise"

"""Files of exchange rates: the European Central Bank's, plain ones, and what is no such file."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiki.commerce.exchange.files import read_bytes, read_day, read_text
from kiki.commerce.exchange.rates import Rate, RateTable
from kiki.kit.money import exchanged
from kiki.kit.textfile import BadFile

DAILY = "Date, USD, JPY, BGN, \n20 November 2026, 1.1545, 163.25, 1.9558, \n"
HISTORY = "Date,USD,JPY,CYP,\n2026-11-20,1.1545,163.25,N/A,\n2026-11-19,1.1520,162.80,N/A,\n"
XML = """<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
	<gesmes:subject>Reference rates</gesmes:subject>
	<gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
	<Cube>
		<Cube time='2026-11-20'>
			<Cube currency='USD' rate='1.1545'/>
			<Cube currency='JPY' rate='163.25'/>
		</Cube>
		<Cube time="2026-11-19"><Cube currency="USD" rate="1.1520"/></Cube>
	</Cube>
</gesmes:Envelope>"""
BOMB = """<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol1 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<Cube time='2026-11-20'><Cube currency='USD' rate='&lol1;'/></Cube>"""
OUTSIDE = """<!DOCTYPE a SYSTEM "file:///etc/passwd"><Cube time='2026-11-20'><Cube currency='USD' rate='1'/></Cube>"""
PLAIN = "date;base;quote;rate;note\n2026-11-20;usd;EUR;0.8662;bank\n2026-11-19;GBP;EUR;1.1348;\n"


def told(text: str) -> list[tuple[str, str, str, str, str]]:
    return [(str(rate.day), rate.base, rate.quote, str(rate.rate), rate.source) for rate in read_text(text)]


def test_the_banks_file_of_one_day() -> None:
    assert told(DAILY) == [
        ("2026-11-20", "EUR", "USD", "1.1545", "ecb"),
        ("2026-11-20", "EUR", "JPY", "163.25", "ecb"),
        ("2026-11-20", "EUR", "BGN", "1.9558", "ecb"),
    ]


def test_the_banks_history_leaves_out_what_it_does_not_have() -> None:
    assert [(rate[0], rate[2]) for rate in told(HISTORY)] == [
        ("2026-11-20", "USD"),
        ("2026-11-20", "JPY"),
        ("2026-11-19", "USD"),
        ("2026-11-19", "JPY"),
    ]


def test_the_banks_xml_says_the_same() -> None:
    assert told(XML) == [
        ("2026-11-20", "EUR", "USD", "1.1545", "ecb"),
        ("2026-11-20", "EUR", "JPY", "163.25", "ecb"),
        ("2026-11-19", "EUR", "USD", "1.1520", "ecb"),
    ]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("Date, USD, \n20 November 2026, 1.25, \n", "ecb"),
        ("Date,JPY,USD,\n2026-11-20,160,1.25,\n2026-11-19,100,9,\n", "ecb"),
        ("<Cube time='2026-11-20'><Cube currency='USD' rate='1.25'/></Cube>", "ecb"),
        ("<Cube time='2026-11-20'><Cube rate='1.250' currency='USD'/></Cube>", "ecb"),
        ("date,base,quote,rate\n2026-11-20,EUR,USD,1.25\n", "file"),
        ("date,base,quote,rate\n2026-11-20,USD,EUR,0.8\n", "file"),
        ("rate;to;from;day\n1.25;USD;EUR;2026-11-20\n", "file"),
        ("quote_currency\tbase_currency\trate\tdate\neur\tusd\t0.8\t2026-11-20\n", "file"),
        ("date,base,quote,rate\n2026-11-20,USD,CHF,1\n2026-11-20,EUR,CHF,1.25\n", "file via CHF"),
    ],
)
def test_every_format_says_which_way_round_its_rates_are(text: str, source: str) -> None:
    """One euro is 1.25 dollars, so 100.00 dollars are 80.00 euros; the other way round they would be 125.00."""
    day = dt.date(2026, 11, 20)
    table = RateTable(read_text(text))
    found, back = table.newest("USD", "EUR", day), table.newest("EUR", "USD", day)
    assert found is not None
    assert back is not None
    assert (found.text, back.text, found.source) == ("0.8", "1.25", source)
    assert exchanged(10_000, "USD", "EUR", found.rate) == 8_000


@given(
    st.sampled_from(["USD", "JPY", "KWD"]),
    st.sampled_from(["EUR", "JPY", "KWD"]),
    st.decimals("0.0001", "9999", places=4),
    st.integers(-(10**9), 10**9),
)
def test_money_is_exchanged_exactly_whatever_the_decimals(base: str, quote: str, rate: Decimal, minor: int) -> None:
    """Against fractions: the amount in major units times the rate, in the other's minor units, halves up."""
    decimals = {"JPY": 0, "USD": 2, "EUR": 2, "KWD": 3}
    if base == quote:
        return
    told = read_text(f"date,base,quote,rate\n2026-11-20,{base},{quote},{rate}\n")[0]
    exact = Fraction(minor, 10 ** decimals[base]) * Fraction(told.rate) * 10 ** decimals[quote]
    doubled = 2 * abs(exact)
    wanted = (doubled.numerator + doubled.denominator) // (2 * doubled.denominator)
    assert exchanged(minor, base, quote, told.rate) == (wanted if minor >= 0 else -wanted)


def test_the_bank_zips_its_csv() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("eurofxref.csv", DAILY)
    assert read_bytes(packed.getvalue()) == read_text(DAILY)
    assert read_bytes(b"\xef\xbb\xbf" + XML.encode()) == read_text(XML)


def test_a_plain_file_names_both_currencies() -> None:
    assert read_text(PLAIN) == [
        Rate("USD", "EUR", dt.date(2026, 11, 20), Decimal("0.8662"), "file"),
        Rate("GBP", "EUR", dt.date(2026, 11, 19), Decimal("1.1348"), "file"),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "document type"),
        (OUTSIDE, "document type"),
        ("<Cube><Cube currency='USD' rate='1'/></Cube>", "before the day"),
        ("<Cube time='2026-11-20'>\n<Cube currency='USD' rate='one'/></Cube>", "line 2: a rate is positive"),
        ("<Cube time='2026-11-20'><Cube currency='US$' rate='1'/></Cube>", "ISO 4217"),
        ("<Cube time='tomorrow'/>", "a day is written"),
        ("<Cube time='2026-11-20'>", "not XML"),
        ("<html><body>Sorry</body></html>", "no exchange rate"),
        ("", "empty"),
        ("Date,USD,\n", "no exchange rate"),
        ("name,price\nlamp,3\n", "wanted the columns date"),
        ("Date,USD,Weather\n2026-11-20,1.1,sunny\n", "wanted the columns date"),
        ("Date,USD\n2026-11-31,1.1\n", "line 2: a day is written"),
        ("Date,USD\n2026-11-20,1.1\n2026-11-19,-1\n", "line 3: a rate is positive"),
        ("Date,EUR\n2026-11-20,1\n", "EUR twice"),
        ("date,base,quote,rate\n2026-11-20,USD,EUR,0.9\n2026-11-20,USD,EUR,0.91\n", "stands there twice"),
        ("date,base,quote,rate\n2026-11-20,USD,EUR\n", "line 2 has 3 columns"),
    ],
)
def test_what_is_no_file_of_rates_is_refused_with_its_line(text: str, says: str) -> None:
    with pytest.raises(BadFile, match=says):
        read_text(text)


@pytest.mark.parametrize("data", [b"PK\x03\x04nothing", b"\xff\xfe\xfa", b"PK\x03\x04"])
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    with pytest.raises(BadFile):
        read_bytes(data)


def _zipped(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("eurofxref.csv", text)
    return packed.getvalue()


@given(
    st.sampled_from([DAILY, HISTORY, XML, PLAIN, BOMB]),
    st.booleans(),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=3)), max_size=4),
)
def test_a_garbled_document_is_read_or_refused(text: str, packed: bool, changes: list[tuple[float, bytes]]) -> None:
    data = _zipped(text) if packed else text.encode()
    for place, put in changes:
        at = int(place * len(data))
        data = data[:at] + put + data[at + len(put) :]
    try:
        rates = read_bytes(data)
    except BadFile:
        return
    assert all(0 < rate.rate < 10**12 and rate.base != rate.quote for rate in rates)


def test_an_archive_of_several_documents_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", DAILY)
        archive.writestr("b.csv", DAILY)
    with pytest.raises(BadFile, match="one document, got 2"):
        read_bytes(packed.getvalue())


@pytest.mark.parametrize("text", ["20261120", "2026-W47-5", "20.11.2026", "31 Nov 2026", "1 Foo 2026", "2026-11-2O"])
def test_other_ways_to_write_a_day_are_refused(text: str) -> None:
    with pytest.raises(BadFile):
        read_day(text)

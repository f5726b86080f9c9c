"""Anybody's file of paths: its forms, its separators, and what is said when it cannot be read."""

from __future__ import annotations

import pytest

from kiki.kit.errors import InvalidInput
from kiki.orchestrator.attribution.path_reading import PathFormat, read_paths
from kiki.orchestrator.attribution.paths import Path


def read(text: str, **form: object) -> list[Path]:
    return list(read_paths(text.splitlines(keepends=True), PathFormat(**form)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("path,conversions,null,value\na > b,2,3,10\nb,0,1,\n", id="plain"),
        pytest.param(
            "Path;Total Conversions;Total_Null;Conversion Value\na>b;2;3;10\nb;0;1;0\n", id="semicolon-aliases"
        ),
        pytest.param("\ufeffPATH\tConv\tNulls\tRevenue\na|b\t2\t3\t10\nb\t0\t1\t\n", id="tab-pipe-bom"),
        pytest.param('path,conv,null,value\n"a, b",2,3,10\nb,0,1,0\n', id="quoted-commas"),
        pytest.param("\n\npath,conv,null,value\na -> b,2,3,10\n\nb,0,1,0\n", id="arrows-and-blank-lines"),
        pytest.param(
            '{"paths": [{"path": ["a", "b"], "conv": 2, "null": 3, "value": 10},'
            ' {"path": ["b"], "conv": 0, "null": 1}]}',
            id="json",
        ),
        pytest.param(
            '[{"path": "a > b", "conv": 2, "null": 3, "value": 10},\n {"path": "b", "conv": 0, "null": 1}]',
            id="json-list",
        ),
        pytest.param(
            '{"path": "a > b", "conv": 2, "null": 3, "value": 10}\n{"path": "b", "conv": 0, "null": 1}\n',
            id="json-lines",
        ),
    ],
)
def test_a_row_is_a_path(text: str) -> None:
    assert read(text) == [Path(("a", "b"), 2, 3, 10), Path(("b",), 0, 1, 0)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "path,conv,null\n(start) > a > b > (conversion),1,0\n(start) > b > (null),0,1\n", id="with counts"
        ),
        pytest.param("path\nStart > a > b > Conversion\nStart > b > Null\n", id="without counts"),
        pytest.param("channel 1,channel 2,converted\na,b,yes\nb,,no\n", id="a column per step"),
        pytest.param("path,converted\n\"['a', 'b']\",1\n['b'],0\n", id="lists of Python"),
        pytest.param('path,converted\n"[""a"", ""b""]",1\n"[""b""]",0\n', id="lists of JSON"),
        pytest.param("sep=;\npath;conv\na>b;1\nb;0\n", id="a line that says the separator"),
    ],
)
def test_other_ways_to_write_paths(text: str) -> None:
    assert read(text) == [Path(("a", "b"), 1, 0), Path(("b",), 0, 1)]


def test_numbers_are_read_as_the_column_writes_them() -> None:
    german = read("path;conv;null;value\na;2;3;10,50\nb;1;0;1.040,00 €\n")
    assert [path.value for path in german] == [10.5, 1040.0]
    (counts,) = read('path,conv,null,value\na,"1,200","3,000",$10.50\n')
    assert (counts.conversions, counts.nulls, counts.value) == (1200, 3000, 10.5)


def test_a_name_with_a_bracket_in_it_is_no_list() -> None:
    assert read("path,conv\n[brand] > [generic],1\n")[0].channels == ("[brand]", "[generic]")


def test_days_written_as_one_number_are_days_and_no_seconds() -> None:
    (found,) = read("user,channel,time,conversion\nu,a,20260101,0\nu,,20260131,1\n")
    assert found.days == (30.0,)


def test_dates_of_events_are_read_as_the_column_writes_them() -> None:
    text = "user,channel,time,conversion\nu,a,{},0\nu,,{},1\n"
    assert read(text.format("1/13/2026 8:00 AM", "1/14/2026 8:00 PM"))[0].days == (1.5,)
    assert read(text.format("1/3/2026", "2/3/2026"), date_order="dmy")[0].days == (1.0,)
    assert read(text.format("1/3/2026", "2/3/2026"), date_order="mdy")[0].days == (31.0,)


def test_the_strongest_separator_of_the_file_is_the_separator() -> None:
    found = read('path,conv\n"Email, Marketing > Search",1\n"Email, Marketing",1\n')
    assert [path.channels for path in found] == [("Email, Marketing", "Search"), ("Email, Marketing",)]
    assert read("path,conv\na/b,1\n", separator="/")[0].channels == ("a", "b")


def test_without_nulls_a_row_that_did_not_convert_is_one_path() -> None:
    found = read("path,converted\na > b,1\na,0\n,1\n")
    assert found == [Path(("a", "b"), 1, 0), Path(("a",), 0, 1), Path((), 1, 0)]


def test_events_become_paths() -> None:
    found = read(
        "user_id,channel,timestamp,conversion,value\n"
        "u1,b,2026-01-08T00:00:00Z,1,30\n"
        "u1,a,2026-01-01,0,\n"
        "u2,c,2026-01-01,0,99\n"
        "u1,c,2026-01-09,0,\n"
        "u2,,2026-01-03 12:00:00+00:00,true,5\n"
        "u3,,2026-01-03,1,7\n"
    )
    assert found == [
        Path(("a", "b"), 1, 0, 30, days=(7.0, 0.0)),
        Path(("c",), 0, 1),
        Path(("c",), 1, 0, 5, days=(2.5,)),
        Path((), 1, 0, 7, days=()),
    ]


def test_a_purchase_at_the_moment_of_a_click_comes_after_it() -> None:
    found = read("user,channel,time,conversion\nu,,1767225600,1\nu,a,1767225600,0\n")
    assert found == [Path(("a",), 1, 0, 0, days=(0.0,))]


def test_events_older_than_the_window_do_not_count() -> None:
    text = "user,channel,time,conversion\nu,a,2026-01-01,0\nu,b,2026-01-20,0\nu,,2026-02-05,1\n"
    assert [path.channels for path in read(text, window_days=30.0)] == [("b",)]
    assert [path.channels for path in read(text)] == [("a", "b")]


@pytest.mark.parametrize(
    ("times", "days"),
    [
        pytest.param(("1767225600", "1767312000"), (1.0,), id="seconds"),
        pytest.param(("1767225600000", "1767312000000"), (1.0,), id="milliseconds"),
        pytest.param(("1", "2"), None, id="places-in-a-sequence"),
    ],
)
def test_times_may_be_numbers(times: tuple[str, str], days: tuple[float, ...] | None) -> None:
    found = read(f"user,channel,time,conversion\nu,a,{times[0]},0\nu,,{times[1]},1\n")
    assert [path.days for path in found] == [days]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "empty", id="empty"),
        pytest.param(" \n\n", "empty", id="blank"),
        pytest.param("colour,size\nred,1\n", "wanted are the columns path", id="no-known-column"),
        pytest.param("path,path,conv\na,b,1\n", "names 'path' twice", id="name-twice"),
        pytest.param("path,null\na,1\n", "wanted are the columns path", id="no-conversions"),
        pytest.param("path,conv\na,1\nb,many\n", "line 3: conv is a number, got 'many'", id="not-a-number"),
        pytest.param("path,conv\n\na,-1\n", "line 3: conv is zero or more, got -1", id="negative"),
        pytest.param("path,conv\na,nan\n", "line 2: conv is a finite number", id="not-finite"),
        pytest.param("path,conv\na > > b,1\n", "line 2: a channel of the path has no name", id="nameless-channel"),
        pytest.param(
            "path,conv\na,b,1\n", "line 2 has 3 columns, the header has 2; .* is quoted", id="unquoted-commas"
        ),
        pytest.param('path,conv\n"a,1\n', "line 2 cannot be read", id="open-quote"),
        pytest.param("path,conv,value\na,1,2\nb,1\n", "line 3 has 2 columns, the header has 3", id="short-row"),
        pytest.param("path,conv\na,2e300\n", "line 2: conv is a finite number", id="too-large"),
        pytest.param('path,conv,value\na,1,"1,200"\n', "line 2: value: '1,200' may be", id="comma-that-may-be-either"),
        pytest.param("channel_1,channel_2,conv\n,b,1\n", "line 2: a step is empty", id="step-missing"),
        pytest.param("path\na > conversion\nb\n", "wanted are the columns path", id="not-all-end"),
        pytest.param(
            "user,channel,time,conversion\nu,a,1/3/2026,0\n", "line 2: time: .*--date-order", id="either-date"
        ),
        pytest.param("user,channel,time,conversion\nu,a,7000000,0\n", "line 2: time is an ISO", id="odd-number"),
        pytest.param("user,channel,time,conversion\n,a,1,0\n", "line 2: user is empty", id="nobody"),
        pytest.param("user,channel,time,conversion\nu,,1,0\n", "line 2: channel is empty", id="no-channel"),
        pytest.param("user,channel,time,conversion\nu,a,soon,0\n", "line 2: time is an ISO 8601 time", id="no-time"),
        pytest.param("user,channel,time,conversion\nu,a,1,2\n", "line 2: conversion is 0 or 1", id="two-conversions"),
        pytest.param('{"paths": 3}', "paths are a list", id="json-without-paths"),
        pytest.param('[{"path": ["a"], "conv": 1}, 7]', "entry 2: an object was wanted", id="json-number"),
        pytest.param('{"path": "a"', "neither JSON nor JSON lines", id="broken-json"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        read(text)
    assert caught.value.reason == "BAD_FILE"

"""Text files as programs save them, and what is said of files that are none."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from kiki.kit.textfile import BadFile, header_of, key_of, open_text, rows_of

TEXT = "name,size\nMüller,7\n\nKöln,8\n"
ROWS = [(2, ["Müller", "7"]), (4, ["Köln", "8"])]


def read(path: Path) -> list[tuple[int, list[str]]]:
    with open_text(path) as file:
        return list(rows_of(file.text, header_of(file.text)))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(TEXT.encode(), id="UTF-8"),
        pytest.param(TEXT.encode("utf-8-sig"), id="byte order mark"),
        pytest.param(TEXT.encode("utf-16"), id="UTF-16"),
        pytest.param(b"\xfe\xff" + TEXT.encode("utf-16-be"), id="UTF-16, big end first"),
        pytest.param(gzip.compress(TEXT.encode()), id="gzip"),
        pytest.param(gzip.compress(TEXT.encode("utf-8-sig")), id="gzip with a mark"),
        pytest.param(TEXT.replace("\n", "\r\n").encode(), id="Windows"),
        pytest.param(TEXT.replace("\n", "\r").encode(), id="old Mac"),
        pytest.param(TEXT.replace(",", ";").encode(), id="semicolons"),
        pytest.param(TEXT.replace("\n", ",\n").encode(), id="a comma at every end"),
    ],
)
def test_files_are_read_as_programs_save_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    found = [(line, row[:2]) for line, row in read(path)]
    assert found == ROWS
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))
    assert [(line, row[:2]) for line, row in read(Path("-"))] == ROWS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b" \n;;\n", "is empty", id="blank"),
        pytest.param(b"PK\x03\x04abc", "an Excel workbook, wanted text", id="workbook"),
        pytest.param("name\nMüller\n".encode("latin-1"), "is not UTF-8 text: got the byte 0xfc", id="Latin-1"),
        pytest.param(TEXT.encode("utf-16-le"), "bytes that are no text", id="UTF-16 without a mark"),
        pytest.param(gzip.compress(TEXT.encode() * 99)[:-9], "is not whole", id="cut gzip"),
        pytest.param(b"a,b\n1,2,3\n", "line 2 has 3 columns, the header has 2; a cell with ',' .* quoted", id="long"),
        pytest.param(b"a,b\n\n1\n", "line 3 has 1 columns", id="short"),
        pytest.param(b'a,b\n"1,2\n3,4\n', "line 2 cannot be read", id="open quote"),
    ],
)
def test_what_is_no_table_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=message):
        read(path)


def test_a_folder_and_a_missing_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="Is a directory"):
        read(tmp_path)
    with pytest.raises(BadFile, match="No such file"):
        read(tmp_path / "none")


def test_a_row_knows_the_line_it_begins_on() -> None:
    lines = io.StringIO('a,b\n"two\nlines",1\nlast,2\n', newline="")
    assert [line for line, _ in rows_of(lines, header_of(lines))] == [2, 4]


def test_rows_of_another_length_may_be_told_and_left_out() -> None:
    told: list[str] = []
    lines = iter(["a,b\n", "1\n", "1,2\n", "1,2,3\n"])
    assert [row for _, row in rows_of(lines, header_of(lines), told.append)] == [["1", "2"]]
    assert [text[:6] for text in told] == ["line 2", "line 4"]


@pytest.mark.parametrize(
    "name", ["Order Total (EUR)", " order-total ", "ORDER_TOTAL", "Order.Total", "order  total [€]"]
)
def test_names_of_columns_are_the_same_however_they_are_written(name: str) -> None:
    assert key_of(name) == "order_total"


def test_a_name_in_brackets_alone_is_a_name() -> None:
    assert key_of("(start)") == "start"


def test_a_quoted_name_does_not_tell_the_delimiter() -> None:
    assert header_of(iter(['"last, first, middle";size\n'])).names == ["last, first, middle", "size"]

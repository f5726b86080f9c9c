"""Files and times as commands read them."""

from __future__ import annotations

import datetime as dt
import gzip
import io
from pathlib import Path

import pytest

from kiki.cli.inputs import read_rows, read_secret, read_time
from kiki.kit.errors import InvalidInput

_WANTED = [{"id": "1", "name": "a"}, {"id": "2"}]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('[{"id": "1", "name": "a"}, {"id": "2"}]', id="json"),
        pytest.param('{"id": "1", "name": "a"}\n\n{"id": "2"}\n', id="json-lines"),
        pytest.param("id,name\n1,a\n2,\n", id="csv"),
        pytest.param("\ufeffid,name\r\n1,a\r\n2,\r\n", id="csv-of-a-spreadsheet"),
    ],
)
def test_rows_are_read_from_every_form(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows"
    path.write_text(text, encoding="utf-8")
    assert read_rows(path) == _WANTED


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[1, 2]", id="numbers"),
        pytest.param("{broken", id="broken"),
        pytest.param("[" * 200_000, id="deep"),
        pytest.param('[{"a": NaN}]', id="nan"),
        pytest.param('[{"a": 1e999}]', id="beyond a double"),
        pytest.param('[{"a": "\\ud800"}]', id="half a character"),
    ],
)
def test_what_is_no_list_of_objects_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows"
    path.write_text(text)
    with pytest.raises(InvalidInput):
        read_rows(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        read_rows(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"sep=;\nid;amount\r\n7;12,5\r\n", id="semicolons"),
        pytest.param("id\tamount\n7\t12,5\n".encode("utf-16"), id="UTF-16"),
        pytest.param(gzip.compress(b'id,amount\n7,"12,5"\n'), id="gzip"),
    ],
)
def test_tables_are_read_as_other_programs_save_them(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    assert read_rows(path) == [{"id": "7", "amount": "12,5"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("id,amount\n7,12,5\n", "line 2 has 3 columns, the header has 2", id="decimal comma not quoted"),
        pytest.param("id,amount\n7\n", "line 2 has 1 columns", id="short"),
        pytest.param("id,id\n7,8\n", "names 'id' twice", id="name twice"),
    ],
)
def test_a_cell_never_stands_under_another_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=message):
        read_rows(path)


def test_rows_and_secrets_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("id\n7\n"))
    assert read_rows(Path("-")) == [{"id": "7"}]
    monkeypatch.setattr("sys.stdin", io.StringIO("a secret\n"))
    assert read_secret("-", "Secret") == "a secret"
    assert read_secret(None, "Secret") is None


def test_times_are_aware() -> None:
    assert read_time("2026-03-01") == "2026-03-01T00:00:00+00:00"
    assert read_time("2026-03-01T12:00:00+02:00") == "2026-03-01T12:00:00+02:00"
    assert (read_time("24h") or "") < (read_time("1m") or "")
    assert read_time(None) is None


@pytest.mark.parametrize("text", ["yesterday", "99999999d", "9999999999999999d", "", "2026-02-30"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_time(text)


def test_a_time_ahead_is_told_by_its_distance_from_now() -> None:
    before, after = (dt.datetime.fromisoformat(read_time("1h", ahead=ahead) or "") for ahead in (False, True))
    assert dt.timedelta(hours=2) <= after - before < dt.timedelta(hours=3)
    assert read_time("2026-03-01", ahead=True) == "2026-03-01T00:00:00+00:00"
    for text in ("tomorrow", "99999999d"):
        with pytest.raises(InvalidInput):
            read_time(text, ahead=True)

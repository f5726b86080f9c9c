"""One data folder, one program."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from kiki.kit.errors import FailedPrecondition
from kiki.runtime.data_folder import filling, hold, holder, prepare_folder, was_killed


def test_a_second_holder_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with hold(tmp_path), pytest.raises(FailedPrecondition) as refused, hold(tmp_path):
        pass
    assert refused.value.reason == "DATA_FOLDER_IN_USE"
    assert f"process {os.getpid()}" in refused.value.message


def test_the_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    with hold(tmp_path):
        assert holder(tmp_path) == str(os.getpid())
    assert holder(tmp_path) is None
    with hold(tmp_path):
        pass


def test_a_folder_that_does_not_exist_is_held_by_nobody(tmp_path: Path) -> None:
    assert holder(tmp_path / "nowhere") is None


def test_what_cannot_be_written_is_told_with_the_reason(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    many = shutil.Error([("a", "b", f"{full}: 'a' -> 'b'"), ("c", "d", "later")])
    for failure in (full, many):
        wanted = f"{tmp_path} cannot be used .*No space left on device[)]"
        with pytest.raises(FailedPrecondition, match=wanted), filling(tmp_path):
            raise failure


def test_a_folder_without_a_place_for_the_lock_is_named(tmp_path: Path) -> None:
    with pytest.raises(FailedPrecondition, match="nowhere cannot be used"), hold(tmp_path / "nowhere"):
        pass


def test_who_failed_let_go_and_who_was_killed_did_not(tmp_path: Path) -> None:
    assert not was_killed(tmp_path)
    with hold(tmp_path):
        assert not was_killed(tmp_path), "it runs"
    with pytest.raises(RuntimeError), hold(tmp_path):
        raise RuntimeError
    assert not was_killed(tmp_path)
    (tmp_path / "up.lock").write_text("4711\n")
    assert was_killed(tmp_path)


def test_a_folder_that_others_live_in_is_refused_and_stays_open_to_them(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    for folder in (shared, Path("/")):
        before = folder.stat().st_mode
        with pytest.raises(FailedPrecondition, match="set KIKI_DATA_DIR to one below it") as refused:
            prepare_folder(folder)
        assert refused.value.reason == "DATA_FOLDER_SHARED"
        assert folder.stat().st_mode == before
    prepare_folder(shared / "kiki")
    assert (shared / "kiki").stat().st_mode & 0o066 == 0

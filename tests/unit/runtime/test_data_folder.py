"""One data folder, one program."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kiki.kit.errors import FailedPrecondition
from kiki.runtime.data_folder import hold, holder


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

"""Secrets are made once, kept privately, and demanded in production."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from kiki.kit.errors import FailedPrecondition, InvalidInput
from kiki.kit.sealing import Keyring
from kiki.kit.settings import load_settings
from kiki.runtime.secrets import FILE, check_secrets, load_secrets, make_missing_secrets, wanted_secrets
from kiki.runtime.settings import RuntimeSettings

_GOOD_KEY = "k7Jd93mcQ-Zp20xWvT5nRb8yHs41LgEa"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KIKI_", "DATABASE_URL"))}
    monkeypatch.setattr(os, "environ", kept)
    monkeypatch.chdir(tmp_path)


def test_the_first_start_makes_secrets_and_the_second_finds_them(tmp_path: Path) -> None:
    made = make_missing_secrets(tmp_path, embedded=True)
    assert set(made) == set(wanted_secrets(embedded=True))
    before = {name: os.environ.pop(name) for name in made}
    assert make_missing_secrets(tmp_path, embedded=True) == []
    assert {name: os.environ[name] for name in made} == before


def test_the_file_of_secrets_is_private(tmp_path: Path) -> None:
    make_missing_secrets(tmp_path, embedded=False)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_a_secret_of_the_environment_wins_and_is_not_kept(tmp_path: Path) -> None:
    os.environ["KIKI_INTERNAL_API_KEY"] = _GOOD_KEY
    assert "KIKI_INTERNAL_API_KEY" not in make_missing_secrets(tmp_path, embedded=False)
    assert _GOOD_KEY not in (tmp_path / FILE).read_text()


def test_a_later_need_is_added_beside_what_is_kept(tmp_path: Path) -> None:
    make_missing_secrets(tmp_path, embedded=False)
    key = os.environ["KIKI_INTERNAL_API_KEY"]
    make_missing_secrets(tmp_path, embedded=True)
    for name in wanted_secrets(embedded=True):
        del os.environ[name]
    load_secrets(tmp_path)
    assert os.environ["KIKI_INTERNAL_API_KEY"] == key
    assert os.environ["KIKI_POSTGRES_PASSWORD"]


def test_made_secrets_pass_a_production_start(tmp_path: Path) -> None:
    make_missing_secrets(tmp_path, embedded=True)
    os.environ["KIKI_ENV"] = "production"
    assert isinstance(check_secrets(load_settings(RuntimeSettings)), Keyring)


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        pytest.param({}, "KIKI_INTERNAL_API_KEY is missing", id="missing"),
        pytest.param({"KIKI_INTERNAL_API_KEY": "short-one"}, "shorter than 32", id="short"),
        pytest.param({"KIKI_INTERNAL_API_KEY": f"{_GOOD_KEY},tiny"}, "shorter than 32", id="second-key-short"),
        pytest.param({"KIKI_INTERNAL_API_KEY": "changeme" * 5}, "placeholder", id="well-known"),
        pytest.param({"KIKI_INTERNAL_API_KEY": "a" * 40}, "placeholder", id="one-letter"),
    ],
)
def test_a_production_start_refuses_a_weak_secret_and_names_it(variables: dict[str, str], wanted: str) -> None:
    os.environ.update({"KIKI_ENV": "production", "DATABASE_URL": "postgresql://db/kiki", **variables})
    with pytest.raises(InvalidInput) as refused:
        check_secrets(load_settings(RuntimeSettings))
    assert wanted in refused.value.message
    assert "KIKI_SEALING_KEYS is missing" in refused.value.message
    for value in variables.values():
        assert value not in refused.value.message


def test_a_production_start_without_a_database_wants_its_passwords() -> None:
    os.environ.update({"KIKI_ENV": "production", "KIKI_INTERNAL_API_KEY": _GOOD_KEY})
    os.environ["KIKI_SEALING_KEYS"] = Keyring.generate()
    with pytest.raises(InvalidInput, match="KIKI_POSTGRES_PASSWORD is missing"):
        check_secrets(load_settings(RuntimeSettings))


@pytest.mark.parametrize(
    "key",
    [bytes(32), b"correct horse battery staple 123", bytes(range(8)) * 4],
    ids=["zeros", "text", "repeated"],
)
def test_a_production_start_refuses_a_sealing_key_that_nobody_drew_at_random(key: bytes) -> None:
    written = base64.b64encode(key).decode()
    os.environ.update({"KIKI_INTERNAL_API_KEY": _GOOD_KEY, "DATABASE_URL": "postgresql://db/kiki"})
    os.environ["KIKI_SEALING_KEYS"] = f"{Keyring.generate(2)},1:{written}"
    check_secrets(load_settings(RuntimeSettings))
    os.environ["KIKI_ENV"] = "production"
    with pytest.raises(InvalidInput, match="KIKI_SEALING_KEYS, version 1") as refused:
        check_secrets(load_settings(RuntimeSettings))
    assert written not in refused.value.message


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=32, max_size=32))
def test_a_hashed_key_is_never_taken_for_a_made_up_one(seed: bytes) -> None:
    os.environ.update({"KIKI_INTERNAL_API_KEY": _GOOD_KEY, "DATABASE_URL": "postgresql://db/kiki"})
    os.environ["KIKI_SEALING_KEYS"] = f"1:{base64.b64encode(hashlib.sha256(seed).digest()).decode()}"
    os.environ["KIKI_ENV"] = "production"
    assert check_secrets(load_settings(RuntimeSettings)).current == 1


def test_no_new_keys_are_made_for_a_database_whose_keys_are_lost(tmp_path: Path) -> None:
    make_missing_secrets(tmp_path, embedded=True)
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("18")
    for name in wanted_secrets(embedded=True):
        os.environ.pop(name)
    assert make_missing_secrets(tmp_path, embedded=True) == []
    (tmp_path / FILE).unlink()
    for name in wanted_secrets(embedded=True):
        os.environ.pop(name)
    with pytest.raises(FailedPrecondition) as refused:
        make_missing_secrets(tmp_path, embedded=True)
    assert refused.value.reason == "SECRETS_LOST"
    assert not (tmp_path / FILE).exists()


def test_a_file_of_secrets_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    make_missing_secrets(tmp_path, embedded=False)
    (tmp_path / FILE).chmod(0o644)
    load_secrets(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_settings_show_no_secret(tmp_path: Path) -> None:
    make_missing_secrets(tmp_path, embedded=True)
    settings = load_settings(RuntimeSettings)
    shown = f"{settings!r} {settings} {settings.model_dump_json()}"
    for name in wanted_secrets(embedded=True):
        assert os.environ[name] not in shown

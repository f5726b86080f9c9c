"""Secrets of one installation: made on a development start, demanded on a production start."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from dotenv import dotenv_values

from kiki.kit.errors import FailedPrecondition, InvalidInput
from kiki.kit.sealing import MASTER_KEY_BYTES, Keyring
from kiki.kit.settings import add_defaults, read_variable
from kiki.runtime.data_folder import filling
from kiki.runtime.settings import RuntimeSettings

FILE = "secrets.env"
MIN_SECRET_CHARACTERS = 32
_HEADER = "# Made by `kiki up`. Whoever reads this file reads everything; whoever loses it loses the sealed data.\n"
_DATABASE = Path("postgres", "PG_VERSION")
"""Where a folder with an embedded database has one; only root's may not be read by us."""
_PLACEHOLDERS = (
    "changeme",
    "change-me",
    "change_me",
    "default",
    "example",
    "secret",
    "password",
    "placeholder",
    "insecure",
)


def _make_token() -> str:
    return secrets.token_urlsafe(32)


_ALWAYS: dict[str, Callable[[], str]] = {
    "KIKI_INTERNAL_API_KEY": _make_token,
    "KIKI_SEALING_KEYS": Keyring.generate,
}
_EMBEDDED: dict[str, Callable[[], str]] = {
    "KIKI_POSTGRES_PASSWORD": _make_token,
    "KIKI_POSTGRES_ADMIN_PASSWORD": _make_token,
}


def wanted_secrets(*, embedded: bool) -> dict[str, Callable[[], str]]:
    """The secrets that a start needs, and how each is made."""
    return _ALWAYS | (_EMBEDDED if embedded else {})


def load_secrets(folder: Path) -> None:
    """Add what the installation keeps to the environment; what is set there already wins.

    A file of ours that others may read (copied, or restored without its mode) is closed to them.
    """
    path = folder / FILE
    try:
        kept = dotenv_values(path, interpolate=False) if path.is_file() else {}
        if kept:
            _close_to_others(path)
    except OSError as error:
        raise FailedPrecondition(
            f"{path} cannot be read ({error.strerror}); run as the user of its `kiki up`, or set"
            " KIKI_DATA_DIR to another folder",
            reason="SECRETS_UNREADABLE",
        ) from None
    add_defaults({name: value for name, value in kept.items() if value})


def make_missing_secrets(folder: Path, *, embedded: bool) -> list[str]:
    """Make and keep what neither the environment nor the installation has. The names of what was made."""
    load_secrets(folder)
    made = {name: make() for name, make in wanted_secrets(embedded=embedded).items() if not read_variable(name)}
    if embedded and "KIKI_SEALING_KEYS" in made and _has_database(folder):
        raise FailedPrecondition(
            f"{folder} holds a database, and {FILE} beside it, which holds its keys, is gone; bring that file back, set"
            " KIKI_SEALING_KEYS, or move the whole folder away to begin anew",
            reason="SECRETS_LOST",
        )
    if made:
        with filling(folder):
            _append(folder / FILE, made)
        add_defaults(made)
    return sorted(made)


def check_secrets(settings: RuntimeSettings) -> Keyring:
    """The keyring. Raises `InvalidInput` that names every missing, short or well-known secret and shows none."""
    problems = [] if settings.sealing_keys.get_secret_value() else ["KIKI_SEALING_KEYS is missing"]
    problems += [] if settings.api_keys else ["KIKI_INTERNAL_API_KEY is missing"]
    if settings.production:
        problems += _weak("KIKI_INTERNAL_API_KEY", settings.api_keys)
        if not settings.database_url.get_secret_value():
            passwords = (settings.postgres_password, settings.postgres_admin_password)
            for name, value in zip(_EMBEDDED, passwords, strict=True):
                text = value.get_secret_value()
                problems += _weak(name, (text,)) if text else [f"{name} is missing (or set DATABASE_URL)"]
    if problems:
        raise InvalidInput(f"secrets: {'; '.join(problems)}", reason="BAD_SECRETS")
    keyring = Keyring.parse(settings.sealing_keys.get_secret_value())
    weak = [version for version in keyring.versions if _looks_made_up(keyring.master(version))]
    if settings.production and weak:
        told = f"KIKI_SEALING_KEYS, version {weak[0]}: not {MASTER_KEY_BYTES} random bytes (`openssl rand -base64 32`)"
        raise InvalidInput(f"secrets: {told}", reason="BAD_SECRETS")
    return keyring


def _weak(name: str, values: tuple[str, ...]) -> list[str]:
    if any(len(value) < MIN_SECRET_CHARACTERS for value in values):
        return [f"{name} is shorter than {MIN_SECRET_CHARACTERS} characters"]
    if any(word in value.lower() for value in values for word in _PLACEHOLDERS) or any(len(set(v)) < 8 for v in values):
        return [f"{name} looks like a placeholder"]
    return []


def _looks_made_up(key: bytes) -> bool:
    """Text, or few different bytes. Of random keys one in 10^13 is text, and none to speak of has under 16 of 32."""
    return len(set(key)) < 16 or all(0x20 <= byte < 0x7F for byte in key)


def _has_database(folder: Path) -> bool:
    try:
        return (folder / _DATABASE).exists()
    except PermissionError:
        return True


def _close_to_others(path: Path) -> None:
    """Where it is ours; what another user owns is that user's to close."""
    found = path.stat()
    if found.st_mode & 0o077 and found.st_uid == os.geteuid():
        path.chmod(0o600)


def _append(path: Path, made: dict[str, str]) -> None:
    """Whole or not at all: a second file that takes the place of the first."""
    before = path.read_text() if path.is_file() else _HEADER
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(before + "".join(f"{name}={value}\n" for name, value in made.items()))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)  # The database that is made next must not outlive the name of the file with its keys.
    finally:
        os.close(folder)

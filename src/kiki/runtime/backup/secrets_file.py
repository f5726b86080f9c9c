"""The secrets that belong to a backup, in a file that is kept apart from it."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

from kiki.kit.errors import Conflict, InvalidInput
from kiki.kit.settings import add_defaults
from kiki.runtime.data_folder import filling
from kiki.runtime.secrets import FILE
from kiki.runtime.settings import RuntimeSettings

_HEADER = (
    "# Secrets of a kiki installation; `kiki restore DIR --secrets FILE` reads them. Keep them apart from backups.\n"
)
_KEYS, _API_KEY = "KIKI_SEALING_KEYS", "KIKI_INTERNAL_API_KEY"


def write_secrets(path: Path, settings: RuntimeSettings) -> None:
    """Write what a restore elsewhere needs. Raises `Conflict` (`SECRETS_EXIST`): a file is never overwritten."""
    values = {
        _KEYS: settings.sealing_keys.get_secret_value(),
        _API_KEY: settings.internal_api_key.get_secret_value(),
    }
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise Conflict(f"{path} exists already; secrets are not written over", reason="SECRETS_EXIST") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}", reason="BAD_OUTPUT") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(_HEADER + "".join(f"{name}={value}\n" for name, value in values.items()))
        file.flush()
        os.fsync(file.fileno())


def adopt_secrets(path: Path, folder: Path, *, keep: bool) -> None:
    """Use them where the environment has none; `keep`: as those of an installation that has no file of its own yet."""
    try:
        text = path.read_text()
        values = {
            name: value for name, value in dotenv_values(stream=StringIO(text), interpolate=False).items() if value
        }
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{path} cannot be read ({getattr(error, 'strerror', None) or 'no text'})", reason="BAD_SECRETS"
        ) from None
    if _KEYS not in values:
        raise InvalidInput(f"{path} holds no {_KEYS}", reason="BAD_SECRETS")
    own = folder / FILE
    if keep and not own.exists():
        with filling(folder):
            descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write("".join(f"{name}={values[name]}\n" for name in (_KEYS, _API_KEY) if name in values))
    add_defaults(values)

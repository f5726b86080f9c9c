"""Lint `proto/` with buf and compare it with the last commit; say so and pass where node or a commit is missing.

buf works on a copy that also holds `google/type` and `google/rpc`, so that nothing is fetched from a schema registry.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import google.type.money_pb2 as money

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
BUF = MODULES / ".bin" / "buf"


def main() -> int:
    """Entry point."""
    if not _has_buf():
        print("contract check skipped: node and npm are missing, or @bufbuild/buf cannot be installed", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        now = _workspace(Path(folder) / "now", ROOT / "proto")
        if _buf("lint", now):
            return 1
        before = _committed(Path(folder) / "committed")
        if before is None:
            print("breaking-change check skipped: there is no earlier commit of proto/ to compare with")
            return 0
        return _buf("breaking", now, "--against", str(_workspace(Path(folder) / "before", before)))


def _has_buf() -> bool:
    """Whether buf is installed at its pinned version; installs it when npm is there."""
    if _is_installed():
        return True
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return False
    command = [npm, "ci", "--no-fund", "--no-audit", "--silent"]
    return subprocess.run(command, cwd=ROOT, check=False, timeout=180).returncode == 0 and _is_installed()


def _is_installed() -> bool:
    installed = MODULES / "@bufbuild" / "buf" / "package.json"
    if not BUF.exists() or not installed.exists():
        return False
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]["@bufbuild/buf"]
    return bool(json.loads(installed.read_text())["version"] == pinned)


def _workspace(target: Path, proto: Path) -> Path:
    shutil.copytree(proto, target)
    site = Path(money.__file__ or "").parent.parent.parent
    for package in ("google/type", "google/rpc"):
        for source in (site / package).glob("*.proto"):
            copy = target / package / source.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
    shutil.copyfile(ROOT / "buf.yaml", target / "buf.yaml")
    return target


def _committed(target: Path) -> Path | None:
    """`proto/` of the last commit, or of the one that KIKI_PROTO_BASE names."""
    base = os.environ.get("KIKI_PROTO_BASE") or "HEAD"
    archive = subprocess.run(["git", "archive", base, "proto"], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(target, filter="data")
    return target / "proto"


def _buf(verb: str, folder: Path, *options: str) -> int:
    return subprocess.run([str(BUF), verb, *options], cwd=folder, check=False, timeout=120).returncode


if __name__ == "__main__":
    raise SystemExit(main())

"""Generate `src/kiki/rpc/v1` from `proto/`. With `--check`, fail when the committed code differs."""

from __future__ import annotations

import filecmp
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
PACKAGE = Path("kiki/rpc/v1")
INIT = '"""Generated from proto/kiki/rpc/v1; never edited. `make generate` writes it anew."""\n'


def generate(target: Path) -> None:
    """Write messages, their types and service stubs below `target`."""
    well_known = files("grpc_tools") / "_proto"
    import google.type.money_pb2 as money

    site = Path(money.__file__ or "").parent.parent.parent
    sources = sorted(str(path.relative_to(PROTO)) for path in (PROTO / PACKAGE).glob("*.proto"))
    outputs = [f"--{kind}_out={target}" for kind in ("python", "pyi", "grpc_python")]
    code = protoc.main(["protoc", f"-I{PROTO}", f"-I{site}", f"-I{well_known}", *outputs, *sources])
    if code:
        raise SystemExit(code)
    (target / PACKAGE / "__init__.py").write_text(INIT)


def check() -> int:
    """0 when the committed code is what `proto/` gives."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        (fresh / PACKAGE).mkdir(parents=True)
        generate(fresh)
        committed = ROOT / "src" / PACKAGE
        names = {path.name for path in (fresh / PACKAGE).glob("*.py*")} | {
            path.name for path in committed.glob("*.py*")
        }
        _, differing, missing = filecmp.cmpfiles(fresh / PACKAGE, committed, sorted(names), shallow=False)
    stale = sorted(differing + missing)
    if stale:
        print("generated code is stale, run `make generate`:", ", ".join(stale), file=sys.stderr)
    return 1 if stale else 0


def main() -> int:
    """Entry point."""
    if "--check" in sys.argv[1:]:
        return check()
    target = ROOT / "src"
    (target / PACKAGE).mkdir(parents=True, exist_ok=True)
    (target / "kiki" / "rpc" / "__init__.py").write_text('"""The contract as code, generated from proto/."""\n')
    generate(target)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

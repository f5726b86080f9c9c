"""Generate `src/kiki/rpc/v1` from `proto/`. With `--check`, fail when the committed code differs."""

from __future__ import annotations

import filecmp
import sys
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
PACKAGE = Path("kiki/rpc/v1")
REFERENCE = '''"""Generated from proto/kiki/rpc/v1; never edited. The contract's reference texts, by full name."""

TEXTS: dict[str, str] = '''
INIT = '"""Generated from proto/kiki/rpc/v1; never edited. `make generate` writes it anew."""\n'


def generate(target: Path) -> None:
    """Write messages, their types and service stubs below `target`."""
    well_known = files("grpc_tools") / "_proto"
    import google.type.money_pb2 as money

    site = Path(money.__file__ or "").parent.parent.parent
    sources = sorted(str(path.relative_to(PROTO)) for path in (PROTO / PACKAGE).glob("*.proto"))
    outputs = [f"--{kind}_out={target}" for kind in ("python", "pyi", "grpc_python")]
    with tempfile.TemporaryDirectory() as folder:
        described = Path(folder) / "described.binpb"
        outputs += [f"--descriptor_set_out={described}", "--include_source_info"]
        code = protoc.main(["protoc", f"-I{PROTO}", f"-I{site}", f"-I{well_known}", *outputs, *sources])
        if code:
            raise SystemExit(code)
        texts = reference_texts(FileDescriptorSet.FromString(described.read_bytes()))
    (target / PACKAGE / "__init__.py").write_text(INIT)
    lines = "".join(f"    {name!r}: {text!r},\n" for name, text in sorted(texts.items()))
    (target / PACKAGE / "reference.py").write_text(f"{REFERENCE}{{\n{lines}}}\n")


def reference_texts(described: FileDescriptorSet) -> dict[str, str]:
    """The comment of every message, field, enum and enum value, by its full name; lines of a paragraph are joined."""
    found: dict[str, str] = {}
    for file in described.file:
        names = dict(_named(file.message_type, file.enum_type, f"{file.package}.", ()))
        for location in file.source_code_info.location:
            text = location.leading_comments or location.trailing_comments
            if text and (name := names.get(tuple(location.path))):
                found[name] = "\n\n".join(" ".join(part.split()) for part in text.split("\n\n") if part.strip())
    return found


def _named(messages: Any, enums: Any, prefix: str, at: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], str]]:
    """Path in the file's descriptor and full name, by the field numbers of descriptor.proto."""
    message_number, enum_number = (3, 4) if at else (4, 5)
    for number, enum in enumerate(enums):
        path = (*at, enum_number, number)
        yield path, prefix + enum.name
        yield from (((*path, 2, place), f"{prefix}{enum.name}.{one.name}") for place, one in enumerate(enum.value))
    for number, message in enumerate(messages):
        path = (*at, message_number, number)
        yield path, prefix + message.name
        yield from (
            ((*path, 2, place), f"{prefix}{message.name}.{one.name}") for place, one in enumerate(message.field)
        )
        yield from _named(message.nested_type, message.enum_type, f"{prefix}{message.name}.", path)


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

"""Generate `.env.example` from the settings classes. With `--check`, fail when the committed file differs."""

from __future__ import annotations

import sys
from pathlib import Path

from kiki.runtime.documentation import env_example

TARGET = Path(__file__).resolve().parent.parent / ".env.example"


def main() -> int:
    """Entry point."""
    text = env_example()
    if "--check" in sys.argv[1:]:
        stale = not TARGET.exists() or TARGET.read_text() != text
        if stale:
            print(".env.example is stale, run `make generate`", file=sys.stderr)
        return 1 if stale else 0
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""The program of docs/statement.md, run where the test runs."""

from __future__ import annotations

import io
import json
import re
import sys
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any
from unittest.mock import patch

_DOCUMENT = Path(__file__).parents[4] / "docs" / "statement.md"


@cache
def _program() -> CodeType:
    (found,) = re.findall(r"```python\n(.*?)```", _DOCUMENT.read_text(), re.DOTALL)
    return compile(found, "check_statement.py", "exec")


def check_statement(table: str, report: dict[str, Any]) -> str:
    """What it says of a statement: the CSV with its last row, and the JSON."""
    files: dict[str, Any] = {"statement.csv": table, "statement.json": report}

    def opened(name: str, mode: str = "r", **_: Any) -> io.IOBase:
        content = files[name]
        return io.BytesIO(json.dumps(content).encode()) if mode == "rb" else io.StringIO(content, newline="")

    printed: list[str] = []
    names = {"open": opened, "print": printed.append}
    with patch.object(sys, "argv", ["check_statement.py", *files]):
        try:
            exec(_program(), names)
        except SystemExit as ended:
            printed += [] if ended.code is None else [str(ended.code)]
    (said,) = printed
    return said

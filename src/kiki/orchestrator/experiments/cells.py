"""Cells of a file's rows, and how its columns are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kiki.kit.errors import InvalidInput
from kiki.kit.written import NumberStyle, Unclear, number_style


def text_of(value: Any) -> str:
    """A cell's text without spaces about it; an absent cell is empty."""
    return "" if value is None else str(value).strip()


def name_key(name: str) -> str:
    """A name as it is compared: whatever its case."""
    return name.strip().lstrip("\ufeff").casefold()


def numbers_of(rows: Sequence[Mapping[str, Any]], column: str) -> NumberStyle:
    """How a column writes numbers. Raises `InvalidInput` where that is unclear."""
    try:
        return number_style(dict.fromkeys(text_of(row.get(column)) for row in rows))
    except Unclear as error:
        raise InvalidInput(f"{column}: {error}", reason="BAD_NUMBER") from None

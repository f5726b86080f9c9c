"""A user's table as an experiment reads it: one row per user, with the arm and the outcome."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kiki.kit.errors import InvalidInput
from kiki.kit.written import MOST, NumberStyle
from kiki.orchestrator.experiments.cells import name_key, numbers_of, text_of

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

USER = ("user", "user_id", "subject", "customer", "customer_id", "visitor", "visitor_id")
HELD_OUT = ("holdout", "held_out", "is_holdout", "hold_out", "control", "is_control")
ARM = ("group", "arm", "variant", "treatment", "treated", "is_treated")
REVENUE = ("order_amount", "net_revenue", "revenue", "amount", "value", "sales", "spend", "metric", "outcome", "y")
ORDERED = ("ordered", "orders", "converted", "conversion", "purchased")
COVARIATE = ("covariate", "pre_period", "pre_metric", "pre_revenue", "pre_value")
ELIGIBLE = ("eligible", "is_eligible")
_TRUE, _FALSE = frozenset(["1", "1.0", "true", "yes", "t", "y"]), frozenset(["0", "0.0", "false", "no", "f", "n"])
_TREATED_WORDS = frozenset(["treated", "treatment", "test", "exposed", "variant"]) | _TRUE
_HELD_OUT_WORDS = frozenset(["holdout", "hold-out", "held_out", "held out", "control", "baseline"]) | _FALSE


@dataclass(frozen=True, slots=True)
class Choice:
    """Which columns to use; empty means found by name."""

    metric: str = ""
    group: str = ""
    covariate: str = ""
    """Empty: by name, or none."""
    everybody: bool = False
    """Count rows that the file marks as not eligible too."""


@dataclass(frozen=True, slots=True)
class UserTable:
    """Values per user, and which columns they came from."""

    outcomes: Floats
    is_treated: Flags
    covariate: Floats | None
    columns: dict[str, str]
    left_out: int
    """Rows that are not eligible."""


def read_user_table(rows: Sequence[Mapping[str, Any]], choice: Choice) -> UserTable:
    """The table, strictly: every user once, every arm known, every number finite; `InvalidInput` names the row."""
    if not rows:
        raise InvalidInput("the file has no rows; wanted one per user", reason="EMPTY_FILE")
    header = {name_key(name): name for row in rows for name in row}
    user = _find(header, "", (USER,), "user")
    group = _find(header, choice.group, (HELD_OUT, ARM), "group")
    metric = _find(header, choice.metric, (REVENUE, ORDERED), "metric")
    by_name = next((header[name] for name in COVARIATE if name in header), "")
    covariate = _find(header, choice.covariate, (), "covariate") if choice.covariate else by_name
    eligible = next((header[name] for name in ELIGIBLE if name in header), "")
    held_out_is_true = name_key(group) in HELD_OUT
    style, style_before = (numbers_of(rows, name) for name in (metric, covariate))
    counted: list[tuple[float, bool, float]] = []
    seen: set[str] = set()
    left_out = 0
    for at, row in enumerate(rows, start=1):
        name = text_of(row.get(user))
        if not name or name in seen:
            got = "a user who stood before" if name else "no user"
            raise InvalidInput(f"row {at}: wanted one row per user, got {got}", reason="DUPLICATE_ROW")
        seen.add(name)
        if eligible and not choice.everybody and not _flag(row.get(eligible), eligible, at):
            left_out += 1
            continue
        before = _number(row.get(covariate), covariate, at, style_before) if covariate else 0.0
        arm = _is_treated(row.get(group), group, at, held_out_is_true=held_out_is_true)
        counted.append((_number(row.get(metric), metric, at, style), arm, before))
    table = np.array(counted, dtype=np.float64).reshape(-1, 3)
    columns = {"user": user, "group": group, "metric": metric}
    columns |= {"covariate": covariate} if covariate else {}
    columns |= {"eligible": eligible} if eligible and not choice.everybody else {}
    return UserTable(table[:, 0], table[:, 1] > 0, table[:, 2] if covariate else None, columns, left_out)


def _find(header: Mapping[str, str], named: str, kinds: Sequence[Sequence[str]], what: str) -> str:
    if named:
        if name_key(named) in header:
            return header[name_key(named)]
        raise InvalidInput(
            f"no column is called {named!r}; there are {', '.join(header.values())}", reason="UNKNOWN_COLUMN"
        )
    for known in kinds:
        found = [header[name] for name in known if name in header]
        if len(found) == 1:
            return found[0]
        if found:
            raise InvalidInput(
                f"several columns could be the {what}: {', '.join(found)}; name one with --{what}",
                reason="UNKNOWN_COLUMN",
            )
    wanted = ", ".join(name for known in kinds for name in known)
    raise InvalidInput(
        f"a {what} column is wanted, named {wanted}; got {', '.join(header.values())}", reason="UNKNOWN_COLUMN"
    )


def _is_treated(value: Any, column: str, at: int, *, held_out_is_true: bool) -> bool:
    if held_out_is_true:
        return not _flag(value, column, at)
    word = text_of(value).casefold()
    if word in _TREATED_WORDS or word in _HELD_OUT_WORDS:
        return word in _TREATED_WORDS
    raise InvalidInput(
        f"row {at}: {column} is treated (treatment, test, 1) or held out (holdout, control, 0), got {word[:24]!r}",
        reason="UNKNOWN_ARM",
    )


def _flag(value: Any, column: str, at: int) -> bool:
    word = text_of(value).casefold()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise InvalidInput(f"row {at}: {column} is 1 or 0, got {word[:24]!r}", reason="UNKNOWN_ARM")


def _number(value: Any, column: str, at: int, style: NumberStyle) -> float:
    try:
        number = style.read(text_of(value))
    except ValueError:
        number = math.nan
    if abs(number) <= MOST:
        return number
    got = "nothing" if value is None else repr(str(value)[:24])
    raise InvalidInput(f"row {at}: {column} is a finite number, got {got}", reason="BAD_NUMBER")

"""The only reader of the environment: settings classes, `.env` files, and what a settings class documents."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from kiki.kit.errors import InvalidInput

_S = TypeVar("_S", bound=BaseSettings)


def settings_config(prefix: str = "") -> SettingsConfigDict:
    """How every settings class is read: frozen, by environment, and silent about what it was given."""
    return SettingsConfigDict(
        env_prefix=prefix, frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True
    )


def load_settings(kind: type[_S], **given: Any) -> _S:
    """Read one settings class. Raises `InvalidInput` that names each bad variable and never its value."""
    try:
        return kind(**given)
    except ValidationError as error:
        problems = "; ".join(
            f"{_variable(kind, item['loc'])}: {item['msg'].removeprefix('Value error, ')}" for item in error.errors()
        )
        raise InvalidInput(f"settings cannot be used: {problems}", reason="BAD_SETTINGS") from None


def read_variable(name: str) -> str | None:
    """One environment variable; `None` when absent or empty."""
    return os.environ.get(name) or None


def set_variables() -> tuple[str, ...]:
    """The names of the environment variables that are set and not empty."""
    return tuple(name for name, value in os.environ.items() if value)


def load_env_file(path: Path) -> None:
    """Add the variables of a `.env` file that are not set yet; a missing file is no variables."""
    if path.is_file():
        add_defaults({name: value for name, value in dotenv_values(path, interpolate=False).items() if value})


def add_defaults(values: Mapping[str, str]) -> None:
    """Set the variables that are absent or empty."""
    for name, value in values.items():
        if not os.environ.get(name):
            os.environ[name] = value


def replace_variables(values: Mapping[str, str]) -> None:
    """Set variables whatever they were; an empty value removes one. For commands that run a mesh of their own."""
    for name, value in values.items():
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)


def child_environment(overrides: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process that we start."""
    return {**os.environ, **overrides}


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting as it is documented."""

    name: str
    default: str
    description: str
    secret: bool


def variables(kind: type[BaseSettings]) -> Iterator[Variable]:
    """Every variable of a settings class, in the order of its fields."""
    for name, field in kind.model_fields.items():
        yield Variable(
            name=_variable(kind, (name,)),
            default=_default_text(field),
            description=field.description or "",
            secret="Secret" in str(field.annotation),
        )


def _variable(kind: type[BaseSettings], location: tuple[Any, ...]) -> str:
    name = str(location[0]) if location else kind.__name__
    field = kind.model_fields.get(name)
    alias = field.validation_alias if field else None
    if isinstance(alias, str):
        return alias.upper()
    known = {field.validation_alias for field in kind.model_fields.values()}
    return name.upper() if name in known else f"{kind.model_config.get('env_prefix', '')}{name}".upper()


def _default_text(field: FieldInfo) -> str:
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if default is None or isinstance(default, SecretStr):
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, (list, tuple, set, frozenset)):
        return ",".join(str(item) for item in default)
    return str(getattr(default, "value", default))

"""Every setting of every room, as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pydantic_settings import BaseSettings

from kiki.kit.settings import Variable, variables
from kiki.runtime.composition import COMPONENTS, settings_class
from kiki.runtime.settings import RuntimeSettings

_WIDTH = 118
_HEAD = (
    "# Settings of KIKI SyncPortal. Copy to .env and change what you need; everything has a working default.\n"
    "# Secrets have none: `kiki up` makes them in development, a production start says which are missing.\n"
)


def settings_classes() -> dict[str, type[BaseSettings]]:
    """The settings class of the installation and of each component, by title."""
    return {"Installation": RuntimeSettings} | {name: settings_class(name) for name in COMPONENTS}


def documented() -> Iterator[tuple[str, Variable]]:
    """Every variable once, under the title of the class that names it first."""
    seen: set[str] = set()
    for title, kind in settings_classes().items():
        for variable in variables(kind):
            if variable.name not in seen:
                seen.add(variable.name)
                yield title, variable


def env_example() -> str:
    """The text of `.env.example`."""
    lines = [_HEAD]
    before = ""
    for title, variable in documented():
        if title != before:
            lines.append(f"\n# ---- {title}\n")
            before = title
        wrapped = textwrap.wrap(variable.description, _WIDTH, initial_indent="# ", subsequent_indent="# ")
        lines.append("\n" + "".join(f"{line}\n" for line in wrapped) + f"# {variable.name}={variable.default}\n")
    return "".join(lines)

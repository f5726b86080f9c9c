"""The recipes in CONTRIBUTING.md say what platforms and agents really look like."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kiki.clients.methods import AGENTS
from kiki.platforms.registry import platforms
from kiki.runtime.composition import COMPONENTS
from kiki.runtime.owners import load_owners

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "src" / "kiki"


def named_files(heading: str) -> list[list[str]]:
    """The files that a recipe's table names, each with its permitted other forms."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^ +\| (`[^|]+) \|", section, re.MULTILINE)
    return [re.findall(r"`([^`]+)`", row) for row in rows]


def missing(folder: Path, wanted: list[list[str]]) -> list[list[str]]:
    return [forms for forms in wanted if not any((folder / form).exists() for form in forms)]


@pytest.mark.parametrize("platform", sorted(platforms()))
def test_every_platform_has_the_files_of_the_recipe(platform: str) -> None:
    wanted = named_files("Adding a platform")
    assert len(wanted) >= 3
    assert missing(SOURCE / "platforms" / platform, wanted) == []
    assert all((SOURCE / "sandbox" / f"{platform}{part}.py").exists() for part in ("", "_api"))


@pytest.mark.parametrize("agent", sorted(AGENTS))
def test_every_agent_has_the_files_of_the_recipe(agent: str) -> None:
    wanted = named_files("Adding an agent")
    assert len(wanted) >= 8
    assert missing(SOURCE / "council" / agent, wanted) == []
    assert (ROOT / "proto" / "kiki" / "rpc" / "v1" / f"{agent}.proto").exists()
    assert agent in COMPONENTS
    assert agent in {owner.schema for owner in load_owners()}

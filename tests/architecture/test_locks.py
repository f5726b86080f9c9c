"""Lock files name what is installed on every platform, with its digest, and nowhere where it was fetched."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = json.loads((ROOT / "package-lock.json").read_text())["packages"]


def test_the_lock_of_node_packages_holds_the_builds_of_every_platform() -> None:
    wanted = set(LOCK[""]["devDependencies"])
    for entry in list(LOCK.values())[1:]:
        wanted |= {*entry.get("dependencies", {}), *entry.get("optionalDependencies", {})}
    assert {name.removeprefix("node_modules/") for name in LOCK if name} == wanted
    assert len(wanted) > 5


def test_every_entry_has_a_digest_and_no_address() -> None:
    for name, entry in LOCK.items():
        assert "resolved" not in entry, name
        assert not name or entry["integrity"].startswith("sha512-"), name


def test_the_lock_is_of_the_versions_that_are_asked_for() -> None:
    asked = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    assert asked == LOCK[""]["devDependencies"]
    assert {LOCK[f"node_modules/{name}"]["version"] for name in asked} == set(asked.values())

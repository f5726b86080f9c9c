"""Whether the tables of a database fit this version, told without importing what migrations need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import kiki
from kiki.kit.database import Database, check_server
from kiki.kit.errors import FailedPrecondition
from kiki.kit.logging import get_logger
from kiki.runtime.owners import migrations_of

_REVISION = re.compile(r'^(revision|down_revision) = (?:"([^"]+)"|None)$', re.MULTILINE)
_PRESENT = "SELECT s FROM unnest($1::text[]) AS s WHERE to_regclass(format('%I.alembic_version', s)) IS NOT NULL"
_log = get_logger("runtime.revisions")


@dataclass(frozen=True, slots=True)
class Fit:
    """Owners whose tables are not those of this version, each with its revision; "none" without tables."""

    behind: Mapping[str, str]
    newer: Mapping[str, str]


def known_revisions(folder: Path) -> tuple[str, frozenset[str]]:
    """The newest revision of a history and all of them, from its files."""
    found, before = set(), set()
    for path in folder.glob("*.py"):
        values = {match[1]: match[2] for match in _REVISION.finditer(path.read_text())}
        found.add(values["revision"])
        before.add(values["down_revision"])
    (newest,) = found - before
    return newest, frozenset(found)


def judge(current: Mapping[str, str], folders: Mapping[str, Path]) -> Fit:
    """Compares where the owners' tables are with what this version brings."""
    behind, newer = {}, {}
    for owner, folder in folders.items():
        newest, known = known_revisions(folder)
        at = current.get(owner, "none")
        if at != "none" and at not in known:
            newer[owner] = at
        elif at != newest:
            behind[owner] = at
    return Fit(behind, newer)


async def check_tables(dsn: str) -> None:
    """Raises `FailedPrecondition` (`TABLES_BEHIND`, `OLD_DATABASE`) for tables or a server not to work with.

    Newer ones are no hindrance: a migration works with the code before it, so that versions can be exchanged one
    process after the other. A database that is still starting is waited for.
    """
    folders = migrations_of(Path(kiki.__file__).parent)
    async with (
        Database.open(dsn, application_name="kiki-serve-check", max_size=1) as database,
        database.connection() as connection,
    ):
        check_server(connection)
        present = [row[0] for row in await connection.fetch(_PRESENT, list(folders))]
        current = {
            owner: await connection.fetchval(f'SELECT version_num FROM "{owner}".alembic_version') for owner in present
        }
    fit = judge(current, folders)
    if fit.newer:
        _log.warning("tables_newer", owners=sorted(fit.newer))
    if fit.behind:
        listed = ", ".join(f"{owner} (at {revision})" for owner, revision in sorted(fit.behind.items()))
        raise FailedPrecondition(
            f"the tables are behind this version: {listed}; run `kiki migrate upgrade` first", reason="TABLES_BEHIND"
        )

"""The tables of all owners, brought up to date or back; failures of the server become ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError

from kiki.kit import migrations
from kiki.kit.database import NO_ACCESS, UNREACHABLE, connecting_failure
from kiki.kit.errors import FailedPrecondition, NotFound
from kiki.runtime.owners import OWNER_NAMES, load_owner, load_owners


async def upgrade(dsn: str, report: Callable[[str], None] = lambda _: None) -> None:
    """Bring every owner to its newest revision."""
    with _translated():
        await migrations.upgrade(dsn, load_owners(), report)


def check_owner(name: str) -> None:
    """Raise `NotFound` for a name that owns no tables."""
    if name not in OWNER_NAMES:
        raise NotFound(f"an owner is one of {', '.join(OWNER_NAMES)}; got {name}", reason="UNKNOWN_OWNER")


async def downgrade(dsn: str, name: str, revision: str) -> None:
    """Take one owner back."""
    with _translated():
        await migrations.downgrade(dsn, load_owner(name), revision)


async def pending(dsn: str) -> dict[str, list[str]]:
    """Revisions that are not applied, by owner."""
    with _translated():
        return await migrations.pending(dsn, load_owners())


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
        raise connecting_failure(error) from error
    except DBAPIError as error:
        cause = getattr(error.orig, "__cause__", None)
        if isinstance(cause, (*NO_ACCESS, *UNREACHABLE)):
            raise connecting_failure(cause) from error
        text = str(error.orig or error).splitlines()[0].rpartition(">: ")[2]
        raise FailedPrecondition(f"the database refused: {text}", reason="DATABASE_REFUSED") from error

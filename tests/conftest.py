"""What every test may ask for: a PostgreSQL, a fresh database on it, a migrated one; and only loopback sockets."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import tempfile
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

_T = TypeVar("_T")

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # Before numpy: on small matrices threads only wait for each other.


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """A PostgreSQL server where databases may be created: the one of the environment, or an embedded one."""
    given = os.environ.get("KIKI_TEST_DATABASE_URL")
    if given:
        yield given
        return
    from kiki.runtime.embedded.server import throwaway_server

    with tempfile.TemporaryDirectory(prefix="kiki-test-") as folder, throwaway_server(Path(folder)) as dsn:
        yield dsn


@pytest.fixture
def database_dsn(postgres_dsn: str) -> Iterator[str]:
    """A fresh, empty database."""
    with _database(postgres_dsn, template=None) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def _migrated_template(postgres_dsn: str) -> Iterator[str]:
    from kiki.kit.migrations import upgrade
    from kiki.runtime.owners import load_owners

    with _database(postgres_dsn, template=None) as dsn:
        _run(upgrade(dsn, load_owners()))
        yield _database_name(dsn)


@pytest.fixture
def migrated_dsn(postgres_dsn: str, _migrated_template: str) -> Iterator[str]:
    """A fresh database that holds every owner's tables, copied from a template that is migrated once per session."""
    with _database(postgres_dsn, template=_migrated_template) as dsn:
        yield dsn


@contextmanager
def _database(server: str, *, template: str | None) -> Iterator[str]:
    name = f"kiki_test_{uuid.uuid4().hex[:20]}"
    _run(_execute(server, f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else "")))
    try:
        yield _with_database(server, name)
    finally:
        _run(_execute(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run on a loop of our own: `asyncio.run` would take the current loop away from the test."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def _with_database(dsn: str, name: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


def _database_name(dsn: str) -> str:
    return urlsplit(dsn).path.removeprefix("/")


@pytest.fixture(autouse=True)
def _environment_as_before() -> Iterator[None]:
    """What a test, or a command that it runs, sets in the environment is gone afterwards."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches the network: connecting to anything but loopback or a socket file fails at once."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not _is_loopback(address[0]):
            pytest.fail(f"a test tried to reach {address[0]}; only loopback is open")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""What every test may ask for: a PostgreSQL, a fresh database on it, a migrated one; and only loopback sockets."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from databases import Databases

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # Before numpy: on small matrices threads only wait for each other.

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # As `kiki` sets it; test modules import grpc before.

# Clients of loopback trust nobody: reading all authorities of the world anew takes each of them 40 ms.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)

settings.register_profile("whole", deadline=None, max_examples=100)
settings.register_profile("fast", deadline=None, max_examples=20)
settings.load_profile("whole")


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """A PostgreSQL server where databases may be created: the one of the environment, or an embedded one."""
    given = os.environ.get("KIKI_TEST_DATABASE_URL")
    if given:
        yield given
        return
    from throwaway import throwaway_postgres

    with throwaway_postgres() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def databases(postgres_dsn: str) -> Iterator[Databases]:
    """Where databases are lent from."""
    from databases import Databases

    made = Databases(postgres_dsn)
    yield made
    made.close()


@pytest.fixture
def database_dsn(databases: Databases) -> Iterator[str]:
    """A fresh, empty database."""
    with databases.empty() as dsn:
        yield dsn


@pytest.fixture
def migrated_dsn(databases: Databases) -> Iterator[str]:
    """A database that holds every owner's tables, as good as new."""
    from kiki.runtime.owners import load_owners

    with databases.lend(load_owners()) as dsn:
        yield dsn


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

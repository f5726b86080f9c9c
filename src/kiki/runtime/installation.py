"""One installation as a program finds it: settings, secrets, and where its database is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kiki.kit.errors import FailedPrecondition
from kiki.kit.sealing import Keyring
from kiki.kit.settings import load_env_file, load_settings
from kiki.runtime.data_folder import hold, holder, prepare_folder
from kiki.runtime.embedded.cluster import Passwords
from kiki.runtime.secrets import check_secrets, load_secrets, make_missing_secrets
from kiki.runtime.settings import RuntimeSettings

ENV_FILE = Path(".env")


@dataclass(frozen=True, slots=True)
class Installation:
    """Settings with their secrets."""

    settings: RuntimeSettings
    keyring: Keyring
    made: tuple[str, ...] = ()
    """Names of the secrets that this start made."""

    @property
    def embedded(self) -> bool:
        """Whether the database is ours to start."""
        return not self.settings.database_url.get_secret_value()

    @property
    def passwords(self) -> Passwords:
        """Of the embedded database."""
        return Passwords(
            role=self.settings.postgres_password.get_secret_value(),
            admin=self.settings.postgres_admin_password.get_secret_value(),
        )


def read_settings() -> RuntimeSettings:
    """Settings from the environment, `.env` and the installation's secrets, without any check of the secrets."""
    load_env_file(ENV_FILE)
    load_secrets(load_settings(RuntimeSettings).folder)
    return load_settings(RuntimeSettings)


def portal_address() -> str:
    """Where this machine reaches the portal: KIKI_PORTAL_URL, else the portal's own host and port."""
    from kiki.portal.settings import PortalSettings

    given = read_settings().portal_url
    if given:
        return given.rstrip("/")
    settings = load_settings(PortalSettings)
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def read_installation() -> Installation:
    """The installation as it is; nothing is made."""
    settings = read_settings()
    return Installation(settings=settings, keyring=check_secrets(settings))


def known_keyring() -> Keyring | None:
    """The sealing keys as they are; None where there are none yet, and nothing is made."""
    text = read_settings().sealing_keys.get_secret_value()
    return Keyring.parse(text) if text else None


def make_installation() -> Installation:
    """As `read_installation`; a development start makes what is missing. The caller holds the data folder."""
    settings = read_settings()
    made: list[str] = []
    if not settings.production:
        made = make_missing_secrets(settings.folder, embedded=not settings.database_url.get_secret_value())
        settings = load_settings(RuntimeSettings)
    return Installation(settings=settings, keyring=check_secrets(settings), made=tuple(made))


def running_database(installation: Installation) -> str:
    """The address of a database that already runs: `DATABASE_URL`, or that of the `kiki up` on this machine."""
    if not installation.embedded:
        return installation.settings.database_url.get_secret_value()
    from kiki.runtime.embedded.server import plan

    settings = installation.settings
    if holder(settings.folder) is None:
        raise FailedPrecondition(
            "no database: DATABASE_URL is empty and no `kiki up` runs on this data folder", reason="NO_DATABASE"
        )
    return plan(settings.folder, installation.passwords, settings.postgres_user or None).dsn


@asynccontextmanager
async def database(installation: Installation) -> AsyncIterator[str]:
    """A database for one command: the one that runs, or the embedded one started for the time of the block."""
    settings = installation.settings
    if not installation.embedded or holder(settings.folder):
        yield running_database(installation)
        return
    from kiki.runtime.embedded.server import EmbeddedPostgres

    with hold(settings.folder):
        async with EmbeddedPostgres.open(
            settings.folder, installation.passwords, settings.postgres_user or None
        ) as server:
            yield server.dsn


def prepare_installation() -> Installation:
    """For commands that may be the first to touch an installation: folder and secrets exist afterwards."""
    folder = read_settings().folder
    prepare_folder(folder)
    if holder(folder):
        return read_installation()
    with hold(folder):
        return make_installation()

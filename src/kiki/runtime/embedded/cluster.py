"""A PostgreSQL data folder: made once, whole or not at all, and configured anew at every start."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from kiki.kit.errors import FailedPrecondition, InvalidInput
from kiki.runtime.embedded.account import Account
from kiki.runtime.embedded.binaries import MAJOR, Binaries

DATABASE = "kiki"
ROLE = "kiki"
ADMIN = "kiki_admin"
_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 107
_OWN_CONFIGURATION = "kiki.conf"
_GIB = 2**30
_FAILURES = ("PANIC: ", "FATAL: ", "ERROR: ", "error: ")


@dataclass(frozen=True, slots=True)
class Passwords:
    """Of the role that owns the database, and of the superuser that nobody uses but for repairs."""

    role: str
    admin: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where one cluster lives and who runs it."""

    data: Path
    sockets: Path
    account: Account
    binaries: Binaries
    passwords: Passwords
    durable: bool = True

    @property
    def dsn(self) -> str:
        """How the program connects: over the private socket, as a role without superuser."""
        return f"postgresql://{ROLE}:{quote(self.passwords.role, safe='')}@/{DATABASE}?host={quote(str(self.sockets))}"

    @property
    def admin_dsn(self) -> str:
        """How tests and repairs connect."""
        password = quote(self.passwords.admin, safe="")
        return f"postgresql://{ADMIN}:{password}@/postgres?host={quote(str(self.sockets))}"


def socket_folder(data: Path) -> Path:
    """A short private folder for the socket: beside the data when its path fits, else under the temporary folder."""
    beside = data.parent / "run"
    if len(os.fsencode(beside / _SOCKET_NAME)) <= _SOCKET_PATH_LIMIT:
        return beside
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"kiki-{os.geteuid()}-{digest}"


def prepare(cluster: Cluster) -> bool:
    """Make the data folder when there is none and write the configuration. True when it was made now."""
    made = not cluster.data.exists()
    if made:
        _create(cluster)
    check_version(cluster.data)
    _private_folder(cluster.sockets, cluster.account)
    _write(cluster.data / _OWN_CONFIGURATION, configuration(cluster), cluster.account)
    return made


def check_version(data: Path) -> None:
    """Refuse a data folder of another major version, with the way out."""
    try:
        found = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise InvalidInput(f"{data} is not a PostgreSQL data folder", reason="BAD_DATA_FOLDER") from None
    if found != str(MAJOR):
        raise FailedPrecondition(
            f"{data} was written by PostgreSQL {found}, this program brings {MAJOR}. Keep the data: with the programs"
            f" of both versions run `pg_upgrade -b OLD_BIN -B NEW_BIN -d {data} -D {data}-{MAJOR}` and put the new"
            " folder in its place; or dump with the old version and restore into DATABASE_URL",
            reason="OTHER_DATABASE_VERSION",
        )


def configuration(cluster: Cluster) -> str:
    """Tuning for a small machine that keeps every promise of durability."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    buffers_mb = max(64, min(512, memory // 8 // 2**20))
    cores = os.cpu_count() or 1
    values = {
        "listen_addresses": "''",
        "unix_socket_directories": f"'{cluster.sockets}'",
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "shared_buffers": f"{buffers_mb}MB",
        "effective_cache_size": f"{max(1, memory // 2 // _GIB)}GB",
        "work_mem": "16MB",
        "maintenance_work_mem": "128MB",
        "wal_buffers": "16MB",
        # A new segment would be filled with zeros, and these flushed, within somebody's commit while all others wait.
        "wal_init_zero": "off",
        "min_wal_size": "1GB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        "random_page_cost": "1.1",
        "max_parallel_workers_per_gather": "0" if cores <= 2 else "2",
        "jit": "off",
        "autovacuum_naptime": "15s",
        "autovacuum_vacuum_cost_limit": "2000",
        # Young tables double every minute. Analysed at every tenth of growth with samples of 30,000 rows, they took a
        # tenth of the processor under load; the statements look up keys, and no plan hangs on fine statistics. Without
        # any, all indexes that begin with the store look alike: a key is looked for among all rows of its store.
        "default_statistics_target": "25",
        "autovacuum_analyze_threshold": "500",
        "autovacuum_analyze_scale_factor": "0.5",
        "autovacuum_vacuum_insert_threshold": "50000",
        "autovacuum_vacuum_insert_scale_factor": "0.5",
        "idle_in_transaction_session_timeout": "5min",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "logging_collector": "on",
        "log_directory": "'log'",
        "log_filename": "'postgresql-%a.log'",
        "log_truncate_on_rotation": "on",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        # Row values and statement texts may hold personal data: neither reaches the log.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_parameter_max_length": "0",
    }
    if not cluster.durable:
        values |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "logging_collector": "off"}
        values |= {"wal_level": "minimal", "max_wal_senders": "0", "min_wal_size": "256MB", "max_wal_size": "512MB"}
    return "".join(f"{name} = {value}\n" for name, value in values.items())


def _create(cluster: Cluster) -> None:
    """`initdb`, the role and the database, in a folder that takes its final name only when all is done."""
    parent = cluster.data.parent
    parent.mkdir(mode=0o711 if cluster.account.switch else 0o700, parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(dir=parent, prefix=".initdb-"))
    cluster.account.give(workshop)
    try:
        fresh = workshop / "data"
        _initdb(cluster, fresh, workshop / "password")
        _write(fresh / _OWN_CONFIGURATION, "", cluster.account)
        with (fresh / "postgresql.conf").open("a") as file:
            file.write(f"\ninclude '{_OWN_CONFIGURATION}'\n")
        _create_role_and_database(cluster, fresh)
        fresh.rename(cluster.data)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _initdb(cluster: Cluster, fresh: Path, password_file: Path) -> None:
    _write(password_file, cluster.passwords.admin + "\n", cluster.account)
    command = [cluster.binaries.program("initdb"), f"--pgdata={fresh}", f"--username={ADMIN}"]
    # Scram costs both sides milliseconds at every connection; a throwaway server is behind its private socket alone.
    command += [f"--auth={'scram-sha-256' if cluster.durable else 'trust'}"]
    command += [f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
    _checked_run(cluster, [*command, *([] if cluster.durable else ["--no-sync"])], "")


def _create_role_and_database(cluster: Cluster, fresh: Path) -> None:
    """In single-user mode: no server, no socket, nobody else. One line is one statement."""
    password = cluster.passwords.role.replace("'", "''")
    statements = (
        f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER PASSWORD '{password}'\n"
        f"CREATE DATABASE {DATABASE} OWNER {ROLE}\n"
        f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC\n"
    )
    command = [cluster.binaries.program("postgres"), "--single", "-D", str(fresh), "postgres"]
    _checked_run(cluster, command, statements)


def _checked_run(cluster: Cluster, command: list[str], feed: str) -> None:
    done = subprocess.run(
        command,
        input=feed,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        **cluster.account.process_options(),
    )
    if done.returncode or "ERROR:" in done.stderr or "FATAL:" in done.stderr:
        raise FailedPrecondition(
            f"{Path(command[0]).name} failed ({done.returncode}): {told_failure(done.stderr)}",
            reason="DATABASE_NOT_CREATED",
        )


def told_failure(text: str) -> str:
    """The first line that says what failed; what follows from it and the tidying up come after it."""
    lines = text.strip().splitlines() or ["no output"]
    return next((line for line in lines if any(mark in line for mark in _FAILURES)), lines[-1])


def _private_folder(folder: Path, account: Account) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if status.st_uid not in (os.geteuid(), account.uid) or folder.is_symlink():
        raise FailedPrecondition(f"{folder} belongs to somebody else", reason="SOCKET_FOLDER_TAKEN")
    account.give(folder)
    folder.chmod(0o700)


def _write(path: Path, text: str, account: Account) -> None:
    """Write a private file of the account; as root never through a link that the account may have laid."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        if account.switch:
            os.fchown(file.fileno(), account.uid, account.gid)
        file.write(text)

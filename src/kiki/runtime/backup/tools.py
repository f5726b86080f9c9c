"""PostgreSQL's own `pg_dump` and `pg_restore`, as the embedded server brings them."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from kiki.kit.errors import FailedPrecondition
from kiki.runtime.embedded.binaries import bundled_program
from kiki.runtime.embedded.cluster import told_failure

Report = Callable[[str], None]
_TABLE = re.compile(r'(?:dumping contents of|processing data for) table "?([^"]+)"?')
_LAST_LINES = 50
_WITHOUT_TLS = ("", "disable", "allow", "prefer")
"""Values of `sslmode` under which a connection may do without."""


async def run_tool(name: str, dsn: str, arguments: Sequence[str], report: Report = lambda _: None) -> None:
    """Run one; `report` hears of each table. Raises `FailedPrecondition` (`BACKUP_FAILED`) with the program's words.

    The password travels in the environment: arguments of a process are seen by everybody on the machine.
    """
    address, password = without_password(dsn)
    process = await asyncio.create_subprocess_exec(
        program(name, dsn),
        "--verbose",
        "--no-password",
        *arguments,
        f"--dbname={address}",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PGCONNECT_TIMEOUT": "10", "PGPASSWORD": password},
        start_new_session=True,  # Ctrl-C is for us, who end it.
    )
    said: list[str] = []
    try:
        code = await _follow(process, said, report)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code:
        raise FailedPrecondition(f"{name} failed ({code}): {told_failure(chr(10).join(said))}", reason="BACKUP_FAILED")


def program(name: str, dsn: str) -> str:
    """The one that comes along; for an address that wants TLS, which that one does not speak, the machine's own.

    Raises `FailedPrecondition` (`NO_TLS_PROGRAM`) where the machine has none.
    """
    mode = dict(parse_qsl(urlsplit(dsn).query)).get("sslmode", "")
    if mode in _WITHOUT_TLS:
        return bundled_program(name)
    found = shutil.which(name)
    if found is None:
        raise FailedPrecondition(
            f"DATABASE_URL has sslmode={mode}, and the {name} that comes along speaks no TLS: install PostgreSQL's"
            " client programs, no older than the server, or give an address that does without",
            reason="NO_TLS_PROGRAM",
        )
    return found


async def _follow(process: asyncio.subprocess.Process, said: list[str], report: Report) -> int:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        text = line.decode(errors="replace").strip()
        said.append(text)
        del said[:-_LAST_LINES]
        if found := _TABLE.search(text):
            report(found[1])
    return await process.wait()


def without_password(dsn: str) -> tuple[str, str]:
    """The address as others may see it, and the password apart."""
    parts = urlsplit(dsn)
    user, separator, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    query = parse_qsl(parts.query, keep_blank_values=True)
    given = dict(query).get("password", "")
    kept = urlencode([pair for pair in query if pair[0] != "password"], quote_via=quote, safe="/")
    netloc = f"{name}{separator}{host}"
    return urlunsplit(parts._replace(netloc=netloc, query=kept)), unquote(password) or given

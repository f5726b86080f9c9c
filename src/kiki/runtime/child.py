"""Entry point of the processes that `kiki up` starts: `python -m kiki.runtime.child NAME…`, or `migrate`."""

from __future__ import annotations

import sys

from kiki.kit.errors import KikiError
from kiki.runtime.serving import serve, tell_failure


def main(arguments: list[str]) -> int:
    """Serve the named components under a parent, or bring the database up to date."""
    try:
        if arguments == ["migrate"]:
            _migrate()
        else:
            serve(arguments, managed=True)
    except KikiError as error:
        tell_failure(error)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _migrate() -> None:
    import asyncio

    from kiki.runtime.installation import read_installation, running_database
    from kiki.runtime.keys import admit_keys, check_keys
    from kiki.runtime.schema import upgrade

    async def work() -> None:
        installation = read_installation()
        dsn = running_database(installation)
        await check_keys(dsn, installation.keyring)
        await upgrade(dsn)
        await admit_keys(dsn, installation.keyring)

    asyncio.run(work())


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""A throwaway installation: its own data folder, ports and secrets, beside whatever else runs on the machine."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kiki.kit.settings import replace_variables
from kiki.runtime.settings import AGENTS


@contextmanager
def scratch_installation(settings: Mapping[str, str]) -> Iterator[Path]:
    """Point this process and its children at a new installation for the time of the block; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="kiki-bench-"))
    folder.chmod(0o711)
    ports = free_ports(len(AGENTS) + 1)
    addresses = {f"{agent.upper()}_GRPC_URL": f"127.0.0.1:{port}" for agent, port in zip(AGENTS, ports, strict=False)}
    try:
        replace_variables(
            {
                "KIKI_ENV": "development",
                "KIKI_DATA_DIR": str(folder / "data"),
                "KIKI_PORTAL_URL": "",
                "DATABASE_URL": "",
                "KIKI_LOG_LEVEL": "WARNING",
                "SYNCPORTAL_HOST": "127.0.0.1",
                "SYNCPORTAL_PORT": str(ports[-1]),
                **addresses,
                **settings,
            }
        )
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]

"""What can be told before anything starts: settings that cannot be used or that nobody reads, and taken addresses."""

from __future__ import annotations

import asyncio
import difflib
import errno
import socket
from collections.abc import Mapping

from kiki.kit.clock import monotonic
from kiki.kit.errors import FailedPrecondition
from kiki.kit.settings import load_settings, set_variables
from kiki.runtime.composition import COMPONENTS, settings_class
from kiki.runtime.documentation import documented
from kiki.runtime.settings import AGENTS, RuntimeSettings
from kiki.runtime.topology import Listener, ProcessEvent

RELEASE_SECONDS = 20.0
"""How long the processes of a killed `kiki up` may keep their addresses while they drain."""
_POLL_SECONDS = 0.2
_AT_LEAST_SECONDS = 1.0
"""Of a neighbour that is just letting go."""
_PREFIXES = ("KIKI_", *(f"{name.upper()}_" for name in (*AGENTS, "syncportal", "syncworker")))
_OTHERS = ("KIKI_TEST_", "KIKI_CRASH_")
"""Of the tests."""


def check_settings() -> None:
    """Read every component's settings. Raises `InvalidInput` that names what cannot be used."""
    settings = load_settings(RuntimeSettings)
    settings.addresses  # noqa: B018  Read for what it raises.
    settings.check_tls()
    for name in COMPONENTS:
        load_settings(settings_class(name))


def unknown_settings() -> list[str]:
    """Variables that are set, look like settings of ours, and are none."""
    known = _known()
    ours = (name for name in set_variables() if name.startswith(_PREFIXES) and not name.startswith(_OTHERS))
    return sorted(name for name in ours if name not in known)


def about_unknown(name: str) -> str:
    """What to say of one: the setting that was meant, where one is near."""
    near = difflib.get_close_matches(name, _known(), n=1, cutoff=0.8)
    return "no such setting" + (f"; {near[0]} is one" if near else "")


def listened_on(settings: RuntimeSettings) -> dict[str, tuple[str, int]]:
    """Host and port of every component that listens; without those that take any port."""
    from kiki.portal.settings import PortalSettings

    portal = load_settings(PortalSettings)
    addresses = {"portal": (portal.host, portal.port)}
    for agent in AGENTS:
        host, _, port = settings.listen_address(agent).rpartition(":")
        addresses[agent] = (host.strip("[]"), int(port))
    return {name: address for name, address in addresses.items() if address[1]}


async def free_addresses(addresses: Mapping[str, tuple[str, int]], listen: Listener, patience_seconds: float) -> None:
    """Until all can be listened on. What is taken is told at once, and waited for as long as the patience lasts.

    Raises `FailedPrecondition` (`PORT_TAKEN`) that names every address that cannot be had, with its reason.
    """
    until = monotonic() + max(patience_seconds, _AT_LEAST_SECONDS)
    told = False
    while closed := {name: why for name, address in addresses.items() if (why := _why_closed(address))}:
        listed = "; ".join(f"{name}: {_written(addresses[name])} ({why.strerror})" for name, why in closed.items())
        if monotonic() >= until or any(why.errno != errno.EADDRINUSE for why in closed.values()):
            raise FailedPrecondition(
                f"cannot be listened on: {listed}; stop what holds it, or set another address (.env.example)",
                reason="PORT_TAKEN",
            )
        if not told:
            listen(ProcessEvent("waiting", listed, 0))
            told = True
        await asyncio.sleep(_POLL_SECONDS)


def _why_closed(address: tuple[str, int]) -> OSError | None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(address)
        except OSError as error:
            return error
    return None


def _written(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _known() -> set[str]:
    return {variable.name for _, variable in documented()}

"""Name → component: what `kiki serve NAME…` can start, and how each is built from settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from kiki.kit.clock import Clock, SystemClock
from kiki.kit.component import Component
from kiki.kit.errors import InvalidInput
from kiki.kit.grpc.settings import RpcSettings
from kiki.kit.sealing import Keyring
from kiki.kit.settings import load_settings, read_variable
from kiki.runtime.settings import AGENTS, RuntimeSettings

PORTAL, WORKER = "portal", "worker"
COMPONENTS = (PORTAL, WORKER, *AGENTS)
_SETTINGS_CLASSES = {
    PORTAL: ("kiki.portal.settings", "PortalSettings"),
    WORKER: ("kiki.orchestrator.settings", "OrchestratorSettings"),
    "syncvalue": ("kiki.council.syncvalue.settings", "SyncValueSettings"),
    "syncflow": ("kiki.council.syncflow.settings", "SyncFlowSettings"),
    "syncledger": ("kiki.council.syncledger.settings", "SyncLedgerSettings"),
    "synccreate": ("kiki.council.synccreate.settings", "SyncCreateSettings"),
    "syncengage": ("kiki.council.syncengage.settings", "SyncEngageSettings"),
    "syncshield": ("kiki.council.syncshield.settings", "SyncShieldSettings"),
}
_MODULES = {
    PORTAL: "kiki.portal.component",
    WORKER: "kiki.orchestrator.component",
    **{agent: f"kiki.council.{agent}.component" for agent in AGENTS},
}


@dataclass(frozen=True, slots=True)
class Ground:
    """What every component of a process stands on."""

    settings: RuntimeSettings
    dsn: str
    keyring: Keyring
    clock: Clock = field(default_factory=SystemClock)


def check_names(names: tuple[str, ...]) -> None:
    """Raise `InvalidInput` for a name that no component has."""
    unknown = sorted(set(names) - set(COMPONENTS))
    if unknown or not names:
        wanted = ", ".join(COMPONENTS)
        got = ", ".join(unknown) or "none"
        raise InvalidInput(f"a component is one of {wanted}; got {got}", reason="UNKNOWN_COMPONENT")


def settings_class(name: str) -> type[Any]:
    """The settings class of a component, without importing the component."""
    module, attribute = _SETTINGS_CLASSES[name]
    found: type[Any] = getattr(import_module(module), attribute)
    return found


def preload(name: str) -> None:
    """Import what a component needs, and nothing of the others: a process pays memory only for what it serves."""
    import_module(_MODULES[name])
    if name in (PORTAL, WORKER):
        import_module("kiki.clients.council")
        import_module("kiki.platforms.registry")


def open_component(name: str, ground: Ground) -> AbstractAsyncContextManager[Component]:
    """One component, built; closed at the end of the block."""
    return _with_clients(name, ground) if name in (PORTAL, WORKER) else _agent(name, ground)


@asynccontextmanager
async def _agent(name: str, ground: Ground) -> AsyncIterator[Component]:
    rpc = RpcSettings(
        address=ground.settings.listen_address(name), api_keys=ground.settings.api_keys, tls=ground.settings.tls
    )
    build: Callable[..., Any] = import_module(_MODULES[name]).open_component
    async with build(
        dsn=ground.dsn,
        keyring=ground.keyring,
        rpc=rpc,
        settings=agent_settings(name),
        clock=ground.clock,
    ) as component:
        yield component


def agent_settings(name: str) -> Any:
    """An agent's settings. Links in mail lead to the portal's public address unless they are set themselves."""
    settings = load_settings(settings_class(name))
    public_url = read_variable("SYNCPORTAL_PUBLIC_URL")
    if name == "syncengage" and public_url and "unsubscribe_url" not in settings.model_fields_set:
        return settings.model_copy(update={"unsubscribe_url": public_url.rstrip("/") + "/unsubscribe/{token}"})
    return settings


@asynccontextmanager
async def _with_clients(name: str, ground: Ground) -> AsyncIterator[Component]:
    from kiki.clients.council import CouncilClients
    from kiki.platforms.registry import platforms

    build: Callable[..., Any] = import_module(_MODULES[name]).open_component
    settings = ground.settings
    async with (
        CouncilClients.open(settings.addresses, api_key=settings.api_keys[0], tls=settings.tls) as clients,
        build(
            dsn=ground.dsn,
            keyring=ground.keyring,
            clients=clients,
            platforms=platforms(),
            settings=load_settings(settings_class(name)),
            clock=ground.clock,
        ) as component,
    ):
        yield component
